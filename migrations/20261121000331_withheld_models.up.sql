-- Restricted models at LiteLLM (SPEC C15): what no approved request of a team allows is taken out of the lists that LiteLLM
-- has of the team and its keys, and put back when it is approved.

CREATE FUNCTION withheld_models(of_team uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY(SELECT DISTINCT m.model FROM restricted_models m JOIN teams t ON t.id = of_team
        WHERE (m.organization_id IS NULL OR m.organization_id = t.organization_id)
            AND NOT EXISTS (SELECT FROM access_requests r
                WHERE r.team_id = of_team AND r.kind = 'model' AND r.state = 'approved' AND r.value = to_jsonb(m.model))
        ORDER BY 1)
$$;

-- Notes that LiteLLM's lists of some teams, and of their keys that name a model, may be others now.
CREATE FUNCTION litellm_model_changed(of_team uuid, of_organization uuid, changed text) RETURNS void LANGUAGE plpgsql AS $$
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

CREATE FUNCTION litellm_restricted_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM litellm_model_changed(NULL, OLD.organization_id, OLD.model);
    ELSE
        PERFORM litellm_model_changed(NULL, NEW.organization_id, NEW.model);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER restricted_models_litellm AFTER INSERT OR DELETE ON restricted_models FOR EACH ROW
    EXECUTE FUNCTION litellm_restricted_changed();

CREATE FUNCTION litellm_approval_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM litellm_model_changed(NEW.team_id, NULL, NEW.value #>> '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER access_requests_litellm AFTER UPDATE OF state ON access_requests FOR EACH ROW
    WHEN (NEW.kind = 'model' AND (OLD.state = 'approved') <> (NEW.state = 'approved'))
    EXECUTE FUNCTION litellm_approval_changed();
