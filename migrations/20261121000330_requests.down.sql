DROP TABLE restricted_models;
DROP TABLE access_requests;
