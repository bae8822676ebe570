-- Memberships that wait for an account: an admin of a team names an address that nobody has yet.
CREATE TABLE team_invitations (
    id         uuid PRIMARY KEY,
    team_id    uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    email      text NOT NULL CHECK (email = lower(email)),
    role       text NOT NULL CHECK (role IN ('admin', 'member')),
    invited_by uuid REFERENCES users ON DELETE SET NULL,
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT team_invitations_team_email_key UNIQUE (team_id, email)
);
-- Asked when an account is made.
CREATE INDEX team_invitations_email_idx ON team_invitations (email);
CREATE INDEX team_invitations_expires_idx ON team_invitations (expires_at);

ALTER TABLE team_members DROP CONSTRAINT team_members_source_check,
    ADD CONSTRAINT team_members_source_check CHECK (source IN ('manual', 'idp', 'declared', 'bulk', 'invitation'));
