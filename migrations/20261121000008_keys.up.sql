-- API keys (`sk-…`) of a team, mostly of one of its projects. Only the SHA-256 of a secret with 256
-- random bits is kept.

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    team_id      uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    -- Deleted with its project (SPEC X15).
    project_id   uuid REFERENCES projects ON DELETE CASCADE,
    -- Whose key it is: it ends with this person's membership of the team (SPEC X12).
    owner_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    prefix       text NOT NULL,
    key_hash     bytea NOT NULL CONSTRAINT api_keys_hash_key UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   uuid REFERENCES users ON DELETE SET NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    revoked_by   uuid REFERENCES users ON DELETE SET NULL,
    -- The key that took this one's place: both work until this one's `expires_at`.
    replaced_by  uuid REFERENCES api_keys ON DELETE SET NULL
);
CREATE INDEX api_keys_project_idx ON api_keys (project_id, created_at DESC, id DESC) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_team_idx ON api_keys (team_id, created_at DESC, id DESC) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_owner_idx ON api_keys (owner_id, team_id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_replaced_by_idx ON api_keys (replaced_by) WHERE replaced_by IS NOT NULL;
-- One name at a time in a project, so that people know which key they revoke; rotation keeps the name.
CREATE UNIQUE INDEX api_keys_name_key ON api_keys (team_id, project_id, lower(name)) NULLS NOT DISTINCT
    WHERE revoked_at IS NULL AND replaced_by IS NULL;

-- Payload `key:<id>`. Not on last_used_at, which changes all the time and decides nothing.
CREATE FUNCTION notify_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM changed) > 100 THEN
        PERFORM pg_notify('guildhall', 'keys');
    ELSE
        PERFORM pg_notify('guildhall', 'key:' || id) FROM changed;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION notify_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'key:' || OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_notify_update AFTER UPDATE OF revoked_at, expires_at, owner_id, project_id, team_id ON api_keys
    FOR EACH ROW EXECUTE FUNCTION notify_key();
CREATE TRIGGER api_keys_notify_delete AFTER DELETE ON api_keys
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_keys();
