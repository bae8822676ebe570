//! What becomes of a review's lines: by hand and by the clock, with the rules of each removal.

use backend::{
    access_reviews::{self, Report},
    members, organizations,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{LineOutcome, OrgRole, ReviewId, ReviewState, TeamRole, UserRef};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Scene, of_organization};
use crate::common::refused;

impl Scene {
    /// Lets a review be due, and does what a process does beside requests.
    async fn due(&self, review: ReviewId) {
        self.world
            .sql(&format!(
                "UPDATE access_reviews SET due_at = now() - interval '1 second' WHERE id = '{review}'"
            ))
            .await;
        access_reviews::work(&self.world.backend).await.expect("a round");
    }

    async fn outcome(&self, review: ReviewId, what: &str) -> (LineOutcome, String) {
        let line = self.line(review, what).await;
        (
            line.outcome.expect("an outcome"),
            line.outcome_detail.unwrap_or_default(),
        )
    }

    async fn report(&self, review: ReviewId) -> Report {
        self.world
            .ask(self.root, async |ctx| access_reviews::report(ctx, review).await)
            .await
            .expect("a report")
    }
}

#[tokio::test]
async fn access_review_what_silence_means_is_chosen_at_the_start() {
    let scene = Scene::new().await;
    let keep = scene.of_team("keep").await.review.id;
    scene.due(keep).await;
    let page = scene.get(scene.admin, keep).await.unwrap();
    assert_eq!(page.review.state, ReviewState::Closed);
    assert_eq!((page.review.keep, page.review.remove), (3, 0));
    assert_eq!(page.review.ended_by.as_deref(), Some("the due date"));
    assert!(scene.is_member(scene.team, scene.member).await);

    let remove = scene.of_team("remove").await.review.id;
    scene.decided(scene.org_admin, remove, &["tess"], "keep").await;
    scene.due(remove).await;
    let page = scene.get(scene.admin, remove).await.unwrap();
    assert_eq!((page.review.keep, page.review.remove), (1, 2));
    assert!(!scene.is_member(scene.team, scene.member).await);
    assert!(scene.is_member(scene.team, scene.admin).await);
    let services: i64 = scene.world.one("SELECT count(*) FROM team_services").await;
    assert_eq!(services, 0);
    let line = scene.line(remove, "max").await;
    assert!(line.by_silence && line.decider.is_none());
    assert_eq!(line.outcome, Some(LineOutcome::Removed));
    let actor: String = scene
        .world
        .one("SELECT actor FROM audit_entries WHERE action = 'member.remove'")
        .await;
    assert_eq!(actor, "access review, decided by nobody");
    refused(
        scene.decide(scene.admin, remove, &["max"], "keep").await,
        "WRONG_STATE",
        "The review is closed, by the due date",
    );
}

/// SPEC D5: the guards hold, and one refusal stops no others.
#[tokio::test]
async fn d5_a_review_removes_no_last_admin() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let idle = world.user("ida").await;
    world.give(scene.organization, idle, OrgRole::OrgMember).await;
    let review = scene.of_organization("keep").await.review.id;
    let all = ["tess", "max", "llm", "otto", "audrey", "ida"];
    scene.decided(scene.org_admin, review, &all, "remove").await;
    scene.decided(scene.root, review, &["olga"], "remove").await;
    refused(scene.close(scene.admin, review).await, "FORBIDDEN", "");
    let page = scene.close(scene.org_admin, review).await.unwrap();
    assert_eq!(page.review.state, ReviewState::Closing);
    refused(
        scene.close(scene.org_admin, review).await,
        "WRONG_STATE",
        "The review is closing, by olga@example.com",
    );
    access_reviews::settle(&world.backend, review).await.unwrap();
    assert_eq!(
        scene.get(scene.root, review).await.unwrap().review.state,
        ReviewState::Closed
    );
    for what in ["tess", "otto"] {
        let (outcome, detail) = scene.outcome(review, what).await;
        assert_eq!(outcome, LineOutcome::Refused);
        assert!(detail.starts_with("Cannot remove last team admin"), "{detail}");
    }
    let (outcome, detail) = scene.outcome(review, "olga").await;
    assert_eq!(outcome, LineOutcome::Refused);
    assert!(detail.starts_with("Cannot remove last organization admin"), "{detail}");
    for what in ["max", "llm", "audrey", "ida"] {
        assert_eq!(scene.outcome(review, what).await.0, LineOutcome::Removed, "{what}");
    }
    // An auditor's role was taken; who had none in the organization has left it.
    let roles: Vec<String> = world
        .all(&format!(
            "SELECT role FROM organization_members WHERE organization_id = '{}' ORDER BY role",
            scene.organization
        ))
        .await;
    assert_eq!(roles, ["org_admin", "org_member"]);
    let actor: String = world
        .one("SELECT actor FROM audit_entries WHERE action = 'member.remove'")
        .await;
    assert_eq!(actor, "access review, decided by olga@example.com");
}

