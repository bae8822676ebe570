//! The home page: what needs somebody, what they use, what an installation lacks; and a team's last days.

use backend::{home, teams};
use domain::{
    OrgRole, TeamRole, UserId,
    views::{Ending, EndingKind, Home},
};

use crate::common::World;

async fn load(world: &World, who: UserId) -> Home {
    let loaded = world.ask(who, async |ctx| home::load(ctx).await).await;
    loaded.unwrap_or_else(|error| panic!("{error}"))
}

fn kinds(ending: &[Ending]) -> Vec<(EndingKind, &str)> {
    ending.iter().map(|one| (one.kind, one.name.as_str())).collect()
}

#[tokio::test]
async fn what_ends_within_two_weeks_is_told_to_whom_it_concerns() {
    let world = World::new().await;
    let team = world.team("Backend").await;
    let project = world.project(team, "Billing").await;
    let tess = world.member(team, "tess", TeamRole::Admin).await;
    let max = world.member(team, "max", TeamRole::Member).await;
    let nina = world.member(team, "nina", TeamRole::Member).await;
    for (who, what, days) in [(max, "expires_at", 3), (nina, "expires_at", 15), (tess, "admin_until", 9)] {
        let sql = format!("UPDATE team_members SET {what} = now() + interval '{days} days' WHERE user_id = '{who}'");
        world.sql(&sql).await;
    }
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, expires_at, revoked_at) VALUES
                (gen_random_uuid(), '{team}', NULL, '{max}', 'mine', 'sk-a', now() + interval '1 day', NULL),
                (gen_random_uuid(), '{team}', NULL, '{max}', 'revoked', 'sk-b', now() + interval '1 day', now()),
                (gen_random_uuid(), '{team}', NULL, '{max}', 'ended', 'sk-c', now() - interval '1 day', NULL),
                (gen_random_uuid(), '{team}', '{project}', '{nina}', 'of the project', 'sk-d', now() + interval '2 days', NULL)"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO personal_access_tokens (id, user_id, name, prefix, token_hash, expires_at) VALUES
                (gen_random_uuid(), '{max}', 'laptop', 'p', 'x', now() + interval '5 days'),
                (gen_random_uuid(), '{max}', 'server', 'p', 'y', now() + interval '50 days')"
        ))
        .await;

    let own = load(&world, max).await;
    assert_eq!(
        kinds(&own.ending),
        [
            (EndingKind::Key, "mine"),
            (EndingKind::OwnMembership, "max@example.com"),
            (EndingKind::Token, "laptop"),
        ]
    );
    assert_eq!((own.key_count, own.keys.len()), (1, 1), "what ended and what was revoked is not used");
    assert_eq!(own.teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["Backend"]);
    let admins = load(&world, tess).await;
    assert_eq!(
        kinds(&admins.ending),
        [
            (EndingKind::ProjectKey, "of the project"),
            (EndingKind::Membership, "max@example.com"),
            (EndingKind::OwnAdminRole, "tess@example.com"),
        ]
    );
    assert_eq!(kinds(&load(&world, nina).await.ending), []);
    assert_eq!(admins.first_steps, None, "who cannot take them is not shown them");
}

#[tokio::test]
async fn first_steps_are_shown_until_all_are_done() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let steps = load(&world, root).await.first_steps.unwrap();
    assert!(!steps.organization && !steps.org_admin && !steps.team && !steps.service);
    let acme = world.organization("acme").await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    world.team_in(acme, "Backend").await;
    world
        .sql(&format!(
            "INSERT INTO services (id, organization_id, name) VALUES (gen_random_uuid(), '{acme}', 'grafana')"
        ))
        .await;
    let steps = load(&world, root).await.first_steps.unwrap();
    assert!(steps.organization && steps.org_admin && steps.team && steps.service);
    assert!(!steps.litellm, "no instance is configured here");
    assert_eq!(load(&world, olga).await.first_steps, None);
}

#[tokio::test]
async fn a_teams_days_have_the_most_runners_at_a_time_and_what_was_spent() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Backend").await;
    // Two at once three days ago, one after the other the day after, one that is there since long ago.
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, created_at, deleted_at) 
            SELECT gen_random_uuid(), '{team}', 'r-' || n, CASE WHEN ended IS NULL THEN 'active' ELSE 'deleted' END, '{{}}', 1, '{root}', 
                date_trunc('day', now(), 'UTC') + began, date_trunc('day', now(), 'UTC') + ended
            FROM (VALUES (1, interval '-3 days', interval '-3 days' + interval '2 hours'),
                (2, interval '-3 days' + interval '1 hour', interval '-3 days' + interval '3 hours'),
                (3, interval '-2 days', interval '-2 days' + interval '1 hour'),
                (4, interval '-2 days' + interval '2 hours', interval '-2 days' + interval '3 hours'),
                (5, interval '-90 days', NULL)) AS r(n, began, ended)"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO spend_entries (organization_id, team_id, cost, at, source)
            SELECT organization_id, id, 1.25, date_trunc('day', now(), 'UTC') - interval '1 day' + interval '1 hour', 'ingest' FROM teams
            WHERE id = '{team}'"
        ))
        .await;
    let days = world
        .ask(root, async |ctx| {
            let page = teams::get(ctx, team).await?;
            teams::history(ctx, &page).await
        })
        .await
        .unwrap();
    assert_eq!(days.len(), 30);
    let last: Vec<i64> = days.iter().rev().take(5).rev().map(|day| day.runners).collect();
    assert_eq!(last, [1, 3, 2, 1, 1]);
    assert_eq!(days[0].runners, 1, "it was there before the first day");
    assert_eq!(days[28].spend.decimal().to_string(), "1.25");
    assert!(days[27].spend.decimal().is_zero());
}
