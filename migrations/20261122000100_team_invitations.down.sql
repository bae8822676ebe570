UPDATE team_members SET source = 'manual' WHERE source = 'invitation';
ALTER TABLE team_members DROP CONSTRAINT team_members_source_check,
    ADD CONSTRAINT team_members_source_check CHECK (source IN ('manual', 'idp', 'declared', 'bulk'));
DROP TABLE team_invitations;
