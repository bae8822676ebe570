//! The seed's documents by real kubectl: SPEC A1 to A8, X21, X22. Each test runs with every kubectl that there is.

use std::{os::unix::fs::PermissionsExt as _, process::Stdio, time::Duration};

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{
    house::{House, NAMESPACE, OLGA},
    kubectl::{Kubectl, person, programs},
};

/// The kinds of the seed's workflow, as kubectl names them.
const ASSOCIATION: &str = "teammemberassociation.auth.litellm.ai/alice-ai-team";

/// A house where somebody runs the seed's workflow.
async fn applied(house: &House, program: std::path::PathBuf) -> Kubectl {
    let kubectl = Kubectl::new(program, house);
    let said = kubectl
        .run(&["apply", "-f", &Kubectl::data("workflow.yaml")])
        .await
        .works();
    assert_eq!(
        said,
        format!("team.auth.litellm.ai/ai-team created\nuser.auth.litellm.ai/alice created\n{ASSOCIATION} created\n")
    );
    kubectl
}

async fn ready(kubectl: &Kubectl) {
    for what in ["team/ai-team", "user/alice", "teammemberassociation/alice-ai-team"] {
        kubectl
            .run(&["wait", "--for=condition=Ready", what, "--timeout=30s"])
            .await
            .works();
    }
}

/// A1, A7: the seed's complete workflow, twice.
#[tokio::test]
async fn a1_the_seeds_workflow_applies_and_settles() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program).await;
        ready(&kubectl).await;
        let again = kubectl
            .run(&["apply", "-f", &Kubectl::data("workflow.yaml")])
            .await
            .works();
        assert_eq!(
            again,
            format!(
                "team.auth.litellm.ai/ai-team unchanged\nuser.auth.litellm.ai/alice unchanged\n{ASSOCIATION} unchanged\n"
            )
        );
        let difference = kubectl.run(&["diff", "-f", &Kubectl::data("workflow.yaml")]).await;
        assert_eq!(
            (difference.code, difference.out.as_str()),
            (Some(0), ""),
            "{}",
            difference.err
        );
        let shown = kubectl.run(&["get", "teammemberassociations"]).await.works();
        let head = shown.lines().next().expect("a head");
        let words: Vec<&str> = head.split_whitespace().collect();
        assert_eq!(words, ["NAME", "READY", "TEAM", "USER", "ROLE", "BUDGET", "AGE"], "A8");
        assert!(
            shown.contains("alice-ai-team") && shown.contains("alice@example.com"),
            "{shown}"
        );
    }
}

/// A2: the seed's own commands, in its order.
#[tokio::test]
async fn a2_get_describe_patch_delete() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program).await;
        ready(&kubectl).await;
        let described = kubectl
            .run(&["describe", "teammemberassociation", "alice-ai-team"])
            .await
            .works();
        for part in [
            "Name:         alice-ai-team",
            "Team Alias:",
            "alice@example.com",
            "Events:",
        ] {
            assert!(described.contains(part), "{part}: {described}");
        }
        assert!(
            !described.contains("Events:  <none>") && !described.contains("Events:            <none>"),
            "{described}"
        );
        let patch = ["patch", "teammemberassociation", "alice-ai-team", "--type=merge"];
        let role = |role: &str| format!("-p={{\"spec\":{{\"role\":\"{role}\"}}}}");
        let demoted = kubectl.run(&[&patch[..], &[&role("member")]].concat()).await;
        assert!(demoted.err.contains("Warning:"), "X21: {}", demoted.err);
        assert_eq!(demoted.works(), format!("{ASSOCIATION} patched\n"));
        // Else its status may change between what kubectl reads and what it writes.
        ready(&kubectl).await;
        let same = kubectl.run(&[&patch[..], &[&role("member")]].concat()).await.works();
        assert_eq!(same, format!("{ASSOCIATION} patched (no change)\n"));
        let wrong = kubectl.run(&[&patch[..], &[&role("owner")]].concat()).await.fails();
        assert!(
            wrong.contains("spec.role: Unsupported value: \"owner\": supported values: \"admin\", \"member\""),
            "{wrong}"
        );
        let deleted = kubectl
            .run(&["delete", "teammemberassociation", "alice-ai-team"])
            .await
            .works();
        assert!(
            deleted.starts_with("teammemberassociation.auth.litellm.ai \"alice-ai-team\" deleted"),
            "{deleted}"
        );
        let gone = kubectl
            .run(&["get", "teammemberassociation", "alice-ai-team"])
            .await
            .fails();
        assert!(
            gone.contains("NotFound") && gone.contains("\"alice-ai-team\" not found"),
            "{gone}"
        );
    }
}

