//! What ends with an account, and that one super_admin always stays (SPEC B26, D5, D12).

use std::time::Duration;

use backend::{
    Backend, Caller, Code, Ctx, Method, Principal, Settings, listen, sessions, teams, tokens,
    users::{self, AccountPatchInput, BatchAction, BatchInput},
};
use chrono::{TimeDelta, Utc};
use domain::{OrgRole, TeamRole, TokenName, UserId, UserRef};
use serde_json::json;

use crate::{
    common::{World, refused, request, within},
    users::{batch, comment, deactivate},
};

const LAST: &str = "Cannot deactivate the last active admin user. At least one admin must remain active.";

async fn another_super_admin(world: &World, name: &str) -> UserId {
    let id = world.user(name).await;
    world
        .sql(&format!("UPDATE users SET is_super_admin = true WHERE id = '{id}'"))
        .await;
    id
}

/// B26: what hangs on someone, and nothing of others.
struct Hangs {
    world: World,
    root: UserId,
    ada: UserId,
    ops: domain::TeamId,
}

impl Hangs {
    async fn new() -> Self {
        let world = World::new().await;
        let root = world.super_admin().await;
        let (ada, bob) = (world.user("ada").await, world.user("bob").await);
        let acme = world.organization("acme").await;
        world.give(acme, ada, OrgRole::OrgMember).await;
        let ops = world.team_in(acme, "Ops").await;
        let shared = world.team_in(acme, "Shared").await;
        let retired = world.team_in(acme, "Retired").await;
        let gone = world.team_in(acme, "Gone").await;
        for team in [ops, shared, retired, gone] {
            world.join(team, ada, TeamRole::Admin).await;
        }
        world.join(shared, bob, TeamRole::Admin).await;
        // An admin who cannot act is none.
        let off = world.member(retired, "off", TeamRole::Admin).await;
        let past = world.member(retired, "past", TeamRole::Admin).await;
        let back = world.member(retired, "back", TeamRole::Admin).await;
        world
            .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{off}'"))
            .await;
        world
            .sql(&format!(
                "UPDATE team_members SET expires_at = now() - interval '1 minute' WHERE user_id = '{past}'"
            ))
            .await;
        world
            .sql(&format!(
                "UPDATE team_members SET admin_until = now() - interval '1 minute' WHERE user_id = '{back}'"
            ))
            .await;
        world.set_status(gone, domain::TeamStatus::Archived).await;
        let project = world.project(ops, "search").await;
        world.assign(project, ada).await;
        for (person, status) in [(ada, "active"), (ada, "pending"), (ada, "deleted"), (bob, "active")] {
            world.runner(Some(ops), person, status).await;
        }
        for (owner, name, rest) in [
            (ada, "live", "NULL, NULL"),
            (ada, "later", "now() + interval '1 day', NULL"),
            (ada, "over", "now() - interval '1 day', NULL"),
            (ada, "revoked", "NULL, now()"),
            (bob, "other", "NULL, NULL"),
        ] {
            world
                .sql(&format!(
                    "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash, expires_at, revoked_at)
                    VALUES (gen_random_uuid(), '{ops}', '{owner}', '{name}', 'sk-x', '{name}', {rest})"
                ))
                .await;
        }
        let name = TokenName::parse("laptop").unwrap();
        for (owner, end) in [(ada, None), (ada, Some(TimeDelta::hours(1))), (bob, None)] {
            let end = end.map(|end| Utc::now() + end);
            world
                .act(owner, async |ctx| tokens::create(ctx, owner, &name, end).await)
                .await
                .unwrap();
        }
        let end = Utc::now() + TimeDelta::hours(1);
        for (id, owner) in [("a1", ada), ("a2", ada), ("a3", ada), ("b1", bob)] {
            sessions::create(&world.backend, id, &json!({"user": owner}), end)
                .await
                .unwrap();
        }
        Self { world, root, ada, ops }
    }
}

