DROP TABLE runner_waits;
ALTER TABLE teams DROP waiting_list;
DROP INDEX runners_github_gone_idx;
