-- What people did, for "By people" of the audit log: few entries among many of jobs.
CREATE INDEX audit_entries_people_idx ON audit_entries (at DESC, id DESC) WHERE method IN ('session', 'token', 'jwt', 'command');
-- What changed in a team, without what jobs saw of its runners.
CREATE INDEX audit_entries_team_changes_idx ON audit_entries (team_id, at DESC, id DESC)
    WHERE team_id IS NOT NULL AND (method <> 'system' OR target_kind <> 'runner');
