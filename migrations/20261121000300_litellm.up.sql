-- LiteLLM (SPEC C, X14): which instances there are, and what each of them must know.
--
-- `litellm_objects` is the outbox, kept by state and not by event: a row is a thing (a team, a person, a membership, a key)
-- and says which version of the truth is wanted and which one the instance has. Whoever delivers reads the truth when it
-- delivers, so that an order of changes can neither be mixed up nor repeated. Triggers write it in the writing
-- transaction: no door can forget to.

CREATE TABLE litellm_instances (
    name          text PRIMARY KEY CHECK (char_length(name) BETWEEN 1 AND 63),
    namespace     text NOT NULL,
    -- Without credentials; the key is only ever in the configuration.
    url           text NOT NULL,
    is_default    boolean NOT NULL DEFAULT false,
    configured_at timestamptz NOT NULL DEFAULT now(),
    -- No longer configured: nothing is delivered, nothing more is noted.
    removed_at    timestamptz
);
CREATE UNIQUE INDEX litellm_instances_default_key ON litellm_instances (is_default) WHERE is_default AND removed_at IS NULL;

ALTER TABLE teams
    -- The instance of this team; NULL is the default one (SPEC X14).
    ADD COLUMN litellm_instance text REFERENCES litellm_instances ON DELETE SET NULL;

CREATE TABLE litellm_objects (
    instance      text NOT NULL REFERENCES litellm_instances ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('team', 'user', 'member', 'key')),
    -- The team, person or key; of a membership the team. No reference: what is gone here has to go there, too.
    object_id     uuid NOT NULL,
    -- The member of a membership; nil otherwise.
    user_id       uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    wanted        bigint NOT NULL DEFAULT 1,
    synced        bigint NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'failed', 'parked', 'synced')),
    -- Tries since the last change or success.
    attempts      integer NOT NULL DEFAULT 0,
    -- When the change happened that is not there yet: the order of delivery.
    changed_at    timestamptz NOT NULL DEFAULT now(),
    due_at        timestamptz NOT NULL DEFAULT now(),
    -- Somebody is at it until then; a crash lets it go.
    claimed_until timestamptz,
    synced_at     timestamptz,
    -- Why the last try did not work.
    last_error    text,
    -- What the instance could not take as it is, such as a role that needs a licence.
    note          text,
    PRIMARY KEY (instance, kind, object_id, user_id)
) WITH (fillfactor = 85);
CREATE INDEX litellm_objects_due_idx ON litellm_objects (instance, due_at) WHERE state IN ('pending', 'failed');
CREATE INDEX litellm_objects_object_idx ON litellm_objects (object_id, user_id);
CREATE INDEX litellm_objects_list_idx ON litellm_objects (state, changed_at DESC, object_id, user_id);

