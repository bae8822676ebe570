-- When someone was last seen is written all the time and decides nothing: it must not make every
-- process forget who they are. What is kept in memory of a person (backend::Principal) is in this list.
DROP TRIGGER users_notify ON users;
CREATE TRIGGER users_notify
    AFTER UPDATE OF id, email, display_name, is_super_admin, is_auditor, can_use_jit, deactivated_at OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION notify_user();
