//! `/api/v1/admin/litellm`: the instances, what they do not have yet, and what differs (SPEC C6, X14).

use axum::response::Response;
use backend::litellm::{self, Decision, ObjectQuery, Retry};
use chrono::{DateTime, Utc};
use domain::views::{
    BreakerState, LiteLlmComparison, LiteLlmCounts, LiteLlmDifference, LiteLlmInstance, LiteLlmObject,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, DifferenceId, json},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_litellm_instances))
        .routes(routes!(list_litellm_objects))
        .routes(routes!(retry_litellm_objects))
        .routes(routes!(compare_litellm))
        .routes(routes!(get_litellm_comparison))
        .routes(routes!(settle_litellm_difference))
}

/// How many rows a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;

/// How many things of a kind an instance has, and has not.
#[derive(Debug, Serialize, ToSchema)]
struct Counts {
    /// `team`, `user`, `member` or `key`.
    #[schema(example = "team")]
    kind: String,
    /// Due, or under way.
    pending: i64,
    /// Tried, to be tried again.
    failed: i64,
    /// Refused too often: waiting for a person.
    parked: i64,
    /// There as they are here.
    synced: i64,
}

impl From<LiteLlmCounts> for Counts {
    fn from(counts: LiteLlmCounts) -> Self {
        Self {
            kind: counts.kind,
            pending: counts.pending,
            failed: counts.failed,
            parked: counts.parked,
            synced: counts.synced,
        }
    }
}

/// A LiteLLM proxy, and how it does.
#[derive(Debug, Serialize, ToSchema)]
struct Instance {
    #[schema(example = "litellm-example")]
    name: String,
    #[schema(example = "litellm")]
    namespace: String,
    url: String,
    /// Whether teams that name no instance are on this one.
    is_default: bool,
    /// The circuit breaker of the process that answers: `closed`, `open` or `half_open`.
    #[schema(example = "closed")]
    breaker: &'static str,
    /// Seconds until a call is tried again, while the breaker is open.
    retry_after: Option<u64>,
    counts: Vec<Counts>,
    /// Since when the oldest change waits.
    oldest_pending: Option<DateTime<Utc>>,
    /// When something was delivered last.
    last_success: Option<DateTime<Utc>>,
    /// Keys that are deleted here and may still work there.
    orphan_keys: i64,
}

impl From<LiteLlmInstance> for Instance {
    fn from(instance: LiteLlmInstance) -> Self {
        Self {
            breaker: instance.breaker.as_str(),
            retry_after: match instance.breaker {
                BreakerState::Open { retry_after } => Some(retry_after),
                _ => None,
            },
            name: instance.name,
            namespace: instance.namespace,
            url: instance.url,
            is_default: instance.is_default,
            counts: instance.counts.into_iter().map(Counts::from).collect(),
            oldest_pending: instance.oldest_pending,
            last_success: instance.last_success,
            orphan_keys: instance.orphan_keys,
        }
    }
}

/// The configured instances; none when LiteLLM is not configured.
#[derive(Debug, Serialize, ToSchema)]
struct InstanceList {
    instances: Vec<Instance>,
}

/// Something that an instance must know.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "what the table calls it")]
struct Object {
    id: Uuid,
    instance: String,
    /// `team`, `user`, `member` or `key`.
    #[schema(example = "member")]
    kind: String,
    /// The team, person or key; of a membership the team.
    object_id: Uuid,
    /// The member of a membership.
    user_id: Option<Uuid>,
    /// What people call it; null when it is gone here.
    name: Option<String>,
    /// `pending`, `failed`, `parked` or `synced`.
    #[schema(example = "failed")]
    state: String,
    /// Tries since the last change or success.
    attempts: i32,
    /// Since when it waits.
    changed_at: DateTime<Utc>,
    /// When it is tried next.
    due_at: DateTime<Utc>,
    /// When the instance had it last.
    synced_at: Option<DateTime<Utc>>,
    /// Why the last try did not work.
    last_error: Option<String>,
    /// What the instance could not take as it is.
    note: Option<String>,
}

impl From<LiteLlmObject> for Object {
    fn from(object: LiteLlmObject) -> Self {
        Self {
            id: object.id,
            instance: object.instance,
            kind: object.kind,
            object_id: object.object_id,
            user_id: object.user_id,
            name: object.name,
            state: object.state,
            attempts: object.attempts,
            changed_at: object.changed_at,
            due_at: object.due_at,
            synced_at: object.synced_at,
            last_error: object.last_error,
            note: object.note,
        }
    }
}

