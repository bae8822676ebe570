//! A team's names, status and fields: X2, X3, B4 to B6, D11, E7.

use backend::{Code, Error, Result, teams};
use domain::{
    DEFAULT_ORGANIZATION, OrgRole, OrganizationId, Reason, Slug, StatusChange, TeamId, TeamRole, TeamStatus, UserId,
    views::TeamPage,
};
use teams::{Found, NewTeamInput, TeamKey, TeamPatchInput};

use crate::common::{World, refusal, refused};

async fn create(world: &World, by: UserId, organization: OrganizationId, name: &str) -> Result<TeamPage> {
    let input = NewTeamInput {
        name: name.to_owned(),
        organization_id: Some(organization),
        ..NewTeamInput::default()
    };
    world
        .act(by, async |ctx| teams::create(ctx, input.parse()?).await)
        .await
}

async fn change(world: &World, by: UserId, team: TeamId, change: StatusChange) -> Result<TeamPage> {
    world
        .act(by, async |ctx| teams::change_status(ctx, team, change, None).await)
        .await
}

async fn patch(world: &World, by: UserId, team: TeamId, patch: TeamPatchInput) -> Result<TeamPage> {
    world
        .act(by, async |ctx| teams::update(ctx, team, patch.parse()?).await)
        .await
}

/// X3: the slug comes from the name, is numbered when taken, and is made up where the name gives none.
#[tokio::test]
async fn x3_slugs_are_generated_and_numbered() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (here, there) = (world.organization("here").await, world.organization("there").await);
    let slug = async |organization, name: &str| create(&world, root, organization, name).await.unwrap().team.slug;
    assert_eq!(slug(here, "Backend Team").await, "backend-team");
    assert_eq!(slug(here, "Backend  Team!").await, "backend-team-2");
    assert_eq!(slug(here, "Backend-Team").await, "backend-team-3");
    assert_eq!(
        slug(there, "Backend Team").await,
        "backend-team",
        "unique in an organization"
    );
    assert_eq!(slug(here, "Backend Team 2").await, "backend-team-2-2");
    for name in ["日本語", "Ω", "!!"].map(|name| format!("{name}?")) {
        let made = slug(here, &name).await;
        let hex = made.strip_prefix("team-").unwrap_or_else(|| panic!("{made}"));
        assert!(hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
    }
    for n in 0..12 {
        let made = slug(here, &format!("{}{}", "a".repeat(49), char::from(b'!' + n))).await;
        assert!(Slug::parse(&made).is_ok(), "{made}");
    }
    let slugs: (i64, i64) = (
        world.one("SELECT count(*) FROM teams").await,
        world
            .one("SELECT count(DISTINCT (organization_id, slug)) FROM teams")
            .await,
    );
    assert_eq!(slugs.0, slugs.1);
}

/// X3: the longest slugs that a directory's names give are numbered within 63 characters.
#[tokio::test]
async fn x3_long_slugs_are_numbered_within_their_length() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let here = world.organization("here").await;
    // As a directory would bring it: beyond what people may type.
    let stem = format!("{}-b", "a".repeat(48));
    for taken in [
        stem.clone(),
        format!("{stem}-2"),
        format!("{stem}-3"),
        format!("{stem}-30"),
    ] {
        world
            .sql(&format!(
                "INSERT INTO teams (id, organization_id, name, slug)
                VALUES (gen_random_uuid(), '{here}', 'taken ' || '{taken}', '{taken}')"
            ))
            .await;
    }
    let made = create(&world, root, here, &stem).await.unwrap().team.slug;
    assert_eq!(made, format!("{stem}-4"));
}

/// X3: names are unique in an organization without regard to case, and only there.
#[tokio::test]
async fn x3_names_are_unique_without_regard_to_case() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (here, there) = (world.organization("here").await, world.organization("there").await);
    let ops = create(&world, root, here, "Ärzte Ops").await.unwrap().team.id;
    let (code, words) = refusal(create(&world, root, here, " ärzte OPS ").await);
    assert_eq!(
        (code, words.as_str()),
        ("NAME_TAKEN", "Team 'ärzte OPS' already exists")
    );
    assert_eq!(Code::NameTaken.status(), 409);
    create(&world, root, there, "ärzte ops")
        .await
        .expect("another organization");
    let other = create(&world, root, here, "Other").await.unwrap().team.id;
    let renamed = |name: &str| TeamPatchInput {
        name: Some(name.to_owned()),
        ..TeamPatchInput::default()
    };
    refused(
        patch(&world, root, other, renamed("ÄRZTE ops")).await,
        "NAME_TAKEN",
        "Team 'ÄRZTE ops' already exists",
    );
    let same = patch(&world, root, ops, renamed("ärzte ops"))
        .await
        .expect("its own name in another case");
    assert_eq!(
        (same.team.name.as_str(), same.team.slug.as_str()),
        ("ärzte ops", "rzte-ops"),
        "the slug stays"
    );
}

