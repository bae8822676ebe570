//! Many manifests at once.

use backend::objects::{self, Action, Step};
use kubernetes::manifest;

use super::House;

const FILES: &str = "
apiVersion: auth.litellm.ai/v1alpha1
kind: TeamMemberAssociation
metadata: {name: alice-ai-team}
spec: {connectionRef: {instanceRef: {name: litellm-example}}, role: admin, teamAlias: ai-team, userEmail: alice@example.com}
---
apiVersion: auth.litellm.ai/v1alpha1
kind: User
metadata: {name: alice}
spec: {connectionRef: {instanceRef: {name: litellm-example}}, userEmail: alice@example.com}
---
apiVersion: auth.litellm.ai/v1alpha1
kind: Team
metadata: {name: ai-team}
spec: {connectionRef: {instanceRef: {name: litellm-example}}, teamAlias: ai-team, maxBudget: '5'}
";

async fn carry_out(house: &House, files: &str, prune: bool, really: bool) -> Vec<Step> {
    let entries = manifest::read(files, "files.yaml").unwrap();
    let mut ctx = house.ctx(house.root).await;
    let steps = objects::carry_out(&mut ctx, &entries, Some("acme"), prune)
        .await
        .unwrap();
    if really && steps.iter().all(|step| step.failure.is_none()) {
        ctx.commit().await.unwrap();
    }
    steps
}

fn actions(steps: &[Step]) -> Vec<(Action, &str)> {
    steps.iter().map(|step| (step.action, step.name.as_str())).collect()
}

#[tokio::test]
async fn a_plan_changes_nothing_and_apply_does_it_in_the_order_of_dependence() {
    let house = House::new().await;
    for listener in [true, false] {
        if !listener {
            house.world.sql("UPDATE objects_state SET in_use_until = NULL").await;
        }
        let steps = carry_out(&house, FILES, false, false).await;
        let all = [
            (Action::Add, "ai-team"),
            (Action::Add, "alice"),
            (Action::Add, "alice-ai-team"),
        ];
        assert_eq!(actions(&steps), all);
        assert!(steps.iter().all(|step| step.failure.is_none()), "{steps:?}");
        assert_eq!(steps[0].place.as_deref(), Some("files.yaml:12"));
        let teams: i64 = house
            .world
            .one("SELECT count(*) FROM teams WHERE slug = 'ai-team'")
            .await;
        assert_eq!(teams, 0);
    }
    carry_out(&house, FILES, false, true).await;
    let steps = carry_out(&house, FILES, true, true).await;
    assert!(steps.iter().all(|step| step.action == Action::Keep), "{steps:?}");
    // Another budget, and no membership: it goes only when asked.
    let (_, rest) = FILES.split_once("---").unwrap();
    let rest = rest.replace("'5'", "'7.50'");
    let steps = carry_out(&house, &rest, false, false).await;
    assert_eq!(actions(&steps), [(Action::Change, "ai-team"), (Action::Keep, "alice")]);
    assert_eq!(steps[0].differences[0].path, "spec.maxBudget");
    let steps = carry_out(&house, &rest, true, true).await;
    assert_eq!(actions(&steps).last(), Some(&(Action::Remove, "alice-ai-team")));
    let members: i64 = house
        .world
        .one("SELECT count(*) FROM team_members m JOIN teams t ON t.id = m.team_id WHERE t.slug = 'ai-team'")
        .await;
    assert_eq!(members, 0);
}

#[tokio::test]
async fn what_cannot_be_is_said_for_each_and_nothing_is_done() {
    let house = House::new().await;
    let broken = FILES.replace("role: admin", "rolle: admin").replace("'5'", "'-5'");
    let steps = carry_out(&house, &broken, false, true).await;
    let failures: Vec<String> = steps
        .iter()
        .filter_map(|step| step.failure.as_ref())
        .map(ToString::to_string)
        .collect();
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(failures[0].contains("spec.maxBudget"), "{failures:?}");
    assert!(failures[1].contains("spec.rolle"), "{failures:?}");
    let teams: i64 = house
        .world
        .one("SELECT count(*) FROM teams WHERE slug = 'ai-team'")
        .await;
    assert_eq!(teams, 0);
}
