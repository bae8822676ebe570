//! Adding a list of people: D3, X10, X11.

use std::time::{Duration, Instant};

use backend::{
    Result,
    members::{self, BulkInput, OnInvalid, OnUnknown},
    organizations::{OrganizationKey, people},
};
use domain::{
    OrgRole, TeamId, TeamRole, TeamStatus, UserId, UserRef,
    views::{BulkOutcome, BulkResult},
};

use crate::common::{World, refused};

fn row(user: impl std::fmt::Display, role: Option<&str>) -> BulkInput {
    BulkInput {
        user: user.to_string(),
        role: role.map(str::to_owned),
    }
}

async fn add(
    world: &World,
    by: UserId,
    team: TeamId,
    rows: &[BulkInput],
    on_invalid: OnInvalid,
    dry_run: bool,
) -> Result<BulkResult> {
    world
        .act(by, async |ctx| {
            members::add_many(ctx, team, rows, on_invalid, OnUnknown::Refuse, dry_run).await
        })
        .await
}

fn outcomes(result: &BulkResult) -> Vec<(&'static str, String)> {
    let rows = result.rows.iter();
    rows.map(|row| (row.outcome.as_str(), row.detail.clone().unwrap_or_default()))
        .collect()
}

/// D3, X10: what is wrong with a row makes that row invalid, never the request; the good ones are what is written.
#[tokio::test]
async fn d3_each_row_is_judged_by_itself() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
            VALUES ('{acme}', 'example.com', 't', now(), 'word'), ('{acme}', 'unverified.example', 't', NULL, NULL)"
        ))
        .await;
    let team = world.team_in(acme, "Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let there = world.member(team, "there", TeamRole::Member).await;
    let (ada, _, carl) = (
        world.user("ada").await,
        world.user("bob").await,
        world.user("carl").await,
    );
    let gone = world.user("gone").await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    world
        .sql("INSERT INTO users (id, email) VALUES (gen_random_uuid(), 'eve@evil.example'), (gen_random_uuid(), 'u@unverified.example')")
        .await;
    let guest = world.user("guest").await;
    world
        .sql(&format!(
            "UPDATE users SET email = 'guest@partner.example' WHERE id = '{guest}'"
        ))
        .await;
    world.give(acme, guest, OrgRole::OrgMember).await;

    let nobody = uuid::Uuid::from_u128(7);
    let rows = [
        row(ada, None),
        row(" BOB@Example.com ", Some("team_admin")),
        row("nobody@example.com", None),
        row(nobody, None),
        row("no address", None),
        row("eve@evil.example", None),
        row("u@unverified.example", None),
        row("guest@partner.example", None),
        row(carl, Some("owner")),
        row("gone@example.com", None),
        row(there, None),
        row(there, Some("admin")),
        row("ada@example.com", Some("member")),
        row("bob@example.com", Some("member")),
        row("carl@example.com", Some("user")),
    ];
    let foreign = |email: &str| {
        format!(
            "User {email} is not in this organization's email domains (example.com). An org_admin of the organization can invite them as a guest."
        )
    };
    let expected = [
        ("added", String::new()),
        ("added", String::new()),
        ("invalid", "User not found: nobody@example.com".to_owned()),
        ("invalid", format!("User not found: {nobody}")),
        ("invalid", "This is no email address, nor a user's UUID".to_owned()),
        ("invalid", foreign("eve@evil.example")),
        ("invalid", foreign("u@unverified.example")),
        ("added", String::new()),
        (
            "invalid",
            "role must be admin or member. Verify role spelling".to_owned(),
        ),
        (
            "invalid",
            "User gone@example.com is deactivated and cannot be added".to_owned(),
        ),
        (
            "exists",
            "User there@example.com is already a member of team Ops".to_owned(),
        ),
        (
            "exists",
            "User there@example.com is already a member of team Ops, as member; a list changes no roles".to_owned(),
        ),
        ("exists", "The same as row 1".to_owned()),
        (
            "invalid",
            "User bob@example.com is in row 2 already, as admin".to_owned(),
        ),
        ("added", String::new()),
    ];
    let members = || world.one::<i64>("SELECT count(*) FROM team_members");
    let entries = || world.one::<i64>("SELECT count(*) FROM audit_entries");

    let look = add(&world, admin, team, &rows, OnInvalid::Skip, true).await.unwrap();
    assert_eq!(outcomes(&look), expected);
    assert_eq!((look.added, look.dry_run), (4, true), "what would be added");
    let look = add(&world, admin, team, &rows, OnInvalid::Abort, true).await.unwrap();
    assert_eq!(look.added, 0, "one bad row would stop all of it");
    let abort = add(&world, admin, team, &rows, OnInvalid::Abort, false).await.unwrap();
    assert_eq!(outcomes(&abort), expected);
    assert_eq!((abort.added, abort.dry_run), (0, false));
    assert_eq!((members().await, entries().await), (2, 0), "nothing was written");

    let done = add(&world, admin, team, &rows, OnInvalid::Skip, false).await.unwrap();
    assert_eq!(outcomes(&done), expected);
    assert_eq!((done.added, members().await, entries().await), (4, 6, 4));
    let written: Vec<String> = world
        .all(&format!(
            "SELECT u.email || ' ' || m.role || ' ' || m.source || ' ' || a.email FROM team_members m
            JOIN users u ON u.id = m.user_id JOIN users a ON a.id = m.added_by WHERE m.team_id = '{team}' ORDER BY 1"
        ))
        .await;
    assert_eq!(
        written,
        [
            "ada@example.com member bulk admin@example.com",
            "bob@example.com admin bulk admin@example.com",
            "carl@example.com member bulk admin@example.com",
            "guest@partner.example member bulk admin@example.com",
        ]
    );
    let in_organization: Vec<String> = world
        .all(&format!(
            "SELECT u.email || ' ' || o.role || ' ' || o.source FROM organization_members o JOIN users u ON u.id = o.user_id
            WHERE o.organization_id = '{acme}' ORDER BY 1"
        ))
        .await;
    assert_eq!(
        in_organization,
        [
            "ada@example.com org_member bulk",
            "bob@example.com org_member bulk",
            "carl@example.com org_member bulk",
            "guest@partner.example org_member manual",
        ]
    );
    let audited: Vec<String> = world
        .all(
            "SELECT actor || ' ' || action || ' ' || target || ' ' || (after->>'role') || ' ' || (team_id IS NOT NULL)
            || ' ' || (organization_id IS NOT NULL) || ' ' || request_id || ' ' || (target_id = (SELECT id::text FROM users
            WHERE email = target)) FROM audit_entries ORDER BY txid, position",
        )
        .await;
    assert_eq!(
        audited,
        [
            "admin@example.com member.add ada@example.com member true true req-1 true",
            "admin@example.com member.add bob@example.com admin true true req-1 true",
            "admin@example.com member.add guest@partner.example member true true req-1 true",
            "admin@example.com member.add carl@example.com member true true req-1 true",
        ]
    );
    let again = add(&world, admin, team, &rows[..2], OnInvalid::Abort, false)
        .await
        .unwrap();
    assert_eq!(again.added, 0);
    assert!(
        again.rows.iter().all(|row| row.outcome == BulkOutcome::Exists),
        "again: {again:?}"
    );
}

