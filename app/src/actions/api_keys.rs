//! Creating and changing keys for models.

use backend::api_keys::{self, ApiKeyPatchInput, LimitsInput, Made, NewApiKeyInput};
use chrono::{TimeDelta, Utc};
use domain::{Fields, Invalid, KeyId, Money, split_list};
use leptos::prelude::*;
use secrecy::ExposeSecret as _;

use super::{filled, visitor, whole};
use crate::{
    forms::{ApiError, Done, Sent},
    pages::keys::{EDIT, FORM, show_made},
    ssr::{self, Error},
};

pub(super) fn key_id(text: &str) -> ssr::Result<KeyId> {
    text.parse().map_err(|_| Error::not_found("Key", text))
}

pub(super) fn key_page(key: &str) -> String {
    key_id(key).map_or_else(|_| "/keys".to_owned(), |id| format!("/keys/{id}"))
}

/// A whole number in a text field; blank is none.
pub(super) fn count(field: &'static str, text: &str) -> Result<Option<i64>, Invalid> {
    whole(field, text, "must be a whole number, or empty")
}

/// What a form says of limits. A field that is empty says "none".
struct Typed<'a> {
    models: Vec<String>,
    max_budget: &'a str,
    soft_budget: &'a str,
    duration: &'a str,
    tpm: &'a str,
    rpm: &'a str,
    tags: &'a str,
}

impl Typed<'_> {
    fn parse(self, fields: &mut Fields) -> LimitsInput {
        LimitsInput {
            model_ids: Some(self.models),
            expires_at: None,
            max_budget: fields.take(Money::read("maxBudget", self.max_budget)),
            soft_budget: fields.take(Money::read("softBudget", self.soft_budget)),
            budget_duration: Some(filled(self.duration)),
            tpm_limit: fields.take(count("tpmLimit", self.tpm)),
            rpm_limit: fields.take(count("rpmLimit", self.rpm)),
            tags: Some(split_list(self.tags)),
        }
    }
}

/// The models of a team that need no request, when others of its do: what a key gets for which nobody chose any. None where all
/// do not, or LiteLLM does not say which there are.
async fn without_request(team: &str) -> ssr::Result<Option<Vec<String>>> {
    let mut ctx = ssr::write().await?;
    let form = api_keys::form(&mut ctx).await?;
    let backend = ctx.backend.clone();
    ctx.commit().await?;
    let Some(team) = form.teams.into_iter().find(|one| one.id.to_string() == team) else {
        return Ok(None);
    };
    if team.restricted.is_empty() {
        return Ok(None);
    }
    let mut models = if team.limits.models.is_empty() {
        api_keys::offered(&backend).await
    } else {
        team.limits.models
    };
    models.retain(|model| !team.restricted.contains(model));
    Ok(Some(models).filter(|models| !models.is_empty()))
}

