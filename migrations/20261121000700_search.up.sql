-- Searching from everywhere: what is found by its name is found in an index, however much of it there is.
CREATE INDEX projects_search_idx ON projects USING gin (lower(name) gin_trgm_ops);
CREATE INDEX runners_search_idx ON runners USING gin (lower(name) gin_trgm_ops) WHERE status <> 'deleted';
CREATE INDEX api_keys_search_idx ON api_keys USING gin (lower(name) gin_trgm_ops) WHERE revoked_at IS NULL;
