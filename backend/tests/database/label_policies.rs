//! The label policies of people in no team: who writes them, what they do, how they end (SPEC B16, B17, X4, P).

use std::collections::HashSet;

use backend::{
    Result,
    label_policies::{self, NewPolicyInput, PolicyQuery},
    runners::JitInput,
    teams::{self, TeamPatchInput},
};
use domain::{OrgRole, TeamId, TeamRole, TeamStatus, UserId, UserRef, views::PersonPolicy};
use serde_json::{Value, json};

use crate::common::{World, refusal, refused};

/// A policy for somebody, by id.
pub fn policy(user: UserId, allowed: &[&str], patterns: &[&str], max_runners: Option<i64>) -> NewPolicyInput {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    NewPolicyInput {
        user_identity: user.to_string(),
        allowed_labels: texts(allowed),
        label_patterns: texts(patterns),
        max_runners,
        ..NewPolicyInput::default()
    }
}

pub async fn set(world: &World, by: UserId, input: NewPolicyInput) -> Result<PersonPolicy> {
    world
        .act(by, async |ctx| label_policies::set(ctx, input.parse()?).await)
        .await
}

async fn remove(world: &World, by: UserId, user: UserId) -> Result<PersonPolicy> {
    world
        .act(by, async |ctx| label_policies::remove(ctx, &UserRef::Id(user)).await)
        .await
}

async fn list(world: &World, by: UserId, query: PolicyQuery) -> Result<(Vec<String>, i64, Option<String>)> {
    let page = world
        .ask(by, async |ctx| label_policies::list(ctx, &query).await)
        .await?;
    let names = page
        .items
        .iter()
        .map(|item| item.email.trim_end_matches("@example.com").to_owned());
    Ok((names.collect(), page.total, page.next))
}

fn asking(labels: &[&str]) -> JitInput {
    JitInput {
        labels: labels.iter().map(ToString::to_string).collect(),
        ..JitInput::default()
    }
}

/// B17: a second policy takes the place of the first, is audited with before and after, and one that changes nothing
/// is no change.
#[tokio::test]
async fn b17_a_policy_is_written_replaced_and_removed() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.user("loner").await);
    let first = set(&world, root, policy(loner, &["gpu"], &["app-.*"], Some(2)))
        .await
        .unwrap();
    assert_eq!(
        (first.email.as_str(), first.created_by.as_deref()),
        ("loner@example.com", Some("root@example.com"))
    );
    world
        .provision(loner, asking(&["GPU", "app-x"]))
        .await
        .expect("the policy allows it");

    let by_email = NewPolicyInput {
        user_identity: " LONER@example.com".to_owned(),
        description: Some("for the move".to_owned()),
        ..policy(loner, &["arm"], &[], None)
    };
    let second = set(&world, root, by_email.clone()).await.unwrap();
    assert_eq!((second.created_at, second.runners), (first.created_at, 1));
    assert!(
        second.updated_at > first.updated_at && second.policy.patterns.is_empty(),
        "what is left out is empty"
    );
    refused(
        world.provision(loner, asking(&["gpu"])).await,
        "LABEL_NOT_PERMITTED",
        "Labels {gpu} not permitted by policy. Allowed labels: arm. Allowed patterns: none; to change the policy, ask a super_admin or org_admin",
    );
    let same = set(&world, root, by_email).await.unwrap();
    assert_eq!(same.updated_at, second.updated_at);

    remove(&world, root, loner).await.unwrap();
    refused(
        remove(&world, root, loner).await,
        "NOT_FOUND",
        &format!("No policy found for user: {loner}"),
    );
    refused(
        world.provision(loner, asking(&[])).await,
        "LABEL_NOT_PERMITTED",
        "Labels not permitted by policy. You belong to no active team and have no label policy.",
    );
    let actions: Vec<String> = world
        .all("SELECT action FROM audit_entries WHERE action LIKE 'label_policy.%' ORDER BY at, id")
        .await;
    assert_eq!(
        actions,
        ["label_policy.create", "label_policy.update", "label_policy.delete"]
    );
    let change: Value = world
        .one("SELECT json_build_array(before -> 'allowed_labels', after -> 'allowed_labels')::jsonb FROM audit_entries WHERE action = 'label_policy.update'")
        .await;
    assert_eq!(change, json!([["gpu"], ["arm"]]));
}