-- Notes that things changed. Rows are taken in one order, so that two transactions cannot wait for each other.
CREATE FUNCTION litellm_touch(kinds text[], instances text[], objects uuid[], users uuid[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO litellm_objects AS o (kind, instance, object_id, user_id)
    SELECT DISTINCT kind, i.name, object, member
    FROM unnest(kinds, instances, objects, users) AS touched(kind, instance, object, member)
        JOIN litellm_instances i ON i.removed_at IS NULL
            AND (i.name = touched.instance OR (touched.instance IS NULL AND i.is_default))
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (instance, kind, object_id, user_id) DO UPDATE SET
        wanted = o.wanted + 1, attempts = 0, due_at = now(),
        changed_at = CASE WHEN o.state = 'synced' THEN now() ELSE o.changed_at END, state = 'pending';
$$;

-- Whether there is anything to tell; without an instance no change costs more than this.
CREATE FUNCTION litellm_listens() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM litellm_instances WHERE removed_at IS NULL)
$$;

CREATE FUNCTION litellm_team_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    nil CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(ARRAY['team'], ARRAY[NEW.litellm_instance], ARRAY[NEW.id], ARRAY[nil]);
        IF TG_OP = 'UPDATE' AND OLD.litellm_instance IS DISTINCT FROM NEW.litellm_instance THEN
            -- It leaves one instance, and its people and memberships come to the other.
            PERFORM litellm_touch(ARRAY['team'], ARRAY[OLD.litellm_instance], ARRAY[NEW.id], ARRAY[nil]);
            PERFORM litellm_touch(array_agg('user'::text), array_agg(NEW.litellm_instance), array_agg(user_id), array_agg(nil)),
                litellm_touch(array_agg('member'::text), array_agg(NEW.litellm_instance), array_agg(team_id), array_agg(user_id))
            FROM team_members WHERE team_id = NEW.id;
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER teams_litellm_new AFTER INSERT ON teams FOR EACH ROW EXECUTE FUNCTION litellm_team_changed();
CREATE TRIGGER teams_litellm AFTER UPDATE ON teams FOR EACH ROW
    WHEN ((OLD.name, OLD.status, OLD.organization_id, OLD.models, OLD.max_budget, OLD.budget_duration, OLD.tpm_limit,
            OLD.rpm_limit, OLD.litellm_instance)
        IS DISTINCT FROM (NEW.name, NEW.status, NEW.organization_id, NEW.models, NEW.max_budget, NEW.budget_duration,
            NEW.tpm_limit, NEW.rpm_limit, NEW.litellm_instance))
    EXECUTE FUNCTION litellm_team_changed();

-- A team without models of its own has its organization's.
CREATE FUNCTION litellm_organization_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(array_agg('team'::text), array_agg(litellm_instance), array_agg(id),
            array_agg('00000000-0000-0000-0000-000000000000'::uuid))
        FROM teams WHERE organization_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_litellm AFTER UPDATE ON organizations FOR EACH ROW
    WHEN (OLD.models IS DISTINCT FROM NEW.models) EXECUTE FUNCTION litellm_organization_changed();

CREATE FUNCTION litellm_users_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(array_agg('user'::text), array_agg(NULL::text), array_agg(id),
            array_agg('00000000-0000-0000-0000-000000000000'::uuid))
        FROM changed;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_litellm_new AFTER INSERT ON users
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION litellm_users_added();

-- On every instance that knows the person. Whether their keys work may have changed with it.
CREATE FUNCTION litellm_user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER users_litellm AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.email, OLD.display_name, OLD.deactivated_at, OLD.is_super_admin)
        IS DISTINCT FROM (NEW.email, NEW.display_name, NEW.deactivated_at, NEW.is_super_admin))
    EXECUTE FUNCTION litellm_user_changed();

-- A membership, and before it the person on the team's instance.
CREATE FUNCTION litellm_members_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF litellm_listens() THEN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO litellm_objects (kind, instance, object_id)
            SELECT DISTINCT 'user', i.name, c.user_id
            FROM changed c JOIN teams t ON t.id = c.team_id
                JOIN litellm_instances i ON i.name = t.litellm_instance AND i.removed_at IS NULL
            ORDER BY 1, 2, 3
            ON CONFLICT (instance, kind, object_id, user_id) DO NOTHING;
        END IF;
        PERFORM litellm_touch(array_agg('member'::text), array_agg(t.litellm_instance), array_agg(c.team_id), array_agg(c.user_id))
        FROM changed c JOIN teams t ON t.id = c.team_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_litellm_added AFTER INSERT ON team_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION litellm_members_changed();
CREATE TRIGGER team_members_litellm_removed AFTER DELETE ON team_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION litellm_members_changed();
CREATE FUNCTION litellm_member_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF litellm_listens() THEN
        PERFORM litellm_touch(ARRAY['member'], ARRAY[litellm_instance], ARRAY[NEW.team_id], ARRAY[NEW.user_id])
        FROM teams WHERE id = NEW.team_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_litellm AFTER UPDATE ON team_members FOR EACH ROW
    WHEN (OLD.role IS DISTINCT FROM NEW.role) EXECUTE FUNCTION litellm_member_changed();

