//! Who is assigned to a project, and what that gives: D1, D4, D8, X15.

use backend::{Ctx, Result, keys, members, projects};
use domain::{
    KeyName, OrgRole, ProjectId, ProjectName, ProjectRole, TeamId, TeamRole, TeamStatus, UserId, UserRef,
    views::{ProjectMember, ProjectRemoval},
};

use crate::common::{World, refused};

const NOT_IN_TEAM: &str = "User is not a member of this team";

/// A team with an admin, two members, and a project.
struct House {
    world: World,
    team: TeamId,
    project: ProjectId,
    boss: UserId,
    ada: UserId,
    bob: UserId,
}

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let team = world.team("Engineering").await;
        Self {
            project: world.project(team, "LLM API").await,
            boss: world.member(team, "boss", TeamRole::Admin).await,
            ada: world.member(team, "ada", TeamRole::Member).await,
            bob: world.member(team, "bob", TeamRole::Member).await,
            team,
            world,
        }
    }

    async fn set(&self, by: UserId, who: UserId, role: ProjectRole) -> Result<(ProjectMember, bool)> {
        let (team, project) = (self.team, self.project);
        self.world
            .act(by, async |ctx| {
                projects::members::set(ctx, team, project, &UserRef::Id(who), role).await
            })
            .await
    }

    async fn remove(&self, by: UserId, who: UserId) -> Result<ProjectRemoval> {
        let (team, project) = (self.team, self.project);
        self.world
            .act(by, async |ctx| {
                projects::members::remove(ctx, team, project, &UserRef::Id(who)).await
            })
            .await
    }

    async fn key(&self, by: UserId, name: &str) -> Result<domain::views::Key> {
        let (team, project) = (self.team, self.project);
        let new = keys::NewKey {
            name: KeyName::parse(name).unwrap(),
            expires_at: None,
            owner: None,
        };
        self.world
            .act(by, async |ctx| keys::create(ctx, team, project, &new).await)
            .await
            .map(|(key, _)| key)
    }

    async fn see(&self, by: UserId) -> Result<()> {
        let (team, project) = (self.team, self.project);
        self.world
            .ask(by, async |ctx| projects::get(ctx, team, project).await.map(drop))
            .await
    }

    async fn live_keys(&self, owner: UserId) -> i64 {
        self.world
            .one(&format!(
                "SELECT count(*) FROM api_keys WHERE owner_id = '{owner}' AND revoked_at IS NULL"
            ))
            .await
    }

    async fn list(&self, by: UserId) -> Vec<ProjectMember> {
        let (team, project) = (self.team, self.project);
        let (_, page) = self
            .world
            .ask(by, async |ctx| {
                projects::members::list(ctx, team, project, None, 50).await
            })
            .await
            .unwrap();
        assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
        page.items
    }
}

/// D8: PUT assigns, then changes, then changes nothing; each change is in the audit log, with before and after.
#[tokio::test]
async fn d8_people_of_the_team_are_assigned_and_change_roles() {
    let house = House::new().await;
    let (member, added) = house.set(house.boss, house.ada, ProjectRole::Member).await.unwrap();
    assert!(added && member.role == Some(ProjectRole::Member) && !member.implicit);
    assert_eq!(member.added_by.as_deref(), Some("boss@example.com"));
    let (member, added) = house.set(house.boss, house.ada, ProjectRole::Admin).await.unwrap();
    assert!(!added && member.role == Some(ProjectRole::Admin));
    house.set(house.boss, house.ada, ProjectRole::Admin).await.unwrap();
    house.remove(house.boss, house.ada).await.unwrap();
    let entries: Vec<String> = house
        .world
        .all(
            "SELECT concat_ws(' ', action, target, before ->> 'role', after ->> 'role', coalesce(after ->> 'project', before ->> 'project'))
            FROM audit_entries ORDER BY at, id",
        )
        .await;
    assert_eq!(
        entries,
        [
            "project.member_add ada@example.com member LLM API",
            "project.member_role ada@example.com member admin LLM API",
            "project.member_remove ada@example.com admin LLM API",
        ]
    );
}

