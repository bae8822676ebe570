//! Whose an address is: what somebody gets who only says that it is theirs, and how that is settled (SPEC X17, X10).

use backend::{
    Ctx, Method, Result, guides,
    identity::{self, Claims},
    members::{self, BulkInput, OnInvalid, OnUnknown, invitations},
    organizations::{self, OrganizationKey, people},
    teams,
    users::{self, AccountPatchInput},
};
use domain::{
    Email, OrgRole, OrganizationId, TeamId, TeamRole, UserId, UserRef,
    views::{AccountPage, Member},
};
use serde_json::{Value, json};

use crate::common::{World, refused};

const ADDRESS: &str = "nora@example.com";
const LITERAL: &str =
    "The address of nora@example.com was never verified: a super_admin can confirm it on the account's page";

/// An organization that owns example.com, with a team.
struct Scene {
    world: World,
    organization: OrganizationId,
    team: TeamId,
    root: UserId,
    admin: UserId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        world
            .sql(&format!(
                "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how)
                VALUES ('{organization}', 'example.com', 't', now(), 'word')"
            ))
            .await;
        let team = world.team_in(organization, "Backend").await;
        Self {
            root: world.super_admin().await,
            admin: world.member(team, "tess", TeamRole::Admin).await,
            organization,
            team,
            world,
        }
    }

    async fn signs_in(&self, subject: &str, email_verified: bool) -> Result<UserId> {
        let claims = Claims {
            issuer: "https://id.example.com".to_owned(),
            subject: subject.to_owned(),
            email: Some(ADDRESS.to_owned()),
            email_verified,
            email_denied: !email_verified,
            preferred_username: None,
            name: None,
            directory_id: None,
        };
        let mut ctx = Ctx::system(&self.world.backend, "sign-in", Method::System).await?;
        let user = identity::resolve(&mut ctx, &claims).await?;
        ctx.commit().await?;
        Ok(user)
    }

    async fn add(&self, by: UserId, team: TeamId, user: &UserRef) -> Result<Member> {
        self.world
            .act(by, async |ctx| members::add(ctx, team, user, TeamRole::Member).await)
            .await
    }

    async fn patch(&self, by: UserId, user: UserId, patch: AccountPatchInput) -> Result<AccountPage> {
        let user = UserRef::Id(user);
        self.world
            .act(by, async |ctx| users::update(ctx, &user, patch.parse()?).await)
            .await
    }

    async fn confirm(&self, by: UserId, user: UserId, verified: bool) -> Result<AccountPage> {
        let patch = AccountPatchInput {
            email_verified: Some(verified),
            ..AccountPatchInput::default()
        };
        self.patch(by, user, patch).await
    }
}

