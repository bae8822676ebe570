//! Every route × every role (SPEC P). A route of the OpenAPI document without a row fails, and so does a row without
//! a route.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fill their database with statements made at run time, and fail by panicking"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "not every test needs all that tests share"
)]

mod api;

use std::collections::BTreeSet;

use api::{Person, World};
use serde_json::{Value, json};
use uuid::Uuid;

/// The columns of the table below.
const ROLES: [&str; 12] = [
    "anonymous",
    "nobody",
    "member",
    "admin",
    "other_team_admin",
    "org_member",
    "org_admin",
    "other_org_admin",
    "org_auditor",
    "auditor",
    "super_admin",
    "deactivated",
];

/// What each role gets. The team belongs to an organization; "other" is another one's; the deactivated account is a
/// super_admin's. Where nothing stands in the way, the request succeeds.
#[rustfmt::skip]
const TABLE: &[(&str, [u16; 12])] = &[
    //                                                            anon nobo memb admi otad orgm orga otoa oaud audi supr deac
    ("GET /api/v1/admin/teams",                                  [401, 403, 200, 200, 200, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/teams",                                 [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("GET /api/v1/admin/teams/{id}",                             [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("PATCH /api/v1/admin/teams/{id}",                           [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/deactivate",                 [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/activate",                   [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/reactivate",                 [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/archive",                    [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    // An archived team is hidden from those who could not restore it; auditors see it.
    ("POST /api/v1/admin/teams/{id}/restore",                    [401, 404, 404, 404, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/move",                       [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/budget",                      [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/admin/organizations/{id}/budget",              [401, 403, 403, 403, 403, 403, 200, 403, 200, 200, 200, 403]),
    // An org_admin tells of the own organization: the team is none of another's.
    ("POST /api/v1/spend",                                       [401, 403, 403, 403, 403, 403, 200, 422, 403, 403, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/members",                     [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/members",                    [401, 403, 403, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("POST /api/v1/admin/teams/{id}/members/bulk",               [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/invitations",                 [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/invitations",                [401, 403, 403, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("DELETE /api/v1/admin/teams/{id}/invitations/{invitation_id}", [401, 403, 403, 204, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("PATCH /api/v1/admin/teams/{id}/members/{user_id}",         [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/teams/{id}/members/{user_id}",        [401, 403, 403, 204, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("GET /api/v1/admin/teams/{id}/projects",                    [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/projects",                   [401, 403, 403, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    // The member is not assigned to the project, and does not learn that it exists. The key is the target's.
    ("GET /api/v1/admin/teams/{id}/projects/{project_id}",       [401, 403, 404, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/projects/{project_id}/members",              [401, 403, 404, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/projects/{project_id}/members/{user_id}",    [401, 403, 404, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("PUT /api/v1/admin/teams/{id}/projects/{project_id}/members/{user_id}",    [401, 403, 404, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/teams/{id}/projects/{project_id}/members/{user_id}", [401, 403, 404, 204, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("GET /api/v1/admin/teams/{id}/projects/{project_id}/keys",                 [401, 403, 404, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/teams/{id}/projects/{project_id}/keys",                [401, 403, 404, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("DELETE /api/v1/admin/teams/{id}/projects/{project_id}/keys/{key_id}",     [401, 403, 404, 204, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("POST /api/v1/admin/teams/{id}/projects/{project_id}/keys/{key_id}/rotate",[401, 403, 404, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("PATCH /api/v1/admin/teams/{id}/projects/{project_id}",     [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/teams/{id}/projects/{project_id}",    [401, 403, 403, 204, 403, 403, 204, 403, 403, 403, 204, 403]),
    // All people of the installation: not an organization's business.
    ("GET /api/v1/admin/default-team/stats",                     [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("POST /api/v1/admin/default-team/move",                     [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/organizations",                          [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/organizations",                         [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 201, 403]),
    ("GET /api/v1/admin/users",                                  [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/users/access.csv",                       [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/users",                                 [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 201, 403]),
    // Whether a person exists is told to those who may see them.
    ("GET /api/v1/admin/users/{id}",                             [401, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 403]),
    ("PATCH /api/v1/admin/users/{id}",                           [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("PUT /api/v1/admin/users/{id}",                             [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/users/{id}",                          [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 204, 403]),
    ("POST /api/v1/admin/users/{id}/deactivate",                 [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/users/{id}/activate",                   [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/batch/disable-users",                   [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/batch/delete-runners",                  [401, 403, 403, 403, 403, 403, 200, 200, 403, 403, 200, 403]),
    ("POST /api/v1/admin/batch/deactivate-teams",                [401, 403, 403, 403, 403, 403, 200, 200, 403, 403, 200, 403]),
    ("POST /api/v1/admin/batch/reactivate-teams",                [401, 403, 403, 403, 403, 403, 200, 200, 403, 403, 200, 403]),
    // The caller's own list. The key is the target's, a member of the team; without LiteLLM nothing can be made.
    ("GET /api/v1/api-keys",                                     [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/api-keys",                                    [401, 503, 503, 503, 503, 503, 503, 503, 503, 503, 503, 403]),
    ("GET /api/v1/api-keys/stats",                               [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/api-keys/{id}",                                [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("PATCH /api/v1/api-keys/{id}",                              [401, 404, 404, 409, 404, 404, 409, 404, 403, 403, 409, 403]),
    ("DELETE /api/v1/api-keys/{id}",                             [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("POST /api/v1/api-keys/{id}/rotate",                        [401, 404, 404, 201, 404, 404, 201, 404, 403, 403, 201, 403]),
    ("POST /api/v1/api-keys/{id}/claim",                         [401, 404, 404, 403, 404, 404, 403, 404, 403, 403, 403, 403]),
    ("POST /api/v1/api-keys/{id}/reveal",                        [401, 404, 404, 410, 404, 404, 410, 404, 410, 410, 410, 403]),
    ("POST /api/v1/api-keys/{id}/reset-spend",                   [401, 404, 404, 409, 404, 404, 409, 404, 403, 403, 409, 403]),
    ("GET /api/v1/admin/settings/api-key-defaults",              [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("PUT /api/v1/admin/settings/api-key-defaults",              [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/settings/user-defaults",                 [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("PUT /api/v1/admin/settings/user-defaults",                 [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/oauth-clients",                          [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/oauth-clients",                         [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    // Whether one exists is told to those who may see it.
    ("GET /api/v1/admin/oauth-clients/{id}",                     [401, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 403]),
    ("PATCH /api/v1/admin/oauth-clients/{id}",                   [401, 403, 403, 403, 403, 403, 200, 404, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/oauth-clients/{id}",                  [401, 403, 403, 403, 403, 403, 204, 404, 403, 403, 204, 403]),
    ("GET /api/v1/admin/identity-links",                         [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/identity-links",                        [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("GET /api/v1/admin/identity-links/{id}",                    [401, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 403]),
    ("GET /api/v1/admin/identity-links/{id}/events",             [401, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 403]),
    ("PATCH /api/v1/admin/identity-links/{id}",                  [401, 403, 403, 403, 403, 403, 200, 404, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/identity-links/{id}",                 [401, 403, 403, 403, 403, 403, 204, 404, 403, 403, 204, 403]),
    ("POST /api/v1/admin/identity-links/{id}/preview",           [401, 403, 403, 403, 403, 403, 200, 404, 403, 403, 200, 403]),
    // Nothing waits, and its group is not read from a directory.
    ("POST /api/v1/admin/identity-links/{id}/confirm",           [401, 403, 403, 403, 403, 403, 409, 404, 403, 403, 409, 403]),
    ("POST /api/v1/admin/identity-links/{id}/sync",              [401, 403, 403, 403, 403, 403, 409, 404, 403, 403, 409, 403]),
    ("GET /api/v1/admin/settings/entra",                         [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("PUT /api/v1/admin/settings/entra",                         [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("POST /api/v1/admin/batch/restore-users",                   [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    // Everyone of the organization reads its catalogue.
    ("GET /api/v1/admin/organizations/{id}/services",            [401, 403, 200, 200, 200, 200, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/organizations/{id}/services",           [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("GET /api/v1/admin/organizations/{id}/services/{service_id}", [401, 403, 200, 200, 200, 200, 200, 403, 200, 200, 200, 403]),
    ("PATCH /api/v1/admin/organizations/{id}/services/{service_id}", [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/organizations/{id}/services/{service_id}", [401, 403, 403, 403, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("GET /api/v1/admin/teams/{id}/services",                    [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("PUT /api/v1/admin/teams/{id}/services",                    [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/organizations/{id}",                     [401, 403, 200, 200, 200, 200, 200, 403, 200, 200, 200, 403]),
    ("PATCH /api/v1/admin/organizations/{id}",                   [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/organizations/{id}/members",             [401, 403, 403, 403, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/organizations/{id}/members",            [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("PATCH /api/v1/admin/organizations/{id}/members/{user_id}", [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    ("DELETE /api/v1/admin/organizations/{id}/members/{user_id}", [401, 403, 403, 403, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("GET /api/v1/admin/organizations/{id}/domains",             [401, 403, 403, 403, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/organizations/{id}/domains",            [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("DELETE /api/v1/admin/organizations/{id}/domains/{domain}", [401, 403, 403, 403, 403, 403, 204, 403, 403, 403, 204, 403]),
    // By word; by the DNS an org_admin may too.
    ("POST /api/v1/admin/organizations/{id}/domains/{domain}/verify", [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("GET /api/v1/admin/organizations/{id}/scim-tokens",         [401, 403, 403, 403, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/admin/organizations/{id}/scim-tokens",        [401, 403, 403, 403, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("DELETE /api/v1/admin/organizations/{id}/scim-tokens/{token_id}", [401, 403, 403, 403, 403, 403, 204, 403, 403, 403, 204, 403]),
    ("GET /api/v1/admin/teams/{id}/limits",                      [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/admin/organizations/{id}/restricted-models",   [401, 403, 200, 200, 200, 200, 200, 403, 200, 200, 200, 403]),
    ("PUT /api/v1/admin/organizations/{id}/restricted-models",   [401, 403, 403, 403, 403, 403, 200, 403, 403, 403, 200, 403]),
    // For a service of the team; to join it anyone may ask.
    ("POST /api/v1/requests",                                    [401, 403, 201, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("GET /api/v1/requests",                                     [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    // The target's, for a service. Whether it exists is told to those who may see it.
    ("GET /api/v1/requests/{id}",                                [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("POST /api/v1/requests/{id}/approve",                       [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("POST /api/v1/requests/{id}/deny",                          [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    // Only one's own.
    ("POST /api/v1/requests/{id}/withdraw",                      [401, 404, 404, 403, 404, 404, 403, 404, 403, 403, 403, 403]),
    ("POST /api/v1/requests/{id}/revert",                        [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    // What one may not decide is not decided.
    ("POST /api/v1/requests/approve-batch",                      [401, 403, 403, 200, 200, 403, 200, 200, 403, 403, 200, 403]),
    ("POST /api/v1/requests/deny-batch",                         [401, 403, 403, 200, 200, 403, 200, 200, 403, 403, 200, 403]),
    // Of the team: who administers it runs reviews of it, auditors read them.
    ("POST /api/v1/access-reviews",                              [401, 403, 403, 201, 403, 403, 201, 403, 403, 403, 201, 403]),
    ("GET /api/v1/access-reviews",                               [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/access-reviews/report-keys",                   [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/access-reviews/{id}",                          [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("GET /api/v1/access-reviews/{id}/lines",                    [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("POST /api/v1/access-reviews/{id}/decide",                  [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("POST /api/v1/access-reviews/{id}/remind",                  [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("POST /api/v1/access-reviews/{id}/close",                   [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("POST /api/v1/access-reviews/{id}/cancel",                  [401, 404, 404, 200, 404, 404, 200, 404, 403, 403, 200, 403]),
    ("GET /api/v1/access-reviews/{id}/report.csv",               [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("GET /api/v1/access-reviews/{id}/report.jws",               [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("GET /api/v1/runners",                                      [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    // Whether a runner exists is told to those who may see it.
    ("GET /api/v1/runners/{id}",                                 [401, 404, 200, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    // Whoever belongs to the team may have GitHub asked about its runners; an auditor only looks.
    ("POST /api/v1/runners/{id}/refresh",                        [401, 404, 200, 200, 404, 404, 200, 404, 404, 404, 200, 403]),
    // The runner is the target's.
    ("DELETE /api/v1/runners/{id}",                              [401, 404, 404, 200, 404, 404, 200, 404, 404, 404, 200, 403]),
    // Of a team that one sees; what one may not delete is not taken.
    ("POST /api/v1/runners/cleanup",                             [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    // Only members provision, whatever else they are.
    ("POST /api/v1/runners/jit",                                 [401, 403, 201, 201, 403, 403, 403, 403, 403, 403, 403, 403]),
    // The team's one place is taken.
    ("POST /api/v1/runners/waits",                               [401, 403, 201, 201, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET /api/v1/runners/waits",                                [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    // The target's: a member does not see others'.
    ("GET /api/v1/runners/waits/{wait_id}",                      [401, 404, 404, 200, 404, 404, 200, 404, 404, 404, 200, 403]),
    ("DELETE /api/v1/runners/waits/{wait_id}",                   [401, 404, 404, 204, 404, 404, 204, 404, 404, 404, 204, 403]),
    // Nobody claims another's.
    ("POST /api/v1/runners/waits/{wait_id}/claim",               [401, 404, 404, 404, 404, 404, 404, 404, 404, 404, 404, 403]),
    ("PUT /api/v1/admin/teams/{id}/waiting-list",                [401, 403, 403, 200, 403, 403, 200, 403, 403, 403, 200, 403]),
    // Not for people: GitHub signs it, and here no secret is configured.
    ("POST /api/v1/webhooks/github",                             [403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403, 403]),
    // About somebody else: those who manage the team's members, and auditors.
    ("POST /api/v1/authz/explain",                               [401, 403, 403, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("POST /api/v1/authz/check",                                 [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/admin/litellm/instances",                      [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("GET /api/v1/admin/litellm/objects",                        [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("POST /api/v1/admin/litellm/objects/retry",                 [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 503, 403]),
    ("GET /api/v1/admin/litellm/compare",                        [401, 403, 403, 403, 403, 403, 403, 403, 403, 503, 503, 403]),
    ("POST /api/v1/admin/litellm/compare",                       [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 403]),
    ("POST /api/v1/admin/litellm/differences/{id}/settle",       [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 404, 403]),
    ("GET /api/v1/admin/alerts",                                 [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("GET /api/v1/admin/sync/status",                            [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("GET /api/v1/admin/sync/runs",                              [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("POST /api/v1/admin/sync/run",                              [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 202, 403]),
    ("GET /api/v1/audit-logs",                                   [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/audit-logs/export",                            [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/audit-logs/export.csv",                        [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/audit-logs/head",                              [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    // What somebody else did in the team.
    ("GET /api/v1/audit-logs/{id}",                              [401, 404, 404, 200, 404, 404, 200, 404, 200, 200, 200, 403]),
    ("GET /api/v1/admin/security-events",                        [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/security-events/export",                 [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/security-events/export.csv",             [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/security-events",             [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/dashboard/stats",                              [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/stats",                                  [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    // What the own teams cost; whoever sees no team sees no cost.
    ("GET /api/v1/admin/cost",                                   [401, 403, 200, 200, 200, 403, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/cost.csv",                               [401, 403, 200, 200, 200, 403, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/admin/teams/{id}/cost",                        [401, 403, 200, 200, 403, 403, 200, 403, 200, 200, 200, 403]),
    ("GET /api/v1/admin/label-prices",                           [401, 403, 403, 403, 403, 403, 403, 403, 403, 200, 200, 403]),
    ("PUT /api/v1/admin/label-prices",                           [401, 403, 403, 403, 403, 403, 403, 403, 403, 403, 200, 403]),
    ("GET /api/v1/auth/me",                                      [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/teams/my-teams",                               [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("GET /api/v1/auth/my-label-policy",                         [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    // Of people in their organizations; to others these do not exist.
    ("GET /api/v1/admin/label-policies",                         [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/label-policies",                        [401, 403, 403, 403, 403, 403, 201, 404, 403, 403, 201, 403]),
    ("GET /api/v1/admin/label-policies/{user_identity}",         [401, 403, 403, 403, 403, 403, 200, 404, 200, 200, 200, 403]),
    ("DELETE /api/v1/admin/label-policies/{user_identity}",      [401, 403, 403, 403, 403, 403, 204, 404, 403, 403, 204, 403]),
    ("GET /api/v1/admin/label-policies/suggestions",             [401, 403, 403, 403, 403, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/admin/label-policies/migrate",                [401, 403, 403, 403, 403, 403, 200, 404, 403, 403, 200, 403]),
    ("GET /api/v1/auth/tokens",                                  [401, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403]),
    ("POST /api/v1/auth/tokens",                                 [401, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 403]),
    ("DELETE /api/v1/auth/tokens/{id}",                          [401, 204, 204, 204, 204, 204, 204, 204, 204, 204, 204, 403]),
];

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let document = serde_json::to_value(server::rest::openapi()).unwrap();
    let routes: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let rows: BTreeSet<String> = TABLE.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(rows.len(), TABLE.len(), "a row is there twice");
    assert_eq!(routes, rows);
}

/// The people of the table, in an organization with another team beside the one that is tried.
struct Cast {
    organization: Uuid,
    people: Vec<Option<Person>>,
    /// A plain member who is acted upon.
    target: Person,
    /// In the organization, in no team.
    newcomer: Person,
}

impl Cast {
    async fn new(world: &World) -> Self {
        let organization = world.organization("acme").await;
        let other = world.organization("other").await;
        let other_team = world.team_in(organization, "Other Team").await;
        let mut people = Vec::new();
        for role in ROLES {
            if role == "anonymous" {
                people.push(None);
                continue;
            }
            let person = world.person(role).await;
            let id = person.id;
            match role {
                "nobody" => {}
                "auditor" => {
                    world
                        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{id}'"))
                        .await;
                }
                "super_admin" => {
                    world
                        .sql(&format!("UPDATE users SET is_super_admin = true WHERE id = '{id}'"))
                        .await;
                }
                "deactivated" => {
                    let sql =
                        format!("UPDATE users SET is_super_admin = true, deactivated_at = now() WHERE id = '{id}'");
                    world.sql(&sql).await;
                }
                "other_org_admin" => belong(world, other, &person, "org_admin").await,
                "org_admin" => belong(world, organization, &person, "org_admin").await,
                "org_auditor" => belong(world, organization, &person, "auditor").await,
                _ => belong(world, organization, &person, "org_member").await,
            }
            if role == "other_team_admin" {
                world.join(other_team, &person, "admin").await;
            }
            people.push(Some(person));
        }
        let (target, newcomer) = (world.person("target").await, world.person("newcomer").await);
        belong(world, organization, &newcomer, "org_member").await;
        Self {
            organization,
            people,
            target,
            newcomer,
        }
    }

    fn person(&self, role: &str) -> &Person {
        let index = ROLES.iter().position(|known| *known == role).unwrap();
        self.people[index].as_ref().unwrap()
    }
}

async fn belong(world: &World, organization: Uuid, person: &Person, role: &str) {
    let user = person.id;
    let values = format!("('{organization}', '{user}', '{role}')");
    world
        .sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES {values}"
        ))
        .await;
}

/// A team of its own for one try, so that no try disturbs another.
struct Scene {
    team: Uuid,
    project: Uuid,
    key: Uuid,
    runner: Uuid,
    service: Uuid,
    wait: Uuid,
    /// In no organization.
    outsider: Uuid,
}

/// A domain of the organization, not verified.
const DOMAIN: &str = "acme.example";

impl Scene {
    async fn new(world: &World, cast: &Cast, name: &str, status: &str) -> Self {
        let (project, key, runner) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let team = world.team_in(cast.organization, name).await;
        world.join(team, cast.person("member"), "member").await;
        world.join(team, cast.person("admin"), "admin").await;
        world.join(team, &cast.target, "member").await;
        world
            .sql(&format!(
                "INSERT INTO projects (id, team_id, name) VALUES ('{project}', '{team}', 'Project')"
            ))
            .await;
        let target = cast.target.id;
        world
            .sql(&format!(
                "INSERT INTO project_members (project_id, user_id, role) VALUES ('{project}', '{target}', 'member')"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash)
                VALUES ('{key}', '{team}', '{project}', '{target}', 'ci', 'sk-abcdefgh', sha256('{key}'))"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
                VALUES ('{runner}', '{team}', 'r-{runner}', 'active', '{{}}', 1, '{}')",
                cast.target.id
            ))
            .await;
        let service = Uuid::now_v7();
        // Those of earlier tries: a catalogue is full at 500.
        world
            .sql(&format!(
                "DELETE FROM services WHERE organization_id = '{}'",
                cast.organization
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO services (id, organization_id, name) VALUES ('{service}', '{}', '{service}')",
                cast.organization
            ))
            .await;
        world
            .sql(&format!("UPDATE teams SET status = '{status}' WHERE id = '{team}'"))
            .await;
        let wait = Uuid::now_v7();
        world
            .sql(&format!(
                "INSERT INTO runner_waits (id, team_id, user_id, request, created_at, updated_at)
                VALUES ('{wait}', '{team}', '{target}', '{{}}', now(), now())"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO team_invitations (id, team_id, email, role, invited_at, expires_at)
                VALUES ('{wait}', '{team}', 'waits@example.com', 'member', now(), now() + interval '1 day')"
            ))
            .await;
        // What an earlier try on the organization has changed.
        let organization = cast.organization;
        world
            .sql(&format!(
                "INSERT INTO organization_members (organization_id, user_id, role)
                VALUES ('{organization}', '{}', 'org_member')
                ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role",
                cast.target.id
            ))
            .await;
        world
            .sql(&format!(
                "DELETE FROM organization_domains WHERE organization_id = '{organization}'"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO organization_domains (organization_id, domain, token)
                VALUES ('{organization}', '{DOMAIN}', 'x')"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO user_label_policies (user_id) VALUES ('{target}') ON CONFLICT DO NOTHING"
            ))
            .await;
        let outsider = Uuid::now_v7();
        world
            .sql(&format!(
                "INSERT INTO users (id, email) VALUES ('{outsider}', '{outsider}@example.com')"
            ))
            .await;
        Self {
            team,
            project,
            key,
            runner,
            service,
            wait,
            outsider,
        }
    }
}

/// A new account in the organization, for one try.
async fn account(world: &World, cast: &Cast, name: &str, deactivated: bool) -> Uuid {
    let person = world.person(&name.to_lowercase().replace(' ', "-")).await;
    belong(world, cast.organization, &person, "org_member").await;
    if deactivated {
        let id = person.id;
        world
            .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{id}'"))
            .await;
    }
    person.id.0
}

/// A token of the organization's directory, for one try.
async fn scim_token(world: &World, cast: &Cast, id: Uuid) {
    world
        .sql(&format!(
            "INSERT INTO scim_tokens (id, organization_id, name, prefix, token_hash)
            VALUES ('{id}', '{}', 'Entra', 'ghscim_abcd', sha256('{id}'))",
            cast.organization
        ))
        .await;
}

/// What the target did in the team.
async fn entry(world: &World, cast: &Cast, scene: &Scene) -> Uuid {
    let id = Uuid::now_v7();
    let (organization, team, target) = (cast.organization, scene.team, &cast.target);
    world
        .sql(&format!(
            "INSERT INTO audit_entries
                (id, at, actor_id, actor, method, action, organization_id, team_id, target_kind, target_id, target)
            VALUES ('{id}', now(), '{}', '{}', 'session', 'team.update', '{organization}', '{team}', 'team', '{team}', 'x')",
            target.id, target.email
        ))
        .await;
    id
}

/// A group that gives membership of a team.
async fn identity_link(world: &World, cast: &Cast, team: Uuid) -> Uuid {
    let id = Uuid::now_v7();
    let sql = format!(
        "INSERT INTO identity_links (id, provider, group_id, organization_id, team_id, role)
        VALUES ('{id}', 'oidc', 'group-{id}', '{}', '{team}', 'member')",
        cast.organization
    );
    world.sql(&sql).await;
    id
}

/// A program of the team, for one try.
async fn machine_client(world: &World, team: Uuid) -> Uuid {
    let id = Uuid::now_v7();
    world
        .sql(&format!(
            "INSERT INTO machine_clients (id, subject, name, team_id) VALUES ('{id}', '{id}@clients', 'CI', '{team}')"
        ))
        .await;
    id
}

/// The target's request for the service of this try: denied, or not decided.
async fn access_request(world: &World, cast: &Cast, scene: &Scene, denied: bool) -> Uuid {
    let (id, team, target, service) = (Uuid::now_v7(), scene.team, cast.target.id, scene.service);
    let (state, at, why) = if denied {
        ("denied", "now()", "'not now'")
    } else {
        ("pending", "NULL", "NULL")
    };
    world
        .sql(&format!(
            "INSERT INTO access_requests (id, kind, team_id, requester, value, reason, raises, state, decided_at, decision)
            VALUES ('{id}', 'service', '{team}', '{target}', '\"{service}\"', 'a test', false, '{state}', {at}, {why})"
        ))
        .await;
    id
}

/// A review of the team with one line, the target's membership, whose id is the review's: open, or closed with a report.
async fn access_review(world: &World, cast: &Cast, scene: &Scene, closed: bool) -> Uuid {
    let (id, team, target, organization) = (Uuid::now_v7(), scene.team, cast.target.id, cast.organization);
    let (state, at) = if closed { ("closed", "now()") } else { ("open", "NULL") };
    world
        .sql(&format!(
            "INSERT INTO access_reviews (id, organization_id, team_id, scope_name, name, covers_people, covers_services,
                silence, state, starter, created_at, due_at, ended_at, closed_at, line_count)
            VALUES ('{id}', '{organization}', '{team}', 'x', 'x', true, true, 'keep', '{state}', 'x', now(),
                now() + interval '9 days', {at}, {at}, 1)"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO access_review_lines (id, review_id, place, kind, team_id, team, user_id, email, role, since)
            VALUES ('{id}', '{id}', 1, 'membership', '{team}', 'x', '{target}', 'x', 'member', now())"
        ))
        .await;
    if closed {
        world
            .sql(&format!(
                "INSERT INTO access_review_reports (review_id, csv, jws, kid, public_key)
                VALUES ('{id}', 'x', 'e30.e30.x', '{id}', sha256('x'))"
            ))
            .await;
    }
    id
}

/// Routes whose requests below change nothing: they ask, or say what would happen.
const CHANGE_NOTHING: &[&str] = &[
    "POST /api/v1/admin/identity-links/{id}/preview",
    "POST /api/v1/authz/explain",
    "POST /api/v1/authz/check",
    "POST /api/v1/requests/approve-batch",
    "POST /api/v1/requests/deny-batch",
    "POST /api/v1/admin/batch/disable-users",
    "POST /api/v1/admin/batch/restore-users",
    "POST /api/v1/admin/batch/delete-runners",
    "POST /api/v1/admin/batch/deactivate-teams",
    "POST /api/v1/admin/batch/reactivate-teams",
];

/// What an entry says: who, by name and id, from where, by which client, in which team.
type Said = (String, Option<Uuid>, Option<String>, Option<String>, Option<Uuid>);

/// What is wrong with the audit log after a request that succeeded (SPEC B25): each change leaves an entry that says who,
/// from where and in which team. A new route that forgets it fails here.
async fn unaudited(world: &World, route: &str, person: &Person, scene: &Scene, answer: &api::Answer) -> Option<String> {
    if route.starts_with("GET ") || !answer.status.is_success() || CHANGE_NOTHING.contains(&route) {
        return None;
    }
    // A clean-up that found nothing that its caller may remove.
    if answer.body["matched"] == 0 {
        return None;
    }
    let request = answer.headers["x-request-id"].to_str().unwrap();
    let rows: Vec<Said> =
        sqlx::query_as("SELECT actor, actor_id, ip, user_agent, team_id FROM audit_entries WHERE request_id = $1")
            .bind(request)
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let who = (
        person.email.clone(),
        Some(person.id.0),
        Some(api::CLIENT.to_owned()),
        Some(api::AGENT.to_owned()),
    );
    if rows.is_empty() {
        return Some("it leaves no entry in the audit log".to_owned());
    }
    for (actor, id, ip, agent, _) in &rows {
        let said = (actor.clone(), *id, ip.clone(), agent.clone());
        if said != who {
            return Some(format!("its entry says {said:?}, not {who:?}"));
        }
    }
    let in_team = route.contains("/admin/teams/{id}") || route.ends_with("/runners/jit");
    (in_team && rows.iter().all(|(.., team)| *team != Some(scene.team)))
        .then(|| "none of its entries names the team".to_owned())
}

/// The request of a route, with everything that it needs to succeed.
fn body(route: &str, cast: &Cast, scene: &Scene, name: &str) -> Option<Value> {
    let (method, path) = route.split_once(' ').unwrap();
    Some(match (method, path.trim_start_matches("/api/v1")) {
        ("GET" | "DELETE", _) | ("POST", "/runners/{id}/refresh") => return None,
        ("POST", "/admin/teams") => json!({"name": format!("New {name}"), "organization_id": cast.organization}),
        ("PATCH", "/admin/teams/{id}") => json!({"description": "Changed"}),
        ("POST", "/admin/teams/{id}/move") => json!({"organization_id": cast.organization}),
        ("POST", "/spend") => json!({"entries": [{"request_id": name, "team_id": scene.team, "cost": 0.5}]}),
        ("POST", "/admin/teams/{id}/members") => json!({"user_id": cast.newcomer.email}),
        ("POST", "/admin/teams/{id}/members/bulk") => json!({"members": [{"user_id": cast.newcomer.email}]}),
        ("POST", "/admin/default-team/move") => json!({"user_ids": [cast.newcomer.email], "team_id": scene.team}),
        ("POST", "/admin/teams/{id}/invitations") => json!({"email": "not-here@example.com"}),
        ("PATCH", "/admin/teams/{id}/members/{user_id}") => json!({"role": "admin"}),
        ("POST" | "PATCH", path) if path.contains("/organizations/{id}/services") => {
            json!({"name": format!("new-{}", scene.team)})
        }
        ("PUT", "/admin/teams/{id}/services") => {
            json!({"allowed_services": [{"service": scene.service, "reason": "a test"}]})
        }
        ("PUT", path) if path.contains("/projects/{project_id}/members/") => json!({"role": "admin"}),
        ("POST", "/api-keys") => json!({"name": "new"}),
        ("PATCH", "/api-keys/{id}") => json!({"name": "renamed"}),
        ("PUT", "/admin/settings/api-key-defaults") => json!({"maximums": {"maxBudget": 100}}),
        ("PUT", "/admin/settings/user-defaults") => json!({"maxBudget": 100}),
        ("POST", path) if path.ends_with("/reveal") || path.ends_with("/reset-spend") => return None,
        ("POST", path) if path.ends_with("/keys") => json!({"name": "new", "owner": cast.target.email}),
        ("POST", path) if path.ends_with("/rotate") => json!({"overlap_seconds": 60}),
        ("POST" | "PATCH", path) if path.contains("/projects") => json!({"name": "Renamed"}),
        ("POST", "/requests") => {
            json!({"kind": "service", "team_id": scene.team, "value": scene.service, "reason": "a test"})
        }
        ("POST", "/access-reviews") => {
            json!({"team_id": scene.team, "name": name, "due_in_days": 7, "silence": "keep"})
        }
        ("POST", path) if path.starts_with("/access-reviews/") => return None,
        ("POST", "/requests/{id}/deny") => json!({"reason": "not now"}),
        ("POST", "/requests/approve-batch" | "/requests/deny-batch") => {
            json!({"ids": [scene.team], "reason": "not now", "dry_run": true})
        }
        ("PUT", "/admin/organizations/{id}/restricted-models") => json!({"models": [format!("m-{}", scene.team)]}),
        ("POST", "/admin/organizations") => json!({"name": name}),
        ("PUT", "/admin/label-prices") => json!({"prices": [{"label": "gpu", "price_per_minute": "0.07"}]}),
        ("POST", "/admin/users") => json!({"email": format!("{}@example.com", name.replace(' ', "-"))}),
        ("PUT" | "PATCH", "/admin/users/{id}") => json!({"display_name": name}),
        ("POST", "/admin/users/{id}/deactivate") => json!({"comment": "has left the company"}),
        ("POST", path) if path.starts_with("/admin/batch/") && path.ends_with("-teams") => {
            json!({"team_ids": [scene.team], "comment": "the department is closed", "dry_run": true})
        }
        ("POST", "/admin/batch/delete-runners") => {
            json!({"team_id": scene.team, "comment": "the department is closed", "dry_run": true})
        }
        ("POST", path) if path.starts_with("/admin/batch/") => {
            json!({"user_ids": [cast.target.id], "comment": "has left the company", "dry_run": true})
        }
        ("POST", "/admin/litellm/objects/retry" | "/admin/litellm/compare") => json!({"instance": "elsewhere"}),
        ("POST", "/admin/litellm/differences/{id}/settle") => json!({"action": "push"}),
        ("POST", "/admin/oauth-clients") => {
            json!({"client_id": format!("{}@clients", scene.team), "team_id": scene.team})
        }
        ("POST", "/admin/identity-links") => json!({
            "organization_id": cast.organization, "team_id": scene.team, "provider": "oidc", "group_id": name,
        }),
        ("PATCH", "/admin/identity-links/{id}") => json!({"removal_limit": 50}),
        ("POST", path) if path.starts_with("/admin/identity-links/") => return None,
        ("PUT", "/admin/settings/entra") => json!({"entra_groups_also_create_orgs": true}),
        ("PATCH", "/admin/oauth-clients/{id}") => json!({"is_active": false}),
        ("PATCH", "/admin/organizations/{id}") => json!({"name": format!("New {name}")}),
        ("POST", "/admin/organizations/{id}/members") => json!({"user_id": scene.outsider}),
        ("PATCH", "/admin/organizations/{id}/members/{user_id}") => json!({"role": "auditor"}),
        ("POST", "/admin/organizations/{id}/scim-tokens") => json!({"name": "Entra"}),
        ("POST", "/admin/organizations/{id}/domains") => json!({"domain": "more.example"}),
        ("POST", "/admin/organizations/{id}/domains/{domain}/verify") => json!({"how": "word"}),
        ("POST", "/admin/label-policies") => json!({
            "user_identity": cast.target.email, "allowed_labels": ["gpu"], "description": name,
        }),
        ("POST", "/admin/label-policies/migrate") => json!({"suggestions": [{
            "name": format!("Moved {name}"), "organization_id": cast.organization, "members": [cast.target.email]
        }]}),
        ("POST", "/runners/jit" | "/runners/cleanup" | "/runners/waits") => json!({"team_id": scene.team}),
        ("POST", "/authz/explain") => json!({"user_id": cast.target.email, "team_id": scene.team, "service": "llm"}),
        ("POST", "/authz/check") => json!({"team_id": scene.team, "service": "llm"}),
        ("POST", "/auth/tokens") => json!({"name": "another"}),
        ("POST", path) if path.ends_with("/claim") => return None,
        ("POST", "/requests/{id}/approve" | "/requests/{id}/withdraw" | "/requests/{id}/revert") => return None,
        ("PUT", "/admin/teams/{id}/waiting-list") => json!({"enabled": true}),
        ("POST", "/webhooks/github") => json!({"zen": "Keep it logically awesome."}),
        // The status changes work without a body.
        ("POST", path)
            if path.starts_with("/admin/teams/{id}/") || path.ends_with("/activate") || path == "/admin/sync/run" =>
        {
            return None;
        }
        _ => panic!("{route} needs a body here"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn p_every_route_answers_every_role_as_the_table_says() {
    let world = World::new().await;
    let cast = Cast::new(&world).await;
    let mut wrong = Vec::new();
    for (row, (route, expected)) in TABLE.iter().enumerate() {
        let (method, template) = route.split_once(' ').unwrap();
        let status = match template.rsplit('/').next().unwrap() {
            "activate" | "reactivate" => "inactive",
            "restore" => "archived",
            _ => "active",
        };
        for (column, role) in ROLES.iter().enumerate() {
            let name = format!("Try {row} {column}");
            let scene = Scene::new(&world, &cast, &name, status).await;
            if *route == "POST /api/v1/runners/waits" {
                let full = format!(
                    "UPDATE teams SET max_runners = 1, waiting_list = true WHERE id = '{}'",
                    scene.team
                );
                world.sql(&full).await;
            }
            if *route == "POST /api/v1/admin/teams/{id}/move" {
                // One that stands alone.
                let (team, home) = (scene.team, domain::DEFAULT_ORGANIZATION);
                world
                    .sql(&format!(
                        "UPDATE teams SET organization_id = '{home}' WHERE id = '{team}'"
                    ))
                    .await;
            }
            if template.ends_with("/scim-tokens/{token_id}") {
                scim_token(&world, &cast, scene.key).await;
            }
            let person = cast.people[column].as_ref();
            let id = if template.contains("/auth/tokens/") {
                world.token(person.unwrap_or(&cast.target).id).await.0
            } else if template.contains("/admin/users/") {
                account(&world, &cast, &name, template.ends_with("/activate")).await
            } else if template.contains("/audit-logs/") {
                entry(&world, &cast, &scene).await
            } else if template.contains("/api-keys/") {
                scene.key
            } else if template.contains("/oauth-clients/") {
                machine_client(&world, scene.team).await
            } else if template.contains("/identity-links/") {
                identity_link(&world, &cast, scene.team).await
            } else if template.contains("/access-reviews/") {
                access_review(&world, &cast, &scene, template.contains("/report.")).await
            } else if template.contains("/requests/") {
                access_request(&world, &cast, &scene, template.ends_with("/revert")).await
            } else if template.contains("/runners/") {
                scene.runner
            } else if template.contains("/organizations/{id}") {
                cast.organization
            } else {
                scene.team
            };
            let path = template
                .replace("{id}", &id.to_string())
                .replace("{user_id}", &cast.target.email)
                .replace("{wait_id}", &scene.wait.to_string())
                .replace("{invitation_id}", &scene.wait.to_string())
                .replace("{service_id}", &scene.service.to_string())
                .replace("{project_id}", &scene.project.to_string())
                .replace("{key_id}", &scene.key.to_string())
                .replace("{user_identity}", &cast.target.email)
                .replace("{token_id}", &scene.key.to_string())
                .replace("{domain}", DOMAIN);
            let path = match *route {
                "DELETE /api/v1/admin/users/{id}" => format!("{path}?comment=has+left+the+company"),
                _ => path,
            };
            let body = match *route {
                "POST /api/v1/access-reviews/{id}/decide" => Some(json!({"ids": [id], "decision": "keep"})),
                _ => body(route, &cast, &scene, &name),
            };
            let answer = world
                .call(person.map(|person| person.token.as_str()), method, &path, body)
                .await;
            if answer.status != expected[column] {
                wrong.push(format!(
                    "{route} as {role}: {} for {}\n{:#}",
                    answer.status, expected[column], answer.body
                ));
            }
            if let Some(person) = person
                && let Some(missing) = unaudited(&world, route, person, &scene, &answer).await
            {
                wrong.push(format!("{route} as {role}: {missing}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A test that cannot fail is worse than none: a change without an entry is found.
#[tokio::test(flavor = "multi_thread")]
async fn b25_a_route_that_forgets_its_entry_is_found() {
    let world = World::new().await;
    let cast = Cast::new(&world).await;
    let scene = Scene::new(&world, &cast, "Try", "active").await;
    let admin = cast.person("admin");
    let ask = json!({"team_id": scene.team, "service": "llm"});
    let silent = world.post(admin, "/authz/check", ask).await;
    let found = async |route: &str, answer: &api::Answer| unaudited(&world, route, admin, &scene, answer).await;
    let words = found("POST /api/v1/new", &silent).await.unwrap();
    assert_eq!(words, "it leaves no entry in the audit log");
    let elsewhere = world.post(admin, "/auth/tokens", json!({"name": "x"})).await;
    assert_eq!(found("POST /api/v1/new", &elsewhere).await, None);
    let words = found("POST /api/v1/admin/teams/{id}/new", &elsewhere).await.unwrap();
    assert_eq!(words, "none of its entries names the team");
    world.sql("ALTER TABLE audit_entries DISABLE TRIGGER USER").await;
    world.sql("UPDATE audit_entries SET ip = '10.0.0.1'").await;
    let words = found("POST /api/v1/new", &elsewhere).await.unwrap();
    assert!(words.contains("10.0.0.1"), "{words}");
}
