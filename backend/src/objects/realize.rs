//! Making true what was declared: by the functions that every other door calls, with the caller's rights.

mod association;
mod key;
mod team;
mod user;

use kubernetes::{Cause, Failure, Kind, Reason, spec::ConnectionRef};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    batch::{self, Batch},
    keep, refusal, settle,
    store::{self, Row},
    subject::Ids,
};
use crate::{Ctx, Error, Result};

/// What making an object true came to.
enum Made {
    /// It is there.
    There(Ids),
    /// It waits for something: the reason, as the status shows it.
    Waits(Value),
}

/// Makes an object true, or says in it what it waits for. An object that told of the same thing under another name goes:
/// the declared name is the name.
///
/// # Errors
/// Rules that its spec breaks, missing rights, and another object that declares the same thing.
pub(super) async fn establish(ctx: &mut Ctx, row: &mut Row) -> Result<(), Failure> {
    match make(ctx, row).await? {
        Made::There(ids) => {
            if let Some(other) = adopt(ctx, row, ids).await.map_err(refusal::failure)? {
                return Err(declared_twice(row, &other));
            }
            (row.ids, row.waits) = (ids, None);
        }
        Made::Waits(waits) => row.waits = Some(waits),
    }
    Ok(())
}

async fn make(ctx: &mut Ctx, row: &Row) -> Result<Made, Failure> {
    let spec = row.written.as_ref().unwrap_or(&row.spec);
    let made = match row.kind {
        Kind::Team => team::make(ctx, row, read(row, spec)?).await,
        Kind::User => user::make(ctx, row, read(row, spec)?).await,
        Kind::TeamMemberAssociation => association::make(ctx, row, read(row, spec)?).await,
        Kind::VirtualKey => key::make(ctx, row, read(row, spec)?).await,
    };
    made.map_err(|refused| refused.told(row))
}

/// Makes changes true: `old` is what was shown, `row.written` what is wanted.
///
/// # Errors
/// Rules that its spec breaks, and missing rights.
pub(super) async fn alter(ctx: &mut Ctx, row: &Row, old: &Map<String, Value>) -> Result<(), Failure> {
    let new = row.written.as_ref().unwrap_or(&row.spec);
    let done = match row.kind {
        Kind::Team => team::alter(ctx, row, read(row, old)?, read(row, new)?).await,
        Kind::User => user::alter(ctx, row, read(row, old)?, read(row, new)?).await,
        Kind::TeamMemberAssociation => association::alter(ctx, row, read(row, old)?, read(row, new)?).await,
        Kind::VirtualKey => key::alter(ctx, row, read(row, old)?, read(row, new)?).await,
    };
    done.map_err(|refused| refused.told(row))
}

/// Ends what an object is about.
///
/// # Errors
/// Missing rights, and rules that keep it.
pub(super) async fn end(ctx: &mut Ctx, row: &Row) -> Result<(), Failure> {
    let done = match row.kind {
        Kind::Team => team::end(ctx, row).await,
        Kind::User => user::end(ctx, row).await,
        Kind::TeamMemberAssociation => association::end(ctx, row).await,
        Kind::VirtualKey => key::end(ctx, row).await,
    };
    done.map_err(|error| refusal::about(row.kind, &row.name, error))
}

/// Tries an object that waits once more; says whether it waits no more.
///
/// # Errors
/// When the database does not answer. What else is in the way is written into the object.
pub(super) async fn again(ctx: &mut Ctx, uid: Uuid) -> Result<bool> {
    settle::lock(ctx.connection()).await?;
    let Some(before) = store::by_uid(ctx.connection(), uid)
        .await?
        .filter(|row| row.waits.is_some())
    else {
        return Ok(false);
    };
    // What a refusal leaves behind is undone; why it was refused is kept.
    sqlx::query!("SAVEPOINT again").execute(ctx.connection()).await?;
    let mut row = before.clone();
    if let Err(failure) = establish(ctx, &mut row).await {
        sqlx::query!("ROLLBACK TO SAVEPOINT again")
            .execute(ctx.connection())
            .await?;
        row.waits = match failure.reason {
            // Nothing is wrong with what was declared.
            Reason::InternalError | Reason::ServiceUnavailable => return Ok(false),
            Reason::Forbidden => Some(keep::reason("Forbidden", &failure.message)),
            _ => Some(keep::reason("InvalidSpec", &failure.message)),
        };
    }
    let there = row.waits.is_none();
    if there || row.waits != before.waits {
        batch::save(ctx.connection(), &[&row]).await?;
        let now = ctx.now;
        settle::show_one(ctx.connection(), Some(&before), row, now).await?;
        settle::settle(ctx.connection(), now).await?;
    }
    Ok(there)
}

