//! Access reviews: who runs them, who decides which line, what is written down at the start, and what becomes of it.

mod closing;
mod size;

use backend::{
    Result,
    access_reviews::{self, DecideInput, LineQuery, NewReviewInput, ReviewQuery},
    batch::Outcome,
    waiting,
};
use domain::{
    LineKind, OrgRole, OrganizationId, ReviewDecision, ReviewId, TeamId, TeamRole, UserId,
    views::{ReviewLine, ReviewPage},
};
use uuid::Uuid;

use crate::common::{World, refusal, refused};

/// An organization with two teams, a service, and one of each person.
struct Scene {
    world: World,
    organization: OrganizationId,
    team: TeamId,
    other: TeamId,
    root: UserId,
    org_admin: UserId,
    admin: UserId,
    member: UserId,
    auditor: UserId,
    other_admin: UserId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend").await;
        let other = world.team_in(organization, "Search").await;
        let org_admin = world.user("olga").await;
        world.give(organization, org_admin, OrgRole::OrgAdmin).await;
        let auditor = world.user("audrey").await;
        world.give(organization, auditor, OrgRole::Auditor).await;
        let admin = world.member(team, "tess", TeamRole::Admin).await;
        let member = world.member(team, "max", TeamRole::Member).await;
        let other_admin = world.member(other, "otto", TeamRole::Admin).await;
        world
            .sql(&format!(
                "WITH s AS (INSERT INTO services (id, organization_id, name)
                    VALUES (gen_random_uuid(), '{organization}', 'llm') RETURNING id)
                INSERT INTO team_services (team_id, service_id, reason) SELECT '{team}', id, 'the assistant' FROM s"
            ))
            .await;
        Self {
            root: world.super_admin().await,
            org_admin,
            admin,
            member,
            auditor,
            other_admin,
            organization,
            team,
            other,
            world,
        }
    }

    async fn start(&self, who: UserId, input: NewReviewInput) -> Result<ReviewPage> {
        let new = input.parse()?;
        self.world
            .act(who, async |ctx| access_reviews::start(ctx, new).await)
            .await
    }

    /// Of the team, with this silence.
    async fn of_team(&self, silence: &str) -> ReviewPage {
        self.start(self.admin, of_team(self.team, silence))
            .await
            .expect("a review")
    }

    async fn of_organization(&self, silence: &str) -> ReviewPage {
        let input = of_organization(self.organization, silence);
        self.start(self.org_admin, input).await.expect("a review")
    }

    async fn lines(&self, who: UserId, review: ReviewId) -> Result<Vec<ReviewLine>> {
        let query = LineQuery {
            limit: 1000,
            ..LineQuery::default()
        };
        let found = self
            .world
            .ask(who, async |ctx| access_reviews::lines(ctx, review, &query).await)
            .await?;
        Ok(found.1.items)
    }

    /// The line about somebody or some service, as a super_admin sees it.
    async fn line(&self, review: ReviewId, what: &str) -> ReviewLine {
        let lines = self.lines(self.root, review).await.expect("lines");
        let found = lines.into_iter().find(|line| line.what().starts_with(what));
        found.unwrap_or_else(|| panic!("no line {what}"))
    }

    async fn decide(&self, who: UserId, review: ReviewId, what: &[&str], decision: &str) -> Result<Outcome> {
        let mut ids = Vec::new();
        for what in what {
            ids.push(self.line(review, what).await.id.to_string());
        }
        let input = DecideInput {
            ids,
            decision: decision.to_owned(),
            reason: (decision == "remove").then(|| "left the project".to_owned()),
        };
        self.world
            .act(who, async |ctx| access_reviews::decide(ctx, review, input).await)
            .await
    }

    /// Decides, and says why one line was not.
    async fn not_decided(&self, who: UserId, review: ReviewId, what: &str) -> String {
        let outcome = self.decide(who, review, &[what], "keep").await.expect("an outcome");
        assert_eq!(outcome.affected(), 0, "{what} should not be decided");
        outcome.rows[0].error.clone().expect("why")
    }

    async fn decided(&self, who: UserId, review: ReviewId, what: &[&str], decision: &str) {
        let outcome = self.decide(who, review, what, decision).await.expect("an outcome");
        assert_eq!(outcome.failed(), 0, "{:?}", outcome.rows);
    }

    async fn close(&self, who: UserId, review: ReviewId) -> Result<ReviewPage> {
        self.world
            .act(who, async |ctx| access_reviews::close(ctx, review).await)
            .await
    }

    async fn get(&self, who: UserId, review: ReviewId) -> Result<ReviewPage> {
        self.world
            .ask(who, async |ctx| access_reviews::get(ctx, review).await)
            .await
    }

    async fn waiting(&self, who: UserId) -> i64 {
        let waiting = self
            .world
            .ask(who, async |ctx| waiting::load(ctx).await)
            .await
            .expect("a count");
        assert_eq!(waiting.nearest_due.is_some(), waiting.reviews > 0);
        waiting.reviews
    }

    async fn is_member(&self, team: TeamId, user: UserId) -> bool {
        let sql = format!("SELECT EXISTS (SELECT FROM team_members WHERE team_id = '{team}' AND user_id = '{user}')");
        self.world.one(&sql).await
    }
}

