-- People and the organizations they belong to.
-- Why first: everything else refers to them.

-- Search by part of a name or email stays quick at any size.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE organizations (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (char_length(name) BETWEEN 2 AND 256),
    slug            text NOT NULL CONSTRAINT organizations_slug_key UNIQUE,
    -- Ceilings of all teams together; NULL and an empty list mean no limit (SPEC X9).
    models          text[] NOT NULL DEFAULT '{}',
    max_budget      numeric CHECK (max_budget >= 0),
    budget_duration text,
    tpm_limit       bigint CHECK (tpm_limit >= 0),
    rpm_limit       bigint CHECK (rpm_limit >= 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- The organization of teams that stand alone (SPEC X13).
INSERT INTO organizations (id, name, slug)
VALUES ('00000000-0000-4000-8000-000000000001', 'Default', 'default');

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    -- Kept in lower case; parsed by domain::Email.
    email          text NOT NULL CONSTRAINT users_email_key UNIQUE CHECK (email = lower(email)),
    display_name   text,
    is_super_admin boolean NOT NULL DEFAULT false,
    -- Sees everything, changes nothing (SPEC X1).
    is_auditor     boolean NOT NULL DEFAULT false,
    can_use_jit    boolean NOT NULL DEFAULT true,
    deactivated_at timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX users_search_idx ON users USING gin (email gin_trgm_ops, display_name gin_trgm_ops);

-- A person is known by (issuer, subject), never by an email that may be reassigned (DESIGN rule 7).
CREATE TABLE user_identities (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Whether the provider had verified the email that this identity came with. Nobody joins an
    -- account that someone else may have opened in their name.
    email_verified boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_user_idx ON user_identities (user_id);

CREATE TABLE organization_members (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role            text NOT NULL CHECK (role IN ('org_admin', 'org_member', 'auditor')),
    source          text NOT NULL DEFAULT 'manual' CHECK (source IN ('manual', 'idp', 'declared', 'bulk')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, user_id),
    -- Only super_admins administer the default organization (SPEC X13).
    CONSTRAINT organization_members_default_has_no_admin
        CHECK (organization_id <> '00000000-0000-4000-8000-000000000001' OR role <> 'org_admin')
);
CREATE INDEX organization_members_user_idx ON organization_members (user_id);

-- Sessions of the console. Rows know their user, so that deactivating someone ends them.
CREATE TABLE sessions (
    id         text PRIMARY KEY,
    user_id    uuid REFERENCES users ON DELETE CASCADE,
    data       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user_idx ON sessions (user_id);
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

-- Personal access tokens: only the SHA-256 of a secret with 256 random bits is kept.
CREATE TABLE personal_access_tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL,
    prefix       text NOT NULL,
    token_hash   bytea NOT NULL CONSTRAINT personal_access_tokens_hash_key UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX personal_access_tokens_user_idx ON personal_access_tokens (user_id, created_at DESC);
