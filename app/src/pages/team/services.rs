//! The part of the Policy tab about services: what the team may use of the catalogue, and why (SPEC D2, D9).

use backend::services as rules;
use domain::{
    Permission, ServiceId, TeamStatus,
    views::{AllowedService, Change, ServiceChoice},
};
use leptos::prelude::*;

use super::{Place, Tab};
use crate::{
    forms::{self, FormState},
    icon::icon,
    pages::services::{broken_keys, kind_label, losses},
    ssr::{self, Ctx, Result},
    ui::{self, Confirm, Field},
};

/// The seed's advice (SPEC D9).
const HINTS: [(&str, &str); 3] = [
    ("Start with minimal services", "add more as they are needed."),
    ("Document why each service is allowed", "it helps with audits."),
    (
        "Review policy when adding new services",
        "so that access stays intended.",
    ),
];

/// The section, with its dialogs.
pub(super) async fn section(ctx: &mut Ctx, place: &Place) -> Result<AnyView> {
    let choices = rules::choices(ctx, &place.page.team).await?;
    let changes = place.may_change(Permission::ServicesAllow);
    let allowing = forms::take("allow-service").await;
    let stopping = forms::take("stop-service").await;
    let dialog = if changes {
        dialog(ctx, place, &choices, &allowing).await?
    } else {
        None
    };
    let catalogue = format!("/admin/services?organization={}", place.page.team.organization_slug);
    let body = if choices.is_empty() {
        let text = format!(
            "The catalogue of {} is empty. Services are added by {}.",
            place.page.team.organization_name,
            ui::who(Permission::TeamAdminister)
        );
        ui::empty(
            "services",
            "No services to allow",
            &text,
            Some(("Open the catalogue", &catalogue)),
        )
    } else {
        table(place, &choices, changes, ctx.now)
    };
    let ask = if changes {
        None
    } else {
        Some(place.ask(ctx, "To change this", Permission::ServicesAllow).await?)
    };
    let allowed = choices.iter().filter(|choice| choice.allowed.is_some()).count();
    let summary = if allowed == 0 {
        "No service is allowed yet.".to_owned()
    } else {
        format!(
            "{allowed} of {}. What is not allowed is refused, for members and team admins alike.",
            choices.len()
        )
    };
    Ok(view! {
        {ui::refusal(stopping.refusal())}
        <section class="card" aria-labelledby="services-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="services-title">"Allowed services"</h2>
                    <div class="card__description"><p>{summary}</p> {ask}</div>
                </div>
                <div class="card__actions"><a class="button button--small" href=catalogue.clone()>"Catalogue"</a></div>
            </header>
            <div class="card__body card__body--flush">{body}</div>
            {changes
                .then(|| {
                    view! {
                        <footer class="card__footer">
                            <ul class="hints">
                                {HINTS
                                    .into_iter()
                                    .map(|(what, why)| view! { <li><b>{what}</b>": "{why}</li> })
                                    .collect_view()}
                            </ul>
                        </footer>
                    }
                })}
        </section>
        {dialog}
    }
    .into_any())
}

