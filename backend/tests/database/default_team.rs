//! The Default Team (SPEC C1, C4, C5, X4): everyone belongs to it, and it gives no right.

use std::time::{Duration, Instant};

use backend::{
    Ctx, Method, Result, audit,
    authz::{self, About, Explain, Subject},
    default_team::{self, ID, MoveInput, Movers},
    identity,
    members::{self, MemberQuery, OnInvalid},
    projects, services, sessions,
    teams::{self, TeamPatchInput},
    users::{self, NewAccountInput},
};
use domain::{
    DEFAULT_ORGANIZATION, Email, Label, OrgRole, ProjectName, TeamId, TeamRole, TeamStatus, UserId, UserRef,
    views::{BulkOutcome, BulkResult},
};
use serde_json::{Value, json};

use crate::common::{World, refused};

async fn in_default_team(world: &World, user: UserId) -> bool {
    world
        .one(&format!(
            "SELECT EXISTS (SELECT FROM team_members WHERE team_id = '{ID}' AND user_id = '{user}' AND role = 'member')"
        ))
        .await
}

/// How many belong to it: the kept number, which has to be the true one.
async fn counted(world: &World) -> i64 {
    let (kept, real): (i64, i64) = (
        world
            .one(&format!("SELECT member_count::bigint FROM teams WHERE id = '{ID}'"))
            .await,
        world
            .one(&format!("SELECT count(*) FROM team_members WHERE team_id = '{ID}'"))
            .await,
    );
    assert_eq!(kept, real, "the kept number is the true one");
    kept
}

fn claims(subject: &str) -> identity::Claims {
    identity::Claims {
        issuer: "https://id.example.com".to_owned(),
        subject: subject.to_owned(),
        email: Some(format!("{subject}@example.com")),
        email_verified: true,
        email_denied: false,
        preferred_username: None,
        name: None,
        directory_id: None,
    }
}

async fn system(world: &World) -> Ctx {
    Ctx::system(&world.backend, "tests", Method::System).await.unwrap()
}

/// C1: the row is the seed's, field by field; making it again changes nothing.
#[tokio::test]
async fn c1_the_default_team_is_the_seeds() {
    let world = World::new().await;
    let row = "SELECT to_jsonb(t) FROM (SELECT id, organization_id, name, slug, description, status, is_system, runners_enabled,
        max_budget::text, budget_duration, tpm_limit, rpm_limit, models, metadata, max_runners FROM teams WHERE is_system) t";
    let seed = json!({
        "id": "a0000000-0000-4000-8000-000000000001",
        "organization_id": DEFAULT_ORGANIZATION,
        "name": "Default Team",
        "slug": "default-team",
        "description": "Default team for all users until team management is implemented",
        "status": "active",
        "is_system": true,
        "runners_enabled": false,
        "max_budget": "10000.00",
        "budget_duration": "1mo",
        "tpm_limit": 50_000,
        "rpm_limit": 1_000,
        "models": [],
        "metadata": {"auto_created": true, "default_team": true, "created_by": "system"},
        "max_runners": null,
    });
    assert_eq!(world.one::<Value>(row).await, seed);
    assert_eq!(ID.to_string(), "a0000000-0000-4000-8000-000000000001");
    world
        .sql("UPDATE teams SET description = 'Ours', max_budget = 5 WHERE is_system")
        .await;
    let mut ctx = system(&world).await;
    default_team::ensure(&mut ctx).await.unwrap();
    ctx.commit().await.unwrap();
    let kept: Value = world.one(row).await;
    assert_eq!(
        (&kept["description"], &kept["max_budget"]),
        (&json!("Ours"), &json!("5"))
    );
    // What somebody deleted by hand comes back as it was.
    world.sql("DELETE FROM teams WHERE is_system").await;
    let mut ctx = system(&world).await;
    default_team::ensure(&mut ctx).await.unwrap();
    ctx.commit().await.unwrap();
    assert_eq!(world.one::<Value>(row).await, seed);
}

