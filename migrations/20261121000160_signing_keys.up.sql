-- Keys that sign the assertions of forward auth, shared by all processes, so that what one signs every other one's
-- /.well-known/jwks.json can prove.

CREATE TABLE signing_keys (
    -- The `kid`.
    id          uuid PRIMARY KEY,
    -- Ed25519: 32 bytes.
    public_key  bytea NOT NULL CHECK (octet_length(public_key) = 32),
    -- PKCS#8. Sealed (AES-256-GCM, nonce first) while the operator sets a secret key; else as it is, protected by
    -- what protects this database.
    private_key bytea NOT NULL,
    sealed      boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- Published before it signs: whoever keeps a copy of the key set must have it by then.
    active_from timestamptz NOT NULL,
    -- Published until then, so that what was signed last can be proved.
    expires_at  timestamptz NOT NULL CHECK (expires_at > active_from)
);

CREATE FUNCTION notify_signing_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'signing-keys');
    RETURN NULL;
END $$;
CREATE TRIGGER signing_keys_notify AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION notify_signing_keys();

-- Which team a project belongs to is kept in memory too: payload `project:<id>`.
CREATE FUNCTION notify_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'project:' || OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER projects_notify_update AFTER UPDATE OF team_id ON projects FOR EACH ROW
    WHEN (OLD.team_id <> NEW.team_id) EXECUTE FUNCTION notify_project();
CREATE TRIGGER projects_notify_delete AFTER DELETE ON projects FOR EACH ROW EXECUTE FUNCTION notify_project();

-- And whose identity at a provider is whose: payload `identities`.
CREATE FUNCTION notify_identities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall', 'identities');
    RETURN NULL;
END $$;
CREATE TRIGGER user_identities_notify AFTER UPDATE OR DELETE ON user_identities
    FOR EACH STATEMENT EXECUTE FUNCTION notify_identities();
