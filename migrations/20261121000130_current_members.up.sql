-- Who belongs to a team now: the one place for the rule that a membership, or the role of an admin, which has ended
-- gives nothing from that second on, whether or not the job that tidies it away has come by. Whatever decides or shows
-- rights reads these views; only the job, and what writes, reads the table.
--
-- The time is the statement's, not the transaction's: who waited for a lock has the rights of afterwards.

CREATE VIEW current_team_members AS
SELECT team_id, user_id,
    CASE WHEN admin_until <= statement_timestamp() THEN 'member' ELSE role END AS role,
    source, joined_at, added_by, expires_at,
    CASE WHEN admin_until > statement_timestamp() THEN admin_until END AS admin_until
FROM team_members
WHERE expires_at IS NULL OR expires_at > statement_timestamp();

-- Those who can act as a team's admin: the guard of the last one (SPEC D5), and the flag of a team without (D12).
-- A view of its own, so that its condition is that of the index of admins.
CREATE VIEW current_team_admins AS
SELECT m.team_id, m.user_id, m.expires_at IS NULL AND m.admin_until IS NULL AS without_end
FROM team_members m JOIN users u ON u.id = m.user_id
WHERE m.role = 'admin' AND u.deactivated_at IS NULL
    AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp())
    AND (m.admin_until IS NULL OR m.admin_until > statement_timestamp());
