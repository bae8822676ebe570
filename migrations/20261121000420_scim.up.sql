-- What a directory says over SCIM 2.0 (RFC 7643, RFC 7644), per organization: its tokens, its people, its groups. What
-- its groups give is `identity_links`; this is the directory's own view, kept as it was sent.

CREATE TABLE scim_tokens (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name            text NOT NULL,
    -- The first characters of the secret, by which people tell one from another.
    prefix          text NOT NULL,
    -- SHA-256 of the secret, which is shown once.
    token_hash      bytea NOT NULL CONSTRAINT scim_tokens_hash_key UNIQUE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    expires_at      timestamptz,
    -- To the minute.
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    revoked_by      uuid REFERENCES users ON DELETE SET NULL
);
CREATE INDEX scim_tokens_organization_idx ON scim_tokens (organization_id, created_at DESC, id DESC);

CREATE TABLE scim_users (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    -- The account. NULL until the directory has sent an email address.
    user_id         uuid REFERENCES users ON DELETE SET NULL,
    user_name       text NOT NULL CHECK (char_length(user_name) BETWEEN 1 AND 256),
    external_id     text,
    active          boolean NOT NULL,
    -- Everything else, in the form of the schemas.
    attributes      jsonb NOT NULL DEFAULT '{}',
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX scim_users_user_name_key ON scim_users (organization_id, lower(user_name));
CREATE UNIQUE INDEX scim_users_user_key ON scim_users (organization_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX scim_users_user_idx ON scim_users (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX scim_users_external_idx ON scim_users (organization_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX scim_users_list_idx ON scim_users (organization_id, created_at, id);

-- What the directory of an organization did to people's access, so that it can be undone when they come back, also
-- after their SCIM resource was deleted and made anew.
CREATE TABLE scim_people (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The directory made the account; it may then end it, and names it.
    made_account    boolean NOT NULL DEFAULT false,
    -- How and when it ended their access: the account itself, or what they had in the organization.
    ended           text CHECK (ended IN ('account', 'membership')),
    ended_at        timestamptz,
    -- What they had in the organization: their role, and their teams.
    taken           jsonb,
    PRIMARY KEY (organization_id, user_id),
    CHECK ((ended IS NULL) = (ended_at IS NULL))
);
CREATE INDEX scim_people_user_idx ON scim_people (user_id);

CREATE TABLE scim_groups (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    display_name    text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 256),
    external_id     text,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX scim_groups_display_name_key ON scim_groups (organization_id, lower(display_name));
CREATE UNIQUE INDEX scim_groups_external_key ON scim_groups (organization_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX scim_groups_list_idx ON scim_groups (organization_id, created_at, id);

CREATE TABLE scim_group_members (
    group_id uuid NOT NULL REFERENCES scim_groups ON DELETE CASCADE,
    -- Whether they have an account yet or not.
    member   uuid NOT NULL REFERENCES scim_users ON DELETE CASCADE,
    PRIMARY KEY (group_id, member)
);
CREATE INDEX scim_group_members_member_idx ON scim_group_members (member);
