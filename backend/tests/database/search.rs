//! Finding things by their names: what each sees, and in which order.

use backend::search;
use domain::{OrgRole, TeamRole, TeamStatus, UserId, views::FoundKind};

use crate::common::World;

async fn names(world: &World, who: UserId, text: &str) -> Vec<(FoundKind, String)> {
    let found = world.ask(who, async |ctx| search::find(ctx, text).await).await;
    let found = found.unwrap_or_else(|error| panic!("{error}")).into_iter();
    found.map(|found| (found.kind, found.name)).collect()
}

fn team(name: &str) -> (FoundKind, String) {
    (FoundKind::Team, name.to_owned())
}

#[tokio::test]
async fn each_finds_what_they_may_see() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (acme, beta) = (world.organization("acme").await, world.organization("beta").await);
    let zebra = world.team_in(acme, "Zebra platform").await;
    let other = world.team_in(beta, "Zebra shop").await;
    let max = world.member(zebra, "max", TeamRole::Member).await;
    let tess = world.member(zebra, "zebra.tess", TeamRole::Admin).await;
    world.member(other, "zebra.otto", TeamRole::Member).await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    world.give(acme, tess, OrgRole::OrgMember).await;
    let nora = world.user("nora").await;
    let (own, hidden) = (world.project(zebra, "Zebra api").await, world.project(zebra, "Zebra web").await);
    world.assign(own, max).await;
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix) VALUES
                (gen_random_uuid(), '{zebra}', '{own}', '{tess}', 'zebra deploy', 'sk-a'),
                (gen_random_uuid(), '{zebra}', '{hidden}', '{tess}', 'zebra nightly', 'sk-b')"
        ))
        .await;

    let of = |names: Vec<(FoundKind, String)>| names.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(
        of(names(&world, max, "zebra").await),
        ["Zebra platform", "zebra.tess@example.com", "Zebra api", "zebra deploy"],
        "a member's projects are those that they are assigned to"
    );
    let mut admin = of(names(&world, tess, "zebra").await);
    admin.sort();
    assert_eq!(
        admin,
        ["Zebra api", "Zebra platform", "Zebra web", "zebra deploy", "zebra nightly", "zebra.tess@example.com"]
    );
    assert!(!of(names(&world, olga, "zebra").await).iter().any(|name| name.contains("shop") || name.contains("otto")));
    assert_eq!(names(&world, root, "zebra").await.len(), 8);
    assert_eq!(names(&world, nora, "zebra").await, []);
    // Somebody whose account is not theirs to see is shown in the team that both are in.
    let found = world.ask(max, async |ctx| search::find(ctx, "tess").await).await.unwrap();
    assert_eq!((found[0].kind, found[0].team), (FoundKind::Person, Some(zebra.0)));
    let found = world.ask(olga, async |ctx| search::find(ctx, "tess").await).await.unwrap();
    assert_eq!((found[0].kind, found[0].team), (FoundKind::Person, None));
}

#[tokio::test]
async fn what_is_typed_is_only_text() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for name in ["100% backend", "100 backends", "under_score", "Backend", "Team ümlaut"] {
        world.team(name).await;
    }
    assert_eq!(names(&world, root, "100%").await[0], team("100% backend"));
    assert_eq!(names(&world, root, "r_s").await, [team("under_score")]);
    assert_eq!(names(&world, root, "ÜML").await, [team("Team ümlaut")]);
    assert_eq!(names(&world, root, "backend").await[0], team("Backend"), "the nearest name first");
    assert!(names(&world, root, "bakend").await.contains(&team("Backend")), "a letter may be missing");
    for nothing in ["", " ", "b", "%", "\0", "'; DROP TABLE teams; --", "zzzzqq"] {
        assert_eq!(names(&world, root, nothing).await, [], "{nothing:?}");
    }
    assert_eq!(names(&world, root, "ba").await[0], team("Backend"), "two letters begin a word");
    let long = "backend ".repeat(1000);
    names(&world, root, &long).await;
}

#[tokio::test]
async fn archived_teams_and_ended_runners_and_keys_are_not_found() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let gone = world.team("Quagga").await;
    world.project(gone, "Quagga site").await;
    world.set_status(gone, TeamStatus::Archived).await;
    let there = world.team("Okapi").await;
    world.runner(Some(there), root, "deleted").await;
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, revoked_at) VALUES
                (gen_random_uuid(), '{there}', '{root}', 'quagga key', 'sk-a', now())"
        ))
        .await;
    world.sql("UPDATE runners SET name = 'quagga-1'").await;
    assert_eq!(names(&world, root, "quagga").await, []);
}
