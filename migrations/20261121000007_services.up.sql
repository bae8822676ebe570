-- Services: what an organization has, and which of them a team may use (SPEC D2).

CREATE TABLE services (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    -- As it stands in `/authz/{service}`.
    name            text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 63),
    description     text,
    kind            text NOT NULL DEFAULT 'http' CHECK (kind IN ('http', 'model_gateway')),
    -- `/prefix` or `METHOD /prefix`; empty admits every method and path.
    path_prefixes   text[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX services_name_key ON services (organization_id, name);

-- Not listed means not allowed; each with its reason (SPEC D9).
CREATE TABLE team_services (
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    service_id uuid NOT NULL REFERENCES services ON DELETE CASCADE,
    reason     text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 500),
    allowed_at timestamptz NOT NULL DEFAULT now(),
    allowed_by uuid REFERENCES users ON DELETE SET NULL,
    PRIMARY KEY (team_id, service_id)
);
CREATE INDEX team_services_service_idx ON team_services (service_id);

-- Payload `policy:<team>`; of a service, the policies of all teams that may use it.
CREATE FUNCTION notify_policies(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) > 100 THEN
        PERFORM pg_notify('guildhall', 'policies');
    ELSE
        PERFORM pg_notify('guildhall', 'policy:' || id) FROM unnest(ids) AS id;
    END IF;
END $$;

CREATE FUNCTION notify_team_services() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_policies((SELECT array_agg(DISTINCT team_id) FROM changed));
    RETURN NULL;
END $$;
CREATE TRIGGER team_services_notify_insert AFTER INSERT ON team_services
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_team_services();
CREATE TRIGGER team_services_notify_update AFTER UPDATE ON team_services
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_team_services();
CREATE TRIGGER team_services_notify_delete AFTER DELETE ON team_services
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_team_services();

-- A service is in an organization's catalogue or not: that too decides (an org_admin's bypass).
CREATE FUNCTION notify_services() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'policies');
    RETURN NULL;
END $$;
CREATE TRIGGER services_notify AFTER INSERT OR UPDATE OR DELETE ON services
    FOR EACH STATEMENT EXECUTE FUNCTION notify_services();

CREATE FUNCTION notify_team_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'policy:' || OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER teams_notify_policy AFTER UPDATE OF status, organization_id, name ON teams FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.organization_id <> NEW.organization_id OR OLD.name <> NEW.name)
    EXECUTE FUNCTION notify_team_policy();