/// B17: every field that breaks a rule is named; patterns have to compile. Nobody gets a policy before an account.
#[tokio::test]
async fn b17_what_is_wrong_with_a_policy_is_named() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.user("loner").await);
    let wrong = NewPolicyInput {
        user_identity: "nobody".to_owned(),
        description: Some("x".repeat(501)),
        ..policy(loner, &["app-*"], &["(a"], Some(-1))
    };
    let (code, words) = refusal(set(&world, root, wrong).await);
    assert_eq!(code, "VALIDATION_ERROR");
    for field in [
        "user_identity",
        "allowed_labels",
        "label_patterns",
        "max_runners",
        "description",
    ] {
        assert!(words.contains(&format!("{field}: ")), "{field}: {words}");
    }
    assert!(words.contains("Invalid regex pattern '(a'"), "{words}");
    let stranger = NewPolicyInput {
        user_identity: "stranger@example.com".to_owned(),
        ..policy(loner, &["*"], &[], None)
    };
    refused(
        set(&world, root, stranger).await,
        "NOT_FOUND",
        "User not found: stranger@example.com",
    );
}

/// P: an org_admin writes for people of their organizations; auditors read; others neither. Others' people do not exist.
#[tokio::test]
async fn p_org_admins_write_policies_of_their_own_people() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (here, there) = (world.organization("here").await, world.organization("there").await);
    let (olga, otto, audrey) = (
        world.user("olga").await,
        world.user("otto").await,
        world.user("audrey").await,
    );
    let (mine, theirs) = (world.user("mine").await, world.user("theirs").await);
    world.give(here, olga, OrgRole::OrgAdmin).await;
    world.give(here, audrey, OrgRole::Auditor).await;
    world.give(here, mine, OrgRole::OrgMember).await;
    world.give(there, otto, OrgRole::OrgAdmin).await;
    world.give(there, theirs, OrgRole::OrgMember).await;
    for (by, user) in [(olga, theirs), (otto, mine)] {
        let missing = format!("User not found: {user}");
        refused(
            set(&world, by, policy(user, &["*"], &[], None)).await,
            "NOT_FOUND",
            &missing,
        );
    }
    for by in [audrey, mine] {
        let refused_to = set(&world, by, policy(mine, &["*"], &[], None)).await;
        refused(refused_to, "FORBIDDEN", "Admin privileges required.");
    }
    set(&world, olga, policy(mine, &["gpu"], &[], None)).await.unwrap();
    set(&world, root, policy(theirs, &["arm"], &[], None)).await.unwrap();
    assert_eq!(
        world
            .one::<uuid::Uuid>(
                "SELECT organization_id FROM audit_entries WHERE action = 'label_policy.create' AND target LIKE 'mine%'"
            )
            .await,
        here.0,
        "so that the organization's auditors see it"
    );
    for by in [olga, audrey] {
        let (names, total, _) = list(&world, by, PolicyQuery::default()).await.unwrap();
        assert_eq!((names, total), (vec!["mine".to_owned()], 1));
    }
    let get = async |by: UserId, user: UserId| {
        world
            .ask(by, async |ctx| label_policies::get(ctx, &UserRef::Id(user)).await)
            .await
    };
    assert!(get(audrey, mine).await.is_ok());
    refused(get(olga, theirs).await, "NOT_FOUND", "No policy found for user: ");
    refused(
        remove(&world, otto, mine).await,
        "NOT_FOUND",
        "No policy found for user: ",
    );
    refused(
        remove(&world, audrey, mine).await,
        "FORBIDDEN",
        "Admin privileges required.",
    );
    refused(
        list(&world, mine, PolicyQuery::default()).await,
        "FORBIDDEN",
        "Admin privileges required.",
    );
    // Who has lost the role since they signed in has lost it here.
    let stale = world.caller(olga).await;
    world
        .sql("UPDATE organization_members SET role = 'org_member' WHERE role = 'org_admin'")
        .await;
    let mut ctx = backend::Ctx::write(&world.backend, stale, crate::common::request())
        .await
        .unwrap();
    let late = label_policies::set(&mut ctx, policy(mine, &["*"], &[], None).parse().unwrap()).await;
    refused(late, "NOT_FOUND", "User not found: ");
}

