//! What a directory's word does to people's access here, and what it may not touch.

use serde_json::json;

use super::{Acme, USER, id_of, refused, send, token};
use crate::api::{Person, World};

async fn active(acme: &Acme, id: &str, active: bool) {
    let operations = json!([{"op": "replace", "path": "active", "value": active}]);
    assert_eq!(
        acme.patch(&format!("/Users/{id}"), operations).await.is(200)["active"],
        active
    );
}

/// A person whom the directory made, with a token of their own.
async fn with_token(acme: &Acme, email: &str) -> Person {
    let id = sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
        .bind(email)
        .fetch_one(&acme.world.pool)
        .await
        .unwrap();
    let id = domain::UserId(id);
    Person {
        id,
        email: email.to_owned(),
        token: acme.world.token(id).await.1,
    }
}

#[tokio::test]
async fn a_leaver_of_the_directory_s_own_is_deactivated_as_in_the_console() {
    let acme = Acme::new().await;
    let id = acme.user("max").await;
    acme.group("Tools", &[&id]).await;
    let max = with_token(&acme, "max@example.com").await;
    acme.world.get(&max, "/auth/me").await.is(200);
    active(&acme, &id, false).await;
    acme.world
        .get(&max, "/auth/me")
        .await
        .refused(401, "INVALID_TOKEN", "Token validation failed");
    let events =
        "SELECT count(*) FROM security_events WHERE event_type = 'user_deactivated' AND user_identity = 'SCIM Entra'";
    assert_eq!(acme.world.count(events).await, 1);
    assert_eq!(
        acme.world
            .count("SELECT count(*) FROM audit_entries WHERE action = 'user_deactivated'")
            .await,
        1
    );
    active(&acme, &id, true).await;
    assert!(acme.works("max@example.com").await);
    assert_eq!(acme.team("Tools").await, ["max"]);
}

/// Where sign-up is closed, a directory's word makes accounts only at a verified domain of its organization.
#[tokio::test]
async fn where_sign_up_is_closed_accounts_are_made_at_the_organization_s_domain_only() {
    let world = World::configured(&[("GUILDHALL_SIGNUP", "closed")]).await;
    let id = world.organization("acme").await;
    let root = world.super_admin().await;
    let token = token(&world, &root, id).await;
    let acme = Acme { world, id, root, token };
    let send = async |name: &str| {
        let email = format!("{name}@example.com");
        let body = json!({"schemas": [USER], "userName": email, "emails": [{"value": email, "primary": true}]});
        acme.post("/Users", body).await
    };
    let refusal = refused(send("max").await, 400, Some("invalidValue"));
    assert!(
        (refusal["detail"].as_str()).is_some_and(|words| words.starts_with("emails must be at a verified domain")),
        "{refusal:#}"
    );
    let accounts = "SELECT count(*) FROM users WHERE email = 'max@example.com'";
    assert_eq!(acme.world.count(accounts).await, 0);
    // Who has an account needs none.
    acme.world.person("tess").await;
    send("tess").await.is(201);
    assert_eq!(acme.role("tess@example.com").await.as_deref(), Some("org_member"));

    acme.world
        .sql(&format!("INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how) VALUES ('{id}', 'example.com', 'x', now(), 'word')"))
        .await;
    send("max").await.is(201);
    assert!(acme.works("max@example.com").await);

    let open = Acme::new().await;
    open.user("max").await;
    assert!(
        open.works("max@example.com").await,
        "where sign-up is open, without a domain too"
    );
}

#[tokio::test]
async fn an_account_of_more_than_this_organization_only_leaves_it() {
    let acme = Acme::new().await;
    let (other, _) = acme.other("other").await;
    let id = acme.user("max").await;
    let max = with_token(&acme, "max@example.com").await;
    acme.world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{other}', '{}', 'org_member')",
            max.id
        ))
        .await;
    let (by_hand, elsewhere) = (
        acme.world.team_in(acme.id, "By Hand").await,
        acme.world.team_in(other, "Elsewhere").await,
    );
    acme.world.join(by_hand, &max, "admin").await;
    acme.world.join(elsewhere, &max, "admin").await;
    acme.group("Tools", &[&id]).await;
    acme.world
        .sql(&format!(
            "UPDATE organization_members SET role = 'org_admin', source = 'manual' WHERE organization_id = '{}'",
            acme.id
        ))
        .await;

    active(&acme, &id, false).await;
    acme.world.get(&max, "/auth/me").await.is(200);
    assert_eq!(acme.role("max@example.com").await, None);
    assert!(acme.team("Tools").await.is_empty());
    assert!(
        acme.team("By Hand").await.is_empty(),
        "also the last admin goes (SPEC D12)"
    );
    let there = format!("SELECT count(*) FROM team_members WHERE team_id = '{elsewhere}'");
    assert_eq!(
        acme.world.count(&there).await,
        1,
        "what is another organization's stays"
    );
    let members = format!("SELECT count(*) FROM organization_members WHERE organization_id = '{other}'");
    assert_eq!(acme.world.count(&members).await, 1);

    active(&acme, &id, true).await;
    assert_eq!(
        acme.role("max@example.com").await.as_deref(),
        Some("org_admin"),
        "as before"
    );
    assert_eq!(acme.team("Tools").await, ["max"]);
    assert_eq!(acme.team("By Hand").await, ["max"]);
    let again = "SELECT count(*) FROM team_members m JOIN teams t ON t.id = m.team_id WHERE t.name = 'By Hand' AND m.role = 'admin' AND m.source = 'manual'";
    assert_eq!(acme.world.count(again).await, 1);
}

