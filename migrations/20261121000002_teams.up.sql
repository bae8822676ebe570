-- Teams, their members and projects.

CREATE TABLE teams (
    id                      uuid PRIMARY KEY,
    organization_id         uuid NOT NULL REFERENCES organizations,
    name                    text NOT NULL CHECK (char_length(name) BETWEEN 2 AND 256),
    slug                    text NOT NULL,
    description             text,
    status                  text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'archived')),
    -- The Default Team (SPEC X4): counts for keys, not for the rule about runners unless enabled.
    is_system               boolean NOT NULL DEFAULT false,
    runners_enabled         boolean NOT NULL DEFAULT true,
    required_labels         text[] NOT NULL DEFAULT '{}',
    optional_label_patterns text[] NOT NULL DEFAULT '{}',
    max_runners             integer CHECK (max_runners >= 0),
    runner_group_ids        bigint[] NOT NULL DEFAULT '{}',
    models                  text[] NOT NULL DEFAULT '{}',
    max_budget              numeric CHECK (max_budget >= 0),
    budget_duration         text,
    tpm_limit               bigint CHECK (tpm_limit >= 0),
    rpm_limit               bigint CHECK (rpm_limit >= 0),
    created_at              timestamptz NOT NULL DEFAULT now(),
    created_by              uuid REFERENCES users ON DELETE SET NULL,
    updated_at              timestamptz NOT NULL DEFAULT now(),
    deactivated_at          timestamptz,
    deactivated_by          uuid REFERENCES users ON DELETE SET NULL,
    deactivation_reason     text,
    -- Kept by the triggers below, so that a list of teams costs the same at any number of members.
    member_count            integer NOT NULL DEFAULT 0,
    project_count           integer NOT NULL DEFAULT 0,
    runner_count            integer NOT NULL DEFAULT 0
) WITH (fillfactor = 85);

-- An archived team frees its name and slug (SPEC X2).
CREATE UNIQUE INDEX teams_name_key ON teams (organization_id, lower(name)) WHERE status <> 'archived';
CREATE UNIQUE INDEX teams_slug_key ON teams (organization_id, slug) WHERE status <> 'archived';
CREATE INDEX teams_slug_idx ON teams (slug);
-- One index for each order in which the list can be read, over all organizations and in one.
CREATE INDEX teams_by_name_idx ON teams (lower(name), id);
CREATE INDEX teams_by_created_idx ON teams (created_at, id);
CREATE INDEX teams_by_members_idx ON teams (member_count, id);
CREATE INDEX teams_by_projects_idx ON teams (project_count, id);
CREATE INDEX teams_in_organization_idx ON teams (organization_id, lower(name), id);
-- Statuses that few teams have are found without reading the others.
CREATE INDEX teams_not_active_idx ON teams (status, lower(name), id) WHERE status <> 'active';
CREATE INDEX teams_search_idx ON teams USING gin (lower(name) gin_trgm_ops, lower(description) gin_trgm_ops);

-- How many teams an organization has in each status: the total beside a list, without counting.
CREATE TABLE team_totals (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    status          text NOT NULL,
    teams           bigint NOT NULL,
    PRIMARY KEY (organization_id, status)
);

CREATE FUNCTION teams_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Both rows in one order: one team that goes on and one that goes off must not wait for each other.
        PERFORM FROM team_totals
        WHERE (organization_id, status) IN ((OLD.organization_id, OLD.status), (NEW.organization_id, NEW.status))
        ORDER BY organization_id, status FOR UPDATE;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE team_totals SET teams = teams - 1
        WHERE organization_id = OLD.organization_id AND status = OLD.status;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO team_totals VALUES (NEW.organization_id, NEW.status, 1)
        ON CONFLICT (organization_id, status) DO UPDATE SET teams = team_totals.teams + 1;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER teams_count AFTER INSERT OR DELETE ON teams FOR EACH ROW EXECUTE FUNCTION teams_count();
CREATE TRIGGER teams_count_moved AFTER UPDATE OF organization_id, status ON teams FOR EACH ROW
    WHEN (OLD.organization_id <> NEW.organization_id OR OLD.status <> NEW.status) EXECUTE FUNCTION teams_count();

CREATE TABLE team_members (
    team_id   uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role      text NOT NULL CHECK (role IN ('admin', 'member')),
    source    text NOT NULL DEFAULT 'manual' CHECK (source IN ('manual', 'idp', 'declared', 'bulk')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    added_by  uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user_idx ON team_members (user_id, team_id);
CREATE INDEX team_members_admins_idx ON team_members (team_id) WHERE role = 'admin';
CREATE INDEX team_members_joined_idx ON team_members (team_id, joined_at, user_id);

CREATE TABLE projects (
    id          uuid PRIMARY KEY,
    team_id     uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    name        text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    description text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  uuid REFERENCES users ON DELETE SET NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX projects_name_key ON projects (team_id, lower(name));

CREATE TABLE project_members (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('admin', 'member')),
    added_at   timestamptz NOT NULL DEFAULT now(),
    added_by   uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_members_user_idx ON project_members (user_id);

-- Counters, one statement at a time: adding 5,000 members updates a team once.
CREATE FUNCTION team_members_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE teams SET member_count = member_count + CASE TG_OP WHEN 'INSERT' THEN delta.n ELSE -delta.n END
    FROM (SELECT team_id, count(*)::integer AS n FROM changed GROUP BY team_id) delta
    WHERE teams.id = delta.team_id;
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_added AFTER INSERT ON team_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION team_members_count();
CREATE TRIGGER team_members_removed AFTER DELETE ON team_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION team_members_count();

CREATE FUNCTION projects_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE teams SET project_count = project_count + CASE TG_OP WHEN 'INSERT' THEN delta.n ELSE -delta.n END
    FROM (SELECT team_id, count(*)::integer AS n FROM changed GROUP BY team_id) delta
    WHERE teams.id = delta.team_id;
    RETURN NULL;
END $$;
CREATE TRIGGER projects_added AFTER INSERT ON projects
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION projects_count();
CREATE TRIGGER projects_removed AFTER DELETE ON projects
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION projects_count();