/// X17, X10: nobody is added to a team or an organization because of an address that was never verified.
#[tokio::test]
async fn x17_an_address_that_was_never_verified_leads_into_nothing() {
    let scene = Scene::new().await;
    let (world, root, organization) = (&scene.world, scene.root, scene.organization);
    let wolf = scene.signs_in("wolf", false).await.unwrap();
    let alone = world.team("Alone").await;
    for who in [UserRef::parse("user", ADDRESS).unwrap(), UserRef::Id(wolf)] {
        refused(scene.add(scene.admin, scene.team, &who).await, "WRONG_STATE", LITERAL);
        refused(scene.add(root, alone, &who).await, "WRONG_STATE", LITERAL);
        for guest in [false, true] {
            let key = OrganizationKey::from(organization);
            let added = world
                .act(root, async |ctx| {
                    people::add(ctx, &key, &who, OrgRole::OrgMember, guest).await
                })
                .await;
            refused(added, "WRONG_STATE", LITERAL);
        }
        let seen = world
            .ask(scene.admin, async |ctx| {
                let page = guides::team(ctx, scene.team).await?;
                guides::person(ctx, &page, &who).await
            })
            .await
            .unwrap();
        assert_eq!(seen.unwrap().not_admitted.as_deref(), Some(LITERAL));
    }
    world.user("ada").await;
    let rows = [ADDRESS, "ada@example.com"].map(|user| BulkInput {
        user: user.to_owned(),
        role: None,
    });
    for on_unknown in [OnUnknown::Invite, OnUnknown::Refuse] {
        let result = world
            .ask(scene.admin, async |ctx| {
                members::add_many(ctx, scene.team, &rows, OnInvalid::Skip, on_unknown, false).await
            })
            .await
            .unwrap();
        let (nora, ada) = (&result.rows[0], &result.rows[1]);
        assert_eq!((nora.outcome.as_str(), ada.outcome.as_str()), ("invalid", "added"));
        assert_eq!(nora.detail.as_deref(), Some(LITERAL));
        assert_eq!((result.added, result.invited), (1, 0));
    }
    let takes_in = async |user| {
        world
            .ask(user, async |ctx| {
                organizations::takes_in_caller(ctx, organization).await
            })
            .await
            .unwrap()
    };
    assert_eq!((takes_in(wolf).await, takes_in(root).await), (false, true));
    let of_anybody: i64 = world
        .one(&format!(
            "SELECT (SELECT count(*) FROM organization_members WHERE user_id = '{wolf}')
                + (SELECT count(*) FROM team_members m JOIN teams t ON t.id = m.team_id
                    WHERE user_id = '{wolf}' AND NOT t.is_system)"
        ))
        .await;
    assert_eq!(of_anybody, 0);
}

/// X17: nor are they given a right in the whole installation, or brought into an organization with a team.
#[tokio::test]
async fn x17_an_address_that_was_never_verified_gives_no_rights() {
    let scene = Scene::new().await;
    let (world, root) = (&scene.world, scene.root);
    let wolf = scene.signs_in("wolf", false).await.unwrap();
    let email = Email::parse(ADDRESS).unwrap();
    let create = async |super_admin: bool, organization: Option<(&'static str, OrgRole)>| {
        world
            .act(root, async |ctx| {
                identity::create(ctx, &email, None, super_admin, organization).await
            })
            .await
    };
    refused(create(true, None).await, "WRONG_STATE", LITERAL);
    refused(
        create(false, Some(("acme", OrgRole::OrgAdmin))).await,
        "WRONG_STATE",
        LITERAL,
    );
    assert_eq!(create(false, None).await.unwrap(), wolf, "nothing is given");
    for (super_admin, auditor) in [(true, false), (false, true)] {
        let patch = AccountPatchInput {
            super_admin: Some(super_admin),
            auditor: Some(auditor),
            ..AccountPatchInput::default()
        };
        refused(scene.patch(root, wolf, patch).await, "WRONG_STATE", LITERAL);
    }
    let team = world.team("Alone").await;
    world.join(team, wolf, TeamRole::Member).await;
    let moved = world
        .act(root, async |ctx| {
            teams::move_to(ctx, team, scene.organization, true).await
        })
        .await
        .unwrap();
    assert!(
        moved.obstacles.len() == 1
            && moved.obstacles[0]
                .message
                .starts_with("their addresses were never verified: nora@example.com. Confirm them"),
        "{moved:?}"
    );
}

