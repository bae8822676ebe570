-- A pass every minute buries the few that did something. Those: it changed something or failed, is under way, or somebody
-- asked for it.
ALTER TABLE sync_runs ADD COLUMN notable boolean NOT NULL GENERATED ALWAYS AS
    (updated + deleted + errors > 0 OR error IS NOT NULL OR ended_at IS NULL OR requested_by IS NOT NULL) STORED;
CREATE INDEX sync_runs_notable_idx ON sync_runs (started_at DESC, id DESC) WHERE notable;
