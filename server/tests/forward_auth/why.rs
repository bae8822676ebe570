//! `POST /api/v1/authz/explain` and `/check`.
