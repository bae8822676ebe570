-- Label policies of people in no team, as SPEC B17 has them: a runner may need someone's approval first, and the
-- description has the length that other descriptions have.
ALTER TABLE user_label_policies
    ADD require_approval boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT user_label_policies_description_check CHECK (char_length(description) <= 500);