/// D3: five thousand rows with a hundred bad ones: exactly the good ones, in a moment, in as many queries as for two.
#[tokio::test]
async fn d3_five_thousand_rows_are_added_at_once() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    let team = world.team_in(acme, "Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    world
        .sql("INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || n || '@example.com' FROM generate_series(1, 4900) n")
        .await;
    let rows: Vec<BulkInput> = (1..=5000)
        .map(|n| match n {
            ..=4900 => row(format!("u{n}@example.com"), (n % 100 == 0).then_some("admin")),
            _ => row(format!("bad{n}@example.com"), None),
        })
        .collect();
    let start = Instant::now();
    let look = add(&world, admin, team, &rows, OnInvalid::Skip, true).await.unwrap();
    let previewed = start.elapsed();
    assert_eq!((look.added, look.count(BulkOutcome::Invalid)), (4900, 100));
    let start = Instant::now();
    let done = add(&world, admin, team, &rows, OnInvalid::Skip, false).await.unwrap();
    let written = start.elapsed();
    eprintln!("5,000 rows: previewed in {previewed:?}, written in {written:?}");
    assert!(
        previewed < Duration::from_secs(5) && written < Duration::from_secs(10),
        "{previewed:?} {written:?}"
    );
    assert_eq!(done.added, 4900);
    for (sql, expected) in [
        ("SELECT count(*) FROM team_members WHERE source = 'bulk'", 4900),
        (
            "SELECT count(*) FROM team_members WHERE source = 'bulk' AND role = 'admin'",
            49,
        ),
        ("SELECT member_count::bigint FROM teams WHERE name = 'Ops'", 4901),
        ("SELECT count(*) FROM organization_members", 4900),
        (
            "SELECT count(DISTINCT target_id) FROM audit_entries WHERE action = 'member.add'",
            4900,
        ),
        ("SELECT count(*) FROM audit_entries", 4900),
    ] {
        assert_eq!(world.one::<i64>(sql).await, expected, "{sql}");
    }
}

