//! The walk to the provider and back.

use reqwest::header;

use crate::common::{MAX, Server, TESS, UNVERIFIED, location, set_cookie};

/// The message that the next page shows.
async fn flash(server: &Server) -> Option<String> {
    let data: Option<serde_json::Value> =
        sqlx::query_scalar("SELECT data -> 'flash' FROM sessions WHERE data ? 'flash' LIMIT 1")
            .fetch_optional(&server.database.pool)
            .await
            .expect("an answer");
    data.map(|flash| {
        format!(
            "{}: {}",
            flash["kind"].as_str().expect("a kind"),
            flash["text"].as_str().expect("a text")
        )
    })
}

#[tokio::test]
async fn it_leads_to_the_page_first_asked_for_under_a_new_session() {
    let server = Server::start().await;
    let begun = server
        .browse("/auth/login/oidc?next=/admin/teams%3Fpage%3D2", None)
        .await;
    assert_eq!(begun.status(), 303);
    let before = set_cookie(&begun).expect("a session for the sign-in");
    let to_provider = location(&begun);
    for part in ["state=", "nonce=", "code_challenge=", "code_challenge_method=S256"] {
        assert!(to_provider.contains(part), "{to_provider}");
    }
    let back = server.visit_provider(&begun, MAX).await;
    let done = server.browse(server.path_of(&back), Some(&before)).await;
    assert_eq!(
        (done.status().as_u16(), location(&done).as_str()),
        (303, "/admin/teams?page=2")
    );
    let whole = done.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(whole.contains(flag), "{whole}");
    }
    let after = set_cookie(&done).expect("a new session");
    assert_ne!(before, after);

    let me = |cookie: String| {
        server
            .client
            .get(format!("{}/api/v1/auth/me", server.url))
            .header("cookie", cookie)
            .send()
    };
    assert_eq!(me(after).await.expect("an answer").status(), 200);
    assert_eq!(
        me(before.clone()).await.expect("an answer").status(),
        401,
        "the old id opens nothing"
    );
    // A callback works once.
    let again = server.browse(server.path_of(&back), Some(&before)).await;
    assert_eq!(location(&again), "/login");
}

#[tokio::test]
async fn it_never_leads_to_another_host() {
    let server = Server::start().await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "/..//evil.example",
    ] {
        let begun = server.browse(&format!("/auth/login/oidc?next={next}"), None).await;
        let cookie = set_cookie(&begun).expect("a session");
        let back = server.visit_provider(&begun, MAX).await;
        let done = server.browse(server.path_of(&back), Some(&cookie)).await;
        assert_eq!(location(&done), "/", "{next}");
    }
}

#[tokio::test]
async fn a_callback_belongs_to_the_browser_that_began() {
    let server = Server::start().await;
    let mine = server.browse("/auth/login/oidc", None).await;
    let theirs = server.browse("/auth/login/oidc", None).await;
    let my_cookie = set_cookie(&mine).expect("a session");
    let their_way_back = server.visit_provider(&theirs, TESS).await;
    for cookie in [Some(my_cookie.as_str()), None] {
        let refused = server.browse(server.path_of(&their_way_back), cookie).await;
        assert_eq!(location(&refused), "/login");
        let session = set_cookie(&refused)
            .or(cookie.map(str::to_owned))
            .expect("a session for the message");
        let me = server
            .client
            .get(format!("{}/api/v1/auth/me", server.url))
            .header("cookie", session)
            .send();
        assert_eq!(me.await.expect("an answer").status(), 401);
    }
    let said = flash(&server).await.expect("a message");
    assert!(
        said.starts_with("danger: This sign-in was not begun in this browser"),
        "{said}"
    );
    // Programs get the status.
    let plain = server.client.get(&their_way_back).send().await.expect("an answer");
    assert_eq!(plain.status(), 401);
}

