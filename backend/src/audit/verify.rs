//! Verifying: walks the whole chain and finds the first entry that is not as it was sealed.

use std::fmt;

use sqlx::{PgConnection, PgPool, QueryBuilder};
use uuid::Uuid;

use super::chain::{self, Expected, Hash};
use crate::Result;

/// Links in memory at a time.
const BATCH: i64 = 500;

/// What a verification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Seals that are as they should be, from the first on.
    pub sealed: i64,
    /// Entries that wait for their seal.
    pub waiting: i64,
    /// The last of these seals, to be noted elsewhere; none in an empty chain.
    pub head: Option<Expected>,
    /// The first thing that is wrong.
    pub finding: Option<Finding>,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its place in the chain, if it has one.
    pub seq: Option<i64>,
    /// The entry.
    pub entry: Option<Uuid>,
    /// What the entry says of itself now: when, who, what. None when it is gone.
    pub says: Option<String>,
    /// What is wrong, in words.
    pub wrong: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seq) = self.seq {
            write!(f, "seal {seq}: ")?;
        }
        if let Some(entry) = self.entry {
            write!(f, "entry {entry}")?;
            if let Some(says) = &self.says {
                write!(f, " ({says})")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.wrong)
    }
}

#[derive(sqlx::FromRow)]
struct Link {
    seq: i64,
    entry_id: Uuid,
    version: i16,
    hash: Vec<u8>,
    /// Whether the entry is there.
    there: bool,
    /// When, who, what.
    says: Option<String>,
    fields: Vec<Option<String>>,
}

/// When, who and what, as an SQL text that is never null for an entry that is there.
const SAYS: &str =
    "concat_ws(' ', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), e.actor, e.action, e.target)";

/// Reads the whole log in the order of its seals and computes each anew, with a few hundred entries in memory at a time.
/// `expected` is a head that was noted earlier: it has to be among the seals, which tells a chain whose end was cut off,
/// or that was made anew, from one that is whole. Reads one state of the database, whatever is written meanwhile.
///
/// # Errors
/// When the database does not answer.
pub async fn verify(pool: &PgPool, expected: Option<&Expected>) -> Result<Report> {
    let mut transaction = pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let connection = &mut *transaction;
    let waiting = sqlx::query_scalar!(r#"SELECT count(*) AS "waiting!" FROM audit_unsealed"#)
        .fetch_one(&mut *connection)
        .await?;
    let mut report = Report {
        sealed: 0,
        waiting,
        head: None,
        finding: None,
    };
    report.finding = match walk(connection, expected, &mut report).await? {
        Some(finding) => Some(finding),
        None => match not_sealed(connection).await? {
            Some(finding) => Some(finding),
            None => gone_while_waiting(connection).await?,
        },
    };
    transaction.rollback().await?;
    Ok(report)
}

async fn walk(
    connection: &mut PgConnection,
    expected: Option<&Expected>,
    report: &mut Report,
) -> Result<Option<Finding>> {
    let mut previous = chain::GENESIS;
    loop {
        let links = links(connection, report.sealed).await?;
        for link in &links {
            let seq = report.sealed + 1;
            match check(link, seq, &previous, &links) {
                Ok(hash) => previous = hash,
                Err(finding) => return Ok(Some(finding)),
            }
            let reached = Expected { seq, hash: previous };
            if let Some(expected) = expected.filter(|expected| expected.seq == seq && **expected != reached) {
                return Ok(Some(Finding {
                    says: link.says.clone(),
                    ..finding(
                        Some(seq),
                        Some(link.entry_id),
                        format!("has the seal {reached}, and {expected} was noted: the chain up to here was made anew"),
                    )
                }));
            }
            report.sealed = seq;
            report.head = Some(reached);
        }
        if links.is_empty() {
            break;
        }
    }
    Ok(expected
        .filter(|expected| expected.seq > report.sealed)
        .map(|expected| {
            let sealed = report.sealed;
            finding(
                Some(sealed + 1),
                None,
                format!("is missing: {expected} was noted, and the chain ends at {sealed}: its end was cut off"),
            )
        }))
}

async fn links(connection: &mut PgConnection, after: i64) -> Result<Vec<Link>> {
    let mut sql = QueryBuilder::new("SELECT c.seq, c.entry_id, c.version, c.hash, e.id IS NOT NULL AS there, ");
    sql.push(SAYS).push(" AS says, ").push(chain::FIELDS);
    sql.push(" AS fields FROM audit_chain c LEFT JOIN audit_entries e ON e.id = c.entry_id WHERE c.seq > ");
    sql.push_bind(after).push(" ORDER BY c.seq LIMIT ").push_bind(BATCH);
    Ok(sql.build_query_as().fetch_all(connection).await?)
}

/// The link's hash, when it is what it should be.
fn check(link: &Link, seq: i64, previous: &Hash, around: &[Link]) -> std::result::Result<Hash, Finding> {
    if link.seq != seq {
        return Err(finding(
            Some(seq),
            None,
            "is missing: it was removed from the chain".to_owned(),
        ));
    }
    let of_entry = |wrong: String| Finding {
        says: link.says.clone().filter(|_| link.there),
        ..finding(Some(seq), Some(link.entry_id), wrong)
    };
    if !link.there {
        return Err(of_entry("is missing: it was removed from the log".to_owned()));
    }
    if link.version != chain::VERSION {
        return Err(of_entry(format!(
            "is sealed in form {}, which this version of Guildhall does not know",
            link.version
        )));
    }
    let hash = chain::hash(seq, previous, &link.fields);
    if link.hash == hash {
        return Ok(hash);
    }
    // Perhaps the seal is that of an entry that stands nearby now.
    let other = around
        .iter()
        .find(|other| other.there && link.hash == chain::hash(seq, previous, &other.fields));
    Err(of_entry(match other {
        Some(other) => format!("stands where entry {} was sealed: they were reordered", other.entry_id),
        None => "is not what was sealed here: it was changed, or its seal was".to_owned(),
    }))
}

/// The first entry that neither has a seal nor waits for one.
async fn not_sealed(connection: &mut PgConnection) -> Result<Option<Finding>> {
    let mut sql = QueryBuilder::new("SELECT e.id, ");
    sql.push(SAYS).push(
        " FROM audit_entries e
        WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.entry_id = e.id)
            AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.entry_id = e.id)
        ORDER BY e.txid, e.position LIMIT 1",
    );
    let row: Option<(Uuid, Option<String>)> = sql.build_query_as().fetch_optional(connection).await?;
    Ok(row.map(|(id, says)| Finding {
        says,
        ..finding(
            None,
            Some(id),
            "has no seal and does not wait for one: it was inserted past Guildhall, or its seal was removed".to_owned(),
        )
    }))
}

/// The first entry that waits for its seal and is not there.
async fn gone_while_waiting(connection: &mut PgConnection) -> Result<Option<Finding>> {
    let gone = sqlx::query_scalar!(
        "SELECT u.entry_id FROM audit_unsealed u WHERE NOT EXISTS (SELECT FROM audit_entries e WHERE e.id = u.entry_id)
        ORDER BY u.txid, u.position LIMIT 1"
    )
    .fetch_optional(connection)
    .await?;
    Ok(gone.map(|id| {
        finding(
            None,
            Some(id),
            "waits for its seal and is missing: it was removed".to_owned(),
        )
    }))
}

fn finding(seq: Option<i64>, entry: Option<Uuid>, wrong: String) -> Finding {
    Finding {
        seq,
        entry,
        says: None,
        wrong,
    }
}
