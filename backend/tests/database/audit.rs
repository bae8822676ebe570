//! B25, DESIGN rule 2: every change leaves one entry, in its own transaction, and no secret anywhere.

use backend::{Ctx, Error, Result, members, organizations, projects, runners, teams, tokens};
use domain::{
    DEFAULT_ORGANIZATION, OrgRole, ProjectName, Reason, StatusChange, TeamId, TeamName, TeamRole, TokenName, UserId,
    UserRef,
};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use crate::common::{World, request};

struct Entry {
    action: String,
    actor: String,
    actor_id: Option<Uuid>,
    method: String,
    from: [Option<String>; 3],
    team: Option<Uuid>,
    organization: Option<Uuid>,
    target: String,
    target_id: String,
    success: bool,
    before: Value,
    after: Value,
}

/// The entries after the first `skip`, in their order.
async fn entries(world: &World, skip: usize) -> Vec<Entry> {
    let rows = sqlx::query("SELECT * FROM audit_entries ORDER BY txid, position OFFSET $1")
        .bind(i64::try_from(skip).unwrap())
        .fetch_all(&world.pool)
        .await
        .expect("the log");
    let value = |value: Option<Value>| value.unwrap_or(Value::Null);
    rows.iter()
        .map(|row| Entry {
            action: row.get("action"),
            actor: row.get("actor"),
            actor_id: row.get("actor_id"),
            method: row.get("method"),
            from: [row.get("request_id"), row.get("ip"), row.get("user_agent")],
            team: row.get("team_id"),
            organization: row.get("organization_id"),
            target: row.get("target"),
            target_id: row.get("target_id"),
            success: row.get("success"),
            before: value(row.get("before")),
            after: value(row.get("after")),
        })
        .collect()
}

async fn count(world: &World) -> usize {
    usize::try_from(world.one::<i64>("SELECT count(*) FROM audit_entries").await).unwrap()
}

/// Does something as `who` and gives the one entry that it left.
async fn audited<T>(world: &World, who: UserId, what: impl AsyncFnOnce(&mut Ctx) -> Result<T>) -> Entry {
    let before = count(world).await;
    world.act(who, what).await.unwrap_or_else(|error| panic!("{error}"));
    let mut new = entries(world, before).await;
    let actions: Vec<&str> = new.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(new.len(), 1, "one change, one entry: {actions:?}");
    let entry = new.remove(0);
    let email: String = world.one(&format!("SELECT email FROM users WHERE id = '{who}'")).await;
    assert_eq!(
        (entry.actor, entry.actor_id, entry.method.as_str()),
        (email, Some(who.0), "session"),
        "who and how"
    );
    let from = [request().id, request().ip, request().user_agent];
    assert_eq!(entry.from, from, "from where");
    assert!(entry.success);
    Entry {
        actor: String::new(),
        ..entry
    }
}

