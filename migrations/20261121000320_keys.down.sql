DROP INDEX api_keys_of_team_idx;
DROP INDEX api_keys_ends_idx;
DROP INDEX api_keys_token_idx;
DROP TABLE key_spend_reads;
DROP TABLE key_spend_daily;
DROP TABLE key_policies;
