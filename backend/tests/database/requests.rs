//! Requests (SPEC B31, C15, P).

use backend::{
    Result,
    members::{self, BulkInput, OnInvalid, OnUnknown},
    organizations::OrganizationKey,
    requests::{self, BatchInput, NewRequestInput, RequestQuery, Verdict},
    restricted_models::{self, RestrictedInput},
    teams::{self, TeamKey},
    waiting,
};
use domain::{
    OrgRole, OrganizationId, Permission, Reason, RequestId, RequestState, TeamId, TeamRole, TeamStatus, UserId,
    UserRef, models::Unusable, views::RequestPage,
};
use serde_json::{Value, json};

use crate::common::{World, refusal, refused};

/// A team in an organization, with one of each.
struct Scene {
    world: World,
    organization: OrganizationId,
    team: TeamId,
    root: UserId,
    org_admin: UserId,
    admin: UserId,
    member: UserId,
    stranger: UserId,
    auditor: UserId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Backend").await;
        let org_admin = world.user("olga").await;
        world.give(organization, org_admin, OrgRole::OrgAdmin).await;
        let auditor = world.user("audrey").await;
        world.give(organization, auditor, OrgRole::Auditor).await;
        world
            .sql(&format!("UPDATE teams SET max_runners = 10 WHERE id = '{team}'"))
            .await;
        Self {
            root: world.super_admin().await,
            org_admin,
            admin: world.member(team, "tess", TeamRole::Admin).await,
            member: world.member(team, "max", TeamRole::Member).await,
            stranger: world.user("nora").await,
            auditor,
            organization,
            team,
            world,
        }
    }

    async fn ask(&self, who: UserId, kind: &str, value: Value) -> Result<RequestPage> {
        let input = NewRequestInput {
            kind: kind.to_owned(),
            team: self.team.to_string(),
            value,
            reason: "we need it".to_owned(),
            reviews: None,
        };
        let new = input.parse()?;
        self.world.act(who, async |ctx| requests::create(ctx, new).await).await
    }

    async fn approve(&self, who: UserId, id: RequestId) -> Result<RequestPage> {
        self.world
            .act(who, async |ctx| requests::approve(ctx, id, None).await)
            .await
    }

    async fn deny(&self, who: UserId, id: RequestId) -> Result<RequestPage> {
        let reason = Reason::parse("not now").unwrap();
        self.world
            .act(who, async |ctx| requests::deny(ctx, id, &reason).await)
            .await
    }

    async fn state(&self, id: RequestId) -> String {
        self.world
            .one(&format!("SELECT state FROM access_requests WHERE id = '{id}'"))
            .await
    }

    async fn max_runners(&self) -> i32 {
        let sql = format!("SELECT max_runners FROM teams WHERE id = '{}'", self.team);
        self.world.one(&sql).await
    }
}

/// SPEC P: who may make a change decides requests for it.
#[tokio::test]
async fn p_who_decides_which_requests() {
    let scene = Scene::new().await;
    let world = &scene.world;
    world
        .sql(&format!(
            "INSERT INTO services (id, organization_id, name) VALUES (gen_random_uuid(), '{}', 'llm')",
            scene.organization
        ))
        .await;
    world
        .sql("INSERT INTO restricted_models (organization_id, model) VALUES (NULL, 'gpt-4o')")
        .await;
    world
        .sql(&format!(
            "UPDATE teams SET models = '{{claude}}' WHERE id = '{}'",
            scene.team
        ))
        .await;
    for (asks, kind, value, by_team_admin) in [
        (scene.stranger, "join", json!(null), true),
        (scene.member, "service", json!("llm"), true),
        (scene.member, "model", json!("o3"), true),
        (scene.member, "model", json!("gpt-4o"), false),
        (scene.member, "quota", json!(5), true),
        (scene.member, "quota", json!(20), false),
        (scene.member, "budget", json!(100), true),
        (scene.member, "labels", json!(["gpu-.*"]), false),
    ] {
        let id = scene.ask(asks, kind, value.clone()).await.expect("asked").request.id;
        // Whoever asks reads whom to ask; of an organization that they do not belong to, nobody.
        let told = world
            .ask(asks, async |ctx| requests::get(ctx, id).await)
            .await
            .expect("their own");
        let told: Vec<&str> = told.deciders.iter().map(|one| one.email.as_str()).collect();
        let expected: &[&str] = match (asks == scene.stranger, by_team_admin) {
            (true, _) => &[],
            (false, true) => &["tess@example.com", "olga@example.com"],
            (false, false) => &["olga@example.com"],
        };
        assert_eq!(told, expected, "{kind} {value}");
        for nobody in [asks, scene.auditor] {
            refused(scene.approve(nobody, id).await, "FORBIDDEN", "");
            refused(scene.deny(nobody, id).await, "FORBIDDEN", "");
        }
        if by_team_admin {
            scene.approve(scene.admin, id).await.expect("a team admin");
        } else {
            let (code, words) = refusal(scene.approve(scene.admin, id).await);
            assert_eq!(code, "FORBIDDEN", "{kind} {value}");
            assert!(words.contains("super_admin or org_admin"), "{words}");
            assert_eq!(scene.state(id).await, "pending");
            scene.approve(scene.org_admin, id).await.expect("an org_admin");
        }
        assert_eq!(scene.state(id).await, "approved", "{kind} {value}");
    }
    assert_eq!(scene.max_runners().await, 20);
    let models: Vec<String> = world
        .one(&format!("SELECT models FROM teams WHERE id = '{}'", scene.team))
        .await;
    assert_eq!(models, ["claude", "o3", "gpt-4o"]);
    let role: String = world
        .one(&format!(
            "SELECT role FROM team_members WHERE team_id = '{}' AND user_id = '{}'",
            scene.team, scene.stranger
        ))
        .await;
    assert_eq!(role, "member");
}

