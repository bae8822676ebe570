//! Cost: minutes of jobs, priced by label, within what each caller sees.

use backend::{
    Ctx,
    cost::{self, CostQuery, NewPrices},
};
use chrono::{DateTime, Utc};
use domain::{
    OrgRole, ProjectId, TeamId, TeamRole, UserId,
    cost::{CostGroup, minutes},
    views::{CostReport, CostRow},
};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use crate::common::{World, refused};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// All of March 2026.
fn march(group: CostGroup) -> CostQuery {
    CostQuery {
        from: Some(at("2026-03-01T00:00:00Z")),
        to: Some(at("2026-04-01T00:00:00Z")),
        group,
        limit: 100,
        ..CostQuery::default()
    }
}

async fn job(world: &World, team: Option<TeamId>, project: Option<ProjectId>, labels: &str, start: &str, seconds: u32) {
    let quoted = |id: Option<String>| id.map_or_else(|| "NULL".to_owned(), |id| format!("'{id}'"));
    let (team, project) = (
        quoted(team.map(|id| id.to_string())),
        quoted(project.map(|id| id.to_string())),
    );
    world
        .sql(&format!(
            "INSERT INTO workflow_jobs (id, run_id, repository, name, team_id, project_id, labels, status, started_at, completed_at)
            SELECT count(*) + 1, 1, 'a/b', 'test', {team}, {project}, '{labels}', 'completed', '{start}', '{start}'::timestamptz + interval '{seconds} seconds'
            FROM workflow_jobs"
        ))
        .await;
}

/// Prices as they were set at some time: the function acts now, and these tests are about what is past.
async fn price(world: &World, label: &str, price: &str, from: &str) {
    world
        .sql(&format!(
            "INSERT INTO runner_label_prices (label, price, valid_from) VALUES ('{label}', {price}, '{from}')"
        ))
        .await;
}

async fn report(world: &World, who: UserId, query: &CostQuery) -> CostReport {
    world
        .ask(who, async |ctx| cost::report(ctx, query).await)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn line(row: &CostRow) -> (String, i64, String, String) {
    let name = match (&row.team, &row.project, &row.label, row.day) {
        (Some(team), Some((_, project)), ..) => format!("{}/{project}", team.name),
        (Some(team), None, ..) if row.hidden_projects => format!("{}/*", team.name),
        (Some(team), None, ..) => team.name.clone(),
        (None, _, Some(label), _) => label.clone(),
        (None, _, None, Some(day)) => day.to_string(),
        (None, ..) => "-".to_owned(),
    };
    (
        name,
        row.sum.jobs,
        minutes(row.sum.seconds).to_string(),
        row.sum.money().to_string(),
    )
}

fn lines(report: &CostReport) -> Vec<(String, i64, String, String)> {
    report.rows.iter().map(line).collect()
}

fn row(name: &str, jobs: i64, minutes: &str, cost: &str) -> (String, i64, String, String) {
    (name.to_owned(), jobs, minutes.to_owned(), cost.to_owned())
}

/// The price of a job is the highest among its labels when it started; a change leaves the past as it was; and what is
/// summed up is exact.
#[tokio::test]
async fn cost_a_job_has_the_highest_price_of_its_labels_at_its_start() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Own").await;
    price(&world, "", "0.008", "2026-03-05T00:00:00Z").await;
    price(&world, "linux", "0.01", "2026-03-05T00:00:00Z").await;
    price(&world, "gpu", "0.1", "2026-03-05T00:00:00Z").await;
    price(&world, "gpu", "0.2", "2026-03-10T00:00:00Z").await;
    price(&world, "gpu", "NULL", "2026-03-20T00:00:00Z").await;
    let own = Some(team);
    job(&world, own, None, "{self-hosted}", "2026-03-02T00:00:00Z", 600).await; // before all prices
    job(&world, own, None, "{self-hosted,docker}", "2026-03-06T00:00:00Z", 600).await; // 0.08
    job(&world, own, None, "{Linux,GPU}", "2026-03-06T12:00:00Z", 90).await; // 1.5 × 0.1
    job(&world, own, None, "{gpu}", "2026-03-09T23:59:59Z", 60).await; // the old price: it started before
    job(&world, own, None, "{gpu}", "2026-03-10T00:00:00Z", 60).await; // the new one
    job(&world, own, None, "{gpu,linux}", "2026-03-21T00:00:00Z", 60).await; // gpu has none any more
    job(&world, own, None, "{gpu}", "2026-03-22T00:00:00Z", 7).await; // 7/60 × 0.008
    let by_label = report(&world, root, &march(CostGroup::Label)).await;
    assert_eq!(
        lines(&by_label),
        [
            row("gpu", 3, "3.5", "0.45"),
            row("-", 3, "20.1", "0.080933"),
            row("linux", 1, "1.0", "0.01"),
        ]
    );
    let total = by_label.total;
    assert_eq!((total.jobs, minutes(total.seconds).to_string()), (7, "24.6".to_owned()));
    assert_eq!(
        total.money().to_string(),
        "0.540933",
        "of the jobs, not of rounded rows"
    );
    let by_day = report(&world, root, &march(CostGroup::Day)).await;
    let days: Vec<_> = lines(&by_day).into_iter().map(|(day, ..)| day).collect();
    assert_eq!(
        days,
        ["2026-03-02", "2026-03-06", "2026-03-10", "2026-03-21", "2026-03-22"],
        "by completion, in order"
    );
    assert_eq!(by_day.rows[2].sum.money().to_string(), "0.3");
}

