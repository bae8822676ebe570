//! Overview: facts, use against the ceilings, what needs attention.

use backend::organizations;
use domain::{
    Permission,
    views::{OrganizationNumbers, OrphanTeam},
};
use leptos::prelude::*;

use super::{Place, Tab, tab_page};
use crate::{icon::icon, layout::page, pages::budget, ui};

/// `/admin/organizations/{organization}`.
pub fn overview() -> impl IntoView {
    page(tab_page(Tab::Overview, async |ctx, place| {
        let now = ctx.now;
        let orphans = organizations::orphans(ctx, &place.page).await?;
        let split = backend::budgets::split(ctx, &place.page).await?;
        let budget = split.map(|split| {
            let settings = place.may(Permission::TeamAdminister).then(|| place.tab(Tab::Settings));
            budget::split_card(&split, settings, now)
        });
        Ok(match place.page.numbers {
            Some(numbers) => view! {
                {warnings(place, numbers, &orphans)}
                {stats(place, numbers)}
                <div class="split">
                    <div class="split__main">{budget} {ceilings(place, numbers)}</div>
                    <aside class="split__aside" aria-label="Details">{facts(place)}</aside>
                </div>
            }
            .into_any(),
            None => facts(place),
        })
    }))
}

fn warnings(place: &Place, numbers: OrganizationNumbers, orphans: &[OrphanTeam]) -> AnyView {
    let lonely = (numbers.admins == 0 && !place.is_default()).then(|| {
        ui::callout(
            "info",
            "This organization has no admin of its own",
            view! { <p>"Super admins administer it until someone is made organization admin on the People tab."</p> }
                .into_any(),
        )
    });
    let total = numbers.teams_without_admin;
    let more = total - i64::try_from(orphans.len()).unwrap_or(total);
    let teams = (total > 0).then(|| {
        let links = orphans
            .iter()
            .map(|team| {
                let href = format!("/admin/teams/{}/members", team.id);
                let members = ui::plural(team.member_count.into(), "member");
                view! { <li><a class="link" href=href>{team.name.clone()}</a>{format!(", {members}")}</li> }
            })
            .collect_view();
        let whom = if total == 1 {
            "Nobody in it can manage members or projects. Choose an admin:"
        } else {
            "Nobody in them can manage members or projects. Choose an admin for each:"
        };
        ui::callout(
            "warning",
            &format!("{} without an admin", ui::plural(total, "team")),
            view! {
                <p>{whom}</p>
                <ul>{links} {(more > 0).then(|| view! { <li>{format!("and {more} more")}</li> })}</ul>
            }
            .into_any(),
        )
    });
    view! { {teams} {lonely} }.into_any()
}

fn stats(place: &Place, numbers: OrganizationNumbers) -> AnyView {
    view! {
        <div class="stats">
            <a class="stat" href=place.tab(Tab::Teams)>
                <span class="stat__label">"Teams"</span>
                <span class="stat__value">{numbers.active_teams + numbers.inactive_teams}</span>
                <span class="stat__note">
                    {if numbers.inactive_teams == 0 { "all active".to_owned() } else { format!("{} inactive", numbers.inactive_teams) }}
                </span>
            </a>
            <a class="stat" href=place.tab(Tab::People)>
                <span class="stat__label">"People"</span>
                <span class="stat__value">{numbers.people}</span>
                <span class="stat__note">
                    {format!("{}, {}", ui::plural(numbers.admins, "admin"), ui::plural(numbers.guests, "guest"))}
                </span>
            </a>
            {runners(place.page.organization.max_runners, numbers.runners)}
        </div>
    }
    .into_any()
}

fn runners(max: Option<i32>, used: i64) -> AnyView {
    let max = max.map(i64::from);
    let value = match max {
        Some(max) => view! { {used}" "<small>{format!("of {max}")}</small> }.into_any(),
        None => used.into_any(),
    };
    let note = match max {
        None => "no limit for all teams together".to_owned(),
        Some(max) if used >= max => "the ceiling is reached: no team can provision more".to_owned(),
        Some(max) => format!("{} more, over all teams", max - used),
    };
    view! {
        <div class="stat">
            <span class="stat__label">"Runners of all teams"</span>
            <span class="stat__value">{value}</span>
            <span class="stat__note">{note}</span>
        </div>
    }
    .into_any()
}

fn ceilings(place: &Place, numbers: OrganizationNumbers) -> AnyView {
    let organization = &place.page.organization;
    let limits = &organization.limits;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "no limit".to_owned());
    let budget = limits.max_budget.map(|amount| match &limits.budget_duration {
        Some(period) => format!("{} every {}", ui::dollars(amount), period.in_words()),
        None => ui::dollars(amount),
    });
    let edit = (place.may(Permission::TeamAdminister) && !place.is_default())
        .then(|| view! { <a class="button button--small" href=place.tab(Tab::Settings)>"Edit"</a> });
    let max_runners = organization
        .max_runners
        .map(|max| format!("{max}, of which {} in use", numbers.runners));
    view! {
        <section class="card" aria-labelledby="ceilings-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="ceilings-title">"Ceilings"</h2>
                    <p class="card__description">"No team can have more; teams may have less."</p>
                </div>
                <div class="card__actions">{edit}</div>
            </header>
            <div class="card__body">
                <dl class="facts">
                    <div><dt>"Runners, all teams"</dt><dd>{or_none(max_runners)}</dd></div>
                    <div><dt>"Budget of a team"</dt><dd>{or_none(budget)}</dd></div>
                    <div><dt>"Tokens per minute"</dt><dd>{or_none(limits.tpm_limit.map(|n| domain::cost::grouped(n.into())))}</dd></div>
                    <div><dt>"Requests per minute"</dt><dd>{or_none(limits.rpm_limit.map(|n| domain::cost::grouped(n.into())))}</dd></div>
                    <div>
                        <dt>"Models"</dt>
                        <dd>
                            {if limits.models.is_empty() {
                                "all".into_any()
                            } else {
                                ui::chips("Models", "required", &limits.models)
                            }}
                        </dd>
                    </div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn facts(place: &Place) -> AnyView {
    let organization = &place.page.organization;
    let verified: Vec<String> = (place.page.domains.iter())
        .filter(|known| known.verified.is_some())
        .map(|known| known.domain.clone())
        .collect();
    let admins = ui::contacts(&place.page.admins).unwrap_or_else(|| "super admins".into_any());
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"Facts"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    <div>
                        <dt>"Administered by"</dt>
                        <dd>{admins}</dd>
                    </div>
                    <div>
                        <dt>"Email domains"</dt>
                        <dd>
                            {if verified.is_empty() {
                                "none: anyone can be added".into_any()
                            } else {
                                ui::chips("Email domains", "system", &verified)
                            }}
                        </dd>
                    </div>
                    <div><dt>"Time zone"</dt><dd>{organization.time_zone.clone()}</dd></div>
                    <div><dt>"Short name"</dt><dd><code>{organization.slug.clone()}</code></dd></div>
                    <div>
                        <dt>"Id"</dt>
                        <dd>
                            <span class="copyable">
                                <code id="organization-id">{organization.id.to_string()}</code>
                                <button
                                    class="button button--icon button--ghost button--small"
                                    type="button"
                                    data-copy="organization-id"
                                    aria-label="Copy organization id"
                                >
                                    {icon("copy")}
                                </button>
                            </span>
                        </dd>
                    </div>
                    <div><dt>"Created"</dt><dd>{ui::time(place.page.created_at)}</dd></div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}
