//! `serve --demo`.

use crate::{
    command_line::{Serving, guildhall},
    common::{client, database::Database},
};

#[tokio::test]
async fn the_demo_has_people_and_teams_once() {
    let database = Database::empty().await;
    let demo = || Serving::start(guildhall(&database, &["serve", "--demo", "--listen", "127.0.0.1:0"]));
    let counts = async || -> (i64, i64, i64) {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM teams), (SELECT count(*) FROM audit_entries)",
        )
        .fetch_one(&database.pool)
        .await
        .expect("counts")
    };
    assert_eq!(demo().stop().0, Some(0));
    let first = counts().await;
    assert!(first.0 >= 6 && first.1 >= 4 && first.2 > first.0 + first.1, "{first:?}");
    let again = demo();
    assert_eq!(counts().await, first);
    // Signing in finds the account that is there.
    let client = client();
    let follow = async |url: String, cookie: &str| {
        let answer = client
            .get(url)
            .header("cookie", cookie)
            .send()
            .await
            .expect("an answer");
        let location = answer.headers()["location"].to_str().expect("text").to_owned();
        let cookie = answer
            .headers()
            .get("set-cookie")
            .map(|value| value.to_str().expect("text").to_owned());
        (location, cookie.unwrap_or_default())
    };
    let (to_provider, cookie) = follow(format!("{}/auth/login/oidc", again.url), "").await;
    let (back, _) = follow(format!("{to_provider}&as=ada@acme.example"), "").await;
    let (next, _) = follow(back, cookie.split(';').next().expect("a pair")).await;
    assert_eq!(next, "/");
    assert_eq!(counts().await.0, first.0);
}