/// Creates a key; the next page shows it, once.
#[server(prefix = "/actions", endpoint = "api-keys/create")]
pub async fn create_api_key(
    #[server(default)] name: String,
    #[server(default)]
    #[server(rename = "teamId")]
    team_id: String,
    #[server(default)] owner: String,
    #[server(default)] model: Vec<String>,
    #[server(default)]
    #[server(rename = "modelIds")]
    model_ids: String,
    #[server(default)]
    #[server(rename = "maxBudget")]
    max_budget: String,
    #[server(default)]
    #[server(rename = "softBudget")]
    soft_budget: String,
    #[server(default)]
    #[server(rename = "budgetDuration")]
    budget_duration: String,
    #[server(default)]
    #[server(rename = "tpmLimit")]
    tpm_limit: String,
    #[server(default)]
    #[server(rename = "rpmLimit")]
    rpm_limit: String,
    #[server(default)] days: String,
    #[server(default)] tags: String,
) -> Result<(), ApiError> {
    let models = if model.is_empty() {
        split_list(&model_ids)
    } else {
        model
    };
    let chosen = models.join(", ");
    let sent = Sent {
        form: FORM,
        values: &[
            ("name", &name),
            ("teamId", &team_id),
            ("owner", &owner),
            ("modelIds", &chosen),
            ("maxBudget", &max_budget),
            ("softBudget", &soft_budget),
            ("budgetDuration", &budget_duration),
            ("tpmLimit", &tpm_limit),
            ("rpmLimit", &rpm_limit),
            ("days", &days),
            ("tags", &tags),
        ],
        back: "/keys/new",
    };
    let made = async {
        let mut fields = Fields::new();
        let typed = Typed {
            models: models.clone(),
            max_budget: &max_budget,
            soft_budget: &soft_budget,
            duration: &budget_duration,
            tpm: &tpm_limit,
            rpm: &rpm_limit,
            tags: &tags,
        };
        let mut limits = typed.parse(&mut fields);
        limits.model_ids = match limits.model_ids.filter(|models| !models.is_empty()) {
            None => without_request(&team_id).await?,
            chosen => chosen,
        };
        let days = if days.trim() == "never" { "" } else { &days };
        let days = fields.take(count("days", days)).flatten();
        if days.is_some_and(|days| !(1..=3650).contains(&days)) {
            fields.push(Invalid::new("days", "must be from 1 to 3650"));
        }
        #[expect(clippy::disallowed_methods, reason = "the form says days from now")]
        let now = Utc::now();
        limits.expires_at = Some(days.and_then(TimeDelta::try_days).map(|days| now + days));
        let input = NewApiKeyInput {
            name: name.clone(),
            limits,
            team_id: filled(&team_id),
            owner: filled(&owner),
            ..NewApiKeyInput::default()
        };
        let new = fields.and(input.parse())?;
        let (visit, caller) = visitor()?;
        api_keys::create(&visit.backend, caller, visit.request, new).await
    };
    match made.await {
        Ok(made) => show(made).await,
        Err(error) => sent.refuse(error).await,
    }
    Ok(())
}

/// The page of a key that was made or waits.
pub(super) async fn show(made: Made) {
    let id = made.key().id;
    match made {
        Made::Ready(key, secret) => {
            show_made(&key, secret.expose_secret()).await;
            ssr::set_flash("success", format!("Key {} was created.", key.name)).await;
        }
        Made::Pending(key, why) => {
            ssr::set_flash(
                "warning",
                format!("Key {} is pending: LiteLLM is away ({why}).", key.name),
            )
            .await;
        }
    }
    ssr::redirect(&format!("/keys/{id}"));
}

/// Changes a key's name and limits.
#[server(prefix = "/actions", endpoint = "api-keys/update")]
pub async fn update_api_key(
    #[server(default)] key: String,
    #[server(default)] name: String,
    #[server(default)]
    #[server(rename = "modelIds")]
    model_ids: String,
    #[server(default)]
    #[server(rename = "maxBudget")]
    max_budget: String,
    #[server(default)]
    #[server(rename = "softBudget")]
    soft_budget: String,
    #[server(default)]
    #[server(rename = "budgetDuration")]
    budget_duration: String,
    #[server(default)]
    #[server(rename = "tpmLimit")]
    tpm_limit: String,
    #[server(default)]
    #[server(rename = "rpmLimit")]
    rpm_limit: String,
    #[server(default)] tags: String,
) -> Result<(), ApiError> {
    let back = key_page(&key);
    let sent = Sent {
        form: EDIT,
        values: &[
            ("name", &name),
            ("modelIds", &model_ids),
            ("maxBudget", &max_budget),
            ("softBudget", &soft_budget),
            ("budgetDuration", &budget_duration),
            ("tpmLimit", &tpm_limit),
            ("rpmLimit", &rpm_limit),
            ("tags", &tags),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let models = split_list(&model_ids);
        let typed = Typed {
            // LiteLLM's word for no list of its own.
            models: if models.is_empty() {
                vec!["all-team-models".to_owned()]
            } else {
                models
            },
            max_budget: &max_budget,
            soft_budget: &soft_budget,
            duration: &budget_duration,
            tpm: &tpm_limit,
            rpm: &rpm_limit,
            tags: &tags,
        };
        let limits = typed.parse(&mut fields);
        let input = ApiKeyPatchInput {
            name: Some(name.clone()),
            limits,
        };
        let patch = fields.and(input.parse())?;
        let changed = api_keys::update(ctx, key_id(&key)?, &patch).await?;
        Ok(Done::new(&back, format!("Key {} was saved.", changed.name)))
    })
    .await
}
