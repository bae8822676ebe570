//! Organizations: settings, ceilings, who sees what. E7, P, X13.

use std::{sync::Arc, time::Duration};

use backend::{
    Error, Result,
    organizations::{self, NewOrganizationInput, OrganizationKey, OrganizationPatchInput, OrganizationQuery},
    runners::JitInput,
    teams,
};
use domain::{
    DEFAULT_ORGANIZATION, OrgRole, OrganizationId, StatusChange, TeamId, TeamRole, TeamStatus, UserId,
    views::OrganizationPage,
};
use rust_decimal::Decimal;

use crate::common::{World, refusal, refused};

async fn patch(
    world: &World,
    by: UserId,
    id: OrganizationId,
    input: OrganizationPatchInput,
) -> Result<OrganizationPage> {
    let patch = input.parse().map_err(Error::Invalid)?;
    world
        .act(by, async |ctx| organizations::update(ctx, &id.into(), patch).await)
        .await
}

fn input() -> OrganizationPatchInput {
    OrganizationPatchInput::default()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// An organization with an admin, and the installation's.
async fn acme(world: &World) -> (OrganizationId, UserId, UserId) {
    let id = world.organization("acme").await;
    let (root, olga) = (world.super_admin().await, world.user("olga").await);
    world.give(id, olga, OrgRole::OrgAdmin).await;
    (id, root, olga)
}

/// E7: a ceiling below what a team already has is refused, and the teams are named; equal is fine; archived teams do
/// not count until they come back.
#[tokio::test]
async fn e7_lowering_a_ceiling_below_a_team_names_the_teams() {
    let world = World::new().await;
    let (id, root, _) = acme(&world).await;
    for index in 0..7 {
        let team = world.team_in(id, &format!("Team {index}")).await;
        world
            .sql(&format!(
                "UPDATE teams SET max_budget = 100, tpm_limit = 50, models = '{{gpt-4o,o3}}' WHERE id = '{team}'"
            ))
            .await;
    }
    let small = world.team_in(id, "Small").await;
    world
        .sql(&format!("UPDATE teams SET max_budget = 10 WHERE id = '{small}'"))
        .await;
    let budget = |amount: i64| OrganizationPatchInput {
        max_budget: Some(Some(Decimal::from(amount))),
        ..input()
    };
    patch(&world, root, id, budget(100)).await.expect("equal is fine");
    let (code, words) = refusal(patch(&world, root, id, budget(99)).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert_eq!(
        words,
        "max_budget: Team max_budget (100) exceeds organization's max_budget (99). Lower it first in: Team 0, Team 1, Team 2, Team 3, Team 4, Team 5, Team 6"
    );
    let both = OrganizationPatchInput {
        tpm_limit: Some(Some(49)),
        models: Some(texts(&["gpt-4o"])),
        ..input()
    };
    let (_, words) = refusal(patch(&world, root, id, both).await);
    assert!(
        words.contains("tpm_limit: Team tpm_limit (50)") && words.contains("models: o3 not in"),
        "{words}"
    );
    assert!(!words.contains("Small"), "{words}");

    world
        .sql("UPDATE teams SET status = 'archived' WHERE name LIKE 'Team %'")
        .await;
    patch(&world, root, id, budget(10))
        .await
        .expect("only the small one is there");
    let away: String = world.one("SELECT id::text FROM teams WHERE name = 'Team 0'").await;
    let away: TeamId = away.parse().unwrap();
    let restored = world
        .act(root, async |ctx| {
            teams::change_status(ctx, away, StatusChange::Restore, None).await
        })
        .await;
    refused(
        restored,
        "WRONG_STATE",
        "Team 'Team 0' cannot be restored: Team max_budget (100) exceeds organization's max_budget (10).",
    );
}

/// P: an org_admin lowers what binds the organization, and raises nothing; name yes, slug no.
#[tokio::test]
async fn p_an_org_admin_lowers_ceilings_and_raises_none() {
    let world = World::new().await;
    let (id, root, olga) = acme(&world).await;
    let ceilings = OrganizationPatchInput {
        max_runners: Some(Some(10)),
        max_budget: Some(Some(Decimal::from(100))),
        budget_duration: Some(Some("30d".to_owned())),
        tpm_limit: Some(Some(1000)),
        models: Some(texts(&["a", "b"])),
        ..input()
    };
    patch(&world, root, id, ceilings).await.unwrap();
    let lower = OrganizationPatchInput {
        name: Some("Acme Two".to_owned()),
        max_runners: Some(Some(9)),
        max_budget: Some(Some(Decimal::from(99))),
        rpm_limit: Some(Some(5)),
        models: Some(texts(&["a"])),
        ..input()
    };
    let page = patch(&world, olga, id, lower).await.expect("lowering and a new name");
    assert_eq!(page.organization.name, "Acme Two");
    assert_eq!(page.organization.max_runners, Some(9));
    for raise in [
        OrganizationPatchInput {
            max_runners: Some(Some(10)),
            ..input()
        },
        OrganizationPatchInput {
            max_runners: Some(None),
            ..input()
        },
        OrganizationPatchInput {
            max_budget: Some(None),
            ..input()
        },
        OrganizationPatchInput {
            budget_duration: Some(Some("1d".to_owned())),
            ..input()
        },
        OrganizationPatchInput {
            tpm_limit: Some(Some(1001)),
            ..input()
        },
        OrganizationPatchInput {
            models: Some(texts(&["a", "b"])),
            ..input()
        },
        OrganizationPatchInput {
            models: Some(Vec::new()),
            ..input()
        },
        OrganizationPatchInput {
            slug: Some("other".to_owned()),
            ..input()
        },
    ] {
        let shown = format!("{raise:?}");
        let (code, words) = refusal(patch(&world, olga, id, raise.clone()).await);
        assert_eq!(code, "FORBIDDEN", "{shown}");
        assert!(
            words.starts_with("Insufficient permissions. To ") && words.ends_with("ask a super_admin."),
            "{words}"
        );
        patch(&world, root, id, raise).await.expect("a super_admin may");
        let back = OrganizationPatchInput {
            slug: Some("acme".to_owned()),
            max_runners: Some(Some(9)),
            max_budget: Some(Some(Decimal::from(99))),
            budget_duration: Some(Some("30d".to_owned())),
            tpm_limit: Some(Some(1000)),
            models: Some(texts(&["a"])),
            ..input()
        };
        patch(&world, root, id, back).await.unwrap();
    }
}

/// P: nobody else changes settings: not members, auditors, team admins, or another organization's admin.
#[tokio::test]
async fn p_settings_are_for_those_who_administer() {
    let world = World::new().await;
    let (id, _, _) = acme(&world).await;
    let other = world.organization("other").await;
    let stranger = world.user("stranger").await;
    world.give(other, stranger, OrgRole::OrgAdmin).await;
    let (member, auditor) = (world.user("member").await, world.user("auditor").await);
    world.give(id, member, OrgRole::OrgMember).await;
    world.give(id, auditor, OrgRole::Auditor).await;
    let team = world.team_in(id, "Ops").await;
    let tess = world.member(team, "tess", TeamRole::Admin).await;
    world.give(id, tess, OrgRole::OrgMember).await;
    for person in [stranger, member, auditor, tess] {
        let rename = OrganizationPatchInput {
            name: Some("Mine".to_owned()),
            ..input()
        };
        refused(
            patch(&world, person, id, rename).await,
            "FORBIDDEN",
            "Insufficient permissions. To create a team, change its status or organization settings, ask a super_admin or org_admin",
        );
    }
    let key = OrganizationKey::Slug("acme".to_owned());
    let seen = async |user| world.ask(user, async |ctx| organizations::get(ctx, &key).await).await;
    assert!(seen(auditor).await.unwrap().numbers.is_some());
    assert!(seen(member).await.unwrap().numbers.is_none());
    refused(
        seen(stranger).await,
        "FORBIDDEN",
        "Access denied: not a member of this organization",
    );
}

/// A standing that was taken away counts at once, whatever this process remembers of the person.
#[tokio::test]
async fn p_writes_do_not_trust_what_is_remembered() {
    let world = World::new().await;
    let (id, _, olga) = acme(&world).await;
    let mut ctx = world.write(olga).await;
    world.sql("UPDATE organization_members SET role = 'org_member'").await;
    let rename = OrganizationPatchInput {
        name: Some("Mine".to_owned()),
        ..input()
    };
    let result = organizations::update(&mut ctx, &id.into(), rename.parse().unwrap()).await;
    refused(result, "FORBIDDEN", "Insufficient permissions");
}

/// D12: the numbers of an organization; a team whose only admin cannot act is flagged.
#[tokio::test]
async fn d12_teams_without_admin_are_counted_and_named() {
    let world = World::new().await;
    let (id, root, _) = acme(&world).await;
    let led = world.team_in(id, "Led").await;
    let boss = world.member(led, "boss", TeamRole::Admin).await;
    let gone = world.team_in(id, "Deactivated Boss").await;
    let ghost = world.member(gone, "ghost", TeamRole::Admin).await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{ghost}'"))
        .await;
    let over = world.team_in(id, "Over").await;
    let past = world.member(over, "past", TeamRole::Admin).await;
    world
        .sql(&format!(
            "UPDATE team_members SET admin_until = now() - interval '1 hour' WHERE user_id = '{past}'"
        ))
        .await;
    let empty = world.team_in(id, "Empty").await;
    world.set_status(empty, TeamStatus::Inactive).await;
    let archived = world.team_in(id, "Archived").await;
    world.set_status(archived, TeamStatus::Archived).await;
    world.runner(Some(led), boss, "active").await;
    world.runner(Some(led), boss, "deleted").await;
    let guest = world.user("guest").await;
    world.give(id, guest, OrgRole::OrgMember).await;
    world
        .sql(&format!(
            "UPDATE organization_members SET is_guest = true WHERE user_id = '{guest}'"
        ))
        .await;
    let (page, orphans) = world
        .ask(root, async |ctx| {
            let page = organizations::get(ctx, &id.into()).await?;
            let orphans = organizations::orphans(ctx, &page).await?;
            Ok((page, orphans))
        })
        .await
        .unwrap();
    let numbers = page.numbers.unwrap();
    assert_eq!((numbers.people, numbers.guests, numbers.admins), (2, 1, 1));
    assert_eq!(
        (numbers.active_teams, numbers.inactive_teams, numbers.runners),
        (3, 1, 1)
    );
    assert_eq!(page.organization.team_count, 4);
    assert_eq!(numbers.teams_without_admin, 3);
    let names: Vec<&str> = orphans.iter().map(|team| team.name.as_str()).collect();
    assert_eq!(names, ["Deactivated Boss", "Empty", "Over"]);
}

/// The list: paged both ways, searched, with the true total; everyone else sees their own.
#[tokio::test]
async fn the_list_is_paged_and_scoped() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let max = world.user("max").await;
    let auditor = world.user("auditor").await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    let mut ids = Vec::new();
    for index in 0..9 {
        ids.push(world.organization(&format!("org_{index}")).await);
    }
    world.give(ids[3], max, OrgRole::OrgMember).await;
    world.give(ids[5], max, OrgRole::OrgAdmin).await;
    let page = async |user, search: &str, cursor: Option<String>| {
        let query = OrganizationQuery {
            search: Some(search.to_owned()),
            cursor,
            limit: 4,
        };
        world
            .ask(user, async |ctx| organizations::page(ctx, &query).await)
            .await
            .unwrap()
    };
    let slugs = |page: &domain::views::Page<domain::views::Organization>| -> Vec<String> {
        page.items
            .iter()
            .map(|organization| organization.slug.clone())
            .collect()
    };
    for user in [root, auditor] {
        let first = page(user, "org_", None).await;
        assert_eq!(slugs(&first), ["org_0", "org_1", "org_2", "org_3"]);
        assert_eq!((first.total, first.previous.is_none()), (9, true));
        let second = page(user, "org_", first.next.clone()).await;
        let third = page(user, "org_", second.next.clone()).await;
        assert_eq!((slugs(&third), third.next.is_none()), (texts(&["org_8"]), true));
        let back = page(user, "org_", third.previous.clone()).await;
        assert_eq!(slugs(&back), slugs(&second));
        assert_eq!(page(user, "ORG_7", None).await.total, 1);
        assert_eq!(page(user, "%", None).await.total, 0, "a wildcard is a letter");
    }
    let own = page(max, "", None).await;
    assert_eq!((slugs(&own), own.total), (texts(&["org_3", "org_5"]), 2));
    assert_eq!(
        own.items.iter().map(|o| o.people_count).collect::<Vec<_>>(),
        [None, Some(1)],
        "a member does not see how many there are"
    );
    let mine = world
        .ask(max, async |ctx| organizations::mine(ctx).await)
        .await
        .unwrap();
    assert_eq!(
        mine.iter().map(|o| (o.slug.as_str(), o.role)).collect::<Vec<_>>(),
        [("org_3", OrgRole::OrgMember), ("org_5", OrgRole::OrgAdmin)]
    );
}

/// Creating and changing are audited with before and after.
#[tokio::test]
async fn changes_of_settings_are_audited() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let new = NewOrganizationInput {
        name: "Acme".to_owned(),
        domains: texts(&["acme.example"]),
        max_runners: Some(5),
        ..NewOrganizationInput::default()
    };
    let page = world
        .act(root, async |ctx| organizations::create(ctx, new.parse()?).await)
        .await
        .unwrap();
    let id = page.organization.id;
    let change = OrganizationPatchInput {
        max_runners: Some(None),
        domains: Some(texts(&["acme.example", "acme.test"])),
        ..input()
    };
    patch(&world, root, id, change).await.unwrap();
    patch(&world, root, id, input()).await.expect("nothing");
    let actions: Vec<String> = world
        .all(&format!(
            "SELECT action FROM audit_entries WHERE organization_id = '{id}' ORDER BY at, id"
        ))
        .await;
    assert_eq!(
        actions,
        ["organization.create", "organization.update"],
        "nothing, no entry"
    );
    let change: (String, String) = (
        world
            .one("SELECT (before->>'domains') || (before->>'max_runners') FROM audit_entries WHERE action = 'organization.update'")
            .await,
        world
            .one("SELECT (after->>'domains') || coalesce(after->>'max_runners', ' none') FROM audit_entries WHERE action = 'organization.update'")
            .await,
    );
    assert_eq!(change.0, r#"["acme.example"]5"#);
    assert_eq!(change.1, r#"["acme.example", "acme.test"] none"#);
}

fn jit(team: TeamId) -> JitInput {
    JitInput {
        team_id: Some(team),
        ..JitInput::default()
    }
}

/// Two teams of an organization, and someone who belongs to both.
async fn two_teams(world: &World, id: OrganizationId) -> (TeamId, TeamId, UserId) {
    let (one, two) = (world.team_in(id, "One").await, world.team_in(id, "Two").await);
    let dev = world.member(one, "dev", TeamRole::Member).await;
    world.join(two, dev, TeamRole::Member).await;
    (one, two, dev)
}

/// The ceiling counts the live runners of all teams; other organizations and people without a team do not matter.
#[tokio::test]
async fn max_runners_counts_over_all_teams() {
    let world = World::new().await;
    let (id, root, _) = acme(&world).await;
    let (one, two, dev) = two_teams(&world, id).await;
    let elsewhere = world.team("Elsewhere").await;
    world.runner(Some(elsewhere), dev, "active").await;
    world.runner(None, dev, "active").await;
    world.runner(Some(one), dev, "deleted").await;
    world.runner(Some(one), dev, "offline").await;
    let ceiling = |max| OrganizationPatchInput {
        max_runners: Some(max),
        ..input()
    };
    patch(&world, root, id, ceiling(Some(2))).await.unwrap();
    world.provision(dev, jit(two)).await.expect("one place");
    for team in [one, two] {
        let (code, words) = refusal(world.provision(dev, jit(team)).await);
        assert_eq!(code, "QUOTA_EXCEEDED");
        assert!(
            words.starts_with("Organization quota exceeded. Maximum allowed: 2, current: 2"),
            "{words}"
        );
    }
    // The team's own quota is the nearer one.
    world
        .sql(&format!("UPDATE teams SET max_runners = 1 WHERE id = '{one}'"))
        .await;
    refused(
        world.provision(dev, jit(one)).await,
        "QUOTA_EXCEEDED",
        "Team quota exceeded. Maximum allowed: 1, current: 1.",
    );
    patch(&world, root, id, ceiling(Some(0)))
        .await
        .expect("below what runs: what runs stays");
    patch(&world, root, id, ceiling(None)).await.unwrap();
    world.provision(dev, jit(two)).await.expect("no ceiling");
}

/// The ceiling as a race: two teams, 60 requests at once, while their limits are changed: exactly 10 runners, and
/// nobody waits for each other in a circle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_runners_holds_when_teams_race() {
    let world = Arc::new(World::new().await);
    let (id, root, _) = acme(&world).await;
    let (one, two, dev) = two_teams(&world, id).await;
    world
        .sql(&format!("UPDATE organizations SET max_runners = 10 WHERE id = '{id}'"))
        .await;
    let caller = world.caller(dev).await;
    let tasks: Vec<_> = (0..60)
        .map(|index| {
            let (world, caller) = (Arc::clone(&world), caller.clone());
            tokio::spawn(async move {
                let request = jit(if index % 2 == 0 { one } else { two }).parse().expect("a request");
                backend::runners::provision(&world.backend, caller, crate::common::request(), request).await
            })
        })
        .collect();
    let edits = {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            for round in 0..30_i64 {
                let limits = teams::TeamPatchInput {
                    tpm_limit: Some(Some(round + 1)),
                    ..teams::TeamPatchInput::default()
                };
                let team = if round % 2 == 0 { one } else { two };
                world
                    .act(root, async |ctx| teams::update(ctx, team, limits.parse()?).await)
                    .await
                    .expect("a change of a team");
            }
        })
    };
    let (mut made, mut refusals) = (0, 0);
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => made += 1,
            Err(error) => {
                let words = error.detail();
                assert!(
                    words.starts_with("Organization quota exceeded. Maximum allowed: 10, current: 10"),
                    "{words}"
                );
                refusals += 1;
            }
        }
    }
    edits.await.expect("no panic");
    assert_eq!((made, refusals), (10, 50));
    let live: i64 = world
        .one("SELECT count(*) FROM runners WHERE status <> 'deleted'")
        .await;
    assert_eq!(live, 10);
}

