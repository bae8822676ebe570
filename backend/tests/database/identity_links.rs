//! What a directory's groups give here (SPEC E2–E5, X11): the seed's tables, races, and what is never taken away.

use backend::{
    Result,
    identity_links::{self, LinkQuery, NewGroups, Seen, signed_in},
    members,
};
use domain::{
    BudgetDuration, Limits, Money, OrgRole, OrganizationId, TeamId, TeamRole, UserId, UserRef,
    directory::{Group, Provider},
};
use uuid::Uuid;

use crate::common::{World, request};

const LLM: &str = "550e8400-e29b-41d4-a716-446655440000";
const DATA: &str = "550e8400-e29b-41d4-a716-446655440001";

fn group(id: &str, name: &str) -> Group {
    Group {
        id: id.to_owned(),
        name: Some(name.to_owned()),
    }
}

fn params() -> Limits {
    Limits {
        models: vec!["gpt-4".to_owned(), "gpt-3.5-turbo".to_owned()],
        max_budget: Some(Money::trusted(100.into())),
        budget_duration: BudgetDuration::parse("30d").ok(),
        tpm_limit: Some(10_000),
        rpm_limit: Some(1000),
    }
}

fn flag(also_organizations: bool) -> NewGroups {
    NewGroups {
        also_organizations,
        params: params(),
    }
}

/// Somebody signs in and is in `own` of the groups of the application.
async fn sign_in(world: &World, user: UserId, assigned: &[Group], own: &[Group], new: &NewGroups) -> Result<()> {
    let seen = Seen {
        provider: Provider::Entra,
        groups: own.to_vec(),
        assigned: Some(assigned.to_vec()),
        complete: true,
        roles_complete: true,
    };
    signed_in(&world.backend, user, &seen, new, &request()).await
}

async fn enter(world: &World, user: UserId, groups: &[Group], new: &NewGroups) {
    sign_in(world, user, groups, groups, new).await.unwrap();
}

async fn count(world: &World, what: &str) -> i64 {
    world.one(&format!("SELECT count(*) FROM {what}")).await
}

async fn role(world: &World, team: &str, user: UserId) -> Option<String> {
    let roles: Vec<String> = world
        .all(&format!(
            "SELECT role FROM team_members WHERE team_id = '{team}' AND user_id = '{user}'"
        ))
        .await;
    roles.into_iter().next()
}

async fn org_role(world: &World, organization: &str, user: UserId) -> Option<String> {
    let roles: Vec<String> = world
        .all(&format!(
            "SELECT role FROM organization_members WHERE organization_id = '{organization}' AND user_id = '{user}'"
        ))
        .await;
    roles.into_iter().next()
}

/// A link of a group by hand; without a team to the organization, without either to the installation.
async fn link(
    world: &World,
    group: &str,
    to: (Option<OrganizationId>, Option<TeamId>),
    role: &str,
    mode: &str,
) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO identity_links (id, provider, group_id, group_name, organization_id, team_id, role, mode)
        VALUES ($1, 'oidc', $2, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(group)
    .bind(to.0.map(|id| id.0))
    .bind(to.1.map(|id| id.0))
    .bind(role)
    .bind(mode)
    .execute(&world.pool)
    .await
    .unwrap();
    id
}

/// Somebody signs in with a claim of groups.
async fn claim(world: &World, user: UserId, groups: &[&str]) {
    let seen = Seen {
        provider: Provider::Oidc,
        groups: (groups.iter())
            .map(|id| Group {
                id: (*id).to_owned(),
                name: None,
            })
            .collect(),
        assigned: None,
        complete: true,
        roles_complete: true,
    };
    signed_in(&world.backend, user, &seen, &NewGroups::default(), &request())
        .await
        .unwrap();
}

async fn events(world: &World, link: Uuid) -> Vec<String> {
    world
        .all(&format!(
            "SELECT concat_ws(': ', kind, detail) FROM identity_link_events WHERE link_id = '{link}' ORDER BY at, id"
        ))
        .await
}

