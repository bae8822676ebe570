DROP TABLE personal_access_tokens, sessions, organization_members, user_identities, users, organizations;
