//! Stand-ins for GitHub, LiteLLM, Microsoft Graph, an OpenID provider and the DNS, on ports of this machine, with faults
//! on demand.
//!
//! For tests, benchmarks and `guildhall serve --demo`; never part of a release. What they answer follows the real
//! systems' documentation and recorded answers, errors included. Anybody who can reach them can do anything with them:
//! bind them to loopback.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "test equipment: it panics where its caller is at fault"
)]
#![expect(clippy::result_large_err, reason = "handlers refuse with the response itself")]

pub mod dns;
pub mod github;
pub mod graph;
mod listener;
pub mod litellm;
pub mod oidc;

/// An RSA key that is printed in a public repository and therefore protects nothing: for tests with GitHub Apps and RS256.
pub const TEST_RSA_PRIVATE_KEY: &str = include_str!("test_rsa_private_key.pem");
/// The public half of [`TEST_RSA_PRIVATE_KEY`].
pub const TEST_RSA_PUBLIC_KEY: &str = include_str!("test_rsa_public_key.pem");

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    i64::try_from(jsonwebtoken::get_current_timestamp()).expect("the clock is sane")
}

/// 32 random bytes as text that fits into URLs.
pub(crate) fn random_text() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
