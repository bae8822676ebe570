ALTER TABLE user_label_policies
    DROP CONSTRAINT user_label_policies_description_check,
    DROP require_approval;
