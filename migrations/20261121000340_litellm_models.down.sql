CREATE OR REPLACE FUNCTION litellm_user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(array_agg(kind), array_agg(instance), array_agg(object_id), array_agg(user_id))
        FROM litellm_objects WHERE kind = 'user' AND object_id = NEW.id;
        IF OLD.deactivated_at IS DISTINCT FROM NEW.deactivated_at THEN
            PERFORM litellm_touch(array_agg('key'::text), array_agg(litellm_instance), array_agg(id),
                array_agg('00000000-0000-0000-0000-000000000000'::uuid))
            FROM api_keys WHERE owner_id = NEW.id AND litellm_state IN ('active', 'revoking');
        END IF;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER litellm_instances_models ON litellm_instances;
DROP TRIGGER access_requests_litellm_gone ON access_requests;
DROP TRIGGER access_requests_litellm_new ON access_requests;
DROP TRIGGER access_requests_litellm ON access_requests;
DROP TRIGGER restricted_models_litellm_removed ON restricted_models;
DROP TRIGGER restricted_models_litellm_added ON restricted_models;
DROP FUNCTION litellm_offer_changed, litellm_approval_changed, litellm_restricted_changed, litellm_models_touch;
ALTER TABLE litellm_instances DROP COLUMN models;
