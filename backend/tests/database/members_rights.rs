//! D11, D12 as a property: whatever people do as members and admins of a team, nobody comes by a right that they may not
//! give, and no team loses its last admin.

use std::fmt::Write as _;

use backend::{
    Ctx, Error, Result,
    members::{self, BulkInput, OnInvalid, OnUnknown},
    organizations, projects, teams,
};
use chrono::{TimeDelta, Utc};
use domain::{OrgRole, ProjectId, ProjectName, StatusChange, TeamId, TeamRole, TermsPatch, UserId, UserRef};

use crate::common::World;

/// Numbers that follow from a seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn terms(&mut self) -> TermsPatch {
        let end = |dice: &mut Self| match dice.roll(4) {
            0 => Some(Some(Utc::now() + TimeDelta::hours(1))),
            1 => Some(None),
            _ => None,
        };
        TermsPatch {
            role: self.pick(&[
                None,
                Some(TeamRole::Admin),
                Some(TeamRole::Admin),
                Some(TeamRole::Member),
            ]),
            expires_at: end(self),
            admin_until: end(self),
        }
    }
}

/// Two teams of one organization, and one of another; people of all of them, none of whom administers more than a team.
struct Town {
    world: World,
    ours: TeamId,
    theirs: [TeamId; 2],
    people: Vec<UserId>,
    projects: Vec<ProjectId>,
}

/// What somebody tries.
#[derive(Debug, Clone)]
enum Deed {
    Add(UserId, TermsPatch),
    AddMany(Vec<BulkInput>, OnInvalid),
    Change(UserId, TermsPatch),
    Remove(UserId),
    CreateProject,
    RenameProject(ProjectId),
    DeleteProject(ProjectId),
    Edit(Box<teams::TeamPatchInput>),
    Status(StatusChange),
    CreateTeam,
    CreateOrganization,
}

impl Town {
    async fn new() -> Self {
        let world = World::new().await;
        let (acme, other) = (world.organization("acme").await, world.organization("other").await);
        let ours = world.team_in(acme, "Ours").await;
        let theirs = [
            world.team_in(acme, "Theirs").await,
            world.team_in(other, "Elsewhere").await,
        ];
        world
            .sql(&format!(
                "UPDATE teams SET required_labels = '{{docker}}', optional_label_patterns = '{{app-.*,env-.*}}',
                    max_runners = 10, max_budget = 100, budget_duration = '1mo', tpm_limit = 1000, rpm_limit = 100
                WHERE id = '{ours}'"
            ))
            .await;
        let mut people = Vec::new();
        for n in 0..6 {
            people.push(world.user(&format!("p{n}")).await);
        }
        world.join(ours, people[0], TeamRole::Admin).await;
        world.join(ours, people[1], TeamRole::Member).await;
        world.join(theirs[0], people[2], TeamRole::Admin).await;
        world.join(theirs[0], people[0], TeamRole::Member).await;
        world.join(theirs[1], people[3], TeamRole::Admin).await;
        let boss = world.user("boss").await;
        world.give(acme, boss, OrgRole::OrgAdmin).await;
        people.push(boss);
        let mut projects = Vec::new();
        for (team, name) in [(ours, "one"), (ours, "two"), (theirs[0], "three")] {
            projects.push(world.project(team, name).await);
        }
        Self {
            world,
            ours,
            theirs,
            people,
            projects,
        }
    }

