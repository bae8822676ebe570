-- Keys for models (SPEC C8, C9): the installation's defaults and ceilings, and what keys spend day by day.

CREATE TABLE key_policies (
    -- `api_keys`: what new keys have and may have at most. `users`: what people are made with at LiteLLM.
    name       text PRIMARY KEY CHECK (name IN ('api_keys', 'users')),
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid REFERENCES users ON DELETE SET NULL
);

-- LiteLLM tells the sum of a budget's period, which starts anew; what was added to it on a day stays here.
CREATE TABLE key_spend_daily (
    key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    day    date NOT NULL,
    spend  numeric NOT NULL CHECK (spend >= 0),
    PRIMARY KEY (key_id, day)
);

-- Who reads what keys have spent: one process at a time, until then.
CREATE TABLE key_spend_reads (
    instance    text PRIMARY KEY REFERENCES litellm_instances ON DELETE CASCADE,
    taken_until timestamptz NOT NULL,
    read_at     timestamptz
);

CREATE INDEX api_keys_token_idx ON api_keys (litellm_token) WHERE litellm_token IS NOT NULL;
CREATE INDEX api_keys_ends_idx ON api_keys (expires_at) WHERE litellm_state IN ('pending', 'active') AND revoked_at IS NULL;
-- The lists of a team, with the keys that are over.
CREATE INDEX api_keys_of_team_idx ON api_keys (team_id, created_at DESC, id DESC);