/// One page of objects, the latest change first.
#[derive(Debug, Serialize, ToSchema)]
struct ObjectList {
    objects: Vec<Object>,
    /// How many all pages hold together.
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ObjectParams {
    /// Only of this instance.
    #[param(nullable = false)]
    instance: Option<String>,
    /// Only of this kind: `team`, `user`, `member` or `key`.
    #[param(nullable = false)]
    kind: Option<String>,
    /// Only in this state: `pending`, `failed`, `parked` or `synced`. Without it, all that are not synced.
    #[param(nullable = false)]
    state: Option<String>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// What to try now: one object, or all of an instance that wait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"instance": "litellm-example"}))]
struct RetryInput {
    id: Option<Uuid>,
    instance: Option<String>,
}

/// How many objects are tried now.
#[derive(Debug, Serialize, ToSchema)]
struct Retried {
    retried: u64,
}

/// Which instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompareInput {
    #[schema(example = "litellm-example")]
    instance: String,
}

/// A comparison.
#[derive(Debug, Serialize, ToSchema)]
struct Comparison {
    id: Uuid,
    instance: String,
    requested_by: String,
    started_at: DateTime<Utc>,
    /// Null while it goes on.
    ended_at: Option<DateTime<Utc>>,
    /// How many things were looked at so far.
    compared: i64,
    /// Why it was not completed.
    error: Option<String>,
    /// How many differences it found.
    total: i64,
    /// How many of them nobody has decided about.
    open: i64,
    differences: Vec<Difference>,
    /// `cursor` of the next page of differences; null on the last one.
    next_cursor: Option<String>,
}

/// A difference between here and there.
#[derive(Debug, Serialize, ToSchema)]
struct Difference {
    id: Uuid,
    /// `team`, `user`, `member` or `key`.
    #[schema(example = "team")]
    kind: String,
    name: String,
    /// `missing`: only here. `unknown`: only there. `different`.
    #[schema(example = "different")]
    problem: String,
    #[schema(example = "max_budget: 100 there")]
    detail: String,
    /// What was decided: `pushed` or `removed`.
    settled: Option<String>,
    settled_by: Option<String>,
}

impl From<LiteLlmDifference> for Difference {
    fn from(difference: LiteLlmDifference) -> Self {
        Self {
            id: difference.id,
            kind: difference.kind,
            name: difference.name,
            problem: difference.problem,
            detail: difference.detail,
            settled: difference.settled,
            settled_by: difference.settled_by,
        }
    }
}

impl Comparison {
    fn new(comparison: LiteLlmComparison, differences: Vec<LiteLlmDifference>, next: Option<String>) -> Self {
        Self {
            id: comparison.id,
            instance: comparison.instance,
            requested_by: comparison.requested_by,
            started_at: comparison.started_at,
            ended_at: comparison.ended_at,
            compared: comparison.compared,
            error: comparison.error,
            total: comparison.differences,
            open: comparison.open,
            differences: differences.into_iter().map(Difference::from).collect(),
            next_cursor: next,
        }
    }
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ComparisonParams {
    /// The instance; the default one unless said otherwise.
    #[param(nullable = false)]
    instance: Option<String>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// What to do about a difference.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettleInput {
    action: Action,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// LiteLLM gets what is here.
    Push,
    /// It goes there: memberships and keys that only LiteLLM has.
    Remove,
}

/// List LiteLLM instances, and how each does
#[utoipa::path(
    get,
    path = "/admin/litellm/instances",
    tag = "LiteLLM",
    responses(
        (status = 200, description = "The configured instances", body = InstanceList),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see them"),
    )
)]
async fn list_litellm_instances(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let instances = litellm::instances(&mut ctx).await?;
    let instances = instances.into_iter().map(Instance::from).collect();
    json(StatusCode::OK, &InstanceList { instances })
}

/// List what instances must know and do not have yet
#[utoipa::path(
    get,
    path = "/admin/litellm/objects",
    tag = "LiteLLM",
    params(ObjectParams),
    responses(
        (status = 200, description = "One page of objects", body = ObjectList),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see them"),
    )
)]
async fn list_litellm_objects(call: Call, QueryString(params): QueryString<ObjectParams>) -> Result<Response, Problem> {
    let limit = limit(params.limit, DEFAULT_LIMIT)?;
    let mut ctx = call.read().await?;
    let query = ObjectQuery {
        instance: params.instance,
        kind: params.kind,
        state: params.state,
        cursor: params.cursor,
    };
    let page = litellm::objects(&mut ctx, &query, limit).await?;
    json(
        StatusCode::OK,
        &ObjectList {
            objects: page.items.into_iter().map(Object::from).collect(),
            total: page.total,
            next_cursor: page.next,
        },
    )
}

