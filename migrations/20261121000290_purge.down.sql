DROP INDEX runner_waits_over_idx;
DROP INDEX workflow_jobs_queued_idx;
