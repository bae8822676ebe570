//! Provisioning: labels, names, teams, policies, groups and quotas (B11 to B17, B30, B34), over real HTTP.

use std::sync::Arc;

use backend::{Code, Error, Result, runners::JitInput};
use domain::{ProjectId, SYSTEM_LABELS, TeamId, TeamRole, TeamStatus, UserId, views::Provisioned};

use crate::common::{JIT, World, refusal, refused};

/// The guide's team and one of its members.
async fn guide(world: &World) -> (TeamId, UserId) {
    let team = world.team("Backend Team").await;
    world
        .sql(&format!(
            "UPDATE teams SET required_labels = '{{docker}}', optional_label_patterns = '{{app-.*}}', max_runners = 10 WHERE id = '{team}'"
        ))
        .await;
    (team, world.member(team, "dev", TeamRole::Member).await)
}

fn with(team: TeamId, labels: &[&str]) -> JitInput {
    let labels = labels.iter().map(ToString::to_string).collect();
    JitInput {
        team_id: Some(team),
        labels,
        ..JitInput::default()
    }
}

fn texts(made: &Provisioned) -> Vec<&str> {
    made.labels.iter().map(domain::Label::as_str).collect()
}

async fn live(world: &World) -> i64 {
    world
        .one("SELECT count(*) FROM runners WHERE status <> 'deleted'")
        .await
}

/// B12, B13: the guide's example gives exactly its labels: in the answer, in the table and at GitHub.
#[tokio::test]
async fn b13_the_guides_example() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let made = world.provision(dev, with(team, &["app-backend"])).await.unwrap();
    let expected = ["self-hosted", "linux", "x64", "docker", "app-backend"];
    assert_eq!(texts(&made), expected);
    let [at_github] = &world.github.runners()[..] else {
        panic!("one runner")
    };
    assert_eq!(
        (
            at_github.labels.clone(),
            at_github.runner_group_id,
            at_github.work_folder.as_str()
        ),
        (expected.map(str::to_owned).to_vec(), 1, "_work")
    );
    assert_eq!(at_github.name, made.runner_name);
    let stored: Vec<String> = world.all("SELECT unnest(labels) FROM runners").await;
    assert_eq!(stored, expected);
    let row: String = world
        .one(
            "SELECT status || ' ' || github_runner_id || ' ' || (lease_until IS NULL) || ' ' || ephemeral FROM runners",
        )
        .await;
    assert_eq!(row, format!("pending {} true true", at_github.id));
    assert_eq!(
        made.run_command(),
        format!("./run.sh --jitconfig {}", made.encoded_jit_config)
    );
    let lives = made.expires_at - chrono::Utc::now();
    assert!((3590..=3600).contains(&lives.num_seconds()), "an hour");

    let (code, words) = refusal(world.provision(dev, with(team, &["app-backend", "gpu"])).await);
    assert_eq!((code, Code::LabelNotPermitted.status()), ("LABEL_NOT_PERMITTED", 403));
    assert!(
        words.starts_with("Label not permitted by team policy: gpu. Allowed patterns: app-.*"),
        "{words}"
    );
    refused(
        world.provision(dev, with(team, &["my-app-x"])).await,
        code,
        "Label not permitted by team policy: my-app-x",
    );
    assert_eq!(
        (
            live(&world).await,
            world.github.runner_count(),
            world.github.calls_of(JIT)
        ),
        (1, 1, 1),
        "refused whole, before GitHub"
    );
}

/// B13, X20: system and required labels may be asked for; each label is there once, as it was written first.
#[tokio::test]
async fn b13_system_and_required_labels_may_be_asked_for() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let made = world
        .provision(
            dev,
            with(team, &["LINUX", "Docker", "APP-One", "app-one", "self-hosted"]),
        )
        .await
        .unwrap();
    assert_eq!(texts(&made), ["self-hosted", "linux", "x64", "docker", "APP-One"]);
    let none = world.provision(dev, with(team, &[])).await.unwrap();
    assert_eq!(texts(&none), ["self-hosted", "linux", "x64", "docker"]);
}