/// X3 as a race: names that give one slug, all at once. No two get it, and nobody sees a fault of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_slugs_stay_unique_when_many_are_made_at_once() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let make = async |n: u8| {
        create(
            &world,
            root,
            DEFAULT_ORGANIZATION,
            &format!("Ops{}", char::from(b'!' + n)),
        )
        .await
    };
    let made = tokio::join!(make(0), make(1), make(2), make(3), make(4), make(5));
    for result in [made.0, made.1, made.2, made.3, made.4, made.5] {
        if let Err(error) = result {
            assert_eq!(error.code(), Code::NameTaken, "{error}");
        }
    }
    let slugs: (i64, i64) = (
        world.one("SELECT count(slug) FROM teams").await,
        world.one("SELECT count(DISTINCT slug) FROM teams").await,
    );
    assert!(slugs.0 == slugs.1 && slugs.0 >= 1);
}

/// B6, X2: the four changes, their effects and their words.
#[tokio::test]
async fn x2_statuses_change_as_the_model_says() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let runner = world.runner(Some(team), admin, "active").await;
    let reason = Reason::parse("budget cut").unwrap();
    let off = world
        .act(root, async |ctx| {
            teams::change_status(ctx, team, StatusChange::Deactivate, Some(&reason)).await
        })
        .await
        .unwrap()
        .team;
    assert_eq!(
        (off.status, off.deactivation_reason.as_deref()),
        (TeamStatus::Inactive, Some("budget cut"))
    );
    assert_eq!(off.deactivated_by.as_deref(), Some("root@example.com"));
    assert!(off.deactivated_at.is_some());
    let (code, words) = refusal(change(&world, root, team, StatusChange::Deactivate).await);
    assert_eq!(
        (code, words.as_str()),
        ("WRONG_STATE", "Team 'Ops' is already deactivated")
    );
    let on = change(&world, root, team, StatusChange::Activate).await.unwrap().team;
    assert_eq!(
        (on.status, on.deactivation_reason, on.deactivated_at, on.deactivated_by),
        (TeamStatus::Active, None, None, None)
    );
    refused(
        change(&world, root, team, StatusChange::Activate).await,
        "WRONG_STATE",
        "Team 'Ops' is already active",
    );
    refused(
        change(&world, root, team, StatusChange::Restore).await,
        "WRONG_STATE",
        "Team 'Ops' is not archived",
    );
    change(&world, root, team, StatusChange::Archive)
        .await
        .expect("from active");
    for (again, words) in [
        (StatusChange::Archive, "Team 'Ops' is already archived"),
        (StatusChange::Activate, "Team 'Ops' is archived; restore it first"),
        (StatusChange::Deactivate, "Team 'Ops' is archived; restore it first"),
    ] {
        refused(change(&world, root, team, again).await, "WRONG_STATE", words);
    }
    let back = change(&world, root, team, StatusChange::Restore).await.unwrap().team;
    assert_eq!(back.status, TeamStatus::Inactive, "restore gives inactive");
    change(&world, root, team, StatusChange::Archive)
        .await
        .expect("from inactive");
    let status: String = world
        .one(&format!("SELECT status FROM runners WHERE id = '{runner}'"))
        .await;
    assert_eq!(status, "active", "runners stay");
}

/// X2: an archived team frees its name and slug, and cannot come back while another holds the name.
#[tokio::test]
async fn x2_an_archived_team_frees_its_name_and_slug() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let first = create(&world, root, DEFAULT_ORGANIZATION, "Ops").await.unwrap().team.id;
    change(&world, root, first, StatusChange::Archive).await.unwrap();
    let second = create(&world, root, DEFAULT_ORGANIZATION, "OPS").await.unwrap().team;
    assert_eq!(second.slug, "ops");
    let (code, words) = refusal(change(&world, root, first, StatusChange::Restore).await);
    assert_eq!((code, words.as_str()), ("NAME_TAKEN", "Team 'Ops' already exists"));
    let status: String = world
        .one(&format!("SELECT status FROM teams WHERE id = '{first}'"))
        .await;
    assert_eq!(status, "archived");
    let found = world
        .ask(root, async |ctx| teams::find(ctx, &TeamKey::parse("ops")).await)
        .await
        .unwrap();
    assert!(
        matches!(found, Found::One(page) if page.team.id == second.id),
        "the living one has the slug"
    );
    change(&world, root, second.id, StatusChange::Archive).await.unwrap();
    change(&world, root, first, StatusChange::Restore)
        .await
        .expect("the name is free again");
}

