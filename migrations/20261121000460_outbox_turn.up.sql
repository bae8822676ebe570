-- What is delivered next is found in the order of an index, however long the queue is.
DROP INDEX litellm_objects_due_idx;
CREATE INDEX litellm_objects_turn_idx ON litellm_objects (instance,
        array_position(ARRAY['team', 'user', 'member', 'key'], kind), changed_at, object_id, user_id)
    WHERE state IN ('pending', 'failed');
