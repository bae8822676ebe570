//! Invitations: memberships that wait for an account (SPEC D3, X10).

use std::time::Duration;

use backend::{
    Ctx, Method, Result, identity,
    identity::Claims,
    members::{
        self, BulkInput, OnInvalid, OnUnknown,
        invitations::{self, InvitationQuery},
    },
};
use domain::{Email, OrgRole, OrganizationId, TeamId, TeamRole, TeamStatus, UserId, UserRef, views::Invitation};

use crate::common::{World, refused};

/// An organization that owns example.com, with a team.
struct Scene {
    world: World,
    organization: OrganizationId,
    team: TeamId,
    org_admin: UserId,
    admin: UserId,
    member: UserId,
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
        let org_admin = world.user("olga").await;
        world.give(organization, org_admin, OrgRole::OrgAdmin).await;
        Self {
            admin: world.member(team, "tess", TeamRole::Admin).await,
            member: world.member(team, "max", TeamRole::Member).await,
            org_admin,
            organization,
            team,
            world,
        }
    }

    async fn invite(&self, who: UserId, email: &str, role: TeamRole) -> Result<Invitation> {
        let email = Email::parse(email).expect("an address");
        self.world
            .act(who, async |ctx| invitations::invite(ctx, self.team, &email, role).await)
            .await
    }

    async fn invitations(&self) -> Vec<String> {
        let list = self
            .world
            .ask(self.admin, async |ctx| {
                invitations::list(ctx, self.team, &InvitationQuery::default()).await
            })
            .await
            .expect("a list");
        assert_eq!(usize::try_from(list.total).unwrap(), list.items.len());
        let mut lines: Vec<_> = (list.items.into_iter())
            .map(|one| format!("{} {} {}", one.email, one.role, one.invited_by.unwrap_or_default()))
            .collect();
        lines.sort();
        lines
    }

    async fn signs_in(&self, email: &str, email_verified: bool) -> Result<UserId> {
        let (ctx, user) = self.signing_in(email, email_verified).await?;
        ctx.commit().await?;
        Ok(user)
    }

    /// A sign-in that is under way.
    async fn signing_in(&self, email: &str, email_verified: bool) -> Result<(Ctx, UserId)> {
        let claims = Claims {
            issuer: "https://id.example.com".to_owned(),
            subject: email.to_owned(),
            email: Some(email.to_owned()),
            email_verified,
            email_denied: !email_verified,
            preferred_username: None,
            name: None,
            directory_id: None,
        };
        let mut ctx = Ctx::system(&self.world.backend, "sign-in", Method::System).await?;
        let user = identity::resolve(&mut ctx, &claims).await?;
        Ok((ctx, user))
    }

    /// Role, source and who added somebody; none for who is no member.
    async fn membership(&self, user: UserId) -> Option<String> {
        let found = self
            .world
            .ask(self.admin, async |ctx| {
                members::find(ctx, self.team, &UserRef::Id(user)).await
            })
            .await;
        let member = found.ok()?;
        let by = member.added_by.unwrap_or_default();
        Some(format!("{} {} {by}", member.role, member.source.as_str()))
    }

    async fn actions(&self) -> Vec<String> {
        let sql =
            "SELECT string_agg(actor || ' ' || action || ' ' || target, E'\\n' ORDER BY at, id) FROM audit_entries
            WHERE action LIKE 'invitation.%' OR action = 'member.add' AND after ->> 'source' = 'invitation'";
        let text: Option<String> = self.world.one(sql).await;
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn an_invited_address_joins_with_its_first_verified_sign_in() {
    let scene = Scene::new().await;
    let first = scene
        .invite(scene.admin, "Nora@Example.com", TeamRole::Member)
        .await
        .unwrap();
    assert_eq!((first.expires_at - first.invited_at).num_days(), 30);
    let again = scene
        .invite(scene.org_admin, "nora@example.com", TeamRole::Admin)
        .await
        .unwrap();
    assert_eq!(again.id, first.id, "one to an address");
    assert_eq!(scene.invitations().await, ["nora@example.com admin olga@example.com"]);
    let nora = scene.signs_in("nora@example.com", true).await.unwrap();
    assert_eq!(
        scene.membership(nora).await.as_deref(),
        Some("admin invitation olga@example.com")
    );
    let organization: String = scene
        .world
        .one(&format!(
            "SELECT role FROM organization_members WHERE user_id = '{nora}'"
        ))
        .await;
    assert_eq!(organization, "org_member");
    assert!(scene.invitations().await.is_empty());
    assert_eq!(
        scene.actions().await,
        [
            "tess@example.com invitation.create nora@example.com",
            "olga@example.com invitation.create nora@example.com",
            "sign-in member.add nora@example.com",
        ]
    );
}

/// D3 as a race: an invitation and the first sign-in of its address take turns, so that none is left beside an account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_and_a_first_sign_in_take_turns() {
    let scene = Scene::new().await;
    let a_moment = || tokio::time::sleep(Duration::from_millis(300));

    let (signing, _) = scene.signing_in("nora@example.com", true).await.unwrap();
    let inviting = scene.invite(scene.admin, "nora@example.com", TeamRole::Member);
    let (invited, ()) = tokio::join!(inviting, async {
        a_moment().await;
        signing.commit().await.unwrap();
    });
    let literal = "User nora@example.com has an account: add them as a member";
    refused(invited, "WRONG_STATE", literal);

    // Of a list, whether it is locked by each address or, being long, by all.
    for (first, more) in [("otto", 0), ("pia", 150)] {
        let others = (0..more).map(|n| format!("{first}{n}@example.com"));
        let rows: Vec<BulkInput> = std::iter::once(format!("{first}@example.com"))
            .chain(others)
            .map(|user| BulkInput { user, role: None })
            .collect();
        let (signing, user) = scene.signing_in(&rows[0].user, true).await.unwrap();
        let adding = scene.world.act(scene.admin, async |ctx| {
            members::add_many(ctx, scene.team, &rows, OnInvalid::Abort, OnUnknown::Invite, false).await
        });
        let (added, ()) = tokio::join!(adding, async {
            a_moment().await;
            signing.commit().await.unwrap();
        });
        let added = added.unwrap();
        assert_eq!((added.added, added.invited), (1, more), "{first}");
        assert_eq!(
            scene.membership(user).await.as_deref(),
            Some("member bulk tess@example.com")
        );
    }

    // The other way around: the account waits, and finds the invitation.
    let mut inviting = scene.world.write(scene.admin).await;
    let ruth = Email::parse("ruth@example.com").unwrap();
    invitations::invite(&mut inviting, scene.team, &ruth, TeamRole::Admin)
        .await
        .unwrap();
    let (signed_in, ()) = tokio::join!(scene.signs_in("ruth@example.com", true), async {
        a_moment().await;
        inviting.commit().await.unwrap();
    });
    assert_eq!(
        scene.membership(signed_in.unwrap()).await.as_deref(),
        Some("admin invitation tess@example.com")
    );
}