/// Removes an object that nobody declared and that tells of the same thing; one that somebody declared is the answer.
async fn adopt(ctx: &mut Ctx, row: &Row, ids: Ids) -> Result<Option<Row>> {
    let subject = super::subject::Subject::of(row.kind, row.uid, row.organization, ids);
    let mut known = store::of_subjects(ctx.connection(), std::iter::once(&subject)).await?;
    let Some(other) = known.remove(&subject).filter(|other| other.uid != row.uid) else {
        return Ok(None);
    };
    if other.written.is_some() && other.deleting_at.is_none() {
        return Ok(Some(other));
    }
    let mut batch = Batch::default();
    batch.remove(ctx.connection(), other).await?;
    batch.write(ctx.connection()).await?;
    Ok(None)
}

/// Two objects of one thing.
fn declared_twice(row: &Row, other: &Row) -> Failure {
    let message = format!(
        "{} \"{}/{}\" declares the same",
        other.kind, other.namespace, other.name
    );
    let cause = Cause {
        reason: "FieldValueDuplicate",
        field: "spec".to_owned(),
        message,
    };
    Failure::invalid(row.kind, &row.name, vec![cause])
}

/// The team that a membership names, if it is there.
///
/// # Errors
/// Refs that disagree, or that name what the caller does not see.
pub(super) async fn named_team(ctx: &mut Ctx, row: &Row) -> Result<Option<Uuid>, Failure> {
    let spec = read(row, row.written.as_ref().unwrap_or(&row.spec))?;
    association::team(ctx, row, &spec)
        .await
        .map_err(|refused| refused.told(row))
}

/// Why something was not done: in our words, or with the fields named already.
pub(super) enum Refused {
    Ours(Error),
    Causes(Vec<Cause>),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Ours(error.into())
    }
}

impl From<Vec<domain::Invalid>> for Refused {
    fn from(broken: Vec<domain::Invalid>) -> Self {
        Self::Ours(broken.into())
    }
}

impl From<domain::Invalid> for Refused {
    fn from(broken: domain::Invalid) -> Self {
        Self::Ours(broken.into())
    }
}

impl From<domain::Refusal> for Refused {
    fn from(refusal: domain::Refusal) -> Self {
        Self::Ours(refusal.into())
    }
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Self {
        Self::Causes(vec![cause])
    }
}

impl Refused {
    fn told(self, row: &Row) -> Failure {
        match self {
            Self::Ours(error) => refusal::about(row.kind, &row.name, error),
            Self::Causes(causes) => Failure::invalid(row.kind, &row.name, causes),
        }
    }
}

/// A spec with types; decoding has checked it, so that this only fails for what was stored by an older version.
fn read<T: serde::de::DeserializeOwned>(row: &Row, spec: &Map<String, Value>) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(spec.clone())).map_err(|error| {
        let cause = Cause {
            reason: "FieldValueInvalid",
            field: "spec".to_owned(),
            message: error.to_string(),
        };
        Failure::invalid(row.kind, &row.name, vec![cause])
    })
}

/// The instance that a reference means.
enum Instance {
    /// It is configured: its name; none for the default one.
    Known { name: String, is_default: bool },
    /// It is not, and why.
    Unknown(String),
}

fn instance(ctx: &Ctx, reference: &ConnectionRef) -> Instance {
    let Some(wanted) = &reference.instance_ref else {
        return Instance::Unknown(
            "Guildhall reads no Secrets: name one of its configured LiteLLM instances with spec.connectionRef.instanceRef"
                .to_owned(),
        );
    };
    let known = ctx.backend.litellm.iter().find(|instance| {
        instance.name() == wanted.name
            && wanted
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == instance.namespace)
    });
    match known {
        Some(instance) => Instance::Known {
            name: instance.name().to_owned(),
            is_default: instance.is_default,
        },
        None => {
            let namespace = wanted
                .namespace
                .as_deref()
                .map(|name| format!(" in namespace '{name}'"))
                .unwrap_or_default();
            let known: Vec<&str> = ctx.backend.litellm.iter().map(crate::litellm::Instance::name).collect();
            let known = match known.as_slice() {
                [] => "there is none".to_owned(),
                names => format!("there is: {}", names.join(", ")),
            };
            Instance::Unknown(format!(
                "The LiteLLM instance '{}'{namespace} is not configured in Guildhall; {known}",
                wanted.name
            ))
        }
    }
}

/// An amount of money; empty is none.
fn money(field: &str, text: Option<&str>) -> Result<Option<Decimal>, Cause> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Cause::invalid(
                format!("spec.{field}"),
                &text.into(),
                "must be a decimal number, such as \"10\" or \"0.50\"",
            )
        }),
    }
}

/// A change of a field: none keeps it.
fn changed<T: PartialEq + Clone>(old: &T, new: &T) -> Option<T> {
    (old != new).then(|| new.clone())
}

/// Tells of fields that are kept with the object, and that neither Guildhall nor, by it, LiteLLM looks at.
fn warn_of_unused(ctx: &mut Ctx, fields: &[(&str, bool)]) {
    for (field, used) in fields {
        if *used {
            ctx.warn(format!(
                "spec.{field} is kept with the object, and neither enforced nor sent to LiteLLM"
            ));
        }
    }
}