/// A change of the policy in words: the audit log has the reason of each service before and after.
pub(super) fn details(change: &Change) -> String {
    let named = |what: &str, fits: fn(bool, bool) -> bool| {
        let names = change
            .fields
            .iter()
            .filter(|field| fits(field.before.is_some(), field.after.is_some()))
            .map(|field| field.field.as_str());
        let names: Vec<&str> = names.collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let parts: Vec<String> = [
        named("allowed", |before, after| !before && after),
        named("stopped allowing", |before, after| before && !after),
        named("another reason for", |before, after| before && after),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", parts.join("; "))
    }
}

fn table(place: &Place, choices: &[ServiceChoice], changes: bool, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    // What came into the catalogue after the policy was last changed has not been reviewed yet.
    let reviewed = choices
        .iter()
        .filter_map(|choice| Some(choice.allowed.as_ref()?.allowed_at))
        .max();
    let team = &place.page.team;
    let asks = !changes && place.page.standing.team.is_some() && team.status == TeamStatus::Active;
    let rows = choices
        .iter()
        .map(|choice| {
            let new = choice.allowed.is_none() && reviewed.is_some_and(|at| choice.created_at > at);
            view! {
                <tr>
                    <th scope="row" class="table__title">
                        <a href=format!("/admin/services/{}", choice.id)>{choice.name.clone()}</a>
                        {new.then(|| view! { " "<span class="badge badge--info">"New"</span> })}
                        <small class="table__sub">
                            {choice.description.clone().unwrap_or_else(|| kind_label(choice.kind).to_owned())}
                        </small>
                    </th>
                    <td class="table__state" data-label="Access">{access(choice.allowed.is_some())}</td>
                    <td data-label="Reason">{ui::or_dash(choice.allowed.as_ref().map(|allowed| allowed.reason.as_str()))}</td>
                    <td data-label="Allowed" class="table__optional">
                        {choice.allowed.as_ref().map(|allowed| since(allowed, now))}
                    </td>
                    {changes.then(|| view! { <td class="table__actions">{actions(place, choice)}</td> })}
                    {asks.then(|| view! { <td class="table__actions">{request(place, choice)}</td> })}
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap services">
            <table class="table">
                <caption class="visually-hidden">"Services of the catalogue"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Service"</th>
                        <th scope="col">"Access"</th>
                        <th scope="col">"Reason"</th>
                        <th scope="col" class="table__optional">"Allowed"</th>
                        {(changes || asks)
                            .then(|| {
                                view! {
                                    <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                                }
                            })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Whether a service is allowed: a sign and a word.
fn access(allowed: bool) -> AnyView {
    if allowed {
        view! { <span class="badge badge--success access">{icon("check")}"Allowed"</span> }.into_any()
    } else {
        view! { <span class="badge access">{icon("close")}"Not allowed"</span> }.into_any()
    }
}

fn since(allowed: &AllowedService, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    view! {
        {ui::time_ago(allowed.allowed_at, now)}
        {allowed.allowed_by.clone().map(|by| view! { <small class="table__sub">"by "{by}</small> })}
    }
    .into_any()
}

fn actions(place: &Place, choice: &ServiceChoice) -> AnyView {
    let base = place.tab(Tab::Policy);
    let (id, name) = (choice.id, choice.name.clone());
    if choice.allowed.is_none() {
        return view! {
            <a class="button button--small" href=format!("{base}?allow={id}")>
                "Allow…"<span class="visually-hidden">{format!(" {name}")}</span>
            </a>
        }
        .into_any();
    }
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {name}")>{icon("more")}</summary>
            <div class="menu__list">
                <a class="menu__item" href=format!("{base}?allow={id}")>"Change reason…"</a>
                <hr />
                <a class="menu__item menu__item--danger" href=format!("{base}?stop={id}")>"Stop allowing…"</a>
            </div>
        </details>
    }
    .into_any()
}

/// For a member, the way to ask for a service that the team may not use.
fn request(place: &Place, choice: &ServiceChoice) -> Option<AnyView> {
    if choice.allowed.is_some() {
        return None;
    }
    let name: String = form_urlencoded::byte_serialize(choice.name.as_bytes()).collect();
    let href = format!(
        "{}/new?kind=service&team={}&value={name}",
        crate::pages::requests::PAGE,
        place.page.team.id
    );
    Some(
        view! {
            <a class="button button--small" href=href>
                "Request"<span class="visually-hidden">{format!(" {}", choice.name)}</span>
            </a>
        }
        .into_any(),
    )
}

/// The question that the address asks: allow which service and why, or what breaks without it.
async fn dialog(ctx: &mut Ctx, place: &Place, choices: &[ServiceChoice], state: &FormState) -> Result<Option<AnyView>> {
    let chosen = |name: &str| {
        let id: ServiceId = ssr::query(name)?.parse().ok()?;
        choices.iter().find(|choice| choice.id == id)
    };
    if let Some(choice) = chosen("allow") {
        return Ok(Some(allow_dialog(place, choice, state)));
    }
    match chosen("stop") {
        Some(choice) if choice.allowed.is_some() => stop_dialog(ctx, place, choice).await.map(Some),
        _ => Ok(None),
    }
}

fn allow_dialog(place: &Place, choice: &ServiceChoice, state: &FormState) -> AnyView {
    let team = &place.page.team;
    let mut fields = place.fields();
    fields.push(("service", choice.id.to_string()));
    let current = choice
        .allowed
        .as_ref()
        .map(|allowed| allowed.reason.clone())
        .unwrap_or_default();
    let reason = Field {
        name: "reason",
        label: "Reason",
        hint: "What the team needs it for; 1 to 500 characters. Whoever audits the policy reads it.",
        current: &current,
        required: true,
        placeholder: "The support assistant answers with it",
        autofocus: true,
        ..Field::default()
    }
    .view(state);
    let (title, text, consequences, button) = if choice.allowed.is_some() {
        (
            format!("Why may {} use {}?", team.name, choice.name),
            "Your name and today's date go with the new reason.".to_owned(),
            Vec::new(),
            "Save reason",
        )
    } else {
        let text = choice.description.clone();
        (
            format!("Allow {} for {}?", choice.name, team.name),
            text.unwrap_or_else(|| "From now on the team's members and keys may use it.".to_owned()),
            vec![(
                format!(
                    "Opens it to {} and their keys, at once",
                    ui::plural(team.member_count.into(), "member")
                ),
                false,
            )],
            "Allow service",
        )
    };
    let input = view! { {ui::refusal(state.refusal())} {reason} }.into_any();
    ui::confirm(Confirm {
        id: "allow-service",
        title,
        text,
        consequences,
        action: "/actions/services/allow",
        fields,
        input: Some(input),
        button,
        danger: false,
        cancel: place.tab(Tab::Policy),
    })
}

async fn stop_dialog(ctx: &mut Ctx, place: &Place, choice: &ServiceChoice) -> Result<AnyView> {
    let team = &place.page.team;
    let change = rules::preview_stop(ctx, team.id, choice.id).await?.change;
    let mut fields = place.fields();
    fields.push(("service", choice.id.to_string()));
    let members = ui::plural(team.member_count.into(), "member");
    let mut consequences = vec![(
        format!("{members} of {} can no longer use it", team.name),
        team.member_count > 0,
    )];
    consequences.extend(losses(&change.broken));
    Ok(ui::confirm(Confirm {
        id: "stop-service",
        title: format!("Stop allowing {}?", choice.name),
        text: "Requests of the team are refused at once. You can allow it again at any time.".to_owned(),
        consequences,
        action: "/actions/services/stop",
        fields,
        input: broken_keys(&change.broken, ctx.now, false),
        button: "Stop allowing",
        danger: true,
        cancel: place.tab(Tab::Policy),
    }))
}

#[cfg(test)]
mod tests {
    use domain::views::FieldChange;

    use super::*;

    #[test]
    fn d9_changes_of_the_policy_read_well() {
        let field = |name: &str, before: Option<&str>, after: Option<&str>| FieldChange {
            field: name.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let change = |fields| Change {
            at: chrono::DateTime::UNIX_EPOCH,
            actor: String::new(),
            action: "team.services".to_owned(),
            target: String::new(),
            fields,
        };
        let text = details(&change(vec![
            field("llm_service", None, Some("a")),
            field("cli-eval", None, Some("b")),
            field("analytics", Some("c"), None),
            field("auto-rater", Some("d"), Some("e")),
        ]));
        assert_eq!(
            text,
            ": allowed llm_service, cli-eval; stopped allowing analytics; another reason for auto-rater"
        );
        assert_eq!(details(&change(Vec::new())), "");
    }
}
