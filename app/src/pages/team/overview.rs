//! Overview: facts, use against quota, recent changes, what to do next.

use backend::teams;
use domain::{
    Permission, TeamStatus,
    views::{Change, Runner, TeamOverview},
};
use leptos::prelude::*;

use super::{Place, Tab, declared, history, page, tab_page};
use crate::{
    icon::icon,
    pages::runners::{runner_badge, state_age},
    ui::{self, Happened},
};

/// `/admin/teams/{team}`.
pub fn overview() -> impl IntoView {
    page(tab_page(Tab::Overview, async |ctx, place| {
        let now = ctx.now;
        let overview = teams::overview(ctx, place.page.clone()).await?;
        let cost = crate::pages::cost::this_month(ctx, &place.page).await?;
        let everyone = super::default_team::card(ctx, place).await?;
        // The Default Team has no projects, and runners only when they are enabled on it: its numbers are others.
        let system = place.page.team.is_system;
        let has_runners = place.page.team.runners_enabled;
        let limits = super::limits::card(ctx, &place.page).await?;
        let budgets = backend::budgets::bar(ctx, &place.page.team).await?;
        let budget = crate::pages::budget::team_card(&budgets, now);
        let declared = declared::fact(ctx, place).await?;
        let history = teams::history(ctx, &place.page).await?;
        Ok(view! {
            {(!system).then(|| stats(&overview, place))}
            {super::hints::hints(&overview, place)}
            <div class="split">
                <div class="split__main">{everyone} {has_runners.then(|| runners(&overview, now))} {history::charts(&history, budgets.own(), place)} {changes(&overview.changes, place, now)}</div>
                <aside class="split__aside" aria-label="Details">{actions(place)} {budget} {limits} {cost.filter(|_| has_runners)} {facts(&overview, declared)}</aside>
            </div>
        }
        .into_any())
    }))
}

fn stats(overview: &TeamOverview, place: &Place) -> AnyView {
    let team = &overview.page.team;
    view! {
        <div class="stats">
            <a class="stat" href=place.tab(Tab::Members)>
                <span class="stat__label">"Members"</span>
                <span class="stat__value">{team.member_count}</span>
                <span class="stat__note">{ui::plural(overview.admin_count, "admin")}</span>
            </a>
            <a class="stat" href=place.tab(Tab::Projects)>
                <span class="stat__label">"Projects"</span>
                <span class="stat__value">{team.project_count}</span>
                <span class="stat__note">"in this team"</span>
            </a>
            <div class="stat">{ui::usage(team.runner_count, team.max_runners)}</div>
        </div>
    }
    .into_any()
}

