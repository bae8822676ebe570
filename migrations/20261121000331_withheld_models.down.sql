DROP TRIGGER access_requests_litellm ON access_requests;
DROP TRIGGER restricted_models_litellm ON restricted_models;
DROP FUNCTION litellm_approval_changed;
DROP FUNCTION litellm_restricted_changed;
DROP FUNCTION litellm_model_changed;
DROP FUNCTION withheld_models;
