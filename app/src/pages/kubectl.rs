//! kubectl: how one gets to work with it, and the sentences about it that other pages have.

use backend::kubernetes_door;
use leptos::prelude::*;

use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr, ui,
};

/// The page about it.
pub const HELP: &str = "/help/kubectl";

/// What one does with a manifest.
pub fn next_step(file: &str) -> AnyView {
    let words = [format!("kubectl apply -f {file}"), format!("guildhall apply -f {file}")];
    let [kubectl, guildhall] = words;
    view! {
        <p class="muted">
            "Change it and bring it back with "<code>{kubectl}</code>" or "<code>{guildhall}</code>". "
            <a class="link" href=HELP>"How kubectl works here"</a>
        </p>
    }
    .into_any()
}

/// `/help/kubectl`.
pub fn help() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let address = kubernetes_door::offered(&mut ctx).await?;
        drop(ctx);
        let state = match &address {
            Some(address) => {
                let server = address.server.clone();
                view! { <p class="muted">"The Kubernetes API of this installation is at "<code>{server}</code>"."</p> }
                    .into_any()
            }
            None => off(),
        };
        let header = ui::page_header(
            "kubectl",
            None,
            Some("Teams, people, memberships and keys as Kubernetes objects: the same rules, roles and audit log as here.".to_owned()),
            view! { <a class="button" href="/api/docs">{icon("book")}"API reference"</a> }.into_any(),
        );
        let step = |number: &'static str, title: &'static str, text: AnyView, id: &'static str, code: &'static str| {
            view! {
                <li class="steps__item">
                    <h2 class="steps__title" id=number>{title}</h2>
                    <p>{text}</p>
                    {ui::code(id, code.to_owned(), false)}
                </li>
            }
        };
        let body = view! {
            {header}
            {state}
            <ol class="steps">
                {step(
                    "sign-in",
                    "Sign in",
                    view! { "Create a kubeconfig under "<a class="link" href="/tokens#kubectl">"Access tokens"</a>", or let an operator print one. It may do what its owner may." }
                        .into_any(),
                    "code-sign-in",
                    "guildhall kubeconfig --email you@example.com > guildhall.kubeconfig\nexport KUBECONFIG=$PWD/guildhall.kubeconfig",
                )}
                {step(
                    "look",
                    "Look",
                    view! { "A namespace is an organization’s short name. kubectl shows you what this console shows you." }.into_any(),
                    "code-look",
                    "kubectl get teams\nkubectl get teammemberassociations\nkubectl describe team backend-team",
                )}
                {step(
                    "manifests",
                    "Take manifests",
                    view! { "A team’s Settings have its manifest, an organization’s Settings an export of everything. Both apply back without a change." }
                        .into_any(),
                    "code-manifests",
                    "kubectl get team backend-team -o yaml",
                )}
                {step(
                    "apply",
                    "Change and apply",
                    view! { "See first what would be different. What is refused says which field, and who could do it." }.into_any(),
                    "code-apply",
                    "kubectl diff -f team.yaml\nkubectl apply -f team.yaml\n\nguildhall plan -f team.yaml --email you@example.com\nguildhall apply -f team.yaml --email you@example.com",
                )}
            </ol>
            <section class="section">
                <h2 class="section__title">"Good to know"</h2>
                <ul class="stack">
                    <li>"What is changed here is shown to kubectl at once. What a manifest says comes back with its next apply: where something was declared, its page says so."</li>
                    <li>"A membership’s role is "<code>"admin"</code>" or "<code>"member"</code>"; LiteLLM’s word "<code>"user"</code>" is taken as "<code>"member"</code>"."</li>
                    <li>"Deleting a team with kubectl archives it. Deleting a user takes them out of the organization; the account stays."</li>
                </ul>
            </section>
        };
        Ok(Rendered::new("kubectl", body).narrow())
    })
}

/// Said where something needs the listener, and there is none.
pub fn off() -> AnyView {
    ui::callout(
        "info",
        "The Kubernetes API is off",
        view! {
            <p>
                "Whoever runs Guildhall turns it on with "<code>"guildhall serve --kube-listen 127.0.0.1:6443"</code>
                ". Manifests can be exported all the same."
            </p>
        }
        .into_any(),
    )
}
