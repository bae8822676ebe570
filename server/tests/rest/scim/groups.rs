//! What groups give, and what they leave alone (SPEC E, X11).

use serde_json::json;

use super::{Acme, GROUP};

#[tokio::test]
async fn a_group_never_takes_over_a_team() {
    let acme = Acme::new().await;
    let team = acme.world.team_in(acme.id, "Tools").await;
    let max = acme.user("max").await;
    acme.group("Tools", &[&max]).await;
    assert!(
        acme.team("Tools").await.is_empty(),
        "an admin connects them, not a name"
    );
    assert_eq!(acme.world.count("SELECT count(*) FROM identity_links").await, 0);
    assert_eq!(
        acme.world
            .count(&format!(
                "SELECT count(*) FROM teams WHERE organization_id = '{}'",
                acme.id
            ))
            .await,
        1
    );
    acme.world.sql(&format!("DELETE FROM teams WHERE id = '{team}'")).await;
}

#[tokio::test]
async fn an_admin_connects_a_group_to_a_team_and_its_people_are_in_it() {
    let acme = Acme::new().await;
    let team = acme.world.team_in(acme.id, "Tools").await;
    let (max, tess) = (acme.user("max").await, acme.user("tess").await);
    acme.patch(
        &format!("/Users/{tess}"),
        json!([{"op": "replace", "path": "active", "value": false}]),
    )
    .await
    .is(200);
    let group = acme.group("Tools", &[&max, &tess]).await;
    let link = |organization, team| {
        json!({
            "organization_id": organization, "team_id": team, "provider": "scim", "group_id": group,
            "mode": "authoritative",
        })
    };
    // Another organization gets nothing of it.
    let (other, _) = acme.other("other").await;
    let theirs = acme.world.team_in(other, "Theirs").await;
    let answer = acme
        .world
        .post(&acme.root, "/admin/identity-links", link(other, theirs))
        .await;
    answer.is(201);
    let count = format!("SELECT count(*) FROM team_members WHERE team_id = '{theirs}'");
    assert_eq!(acme.world.count(&count).await, 0);

    let answer = acme
        .world
        .post(&acme.root, "/admin/identity-links", link(acme.id, team))
        .await;
    answer.is(201);
    assert_eq!(acme.team("Tools").await, ["max"], "and nobody without access");
    acme.patch(
        &format!("/Groups/{group}"),
        json!([{"op": "remove", "path": format!("members[value eq \"{max}\"]")}]),
    )
    .await
    .is(204);
    assert!(acme.team("Tools").await.is_empty());
    assert_eq!(acme.world.count(&count).await, 0);
}

#[tokio::test]
async fn x11_who_was_added_by_hand_stays() {
    let acme = Acme::new().await;
    let (max, tess) = (acme.user("max").await, acme.user("tess").await);
    let tools = format!("/Groups/{}", acme.group("Tools", &[&max]).await);
    acme.world
        .sql("INSERT INTO team_members (team_id, user_id, role, source)
            SELECT t.id, u.id, 'admin', 'manual' FROM teams t, users u WHERE t.name = 'Tools' AND u.email = 'tess@example.com'")
        .await;
    acme.patch(
        &tools,
        json!([{"op": "add", "path": "members", "value": [{"value": tess}]}]),
    )
    .await
    .is(204);
    acme.patch(&tools, json!([{"op": "replace", "path": "members", "value": []}]))
        .await
        .is(204);
    assert_eq!(acme.team("Tools").await, ["tess"]);
    let role = "SELECT count(*) FROM team_members WHERE role = 'admin' AND source = 'manual'";
    assert_eq!(acme.world.count(role).await, 1, "as it was");
}

#[tokio::test]
async fn a_group_of_many_comes_in_a_few_statements() {
    let acme = Acme::new().await;
    acme.world
        .sql(&format!(
            "INSERT INTO scim_users (id, organization_id, user_name, active, created_at, updated_at)
            SELECT gen_random_uuid(), '{}', 'user-' || n, true, now(), now() FROM generate_series(1, 3000) n",
            acme.id
        ))
        .await;
    let ids: Vec<String> = sqlx::query_scalar("SELECT id::text FROM scim_users")
        .fetch_all(&acme.world.pool)
        .await
        .unwrap();
    let members: Vec<_> = ids.iter().map(|id| json!({"value": id})).collect();
    let group = acme
        .post(
            "/Groups?excludedAttributes=members",
            json!({"schemas": [GROUP], "displayName": "All", "members": members}),
        )
        .await;
    let path = format!("/Groups/{}", super::id_of(&group.is(201)));
    let removals: Vec<_> = ids
        .iter()
        .take(1000)
        .map(|id| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")}))
        .collect();
    acme.patch(&path, json!(removals)).await.is(204);
    assert_eq!(acme.get(&path).await.is(200)["members"].as_array().unwrap().len(), 2000);
}

#[tokio::test]
async fn groups_are_found_by_what_they_have() {
    let acme = Acme::new().await;
    let max = acme.user("max").await;
    acme.group("Tools", &[&max]).await;
    acme.group("Toys", &[]).await;
    for (filter, total) in [
        (r#"displayName eq "TOOLS""#.to_owned(), 1),
        (r#"displayName sw "To""#.to_owned(), 2),
        (format!("members eq \"{max}\""), 1),
        (format!("members[value eq \"{max}\"]"), 1),
        (r#"members.display co "max""#.to_owned(), 1),
        ("members pr".to_owned(), 1),
        ("not (members pr)".to_owned(), 1),
        ("externalId pr".to_owned(), 0),
        (r#"members eq "nonsense""#.to_owned(), 0),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        assert_eq!(
            acme.get(&format!("/Groups?filter={query}")).await.is(200)["totalResults"],
            total,
            "{filter}"
        );
    }
}