/// The comparison table's right column, the ID strategy, the params and their application.
#[tokio::test]
async fn e2_with_the_flag_a_group_is_an_organization_and_a_team_of_its_id() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    enter(&world, ada, &[group(LLM, "Production LLM Team")], &flag(true)).await;
    let organization: String = world
        .one(&format!(
            "SELECT concat_ws('|', name, slug, models, max_budget, budget_duration, tpm_limit, rpm_limit)
            FROM organizations WHERE id = '{LLM}'"
        ))
        .await;
    assert_eq!(
        organization,
        "Production LLM Team|production-llm-team|{gpt-4,gpt-3.5-turbo}|100|30d|10000|1000"
    );
    let team: String = world
        .one(&format!(
            "SELECT concat_ws('|', organization_id, name, models, max_budget, budget_duration, tpm_limit, rpm_limit)
            FROM teams WHERE id = '{LLM}'"
        ))
        .await;
    assert_eq!(
        team,
        format!("{LLM}|Production LLM Team|{{all-org-models}}|100|30d|10000|1000")
    );
    assert_eq!(org_role(&world, LLM, ada).await.as_deref(), Some("org_member"));
    assert_eq!(role(&world, LLM, ada).await.as_deref(), Some("member"));
    let sources: Vec<String> = world
        .all(&format!(
            "SELECT source FROM team_members WHERE team_id = '{LLM}' UNION ALL
            SELECT source FROM organization_members WHERE organization_id = '{LLM}'"
        ))
        .await;
    assert_eq!(sources, ["idp", "idp"]);
    let audited: Vec<String> = world
        .all("SELECT action FROM audit_entries WHERE actor = 'sign-in' ORDER BY action")
        .await;
    assert_eq!(
        audited,
        [
            "member.add",
            "organization.create",
            "organization.member_add",
            "team.create"
        ]
    );
}

/// The comparison table's left column.
#[tokio::test]
async fn e2_without_the_flag_a_group_is_a_standalone_team() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    enter(&world, ada, &[group(LLM, "Production LLM Team")], &flag(false)).await;
    assert_eq!(count(&world, "organizations").await, 1, "the default one");
    let team: String = world
        .one(&format!(
            "SELECT concat_ws('|', organization_id, models, max_budget) FROM teams WHERE id = '{LLM}'"
        ))
        .await;
    assert_eq!(team, "00000000-0000-4000-8000-000000000001|{gpt-4,gpt-3.5-turbo}|100");
    assert_eq!(role(&world, LLM, ada).await.as_deref(), Some("member"));
    assert_eq!(count(&world, "organization_members").await, 0);
}

#[tokio::test]
async fn e3_without_default_team_params_there_are_no_limits() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let new = NewGroups {
        also_organizations: true,
        params: Limits::default(),
    };
    enter(&world, ada, &[group(LLM, "LLM")], &new).await;
    for table in ["organizations", "teams"] {
        let limits: i64 = world
            .one(&format!(
                "SELECT num_nonnulls(max_budget, budget_duration, tpm_limit, rpm_limit)::bigint FROM {table} WHERE id = '{LLM}'"
            ))
            .await;
        assert_eq!(limits, 0, "{table}");
    }
    let models: Vec<String> = world
        .all(&format!("SELECT unnest(models) FROM organizations WHERE id = '{LLM}'"))
        .await;
    assert!(models.is_empty());
}

/// The idempotency section: existing things are reused and not updated, memberships not doubled.
#[tokio::test]
async fn e4_what_is_there_is_reused_and_never_updated() {
    let world = World::new().await;
    let (ada, ben) = (world.user("ada").await, world.user("ben").await);
    let groups = [group(LLM, "LLM")];
    enter(&world, ada, &groups, &flag(true)).await;
    world
        .sql(&format!(
            "UPDATE teams SET name = 'Ours', max_budget = 5, models = '{{gpt-4}}' WHERE id = '{LLM}'"
        ))
        .await;
    world
        .sql(&format!(
            "UPDATE organizations SET name = 'Our Org', max_budget = 50 WHERE id = '{LLM}'"
        ))
        .await;
    for user in [ada, ben, ada] {
        enter(&world, user, &[group(LLM, "Renamed")], &flag(true)).await;
    }
    let kept: String = world
        .one(&format!(
            "SELECT concat_ws('|', t.name, t.max_budget, t.models, o.name, o.max_budget) FROM teams t
            JOIN organizations o ON o.id = t.id WHERE t.id = '{LLM}'"
        ))
        .await;
    assert_eq!(kept, "Ours|5|{gpt-4}|Our Org|50");
    assert_eq!(count(&world, &format!("team_members WHERE team_id = '{LLM}'")).await, 2);
    assert_eq!(count(&world, "organization_members").await, 2);
    assert_eq!(count(&world, "identity_links").await, 1);
    let name: String = world.one("SELECT group_name FROM identity_links").await;
    assert_eq!(name, "Renamed", "the link says what the directory calls the group now");
}

