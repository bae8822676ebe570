-- Budgets (SPEC E7, X8): what is spent, by whom, in which period, and limits of members and projects.
--
-- `spend_entries` is the one truth: what was spent, with everything that it counts against at that moment. `budget_spend`
-- keeps the sum of each period beside it, in the writing transaction, so that a check reads one row for each level. A sum
-- that is missing is taken from the entries; so whatever changes a period only has to drop the sums.

ALTER TABLE organizations
    -- Where its days and months begin: an IANA name.
    ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC' CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    -- When the budget's period was last changed; until then it counts from the creation.
    ADD COLUMN budget_anchor timestamptz;
ALTER TABLE teams ADD COLUMN budget_anchor timestamptz;
ALTER TABLE api_keys ADD COLUMN budget_anchor timestamptz;
-- Of one person in one team. The period is the team's.
ALTER TABLE team_members
    ADD COLUMN max_budget numeric CHECK (max_budget >= 0),
    ADD COLUMN tpm_limit bigint CHECK (tpm_limit >= 0),
    ADD COLUMN rpm_limit bigint CHECK (rpm_limit >= 0);
CREATE OR REPLACE VIEW current_team_members AS
SELECT team_id, user_id,
    CASE WHEN admin_until <= statement_timestamp() THEN 'member' ELSE role END AS role,
    source, joined_at, added_by, expires_at,
    CASE WHEN admin_until > statement_timestamp() THEN admin_until END AS admin_until,
    max_budget, tpm_limit, rpm_limit
FROM team_members
WHERE expires_at IS NULL OR expires_at > statement_timestamp();
ALTER TABLE projects
    ADD COLUMN models text[] NOT NULL DEFAULT '{}',
    ADD COLUMN max_budget numeric CHECK (max_budget >= 0),
    ADD COLUMN budget_duration text,
    ADD COLUMN tpm_limit bigint CHECK (tpm_limit >= 0),
    ADD COLUMN rpm_limit bigint CHECK (rpm_limit >= 0),
    ADD COLUMN budget_anchor timestamptz;

CREATE TABLE spend_entries (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Whoever tells of it names it, and telling it again changes nothing. NULL: LiteLLM told a sum, or it is one.
    request_id      text CHECK (char_length(request_id) BETWEEN 1 AND 200),
    -- No references: what was spent stays spent, also by what is gone.
    organization_id uuid NOT NULL,
    team_id         uuid,
    user_id         uuid,
    project_id      uuid,
    key_id          uuid,
    model           text CHECK (char_length(model) BETWEEN 1 AND 200),
    cost            numeric NOT NULL CHECK (cost >= 0),
    at              timestamptz NOT NULL,
    -- `sum`: entries of an hour that became one.
    source          text NOT NULL CHECK (source IN ('litellm', 'ingest', 'sum')),
    CONSTRAINT spend_entries_request_key UNIQUE (organization_id, request_id)
);
CREATE INDEX spend_entries_organization_idx ON spend_entries (organization_id, at);
CREATE INDEX spend_entries_team_idx ON spend_entries (team_id, at) WHERE team_id IS NOT NULL;
CREATE INDEX spend_entries_project_idx ON spend_entries (project_id, at) WHERE project_id IS NOT NULL;
CREATE INDEX spend_entries_key_idx ON spend_entries (key_id, at) WHERE key_id IS NOT NULL;
CREATE INDEX spend_entries_age_idx ON spend_entries (source, at);

CREATE TABLE budget_spend (
    -- `share`: what a team spent of its organization's budget.
    level        text NOT NULL CHECK (level IN ('organization', 'team', 'member', 'project', 'key', 'share')),
    object_id    uuid NOT NULL,
    -- The person of a member, whose object is the team; the team of a share, whose object is the organization.
    part_id      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    period_start timestamptz NOT NULL,
    -- NULL: it never starts anew.
    period_end   timestamptz,
    spend        numeric NOT NULL,
    PRIMARY KEY (level, object_id, part_id, period_start)
) WITH (fillfactor = 70);
CREATE INDEX budget_spend_ended_idx ON budget_spend (period_end) WHERE period_end IS NOT NULL;

-- What the entries come to: for a sum that is not kept yet.
CREATE FUNCTION budget_sum(of_level text, object uuid, part uuid, since timestamptz, until timestamptz) RETURNS numeric
LANGUAGE plpgsql STABLE AS $$
DECLARE
    total numeric;
    ends constant timestamptz := coalesce(until, 'infinity');