/// D8: only people of the team. Whether somebody else has an account is not told.
#[tokio::test]
async fn d8_nobody_from_outside_the_team_is_assigned() {
    let house = House::new().await;
    let stranger = house.world.user("stranger").await;
    refused(
        house.set(house.boss, stranger, ProjectRole::Member).await,
        "NOT_FOUND",
        NOT_IN_TEAM,
    );
    let unknown = UserId(uuid::Uuid::now_v7());
    refused(
        house.set(house.boss, unknown, ProjectRole::Member).await,
        "NOT_FOUND",
        NOT_IN_TEAM,
    );
    let ended = house.world.member(house.team, "ended", TeamRole::Member).await;
    house
        .world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() - interval '1 minute' WHERE user_id = '{ended}'"
        ))
        .await;
    refused(
        house.set(house.boss, ended, ProjectRole::Member).await,
        "NOT_FOUND",
        NOT_IN_TEAM,
    );
    refused(
        house.remove(house.boss, house.ada).await,
        "NOT_FOUND",
        "User is not a member of this project",
    );
}

/// P, "assigned only": a member of the team does not learn of a project without a role in it; a project member uses it
/// and manages nobody; a project admin manages its members and renames nothing.
#[tokio::test]
async fn p_what_people_may_do_in_a_project() {
    let house = House::new().await;
    let missing = format!("Project not found: {}", house.project);
    refused(house.see(house.ada).await, "NOT_FOUND", &missing);
    refused(
        house.set(house.ada, house.ada, ProjectRole::Admin).await,
        "NOT_FOUND",
        &missing,
    );
    refused(house.key(house.ada, "mine").await, "NOT_FOUND", &missing);

    house.set(house.boss, house.ada, ProjectRole::Member).await.unwrap();
    house.see(house.ada).await.unwrap();
    house.key(house.ada, "mine").await.unwrap();
    for (who, role) in [(house.ada, ProjectRole::Admin), (house.bob, ProjectRole::Member)] {
        refused(
            house.set(house.ada, who, role).await,
            "FORBIDDEN",
            "Insufficient permissions",
        );
    }

    house.set(house.boss, house.ada, ProjectRole::Admin).await.unwrap();
    house.set(house.ada, house.bob, ProjectRole::Admin).await.unwrap();
    house.remove(house.ada, house.bob).await.unwrap();
    let (team, project) = (house.team, house.project);
    let name = ProjectName::parse("Mine").unwrap();
    refused(
        house
            .world
            .act(house.ada, async |ctx| {
                projects::update(ctx, team, project, Some(&name), None).await
            })
            .await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    refused(
        house
            .world
            .act(house.ada, async |ctx| projects::delete(ctx, team, project).await)
            .await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    let outsider = house.world.user("outsider").await;
    refused(
        house.see(outsider).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    refused(
        house.set(outsider, outsider, ProjectRole::Admin).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
}

/// D1: team admins have access without a role, and are listed as such; D4: promoting gives it, demoting leaves what was
/// given explicitly.
#[tokio::test]
async fn d1_d4_implicit_access_comes_and_goes_with_the_team_role() {
    let house = House::new().await;
    house.set(house.boss, house.ada, ProjectRole::Member).await.unwrap();
    let shown = |list: Vec<ProjectMember>| -> Vec<(String, Option<ProjectRole>, bool)> {
        list.into_iter()
            .map(|member| (member.email, member.role, member.implicit))
            .collect()
    };
    assert_eq!(
        shown(house.list(house.ada).await),
        [
            ("ada@example.com".to_owned(), Some(ProjectRole::Member), false),
            ("boss@example.com".to_owned(), None, true)
        ]
    );
    let role = async |who: UserId, role| {
        let team = house.team;
        house
            .world
            .act(house.boss, async |ctx| {
                members::change_role(ctx, team, &UserRef::Id(who), role).await
            })
            .await
            .unwrap()
    };
    refused(house.see(house.bob).await, "NOT_FOUND", "Project not found");
    role(house.bob, TeamRole::Admin).await;
    role(house.ada, TeamRole::Admin).await;
    house.set(house.bob, house.ada, ProjectRole::Member).await.unwrap();
    assert_eq!(
        shown(house.list(house.bob).await)[0],
        ("ada@example.com".to_owned(), Some(ProjectRole::Member), true)
    );
    role(house.bob, TeamRole::Member).await;
    role(house.ada, TeamRole::Member).await;
    refused(house.see(house.bob).await, "NOT_FOUND", "Project not found");
    house.see(house.ada).await.expect("explicit access is kept");
    refused(
        house.set(house.ada, house.bob, ProjectRole::Member).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
}

/// D1: organization admins and super_admins have access to every project, and are not listed as its people.
#[tokio::test]
async fn d1_those_above_the_team_manage_its_projects() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let team = world.team_in(organization, "Ops").await;
    let project = world.project(team, "Search").await;
    let (root, owner) = (world.super_admin().await, world.user("owner").await);
    world.give(organization, owner, OrgRole::OrgAdmin).await;
    let member = world.member(team, "member", TeamRole::Member).await;
    for by in [root, owner] {
        let (_, people) = world
            .act(by, async |ctx: &mut Ctx| {
                projects::members::set(ctx, team, project, &UserRef::Id(member), ProjectRole::Member).await?;
                projects::members::list(ctx, team, project, None, 50).await
            })
            .await
            .unwrap();
        assert_eq!(people.items.len(), 1);
    }
}

/// D4: leaving the team takes the project roles, and joining again does not bring them back.
#[tokio::test]
async fn d4_rejoining_the_team_brings_no_project_back() {
    let house = House::new().await;
    let team = house.team;
    house.set(house.boss, house.ada, ProjectRole::Admin).await.unwrap();
    let ada = UserRef::Id(house.ada);
    house
        .world
        .act(house.boss, async |ctx| members::remove(ctx, team, &ada).await)
        .await
        .unwrap();
    refused(
        house.see(house.ada).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    house
        .world
        .act(house.boss, async |ctx| {
            members::add(ctx, team, &ada, TeamRole::Member).await
        })
        .await
        .unwrap();
    refused(house.see(house.ada).await, "NOT_FOUND", "Project not found");
}

/// Taking someone out revokes their keys in this project and no others, as the preview says; an admin of the team keeps
/// them with the access.
#[tokio::test]
async fn d4_taking_someone_out_revokes_their_keys_unless_they_keep_access() {
    let house = House::new().await;
    let (team, project) = (house.team, house.project);
    for who in [house.ada, house.bob] {
        house.set(house.boss, who, ProjectRole::Member).await.unwrap();
    }
    house.set(house.boss, house.boss, ProjectRole::Admin).await.unwrap();
    for (who, name) in [
        (house.ada, "one"),
        (house.ada, "two"),
        (house.bob, "three"),
        (house.boss, "four"),
    ] {
        house.key(who, name).await.unwrap();
    }
    let elsewhere = house.world.project(team, "Elsewhere").await;
    house.world.assign(elsewhere, house.ada).await;
    let new = keys::NewKey {
        name: KeyName::parse("five").unwrap(),
        expires_at: None,
        owner: None,
    };
    house
        .world
        .act(house.ada, async |ctx| keys::create(ctx, team, elsewhere, &new).await)
        .await
        .unwrap();
    house
        .world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, project_id, name, status, labels, runner_group_id, provisioned_by)
            VALUES (gen_random_uuid(), '{team}', '{project}', 'r', 'active', '{{}}', 1, '{}')",
            house.ada
        ))
        .await;

    let ada = UserRef::Id(house.ada);
    let preview = house
        .world
        .ask(house.boss, async |ctx| {
            projects::members::preview_removal(ctx, team, project, &ada).await
        })
        .await
        .unwrap();
    assert_eq!(
        preview,
        ProjectRemoval {
            email: "ada@example.com".to_owned(),
            keys: 2,
            keeps_access: false,
            runners: 1
        }
    );
    assert_eq!(house.live_keys(house.ada).await, 3, "asking changes nothing");
    assert_eq!(house.remove(house.boss, house.ada).await.unwrap(), preview);
    assert_eq!(house.live_keys(house.ada).await, 1, "the key of the other project");
    let gone = house.remove(house.bob, house.bob).await.expect("people may go");
    assert_eq!((gone.keys, house.live_keys(house.bob).await), (1, 0));
    let kept = house.remove(house.boss, house.boss).await.unwrap();
    assert!(kept.keeps_access && kept.keys == 0);
    assert_eq!(house.live_keys(house.boss).await, 1);
}

/// X15: deleting takes the roles and the keys, says how many, and leaves the runners to the team.
#[tokio::test]
async fn x15_deleting_a_project_takes_its_roles_and_keys() {
    let house = House::new().await;
    let (team, project) = (house.team, house.project);
    house.set(house.boss, house.ada, ProjectRole::Member).await.unwrap();
    house.set(house.boss, house.bob, ProjectRole::Admin).await.unwrap();
    for (who, name) in [(house.ada, "a"), (house.bob, "b"), (house.boss, "c")] {
        house.key(who, name).await.unwrap();
    }
    house
        .world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, project_id, name, status, labels, runner_group_id, provisioned_by)
            VALUES (gen_random_uuid(), '{team}', '{project}', 'r', 'active', '{{}}', 1, '{}')",
            house.ada
        ))
        .await;
    let deleted = house
        .world
        .act(house.boss, async |ctx| projects::delete(ctx, team, project).await)
        .await
        .unwrap();
    assert_eq!(
        (deleted.member_count, deleted.key_count, deleted.runner_count),
        (2, 3, 1)
    );
    for (table, left) in [("project_members", 0), ("api_keys", 0), ("runners", 1)] {
        let rows: i64 = house.world.one(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(rows, left, "{table}");
    }
    let before: String = house
        .world
        .one("SELECT before ->> 'members' || ' ' || (before ->> 'keys') FROM audit_entries WHERE action = 'project.delete'")
        .await;
    assert_eq!(before, "2 3");
}