/// P: guests are somebody else's people, and for those who have a role in the whole installation a super_admin decides.
#[tokio::test]
async fn p_an_org_admin_writes_no_policies_of_guests_nor_of_the_installations_own() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let here = world.organization("here").await;
    let olga = world.user("olga").await;
    let (mine, guest, auditor) = (
        world.user("mine").await,
        world.user("guest").await,
        world.user("auditor").await,
    );
    world.give(here, olga, OrgRole::OrgAdmin).await;
    for user in [mine, guest, auditor, root] {
        world.give(here, user, OrgRole::OrgMember).await;
    }
    world
        .sql(&format!(
            "UPDATE organization_members SET is_guest = true WHERE user_id = '{guest}'"
        ))
        .await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    for user in [guest, auditor, root] {
        refused(
            set(&world, olga, policy(user, &["*"], &[], None)).await,
            "NOT_FOUND",
            &format!("User not found: {user}"),
        );
        set(&world, root, policy(user, &["gpu"], &[], None)).await.unwrap();
        refused(
            remove(&world, olga, user).await,
            "NOT_FOUND",
            &format!("No policy found for user: {user}"),
        );
    }
    set(&world, olga, policy(mine, &["gpu"], &[], None)).await.unwrap();
    // What pages offer is what works.
    let managed = async |by: UserId| {
        world
            .ask(by, async |ctx| {
                label_policies::managed(ctx, &[mine, guest, auditor, root]).await
            })
            .await
            .unwrap()
    };
    assert_eq!(managed(olga).await, HashSet::from([mine]));
    assert_eq!(managed(root).await, HashSet::from([mine, guest, auditor, root]));
    for by in [auditor, mine] {
        assert!(managed(by).await.is_empty());
    }
    let (names, _, _) = list(&world, olga, PolicyQuery::default()).await.unwrap();
    assert_eq!(
        names,
        ["auditor", "guest", "mine", "root"],
        "to see them is another right"
    );
}

/// B17 [F]: the total is the true one under the search, whatever page is shown; people and labels are found.
#[tokio::test]
async fn b17_the_list_has_true_totals_and_pages() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for n in 0..7 {
        let user = world.user(&format!("p{n}")).await;
        let label = if n < 4 { "gpu" } else { "arm" };
        set(&world, root, policy(user, &[label], &["x_.*"], None))
            .await
            .unwrap();
    }
    let ask = async |search: Option<&str>, cursor: Option<String>, offset: i64| {
        let search = search.map(str::to_owned);
        let query = PolicyQuery {
            search,
            cursor,
            offset,
            limit: 3,
        };
        let (names, total, next) = list(&world, root, query).await.unwrap();
        (names.join(" "), total, next)
    };
    let (names, total, next) = ask(None, None, 0).await;
    assert_eq!((names.as_str(), total), ("p0 p1 p2", 7));
    let (names, total, next) = ask(None, next, 0).await;
    assert_eq!((names.as_str(), total), ("p3 p4 p5", 7));
    let (names, total, next) = ask(None, next, 0).await;
    assert_eq!((names.as_str(), total, next), ("p6", 7, None));
    assert_eq!(ask(None, None, 5).await.0, "p5 p6");
    assert_eq!(
        (ask(Some("GPU"), None, 0).await.1, ask(Some("p6@"), None, 0).await.1),
        (4, 1)
    );
    assert_eq!(ask(Some("x_."), None, 0).await.1, 7);
    assert_eq!(ask(Some("%"), None, 0).await.1, 0, "taken as itself");
}

