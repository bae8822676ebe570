//! Thirty days that the demo's teams have behind them: runners that came and went, the jobs that they ran, what was
//! refused, and the prices. Written with a few statements, the same at each first start but for the date.
//!
//! What is past cannot be done through the backend's functions, which act now: this is the one place that writes rows
//! of several areas by itself.

use backend::{
    Ctx, Result,
    cost::{self, NewPrices},
};
use chrono::TimeDelta;
use domain::OrganizationId;
use rust_decimal::Decimal;

/// Per minute, in ten-thousandths.
const PRICES: &[(&str, i64)] = &[("docker", 100), ("gpu", 700), ("gpu-a100", 1200), ("size-l", 320)];
/// Per minute without a priced label, in ten-thousandths.
const DEFAULT_PRICE: i64 = 80;

/// Writes it all.
///
/// # Errors
/// When the database refuses.
pub(super) async fn seed(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    let new = NewPrices {
        default: Some(Decimal::new(DEFAULT_PRICE, 4)),
        labels: (PRICES.iter())
            .map(|(label, price)| ((*label).to_owned(), Decimal::new(*price, 4)))
            .collect(),
        valid_from: Some(ctx.now - TimeDelta::days(60)),
    };
    cost::set_prices(ctx, &new).await?;
    runners(ctx, organization).await?;
    jobs(ctx, organization).await?;
    log(ctx, organization).await
}

