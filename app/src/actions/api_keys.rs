//! Creating, claiming, rotating, changing and revoking keys for models, and their defaults.

use backend::{
    api_keys::{self, ApiKeyPatchInput, LimitsInput, Made, NewApiKeyInput},
    keys::Overlap,
};
use chrono::{TimeDelta, Utc};
use domain::{
    ApiKeyStatus, BudgetDuration, Fields, Invalid, KeyDefaults, KeyId, KeyMaximums, KeyPolicy, Money, UserDefaults,
    split_list,
};
use leptos::prelude::*;
use rust_decimal::Decimal;
use secrecy::ExposeSecret as _;

use crate::{
    forms::{ApiError, Done, Sent, describe},
    pages::keys::{CHANGE, EDIT, FORM, SETTINGS, USERS, show_made},
    ssr::{self, Code, Error},
};

fn visitor() -> ssr::Result<(ssr::Visit, ssr::Caller)> {
    let visit = ssr::visit();
    let caller = visit.caller.clone();
    let caller = caller.ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))?;
    Ok((visit, caller))
}

fn key_id(text: &str) -> ssr::Result<KeyId> {
    text.parse().map_err(|_| Error::not_found("Key", text))
}

fn key_page(key: &str) -> String {
    key_id(key).map_or_else(|_| "/keys".to_owned(), |id| format!("/keys/{id}"))
}

/// A whole number in a text field; blank is none.
fn count(field: &'static str, text: &str) -> Result<Option<i64>, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Invalid::new(field, "must be a whole number, or empty"))
}