/// B25: each function that changes something, with what its entry says.
#[tokio::test]
async fn b25_every_change_leaves_one_entry() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let here = world.organization("here").await;
    let ada = world.user("ada").await;
    // Who joins a team from outside its organization joins that too, which is a change of its own.
    world.give(here, ada, OrgRole::OrgMember).await;
    let who = UserRef::Id(ada);
    let new = teams::NewTeamInput {
        name: "Ops".to_owned(),
        organization_id: Some(here),
        ..teams::NewTeamInput::default()
    };
    let entry = audited(&world, root, async |ctx| teams::create(ctx, new.parse()?).await).await;
    let team = TeamId(entry.team.unwrap());
    assert_eq!(
        (entry.action.as_str(), entry.target.as_str(), entry.organization),
        ("team.create", "Ops", Some(here.0))
    );
    assert_eq!(
        (&entry.before, &entry.after["name"], &entry.after["status"]),
        (&Value::Null, &json!("Ops"), &json!("active"))
    );

    let check = |entry: Entry, action: &str, field: &str, before: Value, after: Value| {
        assert_eq!(
            (entry.action.as_str(), entry.team, entry.organization),
            (action, Some(team.0), Some(here.0))
        );
        let part = |value: &Value| value.get(field).cloned().unwrap_or_default();
        assert_eq!((part(&entry.before), part(&entry.after)), (before, after), "{action}");
    };
    let patch = teams::TeamPatchInput {
        max_runners: Some(Some(3)),
        ..teams::TeamPatchInput::default()
    };
    let entry = audited(&world, root, async |ctx| teams::update(ctx, team, patch.parse()?).await).await;
    check(entry, "team.update", "max_runners", Value::Null, json!(3));
    let reason = Reason::parse("why not").unwrap();
    for (change, action, status) in [
        (StatusChange::Deactivate, "team.deactivate", ["active", "inactive"]),
        (StatusChange::Activate, "team.activate", ["inactive", "active"]),
        (StatusChange::Archive, "team.archive", ["active", "archived"]),
        (StatusChange::Restore, "team.restore", ["archived", "inactive"]),
    ] {
        let entry = audited(&world, root, async |ctx| {
            teams::change_status(ctx, team, change, Some(&reason)).await
        })
        .await;
        check(entry, action, "status", json!(status[0]), json!(status[1]));
    }
    let patch = teams::TeamPatchInput {
        is_active: Some(true),
        ..teams::TeamPatchInput::default()
    };
    let entry = audited(&world, root, async |ctx| teams::update(ctx, team, patch.parse()?).await).await;
    check(entry, "team.activate", "status", json!("inactive"), json!("active"));

    let entry = audited(&world, root, async |ctx| {
        members::add(ctx, team, &who, TeamRole::Member).await
    })
    .await;
    assert_eq!(
        (entry.target.as_str(), entry.target_id.as_str()),
        ("ada@example.com", ada.to_string().as_str())
    );
    check(entry, "member.add", "role", Value::Null, json!("member"));
    let entry = audited(&world, root, async |ctx| {
        members::change_role(ctx, team, &who, TeamRole::Admin).await
    })
    .await;
    check(entry, "member.role", "role", json!("member"), json!("admin"));
    world.member(team, "boss", TeamRole::Admin).await;

    let name = |text: &str| ProjectName::parse(text).unwrap();
    let entry = audited(&world, root, async |ctx| {
        projects::create(ctx, team, &name("one"), None).await
    })
    .await;
    let project = domain::ProjectId(entry.target_id.parse().unwrap());
    check(entry, "project.create", "name", Value::Null, json!("one"));
    let entry = audited(&world, root, async |ctx| {
        projects::update(ctx, team, project, Some(&name("two")), None).await
    })
    .await;
    check(entry, "project.update", "name", json!("one"), json!("two"));
    world.assign(project, ada).await;
    let entry = audited(&world, ada, async |ctx| members::remove(ctx, team, &who).await).await;
    check(entry, "member.remove", "project_roles", json!(1), Value::Null);
    let entry = audited(&world, root, async |ctx| projects::delete(ctx, team, project).await).await;
    check(entry, "project.delete", "name", json!("two"), Value::Null);

    let label = TokenName::parse("laptop").unwrap();
    let entry = audited(&world, ada, async |ctx| tokens::create(ctx, ada, &label, None).await).await;
    let token = domain::TokenId(entry.target_id.parse().unwrap());
    assert_eq!(
        (entry.action.as_str(), entry.target.as_str()),
        ("token.create", "laptop")
    );
    let entry = audited(&world, ada, async |ctx| tokens::revoke(ctx, token).await).await;
    assert_eq!(
        (entry.action.as_str(), entry.target.as_str()),
        ("token.revoke", "laptop")
    );

    let entry = audited(&world, root, async |ctx| {
        let input = organizations::NewOrganizationInput {
            name: "Fresh".to_owned(),
            ..Default::default()
        };
        organizations::create(ctx, input.parse()?).await
    })
    .await;
    assert_eq!(
        (entry.action.as_str(), &entry.after["slug"]),
        ("organization.create", &json!("fresh"))
    );
    assert_eq!(entry.organization.unwrap().to_string(), entry.target_id);
}

/// B25: what changes nothing leaves no entry.
#[tokio::test]
async fn b25_what_changes_nothing_leaves_no_entry() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    let ada = world.member(team, "ada", TeamRole::Member).await;
    let project = world.project(team, "one").await;
    let patch = teams::TeamPatchInput {
        name: Some("Ops".to_owned()),
        is_active: Some(true),
        max_runners: Some(None),
        ..teams::TeamPatchInput::default()
    };
    world
        .act(root, async |ctx| teams::update(ctx, team, patch.parse()?).await)
        .await
        .unwrap();
    let who = UserRef::Id(ada);
    world
        .act(root, async |ctx| {
            members::change_role(ctx, team, &who, TeamRole::Member).await
        })
        .await
        .unwrap();
    world
        .act(root, async |ctx| members::preview_removal(ctx, team, &who).await)
        .await
        .unwrap();
    let name = ProjectName::parse("one").unwrap();
    world
        .act(root, async |ctx| {
            projects::update(ctx, team, project, Some(&name), Some(None)).await
        })
        .await
        .unwrap();
    world
        .act(root, async |ctx| teams::list(ctx, &teams::TeamQuery::default()).await)
        .await
        .unwrap();
    assert_eq!(count(&world).await, 0);
}

