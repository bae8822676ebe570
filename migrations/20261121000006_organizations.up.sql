-- Organizations in full: whose email domains they own, who is a guest, how many runners all teams
-- may have together; and memberships that end by themselves.

ALTER TABLE organizations
    -- Ceiling over the runners of all its teams; NULL is none.
    ADD COLUMN max_runners integer CHECK (max_runners >= 0);

-- Email domains (SPEC X10). Only a verified one counts: by a super_admin's word, or by a TXT record
-- `guildhall-verification=<token>` at the domain. Several organizations may share one.
CREATE TABLE organization_domains (
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    domain          text NOT NULL CHECK (domain = lower(domain)),
    token           text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      uuid REFERENCES users ON DELETE SET NULL,
    verified_at     timestamptz,
    verified_by     uuid REFERENCES users ON DELETE SET NULL,
    verified_how    text CHECK (verified_how IN ('word', 'dns')),
    PRIMARY KEY (organization_id, domain),
    CHECK ((verified_at IS NULL) = (verified_how IS NULL))
);
CREATE INDEX organization_domains_verified_idx ON organization_domains (domain) WHERE verified_at IS NOT NULL;

ALTER TABLE organization_members
    -- Invited from outside the organization's email domains.
    ADD COLUMN is_guest boolean NOT NULL DEFAULT false,
    ADD COLUMN added_by uuid REFERENCES users ON DELETE SET NULL;
CREATE INDEX organization_members_list_idx ON organization_members (organization_id, created_at, user_id);
CREATE INDEX organization_members_admins_idx ON organization_members (organization_id) WHERE role = 'org_admin';

ALTER TABLE users
    ADD COLUMN deactivated_by      uuid REFERENCES users ON DELETE SET NULL,
    ADD COLUMN deactivation_reason text,
    -- Last sign-in or use of a token, to the hour.
    ADD COLUMN last_seen_at        timestamptz;
CREATE INDEX users_by_email_idx ON users (email, id);
-- Few are; they are found without reading the others.
CREATE INDEX users_super_admins_idx ON users (id) WHERE is_super_admin;
CREATE INDEX users_deactivated_idx ON users (email, id) WHERE deactivated_at IS NOT NULL;

ALTER TABLE team_members
    -- The membership ends then, by itself.
    ADD COLUMN expires_at timestamptz,
    -- The admin becomes a member then, by itself.
    ADD COLUMN admin_until timestamptz,
    ADD CONSTRAINT team_members_admin_until CHECK (admin_until IS NULL OR role = 'admin');
CREATE INDEX team_members_expires_idx ON team_members (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX team_members_admin_until_idx ON team_members (admin_until) WHERE admin_until IS NOT NULL;

-- What someone may do in projects is part of what is kept in memory of them.
CREATE TRIGGER project_members_notify_insert AFTER INSERT ON project_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER project_members_notify_update AFTER UPDATE ON project_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
CREATE TRIGGER project_members_notify_delete AFTER DELETE ON project_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION notify_membership();