/// Off, on, off, on: only what is new is made, and what there is stays.
#[tokio::test]
async fn e5_the_flag_off_on_off_on() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let (standalone, scoped) = (group(LLM, "First"), group(DATA, "Second"));
    enter(&world, ada, std::slice::from_ref(&standalone), &flag(false)).await;
    assert_eq!(count(&world, "organizations").await, 1);
    let both = [standalone, scoped];
    let organization_of = |id: &str| format!("SELECT organization_id::text FROM teams WHERE id = '{id}'");
    for on in [true, false, true] {
        enter(&world, ada, &both, &flag(on)).await;
        let (first, second): (String, String) = (
            world.one(&organization_of(LLM)).await,
            world.one(&organization_of(DATA)).await,
        );
        assert_eq!(first, "00000000-0000-4000-8000-000000000001", "it stands alone still");
        assert_eq!(second, DATA);
        assert_eq!(count(&world, "organizations").await, 3);
        assert_eq!(count(&world, "teams WHERE NOT is_system").await, 2);
        assert_eq!(org_role(&world, DATA, ada).await.as_deref(), Some("org_member"));
    }
    // While it is off, nobody joins the organization beside a standalone team.
    let ben = world.user("ben").await;
    enter(&world, ben, &both, &flag(false)).await;
    assert_eq!(
        (
            org_role(&world, LLM, ben).await,
            role(&world, LLM, ben).await.as_deref()
        ),
        (None, Some("member"))
    );
    enter(&world, ben, &both, &flag(true)).await;
    assert_eq!(org_role(&world, LLM, ben).await.as_deref(), Some("org_member"));
}

#[tokio::test]
async fn e5_a_group_without_people_is_made_all_the_same_and_several_groups_all() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let assigned = [group(LLM, "One"), group(DATA, "Two")];
    sign_in(&world, ada, &assigned, &[], &flag(true)).await.unwrap();
    assert_eq!(
        count(&world, &format!("teams WHERE id IN ('{LLM}', '{DATA}')")).await,
        2
    );
    assert_eq!(count(&world, &format!("team_members WHERE user_id = '{ada}'")).await, 0);
    sign_in(&world, ada, &assigned, &assigned, &flag(true)).await.unwrap();
    assert_eq!(count(&world, &format!("team_members WHERE user_id = '{ada}'")).await, 2);
}

#[tokio::test]
async fn e5_a_team_is_made_when_its_organization_cannot_be() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world
        .sql(&format!(
            "ALTER TABLE organizations ADD CONSTRAINT refuses CHECK (id <> '{LLM}') NOT VALID"
        ))
        .await;
    let groups = [group(LLM, "Refused"), group(DATA, "Fine")];
    enter(&world, ada, &groups, &flag(true)).await;
    let alone: String = world
        .one(&format!(
            "SELECT concat_ws('|', organization_id, models) FROM teams WHERE id = '{LLM}'"
        ))
        .await;
    assert_eq!(alone, "00000000-0000-4000-8000-000000000001|{gpt-4,gpt-3.5-turbo}");
    let fine: String = world
        .one(&format!("SELECT organization_id::text FROM teams WHERE id = '{DATA}'"))
        .await;
    assert_eq!(fine, DATA, "the other group is not in its way");
    for team in [LLM, DATA] {
        assert_eq!(role(&world, team, ada).await.as_deref(), Some("member"));
    }
}