/// X2, X3: another name with the same slug keeps an archived team away too; the words say which team to look for.
#[tokio::test]
async fn x2_a_slug_that_is_taken_keeps_an_archived_team_away() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let first = create(&world, root, DEFAULT_ORGANIZATION, "Ops").await.unwrap().team.id;
    change(&world, root, first, StatusChange::Archive).await.unwrap();
    create(&world, root, DEFAULT_ORGANIZATION, "Ops!").await.unwrap();
    let (code, words) = refusal(change(&world, root, first, StatusChange::Restore).await);
    assert_eq!(code, "NAME_TAKEN");
    assert!(words.contains("'ops'") && !words.contains("try again"), "{words}");
}

/// X3: a slug that several organizations have lists all of them that the caller may see.
#[tokio::test]
async fn x3_a_slug_may_fit_several_teams() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (here, there) = (world.organization("here").await, world.organization("there").await);
    let (a, b) = (world.team_in(here, "Ops").await, world.team_in(there, "Ops").await);
    let member = world.member(a, "member", TeamRole::Member).await;
    let find = async |who, key: &str| {
        world
            .ask(who, async |ctx| teams::find(ctx, &TeamKey::parse(key)).await)
            .await
    };
    let Found::Several(pages) = find(root, "ops").await.unwrap() else {
        panic!("two teams")
    };
    let mut ids: Vec<TeamId> = pages.iter().map(|page| page.team.id).collect();
    ids.sort();
    assert_eq!(ids, [a.min(b), a.max(b)]);
    assert!(matches!(find(member, "ops").await.unwrap(), Found::One(page) if page.team.id == a));
    assert!(matches!(find(root, &b.to_string()).await.unwrap(), Found::One(page) if page.team.id == b));
    let stranger = world.user("stranger").await;
    refused(
        find(stranger, "ops").await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    for missing in ["nope", "", "o\0ps", "OPS", "%"] {
        refused(find(root, missing).await, "NOT_FOUND", "Team not found: ");
    }
}

/// B5: absent keeps, null clears, and what is not valid is refused whole.
#[tokio::test]
async fn b5_a_patch_keeps_what_it_does_not_name() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    let filled = TeamPatchInput {
        description: Some(Some("what for".to_owned())),
        required_labels: Some(vec!["docker".to_owned()]),
        optional_label_patterns: Some(vec!["app-.*".to_owned()]),
        max_runners: Some(Some(3)),
        models: Some(vec!["gpt-4".to_owned()]),
        max_budget: Some(Some("12.50".parse().unwrap())),
        budget_duration: Some(Some("monthly".to_owned())),
        tpm_limit: Some(Some(10)),
        rpm_limit: Some(Some(0)),
        ..TeamPatchInput::default()
    };
    let full = patch(&world, root, team, filled).await.unwrap().team;
    let same = patch(&world, root, team, TeamPatchInput::default()).await.unwrap().team;
    assert_eq!(same, full, "an empty patch changes nothing, not even updated_at");
    assert_eq!(full.limits.max_budget.unwrap().to_string(), "12.5");
    assert_eq!(full.limits.budget_duration.as_ref().unwrap().as_str(), "1mo");
    let cleared = TeamPatchInput {
        max_runners: Some(None),
        description: Some(None),
        ..TeamPatchInput::default()
    };
    let after = patch(&world, root, team, cleared).await.unwrap().team;
    assert_eq!((after.max_runners, after.description.clone()), (None, None));
    assert_eq!(
        (after.policy, after.limits),
        (full.policy, full.limits),
        "the rest stays"
    );
    let bad = TeamPatchInput {
        name: Some("New name".to_owned()),
        optional_label_patterns: Some(vec!["(".to_owned()]),
        max_runners: Some(Some(-1)),
        ..TeamPatchInput::default()
    };
    let Err(Error::Invalid(fields)) = patch(&world, root, team, bad).await else {
        panic!("not valid")
    };
    let names: Vec<&str> = fields.iter().map(|invalid| invalid.field.as_ref()).collect();
    assert_eq!(names, ["optional_label_patterns", "max_runners"]);
    assert_eq!(
        world
            .one::<String>(&format!("SELECT name FROM teams WHERE id = '{team}'"))
            .await,
        "Ops"
    );
}