/// C4: whoever comes in, by sign-in, by an administrator's form or by the command line, belongs to it, which the entry of
/// the new account says; nothing else is noted.
#[tokio::test]
async fn c4_every_door_adds_a_new_person_to_the_default_team() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let mut ctx = system(&world).await;
    let signed_in = identity::resolve(&mut ctx, &claims("ada")).await.unwrap();
    let by_command = identity::create(&mut ctx, &Email::parse("bob@example.com").unwrap(), None, false, None)
        .await
        .unwrap();
    ctx.commit().await.unwrap();
    let by_form = world
        .act(root, async |ctx| {
            let input = NewAccountInput {
                email: "cyd@example.com".to_owned(),
                ..NewAccountInput::default()
            };
            users::create(ctx, input.parse()?).await
        })
        .await
        .unwrap();
    for user in [signed_in, by_command, by_form.account.id] {
        assert!(in_default_team(&world, user).await);
        let entries: Vec<Value> = world
            .all(&format!(
                "SELECT jsonb_build_array(action, after -> 'teams') FROM audit_entries
                WHERE target_id = '{user}' AND action <> 'user.link_identity' ORDER BY at, position"
            ))
            .await;
        assert_eq!(entries, [json!(["user.create", ["Default Team"]])]);
    }
    assert_eq!(counted(&world).await, 3);
}

/// C4: each sign-in adds who is missing, once, and says so in the audit log; a sign-out adds nobody.
#[tokio::test]
async fn c4_signing_in_adds_who_is_missing() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world
        .act(ada, async |ctx| sessions::audit(ctx, false).await)
        .await
        .unwrap();
    assert!(!in_default_team(&world, ada).await);
    for _ in 0..2 {
        world
            .act(ada, async |ctx| sessions::audit(ctx, true).await)
            .await
            .unwrap();
        assert!(in_default_team(&world, ada).await);
    }
    let added: Vec<Value> = world
        .all(&format!(
            "SELECT after FROM audit_entries WHERE action = 'member.add' AND team_id = '{ID}'"
        ))
        .await;
    assert_eq!(added, [json!({"role": "member", "why": "sign-in"})]);
    // An account that somebody else has made, at its first sign-in.
    let bob = world.user("bob").await;
    let mut ctx = system(&world).await;
    assert_eq!(identity::resolve(&mut ctx, &claims("bob")).await.unwrap(), bob);
    ctx.commit().await.unwrap();
    assert!(in_default_team(&world, bob).await);
    assert_eq!(counted(&world).await, 2);
}

/// C4 under load: fifty strangers sign in at once, all get in, and the number is true. A transaction that has added
/// somebody and goes on working holds nobody up: the team's row is locked when it commits, and not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c4_fifty_sign_ins_at_once() {
    let world = World::new().await;
    let mut slow = system(&world).await;
    identity::resolve(&mut slow, &claims("slow")).await.unwrap();
    let start = Instant::now();
    let all = (0..50).map(|n| {
        let backend = world.backend.clone();
        tokio::spawn(async move {
            let mut ctx = Ctx::system(&backend, "sign-in", Method::System).await?;
            identity::resolve(&mut ctx, &claims(&format!("u{n}"))).await?;
            ctx.commit().await
        })
    });
    for one in all.collect::<Vec<_>>() {
        tokio::time::timeout(Duration::from_secs(20), one)
            .await
            .expect("nobody waits for the slow one")
            .unwrap()
            .unwrap();
    }
    println!("fifty sign-ins: {:?}", start.elapsed());
    assert_eq!(counted(&world).await, 50);
    slow.commit().await.unwrap();
    assert_eq!(counted(&world).await, 51);
    assert_eq!(world.one::<i64>("SELECT count(*) FROM default_team_changes").await, 0);
    // Many at once, some of whom go again in the same transaction, and a transaction that comes to nothing.
    world
        .sql("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'b' || n || '@example.com' FROM generate_series(1, 30) n")
        .await;
    let mut ctx = system(&world).await;
    default_team::migrate_orphans(&mut ctx).await.unwrap();
    drop(ctx);
    assert_eq!(counted(&world).await, 51);
    let mut transaction = world.pool.begin().await.unwrap();
    for sql in [
        format!(
            "INSERT INTO team_members (team_id, user_id, role) SELECT '{ID}', id, 'member' FROM users WHERE email LIKE 'b%'"
        ),
        "DELETE FROM users WHERE email LIKE 'b1%'".to_owned(),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(counted(&world).await, 70);
}