#[tokio::test]
async fn e2_groups_with_one_name_and_with_none_are_all_made() {
    let third = "550e8400-e29b-41d4-a716-446655440002";
    let groups = [
        group(LLM, "LLM"),
        group(DATA, "llm"),
        Group {
            id: third.to_owned(),
            name: None,
        },
    ];
    for on in [false, true] {
        let world = World::new().await;
        let ada = world.user("ada").await;
        enter(&world, ada, &groups, &flag(on)).await;
        assert_eq!(count(&world, &format!("team_members WHERE user_id = '{ada}'")).await, 3);
        let slugs = count(
            &world,
            "(SELECT DISTINCT organization_id, slug FROM teams WHERE NOT is_system) s",
        )
        .await;
        assert_eq!(slugs, 3);
    }
    let world = World::new().await;
    let ada = world.user("ada").await;
    world.team("LLM").await;
    enter(&world, ada, &groups, &flag(false)).await;
    let names: Vec<String> = world
        .all("SELECT name FROM teams WHERE NOT is_system ORDER BY name COLLATE \"C\"")
        .await;
    assert_eq!(
        names,
        [
            format!("Group {third}"),
            "LLM".to_owned(),
            "LLM (550e8400)".to_owned(),
            "llm (550e8400e29b41d4a716446655440001)".to_owned()
        ]
    );
}

#[tokio::test]
async fn e4_fifty_people_of_the_same_new_groups_sign_in_at_once() {
    let world = World::new().await;
    let mut people = Vec::new();
    for n in 0..50 {
        people.push(world.user(&format!("p{n}")).await);
    }
    let groups = [group(LLM, "One"), group(DATA, "Two")];
    let new = flag(true);
    let done = futures_util::future::join_all(people.iter().enumerate().map(|(n, user)| {
        let mut own = groups.clone();
        // In either order.
        if n % 2 == 0 {
            own.reverse();
        }
        let (world, new) = (&world, &new);
        async move { sign_in(world, *user, &own, &own, new).await }
    }))
    .await;
    for result in done {
        result.unwrap();
    }
    assert_eq!(count(&world, "organizations").await, 3);
    assert_eq!(count(&world, "teams WHERE NOT is_system").await, 2);
    for id in [LLM, DATA] {
        assert_eq!(count(&world, &format!("team_members WHERE team_id = '{id}'")).await, 50);
        assert_eq!(
            count(&world, &format!("organization_members WHERE organization_id = '{id}'")).await,
            50
        );
        let kept: i32 = world
            .one(&format!("SELECT member_count FROM teams WHERE id = '{id}'"))
            .await;
        assert_eq!(kept, 50);
    }
    assert_eq!(count(&world, "audit_entries WHERE action = 'team.create'").await, 2);
    assert_eq!(count(&world, "audit_entries WHERE action = 'member.add'").await, 100);
}

#[tokio::test]
async fn e4_a_second_sign_in_writes_nothing() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let groups = [group(LLM, "One"), group(DATA, "Two")];
    enter(&world, ada, &groups, &flag(true)).await;
    // Each version of each row.
    let versions = "SELECT string_agg(concat(tableoid, ctid, xmin), ',' ORDER BY tableoid, ctid) FROM (
        SELECT tableoid, ctid, xmin FROM audit_entries UNION ALL SELECT tableoid, ctid, xmin FROM identity_link_events
        UNION ALL SELECT tableoid, ctid, xmin FROM identity_link_members UNION ALL SELECT tableoid, ctid, xmin FROM identity_links
        UNION ALL SELECT tableoid, ctid, xmin FROM team_members UNION ALL SELECT tableoid, ctid, xmin FROM teams
        UNION ALL SELECT tableoid, ctid, xmin FROM organization_members UNION ALL SELECT tableoid, ctid, xmin FROM organizations) v";
    let before: String = world.one(versions).await;
    enter(&world, ada, &groups, &flag(true)).await;
    assert_eq!(world.one::<String>(versions).await, before);
}

#[tokio::test]
async fn x11_an_additive_link_takes_nothing_away() {
    let world = World::new().await;
    let (ada, ben) = (world.user("ada").await, world.user("ben").await);
    let team = world.team("Ops").await;
    link(
        &world,
        "ops",
        (Some(domain::DEFAULT_ORGANIZATION), Some(team)),
        "member",
        "additive",
    )
    .await;
    claim(&world, ada, &["ops"]).await;
    claim(&world, ben, &["ops"]).await;
    claim(&world, ada, &[]).await;
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("member"));
}