#[tokio::test]
async fn access_review_with_another_org_admin_takes_the_role() {
    let scene = Scene::new().await;
    let second = scene.world.user("oscar").await;
    scene.world.give(scene.organization, second, OrgRole::OrgAdmin).await;
    let review = scene.of_organization("keep").await.review.id;
    scene.decided(scene.org_admin, review, &["oscar"], "remove").await;
    scene.due(review).await;
    let (outcome, detail) = scene.outcome(review, "oscar").await;
    assert_eq!((outcome, detail.as_str()), (LineOutcome::Removed, "Is org_member now"));
}

/// Only what was looked at is removed.
#[tokio::test]
async fn access_review_what_changed_meanwhile_stays() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let (team, user) = (scene.team, UserRef::Id(scene.member));
    let gone = world.member(team, "greta", TeamRole::Member).await;
    let idle = world.user("ida").await;
    world.give(scene.organization, idle, OrgRole::OrgMember).await;
    let review = scene.of_organization("keep").await.review.id;
    let what = ["max", "greta", "audrey", "ida", "llm"];
    scene.decided(scene.org_admin, review, &what, "remove").await;
    // Max leaves and comes back, Greta leaves, Audrey becomes a member, Ida joins a team, the service gets another reason.
    world
        .act(scene.admin, async |ctx| {
            members::remove(ctx, team, &user).await?;
            members::remove(ctx, team, &UserRef::Id(gone)).await
        })
        .await
        .unwrap();
    let key = scene.organization.into();
    world
        .act(scene.org_admin, async |ctx| {
            members::add(ctx, team, &user, TeamRole::Member).await?;
            let audrey = UserRef::Id(scene.auditor);
            organizations::people::change_role(ctx, &key, &audrey, OrgRole::OrgMember).await
        })
        .await
        .unwrap();
    world.join(scene.other, idle, TeamRole::Member).await;
    world
        .sql("UPDATE team_services SET reason = 'another', allowed_at = now()")
        .await;
    scene.due(review).await;
    for (what, words) in [
        ("max", "Had left, and was added again on "),
        ("greta", "Had left the team already"),
        ("audrey", "Is org_member now"),
        ("ida", "Has joined a team"),
        ("llm", "Was allowed anew on "),
    ] {
        let (outcome, detail) = scene.outcome(review, what).await;
        assert_eq!(outcome, LineOutcome::Gone, "{what}: {detail}");
        assert!(detail.starts_with(words), "{detail}");
    }
    assert!(scene.is_member(team, scene.member).await);
}

/// Any number of processes close what is due: each line is removed once, and there is one report.
#[tokio::test]
async fn access_review_is_closed_once_by_several_processes() {
    let scene = Scene::new().await;
    let world = &scene.world;
    for n in 0..30 {
        world.member(scene.team, &format!("p{n}"), TeamRole::Member).await;
    }
    let review = scene.of_team("remove").await.review.id;
    scene.decided(scene.org_admin, review, &["tess"], "keep").await;
    world
        .sql(&format!(
            "UPDATE access_reviews SET due_at = now() - interval '1 second' WHERE id = '{review}'"
        ))
        .await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let backend = world.backend.clone();
        running.spawn(async move { access_reviews::work(&backend).await });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap().expect("a round");
    }
    access_reviews::work(&world.backend).await.unwrap();
    let page = scene.get(scene.admin, review).await.unwrap();
    assert_eq!(page.review.state, ReviewState::Closed);
    assert_eq!(page.counts.iter().map(|counts| counts.removed).sum::<i64>(), 32);
    for (action, times) in [
        ("access_review.close", 1),
        ("access_review.report", 1),
        ("member.remove", 31),
        ("team.services", 1),
    ] {
        let found: i64 = world
            .one(&format!("SELECT count(*) FROM audit_entries WHERE action = '{action}'"))
            .await;
        assert_eq!(found, times, "{action}");
    }
}

#[tokio::test]
async fn access_review_cancelled_removes_nothing() {
    let scene = Scene::new().await;
    let review = scene.of_team("remove").await.review.id;
    scene.decided(scene.admin, review, &["max"], "remove").await;
    let world = &scene.world;
    let cancel = async |who| {
        world
            .act(who, async |ctx| access_reviews::cancel(ctx, review).await)
            .await
    };
    refused(cancel(scene.auditor).await, "FORBIDDEN", "");
    assert_eq!(cancel(scene.admin).await.unwrap().review.state, ReviewState::Cancelled);
    refused(
        cancel(scene.admin).await,
        "WRONG_STATE",
        "The review is cancelled, by tess@example.com",
    );
    scene.due(review).await;
    assert!(scene.is_member(scene.team, scene.member).await);
    let report = world
        .ask(scene.admin, async |ctx| access_reviews::report(ctx, review).await)
        .await;
    refused(report, "WRONG_STATE", "The review is cancelled");
}