    fn deed(&self, dice: &mut Dice) -> Deed {
        let who = dice.pick(&self.people);
        match dice.roll(16) {
            0..=2 => Deed::Add(who, dice.terms()),
            3 => {
                let rows = (0..=dice.roll(4))
                    .map(|_| BulkInput {
                        user: dice.pick(&self.people).to_string(),
                        role: dice
                            .pick(&[None, Some("admin"), Some("member"), Some("org_admin")])
                            .map(str::to_owned),
                    })
                    .collect();
                Deed::AddMany(rows, dice.pick(&[OnInvalid::Abort, OnInvalid::Skip]))
            }
            4..=8 => Deed::Change(who, dice.terms()),
            9 | 10 => Deed::Remove(who),
            11 => Deed::CreateProject,
            12 if dice.roll(2) == 0 => Deed::RenameProject(dice.pick(&self.projects)),
            12 => Deed::DeleteProject(dice.pick(&self.projects)),
            13 => Deed::Edit(Box::new(edit(dice))),
            14 => Deed::Status(dice.pick(&[
                StatusChange::Deactivate,
                StatusChange::Archive,
                StatusChange::Activate,
                StatusChange::Restore,
            ])),
            _ if dice.roll(2) == 0 => Deed::CreateTeam,
            _ => Deed::CreateOrganization,
        }
    }

    /// Everything that a right hangs on, but the members of our own team, one line for each.
    async fn rights(&self) -> Vec<String> {
        let ours = self.ours;
        self.world
            .all(&format!(
                "SELECT line FROM (
                    SELECT 'user ' || email || is_super_admin || is_auditor || can_use_jit AS line FROM users
                    UNION ALL SELECT 'organization ' || name FROM organizations
                    UNION ALL SELECT 'org ' || organization_id || user_id || role FROM organization_members
                        WHERE role <> 'org_member'
                    UNION ALL SELECT 'team ' || id || organization_id || status FROM teams
                    UNION ALL SELECT 'member ' || team_id || user_id || role FROM team_members WHERE team_id <> '{ours}'
                    UNION ALL SELECT 'project ' || p.id || p.name FROM projects p WHERE team_id <> '{ours}'
                    UNION ALL SELECT 'assigned ' || m.project_id || m.user_id FROM project_members m JOIN projects p
                        ON p.id = m.project_id WHERE p.team_id <> '{ours}'
                    UNION ALL SELECT 'raised' FROM teams WHERE id = '{ours}' AND NOT (
                        required_labels @> '{{docker}}' AND optional_label_patterns <@ '{{app-.*,env-.*}}'
                        AND max_runners <= 10 AND max_budget <= 100 AND tpm_limit <= 1000 AND rpm_limit <= 100
                        AND runner_group_ids = '{{}}')
                    UNION ALL SELECT 'end of a member' FROM team_members WHERE role <> 'admin' AND admin_until IS NOT NULL
                ) everything ORDER BY line"
            ))
            .await
    }

    /// Those who can act as our admin, and those of them whom no clock takes away.
    async fn admins(&self) -> (i64, i64) {
        let ours = self.ours;
        let all = format!("SELECT count(*) FROM current_team_admins WHERE team_id = '{ours}'");
        (
            self.world.one(&all).await,
            self.world.one(&format!("{all} AND without_end")).await,
        )
    }

    async fn role(&self, who: UserId) -> Option<String> {
        let ours = self.ours;
        let sql = format!("SELECT role FROM current_team_members WHERE team_id = '{ours}' AND user_id = '{who}'");
        self.world.all(&sql).await.pop()
    }
}

fn edit(dice: &mut Dice) -> teams::TeamPatchInput {
    let texts = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>());
    let kept = teams::TeamPatchInput::default;
    match dice.roll(9) {
        0 => teams::TeamPatchInput {
            name: Some(format!("Ours {}", dice.roll(9))),
            ..kept()
        },
        1 => teams::TeamPatchInput {
            max_runners: Some(dice.pick(&[None, Some(11), Some(9), Some(5)])),
            ..kept()
        },
        2 => teams::TeamPatchInput {
            tpm_limit: Some(dice.pick(&[None, Some(2000), Some(900)])),
            ..kept()
        },
        3 => teams::TeamPatchInput {
            required_labels: texts(dice.pick(&[&[][..], &["docker"], &["docker", "arm"]])),
            ..kept()
        },
        4 => teams::TeamPatchInput {
            optional_label_patterns: texts(dice.pick(&[&[".*"][..], &["app-.*"], &["app-.*", "env-.*"]])),
            ..kept()
        },
        5 => teams::TeamPatchInput {
            max_budget: Some(dice.pick(&[None, Some(101), Some(99)]).map(rust_decimal::Decimal::from)),
            ..kept()
        },
        6 => teams::TeamPatchInput {
            runner_group_ids: Some(vec![7]),
            ..kept()
        },
        7 => teams::TeamPatchInput {
            rpm_limit: Some(dice.pick(&[None, Some(101), Some(50)])),
            ..kept()
        },
        _ => teams::TeamPatchInput {
            is_active: Some(false),
            ..kept()
        },
    }
}