#[tokio::test]
async fn x11_an_authoritative_link_takes_what_it_gave_and_never_what_people_gave_by_hand() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let team = world.team_in(organization, "Ops").await;
    world.member(team, "boss", TeamRole::Admin).await;
    let (ada, ben) = (world.user("ada").await, world.user("ben").await);
    world.give(organization, ben, OrgRole::OrgMember).await;
    world.join(team, ben, TeamRole::Member).await;
    let id = link(
        &world,
        "ops",
        (Some(organization), Some(team)),
        "admin",
        "authoritative",
    )
    .await;
    let project = world.project(team, "P").await;
    for user in [ada, ben] {
        claim(&world, user, &["ops"]).await;
    }
    world.assign(project, ada).await;
    let team = team.to_string();
    assert_eq!(role(&world, &team, ada).await.as_deref(), Some("admin"));
    assert_eq!(
        role(&world, &team, ben).await.as_deref(),
        Some("member"),
        "by hand, as it was"
    );
    for user in [ada, ben] {
        claim(&world, user, &["other"]).await;
    }
    assert_eq!(role(&world, &team, ada).await, None);
    assert_eq!(org_role(&world, &organization.to_string(), ada).await, None);
    assert_eq!(
        count(&world, "project_members").await,
        0,
        "with all that hung on it (X12)"
    );
    assert_eq!(role(&world, &team, ben).await.as_deref(), Some("member"));
    assert_eq!(
        org_role(&world, &organization.to_string(), ben).await.as_deref(),
        Some("org_member")
    );
    assert_eq!(
        events(&world, id).await,
        [
            "added",
            "added: had it already",
            "removed",
            "kept: was given it by hand"
        ]
    );
}

#[tokio::test]
async fn x11_what_another_group_gives_stays() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let target = (Some(domain::DEFAULT_ORGANIZATION), Some(team));
    link(&world, "leads", target, "admin", "authoritative").await;
    link(&world, "ops", target, "member", "authoritative").await;
    let team = team.to_string();
    claim(&world, ada, &["leads", "ops"]).await;
    assert_eq!(role(&world, &team, ada).await.as_deref(), Some("admin"));
    claim(&world, ada, &["ops"]).await;
    assert_eq!(role(&world, &team, ada).await.as_deref(), Some("member"));
    claim(&world, ada, &["ops", "leads"]).await;
    assert_eq!(role(&world, &team, ada).await.as_deref(), Some("admin"));
    claim(&world, ada, &[]).await;
    assert_eq!(role(&world, &team, ada).await, None);
}

#[tokio::test]
async fn d5_a_sync_never_takes_the_last_admin() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let (ada, ben) = (world.user("ada").await, world.user("ben").await);
    let id = link(
        &world,
        "ops",
        (Some(domain::DEFAULT_ORGANIZATION), Some(team)),
        "admin",
        "authoritative",
    )
    .await;
    for user in [ada, ben] {
        claim(&world, user, &["ops"]).await;
    }
    for user in [ada, ben] {
        claim(&world, user, &[]).await;
    }
    let name = team.to_string();
    assert_eq!(role(&world, &name, ada).await, None);
    assert_eq!(role(&world, &name, ben).await.as_deref(), Some("admin"));
    claim(&world, ben, &[]).await;
    assert_eq!(
        events(&world, id).await,
        ["added", "added", "removed", "kept: is the last admin"],
        "said once"
    );
}

#[tokio::test]
async fn e5_groups_give_roles_in_organizations_and_in_the_installation_and_take_them() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let organization = world.organization("acme").await;
    let other = world.user("chief").await;
    world.give(organization, other, OrgRole::OrgAdmin).await;
    let ada = world.user("ada").await;
    link(
        &world,
        "org-admins",
        (Some(organization), None),
        "org_admin",
        "authoritative",
    )
    .await;
    link(&world, "root", (None, None), "super_admin", "authoritative").await;
    link(&world, "eyes", (None, None), "auditor", "authoritative").await;
    let flags = |user: UserId| format!("SELECT concat(is_super_admin, is_auditor) FROM users WHERE id = '{user}'");
    claim(&world, ada, &["org-admins", "root", "eyes"]).await;
    claim(&world, root, &["root"]).await;
    assert_eq!(
        org_role(&world, &organization.to_string(), ada).await.as_deref(),
        Some("org_admin")
    );
    assert_eq!(world.one::<String>(&flags(ada)).await, "tt");
    for user in [ada, root] {
        claim(&world, user, &[]).await;
    }
    assert_eq!(org_role(&world, &organization.to_string(), ada).await, None);
    assert_eq!(world.one::<String>(&flags(ada)).await, "ff");
    assert_eq!(world.one::<String>(&flags(root)).await, "tf", "was one by hand");
    // The last one stays.
    claim(&world, ada, &["root"]).await;
    world
        .sql(&format!("UPDATE users SET is_super_admin = false WHERE id = '{root}'"))
        .await;
    claim(&world, ada, &[]).await;
    assert_eq!(world.one::<String>(&flags(ada)).await, "tf");
}

