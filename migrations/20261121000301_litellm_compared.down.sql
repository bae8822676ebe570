DROP TABLE litellm_differences, litellm_comparisons;
DROP INDEX litellm_objects_state_idx, litellm_objects_list_idx;
CREATE INDEX litellm_objects_list_idx ON litellm_objects (state, changed_at DESC, object_id, user_id);
ALTER TABLE litellm_objects DROP COLUMN id;
