//! `POST /api/v1/admin/teams/{id}/members/bulk` (SPEC D3).

use axum::response::Response;
use backend::members::{self, BulkInput, OnInvalid, OnUnknown};
use domain::{TeamId, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    problem::Problem,
    rest::{
        body::Json,
        call::{At, Call, sized_json},
    },
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(add_members))
}

/// A list of people to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "members": [{"user_id": "ada@example.com", "role": "admin"}, {"user_id": "max@example.com"}],
    "dry_run": true
}))]
struct NewMembers {
    /// The rows, at most 10,000.
    #[schema(min_items = 1, max_items = 10_000)]
    members: Vec<NewRow>,
    /// Whether to judge the rows only, and write nothing.
    #[serde(default)]
    dry_run: bool,
    /// What a bad row does to the good ones: with `abort` nobody is added, with `skip` they are.
    #[serde(default)]
    on_invalid: OnBadRow,
    /// Whether addresses that nobody has yet are invited: they join when there is an account. Otherwise they are invalid.
    #[serde(default)]
    invite: bool,
}

/// One person to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRow {
    /// The person's UUID or email address.
    user_id: String,
    /// `admin` or `member`; `member` unless said otherwise.
    role: Option<String>,
}

/// What a bad row does to the good ones.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::rest) enum OnBadRow {
    /// Nobody is added.
    #[default]
    Abort,
    /// The good rows are added.
    Skip,
}

impl From<OnBadRow> for OnInvalid {
    fn from(choice: OnBadRow) -> Self {
        match choice {
            OnBadRow::Abort => Self::Abort,
            OnBadRow::Skip => Self::Skip,
        }
    }
}

/// What became of a list, or would.
#[derive(Debug, Serialize, ToSchema)]
struct BulkAnswer {
    /// Each row, in the order of the request.
    rows: Vec<MemberRow>,
    /// How many people were added; in a dry run, how many would be. 0 when a bad row stopped all of it.
    #[schema(example = 2)]
    added: usize,
    /// How many addresses were invited; in a dry run, how many would be. Absent unless `invite` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1)]
    invited: Option<usize>,
    /// Whether this was a dry run.
    dry_run: bool,
}

/// What becomes of a row.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::rest) struct MemberRow {
    /// As the request has it.
    #[schema(example = "ada@example.com")]
    user_id: String,
    #[schema(value_type = Outcome)]
    outcome: &'static str,
    /// Why the row is invalid, or the person there already; of someone who is moved, what stays their primary team.
    detail: Option<String>,
}

/// What becomes of a row, by itself: whether anything was written at all, `added` says.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain::views::BulkOutcome, which knows nothing of OpenAPI"
)]
enum Outcome {
    /// A new member.
    Added,
    /// Nobody has the address yet: it is invited.
    Invited,
    /// A member already, whose role stays; or the same row again.
    Exists,
    /// No such user, a deactivated one, a foreign email domain, an unknown role, or the same user with another role.
    Invalid,
}

impl From<views::BulkRow> for MemberRow {
    fn from(row: views::BulkRow) -> Self {
        Self {
            user_id: row.user,
            outcome: row.outcome.as_str(),
            detail: row.detail,
        }
    }
}

/// Add many members
///
/// Each row is judged by itself: a bad one is `invalid` in the answer, and no error of the request. With `on_invalid:
/// abort`, the default, one bad row keeps all others out: the answer is 200 with `added: 0`, and its rows say why. The
/// body may be up to 4 MiB.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/members/bulk",
    tag = "Members",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = NewMembers,
    responses(
        (status = 200, description = "What became of each row, and how many people were added", body = BulkAnswer),
        (status = 403, description = "`FORBIDDEN`: only admins add members"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn add_members(call: Call, At(team): At<TeamId>, Json(body): Json<NewMembers>) -> Result<Response, Problem> {
    let rows: Vec<BulkInput> = body
        .members
        .into_iter()
        .map(|row| BulkInput {
            user: row.user_id,
            role: row.role,
        })
        .collect();
    let on_invalid = OnInvalid::from(body.on_invalid);
    let on_unknown = if body.invite {
        OnUnknown::Invite
    } else {
        OnUnknown::Refuse
    };
    let mut ctx = call.write().await?;
    let result = members::add_many(&mut ctx, team, &rows, on_invalid, on_unknown, body.dry_run).await?;
    ctx.commit().await?;
    let answer = BulkAnswer {
        rows: result.rows.into_iter().map(MemberRow::from).collect(),
        added: result.added,
        invited: body.invite.then_some(result.invited),
        dry_run: result.dry_run,
    };
    let size = 96 * answer.rows.len() + 64;
    sized_json(StatusCode::OK, &answer, size)
}