/// B13: with no patterns no custom label passes, and a hundred labels are the most there are.
#[tokio::test]
async fn b13_limits_of_labels() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    refused(
        world.provision(dev, with(team, &["x"])).await,
        "LABEL_NOT_PERMITTED",
        "Label not permitted by team policy: x. The team allows no custom labels",
    );
    world.sql("UPDATE teams SET optional_label_patterns = '{.*}'").await;
    let many: Vec<String> = (0..100).map(|n| format!("l{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused(
        world.provision(dev, with(team, &many)).await,
        "VALIDATION_ERROR",
        "labels: must be at most 100 labels, required ones included",
    );
    assert_eq!(
        texts(&world.provision(dev, with(team, &many[..97])).await.unwrap()).len(),
        100
    );
    for bad in [
        "",
        "a b",
        "ä",
        "a\0",
        &"x".repeat(101),
        &"a".repeat(10_000),
        "a;b",
        "../x",
    ] {
        refused(
            world.provision(dev, with(team, &[bad])).await,
            "VALIDATION_ERROR",
            "labels: label '",
        );
    }
    assert_eq!(live(&world).await, 1);
}

/// B11: exact names, prefixes, generated names; both is an error; a name that is alive is 409 with the seed's words.
#[tokio::test]
async fn b11_names() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let named = |name: Option<&str>, prefix: Option<&str>| JitInput {
        runner_name: name.map(str::to_owned),
        runner_name_prefix: prefix.map(str::to_owned),
        ..with(team, &[])
    };
    let name = async |input| world.provision(dev, input).await.map(|made| made.runner_name);
    assert_eq!(name(named(Some("my-runner"), None)).await.unwrap(), "my-runner");
    for (input, prefix) in [
        (named(None, Some("backend-runner")), "backend-runner-"),
        (named(None, None), "backend-team-"),
        (named(Some(" "), Some("")), "backend-team-"),
    ] {
        let made = name(input).await.unwrap();
        let hex = made.strip_prefix(prefix).unwrap_or_else(|| panic!("{made}"));
        assert!(
            hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()),
            "{made}"
        );
    }
    let both = "runner_name: Only one of 'runner_name' or 'runner_name_prefix' can be provided, not both";
    refused(name(named(Some("a"), Some("b"))).await, "VALIDATION_ERROR", both);
    for again in ["my-runner", "MY-Runner"] {
        let (code, words) = refusal(name(named(Some(again), None)).await);
        let literal =
            format!("Runner with name '{again}' is currently active. Use a different name or wait until it's deleted.");
        assert_eq!(
            (code, words, Code::RunnerNameTaken.status()),
            ("RUNNER_NAME_TAKEN", literal, 409)
        );
    }
    assert_eq!(world.github.calls_of(JIT), 4, "our own books suffice to refuse");
    world
        .sql("UPDATE runners SET status = 'deleted' WHERE name = 'my-runner'")
        .await;
    world.github.remove_runner(1);
    assert_eq!(
        name(named(Some("my-runner"), None)).await.unwrap(),
        "my-runner",
        "free again once deleted"
    );
    for bad in ["has space", "ä", &"x".repeat(65), "a/b"] {
        refused(
            name(named(Some(bad), None)).await,
            "VALIDATION_ERROR",
            "runner_name: must be 1 to 64",
        );
    }
    refused(
        name(named(None, Some(&"x".repeat(51)))).await,
        "VALIDATION_ERROR",
        "runner_name_prefix: must be 1 to 50",
    );
    assert!(
        name(named(Some(&"x".repeat(64)), None)).await.is_ok()
            && name(named(None, Some(&"y".repeat(50)))).await.is_ok()
    );
}

/// B11: a name that GitHub knows and we do not is 409 too, and the place is free again.
#[tokio::test]
async fn b11_a_name_that_only_github_knows_is_taken_too() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    world.github.add_runner("by-hand", &["self-hosted"]);
    let input = JitInput {
        runner_name: Some("By-Hand".to_owned()),
        ..with(team, &[])
    };
    refused(
        world.provision(dev, input).await,
        "RUNNER_NAME_TAKEN",
        "Runner with name 'By-Hand' is currently active.",
    );
    assert_eq!(
        (live(&world).await, world.github.runner_count()),
        (0, 1),
        "and the one by hand stays"
    );
}

