-- Tells every process, in the writing transaction, whose cached principal is out of date.
-- Triggers, so that no writer can forget it. Payloads: `user:<id>`, `token:<id>`, `session:<id>`, `all`.

CREATE FUNCTION notify_users(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) > 100 THEN
        PERFORM pg_notify('guildhall', 'all');
    ELSE
        PERFORM pg_notify('guildhall', 'user:' || id) FROM unnest(ids) AS id;
    END IF;
END $$;

CREATE FUNCTION notify_membership() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_users((SELECT array_agg(DISTINCT user_id) FROM changed));
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_notify_insert AFTER INSERT ON team_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER team_members_notify_update AFTER UPDATE ON team_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER team_members_notify_delete AFTER DELETE ON team_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER organization_members_notify_insert AFTER INSERT ON organization_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER organization_members_notify_update AFTER UPDATE ON organization_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER organization_members_notify_delete AFTER DELETE ON organization_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();

CREATE FUNCTION notify_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'user:' || OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER users_notify AFTER UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION notify_user();

CREATE FUNCTION notify_team() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM notify_users((SELECT array_agg(user_id) FROM team_members WHERE team_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER teams_notify AFTER UPDATE OF status, organization_id, name ON teams FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.organization_id <> NEW.organization_id OR OLD.name <> NEW.name)
    EXECUTE FUNCTION notify_team();

CREATE FUNCTION notify_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'token:' || OLD.id);
    RETURN NULL;
END $$;
-- Not on last_used_at, which changes all the time and decides nothing.
CREATE TRIGGER tokens_notify_update AFTER UPDATE OF revoked_at, expires_at ON personal_access_tokens
    FOR EACH ROW EXECUTE FUNCTION notify_token();
CREATE TRIGGER tokens_notify_delete AFTER DELETE ON personal_access_tokens FOR EACH ROW EXECUTE FUNCTION notify_token();

CREATE FUNCTION notify_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'session:' || OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_notify AFTER UPDATE OR DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION notify_session();
