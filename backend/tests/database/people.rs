//! Who someone is: identities (X17, DESIGN rule 7), tokens and sessions (B1, DESIGN rule 8).

use std::sync::Arc;

use backend::{Backend, Caller, Code, Ctx, Error, Method, Principal, Result, Settings, identity, sessions, tokens};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Email, TokenName, UserId, views::Token};
use identity::Claims;
use serde_json::json;

use crate::common::{World, refused, request};

fn claims(subject: &str, email: Option<&str>, email_verified: bool) -> Claims {
    Claims {
        issuer: "https://id.example.com".to_owned(),
        subject: subject.to_owned(),
        email: email.map(str::to_owned),
        email_verified,
        email_denied: !email_verified,
        preferred_username: None,
        name: Some("Ada".to_owned()),
        directory_id: None,
    }
}

async fn resolve(backend: &Backend, claims: &Claims) -> Result<UserId> {
    let mut ctx = Ctx::system(backend, "sign-in", Method::System).await?;
    let user = identity::resolve(&mut ctx, claims).await?;
    ctx.commit().await?;
    Ok(user)
}

/// X17: a stranger gets an account, once; (issuer, subject) is the person from then on, whatever the email.
#[tokio::test]
async fn x17_a_person_is_known_by_issuer_and_subject() {
    let world = World::new().await;
    let ada = resolve(&world.backend, &claims("s1", Some("Ada@Example.COM"), false))
        .await
        .unwrap();
    let stored: String = world
        .one(&format!("SELECT email || display_name FROM users WHERE id = '{ada}'"))
        .await;
    assert_eq!(stored, "ada@example.comAda");
    for again in [
        claims("s1", Some("ada@example.com"), false),
        claims("s1", Some("new@example.com"), true),
        claims("s1", None, false),
    ] {
        assert_eq!(resolve(&world.backend, &again).await.unwrap(), ada);
    }
    let mut elsewhere = claims("s1", Some("other@example.com"), true);
    elsewhere.issuer = "https://id.example.org".to_owned();
    assert_ne!(
        resolve(&world.backend, &elsewhere).await.unwrap(),
        ada,
        "the same subject of another issuer"
    );
    assert_ne!(
        resolve(&world.backend, &claims("S1", Some("third@example.com"), true))
            .await
            .unwrap(),
        ada,
        "subjects are exact"
    );
    let person = Principal::load(&world.pool, ada).await.unwrap();
    assert_eq!(
        (person.oidc_sub.as_deref(), person.can_use_jit, person.super_admin),
        (Some("s1"), true, false)
    );
}

/// DESIGN rule 7: an account is joined by a verified email only, in any case of letters.
#[tokio::test]
async fn x17_an_account_is_joined_by_a_verified_email_only() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let literal = "An account with this email exists, and the OpenID provider has not verified";
    refused(
        resolve(&world.backend, &claims("s1", Some("ada@example.com"), false)).await,
        "USER_NOT_AUTHORIZED",
        literal,
    );
    assert_eq!(Code::NotAuthorized.status(), 403);
    assert_eq!(world.one::<i64>("SELECT count(*) FROM user_identities").await, 0);
    assert_eq!(
        resolve(&world.backend, &claims("s1", Some("ADA@example.com"), true))
            .await
            .unwrap(),
        ada
    );
    assert_eq!(resolve(&world.backend, &claims("s1", None, false)).await.unwrap(), ada);
}

/// DESIGN rule 7: `email_verified` speaks of `email`, not of a name that people may choose for themselves.
#[tokio::test]
async fn x17_a_chosen_username_joins_no_account() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for email in [None, Some("\"not ours\"@example.com"), Some("")] {
        for verified in [false, true] {
            let mut wolf = claims("wolf", email, verified);
            wolf.preferred_username = Some("root@example.com".to_owned());
            let result = resolve(&world.backend, &wolf).await;
            assert!(
                matches!(&result, Err(error) if error.code() == Code::NotAuthorized),
                "{email:?} {verified}: {result:?} is {root}"
            );
            let mut wolf = claims("root@example.com", email, verified);
            wolf.preferred_username = None;
            assert!(
                resolve(&world.backend, &wolf).await.is_err(),
                "nor does a subject that looks like an email"
            );
        }
    }
}

