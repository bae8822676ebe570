//! D9: the guides know how far things are, for those who manage them.

use backend::{Result, guides, teams};
use domain::{
    Email, OrgRole, TeamId, TeamRole, TeamStatus, UserId, UserRef,
    views::{PersonInTeam, TeamProgress},
};

use crate::common::{World, refused};

async fn person(world: &World, by: UserId, team: TeamId, who: &UserRef) -> Result<Option<PersonInTeam>> {
    world
        .ask(by, async |ctx| {
            let page = guides::team(ctx, team).await?;
            guides::person(ctx, &page, who).await
        })
        .await
}

async fn progress(world: &World, by: UserId, team: TeamId) -> Result<TeamProgress> {
    world
        .ask(by, async |ctx| {
            let page = guides::team(ctx, team).await?;
            guides::progress(ctx, &page).await
        })
        .await
}

/// Team admins choose from their teams, org_admins from their organization's, super_admins from all.
#[tokio::test]
async fn d9_guides_are_for_those_who_manage() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let mine = world.team_in(organization, "Mine").await;
    let other = world.team_in(organization, "Other").await;
    let idle = world.team_in(organization, "Idle").await;
    world.team("Far").await;
    world.set_status(idle, TeamStatus::Inactive).await;
    let admin = world.member(mine, "admin", TeamRole::Admin).await;
    world.join(other, admin, TeamRole::Member).await;
    let member = world.member(mine, "member", TeamRole::Member).await;
    let (owner, auditor, root) = (
        world.user("owner").await,
        world.user("auditor").await,
        world.super_admin().await,
    );
    world.give(organization, owner, OrgRole::OrgAdmin).await;
    world.give(organization, auditor, OrgRole::Auditor).await;
    let names = async |by| {
        let teams = world.ask(by, async |ctx| guides::managed_teams(ctx).await).await?;
        Result::Ok(teams.into_iter().map(|team| team.name).collect::<Vec<_>>())
    };
    assert_eq!(names(admin).await.expect("an admin"), ["Mine"]);
    assert_eq!(names(owner).await.expect("an org_admin"), ["Mine", "Other"]);
    assert_eq!(names(root).await.expect("a super_admin"), ["Far", "Mine", "Other"]);
    let literal = "Admin privileges required for team management";
    for by in [member, auditor] {
        refused(names(by).await, "FORBIDDEN", literal);
    }
    let who = UserRef::Id(member);
    refused(
        person(&world, member, mine, &who).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    refused(
        person(&world, admin, other, &who).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    refused(person(&world, auditor, mine, &who).await, "FORBIDDEN", literal);
    refused(progress(&world, auditor, mine).await, "FORBIDDEN", literal);
    person(&world, admin, mine, &who).await.expect("their own team");
}

/// Scenario 1: found by email, taken in or not, a member or not yet.
#[tokio::test]
async fn d9_onboarding_sees_how_far_someone_is() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let team = world.team_in(organization, "Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let new = world.user("new").await;
    let by_email = UserRef::Email(Email::parse("new@example.com").expect("an address"));
    let unknown = UserRef::Email(Email::parse("nobody@example.com").expect("an address"));
    let look = async || {
        person(&world, admin, team, &by_email)
            .await
            .expect("asked")
            .expect("there")
    };
    assert_eq!(person(&world, admin, team, &unknown).await.expect("asked"), None);
    let first = look().await;
    assert_eq!(
        (first.id, first.role, first.org_role, first.not_admitted),
        (new, None, None, None)
    );
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
            VALUES ('{organization}', 'acme.example', 't', now(), 'word')"
        ))
        .await;
    let why = look().await.not_admitted.expect("a foreign address");
    assert!(
        why.starts_with("User new@example.com is not in this organization's email domains (acme.example)"),
        "{why}"
    );
    world.give(organization, new, OrgRole::OrgMember).await;
    let guest = look().await;
    assert_eq!((guest.not_admitted, guest.org_role), (None, Some(OrgRole::OrgMember)));
    world.join(team, new, TeamRole::Member).await;
    world
        .sql(&format!("UPDATE users SET last_seen_at = now() WHERE id = '{new}'"))
        .await;
    let project = world.project(team, "Billing").await;
    world.assign(project, new).await;
    let last = look().await;
    assert_eq!((last.role, last.project_roles), (Some(TeamRole::Member), 1));
    assert_eq!(last.project_names, ["Billing"]);
    assert!(last.joined_at.is_some() && last.last_seen_at.is_some());
    world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() - interval '1 hour' WHERE user_id = '{new}'"
        ))
        .await;
    assert_eq!(look().await.role, None, "a membership that has ended is none");
}