/// Runners, each through its states, so that their history is kept as it always is.
async fn runners(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    let now = ctx.now;
    // `h` is one of many numbers that look random and are the same each time.
    sqlx::query!(
        "WITH plan(slug, prefix, a_day, custom) AS (VALUES
            ('backend-team', 'backend-build', 10, ARRAY['backend-api', 'backend-jobs', 'service-web']),
            ('engineering', 'app-ci', 15, ARRAY['app-core', 'size-m', 'size-l', 'app-web', 'gpu']),
            ('data-science', 'notebook', 5, ARRAY['gpu-a100', 'gpu-small']),
            ('external-partner', 'partner', 2, ARRAY[]::text[])
        ), slot AS (
            SELECT t.id AS team_id, p.prefix, p.custom, t.required_labels, d.back, i.i,
                md5(p.slug || ' ' || d.back || ' ' || i.i) AS key,
                ('x' || substr(md5(p.slug || ' ' || d.back || ' ' || i.i), 1, 7))::bit(28)::int AS h,
                (date_trunc('day', $1::timestamptz, 'UTC') - make_interval(days => d.back)) AS day
            FROM plan p JOIN teams t ON t.organization_id = $2 AND t.slug = p.slug
                CROSS JOIN generate_series(0, 29) AS d(back) CROSS JOIN generate_series(1, 20) AS i(i)
            WHERE i.i <= p.a_day
        ), made AS (
            SELECT *, day + make_interval(secs => 25200 + h % 39600) AS at FROM slot
            -- Weekends are quiet, and no day is like another.
            WHERE i <= 3 + (('x' || substr(md5('day ' || back || team_id::text), 1, 6))::bit(24)::int % 18)
                AND (extract(isodow FROM day AT TIME ZONE 'UTC') < 6 OR i % 4 = 0)
        )
        INSERT INTO runners (id, team_id, project_id, name, status, labels, runner_group_id, provisioned_by,
            created_at, updated_at, state_since)
        SELECT m.key::uuid, m.team_id, p.id, m.prefix || '-' || substr(m.key, 1, 6), 'pending',
            ARRAY['self-hosted', 'linux', 'x64'] || array_remove(m.required_labels, 'linux')
                || CASE WHEN cardinality(m.custom) > 0 THEN ARRAY[m.custom[1 + m.h % cardinality(m.custom)]] ELSE '{}' END,
            1, u.user_id, m.at, m.at, m.at
        FROM made m
            CROSS JOIN LATERAL (SELECT user_id FROM team_members w WHERE w.team_id = m.team_id
                ORDER BY md5(m.key || w.user_id::text) LIMIT 1) u
            LEFT JOIN LATERAL (SELECT q.id FROM projects q WHERE q.team_id = m.team_id AND m.h % 9 <> 0
                ORDER BY md5(m.key || q.name) LIMIT 1) p ON true
        -- Its job has ended by now.
        WHERE m.at < $1::timestamptz - interval '3 hours'",
        now,
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE runners SET status = 'active', busy = true, registered_at = created_at + interval '21 seconds',
            github_runner_id = 100000 + ('x' || substr(md5(id::text), 1, 5))::bit(20)::int,
            last_seen_at = created_at + interval '40 seconds', updated_at = created_at + interval '40 seconds'
        WHERE team_id IN (SELECT id FROM teams WHERE organization_id = $1)",
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// One job for each runner; with it the runner's life ends.
async fn jobs(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    sqlx::query!(
        "INSERT INTO workflow_jobs (id, run_id, repository, workflow_name, name, sender, runner_id, runner_name,
            github_runner_id, team_id, project_id, labels, status, conclusion, started_at, completed_at, received_at)
        SELECT 7000000000 + row_number() OVER (ORDER BY r.created_at, r.id), 6000000000 + row_number() OVER (ORDER BY r.created_at, r.id),
            'acme/' || coalesce(replace(lower(p.name), ' ', '-'), t.slug),
            (ARRAY['CI', 'CI', 'Nightly', 'Release'])[1 + k.h % 4],
            (ARRAY['test', 'build', 'lint', 'e2e', 'package'])[1 + k.h % 5], split_part(u.email, '@', 1), r.id, r.name,
            r.github_runner_id, r.team_id, r.project_id, r.labels, 'completed',
            (ARRAY['failure', 'cancelled', 'success', 'success', 'success', 'success', 'success', 'success', 'success'])[1 + k.h % 9],
            r.created_at + interval '45 seconds', r.created_at + make_interval(secs => 45 + k.seconds),
            r.created_at + make_interval(secs => 46 + k.seconds)
        FROM runners r JOIN teams t ON t.id = r.team_id JOIN users u ON u.id = r.provisioned_by
            LEFT JOIN projects p ON p.id = r.project_id
            CROSS JOIN LATERAL (SELECT ('x' || substr(md5(r.id::text || 'job'), 1, 7))::bit(28)::int AS h) x
            CROSS JOIN LATERAL (SELECT x.h, CASE t.slug WHEN 'data-science' THEN 900 + x.h % 7200
                WHEN 'engineering' THEN 150 + x.h % 2400 ELSE 95 + x.h % 1500 END AS seconds) k
        WHERE t.organization_id = $1",
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE runners r SET status = 'offline', busy = false, updated_at = j.completed_at, last_seen_at = j.completed_at
        FROM workflow_jobs j WHERE j.runner_id = r.id AND r.team_id IN (SELECT id FROM teams WHERE organization_id = $1)",
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE runners SET status = 'deleted', deleted_at = updated_at + interval '70 seconds',
            updated_at = updated_at + interval '70 seconds', deletion_reason = 'not_found_in_github'
        WHERE status = 'offline' AND team_id IN (SELECT id FROM teams WHERE organization_id = $1)",
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// What the audit log and the security events say of it.
async fn log(ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO audit_entries (id, at, actor_id, actor, method, ip, user_agent, action, organization_id, team_id,
            target_kind, target_id, target, success, after)
        SELECT md5(r.id::text || 'audit')::uuid, r.created_at, u.id, u.email, 'token', '10.20.0.' || (7 + length(u.email)),
            'guildhall-action/1.4', 'provision_jit', $1, r.team_id, 'runner', r.id::text, r.name, true,
            jsonb_build_object('labels', to_jsonb(r.labels), 'runner_group_id', r.runner_group_id)
        FROM runners r JOIN users u ON u.id = r.provisioned_by
        WHERE r.team_id IN (SELECT id FROM teams WHERE organization_id = $1)
        ORDER BY r.created_at, r.id",
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    // Days back, hours back on that day, who, whose team, what.
    sqlx::query!(
        "WITH happened(days, hours, email, slug, kind, severity, action, detail, label) AS (VALUES
            (27, 3, 'max@acme.example', 'backend-team', 'label_policy_violation', 'medium', 'rejected', 'Label not permitted by team policy', 'gpu'),
            (24, 5, 'pat@partner.example', 'external-partner', 'quota_exceeded', 'low', 'rejected', 'Team quota exceeded', NULL),
            (20, 2, 'tess@acme.example', 'backend-team', 'quota_exceeded', 'low', 'rejected', 'Team quota exceeded', NULL),
            (20, 1, 'max@acme.example', 'backend-team', 'quota_exceeded', 'low', 'rejected', 'Team quota exceeded', NULL),
            (13, 6, 'dana@acme.example', 'data-science', 'label_policy_violation', 'medium', 'rejected', 'Label not permitted by team policy', 'size-l'),
            (9, 4, 'pat@partner.example', 'external-partner', 'label_policy_violation', 'medium', 'rejected', 'Label not permitted by team policy', 'docker'),
            (5, 2, 'max@acme.example', 'engineering', 'label_drift_detected', 'high', 'runner_deleted', NULL, 'prod-deploy'),
            (4, 7, 'pat@partner.example', 'external-partner', 'quota_exceeded', 'low', 'rejected', 'Team quota exceeded', NULL),
            (3, 3, 'pat@partner.example', 'external-partner', 'quota_exceeded', 'low', 'rejected', 'Team quota exceeded', NULL),
            (2, 5, 'max@acme.example', 'backend-team', 'label_policy_violation', 'medium', 'rejected', 'Label not permitted by team policy', 'app-web'),
            (1, 4, 'dana@acme.example', 'data-science', 'quota_exceeded', 'low', 'rejected', 'Team quota exceeded', NULL)
        ), event AS (
            SELECT h.*, t.id AS team_id, t.name AS team, u.id AS user_id,
                $2::timestamptz - make_interval(days => h.days, hours => h.hours) AS at, row_number() OVER (ORDER BY days DESC, hours DESC) AS n,
                CASE WHEN h.kind = 'label_drift_detected' THEN jsonb_build_object(
                    'original_labels', jsonb_build_array('self-hosted', 'linux', 'x64', 'app-core'),
                    'current_labels', jsonb_build_array('self-hosted', 'linux', 'x64', 'app-core', h.label),
                    'added_labels', jsonb_build_array(h.label), 'removed_labels', jsonb_build_array(),
                    'runner_busy', false, 'provisioning_method', 'jit')
                WHEN h.label IS NULL THEN jsonb_build_object('labels', jsonb_build_array(), 'detail', h.detail)
                ELSE jsonb_build_object('labels', jsonb_build_array(h.label), 'refused_labels', jsonb_build_array(h.label),
                    'detail', h.detail) END AS data
            FROM happened h JOIN teams t ON t.organization_id = $1 AND t.slug = h.slug JOIN users u ON u.email = h.email
        ), refused AS (
            INSERT INTO audit_entries (id, at, actor_id, actor, method, ip, user_agent, action, organization_id, team_id,
                target_kind, target_id, target, success, after)
            SELECT md5('refused ' || n)::uuid, at, user_id, email, 'token', '10.20.0.' || (7 + length(email)), 'guildhall-action/1.4',
                'provision_jit_failed', $1, team_id, 'team', team_id::text, team, false, data
            FROM event WHERE action = 'rejected' ORDER BY at
        )
        INSERT INTO security_events (id, at, event_type, severity, organization_id, team_id, team_name, runner_name, user_id,
            user_identity, violation_data, action_taken)
        SELECT md5('event ' || n)::uuid, at, kind, severity, $1, team_id, team,
            CASE WHEN kind = 'label_drift_detected' THEN 'app-ci-0c51f3' END, user_id, email, data, action
        FROM event",
        organization.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
