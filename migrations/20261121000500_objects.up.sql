-- Teams, people, memberships and keys as Kubernetes objects (SPEC A).
--
-- The tables of teams, users and so on stay the only truth. `objects` is what clients of the Kubernetes API were told last:
-- it carries what they expect and the truth has not (versions, uids, labels, the words that were written), and is brought up
-- to date from notes that triggers leave in the writing transaction (`object_touches`). Whoever brings it up to date holds one
-- advisory lock until its commit, so that versions have no gaps and are seen in their order: a watch misses nothing.
-- Without a listener nothing is noted, and no change costs more than a look at one row.

CREATE TABLE objects_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The oldest version that a watch can go on from.
    kept_from bigint NOT NULL DEFAULT 1,
    -- A process with a listener has said so; a day after the last one stopped nothing is noted any more.
    in_use_until timestamptz
);
INSERT INTO objects_state DEFAULT VALUES;

CREATE FUNCTION objects_in_use() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(in_use_until > now(), false) FROM objects_state
$$;

CREATE TABLE objects (
    uid             uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('Team', 'User', 'TeamMemberAssociation', 'VirtualKey')),
    name            text NOT NULL COLLATE "C" CHECK (char_length(name) BETWEEN 1 AND 253),
    -- What it is about; none while it waits. No references: what is gone has to be told of.
    team_id         uuid,
    user_id         uuid,
    key_id          uuid,
    labels          jsonb NOT NULL DEFAULT '{}',
    annotations     jsonb NOT NULL DEFAULT '{}',
    managed_fields  jsonb NOT NULL DEFAULT '[]',
    -- The spec as somebody declared it; none for what the console, REST or a directory made.
    written         jsonb,
    manager         text,
    written_at      timestamptz,
    written_by      uuid REFERENCES users ON DELETE SET NULL,
    -- Why what was declared is not there yet: a reason and its words.
    waits           jsonb,
    tried_at        timestamptz,
    generation      bigint NOT NULL DEFAULT 1,
    -- 0: not told of yet.
    version         bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    -- Somebody deleted it, and LiteLLM has not confirmed.
    deleting_at     timestamptz,
    -- The organization's slug when it was told last.
    namespace       text NOT NULL,
    spec            jsonb NOT NULL DEFAULT '{}',
    status          jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT objects_name_key UNIQUE (kind, organization_id, name)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX objects_team_key ON objects (team_id) WHERE kind = 'Team' AND team_id IS NOT NULL;
CREATE UNIQUE INDEX objects_user_key ON objects (user_id, organization_id) WHERE kind = 'User' AND user_id IS NOT NULL;
CREATE UNIQUE INDEX objects_member_key ON objects (team_id, user_id) WHERE kind = 'TeamMemberAssociation' AND team_id IS NOT NULL;
CREATE UNIQUE INDEX objects_key_key ON objects (key_id) WHERE kind = 'VirtualKey' AND key_id IS NOT NULL;
CREATE INDEX objects_waiting_idx ON objects (tried_at NULLS FIRST) WHERE waits IS NOT NULL;
CREATE INDEX objects_waiting_by_idx ON objects (written_by) WHERE waits IS NOT NULL;
CREATE INDEX objects_deleting_idx ON objects (deleting_at) WHERE deleting_at IS NOT NULL;

-- What watches are told, in order.
CREATE TABLE object_changes (
    version         bigint PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT now(),
    what            text NOT NULL CHECK (what IN ('ADDED', 'MODIFIED', 'DELETED')),
    kind            text NOT NULL,
    organization_id uuid NOT NULL,
    team_id         uuid,
    user_id         uuid,
    -- Of what waits: who declared it.
    declared_by     uuid,
    object          jsonb NOT NULL,
    -- The labels before: a selector may have fitted then and not now.
    labels_before   jsonb
);
CREATE INDEX object_changes_at_idx ON object_changes (at);

