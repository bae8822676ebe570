//! The dashboard: how many runners there are, who is near a quota, what was provisioned, what happened lately.
//! Each number leads to what it counts.

use backend::{Principal, alerts, cost, dashboard, identity};
use chrono::{DateTime, Utc};
use domain::{
    OrgRole,
    cost::{approximate, grouped, minutes},
    views::{Dashboard, MinutesDay, ProvisioningDay, RecentEvent, RunnerCounts, TeamUses},
};
use leptos::prelude::*;

use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr,
    ui::{
        self, Happened,
        chart::{self, DayChart, QuotaBar, Series, Tone, Value},
    },
};

/// Whose numbers these are.
struct Viewer {
    /// Sees the installation, or whole organizations.
    administrative: bool,
    /// Sees everything.
    all: bool,
    /// Sees what some team costs.
    sees_cost: bool,
    /// Where the list of these runners is.
    list: &'static str,
}

impl Viewer {
    fn of(person: &Principal, sees_cost: bool) -> Self {
        let all = person.super_admin || person.auditor;
        let whole = |role: &OrgRole| matches!(role, OrgRole::OrgAdmin | OrgRole::Auditor);
        let administrative = all || person.organizations.iter().any(|(_, role)| whole(role));
        Self {
            administrative,
            all,
            sees_cost,
            list: if administrative { "/admin/runners" } else { "/runners" },
        }
    }

    fn words(&self) -> &'static str {
        match (self.all, self.administrative) {
            (true, _) => "All runners of this installation.",
            (false, true) => "The runners of your organizations, your teams and your own.",
            (false, false) => "Your runners and those of your teams.",
        }
    }
}

/// `/admin/dashboard`.
pub fn dashboard() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let sees_cost = cost::may_see(&ctx.caller);
        let viewer = Viewer::of(ctx.person()?, sees_cost);
        let begin = super::provision_button(&identity::me(ctx.person()?));
        let now = ctx.now;
        let log = super::audit::title(backend::audit::reach(&ctx.caller));
        let loaded = dashboard::load(&mut ctx).await?;
        let alerts = if alerts::may_see(&ctx.caller) {
            alerts::list(&mut ctx).await?
        } else {
            Vec::new()
        };
        drop(ctx);
        let header = ui::page_header(
            "Dashboard",
            None,
            Some(viewer.words().to_owned()),
            view! {
                <a class="button" href=ssr::path() title=format!("As of {}", ui::moment(now))>{icon("sync")}"Refresh"</a>
                {begin}
            }
            .into_any(),
        );
        let body = view! {
            {super::alerts::notice(&alerts)}
            {counts(&viewer, loaded.stats.runners)}
            <div class="split">
                <div class="split__main">
                    {provisioning(&loaded.provisioning)} {quotas(&loaded.teams)} {worked(&viewer, &loaded.minutes)}
                </div>
                <aside class="split__aside" aria-label="Lately">
                    {security(&viewer, &loaded)} {events(&loaded.stats.recent, log, now)}
                </aside>
            </div>
        };
        Ok(Rendered::new("Dashboard", view! { {header} {body} }))
    })
}

fn counts(viewer: &Viewer, counts: RunnerCounts) -> AnyView {
    let stat = |label: &'static str, count: i64, status: Option<&str>, note: String| {
        let href = status.map_or_else(
            || viewer.list.to_owned(),
            |status| format!("{}?status={status}", viewer.list),
        );
        view! {
            <a class="stat" href=href>
                <span class="stat__label">{label}</span>
                <span class="stat__value">{grouped(count.into())}</span>
                <span class="stat__note">{note}</span>
            </a>
        }
    };
    view! {
        <section class="stats" aria-label="Runners">
            {stat("Total", counts.total, None, "runners, deleted ones aside".to_owned())}
            {stat("Active", counts.active, Some("active"), format!("{} at work", grouped(counts.busy.into())))}
            {stat("Offline", counts.offline, Some("offline"), "not connected to GitHub".to_owned())}
            {stat("Pending", counts.pending, Some("pending"), "not started yet".to_owned())}
        </section>
    }
    .into_any()
}

