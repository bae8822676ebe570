//! Linking a team that stands alone to an organization (SPEC E9).

use backend::{Error, Result, teams};
use domain::{DEFAULT_ORGANIZATION, OrganizationId, TeamId, TeamRole, UserId, views::TeamMove};

use crate::common::{World, refused};

struct Place {
    world: World,
    root: UserId,
    organization: OrganizationId,
    team: TeamId,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        let team = world.team("Ops").await;
        for name in ["ada", "max"] {
            world.member(team, name, TeamRole::Member).await;
        }
        Self {
            root: world.super_admin().await,
            organization: world.organization("acme").await,
            world,
            team,
        }
    }

    async fn go(&self, by: UserId, dry_run: bool) -> Result<TeamMove> {
        let moved = self.world.act(by, async |ctx| {
            teams::move_to(ctx, self.team, self.organization, dry_run).await
        });
        moved.await
    }

    async fn home(&self) -> OrganizationId {
        let id: uuid::Uuid = self
            .world
            .one(&format!("SELECT organization_id FROM teams WHERE id = '{}'", self.team))
            .await;
        OrganizationId(id)
    }
}

#[tokio::test]
async fn e9_a_team_that_stands_alone_moves_with_its_people() {
    let place = Place::new().await;
    place
        .world
        .sql(&format!(
            "INSERT INTO services (id, organization_id, name) VALUES (gen_random_uuid(), '{DEFAULT_ORGANIZATION}', 'llm')"
        ))
        .await;
    place
        .world
        .sql(&format!(
            "INSERT INTO team_services (team_id, service_id, reason) SELECT '{}', id, 'x' FROM services",
            place.team
        ))
        .await;
    let plan = place.go(place.root, true).await.unwrap();
    assert_eq!(
        (plan.joining.len(), plan.services.as_slice()),
        (2, &["llm".to_owned()][..])
    );
    assert_eq!(place.home().await, DEFAULT_ORGANIZATION, "a dry run changes nothing");
    let done = place.go(place.root, false).await.unwrap();
    assert_eq!((done, place.home().await), (plan, place.organization));
    let joined: Vec<String> = place
        .world
        .all("SELECT u.email FROM organization_members m JOIN users u ON u.id = m.user_id WHERE m.role = 'org_member' ORDER BY 1")
        .await;
    assert_eq!(joined, ["ada@example.com", "max@example.com"]);
    assert_eq!(place.world.one::<i64>("SELECT count(*) FROM team_services").await, 0);
    let audited: i64 = place
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'team.move'")
        .await;
    assert_eq!(audited, 1);
    refused(
        place.go(place.root, false).await,
        "WRONG_STATE",
        "Team 'Ops' belongs to acme",
    );
}

#[tokio::test]
async fn e9_everything_that_does_not_fit_is_said_at_once() {
    let place = Place::new().await;
    let (world, team, organization) = (&place.world, place.team, place.organization);
    world
        .sql(&format!(
            "UPDATE teams SET max_budget = 100, models = '{{o3}}' WHERE id = '{team}'"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO projects (id, team_id, name, rpm_limit) VALUES (gen_random_uuid(), '{team}', 'P', 900)"
        ))
        .await;
    world
        .sql(&format!(
            "UPDATE organizations SET max_budget = 50, models = '{{claude}}', rpm_limit = 600, max_runners = 1 WHERE id = '{organization}'"
        ))
        .await;
    world.team_in(organization, "ops").await;
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
            VALUES ('{organization}', 'acme.example', 'x', now(), 'word')"
        ))
        .await;
    for _ in 0..2 {
        world.runner(Some(team), place.root, "active").await;
    }
    let plan = place.go(place.root, true).await.unwrap();
    let fields: Vec<&str> = plan.obstacles.iter().map(|obstacle| &*obstacle.field).collect();
    assert_eq!(
        fields,
        [
            "max_budget",
            "models",
            "rpm_limit",
            "name",
            "slug",
            "max_runners",
            "members"
        ]
    );
    assert_eq!(
        plan.obstacles[0].message,
        "Team max_budget (100) exceeds organization's max_budget (50)."
    );
    assert!(plan.obstacles[6].message.contains("ada@example.com, max@example.com"));
    let Err(Error::Conflict(code, words, obstacles)) = place.go(place.root, false).await else {
        panic!("it does not fit");
    };
    assert_eq!(
        (code.as_str(), code.status(), words.as_str()),
        ("TEAM_DOES_NOT_FIT", 409, "Team 'Ops' does not fit into acme")
    );
    assert_eq!(obstacles, plan.obstacles);
    assert_eq!(place.home().await, DEFAULT_ORGANIZATION);
}

#[tokio::test]
async fn e9_only_super_admins_move_teams_and_only_some() {
    let place = Place::new().await;
    let tess = place.world.member(place.team, "tess", TeamRole::Admin).await;
    refused(place.go(tess, true).await, "FORBIDDEN", "");
    let system = place.world.act(place.root, async |ctx| {
        teams::move_to(ctx, domain::DEFAULT_TEAM, place.organization, true).await
    });
    refused(system.await, "WRONG_STATE", "Team 'Default Team' is a system team");
    let nowhere = OrganizationId(uuid::Uuid::now_v7());
    let missing = place.world.act(place.root, async |ctx| {
        teams::move_to(ctx, place.team, nowhere, true).await
    });
    refused(missing.await, "NOT_FOUND", "Organization not found");
}
