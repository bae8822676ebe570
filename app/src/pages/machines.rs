//! `/admin/machine-clients`: programs that provision runners for a team.

use backend::{
    guides,
    machines::{self, MachineQuery},
};
use chrono::{DateTime, Utc};
use domain::views::{MachineClient, ManagedTeam, Page};
use leptos::prelude::*;

use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::{Rendered, page as console_page},
    ssr::{self, Caller, Error, Result},
    ui::{self, Confirm, Field},
};

const PATH: &str = "/admin/machine-clients";
/// The form's name in the session.
pub const FORM: &str = "create-machine";

/// `/admin/machine-clients`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let list = machines::list(&mut ctx, &query()?).await?;
        let registers = matches!(&ctx.caller, Caller::Person(person, _) if person.is_admin());
        let teams = if registers {
            guides::managed_teams(&mut ctx).await?
        } else {
            Vec::new()
        };
        let caller = ctx.caller.clone();
        drop(ctx);
        let state = forms::take(FORM).await;
        let refused = forms::take("machine-client").await;
        let header = ui::page_header(
            "Machine clients",
            None,
            Some("Programs that provision runners for one team, by tokens of your OpenID provider.".to_owned()),
            view! { <a class="button" href="/api/docs">{icon("book")}"API reference"</a> }.into_any(),
        );
        let body = view! {
            {header}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            {ui::refusal(refused.refusal())}
            {table(&list, &caller, now)}
            {registers.then(|| form(&state, &teams))}
            {dialog(&list)}
        };
        Ok(Rendered::new("Machine clients", body))
    })
}

fn query() -> Result<MachineQuery> {
    let team = ssr::query("team").map(|text| text.parse()).transpose();
    Ok(MachineQuery {
        team: team.map_err(|_| Error::invalid("team", "must be a team's UUID"))?,
        cursor: ssr::query("cursor"),
        ..MachineQuery::default()
    })
}

fn form(state: &FormState, teams: &[ManagedTeam]) -> AnyView {
    let asked = ssr::query("team").unwrap_or_default();
    let chosen = state.value("team_id", &asked);
    let team = team(state, teams, &chosen);
    view! {
        <section class="card" aria-labelledby="new-machine">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="new-machine">"Register a machine client"</h2>
                    <p class="card__description">
                        "The program asks your OpenID provider for a token (client credentials), then sends it as "
                        <code>"Authorization: Bearer …"</code>" to "<code>"POST /api/v1/runners/jit"</code>"."
                    </p>
                </div>
            </header>
            <form class="card__body stack" method="post" action="/actions/machines/create">
                <div class="field-row">
                    {Field {
                        name: "client_id",
                        label: "Client id",
                        hint: "The subject (sub) of its tokens, exactly as the provider writes it.",
                        required: true,
                        placeholder: "ci-backend@clients",
                        ..Field::default()
                    }
                    .view(state)}
                    {Field { name: "name", label: "Name", hint: "What people will read; the client id without one.", placeholder: "Backend CI", ..Field::default() }
                        .view(state)}
                </div>
                {team}
                {ui::text_area(state, "description", "Description", "What it is for; at most 500 characters.", "")}
                <div class="form-actions"><button class="button button--primary">"Register"</button></div>
            </form>
        </section>
    }
    .into_any()
}

/// The team: chosen from a list, or named where there are more than a list can show.
fn team(state: &FormState, teams: &[ManagedTeam], chosen: &str) -> AnyView {
    if teams.len() >= usize::try_from(guides::MAX_TEAMS).unwrap_or(usize::MAX) {
        return Field {
            name: "team_id",
            label: "Team",
            hint: "Its short name, as in the address of its page, or its id. It has one active machine client.",
            current: chosen,
            required: true,
            placeholder: "backend-team",
            ..Field::default()
        }
        .view(state);
    }
    let wrong = state.error("team_id");
    let described = if wrong.is_some() {
        "team_id-hint team_id-error"
    } else {
        "team_id-hint"
    };
    view! {
        <div class="field field--medium">
            <label class="field__label" for="team_id">"Team "<span class="field__mark">"required"</span></label>
            <p class="field__hint" id="team_id-hint">"The one team that it acts for. A team has one active machine client."</p>
            <select
                class="select"
                id="team_id"
                name="team_id"
                aria-invalid=wrong.is_some().then_some("true")
                aria-describedby=described
                required
            >
                <option value="">"Choose a team"</option>
                {teams
                    .iter()
                    .map(|team| {
                        let id = team.id.to_string();
                        let selected = id == chosen;
                        view! { <option value=id selected=selected>{format!("{} ({})", team.name, team.organization)}</option> }
                    })
                    .collect_view()}
            </select>
            {ui::error_line("team_id", wrong)}
        </div>
    }
    .into_any()
}

