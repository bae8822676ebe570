-- Lists of runners stay quick when a million of them are long gone: live ones, which are few, are read in the list's
-- order without the others; and a runner's page finds what happened to it.
CREATE INDEX runners_live_created_idx ON runners (created_at DESC, id DESC) WHERE status <> 'deleted';
CREATE INDEX audit_entries_runner_idx ON audit_entries (target_id, at DESC, id DESC) WHERE target_kind = 'runner';
CREATE INDEX security_events_runner_idx ON security_events (runner_id, at DESC, id DESC) WHERE runner_id IS NOT NULL;
