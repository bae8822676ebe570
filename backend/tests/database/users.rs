//! People's accounts: who sees them, and who changes them (SPEC B26, P). What ends with them is in `deactivation`.

use backend::{
    Result, teams,
    users::{self, AccountPatchInput, AccountQuery, BatchAction, BatchInput, NewAccountInput},
};
use domain::{
    Comment, OrgRole, TeamRole, UserId, UserRef,
    views::{AccountPage, BatchResult, DeactivationEffects},
};
use serde_json::json;

use crate::common::{World, refused};

pub fn comment() -> Comment {
    Comment::parse("has left the company").unwrap()
}

pub async fn see(world: &World, by: UserId, who: UserId) -> Result<AccountPage> {
    world
        .ask(by, async |ctx| users::get(ctx, &UserRef::Id(who)).await)
        .await
}

pub async fn deactivate(world: &World, by: UserId, who: UserId) -> Result<(AccountPage, DeactivationEffects)> {
    let who = UserRef::Id(who);
    world
        .act(by, async |ctx| users::deactivate(ctx, &who, &comment()).await)
        .await
}

async fn list(world: &World, by: UserId, query: AccountQuery) -> Result<(Vec<String>, i64)> {
    let page = world.ask(by, async |ctx| users::list(ctx, &query).await).await?;
    let names = page.items.iter().map(|item| {
        let email = item.account.email.clone();
        email.trim_end_matches("@example.com").to_owned()
    });
    Ok((names.collect(), page.total))
}

/// P: the account itself is a super_admin's; org_admins and auditors see people and change nothing.
#[tokio::test]
async fn p_accounts_are_changed_by_super_admins_only() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let ada = world.user("ada").await;
    world.give(acme, ada, OrgRole::OrgMember).await;
    let (owner, auditor, inside) = (
        world.user("owner").await,
        world.user("auditor").await,
        world.user("inside").await,
    );
    world.give(acme, owner, OrgRole::OrgAdmin).await;
    world.give(acme, inside, OrgRole::Auditor).await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    let who = UserRef::Id(ada);
    for by in [owner, auditor, inside, ada] {
        let new = NewAccountInput {
            email: "new@example.com".to_owned(),
            ..NewAccountInput::default()
        };
        let literal = "Admin privileges required. To create, change and deactivate accounts, ask a super_admin.";
        let tried = [
            world
                .act(by, async |ctx| users::create(ctx, new.clone().parse()?).await.map(drop))
                .await,
            world
                .act(by, async |ctx| {
                    users::update(ctx, &who, AccountPatchInput::default().parse()?)
                        .await
                        .map(drop)
                })
                .await,
            deactivate(&world, by, ada).await.map(drop),
            world
                .ask(by, async |ctx| users::preview_deactivation(ctx, &who).await.map(drop))
                .await,
            world
                .act(by, async |ctx| users::activate(ctx, &who).await.map(drop))
                .await,
            batch(&world, by, BatchAction::Disable, &["ada@example.com"])
                .await
                .map(drop),
        ];
        for result in tried {
            refused(result, "FORBIDDEN", literal);
        }
    }
    assert_eq!(world.one::<i64>("SELECT count(*) FROM audit_entries").await, 0);
    assert!(see(&world, root, ada).await.unwrap().manages);
    assert!(!see(&world, auditor, ada).await.unwrap().manages);
}

/// P: super_admins and auditors see everybody; an org_admin the people of the organization, and of them what is in it.
#[tokio::test]
async fn p_an_org_admin_sees_the_organizations_people() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (acme, other) = (world.organization("acme").await, world.organization("other").await);
    let (owner, inside, ada, eve) = (
        world.user("owner").await,
        world.user("inside").await,
        world.user("ada").await,
        world.user("eve").await,
    );
    world.give(acme, owner, OrgRole::OrgAdmin).await;
    world.give(acme, inside, OrgRole::Auditor).await;
    world.give(acme, ada, OrgRole::OrgMember).await;
    world.give(other, ada, OrgRole::OrgAdmin).await;
    world.give(other, eve, OrgRole::OrgMember).await;
    let (ours, theirs) = (world.team_in(acme, "Ours").await, world.team_in(other, "Theirs").await);
    for team in [ours, theirs] {
        world.join(team, ada, TeamRole::Member).await;
        world.runner(Some(team), ada, "active").await;
        let project = world.project(team, "search").await;
        world.assign(project, ada).await;
    }
    world.runner(None, ada, "active").await;
    let everybody = list(&world, root, AccountQuery::default()).await.unwrap();
    assert_eq!(
        everybody,
        (["ada", "eve", "inside", "owner", "root"].map(str::to_owned).to_vec(), 5)
    );
    for by in [owner, inside] {
        let people = list(&world, by, AccountQuery::default()).await.unwrap();
        assert_eq!(people, (["ada", "inside", "owner"].map(str::to_owned).to_vec(), 3));
        let page = see(&world, by, ada).await.unwrap();
        let (organizations, teams): (Vec<&str>, Vec<&str>) = (
            page.organizations.iter().map(|o| o.name.as_str()).collect(),
            page.teams.iter().map(|team| team.name.as_str()).collect(),
        );
        assert_eq!((organizations, teams), (vec!["acme"], vec!["Ours"]));
        assert_eq!(
            (page.counts.runners, page.counts.project_roles, page.whole),
            (1, 1, false)
        );
        refused(
            see(&world, by, eve).await,
            "NOT_FOUND",
            &format!("User not found: {eve}"),
        );
    }
    let listed = world
        .ask(owner, async |ctx| users::list(ctx, &AccountQuery::default()).await)
        .await
        .unwrap();
    assert_eq!(
        (listed.items[0].team_count, listed.items[0].organizations.as_slice()),
        (1, &["acme".to_owned()][..])
    );
    let whole = see(&world, root, ada).await.unwrap();
    assert_eq!(
        (
            whole.organizations.len(),
            whole.teams.len(),
            whole.counts.runners,
            whole.whole
        ),
        (2, 2, 3, true)
    );
    let member = list(&world, eve, AccountQuery::default()).await;
    refused(member, "FORBIDDEN", "Admin privileges required");
    refused(see(&world, eve, eve).await, "FORBIDDEN", "Admin privileges required");
}