/// Pages name whom to ask: those whose role is enough, nearest first, and nobody to people from outside.
#[tokio::test]
async fn whom_to_ask_is_who_has_the_permission() {
    let scene = Scene::new().await;
    let told = async |who, permission| {
        let people = scene
            .world
            .ask(who, async |ctx| {
                let team = teams::get(ctx, scene.team).await?;
                teams::who_may(ctx, &team, permission).await
            })
            .await;
        people.map(|people| people.into_iter().map(|one| one.email).collect::<Vec<_>>())
    };
    assert_eq!(
        told(scene.member, Permission::MembersManage).await.expect("a member"),
        ["tess@example.com", "olga@example.com"]
    );
    assert_eq!(
        told(scene.admin, Permission::PolicyEdit).await.expect("a team admin"),
        ["olga@example.com"]
    );
    let nobody: Vec<String> = Vec::new();
    assert_eq!(
        told(scene.member, Permission::InstallationManage)
            .await
            .expect("a member"),
        nobody
    );
    refused(told(scene.stranger, Permission::PolicyEdit).await, "FORBIDDEN", "");
}

#[tokio::test]
async fn p_who_may_ask() {
    let scene = Scene::new().await;
    for who in [scene.stranger, scene.auditor] {
        let (code, words) = refusal(scene.ask(who, "quota", json!(20)).await);
        assert_eq!(code, "FORBIDDEN");
        assert!(!words.contains("Backend"), "{words}");
    }
    refused(
        scene.ask(scene.member, "join", json!(null)).await,
        "ALREADY_MEMBER",
        "User max",
    );
    scene.ask(scene.member, "quota", json!(20)).await.expect("a member");
    refused(
        scene.ask(scene.member, "quota", json!(20)).await,
        "WRONG_STATE",
        "The same is asked for already",
    );
    refused(
        scene.ask(scene.admin, "quota", json!(10)).await,
        "WRONG_STATE",
        "Team 'Backend' has that",
    );
    // Of others' requests a member learns nothing.
    let id = scene
        .ask(scene.admin, "quota", json!(30))
        .await
        .expect("an admin")
        .request
        .id;
    let (member, world) = (scene.member, &scene.world);
    refused(
        world.ask(member, async |ctx| requests::get(ctx, id).await).await,
        "NOT_FOUND",
        "Request not found",
    );
    let seen = world
        .ask(member, async |ctx| requests::list(ctx, &RequestQuery::default()).await)
        .await
        .expect("a list");
    assert_eq!((seen.total, seen.items.len()), (1, 1));
    let to_decide = RequestQuery {
        to_decide: true,
        ..RequestQuery::default()
    };
    for (who, count) in [
        (scene.admin, 0),
        (scene.org_admin, 2),
        (scene.root, 2),
        (scene.auditor, 0),
    ] {
        let page = world
            .ask(who, async |ctx| requests::list(ctx, &to_decide).await)
            .await
            .expect("a list");
        let badge = world
            .ask(who, async |ctx| waiting::load(ctx).await)
            .await
            .expect("a count");
        assert_eq!((page.total, badge.requests), (count, count));
    }
}