-- The newest version of any object. No row of its own counts them: thousands of updates of one row in one transaction leave
-- as many dead versions of it to step over.
CREATE FUNCTION objects_version() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest((SELECT max(version) FROM object_changes), (SELECT kept_from FROM objects_state))
$$;

-- What `kubectl describe` prints as events.
CREATE TABLE object_events (
    id              uuid PRIMARY KEY,
    uid             uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    kind            text NOT NULL,
    name            text NOT NULL,
    team_id         uuid,
    user_id         uuid,
    declared_by     uuid,
    severity        text NOT NULL CHECK (severity IN ('Normal', 'Warning')),
    reason          text NOT NULL,
    message         text NOT NULL,
    count           integer NOT NULL DEFAULT 1,
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL
);
CREATE INDEX object_events_uid_idx ON object_events (uid, last_at);
CREATE INDEX object_events_list_idx ON object_events (organization_id, last_at);
CREATE INDEX object_events_last_idx ON object_events (last_at);

-- What changed and was not looked at yet. Without a key over its columns: two transactions that note the same thing must
-- not wait for each other.
CREATE TABLE object_touches (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- team, team_all (with its memberships), organization, person (with memberships), user, belonging, member, key, object
    what text NOT NULL,
    a    uuid NOT NULL,
    b    uuid
);
CREATE FUNCTION object_touches_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('guildhall_objects', '');
    RETURN NULL;
END $$;
CREATE TRIGGER object_touches_tell AFTER INSERT ON object_touches FOR EACH STATEMENT EXECUTE FUNCTION object_touches_tell();
CREATE TRIGGER object_changes_tell AFTER INSERT ON object_changes FOR EACH STATEMENT EXECUTE FUNCTION object_touches_tell();