/// D6: an inactive team gives its members nothing; those who could activate it go on.
#[tokio::test]
async fn d6_an_inactive_team_gives_its_members_nothing() {
    let house = House::new().await;
    house.set(house.boss, house.ada, ProjectRole::Admin).await.unwrap();
    house.world.set_status(house.team, TeamStatus::Inactive).await;
    refused(house.see(house.ada).await, "TEAM_INACTIVE", "Team is inactive");
    refused(
        house.set(house.boss, house.bob, ProjectRole::Member).await,
        "TEAM_INACTIVE",
        "Team is inactive",
    );
    let root = house.world.super_admin().await;
    house.set(root, house.bob, ProjectRole::Member).await.unwrap();
    house.world.set_status(house.team, TeamStatus::Archived).await;
    refused(
        house.set(root, house.ada, ProjectRole::Member).await,
        "WRONG_STATE",
        "Team 'Engineering' is archived",
    );
    refused(house.see(house.ada).await, "NOT_FOUND", "Team not found");
}

/// D4 as a race: someone who is assigned while they leave the team is left with nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_nobody_keeps_a_role_by_leaving_while_being_assigned() {
    let house = House::new().await;
    let team = house.team;
    let who = UserRef::Id(house.ada);
    for _ in 0..20 {
        let leave = house
            .world
            .act(house.boss, async |ctx| members::remove(ctx, team, &who).await);
        let (left, _) = tokio::join!(leave, house.set(house.boss, house.ada, ProjectRole::Member));
        left.expect("leaving works, before or after");
        let roles: i64 = house.world.one("SELECT count(*) FROM project_members").await;
        assert_eq!(roles, 0);
        house.world.join(team, house.ada, TeamRole::Member).await;
    }
}

