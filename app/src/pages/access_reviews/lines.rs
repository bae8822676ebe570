//! The lines as a table: what was so, when it was used last, what was decided, and what became of it.

use chrono::{DateTime, Utc};
use domain::{
    LineKind, LineOutcome, MembershipSource, ReviewDecision,
    views::{Page, ReviewLine, ReviewPage},
};
use leptos::prelude::*;

use super::Address;
use crate::{icon::icon, ssr, ui};

/// Views, kinds, teams and the search.
pub(super) fn toolbar(page: &ReviewPage, address: &Address) -> AnyView {
    let view = address.get("view");
    let segment = |word: Option<&'static str>, label: &'static str, count: Option<i64>| {
        view! {
            <a href=address.with("view", word) aria-current=(view == word).then_some("true")>
                {label} {count.map(|count| view! { " "<span class="count">{count}</span> })}
            </a>
        }
    };
    let open = page.review.is_open();
    let hidden = address
        .hidden(&["kind", "team", "q", "cursor"])
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    let option = |value: String, label: String, chosen: Option<&str>| {
        let selected = chosen == Some(value.as_str());
        view! { <option value=value selected=selected>{label}</option> }
    };
    let kinds = (LineKind::ALL.iter())
        .map(|kind| option(kind.as_str().to_owned(), kind.label().to_owned(), address.get("kind")))
        .collect_view();
    let teams = (page.teams.iter())
        .map(|(id, name)| option(id.to_string(), name.clone(), address.get("team")))
        .collect_view();
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Lines">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search lines"</label>
                <input
                    class="input"
                    id="q"
                    name="q"
                    type="search"
                    placeholder="Person, service or team"
                    value=address.get("q").map(str::to_owned)
                />
            </div>
            <nav class="segmented" aria-label="Decision">
                {segment(None, "All", None)}
                {(open && page.mine > 0).then(|| segment(Some("mine"), "For you", Some(page.mine)))}
                {open.then(|| segment(Some("undecided"), "Undecided", None))} {segment(Some("keep"), "Keep", None)}
                {segment(Some("remove"), "Remove", None)}
            </nav>
            {hidden}
            <label class="visually-hidden" for="kind">"Kind"</label>
            <select class="select" id="kind" name="kind" data-autosubmit="">
                <option value="">"All kinds"</option>
                {kinds}
            </select>
            {(page.teams.len() > 1)
                .then(|| {
                    view! {
                        <label class="visually-hidden" for="team">"Team"</label>
                        <select class="select" id="team" name="team" data-autosubmit="">
                            <option value="">"All teams"</option>
                            {teams}
                        </select>
                    }
                })}
            <button class="button toolbar__submit">"Apply"</button>
            {address
                .is_filtered()
                .then(|| view! { <a class="link link--muted toolbar__clear" href=ssr::path()>"Clear"</a> })}
        </form>
    }
    .into_any()
}

