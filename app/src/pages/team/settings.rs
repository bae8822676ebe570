//! Settings: name, description, status.

use backend::runners::waits;
use domain::{Permission, StatusChange, TeamStatus};
use leptos::prelude::*;

use super::{Place, Tab, page, tab_page};
use crate::{
    forms::{self, FormState},
    ssr::{self, Ctx, Result},
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
        let runners_state = forms::take(RUNNERS).await;
        let (card, question) = runners(ctx, place, standing.may(Permission::InstallationManage)).await?;
        let waiting_list = waits::is_enabled(ctx, place.page.team.id).await?;
        let limits = super::limits::card(ctx, &place.page).await?;
        let moving = super::moving::card(ctx, place).await?;
        let move_state = forms::take(super::MOVE_TEAM).await;
        let own_limits = super::limits::form(place, &forms::take(super::LIMITS).await);
        let declared = super::declared::notice(ctx, place).await?;
        Ok(view! {
            {declared}
            {ui::refusal(status_state.refusal().or(runners_state.refusal()).or(move_state.refusal()))}
            {if edits { edit_form(place, &state) } else { read_only(ctx, place).await? }}
            {own_limits}
            {(edits && place.page.team.runners_enabled).then(|| waiting_form(place, waiting_list))}
            {limits}
            {card}
            {moving}
            {super::declared::card(place)}
            {match (place.page.team.is_system, administers) {
                (true, _) => system_card(),
                (false, true) => status_card(place),
                (false, false) => who_card(ctx, place).await?,
            }}
            {(administers && !place.page.team.is_system).then(|| dialog(place, &status_state))} {question}
        }
        .into_any())
    }))
}

/// The form that lets the Default Team have runners, in the session.
pub const RUNNERS: &str = "team-runners";

/// Of the Default Team alone: whether it has runners, and the question before that changes (SPEC X4).
async fn runners(ctx: &mut Ctx, place: &Place, may: bool) -> Result<(Option<AnyView>, Option<AnyView>)> {
    let team = &place.page.team;
    if !team.is_system {
        return Ok((None, None));
    }
    let enabled = team.runners_enabled;
    let (text, button) = if enabled {
        (
            "Its members provision runners for it, and people's own label policies count for nobody who is in it.",
            "Disable runners…",
        )
    } else {
        (
            "It is for keys only. Whoever is in no other team provisions by their own label policy.",
            "Enable runners…",
        )
    };
    let action = if may {
        let href = format!("{}?confirm=runners", place.tab(Tab::Settings));
        let class = if enabled {
            "button button--danger-quiet"
        } else {
            "button"
        };
        view! { <a class=class href=href>{button}</a> }.into_any()
    } else {
        view! { <span class="muted">{format!("To change that, ask {}.", ui::who(Permission::InstallationManage))}</span> }
            .into_any()
    };
    let card = view! {
        <section class="card" aria-labelledby="runners-title">
            <header class="card__header"><h2 class="card__title" id="runners-title">"Runners"</h2></header>
            <ul class="rows">
                <li class="row">
                    <div class="row__main">
                        <span class="row__title">{if enabled { "Runners are enabled" } else { "Runners are not enabled" }}</span>
                        <span class="row__text">{text}</span>
                    </div>
                    {action}
                </li>
            </ul>
        </section>
    }
    .into_any();
    if !may || ssr::query("confirm").as_deref() != Some("runners") {
        return Ok((Some(card), None));
    }
    let effects = backend::label_policies::default_team_effects(ctx, team.id).await?;
    let (members, alone) = (
        ui::plural(effects.members, "member"),
        ui::plural(effects.by_own_policy, "person"),
    );
    let is_are = if effects.by_own_policy == 1 { "is" } else { "are" };
    let mut fields = place.fields();
    fields.push(("enabled", if enabled { "" } else { "yes" }.to_owned()));
    let (text, consequences, button) = if enabled {
        (
            "Its runners stay; nobody can provision new ones for it.",
            vec![(
                format!("{alone} in no other team {is_are} back to their own label policies, if they have one"),
                effects.by_own_policy > 0,
            )],
            "Disable runners",
        )
    } else {
        (
            "This ends the use of people's own label policies for everybody in it. Set its label policy and quota first.",
            vec![
                (
                    format!("{members} may provision for it, under its labels and its quota"),
                    false,
                ),
                (
                    format!("{alone} {is_are} in no other team: their own label policies end"),
                    effects.by_own_policy > 0,
                ),
            ],
            "Enable runners",
        )
    };
    let question = ui::confirm(Confirm {
        id: "runners-dialog",
        title: format!("{button} for {}?", team.name),
        text: text.to_owned(),
        consequences,
        action: "/actions/teams/runners",
        fields,
        input: None,
        button,
        danger: true,
        cancel: place.tab(Tab::Settings),
    });
    Ok((Some(card), Some(question)))
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
                {if team.is_system {
                    view! { <input type="hidden" name="name" value=team.name.clone() /> }.into_any()
                } else {
                    Field {
                        name: "name",
                        label: "Name",
                        hint: "2 to 50 characters. The short name in addresses stays as it is.",
                        current: &team.name,
                        required: true,
                        ..Field::default()
                    }
                        .view(state)
                }}
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
            <header class="card__header"><h2 class="card__title">"When the quota is full"</h2></header>
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
            <footer class="card__footer"><button class="button button--primary">"Save waiting list"</button></footer>
        </form>
    }
    .into_any()
}

async fn read_only(ctx: &mut Ctx, place: &Place) -> Result<AnyView> {
    let team = &place.page.team;
    let note = if team.status == TeamStatus::Archived {
        "An archived team is kept as it was. Restore it to change it.".into_any()
    } else {
        place
            .ask(ctx, "To change name or description", Permission::TeamEdit)
            .await?
    };
    Ok(view! {
        <section class="card" aria-labelledby="general-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="general-title">"General"</h2>
                    <div class="card__description">{note}</div>
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
    .into_any())
}

async fn who_card(ctx: &mut Ctx, place: &Place) -> Result<AnyView> {
    let ask = place
        .ask(ctx, "To deactivate or archive this team", Permission::TeamAdminister)
        .await?;
    Ok(ui::callout("info", "Status", ask))
}

/// Why the Default Team has no status to change.
fn system_card() -> AnyView {
    ui::callout(
        "info",
        "System team",
        view! { <p>"Everyone belongs to it. It stays active, keeps its name, and nobody leaves it."</p> }.into_any(),
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
        consequences: [
            (team.member_count > 0).then(|| (format!("{members} cannot use the team"), true)),
            ui::counted(
                "Leaves",
                team.runner_count.into(),
                "runner",
                " running; no new ones can be provisioned",
                false,
            ),
        ]
        .into_iter()
        .flatten()
        .collect(),
        action: "/actions/teams/status",
        fields,
        input: Some(reason),
        button,
        danger: true,
        cancel: place.tab(Tab::Settings),
    }))
}
