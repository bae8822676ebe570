//! `/requests/{request}`: one request, and what its viewer may do with it.

use backend::requests;
use domain::{RequestId, RequestState, roles::in_words, views::RequestPage};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    DECIDE, PAGE,
    table::{badge, quota_now},
};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Error},
    ui::{self, Confirm},
};

/// `/requests/{request}`.
pub fn one() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("request").unwrap_or_default());
    page(async move {
        let id: RequestId = key.parse().map_err(|_| Error::not_found("Request", &key))?;
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let page = requests::get(&mut ctx, id).await?;
        let quotas = requests::quotas_now(&mut ctx, std::slice::from_ref(&page.request)).await?;
        drop(ctx);
        let state = forms::take(DECIDE).await;
        let request = &page.request;
        let title = request.what();
        let decided = request.decided_by.clone().zip(request.decided_at);
        let reviews = request.reviews.map(|old| {
            let href = format!("{PAGE}/{old}");
            view! { <div><dt>"Asks again"</dt><dd><a class="link" href=href>"after a denial"</a></dd></div> }
        });
        let body = view! {
            {ui::page_header(&title, Some(badge(request.state)), None, ().into_any())}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            <section class="card" aria-labelledby="facts-title">
                <header class="card__header"><h2 class="card__title" id="facts-title">"Request"</h2></header>
                <div class="card__body">
                    <dl class="facts facts--stacked">
                        <div><dt>"What"</dt><dd>{title.clone()}" "{quotas.get(&page.request.team_id).copied().map(quota_now)}</dd></div>
                        <div>
                            <dt>"Team"</dt>
                            <dd><a class="link" href=format!("/admin/teams/{}", request.team_id)>{request.team_name.clone()}</a></dd>
                        </div>
                        <div><dt>"Asked by"</dt><dd>{request.requester.clone()}", "{ui::time_ago(request.created_at, now)}</dd></div>
                        <div><dt>"Reason"</dt><dd>{request.reason.clone()}</dd></div>
                        {reviews}
                        {decided
                            .map(|(by, at)| view! { <div><dt>"Decided by"</dt><dd>{by}", "{ui::time_ago(at, now)}</dd></div> })}
                        {request.decision.clone().map(|why| view! { <div><dt>"Because"</dt><dd>{why}</dd></div> })}
                        {(request.state == RequestState::Pending)
                            .then(|| page.who_can.clone())
                            .flatten()
                            .map(|who| {
                                let who = ui::capitalised(&in_words(&who));
                                view! { <div><dt>"Who decides"</dt><dd>{who}{ui::contacts(&page.deciders)}</dd></div> }
                            })}
                    </dl>
                </div>
                {actions(&page)}
            </section>
            {question(&page, &state)}
        };
        Ok(Rendered::new(title, body).under("Requests", PAGE).narrow())
    })
}

fn actions(page: &RequestPage) -> Option<AnyView> {
    let (request, path) = (&page.request, format!("{PAGE}/{}", page.request.id));
    let mut buttons = Vec::new();
    let link = |class: &'static str, href: String, words: &'static str| {
        view! { <a class=class href=href>{words}</a> }.into_any()
    };
    match request.state {
        RequestState::Pending => {
            if page.decides {
                buttons.push(link(
                    "button button--primary",
                    format!("{path}?confirm=approve"),
                    "Approve",
                ));
                buttons.push(link(
                    "button button--danger-quiet",
                    format!("{path}?confirm=deny"),
                    "Deny",
                ));
            }
            if page.own {
                buttons.push(link("button", format!("{path}?confirm=withdraw"), "Withdraw"));
            }
        }
        RequestState::Approved | RequestState::Denied => {
            if page.decides {
                buttons.push(link("button", format!("{path}?confirm=revert"), "Revert decision"));
            }
            if page.own && request.state == RequestState::Denied {
                let href = format!(
                    "{PAGE}/new?kind={}&team={}&reviews={}&value={}",
                    request.value.kind().as_str(),
                    request.team_id,
                    request.id,
                    again(page)
                );
                buttons.push(link("button button--primary", href, "Request Review"));
            }
        }
        RequestState::Withdrawn => {}
    }
    (!buttons.is_empty())
        .then(|| view! { <footer class="card__footer"><div class="button-row">{buttons}</div></footer> }.into_any())
}

/// The value to ask for again, where it is one word.
fn again(page: &RequestPage) -> String {
    let text = match page.request.value.to_json() {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn question(page: &RequestPage, state: &FormState) -> Option<AnyView> {
    let (request, what) = (&page.request, ssr::query("confirm")?);
    let decided = matches!(request.state, RequestState::Approved | RequestState::Denied);
    let pending = request.state == RequestState::Pending;
    let id = ("request", request.id.to_string());
    let why = |hint| Some(ui::text_area(state, "reason", "Reason", hint, ""));
    let (title, text, action, fields, input, button, danger) = match what.as_str() {
        "approve" if page.decides && pending => (
            "Approve this request?",
            "The change is made at once.",
            "/actions/requests/decide",
            vec![id, ("verdict", "approve".to_owned())],
            why("Shown to the requester; may be empty."),
            "Approve",
            false,
        ),
        "deny" if page.decides && pending => (
            "Deny this request?",
            "The requester reads why, and may ask for a review.",
            "/actions/requests/decide",
            vec![id, ("verdict", "deny".to_owned())],
            why("Shown to the requester."),
            "Deny",
            true,
        ),
        "withdraw" if page.own && pending => (
            "Withdraw this request?",
            "Nobody decides it any more.",
            "/actions/requests/withdraw",
            vec![id],
            None,
            "Withdraw",
            false,
        ),
        "revert" if page.decides && decided => (
            "Revert this decision?",
            "The request waits again. What an approval changed stays as it is, and you are told what that is; a restricted model can no longer be used.",
            "/actions/requests/revert",
            vec![id],
            None,
            "Revert decision",
            true,
        ),
        _ => return None,
    };
    Some(ui::confirm(Confirm {
        id: "request-question",
        title: title.to_owned(),
        text: text.to_owned(),
        consequences: vec![(request.what(), false)],
        action,
        fields,
        input,
        button,
        danger,
        cancel: format!("{PAGE}/{}", request.id),
    }))
}
