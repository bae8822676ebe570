//! Manifests, which are made whether or not somebody listens; and where something was declared.

use backend::{
    Code, kubernetes_door,
    kubernetes_door::{Address, NewKubeconfig},
    objects, tokens,
};
use chrono::TimeDelta;
use domain::{OrgRole, TeamId, TeamRole, TeamStatus, UserId};
use kubernetes::Kind;

use super::{House, membership, team, user};

impl House {
    /// As if the last listener had stopped a while ago.
    async fn nobody_listens(&self) {
        self.world
            .sql("UPDATE objects_state SET in_use_until = now() - interval '1 minute'")
            .await;
    }

    async fn manifest(&self, user: UserId, team: TeamId) -> backend::Result<String> {
        let mut ctx = self.ctx(user).await;
        objects::team_manifest(&mut ctx, team).await
    }

    async fn export(&self, user: UserId) -> String {
        let mut ctx = self.ctx(user).await;
        kubernetes::manifest::print(&objects::export(&mut ctx, "acme").await.unwrap())
    }
}

/// Kinds and names, in order.
fn names(text: &str) -> Vec<(Kind, String)> {
    let entries = kubernetes::manifest::read(text, "test").unwrap();
    let name = |entry: kubernetes::manifest::Entry| {
        let kind = Kind::from_name(entry.value["kind"].as_str().unwrap()).unwrap();
        assert_eq!(entry.value["metadata"]["namespace"], "acme");
        (kind, entry.value["metadata"]["name"].as_str().unwrap().to_owned())
    };
    entries.into_iter().map(name).collect()
}

fn named(list: &[(Kind, &str)]) -> Vec<(Kind, String)> {
    list.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect()
}

#[tokio::test]
async fn a_manifest_is_the_same_whether_or_not_somebody_listens() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    house
        .create(house.root, membership("alice", "ai-team", "user"))
        .await
        .unwrap();
    house.nobody_listens().await;
    // Nothing is noted of these.
    let late = house.world.team_in(house.acme, "late").await;
    let carl = house.world.member(late, "carl", TeamRole::Admin).await;
    house.world.give(house.acme, carl, OrgRole::OrgMember).await;
    let alice: UserId = house
        .world
        .one::<uuid::Uuid>("SELECT id FROM users WHERE email = 'alice@example.com'")
        .await
        .into();
    house.world.join(late, alice, TeamRole::Member).await;
    let kept: i64 = house.world.one("SELECT count(*) FROM objects").await;

    let off = (
        house.manifest(house.root, late).await.unwrap(),
        house.export(house.root).await,
    );
    assert_eq!(
        names(&off.0),
        named(&[
            (Kind::Team, "late"),
            (Kind::User, "alice"),
            (Kind::User, "carl"),
            (Kind::TeamMemberAssociation, "alice-late"),
            (Kind::TeamMemberAssociation, "carl-late"),
        ])
    );
    assert!(off.1.contains("role: user\n"), "what somebody wrote stays: {}", off.1);
    assert!(!off.1.contains("status:") && !off.1.contains("uid:"));
    let after: i64 = house.world.one("SELECT count(*) FROM objects").await;
    assert_eq!(after, kept, "nothing is kept of it");

    objects::begin(&house.world.backend).await.unwrap();
    let on = (
        house.manifest(house.root, late).await.unwrap(),
        house.export(house.root).await,
    );
    assert_eq!(on, off);
}

#[tokio::test]
async fn people_whose_addresses_begin_alike_have_the_names_that_objects_would_have() {
    let house = House::new().await;
    house.nobody_listens().await;
    let ops = house.world.team_in(house.acme, "ops").await;
    let first = house.world.member(ops, "ann", TeamRole::Admin).await;
    let second = house.world.user("second").await;
    house
        .world
        .sql(&format!(
            "UPDATE users SET email = 'ann@other.example' WHERE id = '{second}'"
        ))
        .await;
    for person in [first, second] {
        house.world.give(house.acme, person, OrgRole::OrgMember).await;
    }
    let other = house.world.team_in(house.acme, "other").await;
    house.world.join(other, second, TeamRole::Member).await;
    let text = house.manifest(house.root, other).await.unwrap();
    assert!(text.contains("userRef:\n    name: ann-2\n"), "{text}");
    let off = (names(&text), names(&house.export(house.root).await));
    assert_eq!(off.0[1], (Kind::User, "ann-2".to_owned()));

    objects::begin(&house.world.backend).await.unwrap();
    let text = house.manifest(house.root, other).await.unwrap();
    assert!(text.contains("userRef:\n    name: ann-2\n"), "{text}");
    let on = (names(&text), names(&house.export(house.root).await));
    assert_eq!(on, off);
}

