//! The audit log: for those who see only their own actions, "My activity".

use backend::audit::{self, AuditQuery, Reach};
use chrono::{DateTime, Utc};
use domain::{
    audit::{EVENTS, event_name},
    views::{AuditEntry, AuditHead, Page},
};
use leptos::prelude::*;

use super::{address::Address, entry::status, exports, header, team_of, whose};
use crate::{
    layout::{Rendered, page},
    ssr::{self, Error, Result},
    ui,
};

/// Where the list is.
const PATH: &str = "/admin/audit";
/// What its address may say.
const PARTS: &[&str] = &[
    "q", "event", "outcome", "by", "period", "user", "team", "since", "until", "cursor",
];
/// The export's names for it.
const EXPORTED: &[(&str, &str)] = &[
    ("q", "search"),
    ("event", "event_type"),
    ("user", "user_identity"),
    ("team", "team"),
    ("by", "by"),
];

/// What the list is called, for someone who sees so far.
pub fn title(reach: Reach) -> &'static str {
    if reach == Reach::Own {
        "My activity"
    } else {
        "Audit log"
    }
}

fn query(address: &Address, now: DateTime<Utc>) -> Result<AuditQuery> {
    let (since, until) = address.period(now)?;
    Ok(AuditQuery {
        action: address.text("event"),
        identity: address.text("user"),
        team: address.text("team"),
        success: match address.get("outcome") {
            None => None,
            Some("success") => Some(true),
            Some("failed") => Some(false),
            Some(_) => return Err(Error::invalid("outcome", "must be success or failed")),
        },
        by: address.word("by")?,
        since,
        until,
        search: address.text("q"),
        cursor: address.text("cursor"),
        ..AuditQuery::default()
    })
}

/// `/admin/audit`.
pub fn log() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let (mut address, now, reach) = (Address::read(PATH, PARTS), ctx.now, audit::reach(&ctx.caller));
        let asked = query(&address, now);
        let Some(query) = address.said(asked)? else {
            return Ok(refused(reach, &address));
        };
        let found = audit::list(&mut ctx, &query).await;
        let Some(list) = address.said(found)? else {
            return Ok(refused(reach, &address));
        };
        let team = team_of(&mut ctx, address.get("team")).await;
        let head = if reach == Reach::All {
            Some(audit::head(&mut ctx).await?)
        } else {
            None
        };
        drop(ctx);
        let mut export = address.export("/api/v1/audit-logs/export", EXPORTED, (query.since, query.until));
        if let Some(success) = query.success {
            export.push(if export.contains('?') { '&' } else { '?' });
            export.push_str(if success { "success=true" } else { "success=false" });
        }
        let actions = exports(&export);
        let description = whose(
            reach,
            "Everything that was changed",
            "What you changed, newest first.",
            team.as_ref(),
        );
        let body = if list.items.is_empty() {
            nothing(reach, &address)
        } else {
            table(&list, &address, now)
        };
        let title = title(reach);
        let body = view! {
            {header(title, description, actions)}
            {toolbar(reach, &address)}
            {body}
            {head.map(|head| seals(&head))}
        };
        Ok(Rendered::new(title, body))
    })
}

/// The form with what is wrong with it.
fn refused(reach: Reach, address: &Address) -> Rendered {
    let title = title(reach);
    let header = header(
        title,
        "Nothing is listed until the filters make sense.".into_any(),
        ().into_any(),
    );
    Rendered::new(title, view! { {header} {address.summary()} {toolbar(reach, address)} })
}

fn nothing(reach: Reach, address: &Address) -> AnyView {
    if address.is_filtered() {
        let text = "Nothing that you may see fits this search and these filters.";
        return ui::empty("search", "Nothing fits", text, Some(("Show everything", PATH)));
    }
    let (text, next) = match reach {
        Reach::Own => (
            "What you do from now on is written down here: sign-ins, runners, keys, tokens.",
            ("Go to my teams", "/teams"),
        ),
        _ => ("Each change leaves an entry here.", ("Go to the teams", "/admin/teams")),
    };
    ui::empty("audit", "Nothing has happened yet", text, Some(next))
}

