DROP INDEX runners_live_idx;
DROP TABLE runner_findings;
DROP TABLE sync_runs;
DROP TABLE sync_worker;