/// B26, D12: the preview is what happens: sessions end, tokens are revoked, keys and runners stay where they are, and
/// teams without another admin who can act are named.
#[tokio::test]
async fn b26_deactivating_does_what_its_preview_says() {
    let Hangs { world, root, ada, ops } = Hangs::new().await;
    let preview = world
        .ask(root, async |ctx| {
            users::preview_deactivation(ctx, &UserRef::Id(ada)).await
        })
        .await
        .unwrap();
    let counts = preview.counts;
    assert_eq!(
        (
            counts.sessions,
            counts.tokens,
            counts.keys,
            counts.runners,
            counts.project_roles
        ),
        (3, 2, 2, 2, 1)
    );
    let names: Vec<&str> = preview
        .teams_without_admin
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(names, ["Ops", "Retired"]);
    let open = async |who: UserId| {
        let sessions = world
            .one::<i64>(&format!("SELECT count(*) FROM sessions WHERE user_id = '{who}'"))
            .await;
        let tokens = world
            .one::<i64>(&format!(
                "SELECT count(*) FROM personal_access_tokens WHERE user_id = '{who}' AND revoked_at IS NULL"
            ))
            .await;
        (sessions, tokens)
    };
    let bob = UserId(world.one("SELECT id FROM users WHERE email = 'bob@example.com'").await);
    assert_eq!(
        (open(ada).await, open(bob).await),
        ((3, 2), (1, 1)),
        "the preview changes nothing"
    );

    let (page, effects) = deactivate(&world, root, ada).await.unwrap();
    assert_eq!(effects, preview);
    assert!(page.account.deactivated_at.is_some());
    assert_eq!(page.deactivated_by.as_deref(), Some("root@example.com"));
    assert_eq!(page.deactivation_reason.as_deref(), Some("has left the company"));
    assert_eq!((open(ada).await, open(bob).await), ((0, 0), (1, 1)));
    assert_eq!(
        (page.counts.keys, page.counts.runners, page.counts.project_roles),
        (2, 2, 1)
    );
    assert_eq!(page.teams.len(), 3, "memberships stay; archived teams are not shown");
    let refusal = Principal::load(&world.pool, ada).await.unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.detail().as_str()),
        (Code::Deactivated, "User account is deactivated.")
    );
    let again = deactivate(&world, root, ada).await;
    refused(again, "WRONG_STATE", "User ada@example.com is already deactivated");

    // D12: the team's page says that it has no admin.
    let overview = world
        .ask(root, async |ctx| {
            let page = teams::get(ctx, ops).await?;
            teams::overview(ctx, page).await
        })
        .await
        .unwrap();
    assert_eq!((overview.admin_count, overview.page.team.member_count), (0, 1));

    let (before, after): (serde_json::Value, serde_json::Value) = (
        world
            .one("SELECT before FROM audit_entries WHERE action = 'user_deactivated'")
            .await,
        world
            .one("SELECT after FROM audit_entries WHERE action = 'user_deactivated'")
            .await,
    );
    assert_eq!(before, json!({"active": true}));
    let expected = json!({
        "active": false, "comment": "has left the company", "sessions": 3, "tokens": 2, "keys": 2, "runners": 2,
        "teams_without_admin": ["Ops", "Retired"],
    });
    assert_eq!(after, expected);

    // Back: with the memberships, without the tokens.
    let who = UserRef::Id(ada);
    let page = world
        .act(root, async |ctx| users::activate(ctx, &who).await)
        .await
        .unwrap();
    assert_eq!(
        (
            page.account.deactivated_at,
            page.deactivated_by,
            page.deactivation_reason
        ),
        (None, None, None)
    );
    assert_eq!((open(ada).await, page.counts.keys, page.teams.len()), ((0, 0), 2, 3));
    let again = world.act(root, async |ctx| users::activate(ctx, &who).await).await;
    refused(again, "WRONG_STATE", "User ada@example.com is already active");
}

/// B26, D5: the last active super_admin stays: not deactivated, not demoted, in no way.
#[tokio::test]
async fn d5_the_last_super_admin_stays() {
    let world = World::new().await;
    let root = world.super_admin().await;
    refused(deactivate(&world, root, root).await, "LAST_ACTIVE_ADMIN", LAST);
    let preview = world
        .ask(root, async |ctx| {
            users::preview_deactivation(ctx, &UserRef::Id(root)).await
        })
        .await;
    refused(preview, "LAST_ACTIVE_ADMIN", LAST);
    let demote = async |by: UserId, who: UserId| {
        let patch = AccountPatchInput {
            super_admin: Some(false),
            ..AccountPatchInput::default()
        };
        let who = UserRef::Id(who);
        world
            .act(by, async |ctx| users::update(ctx, &who, patch.parse()?).await)
            .await
    };
    let literal = "Cannot take super_admin from the last active admin user. At least one admin must remain active.";
    refused(demote(root, root).await, "LAST_ACTIVE_ADMIN", literal);
    assert_eq!(Code::LastSuperAdmin.status(), 400);

    // Another one who is deactivated does not count; one who is active does.
    let second = another_super_admin(&world, "second").await;
    deactivate(&world, root, second).await.expect("there is another");
    refused(deactivate(&world, root, root).await, "LAST_ACTIVE_ADMIN", LAST);
    refused(demote(root, root).await, "LAST_ACTIVE_ADMIN", literal);
    demote(root, second).await.expect("who is deactivated is not the last");
    let third = another_super_admin(&world, "third").await;
    demote(root, root).await.expect("there is another");
    refused(demote(root, third).await, "FORBIDDEN", "Admin privileges required");
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM users WHERE is_super_admin AND deactivated_at IS NULL")
            .await,
        1
    );
}

