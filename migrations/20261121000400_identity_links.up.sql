-- Groups of a directory, and what being in one of them gives here (SPEC E2, E4–E6, X11): a role in a team, in an
-- organization, or in the installation. Sign-in, the scheduled sync and SCIM write memberships through these links only.

CREATE TABLE identity_links (
    id              uuid PRIMARY KEY,
    -- Who names the group: Microsoft Graph, the `groups` claim of a token, or SCIM.
    provider        text NOT NULL CHECK (provider IN ('entra', 'oidc', 'scim')),
    -- The directory's own id of the group or app role; of a claim its very text. Of SCIM the id that we gave it.
    group_id        text NOT NULL CHECK (char_length(group_id) BETWEEN 1 AND 400),
    -- As the directory called it when it last spoke of it.
    group_name      text,
    -- What it gives. A team's organization is there, too; without either it is a role in the installation.
    organization_id uuid REFERENCES organizations ON DELETE CASCADE,
    team_id         uuid REFERENCES teams ON DELETE CASCADE,
    role            text NOT NULL,
    -- Additive links never take anything away.
    mode            text NOT NULL DEFAULT 'additive' CHECK (mode IN ('additive', 'authoritative')),
    -- Percent of those who are there by this link that one pass may take out without asking.
    removal_limit   smallint NOT NULL DEFAULT 20 CHECK (removal_limit BETWEEN 0 AND 100),
    -- When the directory last said who is in the group, and what was wrong since.
    checked_at      timestamptz,
    failed_at       timestamptz,
    failure         text,
    -- The directory does not know the group any more. Nobody is taken out for it.
    missing_since   timestamptz,
    -- Removals wait for somebody's word since then.
    held_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- NULL: a sign-in or SCIM made it.
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    CONSTRAINT identity_links_role CHECK (CASE
        WHEN team_id IS NOT NULL THEN organization_id IS NOT NULL AND role IN ('admin', 'member')
        WHEN organization_id IS NOT NULL THEN role IN ('org_admin', 'org_member', 'auditor')
        ELSE role IN ('super_admin', 'auditor') END),
    CONSTRAINT identity_links_key UNIQUE NULLS NOT DISTINCT (provider, group_id, organization_id, team_id, role)
);
CREATE INDEX identity_links_organization_idx ON identity_links (organization_id, created_at DESC, id DESC);
CREATE INDEX identity_links_team_idx ON identity_links (team_id) WHERE team_id IS NOT NULL;

-- A team that moves takes its links with it.
CREATE FUNCTION identity_links_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE identity_links SET organization_id = NEW.organization_id WHERE team_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER teams_move_identity_links AFTER UPDATE OF organization_id ON teams FOR EACH ROW
    WHEN (OLD.organization_id <> NEW.organization_id) EXECUTE FUNCTION identity_links_move();

-- Who is in a linked group. What a link gave is what its rows say, so that what people gave by hand is never taken.
CREATE TABLE identity_link_members (
    link_id  uuid NOT NULL REFERENCES identity_links ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    since    timestamptz NOT NULL DEFAULT now(),
    -- Not in the group any more: an additive link takes nothing for it, an authoritative one may wait for somebody's word.
    left_at  timestamptz,
    -- Whether they have by this link what it gives, or had it before, by hand or by another.
    gave     boolean NOT NULL DEFAULT true,
    PRIMARY KEY (link_id, user_id)
);
CREATE INDEX identity_link_members_user_idx ON identity_link_members (user_id);

-- What a link did, when, to whom.
CREATE TABLE identity_link_events (
    id      uuid PRIMARY KEY,
    link_id uuid NOT NULL REFERENCES identity_links ON DELETE CASCADE,
    at      timestamptz NOT NULL DEFAULT now(),
    kind    text NOT NULL CHECK (kind IN ('created', 'added', 'removed', 'kept', 'held', 'released', 'renamed', 'missing',
                                          'found', 'failed', 'mode', 'passed')),
    user_id uuid REFERENCES users ON DELETE CASCADE,
    detail  text
);
CREATE INDEX identity_link_events_idx ON identity_link_events (link_id, at DESC, id DESC);
CREATE INDEX identity_link_events_age_idx ON identity_link_events (at);

-- People as the directory of the organization knows them, by its lasting id (Entra's `oid`), whoever came first: a
-- sign-in or the scheduled sync.
CREATE TABLE directory_people (
    provider     text NOT NULL CHECK (provider IN ('entra')),
    directory_id text NOT NULL,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- When their groups were last read in full; and that they could not be read since, and when to try again.
    groups_at    timestamptz,
    failed_at    timestamptz,
    failure      text,
    retry_at     timestamptz,
    PRIMARY KEY (provider, directory_id)
);
CREATE INDEX directory_people_user_idx ON directory_people (user_id);
CREATE INDEX directory_people_retry_idx ON directory_people (retry_at) WHERE retry_at IS NOT NULL;

-- The scheduled sync of linked groups: one process at a time, until then, and what became of the last pass.
CREATE TABLE directory_syncs (
    provider    text PRIMARY KEY CHECK (provider IN ('entra')),
    taken_until timestamptz NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz,
    failure     text,
    groups      integer NOT NULL DEFAULT 0
);

-- Settings that a super_admin changes at runtime and that win over the configuration.
CREATE TABLE runtime_settings (
    name       text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid REFERENCES users ON DELETE SET NULL
);