async fn attempt(ctx: &mut Ctx, team: TeamId, deed: Deed) -> Result<()> {
    match deed {
        Deed::Add(who, terms) => members::add_until(ctx, team, &UserRef::Id(who), terms).await.map(drop),
        Deed::AddMany(rows, on_invalid) => members::add_many(ctx, team, &rows, on_invalid, OnUnknown::Refuse, false)
            .await
            .map(drop),
        Deed::Change(who, terms) => members::update(ctx, team, &UserRef::Id(who), terms).await.map(drop),
        Deed::Remove(who) => members::remove(ctx, team, &UserRef::Id(who)).await.map(drop),
        Deed::CreateProject => {
            let name = format!("p {}", uuid::Uuid::new_v4().simple());
            projects::create(ctx, team, &ProjectName::parse(&name)?, None)
                .await
                .map(drop)
        }
        Deed::RenameProject(project) => {
            let name = ProjectName::parse(&format!("r {}", uuid::Uuid::new_v4().simple()))?;
            projects::update(ctx, team, project, Some(&name), None).await.map(drop)
        }
        Deed::DeleteProject(project) => projects::delete(ctx, team, project).await.map(drop),
        Deed::Edit(patch) => teams::update(ctx, team, patch.parse()?).await.map(drop),
        Deed::Status(change) => teams::change_status(ctx, team, change, None).await.map(drop),
        Deed::CreateTeam => {
            let new = teams::NewTeamInput {
                name: "Mine".to_owned(),
                make_me_admin: true,
                ..teams::NewTeamInput::default()
            };
            teams::create(ctx, new.parse()?).await.map(drop)
        }
        Deed::CreateOrganization => {
            let new = organizations::NewOrganizationInput {
                name: "Mine".to_owned(),
                ..organizations::NewOrganizationInput::default()
            };
            organizations::create(ctx, new.parse()?).await.map(drop)
        }
    }
}

/// D11, D12: a long walk at random, by admins, members and strangers, with time passing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d11_no_walk_leads_to_a_right_or_away_from_the_last_admin() {
    let (mut done, mut refused, mut last_admins) = (0, 0, 0);
    for seed in [0x5eed_0001_u64, 0x5eed_0002, 0x5eed_0003] {
        let town = Town::new().await;
        let mut dice = Dice(seed);
        let rights = town.rights().await;
        let callers = &town.people[..6];
        let mut story = String::new();
        for step in 0..400 {
            // Admins of our team more often than others, so that much is allowed.
            let mut caller = dice.pick(callers);
            for _ in 0..6 {
                if town.role(caller).await.as_deref() != Some("admin") {
                    caller = dice.pick(callers);
                }
            }
            if dice.roll(12) == 0 {
                let column = dice.pick(&["admin_until", "expires_at"]);
                town.world
                    .sql(&format!(
                        "UPDATE team_members SET {column} = now() - interval '1 second' WHERE {column} IS NOT NULL"
                    ))
                    .await;
                if dice.roll(2) == 0 {
                    members::end_expired(&town.world.backend).await.unwrap();
                }
                let _ = writeln!(story, "{step}: {column} comes");
            }
            let team = if dice.roll(6) == 0 {
                dice.pick(&town.theirs)
            } else {
                town.ours
            };
            let deed = town.deed(&mut dice);
            let (role, before) = (town.role(caller).await, town.admins().await);
            // Who administers the other team may act there: that is not what this is about.
            let at_home =
                team == town.ours || !matches!(callers.iter().position(|who| *who == caller), Some(2 | 3 | 0));
            if !at_home {
                continue;
            }
            let leaves = team == town.ours && role.is_some() && matches!(&deed, Deed::Remove(who) if *who == caller);
            let result = town
                .world
                .act(caller, async |ctx| attempt(ctx, team, deed.clone()).await)
                .await;
            let _ = writeln!(story, "{step}: {caller} ({role:?}) {deed:?}: {result:?}");
            let context = || format!("seed {seed:#x}\n{story}");
            match &result {
                Ok(()) => {
                    let may = leaves || (role.as_deref() == Some("admin") && team == town.ours);
                    assert!(may, "who is no admin here has done something: {}", context());
                    done += 1;
                }
                Err(Error::Internal(error)) => panic!("{error}: {}", context()),
                Err(error) => {
                    refused += 1;
                    last_admins += usize::from(error.code() == backend::Code::LastAdmin);
                }
            }
            assert_eq!(town.rights().await, rights, "a right has changed: {}", context());
            let after = town.admins().await;
            assert!(before.0 == 0 || after.0 > 0, "the last admin is gone: {}", context());
            assert!(
                before.1 == 0 || after.1 > 0,
                "a clock will take the last admin: {}",
                context()
            );
        }
        assert!(town.admins().await.1 > 0, "it began with one");
    }
    // A walk in which nothing happens proves nothing.
    assert!(
        done > 200 && refused > 200 && last_admins > 10,
        "{done} done, {refused} refused, {last_admins} last"
    );
}

