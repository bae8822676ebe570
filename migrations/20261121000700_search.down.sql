DROP INDEX api_keys_search_idx;
DROP INDEX runners_search_idx;
DROP INDEX projects_search_idx;
