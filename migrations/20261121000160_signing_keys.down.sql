DROP TRIGGER user_identities_notify ON user_identities;
DROP FUNCTION notify_identities();
DROP TRIGGER projects_notify_delete ON projects;
DROP TRIGGER projects_notify_update ON projects;
DROP FUNCTION notify_project();
DROP TABLE signing_keys;
DROP FUNCTION notify_signing_keys();