/// Scenario 3: what a leaver has in this team, and in no other; and whether the rule of the last admin is in the way.
#[tokio::test]
async fn d9_leaving_counts_what_someone_has() {
    let world = World::new().await;
    let (team, other) = (world.team("Ops").await, world.team("Other").await);
    let leaver = world.member(team, "leaver", TeamRole::Admin).await;
    world.join(other, leaver, TeamRole::Member).await;
    let root = world.super_admin().await;
    for (in_team, name) in [(team, "one"), (team, "two"), (other, "three")] {
        let project = world.project(in_team, name).await;
        world.assign(project, leaver).await;
        world.runner(Some(in_team), leaver, "active").await;
        world
            .sql(&format!(
                "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash, last_used_at)
                VALUES (gen_random_uuid(), '{in_team}', '{leaver}', 'key-{name}', 'sk-', '{name}', now())"
            ))
            .await;
    }
    world.runner(Some(team), leaver, "deleted").await;
    world
        .sql("UPDATE api_keys SET last_used_at = now() - interval '31 days' WHERE name = 'key-one'")
        .await;
    let look = async || {
        let who = UserRef::Id(leaver);
        person(&world, root, team, &who).await.expect("asked").expect("there")
    };
    let found = look().await;
    assert_eq!(
        (found.project_roles, found.keys, found.recent_keys, found.runners),
        (2, 2, 1, 2)
    );
    assert_eq!(
        (found.project_names, found.key_names),
        (
            vec!["one".to_owned(), "two".to_owned()],
            vec!["key-two".to_owned(), "key-one".to_owned()]
        )
    );
    assert!(!found.other_admin, "the last admin");
    let second = world.member(team, "second", TeamRole::Admin).await;
    assert!(look().await.other_admin);
    world
        .sql(&format!(
            "UPDATE team_members SET admin_until = now() - interval '1 hour' WHERE user_id = '{second}'"
        ))
        .await;
    assert!(!look().await.other_admin, "no longer an admin");
    world
        .sql(&format!(
            "UPDATE team_members SET admin_until = NULL WHERE user_id = '{second}'"
        ))
        .await;
    world
        .sql(&format!(
            "UPDATE users SET deactivated_at = now() WHERE id = '{second}'"
        ))
        .await;
    assert!(!look().await.other_admin, "a deactivated admin is none");
    world.sql("UPDATE api_keys SET revoked_at = now()").await;
    assert_eq!(look().await.keys, 0);
}

/// Scenario 4: admins and services of a new team.
#[tokio::test]
async fn d9_a_new_team_sees_how_far_it_is() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let owner = world.user("owner").await;
    world.give(organization, owner, OrgRole::OrgAdmin).await;
    let input = teams::NewTeamInput {
        name: "Ops".to_owned(),
        organization_id: Some(organization),
        ..teams::NewTeamInput::default()
    };
    let team = world
        .act(owner, async |ctx| teams::create(ctx, input.parse()?).await)
        .await
        .expect("a team")
        .team
        .id;
    let look = async || progress(&world, owner, team).await.expect("progress");
    let numbers = |progress: TeamProgress| (progress.admins, progress.services, progress.catalogue);
    assert_eq!(numbers(look().await), (0, 0, 0));
    world.member(team, "one", TeamRole::Admin).await;
    let gone = world.member(team, "two", TeamRole::Admin).await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    world
        .sql(&format!(
            "INSERT INTO services (id, organization_id, name) SELECT gen_random_uuid(), '{organization}', 'svc-' || n
            FROM generate_series(1, 3) AS n"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO team_services (team_id, service_id, reason) SELECT '{team}', id, 'r' FROM services WHERE name <> 'svc-3'"
        ))
        .await;
    assert_eq!(numbers(look().await), (1, 2, 3));
}