/// DESIGN rule 2: a change that fails, or is not committed, leaves neither itself nor an entry.
#[tokio::test]
async fn b25_what_was_undone_left_no_entry() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    world.team("Taken").await;
    let ada = world.member(team, "ada", TeamRole::Admin).await;
    let who = UserRef::Id(ada);
    let taken = TeamName::parse("taken").unwrap();
    let patch = || teams::TeamPatchInput {
        name: Some(taken.to_string()),
        is_active: Some(false),
        ..teams::TeamPatchInput::default()
    };
    let failures = [
        world
            .act(root, async |ctx| {
                teams::update(ctx, team, patch().parse()?).await.map(drop)
            })
            .await,
        world
            .act(root, async |ctx| members::remove(ctx, team, &who).await.map(drop))
            .await,
        world
            .act(root, async |ctx| {
                members::add(ctx, team, &who, TeamRole::Member).await.map(drop)
            })
            .await,
        world
            .act(root, async |ctx| {
                let new = teams::NewTeamInput {
                    name: "OPS".to_owned(),
                    ..teams::NewTeamInput::default()
                };
                teams::create(ctx, new.parse()?).await.map(drop)
            })
            .await,
        // Half of it works, and then the door gives up.
        world
            .act(root, async |ctx| {
                teams::change_status(ctx, team, StatusChange::Deactivate, None).await?;
                Err(Error::internal("the door fell shut"))
            })
            .await,
    ];
    assert!(failures.iter().all(Result::is_err), "{failures:?}");
    world
        .ask(root, async |ctx| {
            teams::change_status(ctx, team, StatusChange::Archive, None).await
        })
        .await
        .unwrap();
    assert_eq!(count(&world).await, 0);
    assert_eq!(
        world
            .one::<String>(&format!("SELECT status || name FROM teams WHERE id = '{team}'"))
            .await,
        "activeOps"
    );
}

/// The log is final: PostgreSQL itself refuses to change or remove an entry.
#[tokio::test]
async fn b25_entries_cannot_be_changed_or_removed() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    world
        .act(root, async |ctx| {
            teams::change_status(ctx, team, StatusChange::Archive, None).await
        })
        .await
        .unwrap();
    for attempt in [
        "UPDATE audit_entries SET actor = 'someone else'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_entries SET txid = txid WHERE false",
        "INSERT INTO audit_entries SELECT * FROM audit_entries ON CONFLICT (id) DO UPDATE SET actor = 'x'",
    ] {
        let error = sqlx::query(attempt).execute(&world.pool).await.unwrap_err();
        let refused = error.to_string();
        assert!(
            refused.contains("audit entries cannot be changed or removed") || refused.contains("non-DEFAULT value"),
            "{attempt}: {refused}"
        );
    }
    // Whoever goes, what they did stays.
    world.sql(&format!("DELETE FROM users WHERE id = '{root}'")).await;
    let [entry] = &entries(&world, 0).await[..] else {
        panic!("one entry")
    };
    assert_eq!(
        (entry.actor.as_str(), entry.actor_id),
        ("root@example.com", Some(root.0))
    );
}