fn toolbar(reach: Reach, address: &Address) -> AnyView {
    let events = EVENTS
        .iter()
        .map(|(group, events)| {
            // Whoever sees only what they did is not offered what they cannot do.
            let offered = events.iter().filter(|event| reach != Reach::Own || event.is_anybodys());
            let options: Vec<_> = offered.map(|event| (event.code, event.name.to_owned())).collect();
            (Some(*group), options)
        })
        .filter(|(_, options)| !options.is_empty())
        .collect();
    let outcomes = vec![("success", "Succeeded".to_owned()), ("failed", "Failed".to_owned())];
    let doers = vec![
        ("people", "By people".to_owned()),
        ("system", "By the system".to_owned()),
    ];
    // What somebody did themselves is always by a person.
    let by = (reach != Reach::Own).then(|| address.choice("by", "By", "By anybody", vec![(None, doers)]));
    let filters = view! {
        {address.choice("event", "Event", "All events", events)}
        {address.choice("outcome", "Outcome", "Any outcome", vec![(None, outcomes)])}
        {by}
        {address.period_choice()}
    };
    address.form("Audit log", Some("Name of what changed"), filters.into_any())
}

fn table(list: &Page<AuditEntry>, address: &Address, now: DateTime<Utc>) -> AnyView {
    view! {
        <div class="table-wrap">
            <table class="table table--feed">
                <caption class="visually-hidden">"Audit log"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Timestamp"</th>
                        <th scope="col">"Event"</th>
                        <th scope="col">"User"</th>
                        <th scope="col">"Runner or target"</th>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Status"</th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(|entry| row(entry, now)).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(
            list.items.len(),
            list.total,
            "event",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.at(cursor),
        )}
    }
    .into_any()
}

/// Read aloud where a feed has no columns.
fn label(words: &'static str) -> AnyView {
    view! { <span class="visually-hidden feed__label">{words}</span> }.into_any()
}

fn row(entry: &AuditEntry, now: DateTime<Utc>) -> AnyView {
    // What happened to a team happened in it, too: a feed says it once.
    let same = (entry.team_name.as_ref() == Some(&entry.target)).then_some("feed__same");
    view! {
        <tr>
            <td data-label="Timestamp">{ui::time_ago(entry.at, now)}</td>
            <th scope="row" class="table__title">
                <a href=format!("{PATH}/{}", entry.id)>{event_name(&entry.action)}</a>
                <small class="table__sub mono">{entry.action.clone()}</small>
            </th>
            <td class="event__who" data-label="User">{label("By ")}{entry.actor.clone()}</td>
            <td class="event__what" data-label="Runner or target">
                {label("Target: ")}{entry.target.clone()}
                <small class="table__sub">{kind(&entry.target_kind)}</small>
            </td>
            <td class=same data-label="Team">{entry.team_name.is_some().then(|| label("Team: "))}{ui::or_dash(entry.team_name.as_deref())}</td>
            <td class="table__state" data-label="Status">{status(entry.success)}</td>
        </tr>
    }
    .into_any()
}

/// A kind of thing, in words.
pub(super) fn kind(code: &str) -> String {
    code.replace('_', " ")
}

/// How far the log is sealed, for those who can note it elsewhere.
fn seals(head: &AuditHead) -> AnyView {
    let text = format!("{}:{}", head.seq, head.hash);
    let waiting = (head.waiting > 0).then(|| format!(" {} not sealed yet.", verb(head.waiting)));
    view! {
        <section class="card" aria-labelledby="seals-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="seals-title">"Sealed against changes"</h2>
                    <p class="card__description">
                        {format!("{} sealed, each with all before it.", verb(head.seq))}{waiting}
                        " Note the head below somewhere else: "<code>"guildhall audit verify --expect-head"</code>
                        " then finds whatever was changed, removed, inserted or cut off."
                    </p>
                </div>
            </header>
            <div class="card__body">{ui::code("head", text, true)}</div>
        </section>
    }
    .into_any()
}

fn verb(count: i64) -> String {
    if count == 1 {
        "1 entry is".to_owned()
    } else {
        format!("{count} entries are")
    }
}