/// B1: without an email, `preferred_username` or the subject names a new account; without any there is none.
#[tokio::test]
async fn b1_the_email_comes_from_the_first_claim_that_is_one() {
    let world = World::new().await;
    let mut bob = claims("s2", None, false);
    bob.preferred_username = Some("bob@example.com".to_owned());
    let bob = resolve(&world.backend, &bob).await.unwrap();
    assert_eq!(
        world
            .one::<String>(&format!("SELECT email FROM users WHERE id = '{bob}'"))
            .await,
        "bob@example.com"
    );
    let eve = resolve(&world.backend, &claims("eve@example.com", None, false))
        .await
        .unwrap();
    assert_eq!(
        world
            .one::<String>(&format!("SELECT email FROM users WHERE id = '{eve}'"))
            .await,
        "eve@example.com"
    );
    let none = resolve(&world.backend, &claims("42", None, false)).await;
    refused(
        none,
        "USER_NOT_AUTHORIZED",
        "The OpenID provider gave no email address.",
    );
}

/// X17, B1: with sign-up closed strangers are refused in the seed's words, and known people come in.
#[tokio::test]
async fn x17_closed_signup_refuses_strangers_only() {
    let world = World::with(Settings {
        signup_open: false,
        ..Settings::default()
    })
    .await;
    let ada = world.user("ada").await;
    let stranger = resolve(&world.backend, &claims("s9", Some("stranger@example.com"), true)).await;
    refused(
        stranger,
        "USER_NOT_AUTHORIZED",
        "User not authorized. Contact administrator to request access.",
    );
    assert_eq!(world.one::<i64>("SELECT count(*) FROM users").await, 1);
    assert_eq!(
        resolve(&world.backend, &claims("s1", Some("ada@example.com"), true))
            .await
            .unwrap(),
        ada
    );
    assert_eq!(resolve(&world.backend, &claims("s1", None, false)).await.unwrap(), ada);
}

/// B1: a deactivated person is no principal.
#[tokio::test]
async fn b1_deactivated_people_are_refused() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{ada}'"))
        .await;
    refused(
        Principal::load(&world.pool, ada).await,
        "USER_DEACTIVATED",
        "User account is deactivated.",
    );
    let nobody = UserId(uuid::Uuid::from_u128(5));
    refused(
        Principal::load(&world.pool, nobody).await,
        "INVALID_TOKEN",
        "Token validation failed",
    );
}

/// X17 as a race: two first sign-ins of one person at once make one account, and both get in or one is told to retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x17_two_first_sign_ins_at_once_make_one_account() {
    let world = World::new().await;
    for round in 0..20 {
        let (subject, email) = (format!("s{round}"), format!("ada{round}@example.com"));
        let claims = claims(&subject, Some(&email), true);
        let (a, b) = tokio::join!(resolve(&world.backend, &claims), resolve(&world.backend, &claims));
        let ids: Vec<UserId> = [a, b]
            .into_iter()
            .map(|result| result.unwrap_or_else(|error| panic!("{error}")))
            .collect();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(
            world
                .one::<i64>(&format!("SELECT count(*) FROM users WHERE email = '{email}'"))
                .await,
            1
        );
    }
}

