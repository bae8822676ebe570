-- CI runners and the policies of people in no team.

CREATE TABLE runners (
    id               uuid PRIMARY KEY,
    team_id          uuid REFERENCES teams,
    project_id       uuid REFERENCES projects ON DELETE SET NULL,
    name             text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    status           text NOT NULL CHECK (status IN ('pending', 'active', 'offline', 'deleted')),
    busy             boolean NOT NULL DEFAULT false,
    labels           text[] NOT NULL,
    github_runner_id bigint,
    runner_group_id  bigint NOT NULL,
    ephemeral        boolean NOT NULL DEFAULT true,
    provisioned_by   uuid NOT NULL REFERENCES users,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    registered_at    timestamptz,
    deleted_at       timestamptz,
    deletion_reason  text,
    -- While set, the runner is reserved and GitHub has not answered yet. When the lease runs out,
    -- the reaper asks GitHub for the name and settles it (SPEC B15).
    lease_until      timestamptz
);
-- GitHub refuses a second runner of the same name in an organization, whatever the case.
CREATE UNIQUE INDEX runners_name_key ON runners (lower(name)) WHERE status <> 'deleted';
-- The quota's count and the team's list.
CREATE INDEX runners_team_live_idx ON runners (team_id) WHERE status <> 'deleted';
CREATE INDEX runners_team_created_idx ON runners (team_id, created_at DESC, id DESC);
CREATE INDEX runners_person_live_idx ON runners (provisioned_by) WHERE status <> 'deleted';
CREATE INDEX runners_person_created_idx ON runners (provisioned_by, created_at DESC, id DESC);
CREATE INDEX runners_created_idx ON runners (created_at DESC, id DESC);
CREATE INDEX runners_project_live_idx ON runners (project_id) WHERE status <> 'deleted' AND project_id IS NOT NULL;
CREATE INDEX runners_lease_idx ON runners (lease_until) WHERE lease_until IS NOT NULL;

CREATE FUNCTION runners_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.status <> 'deleted' THEN
        UPDATE teams SET runner_count = runner_count - 1 WHERE id = OLD.team_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status <> 'deleted' THEN
        UPDATE teams SET runner_count = runner_count + 1 WHERE id = NEW.team_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER runners_count AFTER INSERT OR DELETE ON runners FOR EACH ROW EXECUTE FUNCTION runners_count();
CREATE TRIGGER runners_count_changed AFTER UPDATE OF status, team_id ON runners FOR EACH ROW
    WHEN ((OLD.status = 'deleted') <> (NEW.status = 'deleted') OR OLD.team_id IS DISTINCT FROM NEW.team_id)
    EXECUTE FUNCTION runners_count();

-- What someone in no team may put on a runner (SPEC B17).
CREATE TABLE user_label_policies (
    user_id        uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    allowed_labels text[] NOT NULL DEFAULT '{}',
    label_patterns text[] NOT NULL DEFAULT '{}',
    max_runners    integer CHECK (max_runners >= 0),
    description    text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    created_by     uuid REFERENCES users ON DELETE SET NULL
);