/// B5: `is_active` in a patch does what deactivate and reactivate do, and null is not false.
#[tokio::test]
async fn b5_is_active_in_a_patch_changes_the_status() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    let with = |is_active| TeamPatchInput {
        is_active,
        max_runners: Some(Some(4)),
        ..TeamPatchInput::default()
    };
    let off = patch(&world, root, team, with(Some(false))).await.unwrap().team;
    assert_eq!((off.status, off.max_runners), (TeamStatus::Inactive, Some(4)));
    assert!(off.deactivated_at.is_some());
    assert_eq!(
        patch(&world, root, team, with(None)).await.unwrap().team.status,
        TeamStatus::Inactive
    );
    assert_eq!(
        patch(&world, root, team, with(Some(true))).await.unwrap().team.status,
        TeamStatus::Active
    );
    change(&world, root, team, StatusChange::Archive).await.unwrap();
    refused(
        patch(&world, root, team, with(Some(true))).await,
        "WRONG_STATE",
        "Team 'Ops' is archived; restore it first",
    );
}

/// E7, E8: a team's limits stay within its organization's, with the seed's words; equal is fine.
#[tokio::test]
async fn e7_limits_stay_within_the_organization() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let here = world.organization("here").await;
    world
        .sql(&format!(
            "UPDATE organizations SET max_budget = 100, tpm_limit = 10, rpm_limit = 5, models = '{{gpt-4}}' WHERE id = '{here}'"
        ))
        .await;
    let limits = |budget: i64, tpm, model: &str| NewTeamInput {
        name: "Ops".to_owned(),
        organization_id: Some(here),
        max_budget: Some(budget.into()),
        tpm_limit: Some(tpm),
        models: vec![model.to_owned()],
        ..NewTeamInput::default()
    };
    let make = async |input: NewTeamInput| {
        world
            .act(root, async |ctx| teams::create(ctx, input.parse()?).await)
            .await
    };
    let (_, words) = refusal(make(limits(101, 11, "claude")).await);
    for part in [
        "Team max_budget (101) exceeds organization's max_budget (100).",
        "Team tpm_limit (11) exceeds organization's tpm_limit (10).",
        "claude not in organization's allowed models: gpt-4",
    ] {
        assert!(words.contains(part), "{words}");
    }
    let team = make(limits(100, 10, "all-org-models"))
        .await
        .expect("equal is fine")
        .team
        .id;
    let more = TeamPatchInput {
        rpm_limit: Some(Some(6)),
        ..TeamPatchInput::default()
    };
    refused(
        patch(&world, root, team, more).await,
        "VALIDATION_ERROR",
        "rpm_limit: Team rpm_limit (6) exceeds",
    );
}

/// D11, X13: creating adds nobody unless asked, and goes to the only organization that the caller administers.
#[tokio::test]
async fn d11_creating_a_team_adds_nobody_unless_asked() {
    let world = World::new().await;
    let (root, boss) = (world.super_admin().await, world.user("boss").await);
    let here = world.organization("here").await;
    world.give(here, boss, OrgRole::OrgAdmin).await;
    let input = |name: &str| NewTeamInput {
        name: name.to_owned(),
        ..NewTeamInput::default()
    };
    let make = async |who, input: NewTeamInput| {
        world
            .act(who, async |ctx| teams::create(ctx, input.parse()?).await)
            .await
    };
    let plain = make(boss, input("Plain")).await.unwrap();
    assert_eq!(
        (plain.team.organization_id, plain.team.member_count, plain.standing.team),
        (here, 0, None)
    );
    assert_eq!(
        make(root, input("Plain")).await.unwrap().team.organization_id,
        DEFAULT_ORGANIZATION
    );
    let mine = make(
        root,
        NewTeamInput {
            make_me_admin: true,
            organization_id: Some(here),
            ..input("Mine")
        },
    )
    .await
    .unwrap();
    assert_eq!((mine.team.member_count, mine.standing.team), (1, Some(TeamRole::Admin)));
    assert_eq!(mine.team.created_by.as_deref(), Some("root@example.com"));
    let there = world.organization("there").await;
    world.give(there, boss, OrgRole::OrgAdmin).await;
    refused(
        make(boss, input("Where?")).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    let nowhere = NewTeamInput {
        organization_id: Some(OrganizationId(uuid::Uuid::from_u128(9))),
        ..input("Nowhere")
    };
    refused(make(root, nowhere).await, "NOT_FOUND", "Organization not found: ");
}

/// X4: the Default Team is no choice for runners unless they are enabled on it, and stays active.
#[tokio::test]
async fn x4_the_default_team_is_left_out() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (system, team) = (domain::DEFAULT_TEAM, world.team("Ops").await);
    let ada = world.member(system, "ada", TeamRole::Member).await;
    world.join(team, ada, TeamRole::Member).await;
    let mine = async || -> Vec<TeamId> {
        let teams = world.ask(ada, async |ctx| teams::mine(ctx).await).await.unwrap();
        teams.iter().map(|team| team.id).collect()
    };
    assert_eq!(mine().await, [team]);
    world
        .sql(&format!(
            "UPDATE teams SET runners_enabled = true WHERE id = '{system}'"
        ))
        .await;
    assert_eq!(mine().await, [system, team]);
    for what in [StatusChange::Deactivate, StatusChange::Archive] {
        refused(
            change(&world, root, system, what).await,
            "WRONG_STATE",
            "Team 'Default Team' is a system team",
        );
    }
}

