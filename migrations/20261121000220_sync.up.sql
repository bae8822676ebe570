-- The sync with GitHub (SPEC B21, B22): who does it, what each pass did, and what it found wrong with living runners.

-- One row: the process that syncs. `leader` is drawn anew with each election; every transaction of a pass asks for
-- it, so that whoever lost the lead writes nothing any more.
CREATE TABLE sync_worker (
    only_row           boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    leader             uuid,
    -- Whether it holds the advisory lock. If not, it leads until its lease runs out.
    by_lock            boolean NOT NULL DEFAULT false,
    hostname           text,
    pid                integer,
    heartbeat_at       timestamptz,
    lease_until        timestamptz,
    next_run           timestamptz,
    -- Until then GitHub allows no calls.
    rate_limited_until timestamptz,
    -- "Sync now", until a pass begins.
    requested_at       timestamptz,
    requested_by       text
);
INSERT INTO sync_worker DEFAULT VALUES;

-- Each pass. Without an end it is under way, or its process died.
CREATE TABLE sync_runs (
    id                uuid PRIMARY KEY,
    started_at        timestamptz NOT NULL,
    ended_at          timestamptz,
    worker            text NOT NULL,
    -- Who asked for it; none when its time had come.
    requested_by      text,
    pages             integer NOT NULL DEFAULT 0,
    updated           integer NOT NULL DEFAULT 0,
    deleted           integer NOT NULL DEFAULT 0,
    unchanged         integer NOT NULL DEFAULT 0,
    errors            integer NOT NULL DEFAULT 0,
    policy_violations integer NOT NULL DEFAULT 0,
    label_drifts      integer NOT NULL DEFAULT 0,
    total             integer NOT NULL DEFAULT 0,
    error             text
);
CREATE INDEX sync_runs_started_idx ON sync_runs (started_at DESC, id DESC);
CREATE INDEX sync_runs_open_idx ON sync_runs (id) WHERE ended_at IS NULL;

-- What the sync found wrong with a runner that still lives, so that it is told once and not at each pass.
CREATE TABLE runner_findings (
    runner_id   uuid NOT NULL REFERENCES runners ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('label_drift', 'policy_violation')),
    -- The labels at GitHub that differ, or those that the team's policy does not admit.
    labels      text[] NOT NULL,
    action      text NOT NULL,
    -- Whether a security event tells of it: as found idle, as found busy.
    told_idle   boolean NOT NULL DEFAULT false,
    told_busy   boolean NOT NULL DEFAULT false,
    detected_at timestamptz NOT NULL,
    PRIMARY KEY (runner_id, kind)
);

-- Which runners a pass did not hear of.
CREATE INDEX runners_live_idx ON runners (id) WHERE status <> 'deleted';