/// B14, B16, B34, X16: who may provision for which team.
#[tokio::test]
async fn b16_a_runner_is_for_a_team_of_ones_own() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let other = world.team("Other").await;
    let none = JitInput::default();
    let (code, words) = refusal(world.provision(dev, none.clone()).await);
    assert!(code == "TEAM_REQUIRED" && words.starts_with("team_id is required") && Code::TeamRequired.status() == 400);
    for wrong in [other, TeamId(uuid::Uuid::from_u128(1))] {
        refused(
            world.provision(dev, with(wrong, &[])).await,
            "NOT_TEAM_MEMBER",
            "User not a member of team",
        );
    }
    let root = world.super_admin().await;
    refused(
        world.provision(root, with(team, &[])).await,
        "NOT_TEAM_MEMBER",
        "User not a member of team",
    );
    let boss = world.user("boss").await;
    let here = world.organization("here").await;
    let theirs = world.team_in(here, "Theirs").await;
    world.give(here, boss, domain::OrgRole::OrgAdmin).await;
    refused(
        world.provision(boss, with(theirs, &[])).await,
        "NOT_TEAM_MEMBER",
        "User not a member of team",
    );
    world.join(team, root, TeamRole::Member).await;
    world
        .provision(root, with(team, &[]))
        .await
        .expect("a super_admin who is a member");
    let auditor = world.member(team, "auditor", TeamRole::Member).await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    world.provision(auditor, with(team, &[])).await.expect("as a member");

    world.set_status(team, TeamStatus::Inactive).await;
    refused(
        world.provision(dev, with(team, &[])).await,
        "TEAM_INACTIVE",
        "Team is inactive",
    );
    world.set_status(team, TeamStatus::Archived).await;
    refused(
        world.provision(dev, with(team, &[])).await,
        "NOT_TEAM_MEMBER",
        "User not a member of team",
    );
    world.set_status(team, TeamStatus::Active).await;
    world
        .sql(&format!("UPDATE users SET can_use_jit = false WHERE id = '{dev}'"))
        .await;
    let (code, words) = refusal(world.provision(dev, with(team, &[])).await);
    assert!(code == "JIT_NOT_PERMITTED" && words.starts_with("Access to JIT API not permitted for this user."));
    assert_eq!(live(&world).await, 2);
}

/// B11: a project is one of that team's.
#[tokio::test]
async fn b11_a_project_belongs_to_the_team() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let other = world.team("Other").await;
    world.join(other, dev, TeamRole::Member).await;
    let (mine, theirs) = (world.project(team, "mine").await, world.project(other, "theirs").await);
    let of = |project: ProjectId| JitInput {
        project_id: Some(project),
        ..with(team, &[])
    };
    refused(
        world.provision(dev, of(theirs)).await,
        "NOT_FOUND",
        &format!("Project not found: {theirs}"),
    );
    let no_team = JitInput {
        project_id: Some(mine),
        ..JitInput::default()
    };
    refused(
        world.provision(dev, no_team).await,
        "VALIDATION_ERROR",
        "project_id: needs the team_id",
    );
    world.assign(mine, dev).await;
    world.provision(dev, of(mine)).await.unwrap();
    assert_eq!(world.one::<uuid::Uuid>("SELECT project_id FROM runners").await, mine.0);
}

/// B30: a team's runner groups, the default one without any, and nothing else.
#[tokio::test]
async fn b30_runner_groups() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let group = |id: Option<i64>| JitInput {
        runner_group_id: id,
        ..with(team, &[])
    };
    let at_github = || world.github.runners().last().map(|runner| runner.runner_group_id);
    world.provision(dev, group(Some(1))).await.unwrap();
    refused(
        world.provision(dev, group(Some(7))).await,
        "VALIDATION_ERROR",
        "runner_group_id: must be one of",
    );
    refused(
        world.provision(dev, group(Some(0))).await,
        "VALIDATION_ERROR",
        "runner_group_id: must be a positive number",
    );
    world.sql("UPDATE teams SET runner_group_ids = '{7}'").await;
    world.provision(dev, group(None)).await.unwrap();
    assert_eq!(at_github(), Some(7), "the first of its groups");
    refused(
        world.provision(dev, group(Some(1))).await,
        "VALIDATION_ERROR",
        "runner_group_id: must be one of the team's runner groups: [7]",
    );
    world.sql("UPDATE teams SET runner_group_ids = '{1,7}'").await;
    world.provision(dev, group(Some(7))).await.unwrap();
    let loner = world.user("loner").await;
    world
        .sql(&format!(
            "INSERT INTO user_label_policies (user_id, allowed_labels) VALUES ('{loner}', '{{*}}')"
        ))
        .await;
    let own = |id| JitInput {
        runner_group_id: id,
        ..JitInput::default()
    };
    refused(
        world.provision(loner, own(Some(7))).await,
        "VALIDATION_ERROR",
        "runner_group_id: must be 1",
    );
    world.provision(loner, own(Some(1))).await.unwrap();
}