/// X6: everybody is on exactly one page, forwards and backwards, with a true total.
#[tokio::test]
async fn x6_project_members_are_paged_without_gaps() {
    let house = House::new().await;
    let (team, project) = (house.team, house.project);
    house
        .world
        .sql(
            "INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || lpad(n::text, 2, '0') || '@example.com'
            FROM generate_series(1, 11) n",
        )
        .await;
    house
        .world
        .sql(&format!(
            "INSERT INTO project_members (project_id, user_id, role)
            SELECT '{project}', id, 'member' FROM users WHERE email LIKE 'u%'"
        ))
        .await;
    let page = async |cursor: Option<String>| {
        let (_, page) = house
            .world
            .ask(house.boss, async |ctx| {
                projects::members::list(ctx, team, project, cursor.as_deref(), 5).await
            })
            .await
            .unwrap();
        assert_eq!(page.total, 12);
        page
    };
    let first = page(None).await;
    let second = page(first.next.clone()).await;
    let third = page(second.next.clone()).await;
    assert_eq!((first.previous.as_ref(), third.next.as_ref()), (None, None));
    let emails: Vec<String> = [&first, &second, &third]
        .iter()
        .flat_map(|page| page.items.iter().map(|member| member.email.clone()))
        .collect();
    let mut sorted = emails.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((&emails, emails.len()), (&sorted, 12));
    let back = page(third.previous).await;
    assert_eq!(back.items, second.items);
    assert_eq!(page(back.previous).await.items, first.items);
}