#[tokio::test]
async fn p_a_manifest_shows_what_its_reader_sees() {
    let house = House::new().await;
    let ops = house.world.team_in(house.acme, "ops").await;
    let max = house.world.member(ops, "max", TeamRole::Member).await;
    let tess = house.world.member(ops, "tess", TeamRole::Admin).await;
    let nora = house.world.user("nora").await;
    for person in [max, tess, nora] {
        house.world.give(house.acme, person, OrgRole::OrgMember).await;
    }
    let whole = house.manifest(house.olga, ops).await.unwrap();
    assert_eq!(names(&whole).len(), 5, "{whole}");
    for (who, own) in [(max, "max"), (tess, "tess")] {
        let seen = names(&house.manifest(who, ops).await.unwrap());
        assert_eq!(
            seen,
            named(&[
                (Kind::Team, "ops"),
                (Kind::User, own),
                (Kind::TeamMemberAssociation, "max-ops"),
                (Kind::TeamMemberAssociation, "tess-ops"),
            ])
        );
    }
    let refused = house.manifest(nora, ops).await.unwrap_err();
    assert_eq!(refused.code(), Code::Forbidden);
    // And of the organization everybody in it what they see.
    assert_eq!(names(&house.export(nora).await), named(&[(Kind::User, "nora")]));
    let mut ctx = house.ctx(max).await;
    let key = house.acme.into();
    let (slug, text) = objects::organization_manifest(&mut ctx, &key).await.unwrap();
    assert_eq!((slug.as_str(), names(&text).len()), ("acme", 4));
    drop(ctx);

    house.world.set_status(ops, TeamStatus::Inactive).await;
    let refused = house.manifest(max, ops).await.unwrap_err();
    assert_eq!(refused.code(), Code::TeamInactive);
    assert!(house.manifest(house.olga, ops).await.unwrap().contains("blocked: true"));
}

#[tokio::test]
async fn what_was_declared_is_known_in_one_look() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    house
        .create(house.root, membership("alice", "ai-team", "admin"))
        .await
        .unwrap();
    let team: TeamId = house
        .world
        .one::<uuid::Uuid>("SELECT id FROM teams WHERE slug = 'ai-team'")
        .await
        .into();
    let by_hand = house.world.member(team, "carl", TeamRole::Member).await;
    let other = house.world.team_in(house.acme, "by-hand").await;
    let alice: UserId = house
        .world
        .one::<uuid::Uuid>("SELECT id FROM users WHERE email = 'alice@example.com'")
        .await
        .into();

    let mut ctx = house.ctx(house.root).await;
    let source = objects::team_source(&mut ctx, team).await.unwrap().unwrap();
    assert_eq!(
        (source.namespace.as_str(), source.name.as_str(), source.manager.as_str()),
        ("acme", "ai-team", "kubectl-client-side-apply")
    );
    assert!(objects::team_source(&mut ctx, other).await.unwrap().is_none());
    let declared = objects::declared_members(&mut ctx, team, &[alice, by_hand])
        .await
        .unwrap();
    assert_eq!(declared.keys().collect::<Vec<_>>(), [&alice]);
    assert_eq!(declared[&alice].name, "alice-ai-team");
    let none = objects::declared_members(&mut ctx, team, &[by_hand]).await.unwrap();
    assert!(none.is_empty(), "only of those who are asked for");
}

#[tokio::test]
async fn a_kubeconfig_is_made_while_somebody_listens_and_its_token_is_the_makers() {
    let house = House::new().await;
    let new = NewKubeconfig {
        lifetime: TimeDelta::days(30),
        namespace: Some("acme".to_owned()),
    };
    let mut ctx = house.ctx(house.olga).await;
    // Somebody listened, and nobody knows where.
    let refused = kubernetes_door::create(&mut ctx, &new).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotConfigured);
    let address = Address {
        server: "https://guildhall.example:6443".to_owned(),
        authority: Some("PEM".to_owned()),
    };
    kubernetes_door::announce(&mut ctx, &address).await.unwrap();
    let text = kubernetes_door::create(&mut ctx, &new).await.unwrap();
    for part in [
        "server: \"https://guildhall.example:6443\"",
        "namespace: \"acme\"",
        "user: \"olga@example.com\"",
        &format!("token: \"{}", tokens::PREFIX),
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let mine = tokens::list(&mut ctx).await.unwrap();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0].name, "kubeconfig");
    // PostgreSQL keeps microseconds.
    let end = (ctx.now + TimeDelta::days(30)).timestamp_millis();
    assert_eq!(mine[0].expires_at.unwrap().timestamp_millis(), end);
    let elsewhere = NewKubeconfig {
        namespace: Some("elsewhere".to_owned()),
        ..new.clone()
    };
    let refused = kubernetes_door::create(&mut ctx, &elsewhere).await.unwrap_err();
    assert!(matches!(refused, backend::Error::Invalid(fields) if fields[0].field == "namespace"));
    ctx.commit().await.unwrap();

    house.nobody_listens().await;
    let mut ctx = house.ctx(house.olga).await;
    assert_eq!(kubernetes_door::offered(&mut ctx).await.unwrap(), None);
    let refused = kubernetes_door::create(&mut ctx, &new).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotConfigured);
}