/// X17: whoever only says that an address is theirs gets nothing that waits for it.
#[tokio::test]
async fn an_unverified_address_joins_nothing() {
    let scene = Scene::new().await;
    scene
        .invite(scene.admin, "nora@example.com", TeamRole::Admin)
        .await
        .unwrap();
    let wolf = scene.signs_in("nora@example.com", false).await.unwrap();
    assert_eq!(scene.membership(wolf).await, None);
    assert_eq!(scene.invitations().await.len(), 1);
}

#[tokio::test]
async fn an_account_that_a_super_admin_makes_joins_too() {
    let scene = Scene::new().await;
    let root = scene.world.super_admin().await;
    scene
        .invite(scene.admin, "nora@example.com", TeamRole::Member)
        .await
        .unwrap();
    let email = Email::parse("nora@example.com").unwrap();
    let nora = scene
        .world
        .act(root, async |ctx| identity::create(ctx, &email, None, false, None).await)
        .await
        .unwrap();
    assert_eq!(
        scene.membership(nora).await.as_deref(),
        Some("member invitation tess@example.com")
    );
}

#[tokio::test]
async fn who_is_invited_and_by_whom() {
    let scene = Scene::new().await;
    let stranger = scene.world.user("nina").await;
    for who in [scene.member, stranger] {
        refused(
            scene.invite(who, "nora@example.com", TeamRole::Member).await,
            "FORBIDDEN",
            "",
        );
        let list = (scene.world)
            .ask(who, async |ctx| {
                invitations::list(ctx, scene.team, &InvitationQuery::default()).await
            })
            .await;
        refused(list, "FORBIDDEN", "");
    }
    refused(
        scene
            .invite(scene.admin, "nora@elsewhere.example", TeamRole::Member)
            .await,
        "FOREIGN_EMAIL_DOMAIN",
        "User nora@elsewhere.example is not in this organization's email domains (example.com)",
    );
    refused(
        scene.invite(scene.admin, "nina@example.com", TeamRole::Member).await,
        "WRONG_STATE",
        "User nina@example.com has an account: add them as a member",
    );
    scene.world.set_status(scene.team, TeamStatus::Archived).await;
    refused(
        scene
            .invite(scene.org_admin, "nora@example.com", TeamRole::Member)
            .await,
        "WRONG_STATE",
        "",
    );
}

