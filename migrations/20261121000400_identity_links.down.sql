-- What links gave stays with the people who have it.
DROP TABLE runtime_settings;
DROP TABLE directory_syncs;
DROP TABLE directory_people;
DROP TABLE identity_link_events;
DROP TABLE identity_link_members;
DROP TRIGGER teams_move_identity_links ON teams;
DROP FUNCTION identity_links_move;
DROP TABLE identity_links;