BEGIN
    CASE of_level
        WHEN 'organization' THEN
            SELECT sum(e.cost) INTO total FROM spend_entries e
            WHERE e.organization_id = object AND e.at >= since AND e.at < ends;
        WHEN 'team' THEN
            SELECT sum(e.cost) INTO total FROM spend_entries e WHERE e.team_id = object AND e.at >= since AND e.at < ends;
        WHEN 'member' THEN
            SELECT sum(e.cost) INTO total FROM spend_entries e
            WHERE e.team_id = object AND e.user_id = part AND e.at >= since AND e.at < ends;
        WHEN 'project' THEN
            SELECT sum(e.cost) INTO total FROM spend_entries e WHERE e.project_id = object AND e.at >= since AND e.at < ends;
        WHEN 'key' THEN
            SELECT sum(e.cost) INTO total FROM spend_entries e WHERE e.key_id = object AND e.at >= since AND e.at < ends;
        WHEN 'share' THEN
            SELECT sum(e.cost) INTO total FROM spend_entries e
            WHERE e.team_id = part AND e.organization_id = object AND e.at >= since AND e.at < ends;
    END CASE;
    RETURN coalesce(total, 0);
END $$;

-- A budget that comes near its end: once a period for each threshold.
CREATE TABLE budget_alerts (
    level           text NOT NULL CHECK (level IN ('organization', 'team', 'member', 'project', 'key')),
    object_id       uuid NOT NULL,
    part_id         uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    period_start    timestamptz NOT NULL,
    -- Percent of the budget.
    threshold       smallint NOT NULL CHECK (threshold IN (50, 80, 100)),
    organization_id uuid NOT NULL,
    team_id         uuid,
    -- What it was called then.
    name            text NOT NULL,
    period_end      timestamptz,
    spend           numeric NOT NULL,
    max_budget      numeric NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (level, object_id, part_id, period_start, threshold)
);
CREATE INDEX budget_alerts_organization_idx ON budget_alerts (organization_id, at DESC);
CREATE INDEX budget_alerts_team_idx ON budget_alerts (team_id, at DESC) WHERE team_id IS NOT NULL;
CREATE INDEX budget_alerts_age_idx ON budget_alerts (at);

-- What decisions keep in memory of budgets is dropped by payload `budget:<id>`, of the organization or of the team.
CREATE FUNCTION budget_anchored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.budget_anchor := now();
    RETURN NEW;
END $$;