/// X13: only super_admins administer the default organization, whatever SQL says.
#[tokio::test]
async fn x13_the_default_organization_has_no_admins() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let refused =
        sqlx::query("INSERT INTO organization_members (organization_id, user_id, role) VALUES ($1, $2, 'org_admin')")
            .bind(DEFAULT_ORGANIZATION.0)
            .bind(ada.0)
            .execute(&world.pool)
            .await
            .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("organization_members_default_has_no_admin"),
        "{refused}"
    );
}

/// D8: a project's name is taken once in its team, whatever the case.
#[tokio::test]
async fn d8_project_names_are_unique_in_a_team() {
    use backend::projects;
    let world = World::new().await;
    let (team, other) = (world.team("Ops").await, world.team("Other").await);
    let root = world.super_admin().await;
    let name = |text: &str| domain::ProjectName::parse(text).unwrap();
    let make = async |team, text: &str| {
        world
            .act(root, async |ctx| projects::create(ctx, team, &name(text), None).await)
            .await
    };
    let search = make(team, "Search").await.unwrap();
    refused(
        make(team, "sEARCH").await,
        "NAME_TAKEN",
        "Project 'sEARCH' already exists in this team",
    );
    make(other, "Search").await.expect("another team");
    let web = make(team, "Web").await.unwrap();
    let rename = async |id, text: &str| {
        world
            .act(root, async |ctx| {
                projects::update(ctx, team, id, Some(&name(text)), None).await
            })
            .await
    };
    refused(
        rename(web.id, "SEARCH").await,
        "NAME_TAKEN",
        "Project 'SEARCH' already exists in this team",
    );
    rename(search.id, "SEARCH").await.expect("its own name in another case");
    let foreign = world
        .act(root, async |ctx| projects::delete(ctx, other, search.id).await)
        .await;
    refused(foreign, "NOT_FOUND", "Project not found: ");
    let runner = world.runner(Some(team), root, "active").await;
    world
        .sql(&format!(
            "UPDATE runners SET project_id = '{}' WHERE id = '{runner}'",
            search.id
        ))
        .await;
    world.assign(search.id, root).await;
    let gone = world
        .act(root, async |ctx| projects::delete(ctx, team, search.id).await)
        .await
        .unwrap();
    assert_eq!(
        (gone.member_count, gone.runner_count),
        (1, 1),
        "what goes and what stays, in numbers"
    );
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM runners WHERE status = 'active' AND project_id IS NULL")
            .await,
        1
    );
    assert_eq!(world.one::<i64>("SELECT count(*) FROM project_members").await, 0);
}

/// X2 as a race: teams of one organization that go on and off at the same moment do not wait for each other for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x2_teams_that_go_on_and_off_at_once_do_not_lock_each_other_out() {
    let world = std::sync::Arc::new(World::new().await);
    let root = world.super_admin().await;
    let mut tasks = Vec::new();
    for n in 0..8 {
        let team = world.team(&format!("team {n}")).await;
        if n % 2 == 0 {
            world.set_status(team, TeamStatus::Inactive).await;
        }
        let world = std::sync::Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            for round in 0..10 {
                let on = (n + round) % 2 == 0;
                let what = if on {
                    StatusChange::Activate
                } else {
                    StatusChange::Deactivate
                };
                change(&world, root, team, what)
                    .await
                    .unwrap_or_else(|error| panic!("{n} {round}: {error}"));
            }
        }));
    }
    for task in tasks {
        task.await.expect("no deadlock");
    }
}
