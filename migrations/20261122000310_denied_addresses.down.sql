ALTER TABLE user_identities DROP CONSTRAINT user_identities_email_denied_check, DROP COLUMN email_denied;
