-- Requests (SPEC B31, C15): to join a team, and for what its people may not change themselves. The change itself is made
-- by the functions that make it anyway; this is who asked, why, and what became of it.

CREATE TABLE access_requests (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('join', 'quota', 'budget', 'labels', 'service', 'model')),
    team_id       uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    requester     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- As `domain::RequestValue` writes it: equal values are equal here.
    value         jsonb NOT NULL,
    reason        text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 500),
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied', 'withdrawn')),
    -- Whether it asked for more than the team had then, which a team admin does not decide. Only for lists and counts:
    -- the decision itself looks again.
    raises        boolean NOT NULL,
    -- The denied one that this asks to look at again.
    reviews       uuid REFERENCES access_requests ON DELETE SET NULL,
    decided_by    uuid REFERENCES users ON DELETE SET NULL,
    decided_at    timestamptz,
    -- Shown to the requester; a denial has one.
    decision      text CHECK (char_length(decision) BETWEEN 1 AND 500),
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT access_requests_denial_has_a_reason CHECK (state <> 'denied' OR decision IS NOT NULL),
    CONSTRAINT access_requests_decided CHECK ((decided_at IS NOT NULL) = (state IN ('approved', 'denied')))
);
CREATE UNIQUE INDEX access_requests_pending_key ON access_requests (requester, team_id, kind, value) WHERE state = 'pending';
CREATE INDEX access_requests_team_idx ON access_requests (team_id, created_at DESC, id DESC);
CREATE INDEX access_requests_requester_idx ON access_requests (requester, created_at DESC, id DESC);
CREATE INDEX access_requests_pending_idx ON access_requests (team_id) WHERE state = 'pending';
CREATE INDEX access_requests_models_idx ON access_requests (team_id, value) WHERE kind = 'model' AND state = 'approved';

-- Models that a team may only use with an approved request (SPEC C15).
CREATE TABLE restricted_models (
    -- NULL: in the whole installation.
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    model           text NOT NULL CHECK (char_length(model) BETWEEN 1 AND 200),
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    CONSTRAINT restricted_models_key UNIQUE NULLS NOT DISTINCT (organization_id, model)
);