/// B26 as a race: of two super_admins who end each other's accounts at once, exactly one is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b26_two_super_admins_cannot_end_each_other() {
    let world = World::new().await;
    for round in 0..20 {
        let (a, b) = (
            another_super_admin(&world, &format!("a{round}")).await,
            another_super_admin(&world, &format!("b{round}")).await,
        );
        // Both are signed in, and known as super_admins, before either begins.
        let (first, second) = (world.caller(a).await, world.caller(b).await);
        let end = async |caller: &Caller, who: UserId| {
            let mut ctx = Ctx::write(&world.backend, caller.clone(), request()).await?;
            if round % 2 == 0 {
                users::deactivate(&mut ctx, &UserRef::Id(who), &comment()).await?;
            } else {
                let patch = AccountPatchInput {
                    super_admin: Some(false),
                    ..AccountPatchInput::default()
                };
                users::update(&mut ctx, &UserRef::Id(who), patch.parse()?).await?;
            }
            ctx.commit().await
        };
        let (one, other) = tokio::join!(end(&first, b), end(&second, a));
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
        let left: i64 = world
            .one("SELECT count(*) FROM users WHERE is_super_admin AND deactivated_at IS NULL")
            .await;
        assert_eq!(left, 1, "round {round}");
        world.sql("UPDATE users SET is_super_admin = false").await;
    }
}

/// B26 as a race: many super_admins who all leave at once leave one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b26_not_all_super_admins_leave() {
    let world = World::new().await;
    let mut callers = Vec::new();
    for n in 0..12 {
        let id = another_super_admin(&world, &format!("a{n}")).await;
        callers.push((id, world.caller(id).await));
    }
    let mut leaving = tokio::task::JoinSet::new();
    for (id, caller) in callers {
        let backend = world.backend.clone();
        leaving.spawn(async move {
            let mut ctx = Ctx::write(&backend, caller, request()).await?;
            users::deactivate(&mut ctx, &UserRef::Id(id), &comment()).await?;
            ctx.commit().await
        });
    }
    let outcomes = leaving.join_all().await;
    let refusals: Vec<String> = outcomes
        .into_iter()
        .filter_map(|outcome| outcome.err().map(|error| error.detail()))
        .collect();
    assert_eq!(refusals, [LAST]);
}