CREATE FUNCTION objects_touch(what text, a uuid, b uuid DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF objects_in_use() THEN
        INSERT INTO object_touches (what, a, b) VALUES (what, a, b);
    END IF;
END $$;

CREATE FUNCTION objects_team() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.name, OLD.slug, OLD.status, OLD.organization_id) IS NOT DISTINCT FROM
        (NEW.name, NEW.slug, NEW.status, NEW.organization_id) THEN
        PERFORM objects_touch('team', NEW.id);
    ELSE
        PERFORM objects_touch('team_all', coalesce(NEW.id, OLD.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER teams_objects_new AFTER INSERT OR DELETE ON teams FOR EACH ROW EXECUTE FUNCTION objects_team();
CREATE TRIGGER teams_objects AFTER UPDATE ON teams FOR EACH ROW
    WHEN ((OLD.name, OLD.slug, OLD.status, OLD.organization_id, OLD.models, OLD.max_budget, OLD.budget_duration, OLD.tpm_limit,
            OLD.rpm_limit, OLD.litellm_instance)
        IS DISTINCT FROM (NEW.name, NEW.slug, NEW.status, NEW.organization_id, NEW.models, NEW.max_budget, NEW.budget_duration,
            NEW.tpm_limit, NEW.rpm_limit, NEW.litellm_instance))
    EXECUTE FUNCTION objects_team();

CREATE FUNCTION objects_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM objects_touch('member', coalesce(NEW.team_id, OLD.team_id), coalesce(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_objects_new AFTER INSERT OR DELETE ON team_members FOR EACH ROW EXECUTE FUNCTION objects_member();
CREATE TRIGGER team_members_objects AFTER UPDATE ON team_members FOR EACH ROW
    WHEN ((OLD.role, OLD.max_budget, OLD.expires_at, OLD.admin_until)
        IS DISTINCT FROM (NEW.role, NEW.max_budget, NEW.expires_at, NEW.admin_until))
    EXECUTE FUNCTION objects_member();

CREATE FUNCTION objects_belonging() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM objects_touch('belonging', coalesce(NEW.organization_id, OLD.organization_id), coalesce(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER organization_members_objects AFTER INSERT OR DELETE ON organization_members
    FOR EACH ROW EXECUTE FUNCTION objects_belonging();

CREATE FUNCTION objects_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM objects_touch('person', OLD.id);
    RETURN NULL;
END $$;
CREATE TRIGGER users_objects AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.email, OLD.display_name, OLD.deactivated_at) IS DISTINCT FROM (NEW.email, NEW.display_name, NEW.deactivated_at))
    EXECUTE FUNCTION objects_user();
CREATE TRIGGER users_objects_gone AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION objects_user();

CREATE FUNCTION objects_organization() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM objects_touch('organization', NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_objects AFTER UPDATE ON organizations FOR EACH ROW
    WHEN (OLD.slug IS DISTINCT FROM NEW.slug) EXECUTE FUNCTION objects_organization();

CREATE FUNCTION objects_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM objects_touch('key', coalesce(NEW.id, OLD.id));
    RETURN NULL;
END $$;
CREATE TRIGGER api_keys_objects_new AFTER INSERT OR DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION objects_key();
CREATE TRIGGER api_keys_objects AFTER UPDATE ON api_keys FOR EACH ROW
    WHEN ((OLD.name, OLD.prefix, OLD.expires_at, OLD.revoked_at, OLD.replaced_by, OLD.litellm_state, OLD.models, OLD.max_budget,
            OLD.soft_budget, OLD.budget_duration, OLD.tpm_limit, OLD.rpm_limit, OLD.tags, OLD.spend)
        IS DISTINCT FROM (NEW.name, NEW.prefix, NEW.expires_at, NEW.revoked_at, NEW.replaced_by, NEW.litellm_state, NEW.models,
            NEW.max_budget, NEW.soft_budget, NEW.budget_duration, NEW.tpm_limit, NEW.rpm_limit, NEW.tags, NEW.spend))
    EXECUTE FUNCTION objects_key();

-- How it stands at LiteLLM is what `Ready` says.
CREATE FUNCTION objects_litellm() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    o litellm_objects := coalesce(NEW, OLD);
BEGIN
    PERFORM objects_touch(CASE o.kind WHEN 'member' THEN 'membership' ELSE o.kind END, o.object_id, o.user_id);
    RETURN NULL;
END $$;
CREATE TRIGGER litellm_objects_objects_new AFTER INSERT OR DELETE ON litellm_objects FOR EACH ROW EXECUTE FUNCTION objects_litellm();
CREATE TRIGGER litellm_objects_objects AFTER UPDATE ON litellm_objects FOR EACH ROW
    WHEN ((OLD.state, OLD.last_error) IS DISTINCT FROM (NEW.state, NEW.last_error)) EXECUTE FUNCTION objects_litellm();

-- A team that was deleted over the Kubernetes API goes from LiteLLM, too (SPEC X15); restored, it comes back there.
ALTER TABLE teams ADD COLUMN litellm_withdrawn boolean NOT NULL DEFAULT false;
CREATE FUNCTION teams_not_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.litellm_withdrawn := false;
    RETURN NEW;
END $$;
CREATE TRIGGER teams_not_withdrawn BEFORE UPDATE OF status ON teams FOR EACH ROW
    WHEN (OLD.status = 'archived' AND NEW.status <> 'archived') EXECUTE FUNCTION teams_not_withdrawn();

-- What a manifest says of a person at LiteLLM (SPEC A11, A16); it grants nothing here.
CREATE TABLE litellm_people (
    user_id         uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    role            text,
    max_budget      numeric CHECK (max_budget >= 0),
    tpm_limit       bigint CHECK (tpm_limit >= 0),
    rpm_limit       bigint CHECK (rpm_limit >= 0)
);
CREATE FUNCTION litellm_people_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM litellm_touch(array_agg(kind), array_agg(instance), array_agg(object_id), array_agg(user_id))
    FROM litellm_objects WHERE kind = 'user' AND object_id = coalesce(NEW.user_id, OLD.user_id);
    RETURN NULL;
END $$;
CREATE TRIGGER litellm_people_changed AFTER INSERT OR UPDATE OR DELETE ON litellm_people
    FOR EACH ROW EXECUTE FUNCTION litellm_people_changed();