#[tokio::test]
async fn b31_an_approval_that_a_rule_refuses_leaves_the_request_pending_and_says_why() {
    let scene = Scene::new().await;
    let id = scene
        .ask(scene.member, "budget", json!(100))
        .await
        .expect("asked")
        .request
        .id;
    scene
        .world
        .sql(&format!(
            "UPDATE organizations SET max_budget = 50 WHERE id = '{}'",
            scene.organization
        ))
        .await;
    let (code, words) = refusal(scene.approve(scene.org_admin, id).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert!(
        words.contains("Team max_budget (100) exceeds organization's max_budget (50)."),
        "{words}"
    );
    assert_eq!(scene.state(id).await, "pending");
    let approvals: i64 = scene
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action IN ('request.approve', 'team.update')")
        .await;
    assert_eq!(approvals, 0);
}

#[tokio::test]
async fn b31_requests_of_the_deactivated_and_for_archived_teams_are_not_approved() {
    let scene = Scene::new().await;
    let join = scene
        .ask(scene.stranger, "join", json!("member"))
        .await
        .expect("asked")
        .request
        .id;
    let quota = scene
        .ask(scene.member, "quota", json!(20))
        .await
        .expect("asked")
        .request
        .id;
    let off = |user: UserId| format!("UPDATE users SET deactivated_at = now() WHERE id = '{user}'");
    scene.world.sql(&off(scene.stranger)).await;
    scene.world.sql(&off(scene.member)).await;
    for id in [join, quota] {
        let (code, words) = refusal(scene.approve(scene.org_admin, id).await);
        assert_eq!(code, "WRONG_STATE");
        assert!(words.contains("is deactivated"), "{words}");
        assert_eq!(scene.state(id).await, "pending");
    }
    scene.world.sql("UPDATE users SET deactivated_at = NULL").await;
    scene.world.set_status(scene.team, TeamStatus::Archived).await;
    for id in [join, quota] {
        refused(
            scene.approve(scene.org_admin, id).await,
            "WRONG_STATE",
            "Team 'Backend' is archived",
        );
        assert_eq!(scene.state(id).await, "pending");
    }
    assert_eq!(scene.max_runners().await, 10);
    refused(
        scene.ask(scene.member, "quota", json!(30)).await,
        "NOT_FOUND",
        "Team not found",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn b31_of_two_approvals_at_once_one_decides() {
    let scene = Scene::new().await;
    let id = scene
        .ask(scene.member, "quota", json!(20))
        .await
        .expect("asked")
        .request
        .id;
    let (one, two) = tokio::join!(scene.approve(scene.org_admin, id), scene.approve(scene.root, id));
    let decided = [&one, &two].iter().filter(|result| result.is_ok()).count();
    assert_eq!(decided, 1);
    let (code, words) = refusal(if one.is_ok() { two } else { one });
    assert_eq!(code, "WRONG_STATE");
    assert!(words.contains("approved already"), "{words}");
    let entries: i64 = scene
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'request.approve'")
        .await;
    assert_eq!(entries, 1);
}

#[tokio::test]
async fn c15_a_restricted_model_is_usable_with_an_approved_request_only() {
    let scene = Scene::new().await;
    let (world, key) = (&scene.world, OrganizationKey::Id(scene.organization));
    let restrict = |everywhere: bool| RestrictedInput {
        models: Some(vec!["gpt-4o".to_owned()]),
        installation_wide: everywhere.then(|| vec!["o3".to_owned()]),
    };
    for (who, everywhere) in [(scene.admin, false), (scene.auditor, false), (scene.org_admin, true)] {
        let input = restrict(everywhere);
        let result = world
            .act(who, async |ctx| restricted_models::set(ctx, &key, input).await)
            .await;
        assert_eq!(refusal(result).0, "FORBIDDEN");
    }
    let input = restrict(false);
    world
        .act(scene.org_admin, async |ctx| {
            restricted_models::set(ctx, &key, input).await
        })
        .await
        .expect("an org_admin");
    let usable = async || {
        let models = world
            .ask(scene.root, async |ctx| {
                restricted_models::of_team(ctx, scene.team).await
            })
            .await
            .expect("models");
        models.usable().check("gpt-4o")
    };
    assert_eq!(usable().await, Err(Unusable::Restricted));
    let id = scene
        .ask(scene.member, "model", json!("gpt-4o"))
        .await
        .expect("asked")
        .request
        .id;
    let denied = scene.deny(scene.org_admin, id).await.expect("denied").request;
    assert_eq!(
        (denied.state.status(), denied.decision.as_deref()),
        ("denied", Some("not now"))
    );
    assert_eq!(usable().await, Err(Unusable::Restricted));
    // "Request Review" is a new request that names the old one.
    let again = NewRequestInput {
        kind: "model".to_owned(),
        team: scene.team.to_string(),
        value: json!("gpt-4o"),
        reason: "please look again".to_owned(),
        reviews: Some(id.to_string()),
    };
    let new = again.parse().expect("a request");
    let review = world
        .act(scene.member, async |ctx| requests::create(ctx, new).await)
        .await
        .expect("asked again")
        .request;
    assert_eq!(review.reviews, Some(id));
    let approved = scene
        .approve(scene.org_admin, review.id)
        .await
        .expect("approved")
        .request;
    assert_eq!(approved.state.status(), "active");
    assert_eq!(usable().await, Ok(()));
    refused(
        scene.ask(scene.member, "model", json!("gpt-4o")).await,
        "WRONG_STATE",
        "Team 'Backend' has that",
    );
    let reverted = world
        .act(scene.org_admin, async |ctx| requests::revert(ctx, review.id).await)
        .await
        .expect("reverted");
    assert_eq!(reverted.page.request.state, RequestState::Pending);
    assert!(reverted.stays.expect("what stays").contains("approved again"));
    assert_eq!(usable().await, Err(Unusable::Restricted));
}

#[tokio::test]
async fn c15_a_revert_undoes_nothing_silently() {
    let scene = Scene::new().await;
    let id = scene
        .ask(scene.member, "quota", json!(20))
        .await
        .expect("asked")
        .request
        .id;
    let world = &scene.world;
    let revert = async |who: UserId| world.act(who, async |ctx| requests::revert(ctx, id).await).await;
    let (code, words) = refusal(revert(scene.org_admin).await);
    assert_eq!((code, words.contains("no decision")), ("WRONG_STATE", true), "{words}");
    scene.approve(scene.org_admin, id).await.expect("approved");
    refused(revert(scene.admin).await, "FORBIDDEN", "");
    let reverted = revert(scene.org_admin).await.expect("reverted");
    assert!(reverted.stays.expect("words").contains("keeps what it got: 20 runners"));
    assert_eq!(
        (scene.max_runners().await, scene.state(id).await.as_str()),
        (20, "pending")
    );
    // Withdrawn by its requester, and by nobody else.
    let withdraw = async |who: UserId| world.act(who, async |ctx| requests::withdraw(ctx, id).await).await;
    refused(withdraw(scene.org_admin).await, "FORBIDDEN", "Insufficient permissions");
    withdraw(scene.member).await.expect("withdrawn");
    refused(
        scene.approve(scene.org_admin, id).await,
        "WRONG_STATE",
        "The request is withdrawn already",
    );
}

#[tokio::test]
async fn c15_a_batch_decides_each_by_itself_and_a_dry_run_keeps_nothing() {
    let scene = Scene::new().await;
    let (world, member) = (&scene.world, scene.member);
    let join = scene
        .ask(scene.stranger, "join", json!("member"))
        .await
        .expect("asked")
        .request
        .id;
    let raise = scene.ask(member, "quota", json!(20)).await.expect("asked").request.id;
    let batch = async |who: UserId, verdict: Verdict, reason: Option<&str>, dry_run: bool| {
        let input = BatchInput {
            verdict,
            ids: vec![raise.to_string(), join.to_string(), "x".to_owned()],
            reason: reason.map(str::to_owned),
            dry_run,
        };
        world
            .act(who, async |ctx| requests::decide_many(ctx, input).await)
            .await
    };
    assert_eq!(
        refusal(batch(member, Verdict::Approve, None, false).await).0,
        "FORBIDDEN"
    );
    assert_eq!(
        refusal(batch(scene.admin, Verdict::Deny, None, false).await).0,
        "VALIDATION_ERROR"
    );
    for dry_run in [true, false] {
        let outcome = batch(scene.admin, Verdict::Approve, None, dry_run)
            .await
            .expect("a batch");
        assert_eq!((outcome.affected(), outcome.failed()), (1, 2));
        let why = outcome.rows[0].error.as_deref().expect("refused");
        assert!(why.contains("org_admin"), "{why}");
        let joined = if dry_run { "pending" } else { "approved" };
        assert_eq!(
            (scene.state(join).await.as_str(), scene.state(raise).await.as_str()),
            (joined, "pending")
        );
        let members: i64 = world
            .one(&format!(
                "SELECT count(*) FROM team_members WHERE user_id = '{}'",
                scene.stranger
            ))
            .await;
        assert_eq!(members, i64::from(!dry_run));
    }
}

/// Whoever is added has what they asked for: their request to join waits for nobody.
#[tokio::test]
async fn b31_a_request_to_join_is_settled_by_adding_the_person() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let (nils, nina) = (world.user("nils").await, world.user("nina").await);
    let (by_hand, by_list) = (
        scene
            .ask(nils, "join", json!("member"))
            .await
            .expect("asked")
            .request
            .id,
        scene.ask(nina, "join", json!("admin")).await.expect("asked").request.id,
    );
    world
        .act(scene.admin, async |ctx| {
            members::add(ctx, scene.team, &UserRef::Id(nils), TeamRole::Member).await
        })
        .await
        .expect("added");
    let rows = [BulkInput {
        user: nina.to_string(),
        role: None,
    }];
    world
        .act(scene.admin, async |ctx| {
            members::add_many(ctx, scene.team, &rows, OnInvalid::Abort, OnUnknown::Refuse, false).await
        })
        .await
        .expect("added");
    for (who, id) in [(nils, by_hand), (nina, by_list)] {
        let page = world
            .ask(who, async |ctx| requests::get(ctx, id).await)
            .await
            .expect("a request");
        assert_eq!(page.request.state, RequestState::Approved);
        assert_eq!(page.request.decision.as_deref(), Some("Added to the team"));
        assert!(page.request.decided_by.is_some());
    }
    let entries: i64 = world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'request.approve' AND target IN ('nils@example.com', 'nina@example.com')")
        .await;
    assert_eq!(entries, 2);
}

#[tokio::test]
async fn b31_somebody_is_told_that_their_request_to_join_waits() {
    let scene = Scene::new().await;
    let slug: String = scene
        .world
        .one(&format!("SELECT slug FROM teams WHERE id = '{}'", scene.team))
        .await;
    let waiting = async |who: UserId, key: &str| {
        let key = TeamKey::parse(key);
        let found = scene
            .world
            .ask(who, async |ctx| requests::waiting_join(ctx, &key).await)
            .await;
        found.unwrap().map(|(id, _)| id)
    };
    let by_id = scene.team.to_string();
    assert_eq!(waiting(scene.stranger, &by_id).await, None);
    let asked = scene.ask(scene.stranger, "join", json!("member")).await.unwrap();
    for key in [&by_id, &slug] {
        assert_eq!(waiting(scene.stranger, key).await, Some(asked.request.id), "{key}");
        assert_eq!(waiting(scene.root, key).await, None, "it is not theirs");
    }
    assert_eq!(waiting(scene.stranger, "another").await, None);
    scene.deny(scene.admin, asked.request.id).await.unwrap();
    assert_eq!(waiting(scene.stranger, &by_id).await, None, "it is decided");
}

#[tokio::test]
async fn b31_a_request_for_a_quota_is_read_beside_what_the_team_has() {
    let scene = Scene::new().await;
    let quota = scene.ask(scene.member, "quota", json!(20)).await.unwrap().request;
    let join = scene
        .ask(scene.stranger, "join", json!("member"))
        .await
        .unwrap()
        .request;
    let now = async |seen: Vec<domain::views::AccessRequest>| {
        scene
            .world
            .ask(scene.root, async |ctx| requests::quotas_now(ctx, &seen).await)
            .await
            .unwrap()
    };
    assert_eq!(now(vec![quota.clone()]).await.get(&scene.team), Some(&Some(10)));
    assert!(now(vec![join]).await.is_empty());
    let approved = scene.approve(scene.root, quota.id).await.unwrap().request;
    assert!(now(vec![approved]).await.is_empty(), "it is decided");
}

/// B31 as a race: of however many requests of one person at once, no more than fifty wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b31_fifty_requests_wait_at_most() {
    let scene = Scene::new().await;
    let tries = (11..=80).map(|count| scene.ask(scene.member, "quota", json!(count)));
    let outcomes = futures_util::future::join_all(tries).await;
    let (waiting, too_many): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((waiting.len(), too_many.len()), (50, 20));
    for outcome in too_many {
        refused(outcome, "WRONG_STATE", "50 of your requests wait for a decision");
    }
    let sql = "SELECT count(*) FROM access_requests WHERE state = 'pending'";
    assert_eq!(scene.world.one::<i64>(sql).await, 50);
    scene
        .ask(scene.admin, "quota", json!(11))
        .await
        .expect("others' requests do not count");
}
