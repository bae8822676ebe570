//! One person's label policy: a new one, the form, and the question before it is deleted.

use backend::label_policies;
use domain::{
    Permission, UserRef,
    views::{PersonPolicy, PolicyRemoval},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{BASE, POLICY, facts, runners, state};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Error},
    ui::{self, Confirm, Field},
};

/// `/admin/label-policies/new`.
pub fn new() -> impl IntoView {
    page(async {
        let ctx = ssr::read().await?;
        if !label_policies::may_manage(&ctx.caller) {
            return Err(Error::Forbidden(
                domain::Standing::default().refusal(Permission::DirectoryManage),
            ));
        }
        drop(ctx);
        let state = forms::take(POLICY).await;
        let asked = ssr::query("user").unwrap_or_default();
        let person = Field {
            name: "user_identity",
            label: "User email/ID",
            hint: "Somebody who has an account. A policy that they have already is replaced.",
            current: &asked,
            required: true,
            placeholder: "name@example.com",
            autofocus: true,
            ..Field::default()
        }
        .view(&state);
        let body = view! {
            {ui::page_header(
                "Create policy",
                None,
                Some("What somebody in no team may put on runners, and how many they may have.".to_owned()),
                ().into_any(),
            )}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <form class="card" method="post" action="/actions/label-policies/save">
                <div class="card__body stack">
                    <input type="hidden" name="sent" value="yes" />
                    {person}
                    {fields(&state, None)}
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Create policy"</button>
                    <a class="button" href=BASE>"Cancel"</a>
                </footer>
            </form>
        };
        Ok(Rendered::new("Create policy", body)
            .under("Label policies", BASE)
            .narrow())
    })
}

/// The fields of a policy.
fn fields(state: &FormState, policy: Option<&PersonPolicy>) -> AnyView {
    let own = policy.map(|policy| &policy.policy);
    let allowed = own.map(|own| own.allowed.join(", ")).unwrap_or_default();
    let patterns = own.map(|own| {
        own.patterns
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    });
    let max = own.and_then(|own| own.max_runners).map(|max| max.to_string());
    let description = policy.and_then(|policy| policy.description.clone()).unwrap_or_default();
    let ticked = if state.value("sent", "").is_empty() {
        own.is_some_and(|own| own.require_approval)
    } else {
        !state.value("require_approval", "").is_empty()
    };
    view! {
        {Field {
            name: "allowed_labels",
            label: "Allowed labels",
            hint: "Comma-separated; * allows every label. self-hosted, linux and x64 are on every runner anyway.",
            current: &allowed,
            placeholder: "gpu, docker",
            ..Field::default()
        }
            .view(state)}
        {Field {
            name: "label_patterns",
            label: "Label patterns",
            hint: "Regular expressions, comma-separated; each has to match a whole label.",
            current: &patterns.unwrap_or_default(),
            placeholder: "project-.*, env-(dev|test)",
            ..Field::default()
        }
            .view(state)}
        {Field {
            name: "max_runners",
            label: "Max runners",
            hint: "How many runners the person may have at a time. Leave empty for no limit.",
            current: &max.unwrap_or_default(),
            kind: "number",
            ..Field::default()
        }
            .view(state)}
        <div class="check">
            <input type="checkbox" id="require_approval" name="require_approval" value="yes" checked=ticked />
            <label for="require_approval">
                "Require approval"
                <span class="check__hint">
                    "Provisioning is refused until someone approves, and says whom to ask. To let the person go ahead, take the tick away."
                </span>
            </label>
        </div>
        {ui::text_area(state, "description", "Description", "Why the person has this policy; at most 500 characters.", &description)}
    }
    .into_any()
}