#[tokio::test]
async fn two_tabs_may_sign_in_at_once() {
    let server = Server::start().await;
    let first = server.browse("/auth/login/oidc?next=/teams", None).await;
    let cookie = set_cookie(&first).expect("a session");
    let _second = server.browse("/auth/login/oidc?next=/runners", Some(&cookie)).await;
    let back = server.visit_provider(&first, MAX).await;
    assert_eq!(
        location(&server.browse(server.path_of(&back), Some(&cookie)).await),
        "/teams"
    );
}

#[tokio::test]
async fn what_the_provider_says_reaches_nobody_but_the_log() {
    let server = Server::start().await;
    let begun = server.browse("/auth/login/oidc", None).await;
    let cookie = set_cookie(&begun).expect("a session");
    let to_provider = location(&begun);
    let state = to_provider
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("state="))
        .expect("a state");
    let path = format!("/auth/callback/oidc?state={state}&error=access_denied&error_description=%3Cb%3Eno");
    let refused = server.browse(&path, Some(&cookie)).await;
    assert_eq!(location(&refused), "/login");
    assert_eq!(
        flash(&server).await.as_deref(),
        Some("danger: The sign-in was cancelled.")
    );
}

#[tokio::test]
async fn a_provider_that_is_down_is_said() {
    let server = Server::start().await;
    server.oidc.stop().await;
    let refused = server.browse("/auth/login/oidc", None).await;
    assert_eq!(location(&refused), "/login");
    let said = flash(&server).await.expect("a message");
    assert_eq!(
        said,
        "danger: The sign-in provider cannot be reached. Try again in a moment."
    );
    let plain = server
        .client
        .get(format!("{}/auth/login/oidc", server.url))
        .send()
        .await
        .expect("an answer");
    assert_eq!(plain.status(), 503);
}

#[tokio::test]
async fn who_may_not_sign_in_is_told_why() {
    let server = Server::start().await;
    server.person(UNVERIFIED, true).await;
    let begun = server.browse("/auth/login/oidc", None).await;
    let cookie = set_cookie(&begun).expect("a session");
    let back = server.visit_provider(&begun, UNVERIFIED).await;
    let refused = server.browse(server.path_of(&back), Some(&cookie)).await;
    assert_eq!(location(&refused), "/login");
    assert!(
        flash(&server)
            .await
            .expect("a message")
            .contains("has not verified that the email is yours")
    );

    let id = server.person(MAX, false).await;
    sqlx::query("UPDATE users SET deactivated_at = now() WHERE id = $1")
        .bind(id.0)
        .execute(&server.database.pool)
        .await
        .expect("changed");
    let begun = server.browse("/auth/login/oidc", None).await;
    let cookie = set_cookie(&begun).expect("a session");
    let back = server.visit_provider(&begun, MAX).await;
    let refused = server.browse(server.path_of(&back), Some(&cookie)).await;
    assert_eq!(location(&refused), "/login");
}

#[tokio::test]
async fn without_a_provider_the_setting_is_named() {
    let nothing = [("GUILDHALL_OIDC_ISSUER", ""), ("GUILDHALL_OIDC_CLIENT_ID", "")];
    let server = Server::with(&nothing).await;
    let answer = server.browse("/auth/login/oidc", None).await;
    assert_eq!(answer.status(), 503);
    let page = answer.text().await.expect("a page");
    for name in ["GUILDHALL_OIDC_ISSUER", "GUILDHALL_OIDC_CLIENT_ID"] {
        assert!(page.contains(name), "{page}");
    }
    assert_eq!(server.browse("/login", None).await.status(), 200);
    assert_eq!(server.browse("/auth/login/github", None).await.status(), 404);
}

#[tokio::test]
async fn another_name_of_this_host_leads_to_the_public_one_first() {
    let server = Server::start().await;
    let port = server.url.rsplit(':').next().expect("a port");
    let answer = server
        .client
        .get(format!("http://localhost:{port}/auth/login/oidc?next=/teams"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        location(&answer),
        format!("{}/auth/login/oidc?next=%2Fteams&here=1", server.url)
    );
    assert!(set_cookie(&answer).is_none());
}