CREATE FUNCTION budget_of_organization_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Sums of budgets that never start anew have no days: they stay, as some of what they are made of may be gone.
    IF OLD.time_zone <> NEW.time_zone THEN
        DELETE FROM budget_spend WHERE level IN ('team', 'member') AND period_end IS NOT NULL
            AND object_id IN (SELECT id FROM teams WHERE organization_id = NEW.id);
        DELETE FROM budget_spend WHERE level = 'project' AND period_end IS NOT NULL
            AND object_id IN (SELECT p.id FROM projects p JOIN teams t ON t.id = p.team_id WHERE t.organization_id = NEW.id);
        DELETE FROM budget_spend WHERE level = 'key' AND period_end IS NOT NULL
            AND object_id IN (SELECT k.id FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE t.organization_id = NEW.id);
    END IF;
    IF OLD.time_zone <> NEW.time_zone OR OLD.budget_duration IS DISTINCT FROM NEW.budget_duration THEN
        DELETE FROM budget_spend WHERE level IN ('organization', 'share') AND object_id = NEW.id
            AND (period_end IS NOT NULL OR OLD.budget_duration IS DISTINCT FROM NEW.budget_duration);
    END IF;
    PERFORM pg_notify('guildhall', 'budget:' || NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_budget_anchor BEFORE UPDATE OF budget_duration ON organizations FOR EACH ROW
    WHEN (OLD.budget_duration IS DISTINCT FROM NEW.budget_duration) EXECUTE FUNCTION budget_anchored();
CREATE TRIGGER organizations_budget AFTER UPDATE ON organizations FOR EACH ROW
    WHEN ((OLD.max_budget, OLD.budget_duration, OLD.time_zone) IS DISTINCT FROM (NEW.max_budget, NEW.budget_duration, NEW.time_zone))
    EXECUTE FUNCTION budget_of_organization_changed();

-- With another organization comes another time zone.
CREATE FUNCTION budget_of_team_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.organization_id <> NEW.organization_id THEN
        DELETE FROM budget_spend WHERE level = 'project' AND period_end IS NOT NULL
            AND object_id IN (SELECT id FROM projects WHERE team_id = NEW.id);
        DELETE FROM budget_spend WHERE level = 'key' AND period_end IS NOT NULL
            AND object_id IN (SELECT id FROM api_keys WHERE team_id = NEW.id);
    END IF;
    IF OLD.organization_id <> NEW.organization_id OR OLD.budget_duration IS DISTINCT FROM NEW.budget_duration THEN
        DELETE FROM budget_spend WHERE level IN ('team', 'member') AND object_id = NEW.id
            AND (period_end IS NOT NULL OR OLD.budget_duration IS DISTINCT FROM NEW.budget_duration);
    END IF;
    PERFORM pg_notify('guildhall', 'budget:' || NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER teams_budget_anchor BEFORE UPDATE OF budget_duration ON teams FOR EACH ROW
    WHEN (OLD.budget_duration IS DISTINCT FROM NEW.budget_duration) EXECUTE FUNCTION budget_anchored();
CREATE TRIGGER teams_budget AFTER UPDATE ON teams FOR EACH ROW
    WHEN ((OLD.max_budget, OLD.budget_duration, OLD.organization_id) IS DISTINCT FROM (NEW.max_budget, NEW.budget_duration, NEW.organization_id))
    EXECUTE FUNCTION budget_of_team_changed();

CREATE FUNCTION budget_of_member_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'budget:' || coalesce(NEW.team_id, OLD.team_id));
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_budget AFTER UPDATE OF max_budget ON team_members FOR EACH ROW
    WHEN (OLD.max_budget IS DISTINCT FROM NEW.max_budget) EXECUTE FUNCTION budget_of_member_changed();
CREATE TRIGGER team_members_budget_new AFTER INSERT ON team_members FOR EACH ROW
    WHEN (NEW.max_budget IS NOT NULL) EXECUTE FUNCTION budget_of_member_changed();
CREATE TRIGGER team_members_budget_gone AFTER DELETE ON team_members FOR EACH ROW
    WHEN (OLD.max_budget IS NOT NULL) EXECUTE FUNCTION budget_of_member_changed();

-- LiteLLM knows what someone may spend in a team.
CREATE TRIGGER team_members_litellm_budget AFTER UPDATE ON team_members FOR EACH ROW
    WHEN (OLD.max_budget IS DISTINCT FROM NEW.max_budget) EXECUTE FUNCTION litellm_member_changed();

-- Of a project or a key; the level is the argument.
CREATE FUNCTION budget_below_team_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.budget_duration IS DISTINCT FROM NEW.budget_duration THEN
        DELETE FROM budget_spend WHERE level = TG_ARGV[0] AND object_id = NEW.id;
    END IF;
    PERFORM pg_notify('guildhall', 'budget:' || NEW.team_id);
    RETURN NULL;
END $$;
CREATE TRIGGER projects_budget_anchor BEFORE UPDATE OF budget_duration ON projects FOR EACH ROW
    WHEN (OLD.budget_duration IS DISTINCT FROM NEW.budget_duration) EXECUTE FUNCTION budget_anchored();
CREATE TRIGGER projects_budget AFTER UPDATE ON projects FOR EACH ROW
    WHEN ((OLD.max_budget, OLD.budget_duration) IS DISTINCT FROM (NEW.max_budget, NEW.budget_duration))
    EXECUTE FUNCTION budget_below_team_changed('project');
CREATE TRIGGER api_keys_budget_anchor BEFORE UPDATE OF budget_duration ON api_keys FOR EACH ROW
    WHEN (OLD.budget_duration IS DISTINCT FROM NEW.budget_duration) EXECUTE FUNCTION budget_anchored();
CREATE TRIGGER api_keys_budget AFTER UPDATE ON api_keys FOR EACH ROW
    WHEN ((OLD.max_budget, OLD.budget_duration) IS DISTINCT FROM (NEW.max_budget, NEW.budget_duration))
    EXECUTE FUNCTION budget_below_team_changed('key');
