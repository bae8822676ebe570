//! Thirty days of spending on models that the demo's teams have behind them: written as a gateway tells of it.

use backend::{Ctx, Result};
use domain::OrganizationId;

/// Writes it, the same at each first start but for the date.
///
/// # Errors
/// When the database refuses.
pub(super) async fn seed(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "WITH plan(slug, email, model, cents) AS (VALUES
            ('backend-team', 'max@acme.example', 'claude-sonnet', 900), ('backend-team', 'tess@acme.example', 'gpt-4o-mini', 210),
            ('engineering', 'max@acme.example', 'claude-sonnet', 2600), ('engineering', 'tess@acme.example', 'claude-sonnet', 1900),
            ('data-science', 'dana@acme.example', 'gpt-4o-mini', 1500), ('external-partner', 'pat@partner.example', 'gpt-4o-mini', 120)
        ), day AS (
            SELECT p.*, t.id AS team_id, u.id AS user_id, d.back,
                ('x' || substr(md5(p.slug || p.email || d.back), 1, 6))::bit(24)::int % 100 AS h,
                date_trunc('day', $1::timestamptz, 'UTC') - make_interval(days => d.back) + interval '10 hours' AS at
            FROM plan p JOIN teams t ON t.organization_id = $2 AND t.slug = p.slug JOIN users u ON u.email = p.email
                CROSS JOIN generate_series(0, 29) AS d(back)
        )
        INSERT INTO spend_entries (request_id, organization_id, team_id, user_id, model, cost, at, source)
        SELECT 'demo-' || md5(slug || email || back), $2, team_id, user_id, model, round(cents * (40 + h) / 10000.0, 4), at, 'ingest'
        FROM day
        -- Weekends are quiet; nothing is spent before its time.
        WHERE at <= $1 AND (extract(isodow FROM at AT TIME ZONE 'UTC') < 6 OR h % 4 = 0)",
        now,
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
