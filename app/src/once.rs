//! Secrets that a page shows once, after a redirect.
//!
//! Between the two requests the secret waits in the session, encrypted with a key that only the
//! browser holds, in a cookie of two minutes. So nothing readable is ever stored on our side, any
//! process can answer the second request, and reloading the page shows nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{header, request::Parts};
use leptos::prelude::use_context;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::ssr;

const COOKIE: &str = "guildhall-once";
const SESSION: &str = "once";

fn key(bytes: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

/// Each key seals one message, so the nonce may be a constant.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Keeps a value for the next page of this kind. `None` when it could not be kept.
pub async fn put<T: Serialize>(kind: &str, value: &T) -> Option<()> {
    let mut secret = [0_u8; 32];
    SystemRandom::new().fill(&mut secret).ok()?;
    let mut text = serde_json::to_vec(value).ok()?;
    key(&secret)?
        .seal_in_place_append_tag(nonce(), Aad::from(kind.as_bytes()), &mut text)
        .ok()?;
    ssr::visit()
        .session
        .insert(SESSION, URL_SAFE_NO_PAD.encode(text))
        .await
        .ok()?;
    set_cookie(&URL_SAFE_NO_PAD.encode(secret), 120);
    Some(())
}

/// Takes the value, if there is one of this kind for this browser.
pub async fn take<T: DeserializeOwned>(kind: &str) -> Option<T> {
    let secret = URL_SAFE_NO_PAD.decode(cookie()?).ok()?;
    set_cookie("", 0);
    let sealed: String = ssr::visit().session.remove(SESSION).await.ok()??;
    let mut text = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let text = key(&secret)?
        .open_in_place(nonce(), Aad::from(kind.as_bytes()), &mut text)
        .ok()?;
    serde_json::from_slice(text).ok()
}

fn cookie() -> Option<String> {
    let parts = use_context::<Parts>()?;
    let header = parts.headers.get(header::COOKIE)?.to_str().ok()?;
    header
        .split(';')
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=').map(str::to_owned))
}

fn set_cookie(value: &str, seconds: u32) {
    let secure = if ssr::visit().site.public_url.starts_with("https:") {
        "; Secure"
    } else {
        ""
    };
    ssr::append_header(
        header::SET_COOKIE,
        &format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"),
    );
}