/// Try now what waits
///
/// One object by its id, or all of an instance that failed or are parked.
#[utoipa::path(
    post,
    path = "/admin/litellm/objects/retry",
    tag = "LiteLLM",
    request_body = RetryInput,
    responses(
        (status = 200, description = "How many are tried now", body = Retried),
        (status = 403, description = "`FORBIDDEN`: only super admins try again"),
        (status = 404, description = "`NOT_FOUND`: there is no such object"),
        (status = 409, description = "`WRONG_STATE`: it does not wait"),
        (status = 503, description = "`NOT_CONFIGURED`: there is no such instance"),
    )
)]
async fn retry_litellm_objects(call: Call, Json(input): Json<RetryInput>) -> Result<Response, Problem> {
    let what = match (input.id, input.instance) {
        (Some(id), None) => Retry::One(id),
        (None, Some(instance)) => Retry::All(instance),
        _ => return Err(backend::Error::invalid("id", "give either `id` or `instance`").into()),
    };
    let mut ctx = call.write().await?;
    let retried = litellm::retry(&mut ctx, &what).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &Retried { retried })
}

/// Compare an instance with what it should have
///
/// Nothing is changed. The answer comes at once; the comparison goes on.
#[utoipa::path(
    post,
    path = "/admin/litellm/compare",
    tag = "LiteLLM",
    request_body = CompareInput,
    responses(
        (status = 202, description = "The comparison that began", body = Comparison),
        (status = 403, description = "`FORBIDDEN`: only super admins ask for one"),
        (status = 404, description = "`NOT_FOUND`: there is no such instance"),
        (status = 409, description = "`WRONG_STATE`: one is under way"),
    )
)]
async fn compare_litellm(call: Call, Json(input): Json<CompareInput>) -> Result<Response, Problem> {
    let backend = call.backend.clone();
    let mut ctx = call.write().await?;
    let id = litellm::begin(&mut ctx, &input.instance).await?;
    let begun = litellm::latest(&mut ctx, &input.instance).await?;
    ctx.commit().await?;
    litellm::start(backend, id, input.instance);
    let begun = begun.ok_or_else(|| backend::Error::not_found("Comparison", id))?;
    json(StatusCode::ACCEPTED, &Comparison::new(begun, Vec::new(), None))
}

/// Show the latest comparison with an instance
#[utoipa::path(
    get,
    path = "/admin/litellm/compare",
    tag = "LiteLLM",
    params(ComparisonParams),
    responses(
        (status = 200, description = "The comparison, with one page of differences", body = Comparison),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see it"),
        (status = 404, description = "`NOT_FOUND`: there was none"),
        (status = 503, description = "`NOT_CONFIGURED`: LiteLLM is not configured"),
    )
)]
async fn get_litellm_comparison(
    call: Call,
    QueryString(params): QueryString<ComparisonParams>,
) -> Result<Response, Problem> {
    let limit = limit(params.limit, DEFAULT_LIMIT)?;
    let mut ctx = call.read().await?;
    let (comparison, page) =
        litellm::comparison(&mut ctx, params.instance.as_deref(), params.cursor.as_deref(), limit).await?;
    json(StatusCode::OK, &Comparison::new(comparison, page.items, page.next))
}

/// Do something about a difference
///
/// What is missing or different is delivered again; memberships and keys that only LiteLLM has are removed there.
#[utoipa::path(
    post,
    path = "/admin/litellm/differences/{id}/settle",
    tag = "LiteLLM",
    params(("id" = Uuid, Path, description = "Id of the difference")),
    request_body = SettleInput,
    responses(
        (status = 204, description = "It is on its way, or done"),
        (status = 403, description = "`FORBIDDEN`: only super admins decide"),
        (status = 404, description = "`NOT_FOUND`: there is no such difference"),
        (status = 409, description = "`WRONG_STATE`: it is settled, or this cannot be done about it"),
        (status = 502, description = "`LITELLM_ERROR`: LiteLLM refused"),
        (status = 503, description = "`LITELLM_UNAVAILABLE`: LiteLLM is out of reach"),
    )
)]
async fn settle_litellm_difference(
    call: Call,
    At(DifferenceId(id)): At<DifferenceId>,
    Json(input): Json<SettleInput>,
) -> Result<StatusCode, Problem> {
    let decision = match input.action {
        Action::Push => Decision::Push,
        Action::Remove => Decision::Remove,
    };
    litellm::settle(&call.backend, call.caller, call.info, id, decision).await?;
    Ok(StatusCode::NO_CONTENT)
}
