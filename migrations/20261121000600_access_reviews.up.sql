-- Access reviews: who is in which team, with which role, and what each team may use, looked at line by line. The lines are
-- a snapshot of the moment at which the review was started. What is removed is removed by the functions that remove it
-- anyway; this is what was looked at, who decided what, why, and what became of it.
--
-- No foreign keys but to the organization, as in the audit log: a review outlives what it tells of.

CREATE TABLE access_reviews (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    -- NULL: the whole organization.
    team_id         uuid,
    -- What that is called: the organization, or the team.
    scope_name      text NOT NULL,
    name            text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- Memberships of teams and roles in the organization.
    covers_people   boolean NOT NULL,
    -- Services that teams may use.
    covers_services boolean NOT NULL,
    -- What becomes of a line that nobody decided.
    silence         text NOT NULL CHECK (silence IN ('keep', 'remove')),
    -- `closing`: nobody decides any more, and removals are being made.
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closing', 'closed', 'cancelled')),
    started_by      uuid,
    starter         text NOT NULL,
    created_at      timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    -- When deciding ended, and who ended it; without an id it was the due date.
    ended_at        timestamptz,
    ended_by        text,
    -- When the last removal was made, and the report signed.
    closed_at       timestamptz,
    -- The last reminder by hand, and the last one by the clock (a week and a day before it is due).
    reminded_at     timestamptz,
    reminded_by     text,
    auto_reminded_at timestamptz,
    -- Kept by whoever decides, under the row's lock, so that a list of reviews costs the same at any number of lines.
    line_count      integer NOT NULL DEFAULT 0,
    keep_count      integer NOT NULL DEFAULT 0,
    remove_count    integer NOT NULL DEFAULT 0,
    CONSTRAINT access_reviews_cover_something CHECK (covers_people OR covers_services),
    CONSTRAINT access_reviews_ended CHECK ((ended_at IS NOT NULL) = (state <> 'open')),
    CONSTRAINT access_reviews_closed CHECK ((closed_at IS NOT NULL) = (state = 'closed')),
    CONSTRAINT access_reviews_counts CHECK (keep_count >= 0 AND remove_count >= 0 AND keep_count + remove_count <= line_count)
) WITH (fillfactor = 80);
CREATE INDEX access_reviews_organization_idx ON access_reviews (organization_id, created_at DESC, id DESC);
CREATE INDEX access_reviews_team_idx ON access_reviews (team_id, created_at DESC, id DESC) WHERE team_id IS NOT NULL;
CREATE INDEX access_reviews_created_idx ON access_reviews (created_at DESC, id DESC);
CREATE INDEX access_reviews_at_work_idx ON access_reviews (due_at) WHERE state IN ('open', 'closing');

CREATE TABLE access_review_lines (
    id               uuid PRIMARY KEY,
    review_id        uuid NOT NULL REFERENCES access_reviews ON DELETE CASCADE,
    -- The place in the review: by team, then kind, then name.
    place            integer NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('membership', 'organization_role', 'service')),
    -- NULL: of the organization itself.
    team_id          uuid,
    team             text,
    -- Of memberships and roles.
    user_id          uuid,
    email            text,
    display_name     text,
    deactivated      boolean NOT NULL DEFAULT false,
    role             text,
    -- Of services.
    service_id       uuid,
    service          text,
    -- Where it comes from (`manual`, `idp`, …), who gave it, why (of a service), and since when it is so.
    source           text,
    given_by         text,
    given_reason     text,
    since            timestamptz NOT NULL,
    -- Last use, as it was known at the start. Of a service: of any key of the team, as use by service is not recorded.
    last_seen_at     timestamptz,
    key_count        integer NOT NULL DEFAULT 0,
    last_key_used_at timestamptz,
    last_runner_at   timestamptz,
    decision         text CHECK (decision IN ('keep', 'remove')),
    reason           text CHECK (char_length(reason) BETWEEN 1 AND 500),
    decided_by       uuid,
    decider          text,
    decided_at       timestamptz,
    -- Nobody decided it: what silence means was applied.
    by_silence       boolean NOT NULL DEFAULT false,
    outcome          text CHECK (outcome IN ('kept', 'removed', 'gone', 'refused')),
    -- Why it was refused, or what there was instead.
    outcome_detail   text,
    outcome_at       timestamptz,
    CONSTRAINT access_review_lines_place_key UNIQUE (review_id, place),
    CONSTRAINT access_review_lines_is_about CHECK (CASE kind
        WHEN 'membership' THEN team_id IS NOT NULL AND user_id IS NOT NULL AND role IS NOT NULL
        WHEN 'organization_role' THEN team_id IS NULL AND user_id IS NOT NULL AND role IS NOT NULL
        ELSE team_id IS NOT NULL AND service_id IS NOT NULL END),
    CONSTRAINT access_review_lines_removal_has_a_reason
        CHECK (decision IS DISTINCT FROM 'remove' OR by_silence OR reason IS NOT NULL),
    CONSTRAINT access_review_lines_decided CHECK ((decision IS NOT NULL) = (decided_at IS NOT NULL)),
    CONSTRAINT access_review_lines_outcome CHECK ((outcome IS NOT NULL) = (outcome_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX access_review_lines_undecided_idx ON access_review_lines (review_id, team_id) WHERE decision IS NULL;
CREATE INDEX access_review_lines_to_remove_idx ON access_review_lines (review_id, place)
    WHERE decision = 'remove' AND outcome IS NULL;
CREATE INDEX access_review_lines_team_idx ON access_review_lines (team_id, review_id) WHERE team_id IS NOT NULL;

-- What was found, as it was signed: never written again. The public key is kept with it, since the signing keys are deleted
-- a month after they were made.
CREATE TABLE access_review_reports (
    review_id  uuid PRIMARY KEY REFERENCES access_reviews ON DELETE CASCADE,
    -- The CSV file, byte by byte.
    csv        bytea NOT NULL,
    -- A compact JWS (RFC 7515) over the review's id, the file's SHA-256, when it closed, and the counts.
    jws        text NOT NULL,
    kid        uuid NOT NULL,
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32)
);
CREATE INDEX access_review_reports_key_idx ON access_review_reports (kid, public_key);
CREATE FUNCTION access_review_reports_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a report of an access review is never changed';
END $$;
CREATE TRIGGER access_review_reports_stay BEFORE UPDATE ON access_review_reports
    FOR EACH ROW EXECUTE FUNCTION access_review_reports_stay();
