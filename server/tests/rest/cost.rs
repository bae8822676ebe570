//! Cost over HTTP: reports, the file, prices.

use serde_json::json;

use crate::api::World;

async fn job(world: &World, team: &str, project: Option<&str>, id: i64, minutes: i64) {
    let project = project.map_or_else(|| "NULL".to_owned(), |id| format!("'{id}'"));
    world
        .sql(&format!(
            "INSERT INTO workflow_jobs (id, run_id, repository, name, team_id, project_id, labels, status, started_at, completed_at)
            VALUES ({id}, 1, 'a/b', 'test', '{team}', {project}, '{{gpu}}', 'completed', '2026-03-06T00:00:00Z',
                '2026-03-06T00:00:00Z'::timestamptz + interval '{minutes} minutes')"
        ))
        .await;
}

const MARCH: &str = "from=2026-03-01&to=2026-04-01";

#[tokio::test]
async fn cost_reports_and_prices_are_exact_texts() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await.to_string();
    let list = json!({
        "default_price": 0.008,
        "prices": [{"label": "GPU", "price_per_minute": "0.1"}],
        "valid_from": "2026-01-01T00:00:00Z",
    });
    let prices = world.put(&root, "/admin/label-prices", list).await.is(200);
    assert_eq!(
        (
            &prices["default_price"],
            &prices["prices"][0]["label"],
            &prices["prices"][0]["price_per_minute"]
        ),
        (&"0.008".into(), &"gpu".into(), &"0.1".into())
    );
    job(&world, &team, None, 1, 3).await;
    let report = world.get(&root, &format!("/admin/cost?{MARCH}")).await.is(200);
    let row = &report["rows"][0];
    assert_eq!(
        (&row["team_name"], &row["minutes"], &row["cost"], &report["currency"]),
        (&"Ops".into(), &"3.0".into(), &"0.3".into(), &"USD".into()),
        "0.1 × 3 is 0.3, not 0.30000000000000004"
    );
    assert_eq!((&report["total"], &report["totals"]["jobs"]), (&1.into(), &1.into()));
    let by_label = world
        .get(&root, &format!("/admin/teams/{team}/cost?{MARCH}&group_by=label"))
        .await
        .is(200);
    assert_eq!(by_label["rows"][0]["label"], "gpu");
    let empty = world
        .get(&root, "/admin/cost?from=2025-01-01&to=2025-02-01")
        .await
        .is(200);
    assert_eq!((&empty["total"], &empty["totals"]["cost"]), (&0.into(), &"0".into()));
}

#[tokio::test]
async fn cost_what_is_wrong_is_named() {
    let world = World::new().await;
    let root = world.super_admin().await;
    // A plus that was not encoded arrives as a space.
    let period = "from=2026-03-01T00:00:00+00:00&to=2026-03-02";
    world.get(&root, &format!("/admin/cost?{period}")).await.is(200);
    for (query, field) in [
        ("from=soon", "from"),
        ("to=2026-13-01", "to"),
        ("from=2026-03-02&to=2026-03-01", "to"),
        ("from=2020-01-01", "from"),
        ("group_by=week", "group_by"),
        ("limit=0", "limit"),
        ("from=-262143-01-01&to=-262143-02-01", "from"),
        ("from=0001-01-01&to=%2B262142-12-31", "to"),
        ("to=9999-12-31T23:59:59-01:00", "to"),
        ("offset=-1", "offset"),
        ("team=x", "team"),
    ] {
        world
            .get(&root, &format!("/admin/cost?{query}"))
            .await
            .invalid(&[field]);
        world
            .get(&root, &format!("/admin/cost.csv?{query}"))
            .await
            .invalid(&[field]);
    }
    for (body, field) in [
        (json!({"prices": [{"label": "a b", "price_per_minute": "1"}]}), "prices"),
        (json!({"prices": [{"label": "a", "price_per_minute": "-1"}]}), "prices"),
        (
            json!({"prices": [{"label": "a", "price_per_minute": "1e400"}]}),
            "prices[0].price_per_minute",
        ),
        (json!({"prices": [], "default_price": "much"}), "default_price"),
        (json!({"prices": [], "colour": 1}), "colour"),
        (json!({"default_price": "1"}), "prices"),
        (
            json!({"prices": [{"label": "a", "price_per_minute": 1}, {"label": "A", "price_per_minute": 2}]}),
            "prices",
        ),
    ] {
        let answer = world.put(&root, "/admin/label-prices", body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        let named = &answer.body["fields"][0]["field"];
        assert_eq!(named, field, "{body}");
    }
}

/// RFC 4180, and nothing that a spreadsheet would calculate.
#[tokio::test]
async fn cost_the_file_is_csv_and_holds_no_formulas() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await.to_string();
    let project = uuid::Uuid::now_v7().to_string();
    world
        .sql(&format!(
            "INSERT INTO projects (id, team_id, name) VALUES ('{project}', '{team}', '=HYPERLINK(\"http://x\"),\"y\"')"
        ))
        .await;
    world
        .sql(&format!(
            "UPDATE teams SET name = '@Ops, \"the\" team' WHERE id = '{team}'"
        ))
        .await;
    job(&world, &team, Some(&project), 1, 90).await;
    let answer = world
        .get(&root, &format!("/admin/cost.csv?{MARCH}&group_by=project"))
        .await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        answer.headers["content-disposition"],
        "attachment; filename=\"guildhall-cost-by-project.csv\""
    );
    let text = answer.is(200);
    let expected = format!(
        "day,organization,team_id,team,project_id,project,label,jobs,minutes,cost,currency\r\n\
         ,Default,{team},\"'@Ops, \"\"the\"\" team\",{project},\"'=HYPERLINK(\"\"http://x\"\"),\"\"y\"\"\",,1,90.0,0,USD\r\n"
    );
    assert_eq!(text.as_str(), Some(expected.as_str()));
    // A file of many rows comes whole, over many chunks.
    world
        .sql(
            "WITH made AS (INSERT INTO teams (id, organization_id, name, slug)
                SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000001', 'Team ' || n, 't-' || n FROM generate_series(1, 2000) n RETURNING id)
            INSERT INTO workflow_jobs (id, run_id, repository, name, team_id, status, started_at, completed_at)
            SELECT 10 + row_number() OVER (), 1, 'a/b', 'test', id, 'completed', '2026-03-06', '2026-03-07' FROM made",
        )
        .await;
    let text = world.get(&root, &format!("/admin/cost.csv?{MARCH}")).await.is(200);
    let lines: Vec<_> = text.as_str().unwrap().lines().collect();
    assert_eq!(lines.len(), 2002);
    assert!(
        lines
            .iter()
            .skip(1)
            .filter(|line| line.contains("Team"))
            .all(|line| line.ends_with(",1,1440.0,0,USD"))
    );
}

/// A browser asks for it compressed; what is compressed comes whole, too.
#[tokio::test]
async fn cost_the_file_comes_whole_when_compressed() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await.to_string();
    for id in 1..200 {
        job(&world, &team, None, id, 5).await;
    }
    let request = http::Request::builder()
        .uri(format!("/api/v1/admin/cost.csv?{MARCH}"))
        .header("authorization", format!("Bearer {}", root.token))
        .header("accept-encoding", "gzip")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = world.send(request).await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers.get("content-length")),
        (200, None)
    );
    assert!(answer.body.as_str().is_some_and(|text| !text.is_empty()));
}
