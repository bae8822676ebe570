//! The report of a closed review: a CSV file, kept byte by byte, and a signed statement about it.
//!
//! The statement (a compact JWS, EdDSA) is signed with the key that signs the assertions of forward auth, under another
//! `typ`. Those keys are deleted a month after they were made, so their public halves are kept with what they signed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    LineKind, LineOutcome, Refusal, ReviewId,
    cost::csv_cell,
    views::{AccessReview, ReviewLine},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    lines::LineRow,
    read::{load, visible},
    record,
    rights::Sees,
};
use crate::{Backend, Code, Ctx, Error, Method, Result, authz};

/// How this is called in the audit log.
const NAME: &str = "access review";
/// What kind of JWS it is, in its header.
const TYP: &str = "guildhall-access-review+jws";
/// The columns.
const HEADER: &str = "place,kind,team_id,team,user_id,email,name,account,role,service,source,given_by,given_reason,since,\
    last_seen,keys,last_key_use,last_runner,decision,decided_by,decided_at,reason,outcome,outcome_detail\r\n";

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The review.
    pub review: AccessReview,
    /// The CSV file.
    pub csv: Vec<u8>,
    /// The compact JWS.
    pub jws: String,
    /// What it says.
    pub statement: Value,
    /// Which key signed it.
    pub kid: uuid::Uuid,
}

/// The report of a review.
///
/// # Errors
/// 404 for those who do not see the review; 403 for those who see only lines of their teams; 409 until it is closed.
pub async fn report(ctx: &mut Ctx, id: ReviewId) -> Result<Report> {
    let (review, sees) = visible(ctx, id).await?;
    if sees != Sees::Whole {
        return Err(Error::Forbidden(Refusal {
            literal: "Insufficient permissions".to_owned(),
            rule: "read the report of an organization's review".to_owned(),
            who_can: "a super_admin, org_admin or auditor of the organization".to_owned(),
        }));
    }
    let row = sqlx::query!(
        "SELECT csv, jws, kid FROM access_review_reports WHERE review_id = $1",
        id.0
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else {
        return Err(Error::refused(
            Code::WrongState,
            format!(
                "The review is {}: its report is made when it is closed",
                review.state.as_str()
            ),
        ));
    };
    let statement = (row.jws.split('.').nth(1))
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Error::internal(format!("the statement about review {id} is no JWS")))?;
    Ok(Report {
        review,
        csv: row.csv,
        jws: row.jws,
        statement,
        kid: row.kid,
    })
}

/// The public keys that have signed reports, as JSON Web Keys (RFC 7517): for everyone who is signed in, as they are
/// public.
///
/// # Errors
/// 403 for programs.
pub async fn public_keys(ctx: &mut Ctx) -> Result<Value> {
    ctx.person()?;
    let rows = sqlx::query!("SELECT DISTINCT kid, public_key FROM access_review_reports ORDER BY kid")
        .fetch_all(ctx.connection())
        .await?;
    Ok((rows.iter()).map(|row| authz::jwk(row.kid, &row.public_key)).collect())
}

/// Signs the report of a review whose removals are all done; nothing when another process is at it, or some are left.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn sign(backend: &Backend, id: ReviewId) -> Result<()> {
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    if !is_ready(&mut ctx, id).await? {
        return Ok(());
    }
    let now = ctx.now;
    // Ended and not dropped: a dropped transaction is rolled back later, and its lock would make the next look skip the row.
    ctx.commit().await?;
    // Outside of the transaction: it may need a connection of its own.
    let keys = authz::signer(backend, now).await?;
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    if !is_ready(&mut ctx, id).await? {
        return Ok(());
    }
    let review = load(&mut ctx, id).await?;
    let lines = all(&mut ctx, id).await?;
    let csv = csv(&lines);
    let count = |outcome| lines.iter().filter(|line| line.outcome == Some(outcome)).count();
    let statement = json!({
        "review": id,
        "name": review.name,
        "scope": review.scope_name,
        "organization_id": review.organization_id,
        "team_id": review.team_id,
        "started_at": time(review.created_at),
        "started_by": review.starter,
        "ended_at": review.ended_at.map(time),
        "ended_by": review.ended_by,
        "closed_at": time(now),
        "silence": review.silence,
        "lines": lines.len(),
        "kept": count(LineOutcome::Kept),
        "removed": count(LineOutcome::Removed),
        "gone": count(LineOutcome::Gone),
        "refused": count(LineOutcome::Refused),
        "by_silence": lines.iter().filter(|line| line.by_silence).count(),
        "sha256": hex::encode(Sha256::digest(&csv)),
    });
    let jws = keys.sign_as(TYP, &statement)?;
    sqlx::query!(
        "INSERT INTO access_review_reports (review_id, csv, jws, kid, public_key) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        csv,
        jws,
        keys.kid(),
        keys.public_key(),
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE access_reviews SET state = 'closed', closed_at = $2 WHERE id = $1",
        id.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    record(&mut ctx, "access_review.report", &review, Value::Null, statement).await?;
    ctx.commit().await
}