/// A3, A4: the seed's two examples with references, beside a team and people that are there.
#[tokio::test]
async fn a4_associations_with_references() {
    for program in programs() {
        let house = House::new().await;
        person(&house, "bob@example.com").await;
        let kubectl = applied(&house, program).await;
        kubectl
            .run(&["delete", "teammemberassociation", "alice-ai-team"])
            .await
            .works();
        for (file, name) in [
            ("alice-ai-team.yaml", "alice-ai-team"),
            ("bob-ai-team.yaml", "bob-ai-team"),
        ] {
            kubectl.run(&["apply", "-f", &Kubectl::data(file)]).await.works();
            let conditions = [
                "get",
                "teammemberassociation",
                name,
                "-o",
                "jsonpath={.status.teamExists}",
            ];
            for _ in 0..50 {
                if kubectl.run(&conditions).await.works() == "true" {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(kubectl.run(&conditions).await.works(), "true", "{name}");
        }
        let yaml = kubectl
            .run(&["get", "teammemberassociation", "bob-ai-team", "-o", "yaml"])
            .await
            .works();
        assert!(
            yaml.contains("  role: member\n") && yaml.contains("kind: TeamMemberAssociation"),
            "{yaml}"
        );
    }
}

/// A6: the team goes first, as kubectl deletes in the order of the file; nothing hangs.
#[tokio::test]
async fn a6_deleting_the_file_in_any_order() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program.clone()).await;
        ready(&kubectl).await;
        kubectl
            .run(&["delete", "-f", &Kubectl::data("workflow.yaml"), "--timeout=40s"])
            .await
            .works();
        for kind in ["teams", "teammemberassociations"] {
            let left = kubectl.run(&["get", kind, "-o", "name"]).await.works();
            assert_eq!(left, "", "{kind}");
        }
        // X22: and once more.
        applied(&house, program).await;
        ready(&kubectl).await;
        for what in [
            ["teammemberassociation", "alice-ai-team"],
            ["user", "alice"],
            ["team", "ai-team"],
        ] {
            kubectl
                .run(&[&["delete"], &what[..], &["--timeout=40s"]].concat())
                .await
                .works();
        }
    }
}

#[tokio::test]
async fn explain_and_what_there_is() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = Kubectl::new(program, &house);
        let explained = kubectl
            .run(&["explain", "teammemberassociation.spec.role"])
            .await
            .works();
        assert!(
            explained.contains("FIELD:") && explained.contains("role"),
            "{explained}"
        );
        let resources = kubectl
            .run(&["api-resources", "--api-group=auth.litellm.ai", "-o", "name"])
            .await
            .works();
        let names: Vec<&str> = resources.lines().collect();
        assert_eq!(
            names,
            [
                "teammemberassociations.auth.litellm.ai",
                "teams.auth.litellm.ai",
                "users.auth.litellm.ai",
                "virtualkeys.auth.litellm.ai"
            ]
        );
        assert!(kubectl.run(&["version"]).await.works().contains("guildhall"));
        assert!(kubectl.run(&["get", "namespaces"]).await.works().contains("litellm"));
    }
}

#[tokio::test]
async fn can_i() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = Kubectl::new(program.clone(), &house);
        for verb in ["create", "patch", "delete", "list"] {
            assert_eq!(
                kubectl
                    .run(&["auth", "can-i", verb, "teams.auth.litellm.ai"])
                    .await
                    .works(),
                "yes\n",
                "{verb}"
            );
        }
        let listed = kubectl.run(&["auth", "can-i", "--list"]).await.works();
        assert!(listed.contains("teams.auth.litellm.ai"), "{listed}");
        // What kubectl before 1.27 does not know.
        let whoami = kubectl.run(&["auth", "whoami"]).await;
        if !whoami.err.contains("unknown command") {
            let whoami = whoami.works();
            assert!(whoami.contains("super_admin"), "{whoami}");
        }
        let olga = Kubectl::with_token(program, &house, &house.server.token(OLGA, None).await);
        let no = olga
            .run(&["auth", "can-i", "create", "teams.auth.litellm.ai", "-n", "default"])
            .await;
        assert!(no.out.starts_with("no") && no.code == Some(1), "{no:?}");
    }
}

#[tokio::test]
async fn everything_everywhere() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program).await;
        let all = kubectl.run(&["get", "teams", "-A"]).await.works();
        assert!(all.starts_with("NAMESPACE"), "{all}");
        assert!(
            all.lines()
                .any(|line| line.starts_with(NAMESPACE) && line.contains("ai-team")),
            "{all}"
        );
        let sorted = kubectl.run(&["get", "teams", "--sort-by=.metadata.name"]).await.works();
        assert!(sorted.contains("ai-team"), "{sorted}");
        let wide = kubectl
            .run(&["get", "teams", "-o", "wide", "--show-labels"])
            .await
            .works();
        assert!(wide.contains("LABELS"), "{wide}");
        let events = kubectl.run(&["get", "events"]).await.works();
        assert!(events.contains("LAST SEEN"), "{events}");
        assert!(
            kubectl
                .run(&["get", "team", "nobody"])
                .await
                .fails()
                .contains("not found")
        );
    }
}