/// A chart in a card, with a link to more of it.
fn card(body: AnyView, more: Option<(String, &'static str)>) -> AnyView {
    view! {
        <div class="card">
            <div class="card__body">{body}</div>
            {more
                .map(|(href, words)| {
                    view! { <footer class="card__footer"><a class="link" href=href>{words}</a></footer> }
                })}
        </div>
    }
    .into_any()
}

fn provisioning(days: &[ProvisioningDay]) -> AnyView {
    let (created, failed) = days.iter().fold((0, 0), |(created, failed), day| {
        (created + day.created, failed + day.failed)
    });
    let series = |name: &str, tone, of: fn(&ProvisioningDay) -> i64, total: i64| Series {
        name: name.to_owned(),
        tone,
        values: days.iter().map(|day| Value::count(of(day))).collect(),
        total: grouped(total.into()),
    };
    let chart = DayChart {
        id: "provisioning",
        title: "Provisioning",
        summary: format!(
            "Last 30 days: {} provisioned, {} refused or failed.",
            ui::plural(created, "runner"),
            ui::plural(failed, "request")
        ),
        unit: "",
        whole: true,
        days: days.iter().map(|day| day.day).collect(),
        series: vec![
            series("Provisioned", Tone::Series(1), |day| day.created, created),
            series("Refused or failed", Tone::Bad, |day| day.failed, failed),
        ],
        limit: None,
        when_empty: "Runners show up here on the day they are provisioned.",
    };
    card(chart::columns(&chart), None)
}

fn worked(viewer: &Viewer, days: &[MinutesDay]) -> Option<AnyView> {
    if !viewer.sees_cost {
        return None;
    }
    let value = |day: &MinutesDay| Value {
        size: approximate(day.seconds) / 60.0,
        text: grouped(minutes(day.seconds)),
    };
    let total = grouped(minutes(days.iter().map(|day| day.seconds).sum()));
    let chart = DayChart {
        id: "minutes",
        title: "Runner minutes",
        summary: format!("Last 30 days: jobs that completed ran for {total} minutes."),
        unit: "min",
        whole: false,
        days: days.iter().map(|day| day.day).collect(),
        series: vec![Series {
            name: "Minutes".to_owned(),
            tone: Tone::Series(2),
            values: days.iter().map(value).collect(),
            total,
        }],
        limit: None,
        when_empty: "Minutes are counted once GitHub's workflow_job webhook tells of completed jobs.",
    };
    Some(card(
        chart::area(&chart),
        Some(("/admin/cost".to_owned(), "Minutes and cost by team and project")),
    ))
}

fn quotas(uses: &TeamUses) -> AnyView {
    let shown = i64::try_from(uses.teams.len()).unwrap_or(i64::MAX);
    let body = if uses.teams.is_empty() {
        view! {
            <div class="card__body">
                <p class="muted">"No team yet. Once you belong to a team, its runners and quota are here."</p>
            </div>
        }
        .into_any()
    } else {
        let bars = uses
            .teams
            .iter()
            .map(|team| QuotaBar {
                name: team.name.clone(),
                detail: team.organization.clone(),
                href: format!("/admin/teams/{}", team.id),
                used: team.used,
                max: team.max,
            })
            .collect();
        view! {
            <div class="card__body card__body--flush">{chart::quota_bars("Runners against quotas", "Runners", bars)}</div>
            {(uses.total > shown)
                .then(|| {
                    view! {
                        <footer class="card__footer">
                            <span>{format!("The {shown} fullest of {}.", ui::plural(uses.total, "team"))}</span>
                            <a class="link" href="/admin/teams">"All teams"</a>
                        </footer>
                    }
                })}
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="quotas-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="quotas-title">"Use against quota"</h2>
                    <p class="card__description">"Every runner that is not deleted counts. The fullest team first."</p>
                </div>
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn security(viewer: &Viewer, loaded: &Dashboard) -> Option<AnyView> {
    let total: i64 = loaded.security.iter().map(|(_, count)| count).sum();
    // Who administers nothing sees own events only: worth a card when there are some.
    if !viewer.administrative && total == 0 {
        return None;
    }
    let rows = loaded.security.iter().map(|&(severity, count)| {
        view! {
            <li class="row">
                <div class="row__main">
                    <a class="row__title" href=format!("/admin/security-events?severity={severity}")>
                        {ui::severity_badge(severity)}
                    </a>
                </div>
                <b class="dashboard__count">{grouped(count.into())}</b>
            </li>
        }
    });
    Some(
        view! {
            <section class="card" aria-labelledby="security-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="security-title">"Security events"</h2>
                        <p class="card__description">"The last 7 days, by severity."</p>
                    </div>
                </header>
                <ul class="rows">{rows.collect_view()}</ul>
            </section>
        }
        .into_any(),
    )
}

fn events(events: &[RecentEvent], log: &'static str, now: DateTime<Utc>) -> AnyView {
    let body = if events.is_empty() {
        view! { <p class="muted">"Nothing yet. What you do, and what happens to what you administer, is here."</p> }
            .into_any()
    } else {
        view! { <ol class="timeline">{events.iter().map(|event| item(event, now)).collect_view()}</ol> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="events-title">
            <header class="card__header">
                <h2 class="card__title" id="events-title">"Recent events"</h2>
            </header>
            <div class="card__body">{body}</div>
            <footer class="card__footer"><a class="link" href="/admin/audit">{log}</a></footer>
        </section>
    }
    .into_any()
}

fn item(event: &RecentEvent, now: DateTime<Utc>) -> AnyView {
    let team = event.team.clone();
    let happened = Happened {
        at: event.at,
        action: &event.action,
        actor: &event.actor,
        target: &event.target,
        href: event.runner_id.map(|id| format!("/runners/{id}")),
        success: event.success,
        detail: None,
        team: team.map(|(id, name)| (name, format!("/admin/teams/{id}"))),
    };
    ui::happened(happened, now)
}