/// C4 [R]: the primary team is the active team of the longest membership that is not a system team; without one the
/// Default Team, which then has them.
#[tokio::test]
async fn c4_the_primary_team() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let primary = async || {
        world
            .act(ada, async |ctx| default_team::primary_team(ctx, ada).await)
            .await
            .unwrap()
    };
    assert_eq!(primary().await, ID);
    assert!(in_default_team(&world, ada).await);
    // Longest of all in the Default Team, which counts last all the same.
    world
        .sql("UPDATE team_members SET joined_at = now() - interval '9 years'")
        .await;
    let (old, new, closed, past) = (
        world.team("Old").await,
        world.team("New").await,
        world.team("Closed").await,
        world.team("Past").await,
    );
    for (team, days) in [(new, 1), (old, 2), (closed, 3), (past, 4)] {
        world.join(team, ada, TeamRole::Member).await;
        world
            .sql(&format!(
                "UPDATE team_members SET joined_at = now() - interval '{days} days' WHERE team_id = '{team}'"
            ))
            .await;
    }
    world.set_status(closed, TeamStatus::Inactive).await;
    world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() - interval '1 second' WHERE team_id = '{past}'"
        ))
        .await;
    assert_eq!(primary().await, old);
    world.set_status(old, TeamStatus::Archived).await;
    assert_eq!(primary().await, new);
    world.set_status(new, TeamStatus::Inactive).await;
    assert_eq!(primary().await, ID);
}

/// C4 [R]: only who is in no team is an orphan, as the prose has it; the seed's SQL would add everyone who is missing.
#[tokio::test]
async fn c4_migrating_orphans_touches_only_people_in_no_team() {
    let world = World::new().await;
    let (team, old) = (world.team("Ops").await, world.team("Old").await);
    let member = world.member(team, "member", TeamRole::Member).await;
    let (orphan, former, late) = (
        world.user("orphan").await,
        world.member(old, "former", TeamRole::Admin).await,
        world.member(team, "late", TeamRole::Member).await,
    );
    world.set_status(old, TeamStatus::Archived).await;
    world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() - interval '1 day' WHERE user_id = '{late}'"
        ))
        .await;
    let migrate = async || {
        let mut ctx = system(&world).await;
        let count = default_team::migrate_orphans(&mut ctx).await.unwrap();
        ctx.commit().await.unwrap();
        count
    };
    assert_eq!(migrate().await, 3);
    for user in [orphan, former, late] {
        assert!(in_default_team(&world, user).await);
    }
    assert!(
        !in_default_team(&world, member).await,
        "who has a team waits for their sign-in"
    );
    let noted: i64 = world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'member.add' AND after ->> 'why' = 'migrate-orphans'")
        .await;
    assert_eq!(noted, 3, "each is noted");
    assert_eq!(migrate().await, 0, "a second time finds nobody");
    refused(
        world
            .ask(member, async |ctx| default_team::migrate_orphans(ctx).await)
            .await,
        "FORBIDDEN",
        "Admin privileges required",
    );
}

