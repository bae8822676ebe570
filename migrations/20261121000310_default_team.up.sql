-- The Default Team (SPEC C1, X4, X13): everyone belongs to it, so that everyone has a team whose keys LiteLLM knows. It
-- counts for nothing else. Its row is the one that LiteMaaS's migration makes.

ALTER TABLE teams
    -- What machines note of a team; people see none of it.
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';

-- How many members it has. Each sign-up changes that, and a lock on this one row until the transaction ends would let
-- people sign up one after another, and could meet the locks of other teams crosswise. So its number alone is settled
-- when the transaction commits: the row is locked last, and for that moment. The rows of this table live no longer than
-- the transaction that writes them, and nobody else ever sees them.
CREATE UNLOGGED TABLE default_team_changes (
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id   bigint GENERATED ALWAYS AS IDENTITY,
    n    integer NOT NULL,
    PRIMARY KEY (txid, id)
);
CREATE FUNCTION default_team_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    delta integer;
BEGIN
    -- The transaction's first change does it for all of them.
    WITH mine AS (DELETE FROM default_team_changes WHERE txid = NEW.txid RETURNING n)
    SELECT coalesce(sum(n), 0) INTO delta FROM mine;
    IF delta <> 0 THEN
        UPDATE teams SET member_count = member_count + delta WHERE id = 'a0000000-0000-4000-8000-000000000001';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER default_team_count AFTER INSERT ON default_team_changes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION default_team_count();

CREATE OR REPLACE FUNCTION team_members_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    default_team CONSTANT uuid := 'a0000000-0000-4000-8000-000000000001';
BEGIN
    UPDATE teams SET member_count = member_count + CASE TG_OP WHEN 'INSERT' THEN delta.n ELSE -delta.n END
    FROM (SELECT team_id, count(*)::integer AS n FROM changed WHERE team_id <> default_team GROUP BY team_id) delta
    WHERE teams.id = delta.team_id;
    INSERT INTO default_team_changes (n)
    SELECT CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed WHERE team_id = default_team
    HAVING count(*) > 0;
    RETURN NULL;
END $$;

-- A team that has its name or alias already makes way, as a second team of that name would: it gets the next free number
-- and keeps everything else. What it was called is noted, for the way back.
DO $$
DECLARE
    home CONSTANT uuid := '00000000-0000-4000-8000-000000000001';
    default_team CONSTANT uuid := 'a0000000-0000-4000-8000-000000000001';
    other record;
    new_name text;
    new_slug text;
BEGIN
    FOR other IN SELECT id, name, slug FROM teams
        WHERE organization_id = home AND status <> 'archived' AND id <> default_team
            AND (lower(name) = 'default team' OR slug = 'default-team')
    LOOP
        new_name := other.name;
        IF lower(other.name) = 'default team' THEN
            SELECT other.name || ' (' || n || ')' INTO new_name FROM generate_series(2, 100000) n
            WHERE NOT EXISTS (SELECT FROM teams WHERE organization_id = home AND status <> 'archived'
                AND lower(name) = lower(other.name || ' (' || n || ')')) ORDER BY n LIMIT 1;
        END IF;
        new_slug := other.slug;
        IF other.slug = 'default-team' THEN
            SELECT 'default-team-' || n INTO new_slug FROM generate_series(2, 100000) n
            WHERE NOT EXISTS (SELECT FROM teams WHERE organization_id = home AND status <> 'archived'
                AND slug = 'default-team-' || n) ORDER BY n LIMIT 1;
        END IF;
        UPDATE teams SET name = new_name, slug = new_slug, updated_at = now(),
            metadata = jsonb_build_object('before_default_team', jsonb_build_object('name', other.name, 'slug', other.slug))
        WHERE id = other.id;
        INSERT INTO audit_entries (id, at, actor, method, action, organization_id, team_id, target_kind, target_id, target,
            before, after)
        VALUES (gen_random_uuid(), now(), 'migration', 'system', 'team.update', home, other.id, 'team', other.id::text, new_name,
            jsonb_build_object('name', other.name, 'slug', other.slug), jsonb_build_object('name', new_name, 'slug', new_slug));
    END LOOP;
END $$;

INSERT INTO teams (id, organization_id, name, slug, description, is_system, runners_enabled, max_budget, budget_duration,
    tpm_limit, rpm_limit, models, metadata)
VALUES ('a0000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', 'Default Team', 'default-team',
    'Default team for all users until team management is implemented', true, false, 10000.00, '1mo', 50000, 1000, '{}',
    '{"auto_created": true, "default_team": true, "created_by": "system"}')
ON CONFLICT (id) DO NOTHING;

-- Everyone who is in no team (SPEC C4): one that is archived, or a membership that has ended, is none.
INSERT INTO team_members (team_id, user_id, role)
SELECT 'a0000000-0000-4000-8000-000000000001', u.id, 'member' FROM users u
WHERE NOT EXISTS (SELECT FROM current_team_members m JOIN teams t ON t.id = m.team_id
    WHERE m.user_id = u.id AND t.status <> 'archived')
ON CONFLICT (team_id, user_id) DO NOTHING;