/// `/admin/label-policies/{user}`.
pub fn edit() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("user").unwrap_or_default());
    page(async move {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let missing = || Error::refused(ssr::Code::NotFound, format!("No policy found for user: {key}"));
        let user = UserRef::parse("user", &key).map_err(|_| missing())?;
        let policy = label_policies::get(&mut ctx, &user).await?;
        let manages = !label_policies::managed(&mut ctx, &[policy.user_id]).await?.is_empty();
        // An org_admin who reads this one may not change it: it is a guest's, or that of somebody with a role in the installation.
        let changes = if label_policies::may_manage(&ctx.caller) {
            Permission::AccountsManage
        } else {
            Permission::DirectoryManage
        };
        let removal = label_policies::preview_removal(&ctx, &policy);
        drop(ctx);
        let form_state = forms::take(POLICY).await;
        let shown = policy.shown().to_owned();
        let confirms = manages && ssr::query("confirm").as_deref() == Some("delete");
        let path = format!("{BASE}/{}", policy.user_id);
        let title = format!("Label policy of {shown}");
        let main = if manages {
            view! {
                <form class="card" method="post" action="/actions/label-policies/save">
                    <div class="card__body stack">
                        <input type="hidden" name="sent" value="yes" />
                        <input type="hidden" name="at" value=policy.user_id.to_string() />
                        <input type="hidden" name="user_identity" value=policy.user_id.to_string() />
                        {fields(&form_state, Some(&policy))}
                    </div>
                    <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
                </form>
                <section class="card danger-zone" aria-labelledby="delete-title">
                    <header class="card__header"><h2 class="card__title" id="delete-title">"Delete"</h2></header>
                    <ul class="rows">
                        <li class="row">
                            <div class="row__main">
                                <span class="row__title">"Delete policy"</span>
                                <span class="row__text">{outcome(&shown, &removal).0}"."</span>
                            </div>
                            <a class="button button--danger-quiet" href=format!("{path}?confirm=delete")>"Delete…"</a>
                        </li>
                    </ul>
                </section>
            }
            .into_any()
        } else {
            view! {
                <section class="card" aria-labelledby="policy-title">
                    <header class="card__header">
                        <div>
                            <h2 class="card__title" id="policy-title">"What it allows"</h2>
                            <p class="card__description">
                                {format!("To change it, ask {}.", ui::who(changes))}
                            </p>
                        </div>
                    </header>
                    <div class="card__body">{facts(&policy.policy)}</div>
                </section>
            }
            .into_any()
        };
        let body = view! {
            {ui::page_header(&title, Some(state(&policy)), policy.description.clone(), ().into_any())}
            {ui::error_summary(&form_state)}
            {ui::refusal(form_state.refusal())}
            <div class="split">
                <div class="split__main">{main}</div>
                <aside class="split__aside" aria-label="Details">{about(&policy, now)}</aside>
            </div>
            {confirms.then(|| dialog(&policy, &removal, &path))}
        };
        Ok(Rendered::new(title, body).under("Label policies", BASE))
    })
}

fn about(policy: &PersonPolicy, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let teams = if policy.teams == 0 {
        "none: this policy is in force".to_owned()
    } else {
        format!("{}: their policies apply instead", policy.teams)
    };
    let by = policy
        .created_by
        .clone()
        .unwrap_or_else(|| "someone who is gone".to_owned());
    view! {
        <section class="card" aria-labelledby="about-title">
            <header class="card__header"><h2 class="card__title" id="about-title">"Person"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    <div>
                        <dt>"Account"</dt>
                        <dd><a class="link" href=format!("/admin/users/{}", policy.user_id)>{policy.email.clone()}</a></dd>
                    </div>
                    <div><dt>"Live runners"</dt><dd>{runners(policy)}</dd></div>
                    <div><dt>"Active teams"</dt><dd>{teams}</dd></div>
                    <div><dt>"Created"</dt><dd>{ui::time(policy.created_at)}" by "{by}</dd></div>
                    <div><dt>"Updated"</dt><dd>{ui::time_ago(policy.updated_at, now)}</dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

/// What the end of the policy means to the person, and whether that is a loss.
fn outcome(shown: &str, removal: &PolicyRemoval) -> (String, bool) {
    if removal.teams > 0 {
        let teams = ui::plural(removal.teams, "active team");
        (format!("{shown} provisions as before, in {teams}"), false)
    } else if removal.everything_without {
        (
            format!("{shown} may use every label, in any number: this installation allows that without a policy"),
            true,
        )
    } else {
        (
            format!("{shown} will not be able to provision: they are in no active team"),
            true,
        )
    }
}

fn dialog(policy: &PersonPolicy, removal: &PolicyRemoval, path: &str) -> AnyView {
    let shown = policy.shown();
    ui::confirm(Confirm {
        id: "delete-policy",
        title: format!("Delete the policy of {shown}?"),
        text: "It is not kept; it would have to be written again.".to_owned(),
        consequences: [
            Some(outcome(shown, removal)),
            ui::counted("Leaves", removal.runners, "runner", " running", false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        action: "/actions/label-policies/delete",
        fields: vec![("user", policy.user_id.to_string())],
        input: None,
        button: "Delete policy",
        danger: true,
        cancel: path.to_owned(),
    })
}
