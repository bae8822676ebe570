DROP VIEW current_team_admins;
DROP VIEW current_team_members;
