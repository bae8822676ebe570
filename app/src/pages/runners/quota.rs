//! Who holds a full quota: beside the form that met it, with the way to make room.

use backend::runners;
use domain::{
    TeamId,
    views::{QuotaHolders, QuotaScope, Runner},
};
use leptos::prelude::*;

use super::{runner_badge, state_age};
use crate::{
    forms::FormState,
    icon::icon,
    ssr::{self, Ctx, Result},
    ui::{self, Confirm},
};

/// What the provisioning form carries through the question.
const CARRIED: [(&str, &str); 3] = [
    ("team_id", "team"),
    ("runner_name_prefix", "prefix"),
    ("labels", "labels"),
];

/// The value of a field of the provisioning form: what was typed, else what the address carries.
pub(crate) fn typed(state: &FormState, field: &str) -> String {
    let carried = CARRIED
        .iter()
        .find(|(name, _)| *name == field)
        .and_then(|(_, part)| ssr::query(part));
    state.value(field, &carried.unwrap_or_default())
}

/// The table, and the question if it is asked; nothing where there is room.
pub(crate) async fn section(ctx: &mut Ctx, state: &FormState) -> Result<Option<AnyView>> {
    let asked = ssr::query("confirm").as_deref() == Some("cleanup");
    if !asked && state.code() != Some("QUOTA_EXCEEDED") {
        return Ok(None);
    }
    let team = match typed(state, "team_id").trim() {
        "" => None,
        id => match id.parse::<TeamId>() {
            Ok(id) => Some(id),
            Err(_) => return Ok(None),
        },
    };
    let Some(holders) = runners::quota_holders(ctx, team).await? else {
        let text = view! { <p>"A runner has gone meanwhile."</p> }.into_any();
        return Ok(Some(ui::callout("success", "There is room again", text)));
    };
    let dialog = (asked && holders.removable > 0).then(|| question(&holders, state));
    Ok(Some(view! { {table(&holders, state)} {dialog} }.into_any()))
}

/// The form's page with what was typed; with the question or without.
fn address(state: &FormState, asks: bool) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (field, part) in CARRIED {
        let value = typed(state, field);
        if !value.is_empty() {
            query.append_pair(part, &value);
        }
    }
    if asks {
        query.append_pair("confirm", "cleanup");
    }
    let query = query.finish();
    if query.is_empty() {
        "/provision".to_owned()
    } else {
        format!("/provision?{query}")
    }
}

fn table(holders: &QuotaHolders, state: &FormState) -> AnyView {
    let now = holders.at;
    let shown = i64::try_from(holders.runners.len()).unwrap_or(i64::MAX);
    let row = |runner: &Runner| {
        view! {
            <tr>
                <th scope="row" class="table__title">
                    <a class="mono" href=format!("/runners/{}", runner.id)>{runner.name.clone()}</a>
                </th>
                <td class="table__state" data-label="Status">{runner_badge(runner)}</td>
                <td data-label="Since">{state_age(runner, now)}</td>
                <td data-label="Provisioned By" class="runners__person">{runner.provisioned_by.clone()}</td>
            </tr>
        }
    };
    let whose = match holders.scope {
        QuotaScope::Team(_) => "the team's quota",
        QuotaScope::Organization(_) => "the organization's quota",
        QuotaScope::Own => "your quota",
    };
    let rest = holders.total - shown;
    let remove = if holders.removable > 0 {
        let href = address(state, true);
        view! { <a class="button" href=href>{icon("trash")}"Remove idle/offline runners"</a> }.into_any()
    } else {
        view! { <p class="muted">"None of them is idle or offline and yours to remove."</p> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="holders-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="holders-title">{format!("Who holds {whose}")}</h2>
                    <p class="card__description">
                        {format!("{} of {} shown; those that do nothing come first.", shown, ui::plural(holders.total, "runner"))}
                    </p>
                </div>
                <div class="card__actions">{remove}</div>
            </header>
            <div class="card__body--flush">
                <div class="table-wrap">
                    <table class="table table--compact">
                        <caption class="visually-hidden">{format!("Who holds {whose}")}</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                <th scope="col">"Status"</th>
                                <th scope="col">"Since"</th>
                                <th scope="col">"Provisioned By"</th>
                            </tr>
                        </thead>
                        <tbody>{holders.runners.iter().map(row).collect_view()}</tbody>
                    </table>
                </div>
                {(rest > 0)
                    .then(|| view! { <p class="card__body muted">{format!("{} more count against it.", ui::plural(rest, "runner"))}</p> })}
            </div>
        </section>
    }
    .into_any()
}

/// What goes and what stays, by what it does.
fn consequences(holders: &QuotaHolders, count: &str) -> Vec<(String, bool)> {
    let others = holders.total - holders.removable - holders.busy - holders.pending;
    let mut lines = vec![(format!("Removes {count} at GitHub and here"), true)];
    for (number, what) in [
        (holders.busy, "that runs a job"),
        (holders.pending, "that is pending"),
        (others, "that is not yours to remove"),
    ] {
        if number > 0 {
            let what = if number == 1 {
                what.to_owned()
            } else {
                what.replace("runs", "run").replace(" is ", " are ")
            };
            lines.push((format!("Leaves {} {what}", ui::plural(number, "runner")), false));
        }
    }
    lines
}

fn question(holders: &QuotaHolders, state: &FormState) -> AnyView {
    let count = ui::plural(holders.removable, "idle or offline runner");
    let (kind, id) = match holders.scope {
        QuotaScope::Team(id) => ("team", id.to_string()),
        QuotaScope::Organization(id) => ("organization", id.to_string()),
        QuotaScope::Own => ("own", String::new()),
    };
    let mut fields = vec![
        ("scope", kind.to_owned()),
        ("scope_id", id),
        // No more than what is shown here: one that falls idle meanwhile stays.
        ("before", holders.at.to_rfc3339()),
    ];
    fields.extend(CARRIED.map(|(field, _)| (field, typed(state, field))));
    ui::confirm(Confirm {
        id: "cleanup",
        title: format!("Remove {count}?"),
        text: "Runners that take a job before they are removed stay. What you typed stays in the form.".to_owned(),
        consequences: consequences(holders, &count),
        action: "/actions/runners/cleanup",
        fields,
        input: None,
        button: "Remove idle/offline runners",
        danger: true,
        cancel: address(state, false),
    })
}