/// B16, B17, X4: someone in no active team is under their own label policy and quota; without a policy, refused.
#[tokio::test]
async fn b17_people_in_no_team_are_under_their_own_policy() {
    let world = World::new().await;
    let loner = world.user("loner").await;
    let asking = |labels: &[&str]| JitInput {
        labels: labels.iter().map(ToString::to_string).collect(),
        ..JitInput::default()
    };
    refused(
        world.provision(loner, asking(&[])).await,
        "LABEL_NOT_PERMITTED",
        "Labels not permitted by policy.",
    );
    world
        .sql(&format!(
            "INSERT INTO user_label_policies (user_id, allowed_labels, label_patterns, max_runners)
            VALUES ('{loner}', '{{gpu}}', '{{app-.*}}', 2)"
        ))
        .await;
    let made = world
        .provision(loner, asking(&["GPU", "app-x", "linux"]))
        .await
        .unwrap();
    assert_eq!(texts(&made), ["self-hosted", "linux", "x64", "GPU", "app-x"]);
    assert!(made.runner_name.starts_with("runner-"), "{}", made.runner_name);
    let (code, words) = refusal(world.provision(loner, asking(&["arm", "gpu"])).await);
    assert_eq!(code, "LABEL_NOT_PERMITTED");
    assert!(
        words.starts_with("Labels {arm} not permitted by policy. Allowed labels: gpu. Allowed patterns: app-.*"),
        "{words}"
    );
    world.provision(loner, asking(&[])).await.unwrap();
    refused(
        world.provision(loner, asking(&[])).await,
        "QUOTA_EXCEEDED",
        "Runner quota exceeded. Maximum allowed: 2, current: 2",
    );
    assert_eq!(Code::QuotaExceeded.status(), 403);
    world
        .sql("UPDATE runners SET status = 'deleted' WHERE name = (SELECT name FROM runners LIMIT 1)")
        .await;
    world
        .provision(loner, asking(&[]))
        .await
        .expect("a place is free again");

    // The Default Team does not count as a team, and inactive ones do not either; an active one ends the fallback.
    world.sql("UPDATE user_label_policies SET max_runners = NULL").await;
    let (system, team) = (domain::DEFAULT_TEAM, world.team("Ops").await);
    world.join(system, loner, TeamRole::Member).await;
    world.join(team, loner, TeamRole::Member).await;
    refused(
        world.provision(loner, asking(&[])).await,
        "TEAM_REQUIRED",
        "team_id is required",
    );
    refused(
        world.provision(loner, with(system, &[])).await,
        "FORBIDDEN",
        "Team 'Default Team' may not have runners.",
    );
    world.set_status(team, TeamStatus::Inactive).await;
    world.provision(loner, asking(&[])).await.expect("the fallback");
    world
        .sql(&format!(
            "UPDATE teams SET runners_enabled = true WHERE id = '{system}'"
        ))
        .await;
    refused(
        world.provision(loner, asking(&[])).await,
        "TEAM_REQUIRED",
        "team_id is required",
    );
    world
        .provision(loner, with(system, &[]))
        .await
        .expect("runners are enabled on it");
}

/// B17: an installation may allow everything to people without a policy; a policy then still counts.
#[tokio::test]
async fn b17_a_setting_allows_people_without_a_policy() {
    let settings = backend::Settings {
        allow_without_label_policy: true,
        ..backend::Settings::default()
    };
    let world = World::with(settings).await;
    let loner = world.user("loner").await;
    let input = JitInput {
        labels: vec!["anything".to_owned()],
        ..JitInput::default()
    };
    world
        .provision(loner, input.clone())
        .await
        .expect("no policy is no limit");
    world
        .sql(&format!("INSERT INTO user_label_policies (user_id) VALUES ('{loner}')"))
        .await;
    refused(
        world.provision(loner, input).await,
        "LABEL_NOT_PERMITTED",
        "Labels {anything} not permitted by policy. Allowed labels: none. Allowed patterns: none",
    );
}