/// Without a ceiling nobody waits for the organization: its row may be locked as long as it likes.
#[tokio::test]
async fn without_a_ceiling_the_organization_is_not_locked() {
    let world = World::new().await;
    let (id, _, _) = acme(&world).await;
    let (one, _, dev) = two_teams(&world, id).await;
    let mut holder = world.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id.0)
        .execute(&mut *holder)
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), world.provision(dev, jit(one)))
        .await
        .expect("it does not wait")
        .expect("a runner");
    holder.rollback().await.unwrap();
    // With one, it does.
    world
        .sql(&format!("UPDATE organizations SET max_runners = 10 WHERE id = '{id}'"))
        .await;
    let mut holder = world.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE")
        .bind(id.0)
        .execute(&mut *holder)
        .await
        .unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(500), world.provision(dev, jit(one))).await;
    assert!(waited.is_err(), "the count of another team is not known yet");
}

/// X13: the default organization is administered by super_admins, and has no limits.
#[tokio::test]
async fn x13_the_default_organization_has_no_limits() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let limited = OrganizationPatchInput {
        max_runners: Some(Some(1)),
        ..input()
    };
    refused(
        patch(&world, root, DEFAULT_ORGANIZATION, limited).await,
        "WRONG_STATE",
        "The default organization has no limits",
    );
    let member = world.user("member").await;
    world.give(DEFAULT_ORGANIZATION, member, OrgRole::OrgMember).await;
    let rename = OrganizationPatchInput {
        name: Some("Mine".to_owned()),
        ..input()
    };
    refused(
        patch(&world, member, DEFAULT_ORGANIZATION, rename).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
}

/// P: whoever administers organizations chooses among those, a super_admin among all of them, by name.
#[tokio::test]
async fn p_administered_organizations_are_the_choice() {
    let world = World::new().await;
    let (acme, root, olga) = acme(&world).await;
    let (other, audited) = (world.organization("other").await, world.organization("audited").await);
    world.give(other, olga, OrgRole::OrgMember).await;
    world.give(audited, olga, OrgRole::Auditor).await;
    let member = world.user("member").await;
    world.give(acme, member, OrgRole::OrgMember).await;
    let names = async |who: UserId| {
        let choices = world.ask(who, async |ctx| organizations::administered(ctx).await).await;
        choices
            .unwrap()
            .into_iter()
            .map(|(_, name)| name)
            .collect::<Vec<String>>()
    };
    assert_eq!(names(olga).await, ["acme"]);
    assert_eq!(names(member).await, [""; 0]);
    assert_eq!(names(root).await, ["acme", "audited", "Default", "other"]);
}
