DROP TRIGGER api_keys_budget ON api_keys;
DROP TRIGGER api_keys_budget_anchor ON api_keys;
DROP TRIGGER projects_budget ON projects;
DROP TRIGGER projects_budget_anchor ON projects;
DROP TRIGGER team_members_litellm_budget ON team_members;
DROP TRIGGER team_members_budget_gone ON team_members;
DROP TRIGGER team_members_budget_new ON team_members;
DROP TRIGGER team_members_budget ON team_members;
DROP TRIGGER teams_budget ON teams;
DROP TRIGGER teams_budget_anchor ON teams;
DROP TRIGGER organizations_budget ON organizations;
DROP TRIGGER organizations_budget_anchor ON organizations;
DROP FUNCTION budget_below_team_changed, budget_of_member_changed, budget_of_team_changed, budget_of_organization_changed, budget_anchored;
DROP TABLE budget_alerts;
DROP FUNCTION budget_sum;
DROP TABLE budget_spend, spend_entries;
ALTER TABLE projects DROP COLUMN models, DROP COLUMN max_budget, DROP COLUMN budget_duration, DROP COLUMN tpm_limit,
    DROP COLUMN rpm_limit, DROP COLUMN budget_anchor;
DROP VIEW current_team_members;
CREATE VIEW current_team_members AS
SELECT team_id, user_id,
    CASE WHEN admin_until <= statement_timestamp() THEN 'member' ELSE role END AS role,
    source, joined_at, added_by, expires_at,
    CASE WHEN admin_until > statement_timestamp() THEN admin_until END AS admin_until
FROM team_members
WHERE expires_at IS NULL OR expires_at > statement_timestamp();
ALTER TABLE team_members DROP COLUMN max_budget, DROP COLUMN tpm_limit, DROP COLUMN rpm_limit;
ALTER TABLE api_keys DROP COLUMN budget_anchor;
ALTER TABLE teams DROP COLUMN budget_anchor;
ALTER TABLE organizations DROP COLUMN time_zone, DROP COLUMN budget_anchor;
