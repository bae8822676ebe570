//! SPEC P: the table, role by role, against the functions that enforce it.

use backend::{Ctx, Error, Result, members, organizations, projects, runners, teams};
use domain::{
    OrgRole, OrganizationId, ProjectId, ProjectName, StatusChange, TeamId, TeamRole, TeamStatus, UserId, UserRef,
};

use crate::common::{World, refused};

/// One team in one organization, with someone of every kind around it.
struct House {
    world: World,
    organization: OrganizationId,
    team: TeamId,
    project: ProjectId,
    member: UserId,
    outsider: UserId,
}

const ROLES: [&str; 11] = [
    "super_admin",
    "org_admin",
    "admin",
    "member",
    "org_member",
    "stranger",
    "org_admin_elsewhere",
    "admin_elsewhere",
    "auditor",
    "org_auditor",
    "org_auditor_elsewhere",
];

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend Team").await;
        world
            .sql(&format!(
                "UPDATE teams SET required_labels = '{{docker}}', optional_label_patterns = '{{app-.*,env-.*}}',
                    max_runners = 10, max_budget = 100, budget_duration = '1mo', tpm_limit = 1000, rpm_limit = 100,
                    models = '{{gpt-4}}' WHERE id = '{team}'"
            ))
            .await;
        world
            .sql(&format!(
                "UPDATE organizations SET models = '{{gpt-4,claude}}' WHERE id = '{organization}'"
            ))
            .await;
        let project = world.project(team, "search").await;
        let member = world.member(team, "somebody", TeamRole::Member).await;
        world.member(team, "boss", TeamRole::Admin).await;
        let outsider = world.user("outsider").await;
        Self {
            world,
            organization,
            team,
            project,
            member,
            outsider,
        }
    }

    async fn person(&self, role: &str) -> UserId {
        let world = &self.world;
        let user = world.user(role).await;
        let elsewhere = async || world.organization("elsewhere").await;
        match role {
            "super_admin" => {
                world
                    .sql(&format!("UPDATE users SET is_super_admin = true WHERE id = '{user}'"))
                    .await;
            }
            "auditor" => {
                world
                    .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{user}'"))
                    .await;
            }
            "org_admin" => world.give(self.organization, user, OrgRole::OrgAdmin).await,
            "org_member" => world.give(self.organization, user, OrgRole::OrgMember).await,
            "org_auditor" => world.give(self.organization, user, OrgRole::Auditor).await,
            "org_admin_elsewhere" => world.give(elsewhere().await, user, OrgRole::OrgAdmin).await,
            "org_auditor_elsewhere" => {
                let other: uuid::Uuid = world.one("SELECT id FROM organizations WHERE slug = 'elsewhere'").await;
                world.give(OrganizationId(other), user, OrgRole::Auditor).await;
            }
            "admin" => world.join(self.team, user, TeamRole::Admin).await,
            "member" => world.join(self.team, user, TeamRole::Member).await,
            "admin_elsewhere" => {
                let other = world.team_in(self.organization, "Other").await;
                world.join(other, user, TeamRole::Admin).await;
            }
            "stranger" => {}
            other => panic!("{other}?"),
        }
        user
    }

    /// Everything that a row of the table stands for, by name.
    async fn attempt(&self, ctx: &mut Ctx, what: &str) -> Result<()> {
        let (team, member, outsider) = (self.team, UserRef::Id(self.member), UserRef::Id(self.outsider));
        let patch = |patch: teams::TeamPatchInput| patch.parse().map_err(Error::Invalid);
        let input = teams::TeamPatchInput::default;
        let project = |name: &str| ProjectName::parse(name).expect("a name");
        let texts = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        match what {
            "see the team" => teams::get(ctx, team).await.map(drop),
            "see its overview" => {
                let page = teams::get(ctx, team).await?;
                teams::overview(ctx, page).await.map(drop)
            }
            "see its members" => members::list(ctx, team, &members::MemberQuery::default())
                .await
                .map(drop),
            "see its projects" => projects::list(ctx, team).await.map(drop),
            "see its runners" => {
                let query = runners::RunnerQuery {
                    team_id: Some(team),
                    ..runners::RunnerQuery::default()
                };
                runners::list(ctx, &query).await.map(drop)
            }
            "create a team" => {
                let new = teams::NewTeamInput {
                    name: "Brand New".to_owned(),
                    organization_id: Some(self.organization),
                    ..teams::NewTeamInput::default()
                };
                teams::create(ctx, new.parse()?).await.map(drop)
            }
            "deactivate" => teams::change_status(ctx, team, StatusChange::Deactivate, None)
                .await
                .map(drop),
            "archive" => teams::change_status(ctx, team, StatusChange::Archive, None)
                .await
                .map(drop),
            "deactivate by patch" => teams::update(
                ctx,
                team,
                patch(teams::TeamPatchInput {
                    is_active: Some(false),
                    ..input()
                })?,
            )
            .await
            .map(drop),
            "rename" => {
                let name = Some("Renamed".to_owned());
                teams::update(ctx, team, patch(teams::TeamPatchInput { name, ..input() })?)
                    .await
                    .map(drop)
            }
            "describe" => {
                let description = Some(Some("what for".to_owned()));
                teams::update(ctx, team, patch(teams::TeamPatchInput { description, ..input() })?)
                    .await
                    .map(drop)
            }
            "add a member" => members::add(ctx, team, &outsider, TeamRole::Member).await.map(drop),
            "promote a member" => members::change_role(ctx, team, &member, TeamRole::Admin)
                .await
                .map(drop),
            "remove a member" => members::remove(ctx, team, &member).await.map(drop),
            "preview a removal" => members::preview_removal(ctx, team, &member).await.map(drop),
            "create a project" => projects::create(ctx, team, &project("new"), None).await.map(drop),
            "rename a project" => projects::update(ctx, team, self.project, Some(&project("newer")), None)
                .await
                .map(drop),
            "delete a project" => projects::delete(ctx, team, self.project).await.map(drop),
            "choose models" => {
                let models = texts(&["claude"]);
                teams::update(ctx, team, patch(teams::TeamPatchInput { models, ..input() })?)
                    .await
                    .map(drop)
            }
            "create an organization" => {
                let input = organizations::NewOrganizationInput {
                    name: "Fresh".to_owned(),
                    ..organizations::NewOrganizationInput::default()
                };
                organizations::create(ctx, input.parse()?).await.map(drop)
            }
            policy => {
                let patched = match policy {
                    "lower: fewer runners" => teams::TeamPatchInput {
                        max_runners: Some(Some(9)),
                        ..input()
                    },
                    "lower: fewer patterns" => teams::TeamPatchInput {
                        optional_label_patterns: texts(&["app-.*"]),
                        ..input()
                    },
                    "lower: no patterns" => teams::TeamPatchInput {
                        optional_label_patterns: texts(&[]),
                        ..input()
                    },
                    "lower: narrower pattern" => teams::TeamPatchInput {
                        optional_label_patterns: texts(&["app-web"]),
                        ..input()
                    },
                    "lower: more required" => teams::TeamPatchInput {
                        required_labels: texts(&["docker", "arm"]),
                        ..input()
                    },
                    "lower: budget" => teams::TeamPatchInput {
                        max_budget: Some(Some(99.into())),
                        ..input()
                    },
                    "lower: tpm" => teams::TeamPatchInput {
                        tpm_limit: Some(Some(999)),
                        ..input()
                    },
                    "lower: rpm" => teams::TeamPatchInput {
                        rpm_limit: Some(Some(0)),
                        ..input()
                    },
                    "raise: more runners" => teams::TeamPatchInput {
                        max_runners: Some(Some(11)),
                        ..input()
                    },
                    "raise: any number of runners" => teams::TeamPatchInput {
                        max_runners: Some(None),
                        ..input()
                    },
                    "raise: more patterns" => teams::TeamPatchInput {
                        optional_label_patterns: texts(&["app-.*", "env-.*", "gpu"]),
                        ..input()
                    },
                    "raise: wider pattern" => teams::TeamPatchInput {
                        optional_label_patterns: texts(&["app.*"]),
                        ..input()
                    },
                    "raise: nothing required" => teams::TeamPatchInput {
                        required_labels: texts(&[]),
                        ..input()
                    },
                    "raise: budget" => teams::TeamPatchInput {
                        max_budget: Some(Some(101.into())),
                        ..input()
                    },
                    "raise: no budget" => teams::TeamPatchInput {
                        max_budget: Some(None),
                        ..input()
                    },
                    "raise: a shorter budget period" => teams::TeamPatchInput {
                        budget_duration: Some(Some("1d".to_owned())),
                        ..input()
                    },
                    "raise: tpm" => teams::TeamPatchInput {
                        tpm_limit: Some(None),
                        ..input()
                    },
                    "raise: rpm" => teams::TeamPatchInput {
                        rpm_limit: Some(Some(101)),
                        ..input()
                    },
                    "raise: one up, one down" => teams::TeamPatchInput {
                        max_runners: Some(Some(9)),
                        tpm_limit: Some(Some(1001)),
                        ..input()
                    },
                    other => panic!("{other}?"),
                };
                teams::update(ctx, team, patch(patched)?).await.map(drop)
            }
        }
    }
}