pub(super) fn table(page: &ReviewPage, list: &Page<ReviewLine>, address: &Address, now: DateTime<Utc>) -> AnyView {
    if list.items.is_empty() {
        return ui::empty(
            "check",
            "No such lines",
            "No line of this review fits this search and these filters.",
            Some(("Show all lines", &ssr::path())),
        );
    }
    let decides = list.items.iter().any(|line| line.decides);
    let chosen = ssr::query_all("id");
    let review = page.review.id.to_string();
    let rows = list
        .items
        .iter()
        .map(|line| row(line, decides, &chosen, &review, address, now))
        .collect_view();
    view! {
        {decides.then(|| bulk(address))}
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Lines"</caption>
                <thead>
                    <tr>
                        {decides
                            .then(ui::select_all)}
                        <th scope="col">"Who or what"</th>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col">"Last use"</th>
                        <th scope="col">"Decision"</th>
                        {decides
                            .then(|| view! { <th scope="col" class="table__actions"><span class="visually-hidden">"Decide"</span></th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            list.items.len(),
            list.total,
            "line",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.with("cursor", Some(cursor)),
        )}
    }
    .into_any()
}

/// What is done with the lines that are selected. The boxes are in the table, which this is beside: a row has a form of its
/// own.
fn bulk(address: &Address) -> AnyView {
    let kept = address
        .hidden(&[])
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    view! {
        <form class="button-row" id="selected" method="get">
            {kept}
            <button class="button button--small button--ticked" name="confirm" value="keep">{icon("check")}"Keep selected…"</button>
            <button class="button button--small button--danger-quiet button--ticked" name="confirm" value="remove">"Remove selected…"</button>
        </form>
    }
    .into_any()
}

fn row(
    line: &ReviewLine,
    choose: bool,
    chosen: &[String],
    review: &str,
    address: &Address,
    now: DateTime<Utc>,
) -> AnyView {
    let id = line.id.to_string();
    let what = line.what();
    let select = choose.then(|| {
        let (checked, label, id) = (chosen.contains(&id), format!("Select {what}"), id.clone());
        view! {
            <td class="table__check">
                {line
                    .decides
                    .then(|| view! { <input type="checkbox" name="id" form="selected" value=id checked=checked aria-label=label /> })}
            </td>
        }
    });
    let actions = choose.then(|| {
        view! { <td class="table__actions">{line.decides.then(|| decide(line, &id, review, address))}</td> }
    });
    view! {
        <tr class=line.deactivated.then_some("table__row--muted")>
            {select}
            <th scope="row" class="table__title">{subject(line)}</th>
            <td data-label="Team">{ui::or_dash(line.team.as_deref())}</td>
            <td data-label="Since">{ui::time_ago(line.since, now)} {given(line)}</td>
            <td data-label="Last use">{evidence(line, now)}</td>
            <td data-label="Decision">{decision(line, now)}</td>
            {actions}
        </tr>
    }
    .into_any()
}

/// Who or what a line is about.
pub(super) fn subject(line: &ReviewLine) -> AnyView {
    if let Some(service) = &line.service {
        let reason = line.given_reason.clone();
        return view! {
            {service.clone()}
            " "
            <span class="badge">"Service"</span>
            {reason.map(|reason| view! { <small class="table__sub">{reason}</small> })}
        }
        .into_any();
    }
    let role = match line.role.as_deref() {
        Some("admin") => "Team admin",
        Some("member") => "Member",
        Some("org_admin") => "Organization admin",
        Some("auditor") => "Auditor",
        _ => "In no team",
    };
    view! {
        {ui::person(line.email.as_deref().unwrap_or_default(), line.display_name.as_deref())}
        <span class="badge">{role}</span>
        {line.deactivated.then(|| view! { " "<span class="badge badge--inactive">"Deactivated"</span> })}
        {line.own.then(|| view! { " "<span class="badge badge--info">"You"</span> })}
    }
    .into_any()
}

/// How it came to be.
fn given(line: &ReviewLine) -> Option<AnyView> {
    let words = match line.source.as_deref().and_then(|word| word.parse().ok()) {
        Some(MembershipSource::Idp) => "by the directory".to_owned(),
        Some(MembershipSource::Declared) => "by a manifest".to_owned(),
        _ => format!("by {}", line.given_by.as_deref()?),
    };
    Some(view! { <small class="table__sub">{words}</small> }.into_any())
}

/// When it was used last, as far as that is recorded.
pub(super) fn evidence(line: &ReviewLine, now: DateTime<Utc>) -> AnyView {
    let last = |label: &'static str, at: Option<DateTime<Utc>>, never: &'static str| {
        let when = match at {
            Some(at) => ui::time_ago(at, now),
            None => view! { <span class="none">{never}</span> }.into_any(),
        };
        view! { <li>{label}": "{when}</li> }.into_any()
    };
    let no_use = if line.key_count == 0 { "no key" } else { "never" };
    let items = match line.kind {
        LineKind::Membership => vec![
            last("Seen", line.last_seen_at, "never"),
            last("Key", line.last_key_used_at, no_use),
            last("Runner", line.last_runner_at, "never"),
        ],
        LineKind::OrganizationRole => vec![last("Seen", line.last_seen_at, "never")],
        LineKind::Service => vec![
            last("Any key of the team", line.last_key_used_at, no_use),
            view! { <li class="muted">"By service: not recorded"</li> }.into_any(),
        ],
    };
    view! { <ul class="evidence">{items}</ul> }.into_any()
}

/// What was decided, by whom and why, and what became of it.
pub(super) fn decision(line: &ReviewLine, now: DateTime<Utc>) -> AnyView {
    let Some(decision) = line.decision else {
        return view! { <span class="badge">"Undecided"</span> }.into_any();
    };
    let (class, label) = match (line.outcome, decision) {
        (Some(outcome @ (LineOutcome::Gone | LineOutcome::Kept)), _) => ("badge badge--success", outcome.label()),
        (Some(outcome @ LineOutcome::Removed), _) => ("badge badge--danger", outcome.label()),
        (Some(outcome @ LineOutcome::Refused), _) => ("badge badge--warning", outcome.label()),
        (None, ReviewDecision::Keep) => ("badge badge--success", "Keep"),
        (None, ReviewDecision::Remove) => ("badge badge--danger", "Remove"),
    };
    let by = match (&line.decider, line.decided_at) {
        _ if line.by_silence => Some("by silence".to_owned().into_any()),
        (Some(by), Some(at)) => Some(view! { {by.clone()}", "{ui::time_ago(at, now)} }.into_any()),
        _ => None,
    };
    view! {
        <span class=class>{label}</span>
        {by.map(|by| view! { <small class="table__sub">{by}</small> })}
        {line.reason.clone().map(|why| view! { <small class="table__sub">{why}</small> })}
        {line.outcome_detail.clone().map(|words| view! { <small class="table__sub">{words}</small> })}
    }
    .into_any()
}

/// Keeps or removes one line: to keep needs no question, to remove a reason.
fn decide(line: &ReviewLine, id: &str, review: &str, address: &Address) -> AnyView {
    let what = line.what();
    let remove = address.and(&[("confirm", "remove"), ("id", id)]);
    let keep = (line.decision != Some(ReviewDecision::Keep)).then(|| {
        view! {
            <form method="post" action="/actions/access-reviews/decide">
                <input type="hidden" name="review" value=review.to_owned() />
                <input type="hidden" name="at" value=address.carried() />
                <input type="hidden" name="ids" value=id.to_owned() />
                <input type="hidden" name="decision" value="keep" />
                <button class="button button--small" aria-label=format!("Keep {what}")>"Keep"</button>
            </form>
        }
    });
    let remove = (line.decision != Some(ReviewDecision::Remove)).then(|| {
        view! {
            <a class="button button--small button--danger-quiet" href=remove aria-label=format!("Remove {what}")>"Remove…"</a>
        }
    });
    view! { <div class="button-row review__buttons">{keep} {remove}</div> }.into_any()
}