/// X17: a super_admin settles whose an address is. What waited for it is theirs then, and so is a verified sign-in.
#[tokio::test]
async fn x17_a_super_admin_confirms_an_address() {
    let scene = Scene::new().await;
    let (world, root) = (&scene.world, scene.root);
    let email = Email::parse(ADDRESS).unwrap();
    world
        .act(scene.admin, async |ctx| {
            invitations::invite(ctx, scene.team, &email, TeamRole::Admin).await
        })
        .await
        .unwrap();
    let nora = scene.signs_in("first", false).await.unwrap();
    refused(
        scene.signs_in("second", true).await,
        "USER_NOT_AUTHORIZED",
        "An account with this email exists, opened by an identity whose email was never verified.",
    );
    let see = async || {
        world
            .ask(root, async |ctx| users::get(ctx, &UserRef::Id(nora)).await)
            .await
            .unwrap()
    };
    assert!(!see().await.email_verified);
    refused(
        scene.confirm(scene.admin, nora, true).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
    refused(
        scene.confirm(root, nora, false).await,
        "VALIDATION_ERROR",
        "email_verified: can only be set to true",
    );
    assert!(!see().await.email_verified);

    let page = scene.confirm(root, nora, true).await.unwrap();
    assert!(page.email_verified);
    assert_eq!(
        (
            page.teams[0].name.as_str(),
            page.teams[0].role,
            page.organizations.len()
        ),
        ("Backend", TeamRole::Admin, 1)
    );
    assert_eq!(world.one::<i64>("SELECT count(*) FROM team_invitations").await, 0);
    let change: Value = world
        .one(
            "SELECT json_build_array(actor, before -> 'email_verified', after -> 'email_verified')::jsonb
            FROM audit_entries WHERE action = 'user.update'",
        )
        .await;
    assert_eq!(change, json!(["root@example.com", false, true]));
    assert!(scene.confirm(root, nora, true).await.unwrap().email_verified);
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM audit_entries WHERE action = 'user.update'")
            .await,
        1,
        "what is settled is no change"
    );
    assert_eq!(scene.signs_in("second", true).await.unwrap(), nora);
    let alone = world.team("Alone").await;
    scene.add(root, alone, &UserRef::Id(nora)).await.expect("it is theirs");
}

/// X17: nobody doubts the address of an account that an admin made, or a verified sign-in.
#[tokio::test]
async fn x17_accounts_that_somebody_vouched_for_are_in_no_doubt() {
    let scene = Scene::new().await;
    let email = Email::parse(ADDRESS).unwrap();
    let nora = scene
        .world
        .act(scene.root, async |ctx| {
            identity::create(ctx, &email, None, false, None).await
        })
        .await
        .unwrap();
    scene
        .add(scene.admin, scene.team, &UserRef::Id(nora))
        .await
        .expect("made by an admin");
    assert_eq!(scene.signs_in("nora", true).await.unwrap(), nora);
    let page = scene.confirm(scene.root, nora, true).await.unwrap();
    assert!(page.email_verified);
    let alone = scene.world.team("Alone").await;
    scene
        .add(scene.root, alone, &UserRef::Id(nora))
        .await
        .expect("verified by the provider");
}

/// X17: many providers, Entra among them, never say whether an address is verified; their people are added like others.
#[tokio::test]
async fn x17_where_a_provider_says_nothing_of_the_address_people_are_added() {
    let scene = Scene::new().await;
    let claims = Claims {
        issuer: "https://id.example.com".to_owned(),
        subject: "quiet".to_owned(),
        email: Some(ADDRESS.to_owned()),
        email_verified: false,
        email_denied: false,
        preferred_username: None,
        name: None,
        directory_id: None,
    };
    let mut ctx = Ctx::system(&scene.world.backend, "sign-in", Method::System)
        .await
        .unwrap();
    let quiet = identity::resolve(&mut ctx, &claims).await.unwrap();
    ctx.commit().await.unwrap();
    scene
        .add(scene.admin, scene.team, &UserRef::Id(quiet))
        .await
        .expect("nobody says that it is not theirs");
    let page = scene
        .world
        .ask(scene.root, async |ctx| users::get(ctx, &UserRef::Id(quiet)).await)
        .await
        .unwrap();
    assert_eq!((page.email_verified, page.email_denied), (false, false));
    // To join an account that is there is another matter: that takes a verified address.
    assert!(scene.signs_in("second", true).await.is_err());
    assert!(scene.confirm(scene.root, quiet, true).await.unwrap().email_verified);
    assert_eq!(scene.signs_in("second", true).await.unwrap(), quiet);
}
