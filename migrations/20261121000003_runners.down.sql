DROP TABLE user_label_policies, runners;
DROP FUNCTION runners_count;
