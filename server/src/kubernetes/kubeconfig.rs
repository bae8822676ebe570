//! `guildhall kubeconfig`: the file that tells kubectl where Guildhall is and who calls.

use backend::{
    Ctx, Error, Method, Result,
    kubernetes_door::{self, Address, Kubeconfig},
    tokens,
};
use chrono::{DateTime, Utc};
use domain::{Email, TokenName, UserRef};

use super::authority;
use crate::config::Config;

pub use backend::kubernetes_door::text;

/// Where the listener is when nothing else says so: the address of the documentation.
const USUAL: &str = "https://127.0.0.1:6443";

/// Where the Kubernetes API is reached: what was asked for, else what the configuration says, else the listener that
/// started last.
///
/// # Errors
/// When the database does not answer, or the certificate of the configuration cannot be read.
pub async fn address(ctx: &mut Ctx, config: &Config, server: Option<&str>) -> Result<Address> {
    let known = kubernetes_door::address(ctx).await?;
    let authority = match (&config.kubernetes.certificate, &known) {
        (Some(files), _) => {
            let pem = std::fs::read(&files.certificate).map_err(|error| {
                Error::internal(format!("could not read {}: {error}", files.certificate.display()))
            })?;
            authority::root_of(&pem)
        }
        (None, Some(known)) => known.authority.clone(),
        // Made now, so that a kubeconfig can be handed out before the first start.
        (None, None) => Some(authority::authority(&ctx.backend).await?.certificate),
    };
    let server = server
        .map(str::to_owned)
        .or_else(|| config.kubernetes.public_url.clone())
        .or_else(|| known.map(|known| known.server))
        .unwrap_or_else(|| USUAL.to_owned());
    Ok(Address { server, authority })
}

/// Makes a token for somebody, and the kubeconfig with it. The operator's own command calls this.
///
/// # Errors
/// When there is no such person, or the end has passed.
pub(crate) async fn issue(
    ctx: &mut Ctx,
    email: &Email,
    address: &Address,
    namespace: Option<&str>,
    end: Option<DateTime<Utc>>,
) -> Result<String> {
    debug_assert_eq!(ctx.caller.method(), Method::Command);
    let (owner, email) = backend::identity::find(ctx, &UserRef::Email(email.clone())).await?;
    let (_, secret) = tokens::create(ctx, owner, &TokenName::parse("kubectl")?, end).await?;
    Ok(text(&Kubeconfig {
        server: &address.server,
        authority: address.authority.as_deref(),
        token: secret.reveal(),
        namespace,
        user: &email,
    }))
}