/// D5 as a race: any number of admins who demote, remove, leave and set ends at once: one without an end remains.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d5_when_all_admins_go_at_once_one_remains() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let mut admins = Vec::new();
    for n in 0..8 {
        admins.push(world.user(&format!("a{n}")).await);
    }
    for round in 0..12_usize {
        world.sql("DELETE FROM team_members").await;
        for admin in &admins {
            world.join(team, *admin, TeamRole::Admin).await;
        }
        let attempts = admins.iter().enumerate().map(|(index, by)| {
            let (world, by) = (&world, *by);
            let other = admins[(index + 1 + round % 7) % 8];
            async move {
                let hour = Some(Some(Utc::now() + TimeDelta::hours(1)));
                let deed = match (index + round) % 5 {
                    0 => Deed::Remove(by),
                    1 => Deed::Remove(other),
                    2 => Deed::Change(
                        other,
                        TermsPatch {
                            role: Some(TeamRole::Member),
                            ..TermsPatch::default()
                        },
                    ),
                    3 => Deed::Change(
                        by,
                        TermsPatch {
                            expires_at: hour,
                            ..TermsPatch::default()
                        },
                    ),
                    _ => Deed::Change(
                        by,
                        TermsPatch {
                            admin_until: hour,
                            ..TermsPatch::default()
                        },
                    ),
                };
                // Twice, so that they also meet what the others have left.
                for _ in 0..2 {
                    let result = world.act(by, async |ctx| attempt(ctx, team, deed.clone()).await).await;
                    if let Err(Error::Internal(error)) = result {
                        panic!("{error}");
                    }
                }
                let gone = Deed::Change(
                    by,
                    TermsPatch {
                        role: Some(TeamRole::Member),
                        ..TermsPatch::default()
                    },
                );
                let _ = world.act(by, async |ctx| attempt(ctx, team, gone).await).await;
            }
        });
        futures_util::future::join_all(attempts).await;
        let left: i64 = world
            .one("SELECT count(*) FROM current_team_admins WHERE without_end")
            .await;
        assert!(left >= 1, "round {round}");
        // When all ends have come, an admin is still there.
        world
            .sql("UPDATE team_members SET admin_until = now() - interval '1 second' WHERE admin_until IS NOT NULL")
            .await;
        world
            .sql("UPDATE team_members SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL")
            .await;
        members::end_expired(&world.backend).await.unwrap();
        assert!(
            world
                .one::<i64>("SELECT count(*) FROM team_members WHERE role = 'admin'")
                .await
                >= 1,
            "round {round}"
        );
    }
}
