//! Security events: what broke a rule, how bad that is, what was done about it.

use backend::{
    audit::{self, Reach},
    security::{self, SecurityQuery},
};
use chrono::{DateTime, Utc};
use domain::{
    SecurityEventType, Severity,
    views::{Page, SecurityEvent},
};
use leptos::prelude::*;
use serde_json::Value;

use super::{address::Address, exports, header, team_of, whose};
use crate::{
    layout::{Rendered, page},
    ssr::{self, Result},
    ui,
};

/// Where the list is.
const PATH: &str = "/admin/security-events";
/// What its address may say.
const PARTS: &[&str] = &[
    "event", "severity", "period", "user", "team", "since", "until", "cursor",
];
/// The export's names for it.
const EXPORTED: &[(&str, &str)] = &[
    ("event", "event_type"),
    ("severity", "severity"),
    ("user", "user_identity"),
    ("team", "team"),
];

fn query(address: &Address, now: DateTime<Utc>) -> Result<SecurityQuery> {
    let (since, until) = address.period(now)?;
    Ok(SecurityQuery {
        kind: address.word("event")?,
        severity: address.word("severity")?,
        identity: address.text("user"),
        team: address.text("team"),
        since,
        until,
        cursor: address.text("cursor"),
        limit: 50,
        ..SecurityQuery::default()
    })
}

/// `/admin/security-events`.
pub fn security() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let (mut address, now, reach) = (Address::read(PATH, PARTS), ctx.now, audit::reach(&ctx.caller));
        let asked = query(&address, now);
        let Some(query) = address.said(asked)? else {
            return Ok(refused(&address));
        };
        let found = security::list(&mut ctx, &query).await;
        let Some(list) = address.said(found)? else {
            return Ok(refused(&address));
        };
        let team = team_of(&mut ctx, address.get("team")).await;
        drop(ctx);
        let export = address.export(
            "/api/v1/admin/security-events/export",
            EXPORTED,
            (query.since, query.until),
        );
        let actions = exports(&export);
        let own = "What of yours broke a rule, newest first.";
        let description = whose(reach, "What broke a rule", own, team.as_ref());
        let body = if list.items.is_empty() {
            nothing(reach, &address)
        } else {
            table(&list, &address, now)
        };
        let body = view! {
            {header("Security events", description, actions.into_any())}
            {toolbar(&address)}
            {body}
        };
        Ok(Rendered::new("Security events", body))
    })
}

/// The form with what is wrong with it.
fn refused(address: &Address) -> Rendered {
    let title = "Security events";
    let header = header(
        title,
        "Nothing is listed until the filters make sense.".into_any(),
        ().into_any(),
    );
    Rendered::new(title, view! { {header} {address.summary()} {toolbar(address)} })
}

fn nothing(reach: Reach, address: &Address) -> AnyView {
    if address.is_filtered() {
        let text = "Nothing that you may see fits these filters.";
        return ui::empty("search", "Nothing fits", text, Some(("Show everything", PATH)));
    }
    let next = match reach {
        Reach::Own => ("Go to my activity", "/admin/audit"),
        _ => ("Go to the audit log", "/admin/audit"),
    };
    ui::empty(
        "shield",
        "Nothing broke a rule",
        "Refused labels, full quotas, runners that changed and accounts that were deactivated are listed here.",
        Some(next),
    )
}

fn toolbar(address: &Address) -> AnyView {
    let events = SecurityEventType::ALL.map(|event| (event.as_str(), name(event).to_owned()));
    let severities = Severity::ALL.map(|severity| (severity.as_str(), ui::severity_word(severity).to_owned()));
    let filters = view! {
        {address.choice("event", "Event type", "All types", vec![(None, events.to_vec())])}
        {address.choice("severity", "Severity", "Any severity", vec![(None, severities.to_vec())])}
        {address.period_choice()}
    };
    address.form("Security events", None, filters.into_any())
}

fn table(list: &Page<SecurityEvent>, address: &Address, now: DateTime<Utc>) -> AnyView {
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Security events"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Timestamp"</th>
                        <th scope="col">"Event Type"</th>
                        <th scope="col">"Severity"</th>
                        <th scope="col">"Actor"</th>
                        <th scope="col">"Target"</th>
                        <th scope="col">"Action taken"</th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(|event| row(event, now)).collect_view()}</tbody>
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

fn row(event: &SecurityEvent, now: DateTime<Utc>) -> AnyView {
    let team = event
        .team_name
        .clone()
        .filter(|name| Some(name.as_str()) != event.target());
    let action = event
        .action_taken
        .as_deref()
        .map(|action| ui::capitalised(&action.replace('_', " ")));
    view! {
        <tr>
            <td data-label="Timestamp">{ui::time_ago(event.at, now)}</td>
            <th scope="row" class="table__title">
                {name(event.kind)}
                <small class="table__sub">{gist(&event.violation_data)}<span class="mono">{event.kind.as_str()}</span></small>
                {details(&event.violation_data)}
            </th>
            <td class="table__state" data-label="Severity">{ui::severity_badge(event.severity)}</td>
            <td class="event__who" data-label="Actor">{ui::address(&event.user_identity)}</td>
            <td class="event__what" data-label="Target">
                {ui::or_dash(event.target())}
                {team.map(|team| view! { <small class="table__sub">{team}</small> })}
            </td>
            <td data-label="Action taken">{ui::or_dash(action.as_deref())}</td>
        </tr>
    }
    .into_any()
}

/// What was refused, in a few words: "gpu, arm64 · ".
fn gist(data: &Value) -> Option<String> {
    let labels = text(data.get("refused_labels")?)?;
    Some(format!("{labels} · "))
}

/// What exactly happened, to be opened.
fn details(data: &Value) -> Option<AnyView> {
    let fields: Vec<(String, String)> = data
        .as_object()?
        .iter()
        .filter_map(|(field, value)| Some((field.replace('_', " "), text(value)?)))
        .collect();
    (!fields.is_empty()).then(|| {
        view! {
            <details class="more event__details">
                <summary>"Details"</summary>
                <dl class="facts facts--stacked">
                    {fields
                        .into_iter()
                        .map(|(field, value)| view! { <div><dt>{field}</dt><dd>{value}</dd></div> })
                        .collect_view()}
                </dl>
            </details>
        }
        .into_any()
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(text).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        other => Some(other.to_string()),
    }
}

fn name(event: SecurityEventType) -> &'static str {
    match event {
        SecurityEventType::LabelPolicyViolation => "Label refused by policy",
        SecurityEventType::QuotaExceeded => "Quota exceeded",
        SecurityEventType::LabelDriftDetected => "Labels changed at GitHub",
        SecurityEventType::LabelPolicyViolationWorkflow => "Job on labels against policy",
        SecurityEventType::UserDeactivated => "Account deactivated",
        SecurityEventType::BatchDisableUsers => "Accounts deactivated",
        SecurityEventType::BatchRestoreUsers => "Accounts activated",
        SecurityEventType::BatchDeleteRunners => "Runners deprovisioned",
        SecurityEventType::BatchDeactivateTeams => "Teams deactivated",
        SecurityEventType::BatchReactivateTeams => "Teams activated",
    }
}