/// The file's digest and the numbers are signed, by a key that stays known.
#[tokio::test]
async fn access_review_report_is_signed_and_stays() {
    let scene = Scene::new().await;
    let world = &scene.world;
    world
        .sql(&format!(
            "UPDATE users SET display_name = '=cmd(\"x\"), y' WHERE id = '{}'",
            scene.member
        ))
        .await;
    let review = scene
        .start(scene.org_admin, of_organization(scene.organization, "keep"))
        .await
        .unwrap()
        .review
        .id;
    scene.decided(scene.admin, review, &["max"], "remove").await;
    let early = world
        .ask(scene.root, async |ctx| access_reviews::report(ctx, review).await)
        .await;
    refused(early, "WRONG_STATE", "The review is open");
    scene.due(review).await;
    let part = world
        .ask(scene.admin, async |ctx| access_reviews::report(ctx, review).await)
        .await;
    refused(part, "FORBIDDEN", "Insufficient permissions");

    let report = scene.report(review).await;
    let text = String::from_utf8(report.csv.clone()).unwrap();
    assert_eq!(text.lines().count(), 7, "{text}");
    let max = text.lines().find(|line| line.contains("max@example.com")).unwrap();
    assert!(max.contains(r#","'=cmd(""x""), y","#), "{max}");
    assert!(max.contains(",never,0,never,never,remove,tess@example.com,"), "{max}");
    assert!(max.contains(",left the project,removed,"), "{max}");

    let keys = world
        .ask(scene.member, async |ctx| access_reviews::public_keys(ctx).await)
        .await
        .unwrap();
    let mut parts = report.jws.split('.');
    let (header, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let read = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let header = (read(header), header);
    assert_eq!(header.0["typ"], "guildhall-access-review+jws");
    let key = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == header.0["kid"])
        .unwrap();
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    UnparsedPublicKey::new(&ED25519, public)
        .verify(
            format!("{}.{payload}", header.1).as_bytes(),
            &URL_SAFE_NO_PAD.decode(signature).unwrap(),
        )
        .expect("a good signature");
    let statement = read(payload);
    assert_eq!(statement, report.statement);
    assert_eq!(statement["sha256"], hex::encode(Sha256::digest(&report.csv)));
    assert_eq!(
        (&statement["lines"], &statement["removed"], &statement["kept"]),
        (&6.into(), &1.into(), &5.into())
    );

    // Names, and even people, change; the report does not.
    world.sql("UPDATE users SET email = 'x-' || email").await;
    assert_eq!(scene.report(review).await, report);
    let changed = sqlx::query("UPDATE access_review_reports SET csv = ''")
        .execute(&world.pool)
        .await;
    assert!(changed.unwrap_err().to_string().contains("never changed"));
}

#[tokio::test]
async fn access_review_reminds_a_week_and_a_day_before() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let review = scene.of_team("keep").await.review.id;
    let reminded = async || -> bool {
        access_reviews::work(&world.backend).await.unwrap();
        let sql = format!(
            "SELECT auto_reminded_at > now() - interval '1 minute' AND true FROM access_reviews WHERE id = '{review}'"
        );
        world.one::<Option<bool>>(&sql).await.unwrap_or(false)
    };
    let later = async |due: &str, last: &str| {
        world
            .sql(&format!(
                "UPDATE access_reviews SET created_at = now() - interval '30 days', due_at = now() + interval '{due}',
                    auto_reminded_at = {last} WHERE id = '{review}'"
            ))
            .await;
    };
    assert!(!reminded().await, "two weeks before");
    later("6 days", "NULL").await;
    assert!(reminded().await, "a week before");
    later("5 days", "now() - interval '1 day'").await;
    assert!(!reminded().await, "once");
    later("20 hours", "now() - interval '6 days'").await;
    assert!(reminded().await, "a day before");
    later("2 hours", "now() - interval '18 hours'").await;
    assert!(!reminded().await, "once");
    // By hand, at any time.
    let remind = async |who| {
        world
            .act(who, async |ctx| access_reviews::remind(ctx, review).await)
            .await
    };
    refused(remind(scene.auditor).await, "FORBIDDEN", "");
    let page = remind(scene.org_admin).await.unwrap();
    assert_eq!(page.review.reminded_by.as_deref(), Some("olga@example.com"));
    // A review with nothing left to decide reminds nobody.
    scene
        .decided(scene.org_admin, review, &["tess", "max", "llm"], "keep")
        .await;
    later("6 days", "NULL").await;
    assert!(!reminded().await);
}
