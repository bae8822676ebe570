//! Sealing: each entry gets a place in the chain and a hash that covers everything before it.
//!
//! An entry is sealed once it is visible, which is within about a second. An entry that commits late is sealed late,
//! behind others that were written after it: no entry ever has to go before one that is sealed.

use domain::{Refusal, views::AuditHead};
use sqlx::{PgConnection, PgPool, QueryBuilder};
use uuid::Uuid;

use super::{
    chain::{self, Hash},
    scope::Scope,
};
use crate::{Ctx, Error, Result};

/// "audit" in ASCII: the advisory lock of the one process that seals.
const SEALING: i64 = 0x61_7564_6974;
/// Entries in one transaction.
const BATCH: i64 = 1000;

#[derive(sqlx::FromRow)]
struct Waiting {
    id: Uuid,
    /// It has a seal already: it was restored in a way that let it wait again.
    sealed: bool,
    fields: Vec<Option<String>>,
}

/// Seals what waits, and says how much that was; nothing while another process does it. Called by a job every second.
///
/// # Errors
/// When the database does not answer. What was sealed until then stays so.
pub async fn seal(pool: &PgPool) -> Result<u64> {
    let mut total = 0;
    loop {
        let mut transaction = pool.begin().await?;
        let taken = seal_batch(&mut transaction).await?;
        transaction.commit().await?;
        total += taken;
        if taken < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn seal_batch(connection: &mut PgConnection) -> Result<u64> {
    let mine = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "mine!""#, SEALING)
        .fetch_one(&mut *connection)
        .await?;
    if !mine {
        return Ok(0);
    }
    // An entry that is gone goes on waiting: the verification shall find it.
    let mut sql = QueryBuilder::new(
        "WITH taken AS (DELETE FROM audit_unsealed WHERE ctid = ANY(ARRAY(
            SELECT u.ctid FROM audit_unsealed u WHERE EXISTS (SELECT FROM audit_entries e WHERE e.id = u.entry_id)
            ORDER BY u.txid, u.position LIMIT ",
    );
    sql.push_bind(BATCH).push(
        ")) RETURNING txid, position, entry_id)
        SELECT e.id, c.entry_id IS NOT NULL AS sealed, ",
    );
    sql.push(chain::FIELDS).push(
        " AS fields FROM taken JOIN audit_entries e ON e.id = taken.entry_id
        LEFT JOIN audit_chain c ON c.entry_id = e.id ORDER BY taken.txid, taken.position",
    );
    let rows: Vec<Waiting> = sql.build_query_as().fetch_all(&mut *connection).await?;
    let taken = rows.len() as u64;
    let (mut seq, mut previous) = last(connection).await?;
    let (mut places, mut ids, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.into_iter().filter(|row| !row.sealed) {
        seq += 1;
        previous = chain::hash(seq, &previous, &row.fields);
        places.push(seq);
        ids.push(row.id);
        hashes.push(previous.to_vec());
    }
    if !places.is_empty() {
        sqlx::query!(
            "INSERT INTO audit_chain (seq, entry_id, version, hash)
            SELECT n.seq, n.entry_id, $4, n.hash FROM unnest($1::bigint[], $2::uuid[], $3::bytea[]) AS n(seq, entry_id, hash)",
            &places,
            &ids,
            &hashes,
            chain::VERSION,
        )
        .execute(connection)
        .await?;
        metrics::gauge!("guildhall_audit_sealed").set(f64::from(u32::try_from(seq).unwrap_or(u32::MAX)));
    }
    Ok(taken)
}

/// The last place and its hash.
async fn last(connection: &mut PgConnection) -> Result<(i64, Hash)> {
    let row = sqlx::query!("SELECT seq, hash FROM audit_chain ORDER BY seq DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else {
        return Ok((0, chain::GENESIS));
    };
    let hash = row.hash.try_into();
    Ok((
        row.seq,
        hash.map_err(|_| Error::internal("a seal is not 32 bytes long"))?,
    ))
}

/// How far the log is sealed.
///
/// # Errors
/// 403 for everyone but super_admins and the auditors of the installation: it tells how much there is.
pub async fn head(ctx: &mut Ctx) -> Result<AuditHead> {
    if Scope::of(&ctx.caller) != Scope::All {
        return Err(Error::Forbidden(Refusal {
            literal: "Admin privileges required".to_owned(),
            rule: "see how far the audit log is sealed".to_owned(),
            who_can: "a super_admin or an auditor of the installation".to_owned(),
        }));
    }
    let (seq, hash) = last(ctx.connection()).await?;
    let waiting = sqlx::query_scalar!(r#"SELECT count(*) AS "waiting!" FROM audit_unsealed"#)
        .fetch_one(ctx.connection())
        .await?;
    Ok(AuditHead {
        seq,
        hash: hex::encode(hash),
        waiting,
    })
}
