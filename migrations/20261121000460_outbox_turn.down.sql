DROP INDEX litellm_objects_turn_idx;
CREATE INDEX litellm_objects_due_idx ON litellm_objects (instance, due_at) WHERE state IN ('pending', 'failed');