/// B25: the order of the log is the order of commits, also where transactions overlap; entries below the horizon are final.
#[tokio::test]
async fn b25_entries_have_an_order_that_a_chain_can_stand_on() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (a, b) = (world.team("A team").await, world.team("B team").await);
    // Of teams' own fields: statuses share a row of totals, and would wait for each other.
    let patch = || teams::TeamPatchInput {
        max_runners: Some(Some(1)),
        ..teams::TeamPatchInput::default()
    };
    let mut first = world.write(root).await;
    teams::update(&mut first, a, patch().parse().unwrap()).await.unwrap();
    world
        .act(root, async |ctx| teams::update(ctx, b, patch().parse()?).await)
        .await
        .unwrap();
    let settled = "SELECT count(*) FROM audit_entries WHERE txid < pg_snapshot_xmin(pg_current_snapshot())";
    assert_eq!(
        world.one::<i64>(settled).await,
        0,
        "the open transaction may still put one before it"
    );
    first.commit().await.unwrap();
    // When it is final too is not for a test to say: any transaction on the server holds the horizon back.
    let order: Vec<String> = world
        .all("SELECT target FROM audit_entries ORDER BY txid, position")
        .await;
    assert_eq!(order, ["A team", "B team"]);
}

/// SPEC B12, DESIGN rule 8: neither a token nor a runner's configuration is anywhere in the database.
#[tokio::test]
async fn b12_no_secret_is_in_any_table() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let ada = world.member(team, "ada", TeamRole::Member).await;
    let name = TokenName::parse("laptop").unwrap();
    let (_, secret) = world
        .act(ada, async |ctx| tokens::create(ctx, ada, &name, None).await)
        .await
        .unwrap();
    let input = runners::JitInput {
        team_id: Some(team),
        ..runners::JitInput::default()
    };
    let made = world.provision(ada, input).await.unwrap();
    let cookie = "a-session-id-of-128-random-bits";
    let end = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    backend::sessions::create(&world.backend, cookie, &json!({"user": ada}), end)
        .await
        .unwrap();
    assert!(
        !format!("{made:?} {secret:?}").contains(&made.encoded_jit_config),
        "not in Debug either"
    );

    let tables: Vec<String> = world
        .all("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .await;
    assert!(tables.len() > 10);
    let random = secret.reveal().trim_start_matches(tokens::PREFIX);
    let mut rows_seen = 0;
    for table in tables {
        let rows: Vec<String> = world.all(&format!("SELECT t::text FROM {table} t")).await;
        rows_seen += rows.len();
        for row in rows {
            for secret in [
                random,
                &made.encoded_jit_config,
                &made.encoded_jit_config[20..60],
                cookie,
                "demo-token",
            ] {
                assert!(!row.contains(secret), "{table} holds a secret: {row}");
            }
        }
    }
    assert!(rows_seen > 8, "there was something to look at");
}

/// B25: what the command line does is told by its name, and audited like everything else.
#[tokio::test]
async fn b25_the_command_line_is_audited_by_name() {
    let world = World::new().await;
    let create = async |name: Option<&str>, super_admin, role: Option<OrgRole>| {
        let mut ctx = Ctx::system(&world.backend, "guildhall user create", backend::Method::Command).await?;
        let email = domain::Email::parse("boss@example.com")?;
        let name = name.map(domain::PersonName::parse).transpose()?;
        let id = backend::identity::create(
            &mut ctx,
            &email,
            name.as_ref(),
            super_admin,
            role.map(|role| ("acme", role)),
        )
        .await?;
        ctx.commit().await?;
        Ok::<_, Error>(id)
    };
    world.organization("acme").await;
    let log = async || -> Vec<String> {
        entries(&world, 0)
            .await
            .iter()
            .map(|entry| format!("{} {} {}", entry.action, entry.method, entry.actor))
            .collect()
    };
    let id = create(Some("Boss"), false, Some(OrgRole::OrgAdmin)).await.unwrap();
    let words = "command guildhall user create";
    let first = [
        format!("user.create {words}"),
        format!("organization.member_add {words}"),
    ];
    assert_eq!(log().await, first);
    assert_eq!(
        create(Some("Boss"), false, Some(OrgRole::OrgAdmin)).await.unwrap(),
        id,
        "again changes nothing"
    );
    assert_eq!(log().await, first, "and leaves no entry");
    create(None, true, Some(OrgRole::Auditor)).await.unwrap();
    let after = entries(&world, 2).await;
    let told: Vec<_> = after
        .iter()
        .map(|entry| (entry.action.as_str(), &entry.before, &entry.after))
        .collect();
    assert_eq!(
        told[0],
        (
            "user.update",
            &json!({"super_admin": false}),
            &json!({"super_admin": true})
        )
    );
    assert_eq!(
        told[1],
        (
            "organization.member_role",
            &json!({"role": "org_admin"}),
            &json!({"role": "auditor"})
        )
    );
    let _ = DEFAULT_ORGANIZATION;
}
