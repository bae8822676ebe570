-- The audit log can be searched, and changes to it after the fact can be found (SPEC B25).

-- The caller's subject at the OpenID provider, as it was then.
ALTER TABLE audit_entries ADD oidc_sub text;

-- Each scope and each filter, newest first.
CREATE INDEX audit_entries_organization_idx ON audit_entries (organization_id, at DESC, id DESC) WHERE organization_id IS NOT NULL;
CREATE INDEX audit_entries_action_idx ON audit_entries (action, at DESC, id DESC);
CREATE INDEX audit_entries_who_idx ON audit_entries (lower(actor), at DESC, id DESC);
CREATE INDEX audit_entries_target_idx ON audit_entries (target_id, at DESC, id DESC);
CREATE INDEX audit_entries_failed_idx ON audit_entries (at DESC, id DESC) WHERE NOT success;
CREATE INDEX audit_entries_search_idx ON audit_entries USING gin (lower(target) gin_trgm_ops);
CREATE INDEX security_events_severity_idx ON security_events (severity, at DESC, id DESC);
CREATE INDEX security_events_who_idx ON security_events (lower(user_identity), at DESC, id DESC);

-- Entries that wait to be sealed. A trigger fills it, so that no writer can forget it, and the job that seals finds what
-- is new without looking at what is old. That it does not go by transaction numbers has a reason: in a restored database
-- they begin anew, below those of the entries that were restored.
CREATE TABLE audit_unsealed (
    txid     xid8 NOT NULL,
    position bigint NOT NULL,
    entry_id uuid NOT NULL,
    PRIMARY KEY (txid, position)
);
INSERT INTO audit_unsealed SELECT txid, position, id FROM audit_entries;
CREATE FUNCTION audit_entries_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed SELECT txid, position, id FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_wait();

-- The seals: each hash covers the one before and all columns of the entry (backend/src/audit/chain.rs). An entry that
-- commits late is sealed late: the order of the chain is the order in which entries became visible, and within one
-- batch that of (txid, position).
CREATE TABLE audit_chain (
    -- From 1, without gaps.
    seq      bigint PRIMARY KEY CHECK (seq > 0),
    entry_id uuid NOT NULL UNIQUE,
    -- The form of what is hashed.
    version  smallint NOT NULL,
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TRIGGER audit_chain_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_final();