#[tokio::test]
async fn what_left_the_group_meanwhile_does_not_come_back() {
    let acme = Acme::new().await;
    let (other, _) = acme.other("other").await;
    let id = acme.user("max").await;
    let max = with_token(&acme, "max@example.com").await;
    acme.world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{other}', '{}', 'org_member')",
            max.id
        ))
        .await;
    let tools = format!("/Groups/{}", acme.group("Tools", &[&id]).await);
    active(&acme, &id, false).await;
    let toys = acme.group("Toys", &[&id]).await;
    assert!(
        acme.team("Toys").await.is_empty(),
        "who has no access gets none by a group"
    );
    acme.patch(
        &tools,
        json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]),
    )
    .await
    .is(204);
    active(&acme, &id, true).await;
    assert!(acme.team("Tools").await.is_empty());
    assert_eq!(acme.team("Toys").await, ["max"]);
    acme.delete(&format!("/Groups/{toys}")).await.is(204);
}

#[tokio::test]
async fn the_directory_never_ends_an_administrator_or_a_stranger() {
    let acme = Acme::new().await;
    let ada = acme.user("ada").await;
    acme.world
        .sql("UPDATE users SET is_super_admin = true WHERE email = 'ada@example.com'")
        .await;
    acme.world
        .sql("UPDATE users SET is_super_admin = false WHERE email = 'root@example.com'")
        .await;
    active(&acme, &ada, false).await;
    assert!(acme.works("ada@example.com").await, "the last super_admin stays");
    assert_eq!(acme.role("ada@example.com").await, None);

    // An account that was there before, which nothing but this directory's word ties to the organization.
    let stranger = acme.world.person("stranger").await;
    let id = acme.user("stranger").await;
    active(&acme, &id, false).await;
    acme.world.get(&stranger, "/auth/me").await.is(200);
    assert_eq!(acme.role("stranger@example.com").await, None);
    // One of a team that stands alone.
    let loner = acme.user("loner").await;
    let team = acme.world.team("Alone").await;
    acme.world
        .join(team, &with_token(&acme, "loner@example.com").await, "member")
        .await;
    active(&acme, &loner, false).await;
    assert!(acme.works("loner@example.com").await);
    // At a verified domain of the organization, the directory's word is enough.
    acme.world
        .sql(&format!("INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how) VALUES ('{}', 'example.com', 'x', now(), 'word')", acme.id))
        .await;
    let known = acme.world.person("known").await;
    let id = acme.user("known").await;
    active(&acme, &id, false).await;
    assert!(!acme.works(&known.email).await);
}

#[tokio::test]
async fn a_super_admins_word_stands_above_the_directory_s() {
    let acme = Acme::new().await;
    let id = acme.user("max").await;
    let end = "UPDATE users SET deactivated_at = now() - interval '1 hour' WHERE email = 'max@example.com'";
    acme.world.sql(end).await;
    active(&acme, &id, false).await;
    active(&acme, &id, true).await;
    assert!(!acme.works("max@example.com").await, "deactivated in the console");
    let back = "UPDATE users SET deactivated_at = NULL WHERE email = 'max@example.com'";
    acme.world.sql(back).await;
    active(&acme, &id, false).await;
    assert!(!acme.works("max@example.com").await);
    // Brought back and ended again by hand, since.
    acme.world.sql(back).await;
    acme.world.sql(end).await;
    active(&acme, &id, true).await;
    assert!(!acme.works("max@example.com").await);
}

#[tokio::test]
async fn someone_deleted_and_sent_again_is_the_same_person() {
    let acme = Acme::new().await;
    let id = acme.user("max").await;
    let before = with_token(&acme, "max@example.com").await.id;
    acme.group("Tools", &[&id]).await;
    acme.delete(&format!("/Users/{id}")).await.is(204);
    assert!(!acme.works("max@example.com").await);
    assert!(acme.team("Tools").await.is_empty(), "no group has them");
    let again = acme.user("max").await;
    assert_ne!(again, id);
    assert!(acme.works("max@example.com").await);
    assert_eq!(with_token(&acme, "max@example.com").await.id, before);
    assert!(acme.team("Tools").await.is_empty());
}

