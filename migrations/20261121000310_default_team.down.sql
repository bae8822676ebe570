-- Guildhall's own keys of the team end with it; LiteLLM hears of those that it made.
DELETE FROM teams WHERE id = 'a0000000-0000-4000-8000-000000000001';
-- Its members are gone with it; what is still to be settled about their number is settled now.
SET CONSTRAINTS default_team_count IMMEDIATE;

CREATE OR REPLACE FUNCTION team_members_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE teams SET member_count = member_count + CASE TG_OP WHEN 'INSERT' THEN delta.n ELSE -delta.n END
    FROM (SELECT team_id, count(*)::integer AS n FROM changed GROUP BY team_id) delta
    WHERE teams.id = delta.team_id;
    RETURN NULL;
END $$;
DROP TABLE default_team_changes;
DROP FUNCTION default_team_count;

-- Who made way gets name and alias back, unless somebody took them, or it was renamed since.
UPDATE teams t SET name = t.metadata #>> '{before_default_team,name}', updated_at = now()
WHERE t.metadata ? 'before_default_team' AND lower(t.name) LIKE 'default team (%' AND t.status <> 'archived'
    AND NOT EXISTS (SELECT FROM teams o WHERE o.organization_id = t.organization_id AND o.status <> 'archived'
        AND o.id <> t.id AND lower(o.name) = lower(t.metadata #>> '{before_default_team,name}'));
UPDATE teams t SET slug = t.metadata #>> '{before_default_team,slug}'
WHERE t.metadata ? 'before_default_team' AND t.slug LIKE 'default-team-%' AND t.status <> 'archived'
    AND NOT EXISTS (SELECT FROM teams o WHERE o.organization_id = t.organization_id AND o.status <> 'archived'
        AND o.id <> t.id AND o.slug = t.metadata #>> '{before_default_team,slug}');
ALTER TABLE teams DROP COLUMN metadata;