/// B15: pending, active and offline runners count; deleted ones do not; busy or not makes no difference.
#[tokio::test]
async fn b15_the_quota_counts_every_runner_that_is_not_deleted() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let someone = world.member(team, "someone", TeamRole::Admin).await;
    for status in ["pending", "active", "offline", "deleted", "deleted"] {
        world.runner(Some(team), someone, status).await;
    }
    world.runner(None, dev, "active").await;
    world
        .sql("UPDATE runners SET busy = true WHERE status = 'active'")
        .await;
    let quota = async |max: &str| {
        world.sql(&format!("UPDATE teams SET max_runners = {max}")).await;
        world.provision(dev, with(team, &[])).await
    };
    for max in ["0", "2", "3"] {
        let (code, words) = refusal(quota(max).await);
        assert_eq!(code, "QUOTA_EXCEEDED");
        assert!(
            words.starts_with(&format!("Team quota exceeded. Maximum allowed: {max}, current: 3.")),
            "{words}"
        );
    }
    quota("4").await.expect("one place");
    refused(
        quota("4").await,
        "QUOTA_EXCEEDED",
        "Team quota exceeded. Maximum allowed: 4, current: 4.",
    );
    quota("NULL").await.expect("no limit");
    assert_eq!(
        world
            .one::<i32>("SELECT runner_count FROM teams WHERE NOT is_system")
            .await,
        5
    );
}

/// B15 as a race, issue 2's own numbers: a quota of 10 and 300 requests at once. Exactly 10 runners, here and at GitHub.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b15_of_300_at_once_exactly_10_pass() {
    let world = Arc::new(World::new().await);
    let (team, dev) = guide(&world).await;
    let caller = world.caller(dev).await;
    world.github.set_faults(simulators::github::Faults {
        latency_ms: 30,
        ..Default::default()
    });
    let tasks: Vec<_> = (0..300)
        .map(|_| {
            let (world, caller) = (Arc::clone(&world), caller.clone());
            tokio::spawn(async move {
                let request = with(team, &["app-x"]).parse().expect("a request");
                backend::runners::provision(&world.backend, caller, crate::common::request(), request).await
            })
        })
        .collect();
    let mut made = Vec::new();
    let mut refusals = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(runner) => made.push(runner.runner_name),
            Err(error) => {
                assert!(
                    error
                        .detail()
                        .starts_with("Team quota exceeded. Maximum allowed: 10, current: 10."),
                    "{error}"
                );
                refusals += 1;
            }
        }
    }
    assert_eq!((made.len(), refusals), (10, 290));
    let mut stored: Vec<String> = world
        .all("SELECT name FROM runners WHERE status <> 'deleted' AND lease_until IS NULL")
        .await;
    let mut at_github: Vec<String> = world.github.runners().into_iter().map(|runner| runner.name).collect();
    for names in [&mut made, &mut stored, &mut at_github] {
        names.sort();
    }
    assert!(made == stored && made == at_github);
    let rows: (i64, i32, i64) = (
        world.one("SELECT count(*) FROM runners").await,
        world.one("SELECT runner_count FROM teams WHERE NOT is_system").await,
        world
            .one("SELECT count(*) FROM audit_entries WHERE action = 'provision_jit'")
            .await,
    );
    assert_eq!(
        (rows, world.github.calls_of(JIT)),
        ((10, 10, 10), 10),
        "refused ones left nothing and asked nobody"
    );
}

/// B17 as a race: a person's own quota holds as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b17_the_own_quota_holds_at_once_too() {
    let world = Arc::new(World::new().await);
    let loner = world.user("loner").await;
    world
        .sql(&format!(
            "INSERT INTO user_label_policies (user_id, allowed_labels, max_runners) VALUES ('{loner}', '{{*}}', 3)"
        ))
        .await;
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.provision(loner, JitInput::default()).await.is_ok() })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        good += usize::from(task.await.expect("no panic"));
    }
    assert_eq!((good, world.github.runner_count(), live(&world).await), (3, 3, 3));
}

