//! Settings: name, description, status.

use backend::runners::waits;
use domain::{Permission, StatusChange, TeamStatus};
use leptos::prelude::*;

use super::{Place, Tab, page, tab_page};
use crate::{
    forms::{self, FormState},
    ssr,
    ui::{self, Confirm, Field},
};

/// `/admin/teams/{team}/settings`.
pub fn settings() -> impl IntoView {
    page(tab_page(Tab::Settings, async |ctx, place| {
        let standing = &place.page.standing;
        let state = forms::take("team-settings").await;
        let status_state = forms::take("team-status").await;
        let edits = place.may_change(Permission::TeamEdit);
        let administers = standing.may(Permission::TeamAdminister);
        let waiting_list = waits::is_enabled(ctx, place.page.team.id).await?;
        Ok(view! {
            {ui::refusal(status_state.refusal())}
            {if edits { edit_form(place, &state) } else { read_only(place) }}
            {edits.then(|| waiting_form(place, waiting_list))}
            {if administers { status_card(place) } else { who_card() }}
            {administers.then(|| dialog(place, &status_state))}
        }
        .into_any())
    }))
}

fn edit_form(place: &Place, state: &FormState) -> AnyView {
    let team = &place.page.team;
    let description = team.description.clone().unwrap_or_default();
    view! {
        {ui::error_summary(state)}
        {ui::refusal(state.refusal())}
        <form class="card" method="post" action="/actions/teams/settings">
            <header class="card__header"><h2 class="card__title">"General"</h2></header>
            <div class="card__body stack">
                {place.hidden()}
                {Field {
                    name: "name",
                    label: "Name",
                    hint: "2 to 50 characters. The short name in addresses stays as it is.",
                    current: &team.name,
                    required: true,
                    ..Field::default()
                }
                    .view(state)}
                {ui::text_area(state, "description", "Description", "What the team is for; at most 500 characters.", &description)}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}

/// The waiting list of a full quota, on or off.
fn waiting_form(place: &Place, is_on: bool) -> AnyView {
    view! {
        <form class="card" method="post" action="/actions/teams/waiting-list">
            <header class="card__header"><h2 class="card__title">"Full quota"</h2></header>
            <div class="card__body stack">
                {place.hidden()}
                <div class="check">
                    <input type="checkbox" id="waiting_list" name="waiting_list" value="yes" checked=is_on />
                    <label for="waiting_list">
                        "Waiting list"
                        <span class="check__hint">
                            "Members who meet the full quota can wait: the next free place is held for the first one, and nobody overtakes."
                        </span>
                    </label>
                </div>
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}

fn read_only(place: &Place) -> AnyView {
    let team = &place.page.team;
    let note = if team.status == TeamStatus::Archived {
        "An archived team is kept as it was. Restore it to change it.".to_owned()
    } else {
        format!("To change name or description, ask {}.", Permission::TeamEdit.who())
    };
    view! {
        <section class="card" aria-labelledby="general-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="general-title">"General"</h2>
                    <p class="card__description">{note}</p>
                </div>
            </header>
            <div class="card__body">
                <dl class="facts">
                    <div><dt>"Name"</dt><dd>{team.name.clone()}</dd></div>
                    <div><dt>"Description"</dt><dd>{team.description.clone().unwrap_or_else(|| "none".to_owned())}</dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn who_card() -> AnyView {
    ui::callout(
        "info",
        "Status",
        view! { <p>{format!("To deactivate or archive this team, ask {}.", Permission::TeamAdminister.who())}</p> }
            .into_any(),
    )
}

fn status_card(place: &Place) -> AnyView {
    let base = place.tab(Tab::Settings);
    let ask = |change: StatusChange, title: &'static str, text: &'static str, label: &'static str| {
        let href = format!("{base}?confirm={}", change.as_str());
        view! {
            <li class="row">
                <div class="row__main"><span class="row__title">{title}</span><span class="row__text">{text}</span></div>
                <a class="button button--danger-quiet" href=href>{label}</a>
            </li>
        }
        .into_any()
    };
    let act = |change: StatusChange, title: &'static str, text: &'static str, label: &'static str| {
        view! {
            <li class="row">
                <div class="row__main"><span class="row__title">{title}</span><span class="row__text">{text}</span></div>
                <form method="post" action="/actions/teams/status">
                    {place.hidden()}
                    <input type="hidden" name="change" value=change.as_str() />
                    <button class="button">{label}</button>
                </form>
            </li>
        }
        .into_any()
    };
    let deactivate = || {
        ask(
            StatusChange::Deactivate,
            "Deactivate team",
            "Members lose access to the team's resources and nobody can provision for it. Its runners stay.",
            "Deactivate",
        )
    };
    let archive = || {
        ask(
            StatusChange::Archive,
            "Archive team",
            "Hides the team from its members and frees its name. All data is kept; it can be restored.",
            "Archive…",
        )
    };
    let rows = match place.page.team.status {
        TeamStatus::Active => vec![deactivate(), archive()],
        TeamStatus::Inactive => vec![
            act(
                StatusChange::Activate,
                "Reactivate team",
                "Members have full access again.",
                "Reactivate",
            ),
            archive(),
        ],
        TeamStatus::Archived => {
            vec![act(
                StatusChange::Restore,
                "Restore team",
                "Brings it back as an inactive team.",
                "Restore",
            )]
        }
    };
    view! {
        <section class="card danger-zone" aria-labelledby="status-title">
            <header class="card__header"><h2 class="card__title" id="status-title">"Status"</h2></header>
            <ul class="rows">{rows}</ul>
        </section>
    }
    .into_any()
}

fn dialog(place: &Place, state: &FormState) -> Option<AnyView> {
    let change: StatusChange = ssr::query("confirm")?.parse().ok()?;
    let team = &place.page.team;
    change.apply(team.status).ok()?;
    let mut fields = place.fields();
    fields.push(("change", change.as_str().to_owned()));
    let members = ui::plural(team.member_count.into(), "member");
    let runners = ui::plural(team.runner_count.into(), "runner");
    let reason = Field {
        name: "reason",
        label: "Reason",
        hint: "Shown on the team and in the audit log.",
        required: change == StatusChange::Deactivate,
        autofocus: true,
        ..Field::default()
    }
    .view(state);
    let (title, text, button) = match change {
        StatusChange::Deactivate => (
            format!("Deactivate {}?", team.name),
            "You can reactivate it at any time.",
            "Deactivate",
        ),
        StatusChange::Archive => (
            format!("Archive {}?", team.name),
            "It disappears from lists, and another team may take its name. You can restore it later.",
            "Archive team",
        ),
        StatusChange::Activate | StatusChange::Restore => return None,
    };
    Some(ui::confirm(Confirm {
        id: "status-dialog",
        title,
        text: text.to_owned(),
        consequences: vec![
            (format!("{members} cannot use the team"), team.member_count > 0),
            (
                format!("Leaves {runners} running; no new ones can be provisioned"),
                false,
            ),
        ],
        action: "/actions/teams/status",
        fields,
        input: Some(reason),
        button,
        danger: true,
        cancel: place.tab(Tab::Settings),
    }))
}
