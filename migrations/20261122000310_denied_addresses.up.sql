-- Many providers, Microsoft Entra ID among them, say nothing of whether an email is verified. Only where one says outright
-- that it is not, the address gives its account nothing until a super_admin confirms it: to that end "no" and "unsaid" are
-- told apart. Of identities from before nothing is known but that nobody verified the address.
ALTER TABLE user_identities ADD COLUMN email_denied boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT user_identities_email_denied_check CHECK (NOT (email_denied AND email_verified));
