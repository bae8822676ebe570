//! Whether a delivery is GitHub's.

use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Code, Error, Result};

/// Checks `X-Hub-Signature-256` against the HMAC-SHA256 of the body, as it was sent, in constant time.
///
/// # Errors
/// 403 when no secret is configured: without one anybody could tell us anything, so an empty one refuses too. 401 when
/// the signature is missing or another.
pub fn verify(secret: Option<&SecretString>, body: &[u8], signature: Option<&[u8]>) -> Result<()> {
    let secret = secret
        .map(|secret| secret.expose_secret().as_bytes())
        .unwrap_or_default();
    if secret.trim_ascii().is_empty() {
        return Err(Error::refused(
            Code::WebhookDisabled,
            "The webhook is off: no secret is configured. Set GUILDHALL_GITHUB_WEBHOOK_SECRET to the secret that the webhook has at GitHub.",
        ));
    }
    let sent = signature
        .and_then(|text| text.strip_prefix(b"sha256="))
        .and_then(|text| hex::decode(text).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    match sent {
        Some(sent) if hmac::verify(&key, body, &sent).is_ok() => Ok(()),
        _ => Err(Error::refused(Code::BadSignature, "Invalid webhook signature")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's own example: <https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>.
    #[test]
    fn b23_githubs_example_holds_and_nothing_else() {
        let secret = SecretString::from("It's a Secret to Everybody");
        let signature = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check =
            |body: &[u8], signature: Option<&[u8]>| verify(Some(&secret), body, signature).map_err(|e| e.code());
        assert!(check(b"Hello, World!", Some(signature)).is_ok());
        assert_eq!(check(b"Hello, World?", Some(signature)), Err(Code::BadSignature));
        for wrong in [
            None,
            Some(&b""[..]),
            Some(b"sha256="),
            Some(&signature[..70]),
            Some(b"sha1=00"),
            Some(&signature[7..]),
        ] {
            assert_eq!(check(b"Hello, World!", wrong), Err(Code::BadSignature), "{wrong:?}");
        }
    }

    #[test]
    fn b23_an_empty_secret_refuses_everything() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"");
        let signed = format!("sha256={}", hex::encode(hmac::sign(&key, b"{}")));
        for secret in [None, Some(SecretString::from("")), Some(SecretString::from("  "))] {
            let refused = verify(secret.as_ref(), b"{}", Some(signed.as_bytes())).unwrap_err();
            assert_eq!(refused.code(), Code::WebhookDisabled);
            assert!(refused.detail().contains("GUILDHALL_GITHUB_WEBHOOK_SECRET"));
        }
    }
}
