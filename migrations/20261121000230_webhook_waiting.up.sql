-- A job that GitHub tells of after its runner is gone still finds whose it was.
CREATE INDEX runners_github_gone_idx ON runners (github_runner_id)
    WHERE status = 'deleted' AND github_runner_id IS NOT NULL;

-- The waiting list of a team whose quota is full.
ALTER TABLE teams ADD waiting_list boolean NOT NULL DEFAULT false;

CREATE TABLE runner_waits (
    id          uuid PRIMARY KEY,
    -- The order. Given under the lock of the team's row, so that nobody gets an earlier place later.
    place       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    team_id     uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- What was asked for, as it was typed. It is checked again when it is claimed.
    request     jsonb NOT NULL,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'claimed', 'left', 'expired')),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    -- Until when the place is held: until then it counts against the quota.
    ready_until timestamptz,
    -- What was provisioned.
    runner_id   uuid REFERENCES runners ON DELETE SET NULL,
    CHECK ((state = 'ready') = (ready_until IS NOT NULL)),
    CHECK (runner_id IS NULL OR state = 'claimed')
);
CREATE UNIQUE INDEX runner_waits_open_key ON runner_waits (team_id, user_id) WHERE state IN ('waiting', 'ready');
CREATE INDEX runner_waits_line_idx ON runner_waits (team_id, place) WHERE state IN ('waiting', 'ready');
CREATE INDEX runner_waits_user_idx ON runner_waits (user_id, place);