/// Where somebody may have keys for services: what they are assigned to, all of what they administer, and nothing else.
#[tokio::test]
async fn own_projects_are_those_assigned_and_those_administered() {
    let house = House::new().await;
    let other = house.world.team("Other").await;
    house.world.project(other, "Secret").await;
    house
        .world
        .sql(&format!(
            "INSERT INTO team_members (team_id, user_id, role) VALUES ('{other}', '{}', 'member')",
            house.boss
        ))
        .await;
    house.world.project(house.team, "Archive").await;
    house.set(house.boss, house.ada, ProjectRole::Member).await.unwrap();
    let mine = async |who: UserId| -> Vec<String> {
        let found = house.world.ask(who, async |ctx| projects::mine(ctx).await).await;
        found.unwrap().into_iter().map(|project| project.name).collect()
    };
    assert_eq!(mine(house.boss).await, ["Archive", "LLM API"]);
    assert_eq!(mine(house.ada).await, ["LLM API"]);
    assert!(mine(house.bob).await.is_empty());
    house
        .world
        .sql(&format!(
            "UPDATE teams SET status = 'inactive' WHERE id = '{}'",
            house.team
        ))
        .await;
    assert!(mine(house.ada).await.is_empty());
}

/// D8: who is offered for a project is of the team now, and not assigned to it.
#[tokio::test]
async fn d8_candidates_are_those_of_the_team_who_are_not_assigned() {
    let house = House::new().await;
    house.set(house.boss, house.ada, ProjectRole::Member).await.unwrap();
    let offered = async || {
        let (team, project) = (house.team, house.project);
        let found = house
            .world
            .ask(house.boss, async |ctx| {
                let (page, _) = projects::members::list(ctx, team, project, None, 10).await?;
                projects::members::candidates(ctx, &page, 10).await
            })
            .await
            .unwrap();
        found.into_iter().map(|(email, _)| email).collect::<Vec<String>>()
    };
    assert_eq!(offered().await, ["bob@example.com", "boss@example.com"]);
    // It has ended, and nobody has tidied it away yet.
    house
        .world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() - interval '1 second' WHERE user_id = '{}'",
            house.bob
        ))
        .await;
    assert_eq!(offered().await, ["boss@example.com"]);
}
