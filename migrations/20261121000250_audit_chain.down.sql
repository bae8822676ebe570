DROP TABLE audit_chain;
DROP TRIGGER audit_entries_wait ON audit_entries;
DROP FUNCTION audit_entries_wait();
DROP TABLE audit_unsealed;
DROP INDEX security_events_who_idx, security_events_severity_idx, audit_entries_search_idx, audit_entries_failed_idx,
    audit_entries_target_idx, audit_entries_who_idx, audit_entries_action_idx, audit_entries_organization_idx;
ALTER TABLE audit_entries DROP COLUMN oidc_sub;