/// B26: search takes what is typed as it is; filters add up; totals are true; pages go both ways and miss nobody.
#[tokio::test]
async fn b26_the_list_is_searched_filtered_and_paged() {
    let world = World::new().await;
    let root = world.super_admin().await;
    world
        .sql(
            "INSERT INTO users (id, email, display_name, is_auditor, deactivated_at)
            SELECT gen_random_uuid(), 'p' || lpad(n::text, 2, '0') || '@example.com', 'Person 100% ' || n, n % 5 = 0,
                CASE WHEN n % 4 = 0 THEN now() END
            FROM generate_series(1, 30) n",
        )
        .await;
    let count = async |query: AccountQuery| list(&world, root, query).await.unwrap().1;
    let query = AccountQuery::default;
    let search = |text: &str| AccountQuery {
        search: Some(text.to_owned()),
        ..AccountQuery::default()
    };
    assert_eq!(count(query()).await, 31);
    assert_eq!(
        count(AccountQuery {
            active: Some(false),
            ..query()
        })
        .await,
        7
    );
    assert_eq!(
        count(AccountQuery {
            active: Some(true),
            ..query()
        })
        .await,
        24
    );
    assert_eq!(
        count(AccountQuery {
            super_admin: Some(true),
            ..query()
        })
        .await,
        1
    );
    assert_eq!(
        count(AccountQuery {
            auditor: Some(true),
            ..query()
        })
        .await,
        6
    );
    let both = AccountQuery {
        auditor: Some(true),
        active: Some(false),
        ..query()
    };
    assert_eq!(count(both).await, 1);
    for (text, expected) in [
        ("PERSON 100% 3", 2),
        ("p0", 9),
        ("  ROOT ", 1),
        ("100% 1", 11),
        ("%", 30),
        ("_", 0),
        ("\\", 0),
        ("\0", 31),
        ("nobody", 0),
    ] {
        assert_eq!(count(search(text)).await, expected, "{text:?}");
    }

    for order in [teams::Order::Ascending, teams::Order::Descending] {
        let (all, _) = list(&world, root, AccountQuery { order, ..query() }).await.unwrap();
        assert!(
            all.windows(2)
                .all(|pair| (pair[0] < pair[1]) == (order == teams::Order::Ascending))
        );
        let page = async |cursor: Option<String>| {
            let query = AccountQuery {
                order,
                cursor,
                limit: 7,
                ..query()
            };
            world
                .ask(root, async |ctx| users::list(ctx, &query).await)
                .await
                .unwrap()
        };
        let mut seen = Vec::new();
        let mut now = page(None).await;
        assert_eq!(now.previous, None);
        loop {
            assert_eq!(now.total, 31);
            seen.extend(now.items.iter().map(|item| item.account.email.clone()));
            let Some(next) = now.next.clone() else { break };
            let following = page(Some(next)).await;
            let back = page(following.previous.clone()).await;
            assert_eq!(back.items, now.items, "and back again");
            now = following;
        }
        let seen: Vec<&str> = seen
            .iter()
            .map(|email| email.trim_end_matches("@example.com"))
            .collect();
        assert_eq!(seen, all);
    }
    let odd = AccountQuery {
        cursor: Some("nonsense".to_owned()),
        ..query()
    };
    refused(list(&world, root, odd).await, "VALIDATION_ERROR", "cursor: ");
}