fn new_review(silence: &str) -> NewReviewInput {
    NewReviewInput {
        name: "Fourth quarter".to_owned(),
        covers_people: true,
        covers_services: true,
        due_in_days: Some(14),
        silence: silence.to_owned(),
        ..NewReviewInput::default()
    }
}

fn of_team(team: TeamId, silence: &str) -> NewReviewInput {
    NewReviewInput {
        team: Some(team.to_string()),
        ..new_review(silence)
    }
}

fn of_organization(organization: OrganizationId, silence: &str) -> NewReviewInput {
    NewReviewInput {
        organization: Some(organization.to_string()),
        ..new_review(silence)
    }
}

/// SPEC P: "run reviews" is a super_admin's, an org_admin's in the organization, a team admin's in the team.
#[tokio::test]
async fn p_who_starts_a_review() {
    let scene = Scene::new().await;
    for who in [scene.root, scene.org_admin, scene.admin] {
        scene.start(who, of_team(scene.team, "keep")).await.expect("may");
    }
    for who in [scene.root, scene.org_admin] {
        let input = of_organization(scene.organization, "keep");
        scene.start(who, input).await.expect("may");
    }
    for who in [scene.member, scene.auditor, scene.other_admin] {
        refused(scene.start(who, of_team(scene.team, "keep")).await, "FORBIDDEN", "");
    }
    for who in [scene.member, scene.auditor, scene.admin] {
        let input = of_organization(scene.organization, "keep");
        refused(scene.start(who, input).await, "FORBIDDEN", "Insufficient permissions");
    }
    let system = scene
        .world
        .one::<Uuid>("SELECT id FROM teams WHERE is_system LIMIT 1")
        .await;
    let (code, _) = refusal(scene.start(scene.root, of_team(TeamId(system), "keep")).await);
    assert_eq!(code, "WRONG_STATE");
    let empty = scene.world.team_in(scene.organization, "Empty").await;
    refused(
        scene.start(scene.root, of_team(empty, "keep")).await,
        "WRONG_STATE",
        "There is nothing to review in Empty",
    );
    let entries: i64 = scene
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'access_review.start'")
        .await;
    assert_eq!(entries, 5);
}

#[tokio::test]
async fn access_review_all_that_is_wrong_is_said_at_once() {
    let bad = NewReviewInput {
        name: " ".to_owned(),
        covers_people: false,
        covers_services: false,
        due_in_days: Some(91),
        silence: "perhaps".to_owned(),
        ..new_review("keep")
    };
    let errors = bad.parse().unwrap_err();
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_ref()).collect();
    assert_eq!(fields, ["team_id", "name", "covers", "due_in_days", "silence"]);
    let both = NewReviewInput {
        organization: Some("acme".to_owned()),
        ..of_team(TeamId(Uuid::nil()), "keep")
    };
    assert_eq!(both.parse().unwrap_err()[0].field, "team_id");
}