/// B17: what asks for an approval refuses, says so and whom to ask; what is refused anyway is refused for its own
/// reason. It is neither ignored nor silently approved.
#[tokio::test]
async fn b17_a_policy_that_requires_approval_refuses_until_it_is_lifted() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.user("loner").await);
    let needs = NewPolicyInput {
        require_approval: true,
        ..policy(loner, &["gpu"], &[], Some(1))
    };
    set(&world, root, needs).await.unwrap();
    let (code, words) = refusal(world.provision(loner, asking(&["gpu"])).await);
    assert_eq!(code, "APPROVAL_REQUIRED");
    assert!(words.starts_with("Approval required."), "{words}");
    assert!(
        words.contains("ask a super_admin or org_admin of the organization"),
        "{words}"
    );
    refused(
        world.provision(loner, asking(&["arm"])).await,
        "LABEL_NOT_PERMITTED",
        "Labels {arm} not",
    );
    assert_eq!(world.one::<i64>("SELECT count(*) FROM runners").await, 0);
    assert_eq!(backend::Code::ApprovalRequired.status(), 403);
    set(&world, root, policy(loner, &["gpu"], &[], Some(1))).await.unwrap();
    world.provision(loner, asking(&["gpu"])).await.expect("it is lifted");
}

/// B14, B17: a quota of one's own is a hard one, however many ask at once; 403 with the literal.
#[tokio::test(flavor = "multi_thread")]
async fn b17_a_persons_quota_holds_under_a_race() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.user("loner").await);
    set(&world, root, policy(loner, &["*"], &[], Some(3))).await.unwrap();
    let tries = (0..20).map(|_| world.provision(loner, asking(&["any"])));
    let outcomes = futures_util::future::join_all(tries).await;
    let (made, not): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), not.len()), (3, 17));
    for outcome in not {
        refused(
            outcome,
            "QUOTA_EXCEEDED",
            "Runner quota exceeded. Maximum allowed: 3, current: 3",
        );
    }
}

/// B24: the security event of a refusal says what was asked for, what of it was refused, and what would have been
/// allowed; of someone in no team it is kept under their organization.
#[tokio::test]
async fn b24_a_refusal_says_what_would_have_been_allowed() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.user("loner").await);
    let here = world.organization("here").await;
    world.give(here, loner, OrgRole::OrgMember).await;
    set(&world, root, policy(loner, &["gpu"], &["app-.*"], Some(2)))
        .await
        .unwrap();
    let _ = refusal(world.provision(loner, asking(&["gpu", "arm"])).await);
    let event = async || -> Value {
        world
            .one("SELECT violation_data || jsonb_build_object('organization', organization_id) FROM security_events ORDER BY at DESC LIMIT 1")
            .await
    };
    let data = event().await;
    assert_eq!(data["labels"], json!(["gpu", "arm"]));
    assert_eq!(data["refused_labels"], json!(["arm"]));
    assert_eq!(
        (&data["policy"], &data["allowed_labels"]),
        (&json!("user"), &json!(["gpu"]))
    );
    assert_eq!(data["allowed_patterns"], json!(["app-.*"]));
    assert_eq!(data["organization"], json!(here.0));

    let team = world.team_in(here, "Ops").await;
    world.join(team, loner, TeamRole::Member).await;
    world
        .sql("UPDATE teams SET required_labels = '{docker}', optional_label_patterns = '{env-.*}' WHERE name = 'Ops'")
        .await;
    let input = JitInput {
        team_id: Some(team),
        ..asking(&["env-x", "gpu"])
    };
    let _ = refusal(world.provision(loner, input).await);
    let data = event().await;
    assert_eq!(
        (&data["policy"], &data["refused_labels"]),
        (&json!("team"), &json!(["gpu"]))
    );
    assert_eq!(
        (&data["required_labels"], &data["allowed_patterns"]),
        (&json!(["docker"]), &json!(["env-.*"]))
    );
}