/// DESIGN §1: authorisation is the first line of each function: nobody makes people, or tokens for others, but by right.
#[tokio::test]
async fn p_people_and_tokens_are_made_by_right_only() {
    let world = World::new().await;
    let (root, ada, bob) = (
        world.super_admin().await,
        world.user("ada").await,
        world.user("bob").await,
    );
    let email = Email::parse("new@example.com").unwrap();
    let raise = async |who| {
        world
            .act(who, async |ctx| identity::create(ctx, &email, None, true, None).await)
            .await
    };
    assert!(matches!(raise(ada).await, Err(Error::Forbidden(_))));
    raise(root).await.expect("a super_admin may");
    let name = TokenName::parse("mine").unwrap();
    let token = async |who| {
        world
            .act(who, async |ctx| tokens::create(ctx, bob, &name, None).await.map(drop))
            .await
    };
    for other in [ada, root] {
        assert!(token(other).await.is_err(), "a token is made by its owner");
    }
    token(bob).await.expect("its owner may");
}

async fn token(world: &World, owner: UserId, end: Option<DateTime<Utc>>) -> (Token, String) {
    let name = TokenName::parse("laptop").unwrap();
    let (token, secret) = world
        .act(owner, async |ctx| tokens::create(ctx, owner, &name, end).await)
        .await
        .unwrap();
    (token, secret.reveal().to_owned())
}

/// B1, DESIGN rule 8: only a hash is kept; unknown, expired and revoked tokens are refused, in words.
#[tokio::test]
async fn b1_tokens_are_hashed_expire_and_are_revoked() {
    let world = World::new().await;
    let (ada, bob) = (world.user("ada").await, world.user("bob").await);
    let now = Utc::now();
    let (first, secret) = token(&world, ada, None).await;
    let authenticate = async |secret: &str, at| tokens::authenticate(&world.backend, secret, at).await;
    assert!(
        secret.starts_with(tokens::PREFIX) && secret.len() >= tokens::PREFIX.len() + 43,
        "256 random bits"
    );
    assert!(secret.starts_with(&first.prefix) && first.prefix.len() < tokens::PREFIX.len() + 8);
    assert_eq!(authenticate(&secret, now).await.unwrap(), ada);
    use sha2::Digest;
    let hash: Vec<u8> = world.one("SELECT token_hash FROM personal_access_tokens").await;
    assert_eq!(hash, sha2::Sha256::digest(secret.as_bytes()).to_vec());

    let unknown = "Token validation failed: the token is unknown or revoked";
    for wrong in [
        "",
        "x",
        &secret[..secret.len() - 1],
        &format!("{secret}x"),
        &secret.to_uppercase(),
        "guildhall_pat_\0",
    ] {
        refused(authenticate(wrong, now).await, "INVALID_TOKEN", unknown);
    }
    let (_, short) = token(&world, ada, Some(now + TimeDelta::hours(1))).await;
    assert!(authenticate(&short, now + TimeDelta::minutes(59)).await.is_ok());
    refused(
        authenticate(&short, now + TimeDelta::hours(1)).await,
        "INVALID_TOKEN",
        "Token validation failed: the token has expired",
    );
    let name = TokenName::parse("late").unwrap();
    let past = world
        .act(ada, async |ctx| {
            tokens::create(ctx, ada, &name, Some(now - TimeDelta::seconds(1)))
                .await
                .map(drop)
        })
        .await;
    refused(past, "VALIDATION_ERROR", "expires_at: must be in the future");

    let revoke = async |who, id| world.act(who, async |ctx| tokens::revoke(ctx, id).await).await;
    refused(revoke(bob, first.id).await, "NOT_FOUND", "Token not found: ");
    assert!(
        authenticate(&secret, now).await.is_ok(),
        "others' tokens are not theirs to revoke"
    );
    revoke(ada, first.id).await.unwrap();
    refused(authenticate(&secret, now).await, "INVALID_TOKEN", unknown);
    refused(revoke(ada, first.id).await, "NOT_FOUND", "Token not found: ");
    let listed = world.ask(ada, async |ctx| tokens::list(ctx).await).await.unwrap();
    assert_eq!(listed.len(), 1, "revoked ones are not listed");
    assert!(
        world
            .ask(bob, async |ctx| tokens::list(ctx).await)
            .await
            .unwrap()
            .is_empty()
    );
}

