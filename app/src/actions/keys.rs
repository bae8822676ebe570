//! Creating, rotating and revoking API keys.

use backend::keys::{self, NewKey, Overlap};
use chrono::TimeDelta;
use domain::{Fields, Invalid, KeyId, KeyName, UserRef};
use leptos::prelude::*;

use super::{
    projects::{project_id, project_page},
    team_id,
};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::keys::{CHANGE, CREATE, show_once},
    ssr::{self, Error},
};

/// The page that a form about a key was on: `/keys`, or the project's.
fn page(team: &str, at: &str, project: &str) -> String {
    if at == "/keys" {
        at.to_owned()
    } else {
        project_page(team, at, project)
    }
}

fn key_id(text: &str) -> ssr::Result<KeyId> {
    text.parse().map_err(|_| Error::not_found("Key", text))
}

/// In how many days a key ends; none is never.
fn days(text: &str) -> Result<Option<i64>, Invalid> {
    match text {
        "30" | "90" | "365" => Ok(text.parse().ok()),
        "never" => Ok(None),
        _ => Err(Invalid::new("expires", "must be one of the list")),
    }
}

/// Creates a key; the next page shows it, once.
#[server(prefix = "/actions", endpoint = "keys/create")]
pub async fn create_key(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] name: String,
    #[server(default)] expires: String,
    #[server(default)] owner: String,
) -> Result<(), ApiError> {
    let back = project_page(&team, &at, &project);
    let sent = Sent {
        form: CREATE,
        values: &[("name", &name), ("expires", &expires), ("owner", &owner)],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let name = fields.take(KeyName::parse(&name));
        let days = fields.take(days(&expires));
        let owner = Some(owner.trim()).filter(|owner| !owner.is_empty());
        let owner = fields.take(owner.map(|owner| UserRef::parse("owner", owner)).transpose());
        let ((name, days), owner) = fields.with(name.zip(days).zip(owner))?;
        let new = NewKey {
            name,
            expires_at: days.map(|days| ctx.now + TimeDelta::days(days)),
            owner,
        };
        let (key, secret) = keys::create(ctx, team_id(&team)?, project_id(&project)?, &new).await?;
        show_once(&key, secret.reveal()).await;
        Ok(Done::new(&back, format!("Key {} was created.", key.name)))
    })
    .await
}

/// Rotates a key; the next page shows the new one, once.
#[server(prefix = "/actions", endpoint = "keys/rotate")]
pub async fn rotate_key(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] key: String,
    #[server(default)] overlap: String,
) -> Result<(), ApiError> {
    let back = page(&team, &at, &project);
    let sent = Sent {
        form: CHANGE,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let seconds = overlap.parse();
        let seconds = seconds.map_err(|_| Invalid::new("overlap_seconds", "must be one of the list"));
        let overlap = seconds.and_then(|seconds| Overlap::seconds(Some(seconds)));
        // The choice offers nothing else, so there is no field to show an error beside.
        let overlap = overlap
            .map_err(|invalid| Error::refused(ssr::Code::Validation, format!("The overlap {}", invalid.message)))?;
        let (team, project) = (team_id(&team)?, project_id(&project)?);
        let (new, secret) = keys::rotate(ctx, team, project, key_id(&key)?, overlap, None).await?;
        show_once(&new, secret.reveal()).await;
        Ok(Done::new(&back, format!("Key {} was rotated.", new.name)))
    })
    .await
}

/// Revokes a key.
#[server(prefix = "/actions", endpoint = "keys/revoke")]
pub async fn revoke_key(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] project: String,
    #[server(default)] key: String,
) -> Result<(), ApiError> {
    let back = page(&team, &at, &project);
    let sent = Sent {
        form: CHANGE,
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let (team, project) = (team_id(&team)?, project_id(&project)?);
        let revoked = keys::revoke(ctx, team, project, key_id(&key)?).await?;
        Ok(Done::new(&back, format!("Key {} was revoked.", revoked.name)))
    })
    .await
}
