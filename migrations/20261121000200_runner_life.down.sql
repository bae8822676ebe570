DROP TABLE security_events, workflow_jobs, runner_history;
DROP TRIGGER runners_history_update ON runners;
DROP TRIGGER runners_history_insert ON runners;
DROP TRIGGER runners_state_since ON runners;
DROP FUNCTION runners_history, runners_state_since;
-- Runners of programs have no person to fall back to.
DELETE FROM runners WHERE machine_client_id IS NOT NULL;
ALTER TABLE runners
    DROP CONSTRAINT runners_owner_check,
    DROP machine_client_id,
    DROP state_since,
    DROP last_seen_at,
    ALTER provisioned_by SET NOT NULL;
DROP INDEX runners_github_idx;
DROP TABLE machine_clients;