/// The seed's "Coexistence Period": with a team, the team's policy counts and has to be chosen; without, one's own.
#[tokio::test]
async fn b16_both_kinds_of_policy_live_side_by_side() {
    let world = World::new().await;
    let (root, ada) = (world.super_admin().await, world.user("ada").await);
    set(&world, root, policy(ada, &["gpu"], &[], Some(4))).await.unwrap();
    let form = async || {
        world
            .ask(ada, async |ctx| teams::provision_form(ctx).await)
            .await
            .unwrap()
    };
    world.provision(ada, asking(&["gpu"])).await.unwrap();
    let before = form().await;
    let own = before.own_policy.unwrap();
    assert_eq!(
        (before.teams.len(), own.max_runners, before.own_runners),
        (0, Some(4), 1)
    );
    assert!(!before.policy_by_default);

    let team = world.team("Ops").await;
    world.join(team, ada, TeamRole::Member).await;
    let during = form().await;
    assert_eq!((during.teams.len(), during.own_policy), (1, None));
    let (code, words) = refusal(world.provision(ada, asking(&["gpu"])).await);
    assert_eq!((code, backend::Code::TeamRequired.status()), ("TEAM_REQUIRED", 400));
    assert!(words.starts_with("team_id is required"), "B34: {words}");
    let input = JitInput {
        team_id: Some(team),
        ..asking(&["gpu"])
    };
    refused(
        world.provision(ada, input).await,
        "LABEL_NOT_PERMITTED",
        "Label not permitted by team policy: gpu",
    );
    world.set_status(team, TeamStatus::Inactive).await;
    world
        .provision(ada, asking(&["gpu"]))
        .await
        .expect("B16: in no active team");
}

/// X4: only a super_admin lets the Default Team have runners; that ends the fallback for its members, and is audited.
#[tokio::test]
async fn x4_enabling_runners_on_the_default_team_ends_the_fallback() {
    let world = World::new().await;
    let (root, ada) = (world.super_admin().await, world.user("ada").await);
    let (system, ops) = (domain::DEFAULT_TEAM, world.team("Ops").await);
    let tess = world.member(system, "tess", TeamRole::Member).await;
    world.join(ops, tess, TeamRole::Member).await;
    world.join(system, ada, TeamRole::Member).await;
    set(&world, root, policy(ada, &["gpu"], &[], None)).await.unwrap();
    world.provision(ada, asking(&["gpu"])).await.expect("it does not count");

    let switch = async |by: UserId, team: TeamId, enabled: bool| {
        let patch = TeamPatchInput {
            runners_enabled: Some(enabled),
            ..TeamPatchInput::default()
        };
        world
            .act(by, async |ctx| teams::update(ctx, team, patch.parse()?).await)
            .await
    };
    let effects = world
        .ask(root, async |ctx| {
            label_policies::default_team_effects(ctx, system).await
        })
        .await
        .unwrap();
    assert_eq!(
        (effects.members, effects.by_own_policy),
        (2, 1),
        "tess has another team"
    );
    refused(
        switch(tess, system, true).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    refused(
        switch(root, ops, false).await,
        "VALIDATION_ERROR",
        "runners_enabled: can be changed for the Default Team only",
    );
    switch(root, system, true).await.unwrap();
    refused(
        world.provision(ada, asking(&["gpu"])).await,
        "TEAM_REQUIRED",
        "team_id is required",
    );
    let mine = world.ask(ada, async |ctx| teams::mine(ctx).await).await.unwrap();
    assert_eq!(mine.iter().map(|team| team.id).collect::<Vec<_>>(), [system]);
    let change: Value = world
        .one("SELECT json_build_array(before -> 'runners_enabled', after -> 'runners_enabled')::jsonb FROM audit_entries WHERE action = 'team.update'")
        .await;
    assert_eq!(change, json!([false, true]));
    switch(root, system, false).await.unwrap();
    world
        .provision(ada, asking(&["gpu"]))
        .await
        .expect("the fallback is back");
}