#[tokio::test]
async fn x11_an_answer_that_is_not_the_whole_takes_nothing() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let ada = world.user("ada").await;
    link(
        &world,
        "ops",
        (Some(domain::DEFAULT_ORGANIZATION), Some(team)),
        "member",
        "authoritative",
    )
    .await;
    claim(&world, ada, &["ops"]).await;
    let seen = Seen {
        provider: Provider::Oidc,
        groups: Vec::new(),
        assigned: None,
        complete: false,
        roles_complete: false,
    };
    signed_in(&world.backend, ada, &seen, &NewGroups::default(), &request())
        .await
        .unwrap();
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("member"));
}

#[tokio::test]
async fn x11_who_was_taken_out_by_hand_comes_back_while_the_group_has_them() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    let ada = world.user("ada").await;
    link(
        &world,
        "ops",
        (Some(domain::DEFAULT_ORGANIZATION), Some(team)),
        "member",
        "additive",
    )
    .await;
    claim(&world, ada, &["ops"]).await;
    world
        .act(root, async |ctx| members::remove(ctx, team, &UserRef::Id(ada)).await)
        .await
        .unwrap();
    claim(&world, ada, &["ops"]).await;
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("member"));
}

/// A person with these groups and roles in the claims of a token.
fn identity(groups: &[&str], roles: &[&str]) -> integrations::oidc::Identity {
    let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    integrations::oidc::Identity {
        issuer: "https://id.example.com".to_owned(),
        subject: "s".to_owned(),
        email: None,
        email_verified: false,
        email_denied: false,
        preferred_username: None,
        name: None,
        directory_id: None,
        groups: list(groups),
        groups_given: true,
        groups_overage: false,
        roles: list(roles),
        access_token: None,
        team_id: None,
        client_credentials: false,
        expires_at: std::time::SystemTime::UNIX_EPOCH,
    }
}

/// Who may name groups may not make themselves super_admin by it.
#[tokio::test]
async fn e5_a_group_called_like_an_app_role_is_none() {
    let world = World::new().await;
    let (ada, ben) = (world.user("ada").await, world.user("ben").await);
    link(&world, "role:Admin", (None, None), "super_admin", "additive").await;
    let follow = async |user, identity| {
        let seen = Seen::of_claims(&identity);
        signed_in(&world.backend, user, &seen, &NewGroups::default(), &request())
            .await
            .unwrap();
    };
    follow(ada, identity(&["role:Admin"], &[])).await;
    follow(ben, identity(&[], &["Admin"])).await;
    let admins: Vec<String> = world.all("SELECT email FROM users WHERE is_super_admin").await;
    assert_eq!(admins, ["ben@example.com"]);
}

/// Only the sync knows who is in a group that is not assigned to the application.
#[tokio::test]
async fn x11_a_sign_in_says_nothing_of_groups_that_are_not_the_applications() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let ada = world.user("ada").await;
    let id = link(
        &world,
        DATA,
        (Some(domain::DEFAULT_ORGANIZATION), Some(team)),
        "member",
        "authoritative",
    )
    .await;
    world
        .sql(&format!(
            "UPDATE identity_links SET provider = 'entra' WHERE id = '{id}'"
        ))
        .await;
    let seen = Seen {
        provider: Provider::Entra,
        groups: vec![group(DATA, "Other")],
        assigned: None,
        complete: true,
        roles_complete: false,
    };
    signed_in(&world.backend, ada, &seen, &NewGroups::default(), &request())
        .await
        .unwrap();
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("member"));
    sign_in(&world, ada, &[group(LLM, "LLM")], &[], &flag(false))
        .await
        .unwrap();
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("member"));
}

#[tokio::test]
async fn x11_an_organization_link_leaves_the_teams_that_people_gave() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let team = world.team_in(organization, "Ops").await;
    world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    link(
        &world,
        "acme",
        (Some(organization), None),
        "org_member",
        "authoritative",
    )
    .await;
    claim(&world, ada, &["acme"]).await;
    world.join(team, ada, TeamRole::Member).await;
    claim(&world, ada, &[]).await;
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("member"));
    assert_eq!(
        org_role(&world, &organization.to_string(), ada).await.as_deref(),
        Some("org_member")
    );
}

