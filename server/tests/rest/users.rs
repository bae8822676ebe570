//! People's accounts over HTTP (SPEC B26).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Person, World, masked};

const COMMENT: &str = "has left the company";

async fn belong(world: &World, organization: Uuid, person: &Person, role: &str) {
    let user = person.id;
    world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{organization}', '{user}', '{role}')"
        ))
        .await;
}

#[tokio::test]
async fn b26_create_read_change_and_list() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let made = world
        .post(
            &root,
            "/admin/users",
            json!({"email": "Ada@Example.com", "display_name": "Ada", "organization_id": acme}),
        )
        .await
        .is(201);
    insta::assert_json_snapshot!(masked(&made));
    assert_eq!(made["id"], made["user_id"]);
    let path = format!("/admin/users/{}", made["id"].as_str().unwrap());
    assert_eq!(world.get(&root, &path).await.is(200), made);
    assert_eq!(world.get(&root, "/admin/users/ada@example.com").await.is(200), made);

    let again = world
        .post(&root, "/admin/users", json!({"email": "ada@example.com"}))
        .await;
    again.refused(409, "NAME_TAKEN", "User ada@example.com already exists");
    let put = async |body: Value| world.call(Some(&root.token), "PUT", &path, Some(body)).await;
    let changed = put(json!({"is_auditor": true, "can_use_jit": false})).await.is(200);
    assert_eq!(
        (
            &changed["is_auditor"],
            &changed["can_use_jit"],
            &changed["display_name"]
        ),
        (&json!(true), &json!(false), &json!("Ada")),
        "what is left out stays"
    );
    let cleared = world.patch(&root, &path, json!({"display_name": null})).await.is(200);
    assert_eq!(
        (&cleared["display_name"], &cleared["is_auditor"]),
        (&Value::Null, &json!(true))
    );
    put(json!({"is_active": false})).await.invalid(&["is_active"]);
    put(json!({"is_admin": null})).await.invalid(&["is_admin"]);
    world
        .post(
            &root,
            "/admin/users",
            json!({"email": "nobody", "display_name": "a\nb", "organization_role": "king"}),
        )
        .await
        .invalid(&["email", "display_name", "organization_role", "organization_id"]);

    world.person("bob").await;
    let list = world.get(&root, "/admin/users?limit=2").await.is(200);
    let emails = |list: &Value| -> Vec<String> {
        let users = list["users"].as_array().unwrap().iter();
        users.map(|user| user["email"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (emails(&list).as_slice(), &list["total"]),
        (
            &["ada@example.com".to_owned(), "bob@example.com".to_owned()][..],
            &json!(3)
        )
    );
    assert_eq!(
        (&list["users"][0]["organizations"], &list["users"][0]["team_count"]),
        (&json!(["acme"]), &json!(0))
    );
    let cursor = list["next_cursor"].as_str().unwrap();
    let rest = world
        .get(&root, &format!("/admin/users?limit=2&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(
        (emails(&rest), &rest["next_cursor"]),
        (vec![root.email.clone()], &Value::Null)
    );
    for (query, expected) in [
        ("search=ADA", 1),
        ("is_admin=true", 1),
        ("is_auditor=true&is_active=true", 1),
        ("is_active=false", 0),
        ("order=desc&offset=2", 3),
    ] {
        let list = world.get(&root, &format!("/admin/users?{query}")).await.is(200);
        assert_eq!(list["total"], expected, "{query}");
    }
    let end = world.get(&root, "/admin/users?order=desc&offset=2").await.is(200);
    assert_eq!(emails(&end), ["ada@example.com"]);
    world.get(&root, "/admin/users?show=all").await.invalid(&["show"]);
    world.get(&root, "/admin/users?limit=0").await.invalid(&["limit"]);
    for nobody in ["eve@example.com", "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "nonsense"] {
        world.get(&root, &format!("/admin/users/{nobody}")).await.refused(
            404,
            "NOT_FOUND",
            &format!("User not found: {nobody}"),
        );
    }
}

/// X17: an address that was never verified is confirmed by a super_admin, and by nothing else of the body.
#[tokio::test]
async fn x17_an_address_is_confirmed_by_a_super_admin() {
    let world = World::new().await;
    let (root, nora) = (world.super_admin().await, world.person("nora").await);
    world
        .sql(&format!(
            "INSERT INTO user_identities (issuer, subject, user_id, email_verified, email_denied)
            VALUES ('https://id.example.com', 'nora', '{}', false, true)",
            nora.id
        ))
        .await;
    let acme = world.organization("acme").await;
    let (ops, members) = (
        world.team_in(acme, "Ops").await,
        format!("/admin/organizations/{acme}/members"),
    );
    let literal =
        "The address of nora@example.com was never verified: a super_admin can confirm it on the account's page";
    let body = json!({"user_id": nora.email});
    for path in [format!("/admin/teams/{ops}/members"), members.clone()] {
        let body = json!({"user_id": nora.email, "role": if path == members { "org_member" } else { "member" }});
        world
            .post(&root, &path, body)
            .await
            .refused(409, "WRONG_STATE", literal);
    }
    let bulk = json!({"members": [body], "on_invalid": "skip"});
    let rows = world
        .post(&root, &format!("/admin/teams/{ops}/members/bulk"), bulk)
        .await
        .is(200);
    assert_eq!(
        (&rows["rows"][0]["outcome"], &rows["rows"][0]["detail"]),
        (&json!("invalid"), &json!(literal))
    );

    let path = format!("/admin/users/{}", nora.id);
    let seen = world.get(&root, &path).await.is(200);
    assert_eq!(
        (&seen["email_verified"], &seen["email_denied"]),
        (&json!(false), &json!(true))
    );
    for wrong in [json!(false), json!(null), json!("yes")] {
        world
            .patch(&root, &path, json!({"email_verified": wrong}))
            .await
            .invalid(&["email_verified"]);
    }
    world
        .patch(&nora, &path, json!({"email_verified": true}))
        .await
        .refused(403, "FORBIDDEN", "Admin privileges required");
    world
        .patch(&root, &path, json!({"is_admin": true}))
        .await
        .refused(409, "WRONG_STATE", literal);
    let confirmed = world
        .patch(&root, &path, json!({"email_verified": true, "is_auditor": true}))
        .await
        .is(200);
    assert_eq!(
        (&confirmed["email_verified"], &confirmed["is_auditor"]),
        (&json!(true), &json!(true))
    );
    let body = json!({"user_id": nora.email, "role": "member"});
    world
        .post(&root, &format!("/admin/teams/{ops}/members"), body)
        .await
        .is(201);
}

#[tokio::test]
async fn b26_deactivated_means_at_once() {
    let world = World::new().await;
    let (root, ada) = (world.super_admin().await, world.person("ada").await);
    let team = world.team("Ops").await;
    world.join(team, &ada, "admin").await;
    let path = format!("/admin/users/{}/deactivate", ada.email);
    let post = async |body: Value| world.post(&root, &path, body).await;
    for wrong in [
        json!({}),
        json!({"comment": "too short"}),
        json!({"comment": "x".repeat(501)}),
        json!({"comment": "short", "dry_run": true}),
    ] {
        post(wrong).await.invalid(&["comment"]);
    }
    let preview = post(json!({"dry_run": true})).await.is(200);
    assert_eq!(
        (&preview["dry_run"], &preview["is_active"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&preview["tokens_revoked"], &preview["runners_left"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(preview["teams_without_admin"], json!([{"id": team, "name": "Ops"}]));
    world.get(&ada, "/auth/me").await.is(200);

    let done = post(json!({"comment": COMMENT})).await.is(200);
    insta::assert_json_snapshot!(masked(&done));
    world.get(&ada, "/auth/me").await.refused(
        401,
        "INVALID_TOKEN",
        "Token validation failed: the token is unknown or revoked",
    );
    post(json!({"comment": COMMENT}))
        .await
        .refused(409, "WRONG_STATE", "User ada@example.com is already deactivated");
    let page = world.get(&root, "/admin/users/ada@example.com").await.is(200);
    assert_eq!(
        (&page["deactivated_by"], &page["deactivation_reason"]),
        (&json!(root.email), &json!(COMMENT))
    );
    assert_eq!(
        (&page["teams"][0]["role"], &page["token_count"]),
        (&json!("admin"), &json!(0))
    );

    let path = format!("/admin/users/{}/activate", ada.id);
    let back = world.call(Some(&root.token), "POST", &path, None).await.is(200);
    assert_eq!(
        (&back["is_active"], &back["deactivated_at"]),
        (&json!(true), &Value::Null)
    );
    world
        .get(&ada, "/auth/me")
        .await
        .refused(401, "INVALID_TOKEN", "Token validation failed");
    world.call(Some(&root.token), "POST", &path, None).await.refused(
        409,
        "WRONG_STATE",
        "User ada@example.com is already active",
    );
}

#[tokio::test]
async fn b26_delete_is_soft_and_needs_a_comment() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for (name, query, body) in [
        ("ada", "?comment=has+left+the+company", None),
        ("bob", "", Some(json!({"comment": COMMENT}))),
    ] {
        let person = world.person(name).await;
        let path = format!("/admin/users/{}", person.id);
        world.delete(&root, &path).await.invalid(&["comment"]);
        world
            .delete(&root, &format!("{path}?comment=short"))
            .await
            .invalid(&["comment"]);
        world
            .call(Some(&root.token), "DELETE", &format!("{path}{query}"), body)
            .await
            .is(204);
        let gone = world.get(&root, &path).await.is(200);
        assert_eq!(
            (&gone["is_active"], &gone["deactivation_reason"]),
            (&json!(false), &json!(COMMENT))
        );
    }
    let own = format!("/admin/users/{}?comment=has+left+the+company", root.id);
    let literal = "Cannot deactivate the last active admin user. At least one admin must remain active.";
    world
        .delete(&root, &own)
        .await
        .refused(400, "LAST_ACTIVE_ADMIN", literal);
    let demoted = world
        .patch(&root, &format!("/admin/users/{}", root.id), json!({"is_admin": false}))
        .await;
    demoted.refused(
        400,
        "LAST_ACTIVE_ADMIN",
        "Cannot take super_admin from the last active admin user.",
    );
}

#[tokio::test]
async fn b26_batches_name_whom_they_mean() {
    let world = World::new().await;
    let (root, ada) = (world.super_admin().await, world.person("ada").await);
    let path = "/admin/batch/disable-users";
    for nobody in [
        json!({"comment": COMMENT}),
        json!({"user_ids": [], "comment": COMMENT, "all": false}),
    ] {
        world.post(&root, path, nobody).await.invalid(&["user_ids"]);
    }
    let everybody = json!({"user_ids": [ada.id], "all": true, "comment": COMMENT});
    world.post(&root, path, everybody).await.invalid(&["user_ids"]);
    world
        .post(&root, path, json!({"user_ids": [ada.id]}))
        .await
        .invalid(&["comment"]);
    world
        .post(&root, path, json!({"user_ids": [ada.id], "comment": "short"}))
        .await
        .invalid(&["comment"]);

    let body = |dry_run: bool| json!({"user_ids": [ada.email, root.id, "eve@example.com"], "comment": COMMENT, "dry_run": dry_run});
    let dry = world.post(&root, path, body(true)).await.is(200);
    assert_eq!(
        (&dry["dry_run"], &dry["affected_count"], &dry["failed_count"]),
        (&json!(true), &json!(1), &json!(2))
    );
    world.get(&ada, "/auth/me").await.is(200);
    let done = world.post(&root, path, body(false)).await.is(200);
    insta::assert_json_snapshot!(masked(&done));
    world
        .get(&ada, "/auth/me")
        .await
        .refused(401, "INVALID_TOKEN", "Token validation failed");
    let back = world
        .post(
            &root,
            "/admin/batch/restore-users",
            json!({"all": true, "comment": COMMENT}),
        )
        .await
        .is(200);
    assert_eq!(
        (&back["success"], &back["action"], &back["affected_count"]),
        (&json!(true), &json!("restore_users"), &json!(1))
    );
    assert_eq!(back["details"][0]["effects"], Value::Null);
    // B24, B25: each batch is one entry and one event; dry runs and refused ones are none.
    for batch in ["batch_disable_users", "batch_restore_users"] {
        let entries = format!(
            "SELECT count(*) FROM audit_entries WHERE action = '{batch}' AND actor = '{}'",
            root.email
        );
        assert_eq!(world.count(&entries).await, 1, "{batch}");
        let list = world
            .get(&root, &format!("/admin/security-events?event_type={batch}"))
            .await
            .is(200);
        let event = &list["events"][0];
        assert_eq!(
            (
                &list["total"],
                &event["user_identity"],
                &event["violation_data"]["comment"]
            ),
            (&json!(1), &json!(root.email), &json!(COMMENT)),
            "{batch}"
        );
    }
}

#[tokio::test]
async fn p_an_org_admin_sees_people_and_not_their_accounts() {
    let world = World::new().await;
    let acme = world.organization("acme").await;
    let (owner, ada, eve) = (
        world.person("owner").await,
        world.person("ada").await,
        world.person("eve").await,
    );
    belong(&world, acme, &owner, "org_admin").await;
    belong(&world, acme, &ada, "org_member").await;
    let list = world.get(&owner, "/admin/users").await.is(200);
    assert_eq!(
        (list["users"].as_array().unwrap().len(), &list["total"]),
        (2, &json!(2))
    );
    let page = world.get(&owner, "/admin/users/ada@example.com").await.is(200);
    assert_eq!(
        (&page["session_count"], &page["token_count"]),
        (&Value::Null, &Value::Null)
    );
    world
        .get(&owner, &format!("/admin/users/{}", eve.id))
        .await
        .refused(404, "NOT_FOUND", "User not found: ");
    let refused = world
        .post(
            &owner,
            "/admin/users/ada@example.com/deactivate",
            json!({"comment": COMMENT}),
        )
        .await
        .refused(403, "FORBIDDEN", "Admin privileges required");
    assert_eq!(
        (&refused["rule"], &refused["who_can"]),
        (
            &json!("create, change and deactivate accounts"),
            &json!("a super_admin")
        )
    );
}