/// Whether a review waits for its report only; then it is locked.
async fn is_ready(ctx: &mut Ctx, id: ReviewId) -> Result<bool> {
    let ready = sqlx::query_scalar!(
        "SELECT id FROM access_reviews r WHERE id = $1 AND state = 'closing' AND NOT EXISTS (
            SELECT FROM access_review_lines l WHERE l.review_id = r.id AND l.decision = 'remove' AND l.outcome IS NULL)
        FOR NO KEY UPDATE SKIP LOCKED",
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(ready.is_some())
}

/// All lines of a review, in their order. The caller was authorised.
async fn all(ctx: &mut Ctx, id: ReviewId) -> Result<Vec<ReviewLine>> {
    let rows = sqlx::query_as!(
        LineRow,
        "SELECT id, place, kind, team_id, team, user_id, email, display_name, deactivated, role, service_id, service,
            source, given_by, given_reason, since, last_seen_at, key_count, last_key_used_at, last_runner_at, decision,
            reason, decider, decided_at, by_silence, outcome, outcome_detail
        FROM access_review_lines WHERE review_id = $1 ORDER BY place",
        id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter().map(LineRow::into_line).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The file (RFC 4180), harmless to spreadsheets.
fn csv(lines: &[ReviewLine]) -> Vec<u8> {
    let mut file = HEADER.to_owned();
    for line in lines {
        push(&mut file, line);
    }
    file.into_bytes()
}

fn push(file: &mut String, line: &ReviewLine) {
    let text = |text: &Option<String>| csv_cell(text.as_deref().unwrap_or_default());
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    // What could have been used and was not is told from what does not apply.
    let last = |at: Option<DateTime<Utc>>, applies: bool| match at {
        Some(at) => time(at),
        None if applies => "never".to_owned(),
        None => String::new(),
    };
    let (person, member) = (line.kind != LineKind::Service, line.kind == LineKind::Membership);
    let cells = [
        line.place.to_string(),
        line.kind.as_str().to_owned(),
        id(line.team_id.map(|team| team.0)),
        text(&line.team),
        id(line.user_id.map(|user| user.0)),
        text(&line.email),
        text(&line.display_name),
        (if line.deactivated { "deactivated" } else { "" }).to_owned(),
        text(&line.role),
        text(&line.service),
        text(&line.source),
        text(&line.given_by),
        text(&line.given_reason),
        time(line.since),
        last(line.last_seen_at, person),
        if line.kind == LineKind::OrganizationRole {
            String::new()
        } else {
            line.key_count.to_string()
        },
        last(line.last_key_used_at, line.kind != LineKind::OrganizationRole),
        last(line.last_runner_at, member),
        line.decision.map(|decision| decision.to_string()).unwrap_or_default(),
        if line.by_silence {
            "(silence)".to_owned()
        } else {
            text(&line.decider)
        },
        line.decided_at.map(time).unwrap_or_default(),
        text(&line.reason),
        line.outcome.map(|outcome| outcome.to_string()).unwrap_or_default(),
        text(&line.outcome_detail),
    ];
    file.push_str(&cells.join(","));
    file.push_str("\r\n");
}
