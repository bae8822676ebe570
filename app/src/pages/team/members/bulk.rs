//! Adding several members: a list, looked at before anything is written.

use domain::{
    Permission,
    views::{BulkOutcome, BulkResult, BulkRow},
};
use leptos::prelude::*;

use super::{Place, Tab, page, page_under};
use crate::{
    actions::roster::{self, FORM},
    forms::{self, FormState},
    roster::{Draft, people, thousands},
    ssr::{self, Ctx, Error, Result},
    ui,
};

/// How many rows with problems the preview shows.
const BAD_SHOWN: usize = 200;
/// How many of the others, when there are many.
const GOOD_SHOWN: usize = 50;

/// `/admin/teams/{team}/members/bulk`.
pub fn bulk() -> impl IntoView {
    page(page_under(
        Tab::Members,
        Some("Add several members"),
        async |ctx, place| {
            place.page.standing.require(Permission::MembersManage)?;
            if !place.may_change(Permission::MembersManage) {
                let text = view! { <p>"It is kept as it was. Restore it first."</p> };
                return Ok(ui::callout("info", "This team is archived", text.into_any()));
            }
            let state = forms::take(FORM).await;
            let draft = Draft::of(&place.page.team.id.to_string()).await;
            if ssr::query("step").as_deref() == Some("preview")
                && let Some(draft) = &draft
                && let Some(result) = judged(ctx, draft).await?
            {
                return Ok(preview(place, draft, &result));
            }
            Ok(form(place, &state, &draft.unwrap_or_default()))
        },
    ))
}