-- Keys that LiteLLM makes (SPEC C8). Guildhall's own project keys have no instance.
ALTER TABLE api_keys
    ADD COLUMN litellm_instance text REFERENCES litellm_instances,
    -- pending: LiteLLM has not made it yet. active: it has. revoking: it may still let it in. gone: it refuses it.
    ADD COLUMN litellm_state text CHECK (litellm_state IN ('pending', 'active', 'revoking', 'gone')),
    -- Our name for it there, which finds it again when an answer was lost.
    ADD COLUMN litellm_alias text,
    -- Its name for it: the SHA-256 of the key, in hexadecimal digits.
    ADD COLUMN litellm_token text,
    -- Somebody is making it until then; the first to come after that cleans up first.
    ADD COLUMN making_until timestamptz,
    ADD COLUMN models text[] NOT NULL DEFAULT '{}',
    ADD COLUMN max_budget numeric CHECK (max_budget >= 0),
    ADD COLUMN soft_budget numeric CHECK (soft_budget >= 0),
    ADD COLUMN budget_duration text,
    ADD COLUMN tpm_limit bigint CHECK (tpm_limit >= 0),
    ADD COLUMN rpm_limit bigint CHECK (rpm_limit >= 0),
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    -- What else LiteLLM was told: guardrails, metadata, limits per model.
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
    -- As LiteLLM said last.
    ADD COLUMN spend numeric NOT NULL DEFAULT 0,
    ADD COLUMN spend_at timestamptz,
    ALTER COLUMN key_hash DROP NOT NULL,
    ADD CONSTRAINT api_keys_litellm CHECK ((litellm_instance IS NULL) = (litellm_state IS NULL)),
    ADD CONSTRAINT api_keys_secret CHECK (key_hash IS NOT NULL OR litellm_state IS DISTINCT FROM 'active'),
    DROP CONSTRAINT api_keys_name_check,
    ADD CONSTRAINT api_keys_name_check CHECK (char_length(name) BETWEEN 1 AND 255);
CREATE UNIQUE INDEX api_keys_alias_key ON api_keys (litellm_instance, litellm_alias);
CREATE INDEX api_keys_owned_idx ON api_keys (owner_id, created_at DESC, id DESC);
CREATE INDEX api_keys_open_idx ON api_keys (litellm_state) WHERE litellm_state IN ('pending', 'revoking');
DROP INDEX api_keys_name_key;
-- Names are unique in a project. People may call their own keys what they like.
CREATE UNIQUE INDEX api_keys_name_key ON api_keys (team_id, project_id, lower(name))
    WHERE revoked_at IS NULL AND replaced_by IS NULL AND project_id IS NOT NULL;

CREATE FUNCTION litellm_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM litellm_touch(ARRAY['key'], ARRAY[NEW.litellm_instance], ARRAY[NEW.id],
        ARRAY['00000000-0000-0000-0000-000000000000'::uuid]);
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_litellm AFTER UPDATE ON api_keys FOR EACH ROW
    WHEN (NEW.litellm_instance IS NOT NULL AND NEW.litellm_state IN ('active', 'revoking')
        AND (OLD.revoked_at, OLD.expires_at, OLD.models, OLD.max_budget, OLD.soft_budget, OLD.budget_duration, OLD.tpm_limit,
            OLD.rpm_limit, OLD.tags, OLD.details, OLD.litellm_state)
        IS DISTINCT FROM (NEW.revoked_at, NEW.expires_at, NEW.models, NEW.max_budget, NEW.soft_budget, NEW.budget_duration,
            NEW.tpm_limit, NEW.rpm_limit, NEW.tags, NEW.details, NEW.litellm_state)
        AND NOT (OLD.litellm_state = 'pending' AND NEW.litellm_state = 'active'))
    EXECUTE FUNCTION litellm_key_changed();
-- A key that is deleted with its team or project would go on working there.
CREATE FUNCTION litellm_key_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO litellm_orphan_keys (instance, alias, token) VALUES (OLD.litellm_instance, OLD.litellm_alias, OLD.litellm_token)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TABLE litellm_orphan_keys (
    instance   text NOT NULL REFERENCES litellm_instances ON DELETE CASCADE,
    alias      text NOT NULL,
    token      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT now(),
    last_error text,
    PRIMARY KEY (instance, alias)
);
CREATE TRIGGER api_keys_litellm_deleted AFTER DELETE ON api_keys FOR EACH ROW
    WHEN (OLD.litellm_instance IS NOT NULL AND OLD.litellm_state <> 'gone') EXECUTE FUNCTION litellm_key_deleted();
-- A revoked key is on its way out there from that moment, whoever revoked it.
CREATE FUNCTION litellm_key_revoking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Without a secret there is nothing to refuse, unless one is being made right now.
    NEW.litellm_state := CASE WHEN OLD.litellm_state = 'pending' AND OLD.making_until IS NULL THEN 'gone' ELSE 'revoking' END;
    RETURN NEW;
END $$;
CREATE TRIGGER api_keys_litellm_revoking BEFORE UPDATE OF revoked_at ON api_keys FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL AND NEW.litellm_state IN ('pending', 'active'))
    EXECUTE FUNCTION litellm_key_revoking();