#[tokio::test]
async fn an_account_that_was_there_keeps_its_name_and_one_that_was_made_follows() {
    let acme = Acme::new().await;
    let old = acme.world.person("old").await;
    acme.world
        .sql(&format!(
            "UPDATE users SET display_name = 'Old Name' WHERE id = '{}'",
            old.id
        ))
        .await;
    let (old, new) = (acme.user("old").await, acme.user("new").await);
    for id in [&old, &new] {
        acme.patch(
            &format!("/Users/{id}"),
            json!([{"op": "replace", "path": "displayName", "value": "Renamed"}]),
        )
        .await
        .is(200);
    }
    let name = async |email: &str| -> String {
        sqlx::query_scalar("SELECT display_name FROM users WHERE email = $1")
            .bind(email)
            .fetch_one(&acme.world.pool)
            .await
            .unwrap()
    };
    assert_eq!(name("old@example.com").await, "Old Name");
    assert_eq!(name("new@example.com").await, "Renamed");
    // Nor does another address make it another account.
    let operations = json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "root@example.com"}]);
    acme.patch(&format!("/Users/{new}"), operations).await.is(200);
    assert_eq!(acme.role("root@example.com").await, None);
    assert_eq!(acme.role("new@example.com").await.as_deref(), Some("org_member"));
}

#[tokio::test]
async fn x10_a_foreign_domain_is_refused_unless_someone_invited_them() {
    let acme = Acme::new().await;
    acme.world
        .sql(&format!("INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how) VALUES ('{}', 'acme.example', 'x', now(), 'word')", acme.id))
        .await;
    let body = |name: &str| json!({"schemas": [USER], "userName": name});
    let answer = refused(
        acme.post("/Users", body("max@example.com")).await,
        400,
        Some("invalidValue"),
    );
    let literal = "User max@example.com is not in this organization's email domains (acme.example)";
    assert!(answer["detail"].as_str().unwrap().starts_with(literal), "{answer}");
    assert_eq!(
        acme.world
            .count("SELECT count(*) FROM users WHERE email = 'max@example.com'")
            .await,
        0,
        "nothing is left behind"
    );
    assert_eq!(acme.get("/Users").await.is(200)["totalResults"], 0);
    acme.post("/Users", body("max@acme.example")).await.is(201);
    let guest = acme.world.person("guest").await;
    acme.world
        .sql(&format!("INSERT INTO organization_members (organization_id, user_id, role, is_guest) VALUES ('{}', '{}', 'org_member', true)", acme.id, guest.id))
        .await;
    acme.post("/Users", body("guest@example.com")).await.is(201);
}

#[tokio::test]
async fn nobody_gets_an_account_who_is_not_to_have_access() {
    let acme = Acme::new().await;
    let body = json!({"schemas": [USER], "userName": "max@example.com", "active": false});
    let id = id_of(&acme.post("/Users", body).await.is(201));
    assert_eq!(
        acme.world
            .count("SELECT count(*) FROM users WHERE email = 'max@example.com'")
            .await,
        0
    );
    active(&acme, &id, true).await;
    assert_eq!(acme.role("max@example.com").await.as_deref(), Some("org_member"));
    // Who is a member already, and is sent as a leaver, leaves.
    let tess = acme.world.person("tess").await;
    acme.world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{}', '{}', 'org_member')",
            acme.id, tess.id
        ))
        .await;
    acme.post(
        "/Users",
        json!({"schemas": [USER], "userName": "tess@example.com", "active": false}),
    )
    .await
    .is(201);
    assert_eq!(acme.role("tess@example.com").await, None);
}

#[tokio::test]
async fn two_organizations_have_one_person_each_by_its_own_word() {
    let acme = Acme::new().await;
    let (other, token) = acme.other("other").await;
    let id = acme.user("max").await;
    let body = json!({"schemas": [USER], "userName": "max@example.com", "displayName": "Other Name"});
    let answer = send(&acme.world, Some(&token), "POST", "/Users", Some(body), &[]).await;
    let theirs = id_of(&answer.is(201));
    let off = json!({"Operations": [{"op": "replace", "path": "active", "value": false}]});
    send(
        &acme.world,
        Some(&token),
        "PATCH",
        &format!("/Users/{theirs}"),
        Some(off),
        &[],
    )
    .await
    .is(200);
    assert!(acme.works("max@example.com").await);
    assert_eq!(acme.role("max@example.com").await.as_deref(), Some("org_member"));
    let members = format!("SELECT count(*) FROM organization_members WHERE organization_id = '{other}'");
    assert_eq!(acme.world.count(&members).await, 0);
    assert_eq!(acme.get(&format!("/Users/{id}")).await.is(200)["displayName"], "max");
}