/// The preview of a draft; none when it is no list any more.
async fn judged(ctx: &mut Ctx, draft: &Draft) -> Result<Option<BulkResult>> {
    match roster::judge(ctx, draft).await {
        Ok(result) => Ok(Some(result)),
        Err(Error::Invalid(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn form(place: &Place, state: &FormState, draft: &Draft) -> AnyView {
    let role = state.value("role", &draft.role);
    let list_error = state.error("list").or_else(|| state.error("members"));
    let (list_invalid, file_error) = (list_error.is_some(), state.error("file"));
    let file_invalid = file_error.is_some();
    let invite = state.value("invite", if draft.invite { "yes" } else { "" }) == "yes";
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <section class="card" aria-labelledby="bulk-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="bulk-title">"Add several members"</h2>
                    <p class="card__description">"You see each row with its problem before anybody is added."</p>
                </div>
            </header>
            <form method="post" action="/actions/members/bulk" enctype="multipart/form-data" data-busy="">
                <div class="card__body stack">
                    {place.hidden()}
                    <input type="hidden" name="step" value="preview" />
                    <div class="field">
                        <label class="field__label" for="list">"People"</label>
                        <p class="field__hint" id="list-hint">
                            "Email addresses or user ids, one to a line or separated by commas or semicolons, with a role after each or without. At most 10,000."
                        </p>
                        <textarea
                            class="textarea mono bulk__list"
                            id="list"
                            name="list"
                            rows="8"
                            spellcheck="false"
                            autocomplete="off"
                            placeholder="ada@example.com\nMax Member <max@example.com>\nnora@example.com, admin"
                            aria-invalid=list_invalid.then_some("true")
                            aria-describedby=if list_invalid { "list-hint list-error" } else { "list-hint" }
                        >
                            {state.value("list", &draft.list)}
                        </textarea>
                        {ui::error_line("list", list_error)}
                    </div>
                    <div class="field field--medium">
                        <label class="field__label" for="file">"Or a CSV file"</label>
                        <p class="field__hint" id="file-hint">"Its first line may name the columns: email, and maybe role. Others are left out."</p>
                        <input
                            class="input"
                            id="file"
                            name="file"
                            type="file"
                            accept=".csv,.tsv,.txt,text/csv,text/plain"
                            aria-invalid=file_invalid.then_some("true")
                            aria-describedby=if file_invalid { "file-hint file-error" } else { "file-hint" }
                        />
                        {ui::error_line("file", file_error)}
                    </div>
                    <div class="field field--short">
                        <label class="field__label" for="role">"Role, where the list has none"</label>
                        <select class="select" id="role" name="role">
                            <option value="member" selected=role != "admin">"Member"</option>
                            <option value="admin" selected=role == "admin">"Admin"</option>
                        </select>
                        {ui::error_line("role", state.error("role"))}
                    </div>
                    <div class="check">
                        <input type="checkbox" id="invite" name="invite" value="yes" checked=invite />
                        <label for="invite">
                            "Invite those who have no account yet"
                            <span class="check__hint">"They join with their first sign-in. An invitation ends after 30 days."</span>
                        </label>
                    </div>
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Preview"</button>
                    <a class="button" href=place.tab(Tab::Members)>"Cancel"</a>
                </footer>
            </form>
        </section>
    }
    .into_any()
}

fn preview(place: &Place, draft: &Draft, result: &BulkResult) -> AnyView {
    let count = |outcome| result.count(outcome);
    let (added, invited) = (count(BulkOutcome::Added), count(BulkOutcome::Invited));
    let (good, there, bad) = (added + invited, count(BulkOutcome::Exists), count(BulkOutcome::Invalid));
    let stat = |label: &'static str, n: usize, note: &'static str| {
        view! {
            <div class="stat">
                <span class="stat__label">{label}</span>
                <span class="stat__value">{thousands(n)}</span>
                <span class="stat__note">{note}</span>
            </div>
        }
    };
    let add = match (good, bad) {
        (0, _) => None,
        (1, 0) if invited == 1 => Some("Invite 1 person".to_owned()),
        (1, 0) => Some("Add 1 person".to_owned()),
        (good, 0) if good == invited => Some(format!("Invite all {}", thousands(good))),
        (good, 0) => Some(format!("Add all {}", thousands(good))),
        (1, _) => Some("Add the good one".to_owned()),
        (good, _) => Some(format!("Add the {} good ones", thousands(good))),
    };
    let on_bad = if bad == 0 { "abort" } else { "skip" };
    let edit = if add.is_some() {
        "button"
    } else {
        "button button--primary"
    };
    view! {
        <div class="stats">
            {stat("To be added", added, "they have an account")}
            {(draft.invite || invited > 0).then(|| stat("To be invited", invited, "they join with their first sign-in"))}
            {stat("Already there", there, "nothing to do")}
            {stat("Problems", bad, "nobody is added by these")}
        </div>
        {advice(good, bad, draft.invite)}
        {rows(result)}
        <form class="button-row bulk__actions" method="post" action="/actions/members/bulk" enctype="multipart/form-data" data-busy="">
            {place.hidden()}
            <input type="hidden" name="role" value=draft.role.clone() />
            {draft.invite.then(|| view! { <input type="hidden" name="invite" value="yes" /> })}
            <input type="hidden" name="bad" value=on_bad />
            <textarea name="list" hidden readonly aria-label="The list">{draft.list.clone()}</textarea>
            {add.map(|label| view! { <button class="button button--primary" name="step" value="add">{label}</button> })}
            <button class=edit name="step" value="edit">"Go back and edit"</button>
            <a class="button button--ghost" href=place.tab(Tab::Members)>"Cancel"</a>
        </form>
    }
    .into_any()
}

fn advice(good: usize, bad: usize, invites: bool) -> Option<AnyView> {
    let (title, text) = match (good, bad) {
        (0, 0) => (
            "Nobody is new".to_owned(),
            "Everybody in the list belongs to the team already.",
        ),
        (_, 0) => return None,
        (0, _) if !invites => (
            "No row can be added".to_owned(),
            "Go back: correct those with a problem, or tick “Invite those who have no account yet”.",
        ),
        (0, _) => (
            "No row can be added".to_owned(),
            "Go back and correct those with a problem.",
        ),
        (_, 1) => (
            "1 row has a problem".to_owned(),
            "It comes first below. Add the others without it, or go back and correct it.",
        ),
        (_, bad) => (
            format!("{} rows have problems", thousands(bad)),
            "They come first below. Add the others without them, or go back and correct them.",
        ),
    };
    let kind = if bad > 0 { "warning" } else { "info" };
    Some(ui::callout(kind, &title, view! { <p>{text}</p> }.into_any()))
}

/// Those with problems first, then the others in their order; of many only the beginning.
fn rows(result: &BulkResult) -> AnyView {
    let numbered = || result.rows.iter().enumerate();
    let is_bad = |row: &BulkRow| row.outcome == BulkOutcome::Invalid;
    let bad: Vec<_> = numbered().filter(|(_, row)| is_bad(row)).collect();
    let others: Vec<_> = numbered().filter(|(_, row)| !is_bad(row)).collect();
    let shown = (bad.len().min(BAD_SHOWN), others.len().min(GOOD_SHOWN));
    let more = |n: usize, what: &'static str| {
        (n > 0).then(|| view! { <p class="muted">{format!("And {} more {what}.", thousands(n))}</p> })
    };
    let lines = bad[..shown.0]
        .iter()
        .chain(&others[..shown.1])
        .map(|(index, row)| line(*index, row))
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table table--compact">
                <caption class="visually-hidden">{format!("Preview: {}", people(result.rows.len()))}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="table__number">"Row"</th>
                        <th scope="col">"Person"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Outcome"</th>
                        <th scope="col">"Why"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </div>
        {more(bad.len() - shown.0, "rows with problems")}
        {more(others.len() - shown.1, "good rows")}
    }
    .into_any()
}

fn line(index: usize, row: &BulkRow) -> AnyView {
    let (class, label) = match row.outcome {
        BulkOutcome::Added => ("badge badge--success", "Will be added"),
        BulkOutcome::Invited => ("badge badge--info", "Will be invited"),
        BulkOutcome::Exists => ("badge", "Already there"),
        BulkOutcome::Invalid => ("badge badge--danger", "Problem"),
    };
    view! {
        <tr>
            <td class="table__number" data-label="Row">{index + 1}</td>
            <th scope="row" class="table__title bulk__person">{row.user.clone()}</th>
            <td data-label="Role">
                {match row.role {
                    Some(role) => ui::role_badge(role),
                    None => ui::or_dash(None),
                }}
            </td>
            <td data-label="Outcome" class="table__state"><span class=class>{label}</span></td>
            <td data-label="Why" class="bulk__why">{row.detail.as_deref().map(domain::roles::in_words)}</td>
        </tr>
    }
    .into_any()
}