/// P: a list is for those who may add one; it is neither empty nor endless.
#[tokio::test]
async fn p_only_who_may_add_one_adds_many() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let member = world.member(team, "member", TeamRole::Member).await;
    let ada = world.user("ada").await;
    let rows = [row(ada, None)];
    for dry_run in [true, false] {
        refused(
            add(&world, member, team, &rows, OnInvalid::Skip, dry_run).await,
            "FORBIDDEN",
            "Insufficient permissions",
        );
        refused(
            add(&world, ada, team, &rows, OnInvalid::Skip, dry_run).await,
            "FORBIDDEN",
            "Admin privileges required for team management",
        );
    }
    let long = vec![row(ada, None); 10_001];
    for wrong in [&[][..], &long] {
        refused(
            add(&world, admin, team, wrong, OnInvalid::Skip, false).await,
            "VALIDATION_ERROR",
            "members",
        );
    }
    world.set_status(team, TeamStatus::Archived).await;
    let root = world.super_admin().await;
    refused(
        add(&world, root, team, &rows, OnInvalid::Skip, false).await,
        "WRONG_STATE",
        "Team 'Ops' is archived",
    );
}

/// D3 as a race: two lists with the same people at once add each of them once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d3_two_lists_at_once_add_everybody_once() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    let team = world.team_in(acme, "Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let mut rows = Vec::new();
    for n in 0..200 {
        rows.push(row(world.user(&format!("u{n}")).await, None));
    }
    let backwards: Vec<BulkInput> = rows.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(
        add(&world, admin, team, &rows, OnInvalid::Abort, false),
        add(&world, admin, team, &backwards, OnInvalid::Abort, false)
    );
    assert_eq!(first.unwrap().added + second.unwrap().added, 200);
    assert_eq!(world.one::<i64>("SELECT count(*) FROM audit_entries").await, 200);
}

/// D3 as a race: who is taken out of the organization while a list adds them to a team of it is never in the team alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d3_who_leaves_the_organization_meanwhile_does_not_belong() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
            VALUES ('{acme}', 'acme.example', 't', now(), 'word')"
        ))
        .await;
    let team = world.team_in(acme, "Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let (root, key) = (world.super_admin().await, OrganizationKey::from(acme));
    // Both are from outside the domain, and in as guests.
    let (pat, stays) = (world.user("pat").await, world.user("stays").await);
    for guest in [pat, stays] {
        world.give(acme, guest, OrgRole::OrgMember).await;
    }
    let rows = [row(pat, None), row(stays, None)];
    let out = UserRef::Id(pat);
    let a_moment = || tokio::time::sleep(Duration::from_millis(300));
    let in_team = || world.one::<i64>("SELECT count(*) FROM team_members");

    let mut leaving = world.write(root).await;
    people::remove(&mut leaving, &key, &out).await.unwrap();
    let (added, ()) = tokio::join!(add(&world, admin, team, &rows, OnInvalid::Skip, false), async {
        a_moment().await;
        leaving.commit().await.unwrap();
    });
    let added = added.unwrap();
    let why = "User pat@example.com is not in this organization's email domains (acme.example)";
    assert!(
        added.added == 1 && outcomes(&added)[0].0 == "invalid" && outcomes(&added)[0].1.starts_with(why),
        "{added:?}"
    );
    assert_eq!(in_team().await, 2, "the admin, and who stayed");

    // The other way around: who takes them out waits for the list, and finds the team.
    world.give(acme, pat, OrgRole::OrgMember).await;
    let mut adding = world.write(admin).await;
    let added = members::add_many(&mut adding, team, &rows, OnInvalid::Skip, OnUnknown::Refuse, false).await;
    assert_eq!(added.unwrap().added, 1);
    let removing = world.act(root, async |ctx| people::remove(ctx, &key, &out).await);
    let (removed, ()) = tokio::join!(removing, async {
        a_moment().await;
        adding.commit().await.unwrap();
    });
    assert_eq!((removed.unwrap().teams, in_team().await), (1, 2));
}

/// X11: one person is added by hand, and a deactivated one not at all, whichever way.
#[tokio::test]
async fn x11_where_a_membership_comes_from_is_kept() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let (ada, gone) = (world.user("ada").await, world.user("gone").await);
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    let one = async |who| {
        world
            .act(admin, async |ctx| {
                members::add(ctx, team, &UserRef::Id(who), TeamRole::Member).await
            })
            .await
    };
    assert_eq!(one(ada).await.unwrap().source.as_str(), "manual");
    refused(
        one(gone).await,
        "WRONG_STATE",
        "User gone@example.com is deactivated and cannot be added",
    );
}