#[tokio::test]
async fn labels_annotations_and_the_editor() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program).await;
        kubectl.run(&["label", "team", "ai-team", "color=red"]).await.works();
        let found = kubectl
            .run(&["get", "teams", "-l", "color=red", "-o", "name"])
            .await
            .works();
        assert_eq!(found, "team.auth.litellm.ai/ai-team\n");
        kubectl.run(&["annotate", "team", "ai-team", "note=kept"]).await.works();
        let editor = kubectl.dir.path().join("editor");
        std::fs::write(&editor, "#!/bin/sh\nsed -i 's/- gpt-4o$/- gpt-4o-mini/' \"$1\"\n").expect("written");
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let mut edit = kubectl.command(&["edit", "team", "ai-team"]);
        edit.env("KUBE_EDITOR", &editor);
        let edited = Kubectl::done(edit.output()).await.works();
        assert_eq!(edited, "team.auth.litellm.ai/ai-team edited\n");
        let models = kubectl
            .run(&["get", "team", "ai-team", "-o", "jsonpath={.spec.models}"])
            .await
            .works();
        assert_eq!(models, "[\"gpt-4o-mini\"]");
        let annotations = kubectl
            .run(&["get", "team", "ai-team", "-o", "jsonpath={.metadata.annotations.note}"])
            .await;
        assert_eq!(annotations.works(), "kept");
    }
}

#[tokio::test]
async fn replace_and_dry_run() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program).await;
        let yaml = kubectl.run(&["get", "team", "ai-team", "-o", "yaml"]).await.works();
        let changed = yaml.replace("- gpt-4o\n", "- gpt-4o-mini\n");
        let tried = kubectl
            .fed(&["replace", "--dry-run=server", "-f", "-"], &changed)
            .await
            .works();
        assert_eq!(tried, "team.auth.litellm.ai/ai-team replaced (server dry run)\n");
        let models = ["get", "team", "ai-team", "-o", "jsonpath={.spec.models[0]}"];
        assert_eq!(kubectl.run(&models).await.works(), "gpt-4o");
        kubectl.fed(&["replace", "-f", "-"], &changed).await.works();
        assert_eq!(kubectl.run(&models).await.works(), "gpt-4o-mini");
        let stale = kubectl.fed(&["replace", "-f", "-"], &yaml).await.fails();
        assert!(stale.contains("the object has been modified"), "{stale}");
        let file = Kubectl::data("workflow.yaml");
        let tried = kubectl.run(&["apply", "--dry-run=server", "-f", &file]).await.works();
        assert!(tried.contains("(server dry run)"), "{tried}");
        let difference = kubectl.run(&["diff", "-f", &file]).await;
        assert_eq!(difference.code, Some(1), "{}", difference.err);
        assert!(difference.out.contains("+  - gpt-4o\n"), "{}", difference.out);
    }
}

#[tokio::test]
async fn server_side_apply_tells_of_conflicts() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = Kubectl::new(program, &house);
        let manifest = |budget: &str| {
            let mut team = House::team("ai-team");
            team["spec"]["maxBudget"] = budget.into();
            team.to_string()
        };
        let apply = |manager: &'static str| ["apply", "--server-side", "--field-manager", manager, "-f", "-"];
        kubectl.fed(&apply("one"), &manifest("5")).await.works();
        let conflict = kubectl.fed(&apply("two"), &manifest("6")).await.fails();
        assert!(
            conflict.contains("conflict with \"one\"") && conflict.contains(".spec.maxBudget"),
            "{conflict}"
        );
        let force = [&apply("two")[..], &["--force-conflicts"]].concat();
        let taken = kubectl.fed(&force, &manifest("6")).await.works();
        assert_eq!(taken, "team.auth.litellm.ai/ai-team serverside-applied\n");
        let again = kubectl.fed(&force, &manifest("6")).await.works();
        assert_eq!(again, "team.auth.litellm.ai/ai-team serverside-applied\n");
    }
}

/// A spelling mistake is found, by old and by new kubectl.
#[tokio::test]
async fn unknown_fields_are_found() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = Kubectl::new(program, &house);
        let mut team = House::team("ai-team");
        team["spec"]["modles"] = serde_json::json!(["x"]);
        let said = kubectl.fed(&["apply", "-f", "-"], &team.to_string()).await.fails();
        assert!(said.contains("unknown field") && said.contains("modles"), "{said}");
    }
}

/// `get -w` while something happens.
#[tokio::test]
async fn watching_while_it_changes() {
    for program in programs() {
        let house = House::new().await;
        let kubectl = applied(&house, program).await;
        ready(&kubectl).await;
        let mut watch = kubectl.command(&["get", "teams", "-w", "-o", "name"]);
        let mut child = watch.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut next = async || {
            let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
            line.expect("in time").expect("text").expect("a line")
        };
        assert_eq!(next().await, "team.auth.litellm.ai/ai-team");
        house.make_team("second").await;
        while next().await != "team.auth.litellm.ai/second" {}
        let _ = child.kill().await;
    }
}