/// B11 as a race: one exact name, asked for by many in two teams at once, is given once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b11_one_name_is_given_once() {
    let world = Arc::new(World::new().await);
    let (team, dev) = guide(&world).await;
    let other = world.team("Other").await;
    world.join(other, dev, TeamRole::Member).await;
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let world = Arc::clone(&world);
            let input = JitInput {
                runner_name: Some("the-one".to_owned()),
                ..with(if n % 2 == 0 { team } else { other }, &[])
            };
            tokio::spawn(async move { world.provision(dev, input).await })
        })
        .collect();
    let mut results: Vec<Result<Provisioned>> = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let others = results.iter().filter_map(|result| result.as_ref().err());
    assert!(others.map(Error::code).all(|code| code == Code::RunnerNameTaken));
    assert_eq!((live(&world).await, world.github.runner_count()), (1, 1));
}

/// B18, B35: who sees which runners; deleted ones only when asked for; pages and totals.
#[tokio::test]
async fn b18_runners_are_listed_to_those_who_may_see_them() {
    use backend::runners::{self, RunnerQuery};
    let world = World::new().await;
    let here = world.organization("here").await;
    let (mine, theirs) = (world.team_in(here, "Mine").await, world.team("Theirs").await);
    let dev = world.member(mine, "dev", TeamRole::Member).await;
    let colleague = world.member(mine, "colleague", TeamRole::Member).await;
    let stranger = world.user("stranger").await;
    let (boss, root) = (world.user("boss").await, world.super_admin().await);
    world.give(here, boss, domain::OrgRole::OrgAdmin).await;
    let mut ids = Vec::new();
    for (team, by) in [
        (Some(mine), dev),
        (Some(mine), colleague),
        (Some(theirs), stranger),
        (Some(theirs), dev),
        (None, stranger),
    ] {
        ids.push(domain::RunnerId(world.runner(team, by, "active").await));
    }
    world.runner(Some(mine), dev, "deleted").await;
    let seen = async |who, query: RunnerQuery| {
        let page = world
            .ask(who, async |ctx| runners::list(ctx, &query).await)
            .await
            .unwrap();
        let mut found: Vec<usize> = page
            .items
            .iter()
            .filter_map(|runner| ids.iter().position(|id| *id == runner.id))
            .collect();
        found.sort_unstable();
        assert_eq!(usize::try_from(page.total).unwrap(), page.items.len());
        found
    };
    let all = RunnerQuery::default;
    assert_eq!(seen(root, all()).await, [0, 1, 2, 3, 4]);
    assert_eq!(seen(boss, all()).await, [0, 1]);
    assert_eq!(seen(dev, all()).await, [0, 1, 3]);
    assert_eq!(seen(stranger, all()).await, [2, 4]);
    for (who, visible) in [
        (root, vec![0, 1, 2, 3, 4]),
        (boss, vec![0, 1]),
        (dev, vec![0, 1, 3]),
        (stranger, vec![2, 4]),
    ] {
        for (index, id) in ids.iter().enumerate() {
            let one = world.ask(who, async |ctx| runners::get(ctx, *id).await).await;
            assert_eq!(one.is_ok(), visible.contains(&index), "{index}");
            if one.is_err() {
                refused(
                    one,
                    "NOT_FOUND",
                    &format!("Runner with ID '{id}' not found or not owned by you"),
                );
            }
        }
    }
    let of = |team| RunnerQuery {
        team_id: Some(team),
        ..all()
    };
    assert_eq!(seen(dev, of(mine)).await, [0, 1]);
    let foreign = world.ask(dev, async |ctx| runners::list(ctx, &of(theirs)).await).await;
    refused(foreign, "FORBIDDEN", "Access denied: not a team member");
    assert_eq!(
        seen(
            root,
            RunnerQuery {
                team_name: Some("MINE".to_owned()),
                ..all()
            }
        )
        .await,
        [0, 1]
    );
    let deleted = RunnerQuery {
        status: Some(domain::RunnerStatus::Deleted),
        ..all()
    };
    assert_eq!(
        world
            .ask(dev, async |ctx| runners::list(ctx, &deleted).await)
            .await
            .unwrap()
            .total,
        1
    );
    // B35: of an inactive team, the own ones.
    world.set_status(mine, TeamStatus::Inactive).await;
    assert_eq!(seen(dev, all()).await, [0, 3]);
    assert_eq!(seen(dev, of(mine)).await, [0]);
    assert!(
        world
            .ask(dev, async |ctx| runners::get(ctx, ids[0]).await)
            .await
            .is_ok()
    );
    assert!(
        world
            .ask(dev, async |ctx| runners::get(ctx, ids[1]).await)
            .await
            .is_err()
    );

    world.sql(&format!("INSERT INTO runners (id, name, status, labels, runner_group_id, provisioned_by, created_at)
        SELECT gen_random_uuid(), 'bulk-' || n, 'active', '{{}}', 1, '{root}', timestamptz '2026-01-01Z' + (n % 3) * interval '1 us' FROM generate_series(1, 20) n")).await;
    let expected: Vec<uuid::Uuid> = world
        .all("SELECT id FROM runners WHERE status <> 'deleted' ORDER BY created_at DESC, id DESC")
        .await;
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let query = RunnerQuery {
            cursor,
            limit: 4,
            ..all()
        };
        let page = world
            .ask(root, async |ctx| runners::list(ctx, &query).await)
            .await
            .unwrap();
        walked.extend(page.items.iter().map(|runner| runner.id.0));
        assert_eq!(page.total, 25);
        cursor = page.next;
        if cursor.is_none() {
            cursor = page.previous;
            break;
        }
    }
    assert_eq!(walked, expected);
    let mut back = walked.split_off(24);
    while let Some(at) = cursor {
        let query = RunnerQuery {
            cursor: Some(at),
            limit: 4,
            ..all()
        };
        let page = world
            .ask(root, async |ctx| runners::list(ctx, &query).await)
            .await
            .unwrap();
        back.splice(0..0, page.items.iter().map(|runner| runner.id.0));
        cursor = page.previous;
    }
    assert_eq!(back, expected);
    assert_eq!(SYSTEM_LABELS.len(), 3);
}

/// B25: "all operations are logged": every attempt that was not permitted leaves an entry with the team that it was for.
/// The rules of a team are told to its own only; mistakes in a request are no attempts.
#[tokio::test]
async fn b25_every_attempt_that_is_refused_is_logged() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    let (stranger, loner) = (world.user("stranger").await, world.user("loner").await);
    world
        .sql(&format!(
            "INSERT INTO user_label_policies (user_id, allowed_labels, require_approval) VALUES ('{loner}', '{{*}}', true)"
        ))
        .await;
    let entries = async || {
        let sql =
            "SELECT concat_ws(' ', actor, success::text, after->>'error_code', coalesce(team_id::text, 'none'), target, ip)
            FROM audit_entries WHERE action = 'provision_jit_failed' ORDER BY txid, position";
        world.all::<String>(sql).await
    };
    let mut expected = Vec::new();
    let mut attempt = async |who: UserId, input: JitInput, line: String| {
        let _ = refusal(world.provision(who, input).await);
        expected.push(line);
        assert_eq!(entries().await, expected);
    };
    let own = JitInput::default;
    let foreign = format!("stranger@example.com false NOT_TEAM_MEMBER {team} Backend Team 192.0.2.7");
    attempt(stranger, with(team, &["app-x"]), foreign).await;
    let missing = TeamId(uuid::Uuid::from_u128(1));
    let nowhere = "stranger@example.com false NOT_TEAM_MEMBER none stranger@example.com 192.0.2.7".to_owned();
    attempt(stranger, with(missing, &[]), nowhere).await;
    let approval = "loner@example.com false APPROVAL_REQUIRED none loner@example.com 192.0.2.7".to_owned();
    attempt(loner, own(), approval).await;
    world.set_status(team, TeamStatus::Inactive).await;
    let inactive = format!("dev@example.com false TEAM_INACTIVE {team} Backend Team 192.0.2.7");
    attempt(dev, with(team, &[]), inactive).await;
    world.set_status(team, TeamStatus::Active).await;
    world
        .sql(&format!("UPDATE users SET can_use_jit = false WHERE id = '{dev}'"))
        .await;
    let no_jit = format!("dev@example.com false JIT_NOT_PERMITTED {team} Backend Team 192.0.2.7");
    attempt(dev, with(team, &[]), no_jit).await;
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM security_events").await,
        0,
        "labels and quotas only are security events"
    );
    let told: i64 = world
        .one("SELECT count(*) FROM audit_entries WHERE after ? 'allowed_patterns' OR after ? 'max_runners'")
        .await;
    assert_eq!(told, 0, "the policy is no business of those who may not use the team");
    assert_eq!(
        world
            .one::<String>(
                "SELECT after->>'labels' FROM audit_entries WHERE actor = 'stranger@example.com' ORDER BY txid LIMIT 1"
            )
            .await,
        r#"["app-x"]"#
    );

    world.sql("UPDATE users SET can_use_jit = true").await;
    refused(
        world.provision(dev, own()).await,
        "TEAM_REQUIRED",
        "team_id is required",
    );
    let wrong_group = JitInput {
        runner_group_id: Some(99),
        ..with(team, &[])
    };
    refused(
        world.provision(dev, wrong_group).await,
        "VALIDATION_ERROR",
        "runner_group_id",
    );
    assert_eq!(entries().await.len(), 5, "a mistake is no attempt");
}