/// B1: a token makes none that outlives it. What asks in another way, or by a token without an end, may.
#[tokio::test]
async fn b1_a_token_makes_none_that_outlives_it() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let noon: DateTime<Utc> = "2099-06-01T12:00:00Z".parse().unwrap();
    let asking = async |end| {
        let principal = Arc::new(Principal::load(&world.pool, ada).await.unwrap());
        let caller = Caller::Person(principal, Method::Token(end));
        Ctx::write(&world.backend, caller, request()).await.unwrap()
    };
    let name = TokenName::parse("more").unwrap();
    let make = async |own: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>| {
        let mut ctx = asking(own).await;
        let (token, _) = tokens::create(&mut ctx, ada, &name, end).await?;
        Ok::<_, Error>(token.expires_at)
    };
    let second = TimeDelta::seconds(1);
    refused(
        make(Some(noon), Some(noon + second)).await,
        "VALIDATION_ERROR",
        "expires_at: must not be later than the end of the token that asks, 2099-06-01T12:00:00Z",
    );
    assert_eq!(
        make(Some(noon), None).await.unwrap(),
        Some(noon),
        "without an end it has this one"
    );
    for (own, end) in [
        (Some(noon), Some(noon)),
        (Some(noon), Some(noon - second)),
        (None, Some(noon)),
        (None, None),
    ] {
        assert_eq!(make(own, end).await.unwrap(), end, "{own:?}");
    }
    let usual = asking(Some(noon)).await;
    assert_eq!(tokens::default_end(&usual), usual.now + tokens::DEFAULT_LIFETIME);
    let soon = usual.now + TimeDelta::hours(1);
    assert_eq!(tokens::default_end(&asking(Some(soon)).await), soon);

    let (_, secret) = token(&world, ada, Some(noon)).await;
    let known = tokens::authenticate_with_end(&world.backend, &secret, Utc::now()).await;
    assert_eq!(known.unwrap(), (ada, Some(noon)));
}

/// B1: when a token was last used is written down, and never goes backwards.
#[tokio::test]
async fn b1_the_last_use_of_a_token_is_written_down() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let (made, secret) = token(&world, ada, None).await;
    let last = async || world.ask(ada, async |ctx| tokens::list(ctx).await).await.unwrap()[0].last_used_at;
    assert_eq!((made.last_used_at, last().await), (None, None));
    let noon: DateTime<Utc> = "2030-01-01T12:00:00Z".parse().unwrap();
    for (used, expected) in [
        (noon, noon),
        (noon - TimeDelta::minutes(5), noon),
        (noon + TimeDelta::minutes(5), noon + TimeDelta::minutes(5)),
    ] {
        tokens::authenticate(&world.backend, &secret, used).await.unwrap();
        tokens::write_last_used(&world.pool).await.unwrap();
        assert_eq!(last().await, Some(expected));
    }
    tokens::write_last_used(&world.pool).await.expect("nothing to write");
    assert!(tokens::authenticate(&world.backend, "wrong", noon).await.is_err());
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM audit_entries WHERE action <> 'token.create'")
            .await,
        0
    );
}

