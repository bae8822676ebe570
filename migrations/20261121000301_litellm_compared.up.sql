-- What people and lists call a row of the outbox.
ALTER TABLE litellm_objects ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT litellm_objects_id_key UNIQUE;
DROP INDEX litellm_objects_list_idx;
CREATE INDEX litellm_objects_list_idx ON litellm_objects (changed_at DESC, id DESC) WHERE state <> 'synced';
CREATE INDEX litellm_objects_state_idx ON litellm_objects (instance, kind, state);

-- "Compare now": what differs between here and there. Nothing is changed by looking.
CREATE TABLE litellm_comparisons (
    id           uuid PRIMARY KEY,
    instance     text NOT NULL REFERENCES litellm_instances ON DELETE CASCADE,
    requested_by text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    -- Written while it goes on: one that is not heard of for a minute has died.
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    compared     bigint NOT NULL DEFAULT 0,
    error        text
);
CREATE INDEX litellm_comparisons_idx ON litellm_comparisons (instance, started_at DESC);
CREATE TABLE litellm_differences (
    comparison_id uuid NOT NULL REFERENCES litellm_comparisons ON DELETE CASCADE,
    id            uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('team', 'user', 'member', 'key')),
    -- As LiteLLM writes it: what only it has need not have an id of ours.
    object        text NOT NULL,
    member        text,
    name          text NOT NULL,
    problem       text NOT NULL CHECK (problem IN ('missing', 'unknown', 'different')),
    detail        text NOT NULL,
    -- What somebody decided to do about it.
    settled       text CHECK (settled IN ('pushed', 'removed')),
    settled_by    text
);
CREATE INDEX litellm_differences_idx ON litellm_differences (comparison_id, problem, kind, name, id);
