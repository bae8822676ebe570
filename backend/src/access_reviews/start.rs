//! Starting a review: its lines are a snapshot, made in one statement.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Fields, Invalid, OrganizationId, REVIEW_LINES, ReviewId, ReviewName, Silence, TeamId, parse_review_days,
    views::ReviewPage,
};
use serde_json::Value;
use uuid::Uuid;

use super::{fields, read, record, rights};
use crate::{
    Code, Ctx, Error, Result,
    organizations::OrganizationKey,
    teams::{self, Found, TeamKey},
};

/// A new review, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewReviewInput {
    /// The organization, by id or slug, for all of it.
    pub organization: Option<String>,
    /// Or the team, by id or slug.
    pub team: Option<String>,
    /// What it is called.
    pub name: String,
    /// Whether it covers memberships and roles.
    pub covers_people: bool,
    /// Whether it covers services.
    pub covers_services: bool,
    /// After how many days it closes; none when what was typed is no number.
    pub due_in_days: Option<i64>,
    /// What becomes of lines that nobody decides: `keep` or `remove`.
    pub silence: String,
}

/// A new review, parsed.
#[derive(Debug, Clone)]
pub struct NewReview {
    of: Of,
    name: ReviewName,
    covers_people: bool,
    covers_services: bool,
    days: i64,
    silence: Silence,
}

/// What a review is of.
#[derive(Debug, Clone)]
enum Of {
    Organization(OrganizationKey),
    Team(TeamKey),
}

impl NewReviewInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewReview, Vec<Invalid>> {
        let mut invalid = Fields::new();
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let of = match (given(self.organization), given(self.team)) {
            (Some(organization), None) => Ok(Of::Organization(OrganizationKey::parse(&organization))),
            (None, Some(team)) => Ok(Of::Team(TeamKey::parse(&team))),
            (Some(_), Some(_)) => Err(Invalid::new(
                "team_id",
                "must be left out when an organization is named: a review is of one or the other",
            )),
            (None, None) => Err(Invalid::new(
                "team_id",
                "must name a team, or organization_id an organization",
            )),
        };
        let of = invalid.take(of);
        let name = invalid.take(ReviewName::parse(&self.name));
        if !self.covers_people && !self.covers_services {
            invalid.push(Invalid::new("covers", "must be people, services or both"));
        }
        let days = self
            .due_in_days
            .ok_or_else(|| Invalid::new("due_in_days", "must be 1 to 90"));
        let days = invalid.take(days.and_then(parse_review_days));
        let silence = invalid.take(self.silence.parse::<Silence>());
        let new = (|| {
            Some(NewReview {
                of: of?,
                name: name?,
                covers_people: self.covers_people,
                covers_services: self.covers_services,
                days: days?,
                silence: silence?,
            })
        })();
        invalid.with(new)
    }
}

/// Starts a review: all that it covers is written down as it is now, with when it was used last.
///
/// # Errors
/// 403 for programs and without the right; 404 without such a team or organization; 409 when there is nothing to review,
/// or more than one review may hold.
pub async fn start(ctx: &mut Ctx, new: NewReview) -> Result<ReviewPage> {
    let starter = ctx.person()?.clone();
    let (organization, team, scope_name) = resolve(ctx, &new.of).await?;
    let (id, now) = (ReviewId(Uuid::now_v7()), ctx.now);
    sqlx::query!(
        "INSERT INTO access_reviews (id, organization_id, team_id, scope_name, name, covers_people, covers_services,
            silence, started_by, starter, created_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        id.0,
        organization.0,
        team.map(|team| team.0),
        scope_name,
        new.name.as_str(),
        new.covers_people,
        new.covers_services,
        new.silence.as_str(),
        starter.id.0,
        starter.email,
        now,
        now + TimeDelta::days(new.days),
    )
    .execute(ctx.connection())
    .await?;
    let lines = snapshot(ctx, id, organization, team, &new, now).await?;
    if lines == 0 {
        return Err(Error::refused(
            Code::WrongState,
            format!("There is nothing to review in {scope_name}"),
        ));
    }
    if lines > REVIEW_LINES {
        return Err(Error::refused(
            Code::WrongState,
            format!("{scope_name} has {lines} lines, and a review at most {REVIEW_LINES}: review its teams one by one"),
        ));
    }
    sqlx::query!(
        "UPDATE access_reviews SET line_count = $2 WHERE id = $1",
        id.0,
        i32::try_from(lines).unwrap_or(i32::MAX),
    )
    .execute(ctx.connection())
    .await?;
    let page = read::page(ctx, id).await?;
    record(
        ctx,
        "access_review.start",
        &page.review,
        Value::Null,
        fields(&page.review),
    )
    .await?;
    Ok(page)
}