/// B26, X10: an account with its rights, in an organization if one is named and takes it in.
#[tokio::test]
async fn b26_accounts_are_created_with_rights_and_an_organization() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let create = async |input: NewAccountInput| {
        world
            .act(root, async |ctx| users::create(ctx, input.parse()?).await)
            .await
    };
    let input = |email: &str| NewAccountInput {
        email: email.to_owned(),
        ..NewAccountInput::default()
    };
    let page = create(NewAccountInput {
        display_name: Some("Ada".to_owned()),
        auditor: true,
        can_use_jit: Some(false),
        organization_id: Some(acme),
        organization_role: Some("org_admin".to_owned()),
        ..input(" Ada@Example.com ")
    })
    .await
    .unwrap();
    let account = &page.account;
    assert_eq!(
        (account.email.as_str(), account.display_name.as_deref()),
        ("ada@example.com", Some("Ada"))
    );
    assert_eq!(
        (account.super_admin, account.auditor, account.can_use_jit),
        (false, true, false)
    );
    assert_eq!(
        (page.organizations[0].slug.as_str(), page.organizations[0].role),
        ("acme", OrgRole::OrgAdmin)
    );
    let plain = create(input("bob@example.com")).await.unwrap().account;
    assert_eq!(
        (plain.super_admin, plain.auditor, plain.can_use_jit),
        (false, false, true),
        "SPEC X17"
    );
    let actions: Vec<String> = world
        .all("SELECT action FROM audit_entries ORDER BY txid, position")
        .await;
    assert_eq!(actions, ["user.create", "organization.member_add", "user.create"]);

    refused(
        create(input("ADA@example.com")).await,
        "NAME_TAKEN",
        "User ada@example.com already exists",
    );
    let wrong = create(NewAccountInput {
        display_name: Some("x".repeat(201)),
        organization_role: Some("king".to_owned()),
        ..input("nobody")
    })
    .await;
    let Err(backend::Error::Invalid(fields)) = wrong else {
        panic!("{wrong:?}")
    };
    let fields: Vec<&str> = fields.iter().map(|field| &*field.field).collect();
    assert_eq!(
        fields,
        ["email", "display_name", "organization_role", "organization_id"],
        "all at once"
    );
    let nowhere = create(NewAccountInput {
        organization_id: Some(domain::OrganizationId(root.0)),
        ..input("c@example.com")
    });
    refused(nowhere.await, "NOT_FOUND", "Organization not found: ");
    let chief = NewAccountInput {
        organization_id: Some(domain::DEFAULT_ORGANIZATION),
        organization_role: Some("org_admin".to_owned()),
        ..input("c@example.com")
    };
    refused(
        create(chief).await,
        "VALIDATION_ERROR",
        "organization_role: must not be org_admin",
    );
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
            VALUES ('{acme}', 'acme.example', 't', now(), 'word')"
        ))
        .await;
    let stranger = NewAccountInput {
        organization_id: Some(acme),
        ..input("c@example.com")
    };
    let literal = "User c@example.com is not in this organization's email domains (acme.example)";
    refused(create(stranger).await, "FOREIGN_EMAIL_DOMAIN", literal);
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM users").await,
        3,
        "all or nothing"
    );
}

/// B26: what changes is changed, audited with before and after, and heard at once; what is left out stays.
#[tokio::test]
async fn b26_accounts_are_changed_field_by_field() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let ada = world.user("ada").await;
    let backend = &world.backend;
    backend.principals.set_listening(true);
    let who = UserRef::Id(ada);
    let update = async |patch: AccountPatchInput| {
        world
            .act(root, async |ctx| users::update(ctx, &who, patch.parse()?).await)
            .await
    };
    let known = async || backend.principals.get(&backend.pool, ada).await.unwrap();
    assert!(!known().await.super_admin);
    let named = AccountPatchInput {
        display_name: Some(Some(" Ada ".to_owned())),
        super_admin: Some(true),
        ..AccountPatchInput::default()
    };
    let page = update(named.clone()).await.unwrap();
    assert_eq!(
        (
            page.account.display_name.as_deref(),
            page.account.super_admin,
            page.account.can_use_jit
        ),
        (Some("Ada"), true, true)
    );
    assert!(known().await.super_admin, "at once");
    update(named).await.unwrap();
    let entries = "SELECT count(*) FROM audit_entries";
    assert_eq!(world.one::<i64>(entries).await, 1, "what changes nothing is no change");
    let after: serde_json::Value = world.one("SELECT after FROM audit_entries").await;
    assert_eq!(
        after,
        json!({"display_name": "Ada", "super_admin": true, "auditor": false, "can_use_jit": true})
    );
    let cleared = AccountPatchInput {
        display_name: Some(None),
        can_use_jit: Some(false),
        ..AccountPatchInput::default()
    };
    let page = update(cleared).await.unwrap();
    assert_eq!((page.account.display_name, page.account.super_admin), (None, true));
    assert!(!known().await.can_use_jit);
    let missing = UserRef::parse("id", "nobody@example.com").unwrap();
    let missing = world
        .act(root, async |ctx| {
            users::update(ctx, &missing, AccountPatchInput::default().parse()?).await
        })
        .await;
    refused(missing, "NOT_FOUND", "User not found: nobody@example.com");
}

pub async fn batch(world: &World, by: UserId, action: BatchAction, named: &[&str]) -> Result<BatchResult> {
    let input = BatchInput {
        user_ids: named.iter().map(ToString::to_string).collect(),
        all: named.is_empty(),
        comment: "their contract has ended".to_owned(),
        dry_run: false,
    };
    let parsed = input.parse()?;
    world
        .act(by, async |ctx| users::batch(ctx, action, &parsed).await)
        .await
}