/// A job belongs to the period that it completed in, whole; what runs now is apart, and a lost webhook lets no job run on.
#[tokio::test]
async fn cost_only_completed_jobs_count_and_running_ones_are_apart() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Own").await;
    let own = Some(team);
    price(&world, "", "1", "2026-01-01T00:00:00Z").await;
    job(&world, own, None, "{}", "2026-02-28T23:00:00Z", 7200).await; // completes in March
    job(&world, own, None, "{}", "2026-03-31T23:00:00Z", 7200).await; // completes in April
    let march = report(&world, root, &march(CostGroup::Team)).await;
    assert_eq!(lines(&march), [row("Own", 1, "120.0", "120")]);
    let running = async |minutes: i32, runner: Option<&str>| {
        let runner = match runner {
            Some(status) => format!("'{}'", world.runner(own, root, status).await),
            None => "NULL".to_owned(),
        };
        world
            .sql(&format!(
                "INSERT INTO workflow_jobs (id, run_id, repository, name, team_id, runner_id, status, started_at)
                SELECT 1000 + count(*), 1, 'a/b', 'test', '{team}', {runner}, 'in_progress', now() - interval '{minutes} minutes' FROM workflow_jobs"
            ))
            .await;
    };
    running(10, Some("active")).await;
    running(20, None).await;
    running(30, Some("deleted")).await;
    running(60 * 24 * 6, None).await;
    let query = CostQuery {
        from: Some(Utc::now() - chrono::TimeDelta::days(30)),
        limit: 10,
        ..CostQuery::default()
    };
    let now = report(&world, root, &query).await;
    assert_eq!(
        now.total.running_jobs, 2,
        "neither the one whose runner is gone nor the one of six days"
    );
    let running = minutes(now.total.running_seconds).to_string();
    assert!(running.starts_with("30."), "{running}");
    assert_eq!((now.total.jobs, now.total.money().to_string().as_str()), (0, "0"));
}