/// Issue 2.3: a session's row knows its person and its end, and not its id.
#[tokio::test]
async fn sessions_know_their_person_and_not_their_id() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let backend = &world.backend;
    let now = Utc::now();
    let end = now + TimeDelta::hours(1);
    let data = json!({"user": ada, "flash": "hello"});
    assert!(sessions::create(backend, "cookie-1", &data, end).await.unwrap());
    assert!(
        !sessions::create(backend, "cookie-1", &json!({}), end).await.unwrap(),
        "an id is taken once"
    );
    assert!(
        sessions::create(backend, "cookie-2", &json!({}), end).await.unwrap(),
        "before sign-in it has nobody"
    );
    let (stored, person): (String, Option<uuid::Uuid>) = (
        world
            .one(&format!("SELECT id FROM sessions WHERE user_id = '{ada}'"))
            .await,
        world
            .one("SELECT user_id FROM sessions WHERE user_id IS NOT NULL")
            .await,
    );
    assert!(!stored.contains("cookie") && stored.len() == 64);
    assert_eq!(person, Some(ada.0));

    let load = async |id: &str, at| sessions::load(backend, id, at).await.unwrap().map(|(data, _)| data);
    assert_eq!(load("cookie-1", now).await, Some(data));
    assert_eq!(load("cookie-1", end).await, None, "it has ended");
    assert_eq!(load(&stored, now).await, None, "a copy of the table opens no session");
    let signed_in = json!({"user": ada});
    sessions::save(backend, "cookie-2", &signed_in, end).await.unwrap();
    assert_eq!(load("cookie-2", now).await, Some(signed_in.clone()));
    assert_eq!(
        world
            .one::<i64>(&format!("SELECT count(*) FROM sessions WHERE user_id = '{ada}'"))
            .await,
        2
    );

    sessions::delete(backend, "cookie-1").await.unwrap();
    assert_eq!(load("cookie-1", now).await, None);
    sessions::delete_of_user(backend, ada).await.unwrap();
    assert_eq!(load("cookie-2", now).await, None);

    sessions::create(backend, "old", &json!({}), now - TimeDelta::seconds(1))
        .await
        .unwrap();
    sessions::create(backend, "young", &json!({}), end).await.unwrap();
    assert_eq!(sessions::remove_ended(backend, now).await.unwrap(), 1);
    assert!(load("young", now).await.is_some());
    world.sql(&format!("DELETE FROM users WHERE id = '{ada}'")).await;
}

/// However many sessions have ended since the last time, all of them go, but one that somebody works on at this moment.
#[tokio::test]
async fn all_sessions_that_have_ended_are_removed() {
    let world = World::new().await;
    world
        .sql(
            "INSERT INTO sessions (id, data, expires_at)
            SELECT 's' || n, '{}', now() - interval '1 minute' + n * interval '5 ms' FROM generate_series(1, 20000) n",
        )
        .await;
    let mut busy = world.pool.begin().await.unwrap();
    sqlx::query("SELECT id FROM sessions WHERE id = 's7' FOR UPDATE")
        .execute(&mut *busy)
        .await
        .unwrap();
    let now = Utc::now() - TimeDelta::seconds(5);
    let due: i64 = world
        .one(&format!("SELECT count(*) FROM sessions WHERE expires_at <= '{now}'"))
        .await;
    assert!(due > 10_000, "{due}");
    let removed = sessions::remove_ended(&world.backend, now).await.unwrap();
    assert_eq!(i64::try_from(removed).unwrap(), due - 1);
    busy.rollback().await.unwrap();
    assert_eq!(sessions::remove_ended(&world.backend, now).await.unwrap(), 1);
    let left: i64 = world.one("SELECT count(*) FROM sessions").await;
    assert_eq!(left, 20_000 - due);
}

/// Issue 2.3: a request that was under way while its session was ended does not bring it back by saving it.
#[tokio::test]
async fn an_ended_session_is_not_brought_back_by_a_late_save() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    let end = Utc::now() + TimeDelta::hours(1);
    let data = json!({"user": ada});
    sessions::create(&world.backend, "cookie", &data, end).await.unwrap();
    sessions::delete_of_user(&world.backend, ada).await.unwrap();
    let _ = sessions::save(&world.backend, "cookie", &data, end).await;
    assert_eq!(
        sessions::load(&world.backend, "cookie", Utc::now()).await.unwrap(),
        None
    );
    assert_eq!(world.one::<i64>("SELECT count(*) FROM sessions").await, 0);
}