/// What is reviewed, for someone who may start a review of it.
async fn resolve(ctx: &mut Ctx, of: &Of) -> Result<(OrganizationId, Option<TeamId>, String)> {
    let key = match of {
        Of::Organization(key) => {
            let (id, name) = rights::require_organization(ctx, key).await?;
            return Ok((id, None, name));
        }
        Of::Team(key) => key,
    };
    let id = match teams::find(ctx, key).await? {
        Found::One(page) => page.team.id,
        Found::Several(_) => {
            return Err(Error::invalid("team_id", "fits several teams; use the team's UUID"));
        }
    };
    let page = rights::require_team(ctx, id).await?;
    teams::require_not_archived(&page)?;
    Ok((page.team.organization_id, Some(id), page.team.name))
}

/// Writes the lines; returns how many. It reads other areas' tables: one statement sees one moment, and costs the same
/// number of round trips for ten lines and for ten thousand.
///
/// Of those who belong to the organization only those without a team are a line of their own beside the admins and
/// auditors: what the others have is their memberships, and to end those is decided team by team.
async fn snapshot(
    ctx: &mut Ctx,
    id: ReviewId,
    organization: OrganizationId,
    team: Option<TeamId>,
    new: &NewReview,
    now: DateTime<Utc>,
) -> Result<i64> {
    let written = sqlx::query!(
        "WITH reviewed AS (
            SELECT id, name FROM teams
            WHERE organization_id = $2 AND ($3::uuid IS NULL OR id = $3) AND status <> 'archived' AND NOT is_system),
        -- Keys that LiteLLM knows are seen only by what they spent, day by day.
        used AS (
            SELECT k.team_id, k.owner_id,
                count(*) FILTER (WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $6))::int AS live,
                max(greatest(k.last_used_at, (SELECT max(d.day)::timestamp AT TIME ZONE 'UTC'
                    FROM key_spend_daily d WHERE d.key_id = k.id))) AS last
            FROM api_keys k JOIN reviewed t ON t.id = k.team_id GROUP BY k.team_id, k.owner_id),
        found AS (
            SELECT 'membership' AS kind, t.id AS team_id, t.name AS team, m.user_id, u.email, u.display_name,
                u.deactivated_at IS NOT NULL AS deactivated, m.role, NULL::uuid AS service_id, NULL::text AS service,
                m.source, a.email AS given_by, NULL::text AS given_reason, m.joined_at AS since, u.last_seen_at,
                coalesce(used.live, 0) AS key_count, used.last AS last_key_used_at,
                (SELECT r.created_at FROM runners r WHERE r.provisioned_by = m.user_id AND r.team_id = t.id
                    ORDER BY r.created_at DESC LIMIT 1) AS last_runner_at
            FROM reviewed t JOIN current_team_members m ON m.team_id = t.id JOIN users u ON u.id = m.user_id
                LEFT JOIN users a ON a.id = m.added_by
                LEFT JOIN used ON used.team_id = t.id AND used.owner_id = m.user_id
            WHERE $4
            UNION ALL
            SELECT 'organization_role', NULL, NULL, m.user_id, u.email, u.display_name, u.deactivated_at IS NOT NULL,
                m.role, NULL, NULL, m.source, a.email, NULL, m.created_at, u.last_seen_at, 0, NULL, NULL
            FROM organization_members m JOIN users u ON u.id = m.user_id LEFT JOIN users a ON a.id = m.added_by
            WHERE $4 AND $3::uuid IS NULL AND m.organization_id = $2 AND (m.role <> 'org_member' OR NOT EXISTS (
                SELECT FROM current_team_members tm JOIN reviewed t ON t.id = tm.team_id WHERE tm.user_id = m.user_id))
            UNION ALL
            SELECT 'service', t.id, t.name, NULL, NULL, NULL, false, NULL, s.id, s.name, NULL, a.email, ts.reason,
                ts.allowed_at, NULL, coalesce(k.live, 0)::int, k.last, NULL
            FROM reviewed t JOIN team_services ts ON ts.team_id = t.id JOIN services s ON s.id = ts.service_id
                LEFT JOIN users a ON a.id = ts.allowed_by
                LEFT JOIN (SELECT team_id, sum(live) AS live, max(last) AS last FROM used GROUP BY team_id) k
                    ON k.team_id = t.id
            WHERE $5)
        INSERT INTO access_review_lines (id, review_id, place, kind, team_id, team, user_id, email, display_name,
            deactivated, role, service_id, service, source, given_by, given_reason, since, last_seen_at, key_count,
            last_key_used_at, last_runner_at)
        SELECT gen_random_uuid(), $1, row_number() OVER (ORDER BY lower(f.team) NULLS FIRST, f.team_id,
                array_position(ARRAY['organization_role', 'membership', 'service'], f.kind),
                coalesce(f.email, f.service), f.user_id)::int,
            f.kind, f.team_id, f.team, f.user_id, f.email, f.display_name, f.deactivated, f.role, f.service_id, f.service,
            f.source, f.given_by, f.given_reason, f.since, f.last_seen_at, f.key_count, f.last_key_used_at,
            f.last_runner_at
        FROM found f",
        id.0,
        organization.0,
        team.map(|team| team.0),
        new.covers_people,
        new.covers_services,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(i64::try_from(written.rows_affected()).unwrap_or(i64::MAX))
}
