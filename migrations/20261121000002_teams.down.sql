DROP TABLE project_members, projects, team_members, team_totals, teams;
DROP FUNCTION projects_count, team_members_count, teams_count;
