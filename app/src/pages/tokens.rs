//! `/tokens`: the viewer's personal access tokens, and kubeconfigs with one.

mod kubeconfig;

use backend::tokens;
use domain::views::Token;
pub use kubeconfig::KUBECONFIG;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    forms,
    icon::icon,
    layout::{Rendered, page as console_page},
    once, ssr,
    ui::{self, Confirm, Field},
};

/// The form's name in the session.
pub const FORM: &str = "create-token";

/// What was just made, for the next page.
#[derive(Serialize, Deserialize)]
pub enum Made {
    /// A token's text.
    Token(String),
    /// A kubeconfig's.
    Kubeconfig(String),
}

/// Keeps it for the next page.
pub async fn show_once(made: &Made) {
    if once::put(FORM, made).await.is_none() {
        ssr::set_flash(
            "danger",
            "The token was created, but its text was lost. Revoke it and create another.",
        )
        .await;
    }
}

/// `/tokens`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let list = tokens::list(&mut ctx).await?;
        let kubectl = kubeconfig::card(&mut ctx, &forms::take(KUBECONFIG).await).await?;
        drop(ctx);
        let made = once::take::<Made>(FORM).await;
        let state = forms::take(FORM).await;
        let revoking = ssr::query("confirm")
            .filter(|what| what == "revoke")
            .and_then(|_| ssr::query("token"));
        let dialog = revoking
            .and_then(|id| list.iter().find(|token| token.id.to_string() == id))
            .map(revoke_dialog);
        let header = ui::page_header(
            "Access tokens",
            None,
            Some("A token lets scripts and curl act as you: Authorization: Bearer …".to_owned()),
            view! { <a class="button" href="/api/docs">{icon("book")}"API reference"</a> }.into_any(),
        );
        let expires = state.value("expires", "90");
        let body = view! {
            {header}
            {made.map(|made| match made {
                Made::Token(text) => shown(text),
                Made::Kubeconfig(text) => kubeconfig::shown(text),
            })}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <section class="card" aria-labelledby="new-token">
                <header class="card__header"><h2 class="card__title" id="new-token">"New token"</h2></header>
                <form class="card__body stack" method="post" action="/actions/tokens/create">
                    <div class="field-row">
                        {Field { name: "name", label: "Name", required: true, placeholder: "laptop", ..Field::default() }.view(&state)}
                        <div class="field">
                            <label class="field__label" for="expires">"Expires"</label>
                            <select class="select" id="expires" name="expires">
                                {[("7", "in 7 days"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("never", "never")]
                                    .map(|(value, label)| view! { <option value=value selected=expires == value>{label}</option> })
                                    .collect_view()}
                            </select>
                        </div>
                    </div>
                    <div class="form-actions"><button class="button button--primary">"Create token"</button></div>
                </form>
            </section>
            {table(&list, now)}
            {kubectl}
            {dialog}
        };
        Ok(Rendered::new("Access tokens", body))
    })
}

fn shown(secret: String) -> AnyView {
    view! {
        <div class="secret">
            <div class="secret__head">
                {icon("key")}
                <div>
                    <h2 class="secret__title">"Copy this token now"</h2>
                    <p>"It is shown this once and stored only as a hash."</p>
                </div>
            </div>
            {ui::code("new-token-text", secret, true)}
        </div>
    }
    .into_any()
}

fn revoke_dialog(token: &Token) -> AnyView {
    ui::confirm(Confirm {
        id: "revoke-token",
        title: format!("Revoke {}?", token.name),
        text: format!(
            "Whatever uses this token, which begins with {}, is refused from now on. This cannot be undone.",
            token.prefix
        ),
        consequences: Vec::new(),
        action: "/actions/tokens/revoke",
        fields: vec![("token", token.id.to_string())],
        input: None,
        button: "Revoke token",
        danger: true,
        cancel: "/tokens".to_owned(),
    })
}

fn table(tokens: &[Token], now: chrono::DateTime<chrono::Utc>) -> AnyView {
    if tokens.is_empty() {
        return ui::empty(
            "key",
            "No tokens",
            "Create one to use the API with curl or from a script.",
            None,
        );
    }
    let rows = tokens
        .iter()
        .map(|token| {
            let expired = token.expires_at.is_some_and(|end| end <= now);
            view! {
                <tr class=expired.then_some("table__row--muted")>
                    <th scope="row" class="table__title">
                        {token.name.clone()}<small class="table__sub mono">{format!("{}…", token.prefix)}</small>
                    </th>
                    <td data-label="Created">{ui::time(token.created_at)}</td>
                    <td data-label="Last used">
                        {match token.last_used_at {
                            Some(at) => ui::time_ago(at, now),
                            None => view! { <span class="none">"never"</span> }.into_any(),
                        }}
                    </td>
                    <td class="table__state" data-label="Expires">
                        {match token.expires_at {
                            Some(_) if expired => view! { <span class="badge badge--warning">"expired"</span> }.into_any(),
                            Some(at) => ui::time(at),
                            None => "never".into_any(),
                        }}
                    </td>
                    <td class="table__actions">
                        <a class="button button--small button--danger-quiet" href=format!("/tokens?confirm=revoke&token={}", token.id)>
                            "Revoke"<span class="visually-hidden">{format!(" {}", token.name)}</span>
                        </a>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Access tokens"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Created"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Expires"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