/// SPEC P: who may remove that member, change that role or take that service away decides that line; and of an
/// organization's review a team admin sees the lines of the team, and no others.
#[tokio::test]
async fn p_who_sees_and_decides_which_lines() {
    let scene = Scene::new().await;
    let review = scene.of_organization("keep").await.review.id;
    let whole = ["audrey", "olga", "tess", "max", "llm", "otto"];
    let seen = async |who: UserId| -> Vec<String> {
        let lines = scene.lines(who, review).await.expect("lines");
        lines.iter().map(ReviewLine::what).collect()
    };
    for who in [scene.root, scene.org_admin, scene.auditor] {
        let lines = seen(who).await;
        assert_eq!(lines.len(), whole.len(), "{lines:?}");
        assert!(
            lines
                .iter()
                .zip(["audrey", "olga", "max", "tess", "llm", "otto"])
                .all(|(line, who)| line.starts_with(who)),
            "{lines:?}"
        );
    }
    assert_eq!(
        seen(scene.admin).await,
        [
            "max@example.com in Backend",
            "tess@example.com in Backend",
            "llm for Backend"
        ]
    );
    assert_eq!(seen(scene.other_admin).await, ["otto@example.com in Search"]);
    refused(
        scene.lines(scene.member, review).await,
        "NOT_FOUND",
        "Access review not found",
    );
    refused(
        scene.get(scene.member, review).await,
        "NOT_FOUND",
        "Access review not found",
    );

    scene.decided(scene.admin, review, &["max", "llm"], "keep").await;
    assert!(
        scene
            .not_decided(scene.admin, review, "otto")
            .await
            .starts_with("Line not found")
    );
    assert!(
        scene
            .not_decided(scene.admin, review, "olga")
            .await
            .starts_with("Line not found")
    );
    refused(
        scene.decide(scene.auditor, review, &["max"], "keep").await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    scene
        .decided(
            scene.org_admin,
            review,
            &["audrey", "tess", "otto", "max", "llm"],
            "remove",
        )
        .await;
    scene.decided(scene.root, review, &["olga"], "keep").await;
    let page = scene.get(scene.org_admin, review).await.unwrap();
    assert_eq!(
        (page.review.keep, page.review.remove, page.review.undecided()),
        (1, 5, 0)
    );
    assert!(page.manages && page.whole);
    // Nothing was removed yet, and a decision may be changed.
    assert!(scene.is_member(scene.team, scene.member).await);
    scene.decided(scene.admin, review, &["max"], "keep").await;
    let page = scene.get(scene.admin, review).await.unwrap();
    assert_eq!((page.review.keep, page.review.remove), (2, 4));
    assert!(!page.manages && !page.whole);
    let kinds: Vec<(LineKind, i64)> = page.counts.iter().map(|counts| (counts.kind, counts.lines)).collect();
    assert_eq!(kinds, [(LineKind::Membership, 2), (LineKind::Service, 1)]);
}

#[tokio::test]
async fn access_review_nobody_decides_on_their_own_line() {
    let scene = Scene::new().await;
    scene.world.join(scene.team, scene.root, TeamRole::Member).await;
    let review = scene.of_organization("keep").await.review.id;
    for (who, what) in [(scene.root, "root"), (scene.org_admin, "olga"), (scene.admin, "tess")] {
        let words = scene.not_decided(who, review, what).await;
        assert!(words.contains("decide on your own line"), "{words}");
        let own = scene
            .lines(who, review)
            .await
            .unwrap()
            .into_iter()
            .find(|line| line.own);
        assert!(!own.expect("the own line").decides);
    }
    // With only the own line left, nothing waits.
    assert_eq!(scene.waiting(scene.admin).await, 1);
    scene
        .decided(scene.admin, review, &["max", "root", "llm"], "keep")
        .await;
    assert_eq!(scene.waiting(scene.admin).await, 0);
    assert_eq!(scene.waiting(scene.org_admin).await, 1);
    assert_eq!(scene.waiting(scene.member).await, 0);
}

#[tokio::test]
async fn access_review_decisions_have_rules() {
    let scene = Scene::new().await;
    let review = scene.of_team("keep").await.review.id;
    let decide = async |ids: Vec<String>, decision: &str, reason: Option<&str>| {
        let input = DecideInput {
            ids,
            decision: decision.to_owned(),
            reason: reason.map(str::to_owned),
        };
        scene
            .world
            .act(scene.admin, async |ctx| {
                access_reviews::decide(ctx, review, input).await
            })
            .await
    };
    let max = scene.line(review, "max").await.id.to_string();
    refused(
        decide(vec![max.clone()], "remove", Some("  ")).await,
        "VALIDATION_ERROR",
        "reason",
    );
    refused(
        decide(Vec::new(), "perhaps", None).await,
        "VALIDATION_ERROR",
        "decision",
    );
    refused(
        decide(vec![max.clone(); 201], "keep", None).await,
        "VALIDATION_ERROR",
        "ids",
    );
    let outcome = decide(vec!["x".to_owned(), Uuid::nil().to_string(), max.clone()], "keep", None)
        .await
        .unwrap();
    assert_eq!((outcome.affected(), outcome.failed()), (1, 2));
    // Said twice, it is counted and written once.
    decide(vec![max.clone(), max], "keep", None).await.unwrap();
    let page = scene.get(scene.admin, review).await.unwrap();
    assert_eq!((page.review.keep, page.review.undecided(), page.mine), (1, 2, 1));
    let entries: i64 = scene
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'access_review.decide'")
        .await;
    assert_eq!(entries, 1);
}

/// The evidence beside a line is what was known at the start.
#[tokio::test]
async fn access_review_lines_say_when_access_was_used_last() {
    let scene = Scene::new().await;
    let (world, team, max) = (&scene.world, scene.team, scene.member);
    world
        .sql(&format!(
            "UPDATE users SET last_seen_at = '2026-05-01T10:00:00Z' WHERE id = '{max}'"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash, last_used_at, revoked_at) VALUES
                (gen_random_uuid(), '{team}', '{max}', 'old', 'sk-o', '\\x01', '2026-04-01T10:00:00Z', now()),
                (gen_random_uuid(), '{team}', '{max}', 'new', 'sk-n', '\\x02', NULL, NULL)"
        ))
        .await;
    world
        .sql("INSERT INTO key_spend_daily (key_id, day, spend) SELECT id, '2026-04-20', 1 FROM api_keys WHERE name = 'new'")
        .await;
    let runner = world.runner(Some(team), max, "deleted").await;
    world
        .sql(&format!(
            "UPDATE runners SET created_at = '2026-03-01T10:00:00Z' WHERE id = '{runner}'"
        ))
        .await;
    let review = scene.of_team("keep").await.review.id;
    world.sql("UPDATE users SET last_seen_at = now()").await;
    let line = scene.line(review, "max").await;
    let at = |text: &str| Some(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    assert_eq!(line.last_seen_at, at("2026-05-01T10:00:00Z"));
    assert_eq!(line.last_key_used_at, at("2026-04-20T00:00:00Z"));
    assert_eq!(line.last_runner_at, at("2026-03-01T10:00:00Z"));
    assert_eq!((line.key_count, line.role.as_deref()), (1, Some("member")));
    let line = scene.line(review, "llm").await;
    assert_eq!(line.last_key_used_at, at("2026-04-20T00:00:00Z"));
    assert_eq!(
        (line.key_count, line.given_reason.as_deref()),
        (1, Some("the assistant"))
    );
    let line = scene.line(review, "tess").await;
    assert_eq!(
        (line.last_seen_at, line.last_key_used_at, line.last_runner_at),
        (None, None, None)
    );
}

/// Of people of the organization only those with rights in it, or without a team, are a line of their own.
#[tokio::test]
async fn access_review_members_of_a_team_are_reviewed_there() {
    let scene = Scene::new().await;
    let world = &scene.world;
    world.give(scene.organization, scene.member, OrgRole::OrgMember).await;
    let idle = world.user("ida").await;
    world.give(scene.organization, idle, OrgRole::OrgMember).await;
    let review = scene.of_organization("keep").await.review.id;
    let lines = scene.lines(scene.root, review).await.unwrap();
    let roles: Vec<String> = (lines.iter())
        .filter(|line| line.kind == LineKind::OrganizationRole)
        .map(|line| format!("{} {}", line.email.as_deref().unwrap(), line.role.as_deref().unwrap()))
        .collect();
    assert_eq!(
        roles,
        [
            "audrey@example.com auditor",
            "ida@example.com org_member",
            "olga@example.com org_admin"
        ]
    );
}

#[tokio::test]
async fn access_review_lists_are_filtered_and_paged() {
    let scene = Scene::new().await;
    let first = scene.of_team("keep").await.review.id;
    let second = scene.of_organization("remove").await.review.id;
    let list = async |who: UserId, query: ReviewQuery| -> (Vec<ReviewId>, i64) {
        let page = scene
            .world
            .ask(who, async |ctx| access_reviews::list(ctx, &query).await)
            .await
            .expect("a list");
        (page.items.iter().map(|review| review.id).collect(), page.total)
    };
    assert_eq!(
        list(scene.admin, ReviewQuery::default()).await,
        (vec![second, first], 2)
    );
    assert_eq!(list(scene.other_admin, ReviewQuery::default()).await, (vec![second], 1));
    assert_eq!(list(scene.member, ReviewQuery::default()).await, (vec![], 0));
    let query = ReviewQuery {
        team: Some(scene.team),
        ..ReviewQuery::default()
    };
    assert_eq!(list(scene.root, query).await, (vec![first], 1));
    scene.decided(scene.org_admin, second, &["max"], "remove").await;
    let count = async |query: LineQuery| {
        let found = scene
            .world
            .ask(scene.org_admin, async |ctx| {
                access_reviews::lines(ctx, second, &query).await
            })
            .await;
        found.expect("lines").1
    };
    let remove = LineQuery {
        decision: Some(ReviewDecision::Remove),
        ..LineQuery::default()
    };
    assert_eq!(count(remove).await.total, 1);
    let mine = LineQuery {
        mine: true,
        ..LineQuery::default()
    };
    assert_eq!(
        count(mine).await.total,
        4,
        "all but max, who is decided, and olga herself"
    );
    let search = LineQuery {
        search: Some("OTT".to_owned()),
        ..LineQuery::default()
    };
    assert_eq!(count(search).await.total, 1);
    let mut query = LineQuery {
        limit: 2,
        ..LineQuery::default()
    };
    let mut places = Vec::new();
    loop {
        let page = count(query.clone()).await;
        places.extend(page.items.iter().map(|line| line.place));
        if page.next.is_none() {
            // And back.
            query.cursor = page.previous;
            let back: Vec<i32> = count(query).await.items.iter().map(|line| line.place).collect();
            assert_eq!(back, [3, 4]);
            break;
        }
        query.cursor = page.next;
    }
    assert_eq!(places, [1, 2, 3, 4, 5, 6]);
}
