-- Restricted models (SPEC C15) at LiteLLM, where a team may use all there are but some: LiteLLM has no word for that, so it
-- is told a list of the others, and it has to be known which there are.

ALTER TABLE litellm_instances
    -- The models that it offers, by name, as it said last; NULL until it was asked.
    ADD COLUMN models text[];

-- As before, and teams that have no list and mean the model by that; and a key that is being made at this moment.
CREATE OR REPLACE FUNCTION litellm_model_changed(of_team uuid, of_organization uuid, changed text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(array_agg('team'::text), array_agg(t.litellm_instance), array_agg(t.id), array_agg(nil))
        FROM teams t
        WHERE (of_team IS NULL OR t.id = of_team) AND (of_organization IS NULL OR t.organization_id = of_organization)
            AND (t.models = '{}' OR t.models && ARRAY[changed, 'all-org-models', 'all-proxy-models']);
        PERFORM litellm_touch(array_agg('key'::text), array_agg(k.litellm_instance), array_agg(k.id), array_agg(nil))
        FROM api_keys k JOIN teams t ON t.id = k.team_id
        WHERE (of_team IS NULL OR t.id = of_team) AND (of_organization IS NULL OR t.organization_id = of_organization)
            AND (k.litellm_state = 'active' OR k.litellm_state = 'pending' AND k.making_until IS NOT NULL)
            AND changed = ANY(k.models);
    END IF;
END $$;

-- An approval that goes with the person who asked for it.
CREATE FUNCTION litellm_approval_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM litellm_model_changed(OLD.team_id, NULL, OLD.value #>> '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER access_requests_litellm_gone AFTER DELETE ON access_requests FOR EACH ROW
    WHEN (OLD.kind = 'model' AND OLD.state = 'approved') EXECUTE FUNCTION litellm_approval_gone();

-- Models that an instance offers, or no longer does: the teams whose list is made of them.
CREATE FUNCTION litellm_offer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM litellm_touch(array_agg('team'::text), array_agg(NEW.name), array_agg(t.id),
        array_agg('00000000-0000-0000-0000-000000000000'::uuid))
    FROM teams t JOIN organizations o ON o.id = t.organization_id
    WHERE (t.litellm_instance = NEW.name OR (t.litellm_instance IS NULL AND NEW.is_default))
        AND EXISTS (SELECT FROM restricted_models r WHERE r.organization_id IS NULL OR r.organization_id = t.organization_id)
        AND (t.models = '{}' OR t.models && ARRAY['all-org-models', 'all-proxy-models'])
        AND (o.models = '{}' OR o.models && ARRAY['all-proxy-models']);
    RETURN NULL;
END $$;
CREATE TRIGGER litellm_instances_models AFTER UPDATE OF models ON litellm_instances FOR EACH ROW
    WHEN (OLD.models IS NOT NULL AND OLD.models IS DISTINCT FROM NEW.models) EXECUTE FUNCTION litellm_offer_changed();

-- A key that is being made while its owner's account ends is told of, too: when LiteLLM has it, it is blocked there.
CREATE OR REPLACE FUNCTION litellm_user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(array_agg(kind), array_agg(instance), array_agg(object_id), array_agg(user_id))
        FROM litellm_objects WHERE kind = 'user' AND object_id = NEW.id;
        IF OLD.deactivated_at IS DISTINCT FROM NEW.deactivated_at THEN
            PERFORM litellm_touch(array_agg('key'::text), array_agg(litellm_instance), array_agg(id),
                array_agg('00000000-0000-0000-0000-000000000000'::uuid))
            FROM api_keys WHERE owner_id = NEW.id AND (litellm_state IN ('active', 'revoking')
                OR litellm_state = 'pending' AND making_until IS NOT NULL);
        END IF;
    END IF;
    RETURN NULL;
END $$;