const SEES: &[&str] = &[
    "see the team",
    "see its overview",
    "see its members",
    "see its projects",
    "see its runners",
];
const ADMINISTERS: &[&str] = &["create a team", "deactivate", "archive", "deactivate by patch"];
const MANAGES: &[&str] = &[
    "rename",
    "describe",
    "add a member",
    "promote a member",
    "remove a member",
    "preview a removal",
    "create a project",
    "rename a project",
    "delete a project",
    "choose models",
];
const LOWERS: &[&str] = &[
    "lower: fewer runners",
    "lower: fewer patterns",
    "lower: no patterns",
    "lower: narrower pattern",
    "lower: more required",
    "lower: budget",
    "lower: tpm",
    "lower: rpm",
];
const RAISES: &[&str] = &[
    "raise: more runners",
    "raise: any number of runners",
    "raise: more patterns",
    "raise: wider pattern",
    "raise: nothing required",
    "raise: budget",
    "raise: no budget",
    "raise: a shorter budget period",
    "raise: tpm",
    "raise: rpm",
    "raise: one up, one down",
];

/// X16: what a refusal begins with.
fn literal(role: &str, what: &str) -> &'static str {
    let in_the_team = matches!(role, "admin" | "member");
    if SEES.contains(&what) {
        "Access denied: not a team member"
    } else if in_the_team && !matches!(what, "create a team" | "create an organization") {
        "Insufficient permissions"
    } else {
        "Admin privileges required for team management"
    }
}