/// B26 [F]: nobody is not everybody; a batch does what it can, says the rest, and ends neither the caller nor the last
/// super_admin.
#[tokio::test]
async fn b26_a_batch_does_what_it_can() {
    let Hangs { world, root, ada, .. } = Hangs::new().await;
    for (named, all, dry) in [
        (0, false, false),
        (0, false, true),
        (1, true, false),
        (1001, false, false),
    ] {
        let input = BatchInput {
            user_ids: vec!["ada@example.com".to_owned(); named],
            all,
            comment: "their contract has ended".to_owned(),
            dry_run: dry,
        };
        let wrong = input.parse().unwrap_err();
        assert_eq!(
            wrong.iter().map(|field| &*field.field).collect::<Vec<_>>(),
            ["user_ids"],
            "{named} {all}"
        );
    }
    let wrong = BatchInput::default().parse().unwrap_err();
    assert_eq!(wrong.len(), 2, "comment and user_ids");

    let named = [
        "ADA@example.com",
        &ada.to_string(),
        "off@example.com",
        "eve@example.com",
        "root@example.com",
        "nonsense",
        "eve@example.com",
    ];
    let input = BatchInput {
        user_ids: named.map(str::to_owned).to_vec(),
        comment: "their contract has ended".to_owned(),
        dry_run: true,
        ..BatchInput::default()
    };
    let parsed = input.parse().unwrap();
    let dry = world
        .act(root, async |ctx| users::batch(ctx, BatchAction::Disable, &parsed).await)
        .await
        .unwrap();
    let entries = "SELECT count(*) FROM audit_entries WHERE action LIKE '%batch%' OR action LIKE '%deactivated'";
    assert_eq!(world.one::<i64>(entries).await, 0, "a dry run changes nothing");
    let done = batch(&world, root, BatchAction::Disable, &named).await.unwrap();
    assert_eq!(done, dry);
    let mut rows: Vec<(&str, Option<&str>)> = done
        .rows
        .iter()
        .map(|row| (row.email.as_str(), row.refusal.as_deref()))
        .collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            ("ada@example.com", None),
            ("eve@example.com", Some("User not found: eve@example.com")),
            ("nonsense", Some("user_ids: must be a user's UUID or email address")),
            ("off@example.com", Some("User off@example.com is already deactivated")),
            (
                "root@example.com",
                Some("Nobody deactivates their own account in a batch")
            ),
        ]
    );
    assert_eq!(
        (done.affected(), done.failed(), done.teams_without_admin.len()),
        (1, 4, 2)
    );
    let row = done.rows.iter().find(|row| row.refusal.is_none()).unwrap();
    assert_eq!((row.user_id, row.counts.sessions, row.counts.tokens), (Some(ada), 3, 2));
    let audited: Vec<String> = world
        .all("SELECT action || ' ' || target FROM audit_entries WHERE action LIKE '%batch%' OR action LIKE '%deactivated' ORDER BY txid, position")
        .await;
    assert_eq!(
        audited,
        ["user_deactivated ada@example.com", "batch_disable_users disable_users"]
    );

    // Everybody: but the caller, who is the last super_admin with it.
    another_super_admin(&world, "second").await;
    let all = batch(&world, root, BatchAction::Disable, &[]).await.unwrap();
    assert_eq!((all.affected(), all.failed()), (4, 0), "bob, past, back and second");
    let active: Vec<String> = world.all("SELECT email FROM users WHERE deactivated_at IS NULL").await;
    assert_eq!(active, ["root@example.com"]);
    let all = batch(&world, root, BatchAction::Restore, &[]).await.unwrap();
    assert_eq!((all.affected(), all.failed()), (6, 0));
    let open = "SELECT count(*) FROM personal_access_tokens WHERE revoked_at IS NULL";
    assert_eq!(world.one::<i64>(open).await, 0, "tokens stay revoked");
    let again = batch(&world, root, BatchAction::Restore, &["ada@example.com"])
        .await
        .unwrap();
    assert_eq!(
        again.rows[0].refusal.as_deref(),
        Some("User ada@example.com is already active")
    );

    // A job, which is nobody, keeps one super_admin too.
    let input = BatchInput {
        all: true,
        comment: "everything has to go".to_owned(),
        ..BatchInput::default()
    };
    let mut ctx = Ctx::system(&world.backend, "job", Method::System).await.unwrap();
    let all = users::batch(&mut ctx, BatchAction::Disable, &input.parse().unwrap())
        .await
        .unwrap();
    ctx.commit().await.unwrap();
    assert_eq!(all.affected(), 6);
    let active: i64 = world
        .one("SELECT count(*) FROM users WHERE is_super_admin AND deactivated_at IS NULL")
        .await;
    assert_eq!(active, 1);
}

/// B26: a batch of a thousand costs as many statements as one of two.
#[tokio::test]
async fn b26_a_large_batch_is_quick() {
    let world = World::new().await;
    let root = world.super_admin().await;
    world
        .sql("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || n || '@example.com' FROM generate_series(1, 5000) n")
        .await;
    let start = std::time::Instant::now();
    let all = batch(&world, root, BatchAction::Disable, &[]).await.unwrap();
    assert_eq!(all.affected(), 5000);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let entries: i64 = world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'user_deactivated'")
        .await;
    assert_eq!(entries, 5000);
}

/// B26: another process, which knew them, refuses session and token within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b26_deactivation_reaches_a_warm_cache() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let ada = world.user("ada").await;
    let other = Backend::new(world.database.another_pool(), None, Settings::default());
    let listener = tokio::spawn(listen::run(other.pool.clone(), other.principals.clone()));
    let name = TokenName::parse("laptop").unwrap();
    let (_, secret) = world
        .act(ada, async |ctx| tokens::create(ctx, ada, &name, None).await)
        .await
        .unwrap();
    let end = Utc::now() + TimeDelta::hours(1);
    sessions::create(&world.backend, "cookie", &json!({"user": ada}), end)
        .await
        .unwrap();
    let token = async || tokens::authenticate(&other, secret.reveal(), Utc::now()).await.is_ok();
    let session = async || sessions::load(&other, "cookie", Utc::now()).await.unwrap().is_some();
    let person = async || other.principals.get(&other.pool, ada).await.is_ok();
    within(Duration::from_secs(10), async || {
        let first = other.principals.get(&other.pool, ada).await.unwrap();
        std::sync::Arc::ptr_eq(&first, &other.principals.get(&other.pool, ada).await.unwrap())
    })
    .await;
    for _ in 0..3 {
        assert!(token().await && session().await && person().await);
    }
    deactivate(&world, root, ada).await.unwrap();
    let soon = Duration::from_secs(1);
    within(soon, async || !token().await && !session().await && !person().await).await;
    // Back again: as someone who has to sign in.
    let who = UserRef::Id(ada);
    world
        .act(root, async |ctx| users::activate(ctx, &who).await)
        .await
        .unwrap();
    within(soon, async || person().await).await;
    assert!(!token().await && !session().await);
    listener.abort();
}