fn amount(field: &'static str, text: &str) -> Result<Option<Decimal>, Invalid> {
    Money::read(field, text)
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
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
            max_budget: fields.take(amount("maxBudget", self.max_budget)),
            soft_budget: fields.take(amount("softBudget", self.soft_budget)),
            budget_duration: Some(filled(self.duration)),
            tpm_limit: fields.take(count("tpmLimit", self.tpm)),
            rpm_limit: fields.take(count("rpmLimit", self.rpm)),
            tags: Some(split_list(self.tags)),
        }
    }
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
        limits.model_ids = limits.model_ids.filter(|models| !models.is_empty());
        let days = fields.take(count("days", &days)).flatten();
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
async fn show(made: Made) {
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

/// Claims a pending key; the next page shows it, once.
#[server(prefix = "/actions", endpoint = "api-keys/claim")]
pub async fn claim_api_key(#[server(default)] key: String) -> Result<(), ApiError> {
    let claimed = async {
        let (visit, caller) = visitor()?;
        api_keys::claim(&visit.backend, caller, visit.request, key_id(&key)?).await
    };
    match claimed.await {
        Ok(made) => show(made).await,
        Err(error) => refuse(&key, error).await,
    }
    Ok(())
}

/// Back to the key's page, with what is wrong.
async fn refuse(key: &str, error: Error) {
    let sent = Sent {
        form: CHANGE,
        values: &[],
        back: &key_page(key),
    };
    // The page has no field to show an error beside.
    let error = match error {
        Error::Invalid(fields) => {
            let words: Vec<String> = fields.iter().map(ToString::to_string).collect();
            Error::refused(Code::Validation, words.join("; "))
        }
        other => other,
    };
    sent.refuse(error).await;
}

/// Rotates a key; the next page shows the new one, once.
#[server(prefix = "/actions", endpoint = "api-keys/rotate")]
pub async fn rotate_api_key(
    #[server(default)] key: String,
    #[server(default)] overlap: String,
) -> Result<(), ApiError> {
    let rotated = async {
        let seconds = overlap
            .parse()
            .map_err(|_| Invalid::new("overlap_seconds", "must be one of the list"))?;
        let overlap = Overlap::seconds(Some(seconds))?;
        let (visit, caller) = visitor()?;
        api_keys::rotate(&visit.backend, caller, visit.request, key_id(&key)?, overlap, None).await
    };
    match rotated.await {
        Ok((new, secret)) => {
            show_made(&new, secret.expose_secret()).await;
            ssr::set_flash("success", format!("Key {} was rotated.", new.name)).await;
            ssr::redirect(&format!("/keys/{}", new.id));
        }
        Err(error) => refuse(&key, error).await,
    }
    Ok(())
}

/// Revokes a key, or asks LiteLLM again about one that is being revoked.
#[server(prefix = "/actions", endpoint = "api-keys/revoke")]
pub async fn revoke_api_key(#[server(default)] key: String) -> Result<(), ApiError> {
    let revoked = async {
        let (visit, caller) = visitor()?;
        api_keys::revoke(&visit.backend, caller, visit.request, key_id(&key)?).await
    };
    match revoked.await {
        Ok(revoked) if revoked.status == ApiKeyStatus::Revoking => {
            let text = format!(
                "Key {} is being revoked: LiteLLM has not confirmed it yet.",
                revoked.name
            );
            ssr::set_flash("warning", text).await;
            ssr::redirect(&key_page(&key));
        }
        Ok(revoked) => {
            ssr::set_flash("success", format!("Key {} was revoked.", revoked.name)).await;
            ssr::redirect(&key_page(&key));
        }
        Err(error) => refuse(&key, error).await,
    }
    Ok(())
}

/// Lets a key's spending start anew.
#[server(prefix = "/actions", endpoint = "api-keys/reset-spend")]
pub async fn reset_api_key_spend(#[server(default)] key: String) -> Result<(), ApiError> {
    let reset = async {
        let (visit, caller) = visitor()?;
        api_keys::reset_spend(&visit.backend, caller, visit.request, key_id(&key)?).await
    };
    match reset.await {
        Ok(reset) => ssr::set_flash("success", format!("The spending of key {} starts anew.", reset.name)).await,
        Err(error) => ssr::set_flash("danger", describe(&error)).await,
    }
    ssr::redirect(&key_page(&key));
    Ok(())
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

/// Sets the defaults and maximums of keys.
#[server(prefix = "/actions", endpoint = "api-keys/settings")]
pub async fn set_key_settings(
    #[server(default)]
    #[server(rename = "defaults.maxBudget")]
    max_budget: String,
    #[server(default)]
    #[server(rename = "defaults.softBudget")]
    soft_budget: String,
    #[server(default)]
    #[server(rename = "defaults.budgetDuration")]
    duration: String,
    #[server(default)]
    #[server(rename = "defaults.tpmLimit")]
    tpm: String,
    #[server(default)]
    #[server(rename = "defaults.rpmLimit")]
    rpm: String,
    #[server(default)]
    #[server(rename = "defaults.expiresInDays")]
    days: String,
    #[server(default)]
    #[server(rename = "maximums.maxBudget")]
    highest_budget: String,
    #[server(default)]
    #[server(rename = "maximums.tpmLimit")]
    most_tokens: String,
    #[server(default)]
    #[server(rename = "maximums.rpmLimit")]
    most_requests: String,
    #[server(default)]
    #[server(rename = "maximums.expiresInDays")]
    longest_days: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: SETTINGS,
        values: &[
            ("defaults.maxBudget", &max_budget),
            ("defaults.softBudget", &soft_budget),
            ("defaults.budgetDuration", &duration),
            ("defaults.tpmLimit", &tpm),
            ("defaults.rpmLimit", &rpm),
            ("defaults.expiresInDays", &days),
            ("maximums.maxBudget", &highest_budget),
            ("maximums.tpmLimit", &most_tokens),
            ("maximums.rpmLimit", &most_requests),
            ("maximums.expiresInDays", &longest_days),
        ],
        back: "/admin/settings/keys",
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let mut money = |field, text: &str| fields.take(amount(field, text)).flatten().map(Money::trusted);
        let (own, soft) = (
            money("defaults.maxBudget", &max_budget),
            money("defaults.softBudget", &soft_budget),
        );
        let top = money("maximums.maxBudget", &highest_budget);
        let period = filled(&duration).map(|text| BudgetDuration::parse(&text)).transpose();
        let period = fields.take(period.map_err(|invalid| invalid.on("defaults.budgetDuration")));
        let mut number = |field, text: &str| fields.take(count(field, text)).flatten();
        let policy = KeyPolicy {
            defaults: KeyDefaults {
                max_budget: own,
                soft_budget: soft,
                budget_duration: period.flatten(),
                tpm_limit: number("defaults.tpmLimit", &tpm),
                rpm_limit: number("defaults.rpmLimit", &rpm),
                expires_in_days: number("defaults.expiresInDays", &days),
            },
            maximums: KeyMaximums {
                max_budget: top,
                tpm_limit: number("maximums.tpmLimit", &most_tokens),
                rpm_limit: number("maximums.rpmLimit", &most_requests),
                expires_in_days: number("maximums.expiresInDays", &longest_days),
            },
        };
        fields.and(policy.check())?;
        api_keys::set_key_policy(ctx, &policy).await?;
        Ok(Done::new(
            "/admin/settings/keys",
            "The defaults of API keys were saved.",
        ))
    })
    .await
}

/// Sets what people are made with at LiteLLM.
#[server(prefix = "/actions", endpoint = "api-keys/user-settings")]
pub async fn set_user_settings(
    #[server(default)]
    #[server(rename = "maxBudget")]
    max_budget: String,
    #[server(default)]
    #[server(rename = "tpmLimit")]
    tpm_limit: String,
    #[server(default)]
    #[server(rename = "rpmLimit")]
    rpm_limit: String,
) -> Result<(), ApiError> {
    let sent = Sent {
        form: USERS,
        values: &[
            ("maxBudget", &max_budget),
            ("tpmLimit", &tpm_limit),
            ("rpmLimit", &rpm_limit),
        ],
        back: "/admin/settings/keys",
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let defaults = UserDefaults {
            max_budget: fields
                .take(amount("maxBudget", &max_budget))
                .flatten()
                .map(Money::trusted),
            tpm_limit: fields.take(count("tpmLimit", &tpm_limit)).flatten(),
            rpm_limit: fields.take(count("rpmLimit", &rpm_limit)).flatten(),
        };
        fields.and(defaults.check())?;
        api_keys::set_user_defaults(ctx, &defaults).await?;
        Ok(Done::new("/admin/settings/keys", "The limits of people were saved."))
    })
    .await
}