fn runners(overview: &TeamOverview, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let row = |runner: &Runner| {
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title mono" href=format!("/runners/{}", runner.id)>{runner.name.clone()}</a>
                    <span class="row__text">{runner.provisioned_by.clone()}", "{state_age(runner, now)}</span>
                </div>
                {runner_badge(runner)}
            </li>
        }
    };
    let all = format!("/runners?team={}", overview.page.team.id);
    let body = if overview.runners.is_empty() {
        view! { <div class="card__body"><p class="muted">"No runners now."</p></div> }.into_any()
    } else {
        view! { <ul class="rows">{overview.runners.iter().map(row).collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="runners-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="runners-title">"Runners"</h2>
                    <p class="card__description">"The newest; all that are not deleted count against the quota."</p>
                </div>
                <div class="card__actions"><a class="button button--small" href=all>"All runners"</a></div>
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn actions(place: &Place) -> Option<AnyView> {
    // What is archived is kept as it was.
    if place.page.team.status == TeamStatus::Archived {
        return None;
    }
    let standing = &place.page.standing;
    let mut links = Vec::new();
    if place.may_change(Permission::MembersManage) {
        links.push(("user-plus", "Add Member", place.tab(Tab::Members)));
    }
    if place.may_change(Permission::ProjectsManage) {
        links.push(("folder", "Create project", place.tab(Tab::Projects)));
    }
    if standing.grant(Permission::PolicyEdit) >= domain::Grant::Lower {
        links.push(("label", "Edit label policy", place.tab(Tab::Policy)));
    }
    if place.may_change(Permission::MembersManage) {
        links.push(("book", "Guides", format!("/admin/guide?team={}", place.page.team.id)));
    }
    if declared::has_manifest(&place.page.team) {
        links.push(("terminal", "Manifest", declared::address(place)));
    }
    if links.is_empty() {
        return None;
    }
    Some(
        view! {
            <section class="card" aria-labelledby="actions-title">
                <header class="card__header"><h2 class="card__title" id="actions-title">"Quick actions"</h2></header>
                <ul class="rows">
                    {links
                        .into_iter()
                        .map(|(name, label, href)| {
                            view! {
                                <li class="row">
                                    {icon(name)}
                                    <div class="row__main"><a class="row__title" href=href>{label}</a></div>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </section>
        }
        .into_any(),
    )
}

fn facts(overview: &TeamOverview, declared: Option<AnyView>) -> AnyView {
    let team = &overview.page.team;
    let required: Vec<String> = team.policy.required.iter().map(ToString::to_string).collect();
    let patterns: Vec<String> = team.policy.optional.iter().map(ToString::to_string).collect();
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"Facts"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    <div><dt>"Organization"</dt><dd>{team.organization_name.clone()}</dd></div>
                    <div><dt>"Short name"</dt><dd><code>{team.slug.clone()}</code></dd></div>
                    <div>
                        <dt>"Id"</dt>
                        <dd>
                            <span class="copyable">
                                <code id="team-id">{team.id.to_string()}</code>
                                <button
                                    class="button button--icon button--ghost button--small"
                                    type="button"
                                    data-copy="team-id"
                                    aria-label="Copy team id"
                                >
                                    {icon("copy")}
                                </button>
                            </span>
                        </dd>
                    </div>
                    <div><dt>"Required labels"</dt><dd>{ui::chips("Required labels", "required", &required)}</dd></div>
                    <div><dt>"Optional patterns"</dt><dd>{ui::chips("Optional patterns", "pattern", &patterns)}</dd></div>
                    <div><dt>"Runner groups"</dt><dd>{super::policy::groups_or_default(&team.runner_group_ids)}</dd></div>
                    <div>
                        <dt>"Created"</dt>
                        <dd>{ui::time(team.created_at)}{team.created_by.clone().map(|by| format!(" by {by}"))}</dd>
                    </div>
                    {declared}
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn changes(changes: &[Change], place: &Place, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let team = place.page.team.id;
    let all = place.page.standing.may(Permission::AuditView).then(|| {
        view! {
            <div class="card__actions">
                <a class="button button--small" href=format!("/admin/audit?team={team}")>"Audit log"</a>
                <a class="button button--small" href=format!("/admin/security-events?team={team}")>"Security events"</a>
            </div>
        }
    });
    let body = if changes.is_empty() {
        let text = if all.is_some() {
            "No changes yet."
        } else {
            "Nothing that you may see."
        };
        view! { <p class="muted">{text}</p> }.into_any()
    } else {
        view! { <ol class="timeline">{changes.iter().map(|change| item(change, now)).collect_view()}</ol> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="changes-title">
            <header class="card__header"><div><h2 class="card__title" id="changes-title">"Recent changes"</h2></div>{all}</header>
            <div class="card__body">{body}</div>
        </section>
    }
    .into_any()
}

fn item(change: &Change, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let detail = match change.action.as_str() {
        "team.services" => Some(super::services::details(change)),
        "team.update" | "project.update" | "member.role" | "member.update" => Some(details(change)),
        _ => None,
    };
    let happened = Happened {
        at: change.at,
        action: &change.action,
        actor: &change.actor,
        target: &change.target,
        href: None,
        // What failed is called so.
        success: true,
        detail,
        team: None,
    };
    ui::happened(happened, now)
}

fn details(change: &Change) -> String {
    let none = || "none".to_owned();
    let parts: Vec<String> = change
        .fields
        .iter()
        .map(|field| {
            format!(
                "{}: {} → {}",
                field.field.replace('_', " "),
                field.before.clone().unwrap_or_else(none),
                field.after.clone().unwrap_or_else(none)
            )
        })
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join("; "))
    }
}
