//! B29: statistics over HTTP.

use crate::api::World;

/// B29 [F]: the original answers anyone.
#[tokio::test]
async fn b29_statistics_need_a_signed_in_caller() {
    let world = World::new().await;
    for path in ["/dashboard/stats", "/admin/stats", "/admin/cost", "/admin/cost.csv"] {
        let answer = world.call(None, "GET", path, None).await;
        answer.refused(401, "NOT_AUTHENTICATED", "Not authenticated");
        let answer = world.call(Some("ghp_wrong"), "GET", path, None).await;
        answer.refused(401, "INVALID_TOKEN", "Token validation failed");
    }
}

#[tokio::test]
async fn b29_the_answers_have_the_fields_of_the_specification() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
            SELECT gen_random_uuid(), '{team}', 'r-' || n, (ARRAY['active', 'active', 'offline', 'pending', 'deleted'])[n], '{{}}', 1, '{}'
            FROM generate_series(1, 5) n",
            root.id
        ))
        .await;
    let path = format!("/admin/teams/{team}");
    let changed = world
        .patch(&root, &path, serde_json::json!({"description": "New"}))
        .await;
    changed.is(200);
    let stats = world.get(&root, "/dashboard/stats").await.is(200);
    assert_eq!(
        (&stats["total"], &stats["active"], &stats["offline"], &stats["pending"]),
        (&4.into(), &2.into(), &1.into(), &1.into())
    );
    let event = &stats["recent_events"][0];
    assert_eq!(
        (
            &event["event_type"],
            &event["team_name"],
            &event["user_identity"],
            &event["success"]
        ),
        (
            &"team.update".into(),
            &"Ops".into(),
            &root.email.clone().into(),
            &true.into()
        )
    );
    let stats = world.get(&root, "/admin/stats").await.is(200);
    assert_eq!(
        (&stats["runners"]["total"], &stats["teams"]["active"]),
        (&4.into(), &2.into()),
        "the Default Team is one, too"
    );
    assert_eq!(stats["provisioning"].as_array().map(Vec::len), Some(30));
    assert_eq!(stats["security_events"]["high"], 0);
    assert_eq!(stats["team_usage"][0]["active_runner_count"], 4);
}
