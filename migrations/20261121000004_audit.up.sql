-- The audit log: one entry for each change, written in the transaction that makes the change.

CREATE TABLE audit_entries (
    id              uuid PRIMARY KEY,
    -- The order for the hash chain to come: by transaction, then by position in it. A sequence
    -- alone would not do, since transactions commit in another order than they draw numbers, and
    -- a lock around a counter would put all writers in one queue. Entries below
    -- pg_snapshot_xmin(pg_current_snapshot()) are final: none can appear before them any more.
    txid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL,
    -- Who: the person, or a part of the system; the name is kept as it was then.
    actor_id        uuid,
    actor           text NOT NULL,
    -- How: session, token, jwt, command or system.
    method          text NOT NULL,
    -- From where.
    request_id      text,
    ip              text,
    user_agent      text,
    -- What, to what.
    action          text NOT NULL,
    organization_id uuid,
    team_id         uuid,
    target_kind     text NOT NULL,
    target_id       text NOT NULL,
    target          text NOT NULL,
    success         boolean NOT NULL DEFAULT true,
    before          jsonb,
    after           jsonb
);
CREATE UNIQUE INDEX audit_entries_order_key ON audit_entries (txid, position);
CREATE INDEX audit_entries_team_idx ON audit_entries (team_id, at DESC, id DESC) WHERE team_id IS NOT NULL;
CREATE INDEX audit_entries_actor_idx ON audit_entries (actor_id, at DESC, id DESC);
CREATE INDEX audit_entries_at_idx ON audit_entries (at DESC, id DESC);

-- An entry that was written stays as it was.
CREATE FUNCTION audit_entries_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries cannot be changed or removed';
END $$;
CREATE TRIGGER audit_entries_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_final();
