-- The life of a runner over time: whose it is, since when it is in its state, what happened to it,
-- what it worked on, and what was suspicious.

-- Programs that provision runners for one team (SPEC B27): known by the subject of their JWT.
CREATE TABLE machine_clients (
    id           uuid PRIMARY KEY,
    subject      text NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 255),
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    description  text CHECK (char_length(description) <= 500),
    team_id      uuid NOT NULL REFERENCES teams,
    is_active    boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   uuid REFERENCES users ON DELETE SET NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    -- Kept for the runners that it provisioned.
    deleted_at   timestamptz,
    CHECK (deleted_at IS NULL OR NOT is_active)
);
CREATE UNIQUE INDEX machine_clients_subject_key ON machine_clients (subject) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX machine_clients_team_active_key ON machine_clients (team_id) WHERE is_active;

ALTER TABLE runners
    ALTER provisioned_by DROP NOT NULL,
    ADD machine_client_id uuid REFERENCES machine_clients,
    ADD CONSTRAINT runners_owner_check CHECK (num_nonnulls(provisioned_by, machine_client_id) = 1),
    -- Since when status and busy are what they are: the age of being idle, busy or offline.
    ADD state_since timestamptz NOT NULL DEFAULT now(),
    -- When GitHub last told us of it.
    ADD last_seen_at timestamptz;
UPDATE runners SET state_since = updated_at;
CREATE INDEX runners_machine_idx ON runners (machine_client_id, created_at DESC, id DESC) WHERE machine_client_id IS NOT NULL;
CREATE INDEX runners_github_idx ON runners (github_runner_id) WHERE status <> 'deleted' AND github_runner_id IS NOT NULL;

-- Each state that a runner was in. Written by a trigger, so that no writer can forget it.
CREATE TABLE runner_history (
    id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    runner_id uuid NOT NULL REFERENCES runners ON DELETE CASCADE,
    at        timestamptz NOT NULL,
    status    text NOT NULL,
    busy      boolean NOT NULL,
    -- Why it was deleted.
    reason    text
);
CREATE INDEX runner_history_runner_idx ON runner_history (runner_id, id);
INSERT INTO runner_history (runner_id, at, status, busy) SELECT id, created_at, 'pending', false FROM runners;
INSERT INTO runner_history (runner_id, at, status, busy, reason)
    SELECT id, updated_at, status, busy, deletion_reason FROM runners WHERE status <> 'pending' OR busy;

CREATE FUNCTION runners_state_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state_since := NEW.updated_at;
    RETURN NEW;
END $$;
CREATE TRIGGER runners_state_since BEFORE UPDATE ON runners FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.busy <> NEW.busy) EXECUTE FUNCTION runners_state_since();

CREATE FUNCTION runners_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO runner_history (runner_id, at, status, busy, reason)
    VALUES (NEW.id, NEW.updated_at, NEW.status, NEW.busy, NEW.deletion_reason);
    RETURN NULL;
END $$;
CREATE TRIGGER runners_history_insert AFTER INSERT ON runners FOR EACH ROW EXECUTE FUNCTION runners_history();
CREATE TRIGGER runners_history_update AFTER UPDATE ON runners FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.busy <> NEW.busy) EXECUTE FUNCTION runners_history();

-- What GitHub's `workflow_job` webhook says of the jobs that ran on our runners (SPEC B23): for history and cost.
CREATE TABLE workflow_jobs (
    -- GitHub's number of the job.
    id               bigint PRIMARY KEY,
    run_id           bigint NOT NULL,
    run_attempt      integer NOT NULL DEFAULT 1,
    repository       text NOT NULL,
    workflow_name    text,
    name             text NOT NULL,
    -- The one who started it at GitHub.
    sender           text,
    runner_id        uuid REFERENCES runners ON DELETE SET NULL,
    runner_name      text,
    github_runner_id bigint,
    -- Team, project and labels as they were: a runner's labels are what a job is priced by.
    team_id          uuid REFERENCES teams,
    project_id       uuid REFERENCES projects ON DELETE SET NULL,
    labels           text[] NOT NULL DEFAULT '{}',
    status           text NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed')),
    conclusion       text,
    started_at       timestamptz,
    completed_at     timestamptz,
    received_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (completed_at IS NULL OR started_at IS NULL OR completed_at >= started_at)
);
CREATE INDEX workflow_jobs_runner_idx ON workflow_jobs (runner_id, started_at DESC) WHERE runner_id IS NOT NULL;
CREATE INDEX workflow_jobs_team_idx ON workflow_jobs (team_id, completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX workflow_jobs_completed_idx ON workflow_jobs (completed_at) WHERE completed_at IS NOT NULL;

-- Security events (SPEC B24): what broke a rule, and what was done about it. Names are kept as they were.
CREATE TABLE security_events (
    id               uuid PRIMARY KEY,
    at               timestamptz NOT NULL,
    event_type       text NOT NULL,
    severity         text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    organization_id  uuid,
    team_id          uuid,
    team_name        text,
    runner_id        uuid,
    runner_name      text,
    github_runner_id bigint,
    user_id          uuid,
    user_identity    text NOT NULL,
    violation_data   jsonb NOT NULL DEFAULT '{}',
    action_taken     text
);
CREATE INDEX security_events_at_idx ON security_events (at DESC, id DESC);
CREATE INDEX security_events_team_idx ON security_events (team_id, at DESC, id DESC) WHERE team_id IS NOT NULL;
CREATE INDEX security_events_organization_idx ON security_events (organization_id, at DESC, id DESC) WHERE organization_id IS NOT NULL;
CREATE INDEX security_events_user_idx ON security_events (user_id, at DESC, id DESC) WHERE user_id IS NOT NULL;
CREATE INDEX security_events_type_idx ON security_events (event_type, at DESC, id DESC);
