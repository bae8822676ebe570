DROP TRIGGER teams_notify_policy ON teams;
DROP TABLE team_services, services;
DROP FUNCTION notify_team_policy, notify_services, notify_team_services, notify_policies(uuid[]);