/// B11: a generated name that is taken is drawn anew; after five it is 409.
#[tokio::test]
async fn b11_a_generated_name_is_drawn_at_most_five_times() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    world.runner(None, dev, "active").await;
    world.sql("UPDATE runners SET name = 'taken'").await;
    // Chance is made to draw a name that is alive: the first four times, and then always.
    world.sql("CREATE SEQUENCE draws").await;
    let unlucky = async |draws: i64| {
        world.sql("SELECT setval('draws', 1, false)").await;
        world
            .sql(&format!(
                "CREATE OR REPLACE FUNCTION unlucky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('draws') <= {draws} THEN NEW.name := 'TAKEN'; END IF; RETURN NEW; END $$"
            ))
            .await;
    };
    let drawn = async || world.one::<i64>("SELECT last_value FROM draws").await;
    unlucky(4).await;
    world
        .sql("CREATE TRIGGER unlucky BEFORE INSERT ON runners FOR EACH ROW EXECUTE FUNCTION unlucky()")
        .await;
    let made = world.provision(dev, with(team, &[])).await.unwrap();
    assert!(made.runner_name.starts_with("backend-team-"), "{}", made.runner_name);
    assert_eq!(drawn().await, 5);
    unlucky(1000).await;
    let (code, words) = refusal(world.provision(dev, with(team, &[])).await);
    assert_eq!((code, drawn().await), ("RUNNER_NAME_TAKEN", 5), "{words}");
    assert_eq!((live(&world).await, world.github.calls_of(JIT)), (2, 1));
}

