-- What is over is deleted after a while: found without reading the whole tables.
CREATE INDEX runner_waits_over_idx ON runner_waits (updated_at) WHERE state NOT IN ('waiting', 'ready');
CREATE INDEX workflow_jobs_queued_idx ON workflow_jobs (received_at) WHERE status = 'queued';
