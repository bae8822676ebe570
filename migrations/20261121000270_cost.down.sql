DROP INDEX workflow_jobs_running_idx;
DROP TABLE runner_label_prices;