/// D3: in a list, those without an account are invited, if that is asked for.
#[tokio::test]
async fn d3_a_list_adds_some_and_invites_others() {
    let scene = Scene::new().await;
    let nina = scene.world.user("nina").await;
    let rows: Vec<BulkInput> = [
        ("nina@example.com", None),
        ("nora@example.com", None),
        ("NORA@example.com", None),
        ("otto@example.com", Some("admin")),
        ("otto@example.com", None),
        ("pia@elsewhere.example", None),
        ("01890a5d-ac96-774b-bcce-b302099a8057", None),
        ("max@example.com", None),
    ]
    .into_iter()
    .map(|(user, role): (&str, Option<&str>)| BulkInput {
        user: user.to_owned(),
        role: role.map(str::to_owned),
    })
    .collect();
    let add = async |on_unknown, on_invalid, dry_run| {
        (scene.world)
            .act(scene.admin, async |ctx| {
                members::add_many(ctx, scene.team, &rows, on_invalid, on_unknown, dry_run).await
            })
            .await
            .unwrap()
    };
    let words = |result: &domain::views::BulkResult| -> Vec<&str> {
        result.rows.iter().map(|row| row.outcome.as_str()).collect()
    };
    let strict = add(OnUnknown::Refuse, OnInvalid::Skip, true).await;
    assert_eq!(
        words(&strict),
        [
            "added", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "exists"
        ]
    );
    assert_eq!((strict.added, strict.invited), (1, 0));
    let abort = add(OnUnknown::Invite, OnInvalid::Abort, false).await;
    assert_eq!((abort.added, abort.invited), (0, 0));
    assert!(scene.invitations().await.is_empty(), "one bad row keeps all out");
    let done = add(OnUnknown::Invite, OnInvalid::Skip, false).await;
    assert_eq!(
        words(&done),
        [
            "added", "invited", "exists", "invited", "invalid", "invalid", "invalid", "exists"
        ]
    );
    assert_eq!((done.added, done.invited), (1, 2));
    assert_eq!(
        scene.invitations().await,
        [
            "nora@example.com member tess@example.com",
            "otto@example.com admin tess@example.com"
        ]
    );
    assert!(scene.membership(nina).await.is_some());
    // The same list again changes nothing but the days.
    add(OnUnknown::Invite, OnInvalid::Skip, false).await;
    assert_eq!(scene.invitations().await.len(), 2);
}

#[tokio::test]
async fn an_invitation_ends_and_is_withdrawn() {
    let scene = Scene::new().await;
    let nora = scene
        .invite(scene.admin, "nora@example.com", TeamRole::Member)
        .await
        .unwrap();
    scene
        .invite(scene.admin, "otto@example.com", TeamRole::Member)
        .await
        .unwrap();
    let withdraw = async || {
        (scene.world)
            .act(scene.org_admin, async |ctx| {
                invitations::withdraw(ctx, scene.team, nora.id).await
            })
            .await
    };
    withdraw().await.unwrap();
    refused(
        withdraw().await,
        "NOT_FOUND",
        &format!("Invitation not found: {}", nora.id),
    );
    scene
        .world
        .sql("UPDATE team_invitations SET expires_at = now() - interval '1 second'")
        .await;
    assert!(scene.invitations().await.is_empty(), "what is over is not shown");
    let otto = scene.signs_in("otto@example.com", true).await.unwrap();
    assert_eq!(scene.membership(otto).await, None, "nor does it let anybody in");
    scene
        .invite(scene.admin, "pia@example.com", TeamRole::Member)
        .await
        .unwrap();
    scene
        .world
        .sql("UPDATE team_invitations SET expires_at = now() - interval '1 second'")
        .await;
    assert_eq!(invitations::end_overdue(&scene.world.backend).await.unwrap(), 1);
    let said = scene.actions().await;
    assert_eq!(said.last().unwrap(), "invitation invitation.end pia@example.com");
    assert!(said.contains(&"olga@example.com invitation.withdraw nora@example.com".to_owned()));
}

/// X10: what the organization no longer admits ends, and keeps nobody from signing in.
#[tokio::test]
async fn x10_the_organizations_domains_decide_when_the_person_comes() {
    let scene = Scene::new().await;
    scene
        .invite(scene.admin, "nora@example.com", TeamRole::Member)
        .await
        .unwrap();
    scene
        .world
        .sql(&format!(
            "UPDATE organization_domains SET domain = 'other.example' WHERE organization_id = '{}'",
            scene.organization
        ))
        .await;
    let nora = scene.signs_in("nora@example.com", true).await.unwrap();
    assert_eq!(scene.membership(nora).await, None);
    assert_eq!(
        scene.actions().await.last().unwrap(),
        "sign-in invitation.end nora@example.com"
    );
}
