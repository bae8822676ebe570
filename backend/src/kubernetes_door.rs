//! What the Kubernetes listener keeps in the database: its certificate authority, and where it is reached.

mod kubeconfig;
mod offer;

pub use kubeconfig::{Kubeconfig, text};
pub use offer::{NewKubeconfig, create, offered};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Backend, Ctx, Error, Result,
    sealing::{self, Purpose},
};

/// "kubectl" in ASCII: the advisory lock around making the authority.
const MAKING: i64 = 0x006b_7562_6563_746c;

/// A certificate authority.
pub struct Authority {
    /// Its certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8.
    pub private_key: Vec<u8>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

/// The authority of this installation; `make` makes it when there is none yet.
///
/// # Errors
/// When the database does not answer, or the key was sealed with another `secret_key`: a new authority would end every
/// kubeconfig that was handed out, which nobody asked for.
pub async fn authority(backend: &Backend, make: impl FnOnce() -> Result<Authority>) -> Result<Authority> {
    let mut transaction = backend.pool.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", MAKING)
        .execute(&mut *transaction)
        .await?;
    if let Some(known) = load(backend, &mut transaction).await? {
        return Ok(known);
    }
    let new = make()?;
    let seal_id = Uuid::now_v7();
    let secret = backend.settings.secret_key.as_ref();
    let kept = match secret {
        Some(secret) => sealing::seal(Purpose::KubernetesAuthority, secret, seal_id, &new.private_key)?,
        None => new.private_key.clone(),
    };
    sqlx::query!(
        "INSERT INTO kubernetes_authority (seal_id, certificate, private_key, sealed) VALUES ($1, $2, $3, $4)",
        seal_id,
        new.certificate,
        kept,
        secret.is_some(),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tracing::info!(
        sealed = secret.is_some(),
        "a certificate authority was made for the Kubernetes listener"
    );
    Ok(new)
}

async fn load(backend: &Backend, connection: &mut PgConnection) -> Result<Option<Authority>> {
    let row = sqlx::query!("SELECT seal_id, certificate, private_key, sealed FROM kubernetes_authority")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let private_key = if row.sealed {
        let secret = backend.settings.secret_key.as_ref();
        secret
            .and_then(|secret| sealing::open(Purpose::KubernetesAuthority, secret, row.seal_id, &row.private_key))
            .ok_or_else(|| {
                Error::internal(
                    "the Kubernetes listener's certificate authority was sealed with another GUILDHALL_SECRET_KEY: set \
                     that one, or `DELETE FROM kubernetes_authority` and print every kubeconfig anew",
                )
            })?
    } else {
        row.private_key
    };
    Ok(Some(Authority {
        certificate: row.certificate,
        private_key,
    }))
}

/// Where a listener is reached, and what its certificate is verified by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `https://127.0.0.1:6443`
    pub server: String,
    /// PEM; none where the system's own authorities verify it.
    pub authority: Option<String>,
}

/// Notes where the listener of this process is reached. The one that started last counts.
///
/// # Errors
/// When the database does not answer.
pub async fn announce(ctx: &mut Ctx, address: &Address) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO kubernetes_listener (server, authority, started_at) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET server = $1, authority = $2, started_at = $3",
        address.server,
        address.authority,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Where the listener is reached; none when none was ever started.
///
/// # Errors
/// When the database does not answer.
pub async fn address(ctx: &mut Ctx) -> Result<Option<Address>> {
    let row = sqlx::query!("SELECT server, authority FROM kubernetes_listener")
        .fetch_optional(ctx.connection())
        .await?;
    Ok(row.map(|row| Address {
        server: row.server,
        authority: row.authority,
    }))
}