/// C5: members, active accounts, spend and utilization; [F] without a budget, or with one of nothing, there is none.
#[tokio::test]
async fn c5_statistics() {
    let world = World::new().await;
    let (root, ada, bob) = (
        world.super_admin().await,
        world.user("ada").await,
        world.user("bob").await,
    );
    let ops = world.team("Ops").await;
    for user in [ada, bob] {
        world.join(ID, user, TeamRole::Member).await;
    }
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{bob}'"))
        .await;
    for (name, team, spend) in [("a", ID, "1000.25"), ("b", ID, "1499.75"), ("c", ops, "77")] {
        world
            .sql(&format!(
                "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash, spend)
                VALUES (gen_random_uuid(), '{team}', '{ada}', '{name}', 'sk-{name}', sha256('{name}'), {spend})"
            ))
            .await;
    }
    let stats = async || {
        world
            .ask(root, async |ctx| default_team::stats(ctx).await)
            .await
            .unwrap()
    };
    let found = stats().await;
    assert_eq!((found.team_id, found.member_count, found.active_users), (ID, 2, 1));
    assert_eq!(
        (
            found.total_spend.to_f64(),
            found.budget_utilization.map(|share| share.to_string())
        ),
        (2500.0, Some("25".to_owned()))
    );
    for nothing in ["0", "NULL"] {
        world
            .sql(&format!("UPDATE teams SET max_budget = {nothing} WHERE is_system"))
            .await;
        assert_eq!(stats().await.budget_utilization, None, "{nothing}");
    }
    refused(
        world.ask(ada, async |ctx| default_team::stats(ctx).await).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
}

/// P, X4: to belong to it is to be "signed in, no team": nobody sees everyone by it, and no rule takes it for a team.
#[tokio::test]
async fn x4_the_default_team_gives_no_right() {
    let world = World::new().await;
    let (ada, root) = (world.user("ada").await, world.super_admin().await);
    world.join(ID, ada, TeamRole::Member).await;
    for result in [
        world.ask(ada, async |ctx| teams::get(ctx, ID).await.map(drop)).await,
        world
            .ask(ada, async |ctx| {
                members::list(ctx, ID, &MemberQuery::default()).await.map(drop)
            })
            .await,
    ] {
        refused(result, "FORBIDDEN", "Access denied: not a team member");
    }
    refused(
        world
            .ask(ada, async |ctx| {
                teams::list(ctx, &teams::TeamQuery::default()).await.map(drop)
            })
            .await,
        "FORBIDDEN",
        "Admin privileges required",
    );
    // Not even with runners: what it gives then is runners.
    world
        .sql("UPDATE teams SET runners_enabled = true WHERE is_system")
        .await;
    refused(
        world
            .ask(ada, async |ctx| {
                members::list(ctx, ID, &MemberQuery::default()).await.map(drop)
            })
            .await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    let caller = world.caller(ada).await;
    let backend::Caller::Person(principal, _) = &caller else {
        panic!("a person")
    };
    assert_eq!(principal.teams, []);
    assert!(identity::me(principal).teams.is_empty());
    let account = world
        .ask(root, async |ctx| users::get(ctx, &UserRef::Id(ada)).await)
        .await
        .unwrap();
    assert!(account.teams.is_empty());
    let seen = world
        .ask(ada, async |ctx| audit::list(ctx, &audit::AuditQuery::default()).await)
        .await
        .unwrap();
    assert!(seen.items.is_empty(), "not what happens to others in it");
}

/// X4, D13: why a label is refused or allowed in it is explained as provisioning decides it.
#[tokio::test]
async fn x4_what_is_explained_of_the_default_team_is_what_is_decided() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    world.join(ID, ada, TeamRole::Member).await;
    world
        .sql("UPDATE teams SET optional_label_patterns = '{gpu}' WHERE is_system")
        .await;
    let about = async |user: UserId, about: About| {
        let ask = Explain {
            subject: Subject::Person(UserRef::Id(user)),
            team: ID,
            about,
        };
        let answer = world
            .ask(user, async |ctx| authz::explain(ctx, &ask).await)
            .await
            .unwrap();
        (answer.allowed, answer.reason)
    };
    let gpu = || About::Label(Label::trusted("gpu".to_owned()));
    let provision = async |user: UserId| {
        let input = backend::runners::JitInput {
            labels: vec!["gpu".to_owned()],
            team_id: Some(ID),
            ..backend::runners::JitInput::default()
        };
        world.provision(user, input).await.map(drop)
    };
    assert!(!about(ada, gpu()).await.0);
    refused(
        provision(ada).await,
        "FORBIDDEN",
        "Team 'Default Team' may not have runners.",
    );
    world
        .sql("UPDATE teams SET runners_enabled = true WHERE is_system")
        .await;
    assert!(about(ada, gpu()).await.0);
    provision(ada).await.unwrap();
    assert_eq!(about(bob, gpu()).await, (false, "User not a member of team".to_owned()));
    refused(provision(bob).await, "NOT_TEAM_MEMBER", "User not a member of team");
    assert!(
        about(ada, About::Model("gpt".to_owned())).await.0,
        "it counts for models"
    );
    let service = About::Service {
        name: "llm".to_owned(),
        method: None,
        path: None,
    };
    assert!(!about(ada, service).await.0, "and for no service");
}

/// The Default Team stays: it is not renamed, ended, left, and nobody is added or removed by hand.
#[tokio::test]
async fn x4_the_default_team_stays_as_it_is() {
    let world = World::new().await;
    let (root, ada, bob) = (
        world.super_admin().await,
        world.user("ada").await,
        world.user("bob").await,
    );
    for user in [root, ada] {
        world.join(ID, user, TeamRole::Member).await;
    }
    let (ada_ref, bob_ref) = (UserRef::Id(ada), UserRef::Id(bob));
    let rename = |name: &str| TeamPatchInput {
        name: Some(name.to_owned()),
        ..TeamPatchInput::default()
    };
    let literal = "Team 'Default Team' is a system team";
    let attempts: Vec<Result<()>> = vec![
        world
            .act(root, async |ctx| {
                teams::update(ctx, ID, rename("Everyone").parse()?).await.map(drop)
            })
            .await,
        world
            .act(root, async |ctx| {
                members::add(ctx, ID, &bob_ref, TeamRole::Member).await.map(drop)
            })
            .await,
        world
            .act(root, async |ctx| {
                members::change_role(ctx, ID, &ada_ref, TeamRole::Admin).await.map(drop)
            })
            .await,
        world
            .act(root, async |ctx| members::remove(ctx, ID, &ada_ref).await.map(drop))
            .await,
        world
            .act(ada, async |ctx| members::remove(ctx, ID, &ada_ref).await.map(drop))
            .await,
        world
            .act(root, async |ctx| {
                projects::create(ctx, ID, &ProjectName::parse("Own")?, None)
                    .await
                    .map(drop)
            })
            .await,
        world
            .act(root, async |ctx| services::set(ctx, ID, &[]).await.map(drop))
            .await,
    ];
    for attempt in attempts {
        refused(attempt, "WRONG_STATE", literal);
    }
    assert!(in_default_team(&world, ada).await);
    // Its limits and its description are for super_admins to choose.
    let patch = TeamPatchInput {
        description: Some(Some("Everyone".to_owned())),
        rpm_limit: Some(Some(7)),
        ..TeamPatchInput::default()
    };
    world
        .act(root, async |ctx| teams::update(ctx, ID, patch.parse()?).await)
        .await
        .unwrap();
    // Leaving the organization `default` is not leaving it.
    world.give(DEFAULT_ORGANIZATION, ada, OrgRole::OrgMember).await;
    let key = backend::organizations::OrganizationKey::parse("default");
    let left = world
        .act(root, async |ctx| {
            backend::organizations::people::remove(ctx, &key, &ada_ref).await
        })
        .await
        .unwrap();
    assert_eq!(left.teams, 0);
    assert!(in_default_team(&world, ada).await);
}

fn to(team: TeamId) -> MoveInput {
    MoveInput {
        team,
        role: TeamRole::Member,
        on_invalid: OnInvalid::Abort,
        dry_run: false,
    }
}

fn outcomes(result: &BulkResult) -> Vec<(&str, BulkOutcome, Option<&str>)> {
    let rows = result.rows.iter();
    rows.map(|row| (row.user.as_str(), row.outcome, row.detail.as_deref()))
        .collect()
}

/// C4: people move to a team of their own, by the rules of a list (X10), and stay in the Default Team.
#[tokio::test]
async fn c4_people_move_to_teams_of_their_own() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
            VALUES ('{acme}', 'example.com', 't', now(), 'word')"
        ))
        .await;
    let (target, other) = (world.team_in(acme, "Ops").await, world.team("Elsewhere").await);
    let (ada, bob, gone) = (
        world.user("ada").await,
        world.user("bob").await,
        world.user("gone").await,
    );
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    let eve = world.user("eve").await;
    world
        .sql(&format!(
            "UPDATE users SET email = 'eve@evil.example' WHERE id = '{eve}'"
        ))
        .await;
    world.join(other, bob, TeamRole::Member).await;
    for user in [ada, bob, gone, eve] {
        world.join(ID, user, TeamRole::Member).await;
    }
    let listed = |users: &[&str]| Movers::Listed(users.iter().map(|user| (*user).to_owned()).collect());
    let run = async |who: UserId, movers: &Movers, input: MoveInput| {
        world
            .act(who, async |ctx| default_team::move_people(ctx, movers, input).await)
            .await
    };
    let everyone = run(
        root,
        &Movers::Everyone,
        MoveInput {
            dry_run: true,
            ..to(target)
        },
    )
    .await
    .unwrap();
    let stays = "Their primary team stays Elsewhere, which they have been in for longer";
    let foreign = "User eve@evil.example is not in this organization's email domains (example.com). \
        An org_admin of the organization can invite them as a guest.";
    assert_eq!(
        outcomes(&everyone),
        [
            ("ada@example.com", BulkOutcome::Added, None),
            ("bob@example.com", BulkOutcome::Added, Some(stays)),
            ("eve@evil.example", BulkOutcome::Invalid, Some(foreign)),
        ],
        "deactivated accounts are left out"
    );
    let preview = async |movers: &Movers| {
        world
            .ask(root, async |ctx| default_team::preview_move(ctx, movers).await)
            .await
            .unwrap()
    };
    let numbers = preview(&Movers::Everyone).await;
    assert_eq!((numbers.people, numbers.in_a_team, numbers.keys), (3, 1, 0));
    assert_eq!(preview(&Movers::Unassigned).await.people, 2);
    assert_eq!(
        preview(&listed(&[&ada.to_string(), "nobody@example.com"])).await.emails,
        ["ada@example.com"]
    );

    let aborted = run(root, &Movers::Unassigned, to(target)).await.unwrap();
    assert_eq!(aborted.added, 0, "one who cannot come keeps all others out");
    let skipping = MoveInput {
        on_invalid: OnInvalid::Skip,
        ..to(target)
    };
    let moved = run(root, &Movers::Unassigned, skipping).await.unwrap();
    assert_eq!((moved.added, moved.rows.len()), (1, 2));
    assert!(in_default_team(&world, ada).await, "nobody leaves the Default Team");
    let primary = world
        .act(ada, async |ctx| default_team::primary_team(ctx, ada).await)
        .await
        .unwrap();
    assert_eq!(primary, target);
    let moved = run(root, &listed(&[&bob.to_string(), "ada@example.com"]), to(target))
        .await
        .unwrap();
    assert_eq!(
        moved.rows.iter().map(|row| row.outcome).collect::<Vec<_>>(),
        [BulkOutcome::Added, BulkOutcome::Exists]
    );
    assert_eq!(preview(&Movers::Unassigned).await.people, 1, "eve");

    refused(
        run(root, &Movers::Everyone, to(ID)).await,
        "WRONG_STATE",
        "Team 'Default Team' is a system team",
    );
    world.set_status(other, TeamStatus::Inactive).await;
    refused(
        run(root, &Movers::Everyone, to(other)).await,
        "WRONG_STATE",
        "Team 'Elsewhere' is not active",
    );
    refused(
        run(root, &listed(&[]), to(target)).await,
        "VALIDATION_ERROR",
        "user_ids: must have 1 to 10000 people",
    );
    // Who administers the team only, or the organization, does not get to see everyone that way.
    let tess = world.member(target, "tess", TeamRole::Admin).await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    for who in [tess, olga] {
        refused(
            run(who, &Movers::Everyone, to(target)).await,
            "FORBIDDEN",
            "Access denied: not a team member",
        );
    }
}