/// P, X16 and X20: every role × everything it may try on a team. Each attempt is undone, so that they do not meet.
#[tokio::test]
async fn p_each_role_may_do_what_its_column_says_and_nothing_else() {
    let house = House::new().await;
    let everything = [SEES, ADMINISTERS, MANAGES, LOWERS, RAISES, &["create an organization"]].concat();
    let mut wrong = Vec::new();
    for role in ROLES {
        let allowed: Vec<&[&str]> = match role {
            "super_admin" => vec![&everything],
            "org_admin" => vec![SEES, ADMINISTERS, MANAGES, LOWERS, RAISES],
            "admin" => vec![SEES, MANAGES, LOWERS],
            "member" | "auditor" | "org_auditor" => vec![SEES],
            _ => vec![],
        };
        let allowed = allowed.concat();
        let person = house.person(role).await;
        for what in &everything {
            let result = house
                .world
                .ask(person, async |ctx| house.attempt(ctx, what).await)
                .await;
            let good = match &result {
                Ok(()) => allowed.contains(what),
                Err(Error::Forbidden(refusal)) => {
                    !allowed.contains(what)
                        && refusal.literal == literal(role, what)
                        && result.as_ref().is_err_and(|error| error.detail().contains(", ask a "))
                }
                Err(_) => false,
            };
            if !good {
                wrong.push(format!("{role}: {what}: {result:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (entries, teams): (i64, i64) = (
        house.world.one("SELECT count(*) FROM audit_entries").await,
        house.world.one("SELECT count(*) FROM teams WHERE NOT is_system").await,
    );
    assert_eq!((entries, teams), (0, 2), "every attempt was undone");
}

/// A person's roles are of one team each: an admin of one team who is a member of another has there what members have.
#[tokio::test]
async fn p_an_admin_of_one_team_is_a_mere_member_of_another() {
    let house = House::new().await;
    let world = &house.world;
    let person = house.person("admin_elsewhere").await;
    world.join(house.team, person, TeamRole::Member).await;
    for what in [SEES, ADMINISTERS, MANAGES, LOWERS, RAISES].concat() {
        let result = world.ask(person, async |ctx| house.attempt(ctx, what).await).await;
        match result {
            Ok(()) => assert!(SEES.contains(&what), "{what}"),
            Err(Error::Forbidden(refusal)) => {
                assert!(!SEES.contains(&what), "{what}");
                assert_eq!(refusal.literal, literal("member", what), "{what}");
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }
    let led: uuid::Uuid = world
        .one(&format!(
            "SELECT team_id FROM team_members WHERE user_id = '{person}' AND role = 'admin'"
        ))
        .await;
    let rename = async |ctx: &mut Ctx| {
        let patch = teams::TeamPatchInput {
            description: Some(Some("Mine".to_owned())),
            ..teams::TeamPatchInput::default()
        };
        teams::update(ctx, TeamId(led), patch.parse().map_err(Error::Invalid)?).await
    };
    world.act(person, rename).await.expect("an admin there");
}

/// P: "projects: assigned only" for members; all of them for those who manage or audit.
#[tokio::test]
async fn p_members_see_the_projects_that_they_are_assigned_to() {
    let house = House::new().await;
    let (world, team) = (&house.world, house.team);
    let mine = world.project(team, "assigned").await;
    for (role, sees) in [
        ("member", 1),
        ("admin", 2),
        ("org_admin", 2),
        ("super_admin", 2),
        ("auditor", 2),
        ("org_auditor", 2),
    ] {
        let person = house.person(role).await;
        if role == "member" {
            world.assign(mine, person).await;
        }
        let (_, projects) = world
            .ask(person, async |ctx| projects::list(ctx, team).await)
            .await
            .unwrap();
        assert_eq!(projects.len(), sees, "{role}");
        assert!(projects.iter().any(|project| project.id == mine), "{role}");
    }
}

/// P, "see audit": the latest changes on the Overview are for those who may see the log of the team.
#[tokio::test]
async fn p_changes_are_shown_to_those_who_may_see_the_log() {
    let house = House::new().await;
    let (world, team) = (&house.world, house.team);
    let admin = house.person("admin").await;
    world
        .act(admin, async |ctx| house.attempt(ctx, "rename").await)
        .await
        .unwrap();
    for (role, sees) in [
        ("member", 0),
        ("org_admin", 1),
        ("super_admin", 1),
        ("auditor", 1),
        ("org_auditor", 1),
    ] {
        let person = house.person(role).await;
        let overview = world
            .ask(person, async |ctx| {
                let page = teams::get(ctx, team).await?;
                teams::overview(ctx, page).await
            })
            .await
            .unwrap();
        assert_eq!(overview.changes.len(), sees, "{role}");
    }
}

/// X3, P: rights follow the database, not the principal that a request began with.
#[tokio::test]
async fn p_rights_are_read_from_the_database_when_it_matters() {
    let house = House::new().await;
    let world = &house.world;
    let admin = house.person("admin").await;
    let before = world.caller(admin).await;
    world
        .sql(&format!(
            "UPDATE team_members SET role = 'member' WHERE user_id = '{admin}'"
        ))
        .await;
    let mut ctx = Ctx::write(&world.backend, before.clone(), crate::common::request())
        .await
        .unwrap();
    refused(
        house.attempt(&mut ctx, "rename").await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    drop(ctx);
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{admin}'"))
        .await;
    let mut ctx = Ctx::write(&world.backend, before, crate::common::request())
        .await
        .unwrap();
    refused(
        house.attempt(&mut ctx, "see the team").await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
}

/// X2, D6: members of an inactive team see its name and status; everything else is refused.
#[tokio::test]
async fn x2_an_inactive_team_gives_its_members_its_name_and_status() {
    let house = House::new().await;
    let (world, team) = (&house.world, house.team);
    world
        .sql(&format!(
            "UPDATE teams SET description = 'secret plans' WHERE id = '{team}'"
        ))
        .await;
    world.set_status(team, TeamStatus::Inactive).await;
    for role in ["member", "admin"] {
        let person = house.person(role).await;
        let page = world
            .ask(person, async |ctx| teams::get(ctx, team).await)
            .await
            .unwrap();
        assert_eq!(
            (page.team.name.as_str(), page.team.status, page.open),
            ("Backend Team", TeamStatus::Inactive, false)
        );
        let told = &page.team;
        assert_eq!(
            (told.description.as_deref(), told.max_runners, told.member_count),
            (None, None, 0),
            "{role}"
        );
        assert!(
            told.policy.required.is_empty() && told.limits == domain::Limits::default(),
            "{role}"
        );
        let overview = world
            .ask(person, async |ctx| teams::overview(ctx, page.clone()).await)
            .await
            .unwrap();
        assert!(overview.admin_count == 0 && overview.changes.is_empty() && overview.runners.is_empty());
        for what in ["see its members", "see its projects"] {
            let result = world.ask(person, async |ctx| house.attempt(ctx, what).await).await;
            refused(result, "TEAM_INACTIVE", "Team is inactive");
        }
        let mine = world.ask(person, async |ctx| teams::mine(ctx).await).await.unwrap();
        let [only] = mine.as_slice() else { panic!("{mine:?}") };
        assert_eq!(
            (only.name.as_str(), only.status, only.description.as_deref()),
            ("Backend Team", TeamStatus::Inactive, None)
        );
        assert!(only.policy.required.is_empty() && only.max_runners.is_none() && only.member_count == 0);
        let form = world
            .ask(person, async |ctx| teams::provision_form(ctx).await)
            .await
            .unwrap();
        assert!(form.teams.is_empty(), "the dropdown has active teams only");
    }
    let admin = house
        .world
        .one::<uuid::Uuid>("SELECT id FROM users WHERE email = 'boss@example.com'")
        .await;
    for what in [MANAGES, LOWERS].concat() {
        let result = world
            .ask(UserId(admin), async |ctx| house.attempt(ctx, what).await)
            .await;
        refused(result, "TEAM_INACTIVE", "Team is inactive");
    }
    for role in ["super_admin", "org_admin"] {
        let person = house.person(role).await;
        for what in [SEES, MANAGES, LOWERS, RAISES].concat() {
            let result = world.ask(person, async |ctx| house.attempt(ctx, what).await).await;
            assert!(result.is_ok(), "{role}: {what}: {result:?}");
        }
    }
    for role in ["auditor", "org_auditor"] {
        let person = house.person(role).await;
        for what in SEES {
            let result = world.ask(person, async |ctx| house.attempt(ctx, what).await).await;
            assert!(result.is_ok(), "{role}: {what}: {result:?}");
        }
    }
}

/// X2, D6: an archived team does not exist for its members; those who may restore it see it, and change nothing in it.
#[tokio::test]
async fn x2_an_archived_team_is_hidden_from_its_members() {
    let house = House::new().await;
    let (world, team) = (&house.world, house.team);
    world.set_status(team, TeamStatus::Archived).await;
    for role in ["member", "admin"] {
        let person = house.person(role).await;
        for what in [SEES, MANAGES, LOWERS, &["deactivate"]].concat() {
            let result = world.ask(person, async |ctx| house.attempt(ctx, what).await).await;
            refused(result, "NOT_FOUND", &format!("Team not found: {team}"));
        }
        let leave = world
            .ask(person, async |ctx| {
                members::remove(ctx, team, &UserRef::Id(person)).await
            })
            .await;
        refused(leave, "NOT_FOUND", "Team not found: ");
        let mine = world.ask(person, async |ctx| teams::mine(ctx).await).await.unwrap();
        assert!(mine.is_empty());
        let found = world
            .ask(person, async |ctx| {
                teams::find(ctx, &teams::TeamKey::parse("backend-team")).await
            })
            .await;
        refused(found, "NOT_FOUND", "Team not found: backend-team");
    }
    for role in ["super_admin", "org_admin", "auditor", "org_auditor"] {
        let person = house.person(role).await;
        for what in SEES {
            let result = world.ask(person, async |ctx| house.attempt(ctx, what).await).await;
            assert!(result.is_ok(), "{role}: {what}: {result:?}");
        }
    }
    let root: uuid::Uuid = world.one("SELECT id FROM users WHERE is_super_admin").await;
    for what in [MANAGES, LOWERS, RAISES].concat() {
        let result = world
            .ask(UserId(root), async |ctx| house.attempt(ctx, what).await)
            .await;
        refused(result, "WRONG_STATE", "Team '");
    }
}