/// P: all; the organization's; the own teams'. Members see their team's total, and by name only their own projects.
#[tokio::test]
async fn p_cost_is_seen_within_the_own_teams() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let (own, sister, other) = (
        world.team_in(acme, "Own").await,
        world.team_in(acme, "Sister").await,
        world.team("Elsewhere").await,
    );
    let (mine, theirs, secret) = (
        world.project(own, "Mine").await,
        world.project(own, "Theirs").await,
        world.project(own, "Secret").await,
    );
    let max = world.member(own, "max", TeamRole::Member).await;
    world.assign(mine, max).await;
    let tess = world.member(own, "tess", TeamRole::Admin).await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    let audrey = world.user("audrey").await;
    world.give(acme, audrey, OrgRole::Auditor).await;
    let nora = world.user("nora").await;
    price(&world, "", "1", "2026-01-01T00:00:00Z").await;
    let start = "2026-03-06T00:00:00Z";
    for (team, project, minutes) in [
        (Some(own), Some(mine), 1),
        (Some(own), Some(theirs), 2),
        (Some(own), Some(secret), 4),
        (Some(own), None, 8),
        (Some(sister), None, 16),
        (Some(other), None, 32),
        (None, None, 64),
    ] {
        job(&world, team, project, "{}", start, minutes * 60).await;
    }
    let by_team = march(CostGroup::Team);
    let names = async |who| -> Vec<String> {
        lines(&report(&world, who, &by_team).await)
            .into_iter()
            .map(|(name, ..)| name)
            .collect()
    };
    assert_eq!(
        names(root).await,
        ["-", "Elsewhere", "Sister", "Own"],
        "also of no team"
    );
    assert_eq!(names(olga).await, ["Sister", "Own"]);
    assert_eq!(names(audrey).await, ["Sister", "Own"]);
    assert_eq!(names(tess).await, ["Own"]);
    assert_eq!(
        lines(&report(&world, max, &by_team).await),
        [row("Own", 4, "15.0", "15")],
        "the team's total"
    );
    let by_project = march(CostGroup::Project);
    assert_eq!(
        lines(&report(&world, max, &by_project).await),
        [
            row("Own", 1, "8.0", "8"),
            row("Own/*", 2, "6.0", "6"),
            row("Own/Mine", 1, "1.0", "1")
        ]
    );
    assert_eq!(report(&world, tess, &by_project).await.rows.len(), 4);
    let ask = async |who, team: Option<TeamId>, organization| {
        let query = CostQuery {
            team,
            organization,
            ..by_team
        };
        world.ask(who, async |ctx| cost::report(ctx, &query).await).await
    };
    refused(
        ask(nora, None, None).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    refused(
        ask(max, Some(sister), None).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    refused(
        ask(olga, Some(other), None).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    refused(
        ask(max, None, Some(domain::DEFAULT_ORGANIZATION)).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    assert_eq!(ask(root, None, Some(acme)).await.unwrap().row_count, 2);
    assert_eq!(
        ask(max, None, Some(acme)).await.unwrap().row_count,
        1,
        "no more than without the filter"
    );
    refused(
        ask(root, None, Some(domain::OrganizationId(uuid::Uuid::now_v7()))).await,
        "NOT_FOUND",
        "Organization not found",
    );
    // Of an inactive team its members see nothing but name and status.
    world.set_status(own, domain::TeamStatus::Inactive).await;
    refused(ask(max, Some(own), None).await, "TEAM_INACTIVE", "Team is inactive");
    refused(ask(max, None, None).await, "FORBIDDEN", "Access denied");
    assert_eq!(ask(olga, Some(own), None).await.unwrap().total.jobs, 4);
}

/// [F] wrong totals: they are of all rows, on the page or not, and pages meet.
#[tokio::test]
async fn cost_totals_are_of_all_pages() {
    let world = World::new().await;
    let root = world.super_admin().await;
    price(&world, "", "0.01", "2026-01-01T00:00:00Z").await;
    world
        .sql(&format!(
            "WITH made AS (INSERT INTO teams (id, organization_id, name, slug) SELECT gen_random_uuid(), '{}', 'Team ' || n, 't-' || n
                FROM generate_series(1, 30) n RETURNING id, name)
            INSERT INTO workflow_jobs (id, run_id, repository, name, team_id, status, started_at, completed_at)
            SELECT row_number() OVER (), 1, 'a/b', 'test', id, 'completed', '2026-03-06', '2026-03-06'::timestamptz + interval '1 minute' * k
            FROM made, generate_series(1, 20) k",
            domain::DEFAULT_ORGANIZATION
        ))
        .await;
    let mut seen = Vec::new();
    for offset in [0, 7, 14, 21, 28, 35] {
        let query = CostQuery {
            offset,
            limit: 7,
            ..march(CostGroup::Team)
        };
        let page = report(&world, root, &query).await;
        assert_eq!((page.row_count, page.total.jobs), (30, 600), "also past the end");
        assert_eq!(page.total.money().to_string(), "63");
        seen.extend(lines(&page).into_iter().map(|(name, ..)| name));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 30);
    // The file has them all, in the order of the pages.
    let mut ctx = Ctx::read(&world.backend, world.caller(root).await, crate::common::request())
        .await
        .unwrap();
    let rows: Vec<CostRow> = cost::export(&mut ctx, &march(CostGroup::Team))
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rows.len(), 30);
    let overview = world
        .ask(root, async |ctx| cost::overview(ctx, &march(CostGroup::Team)).await)
        .await
        .unwrap();
    assert_eq!(
        (overview.teams.rows.len(), overview.report.total),
        (30, overview.teams.total)
    );
    assert_eq!(overview.days.len(), 6, "the five dearest and the others, on one day");
    let sum: rust_decimal::Decimal = overview.days.iter().map(|row| row.sum.amount).sum();
    assert_eq!(sum, overview.teams.total.amount);
}

fn new(default: Option<&str>, labels: &[(&str, &str)]) -> NewPrices {
    NewPrices {
        default: default.map(|price| price.parse().unwrap()),
        labels: labels
            .iter()
            .map(|(label, price)| ((*label).to_owned(), price.parse().unwrap()))
            .collect(),
        valid_from: None,
    }
}

/// Only super_admins set prices; each change is audited with what was and what is, and rewrites nothing.
#[tokio::test]
async fn cost_prices_are_set_by_super_admins_and_audited() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    let auditor = world.user("auditor").await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    let set = async |who, new: NewPrices| world.act(who, async |ctx| cost::set_prices(ctx, &new).await).await;
    refused(
        set(olga, new(None, &[])).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
    refused(
        set(auditor, new(None, &[])).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
    // The first list may begin in the past, no other.
    let mut first = new(Some("0.008"), &[("GPU", "0.07"), ("linux", "0.01")]);
    first.valid_from = Some(at("2026-03-01T00:00:00Z"));
    let list = set(root, first.clone()).await.unwrap();
    let labels: Vec<_> = list.labels.iter().map(|price| price.label.as_str()).collect();
    assert_eq!((labels, list.currency.as_str()), (vec!["gpu", "linux"], "USD"));
    refused(
        set(root, first).await,
        "VALIDATION_ERROR",
        "valid_from: must not be in the future; in the past only",
    );
    let mut later = new(None, &[]);
    later.valid_from = Some(Utc::now() + chrono::TimeDelta::hours(1));
    refused(
        set(root, later).await,
        "VALIDATION_ERROR",
        "valid_from: must not be in the future",
    );
    set(root, new(Some("0.008"), &[("gpu", "0.08")])).await.unwrap();
    let entry: (Value, Value) =
        sqlx::query_as("SELECT before, after FROM audit_entries ORDER BY txid DESC, position DESC LIMIT 1")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(
        entry,
        (
            json!({"default": "0.008", "gpu": "0.07", "linux": "0.01"}),
            json!({"default": "0.008", "gpu": "0.08"})
        )
    );
    // What did not change is not written again, and what was stays.
    let rows: i64 = world.one("SELECT count(*) FROM runner_label_prices").await;
    assert_eq!(rows, 5);
    set(root, new(Some("0.008"), &[("gpu", "0.080")])).await.unwrap();
    let (rows, entries): (i64, i64) = (
        world.one("SELECT count(*) FROM runner_label_prices").await,
        world
            .one("SELECT count(*) FROM audit_entries WHERE action = 'prices.update'")
            .await,
    );
    assert_eq!((rows, entries), (5, 2), "the same prices are no change");
    let seen = world
        .ask(auditor, async |ctx| cost::list_prices(ctx).await)
        .await
        .unwrap();
    assert_eq!(seen.labels.len(), 1);
    refused(
        world.ask(olga, async |ctx| cost::list_prices(ctx).await).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
}