fn table(list: &Page<MachineClient>, caller: &Caller, now: DateTime<Utc>) -> AnyView {
    if list.items.is_empty() {
        return ui::empty(
            "terminal",
            "No machine clients",
            "A pipeline that starts its own runners registers here, and needs nobody's personal token.",
            None,
        );
    }
    let shown = list.items.len();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Machine clients"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Team"</th>
                        <th scope="col" class="table__number">"Runners"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(|client| row(client, caller, now)).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(
            shown,
            list.total,
            "machine client",
            list.previous.clone(),
            list.next.clone(),
            |cursor| {
                let team = ssr::query("team").map(|team| format!("&team={team}")).unwrap_or_default();
                format!("{PATH}?cursor={cursor}{team}")
            },
        )}
    }
    .into_any()
}

fn row(client: &MachineClient, caller: &Caller, now: DateTime<Utc>) -> AnyView {
    let (badge, words) = if client.is_active {
        ("badge badge--active", "Active")
    } else {
        ("badge badge--inactive", "Disabled")
    };
    view! {
        <tr class=(!client.is_active).then_some("table__row--muted")>
            <th scope="row" class="table__title">
                {client.name.clone()}<small class="table__sub mono">{client.subject.clone()}</small>
                {client.description.clone().map(|text| view! { <small class="table__sub">{text}</small> })}
            </th>
            <td data-label="Team"><a class="link" href=format!("/admin/teams/{}", client.team_id)>{client.team_name.clone()}</a></td>
            <td class="table__number" data-label="Runners">{client.live_runners}</td>
            <td data-label="Last used">
                {match client.last_used_at {
                    Some(at) => ui::time_ago(at, now),
                    None => view! { <span class="none">"never"</span> }.into_any(),
                }}
            </td>
            <td class="table__state" data-label="Status"><span class=badge>{words}</span></td>
            <td class="table__actions">
                {machines::may_change(caller, client.organization_id).then(|| actions(client))}
            </td>
        </tr>
    }
    .into_any()
}

fn actions(client: &MachineClient) -> AnyView {
    let (label, on) = if client.is_active {
        ("Disable", "false")
    } else {
        ("Enable", "true")
    };
    let name = format!(" {}", client.name);
    view! {
        <form class="inline-form" method="post" action="/actions/machines/switch">
            <input type="hidden" name="client" value=client.id.to_string() />
            <input type="hidden" name="on" value=on />
            <button class="button button--small">{label}<span class="visually-hidden">{name.clone()}</span></button>
        </form>
        " "
        <a class="button button--small button--danger-quiet" href=format!("{PATH}?confirm=delete&client={}", client.id)>
            "Delete…"<span class="visually-hidden">{name}</span>
        </a>
    }
    .into_any()
}

fn dialog(list: &Page<MachineClient>) -> Option<AnyView> {
    ssr::query("confirm").filter(|what| what == "delete")?;
    let id = ssr::query("client")?;
    let client = list.items.iter().find(|client| client.id.to_string() == id)?;
    let runners = match client.live_runners {
        0 => ("It has no live runners".to_owned(), false),
        1 => ("Its 1 runner stays until it ends".to_owned(), false),
        n => (format!("Its {} stay until they end", ui::plural(n, "runner")), false),
    };
    Some(ui::confirm(Confirm {
        id: "delete-machine",
        title: format!("Delete {}?", client.name),
        text: format!(
            "The program is refused from its next request on, and {} has no machine client any more.",
            client.team_name
        ),
        consequences: vec![runners],
        action: "/actions/machines/delete",
        fields: vec![("client", client.id.to_string())],
        input: None,
        button: "Delete machine client",
        danger: true,
        cancel: PATH.to_owned(),
    }))
}
