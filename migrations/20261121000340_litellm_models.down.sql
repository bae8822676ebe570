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
DROP FUNCTION litellm_offer_changed, litellm_approval_gone;
CREATE OR REPLACE FUNCTION litellm_model_changed(of_team uuid, of_organization uuid, changed text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(array_agg('team'::text), array_agg(t.litellm_instance), array_agg(t.id), array_agg(nil))
        FROM teams t JOIN organizations o ON o.id = t.organization_id
        WHERE (of_team IS NULL OR t.id = of_team) AND (of_organization IS NULL OR t.organization_id = of_organization)
            AND (changed = ANY(t.models) OR changed = ANY(o.models));
        PERFORM litellm_touch(array_agg('key'::text), array_agg(k.litellm_instance), array_agg(k.id), array_agg(nil))
        FROM api_keys k JOIN teams t ON t.id = k.team_id
        WHERE (of_team IS NULL OR t.id = of_team) AND (of_organization IS NULL OR t.organization_id = of_organization)
            AND k.litellm_state = 'active' AND changed = ANY(k.models);
    END IF;
END $$;
ALTER TABLE litellm_instances DROP COLUMN models;
