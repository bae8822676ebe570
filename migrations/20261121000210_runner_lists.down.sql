DROP INDEX security_events_runner_idx;
DROP INDEX audit_entries_runner_idx;
DROP INDEX runners_live_created_idx;
