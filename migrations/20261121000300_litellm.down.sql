-- Keys that LiteLLM made end here, too: without these columns nobody could tell them from project keys.
DELETE FROM api_keys WHERE litellm_instance IS NOT NULL;
DROP TRIGGER api_keys_litellm_revoking ON api_keys;
DROP TRIGGER api_keys_litellm_deleted ON api_keys;
DROP TRIGGER api_keys_litellm ON api_keys;
DROP TRIGGER team_members_litellm ON team_members;
DROP TRIGGER team_members_litellm_removed ON team_members;
DROP TRIGGER team_members_litellm_added ON team_members;
DROP TRIGGER users_litellm ON users;
DROP TRIGGER users_litellm_new ON users;
DROP TRIGGER organizations_litellm ON organizations;
DROP TRIGGER teams_litellm ON teams;
DROP TRIGGER teams_litellm_new ON teams;
DROP FUNCTION litellm_key_revoking, litellm_key_deleted, litellm_key_changed, litellm_member_changed, litellm_members_changed,
    litellm_user_changed, litellm_users_added, litellm_organization_changed, litellm_team_changed, litellm_listens,
    litellm_touch;
DROP INDEX api_keys_name_key, api_keys_alias_key, api_keys_owned_idx, api_keys_open_idx;
ALTER TABLE api_keys DROP COLUMN litellm_instance, DROP COLUMN litellm_state, DROP COLUMN litellm_alias, DROP COLUMN litellm_token,
    DROP COLUMN making_until, DROP COLUMN models, DROP COLUMN max_budget, DROP COLUMN soft_budget, DROP COLUMN budget_duration,
    DROP COLUMN tpm_limit, DROP COLUMN rpm_limit, DROP COLUMN tags, DROP COLUMN details, DROP COLUMN spend, DROP COLUMN spend_at,
    ALTER COLUMN key_hash SET NOT NULL,
    DROP CONSTRAINT api_keys_name_check,
    ADD CONSTRAINT api_keys_name_check CHECK (char_length(name) BETWEEN 1 AND 100);
CREATE UNIQUE INDEX api_keys_name_key ON api_keys (team_id, project_id, lower(name)) NULLS NOT DISTINCT
    WHERE revoked_at IS NULL AND replaced_by IS NULL;
ALTER TABLE teams DROP COLUMN litellm_instance;
DROP TABLE litellm_orphan_keys, litellm_objects, litellm_instances;