/// B14: the end of the quota's refusal says what to do and whom to ask.
#[tokio::test]
async fn b14_a_full_quota_says_whom_to_ask() {
    let world = World::new().await;
    let (team, dev) = guide(&world).await;
    world.sql("UPDATE teams SET max_runners = 0").await;
    let (_, words) = refusal(world.provision(dev, with(team, &[])).await);
    assert_eq!(
        words,
        "Team quota exceeded. Maximum allowed: 0, current: 0. Remove idle or offline runners, or to raise the quota ask a super_admin or org_admin of the organization."
    );
}

/// The form begins with the team of the newest runner, while it is one of several to choose.
#[tokio::test]
async fn the_form_remembers_the_team_of_last_time() {
    let world = World::new().await;
    let [first, second] = [world.team("First").await, world.team("Second").await];
    let dev = world.member(first, "dev", TeamRole::Member).await;
    let remembered = async || {
        let form = world
            .ask(dev, async |ctx| backend::teams::provision_form(ctx).await)
            .await;
        form.unwrap().last_team
    };
    world.provision(dev, with(first, &[])).await.unwrap();
    assert_eq!(remembered().await, None, "there is nothing to choose");
    world
        .sql(&format!(
            "INSERT INTO team_members (team_id, user_id, role) VALUES ('{second}', '{dev}', 'member')"
        ))
        .await;
    assert_eq!(remembered().await, Some(first));
    world.provision(dev, with(second, &[])).await.unwrap();
    assert_eq!(remembered().await, Some(second));
    world
        .sql(&format!("UPDATE teams SET status = 'inactive' WHERE id = '{second}'"))
        .await;
    assert_eq!(remembered().await, None, "nobody provisions for it now");
}