#[tokio::test]
async fn x11_a_role_that_somebody_gave_is_not_undone() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let target = (Some(domain::DEFAULT_ORGANIZATION), Some(team));
    link(&world, "ops", target, "member", "authoritative").await;
    link(&world, "more", target, "member", "authoritative").await;
    claim(&world, ada, &["ops", "more"]).await;
    world
        .act(root, async |ctx| {
            members::change_role(ctx, team, &UserRef::Id(ada), TeamRole::Admin).await
        })
        .await
        .unwrap();
    claim(&world, ada, &["ops"]).await;
    claim(&world, ada, &[]).await;
    assert_eq!(role(&world, &team.to_string(), ada).await.as_deref(), Some("admin"));
}

/// Each sign-in takes one out: a directory that empties a group by mistake is noticed all the same.
#[tokio::test]
async fn x11_a_group_that_is_emptied_one_by_one_stops_and_asks() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    world.member(team, "boss", TeamRole::Admin).await;
    link(
        &world,
        "ops",
        (Some(domain::DEFAULT_ORGANIZATION), Some(team)),
        "member",
        "authoritative",
    )
    .await;
    let mut people = Vec::new();
    for n in 0..8 {
        let user = world.user(&format!("p{n}")).await;
        claim(&world, user, &["ops"]).await;
        people.push(user);
    }
    for user in people {
        claim(&world, user, &[]).await;
    }
    let left = count(
        &world,
        &format!("team_members WHERE team_id = '{team}' AND source = 'idp'"),
    )
    .await;
    assert_eq!(left, 5, "three are free");
    assert_eq!(count(&world, "identity_links WHERE held_at IS NOT NULL").await, 1);
}

/// People who change places sign in together, and nobody waits for the other for ever.
#[tokio::test]
async fn x11_people_who_change_places_at_once_get_there() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let (one, two) = (
        world.team_in(organization, "One").await,
        world.team_in(organization, "Two").await,
    );
    link(
        &world,
        "one",
        (Some(organization), Some(one)),
        "member",
        "authoritative",
    )
    .await;
    link(
        &world,
        "two",
        (Some(organization), Some(two)),
        "member",
        "authoritative",
    )
    .await;
    link(&world, "all", (Some(organization), None), "org_member", "authoritative").await;
    world.sql("UPDATE identity_links SET removal_limit = 100").await;
    let mut people = Vec::new();
    for n in 0..12 {
        people.push(world.user(&format!("p{n}")).await);
    }
    for round in 0..3 {
        let places = |n: usize| {
            if (n + round).is_multiple_of(2) {
                ["one", "all"]
            } else {
                ["two", "three"]
            }
        };
        let all = people.iter().enumerate().map(|(n, user)| {
            let world = &world;
            async move { claim(world, *user, &places(n)).await }
        });
        futures_util::future::join_all(all).await;
        world
            .sql("UPDATE identity_link_events SET at = at - interval '2 hours'")
            .await;
    }
    let ones = count(&world, &format!("team_members WHERE team_id = '{one}'")).await;
    let twos = count(&world, &format!("team_members WHERE team_id = '{two}'")).await;
    assert_eq!((ones, twos), (6, 6));
}

/// Links are searched as every list is: without regard to case, and each sign as itself.
#[tokio::test]
async fn links_are_found_by_their_groups_name_and_id() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    for group in ["Platform 100%", "data_science"] {
        link(&world, group, (Some(acme), None), "org_member", "additive").await;
    }
    for (search, found) in [
        ("PLAT", 1),
        ("%", 1),
        ("_", 1),
        ("a", 2),
        ("%%", 0),
        ("\0data\0", 1),
        (" ", 2),
    ] {
        let query = LinkQuery {
            search: Some(search.to_owned()),
            ..LinkQuery::default()
        };
        let list = world
            .ask(root, async |ctx| identity_links::list(ctx, &query).await)
            .await;
        let list = list.unwrap();
        assert_eq!(
            (list.total, list.items.len()),
            (i64::try_from(found).unwrap(), found),
            "{search:?}"
        );
    }
}
