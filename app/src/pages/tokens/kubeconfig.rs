//! A kubeconfig with a token of its own: asked for, and shown once.

use backend::{kubernetes_door, objects};
use base64::{Engine, engine::general_purpose::STANDARD};
use leptos::prelude::*;

use crate::{
    forms::FormState,
    icon::icon,
    pages::kubectl,
    ssr::{Ctx, Error, Result},
    ui,
};

/// The form's name in the session.
pub const KUBECONFIG: &str = "create-kubeconfig";

/// What a new kubeconfig is asked for with, or how it could be.
pub(super) async fn card(ctx: &mut Ctx, state: &FormState) -> Result<AnyView> {
    let body = if kubernetes_door::offered(ctx).await?.is_some() {
        form(ctx, state).await?
    } else {
        view! { <div class="card__body">{kubectl::off()}</div> }.into_any()
    };
    Ok(view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" id="kubectl" aria-labelledby="kubectl-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="kubectl-title">"kubectl"</h2>
                    <p class="card__description">
                        "Teams, people, memberships and keys as Kubernetes objects. "
                        <a class="link" href=kubectl::HELP>"How kubectl works here"</a>
                    </p>
                </div>
            </header>
            {body}
        </section>
    }
    .into_any())
}

async fn form(ctx: &mut Ctx, state: &FormState) -> Result<AnyView> {
    let namespaces = objects::namespaces(ctx)
        .await
        .map_err(|failure| Error::internal(failure.message))?;
    let lifetime = state.value("lifetime", "90");
    let own = namespaces.first().map(|namespace| namespace.name.clone());
    let chosen = state.value("namespace", &own.unwrap_or_default());
    let lifetimes = [("30", "30 days"), ("90", "90 days"), ("365", "1 year")]
        .map(|(value, label)| view! { <option value=value selected=lifetime == value>{label}</option> })
        .collect_view();
    let organizations = namespaces
        .into_iter()
        .map(|namespace| {
            let selected = chosen == namespace.name;
            let label = format!("{} ({})", namespace.display_name, namespace.name);
            view! { <option value=namespace.name selected=selected>{label}</option> }
        })
        .collect_view();
    Ok(view! {
        <form class="card__body stack" method="post" action="/actions/tokens/kubeconfig" data-busy="">
            <div class="field-row">
                <div class="field">
                    <label class="field__label" for="namespace">"Organization"</label>
                    <p class="field__hint" id="namespace-hint">"Used by commands that name no namespace."</p>
                    <select class="select" id="namespace" name="namespace" aria-describedby="namespace-hint">
                        {organizations}
                        <option value="" selected=chosen.is_empty()>"none"</option>
                    </select>
                    {ui::error_line("namespace", state.error("namespace"))}
                </div>
                <div class="field">
                    <label class="field__label" for="lifetime">"Valid for"</label>
                    <p class="field__hint" id="lifetime-hint">"Its token will appear in the list above, and can be revoked there."</p>
                    <select class="select" id="lifetime" name="lifetime" aria-describedby="lifetime-hint">{lifetimes}</select>
                    {ui::error_line("lifetime", state.error("lifetime"))}
                </div>
            </div>
            <div class="form-actions"><button class="button">{icon("terminal")}"Create kubeconfig"</button></div>
        </form>
    }
    .into_any())
}

/// The new kubeconfig. The file is in its own link: to fetch it again it would have to be kept.
pub(super) fn shown(text: String) -> AnyView {
    let file = format!("data:application/yaml;base64,{}", STANDARD.encode(&text));
    view! {
        <div class="secret">
            <div class="secret__head">
                {icon("key")}
                <div>
                    <h2 class="secret__title">"Save this kubeconfig now"</h2>
                    <p>
                        "It is shown this once and holds a token: who has it may do with kubectl what you may. Save it, then "
                        <code>"export KUBECONFIG=$PWD/guildhall.kubeconfig"</code>"."
                    </p>
                </div>
            </div>
            {ui::code("kubeconfig-text", text, true)}
            <div class="button-row">
                <a class="button button--small" href=file download="guildhall.kubeconfig">{icon("download")}"Download"</a>
            </div>
        </div>
    }
    .into_any()
}
