//! The questions before a key is rotated, revoked, or its spending starts anew.

use chrono::{DateTime, Utc};
use domain::{ApiKeyStatus, views::ApiKeyPage};
use leptos::prelude::*;

use super::services;
use crate::{
    ssr,
    ui::{self, Confirm},
};

/// What the page's address asks for; none for what cannot be done with the key.
pub(super) fn asked(page: &ApiKeyPage, now: DateTime<Utc>) -> Option<AnyView> {
    let key = &page.key;
    let fields = vec![("key", key.id.to_string())];
    let cancel = format!("/keys/{}", key.id);
    let confirm = match ssr::query("confirm")?.as_str() {
        "rotate" if page.may_hold && key.status == ApiKeyStatus::Active => Confirm {
            id: "rotate-key",
            title: format!("Rotate {}?", key.name),
            text: format!(
                "LiteLLM makes a new key with the same settings, which is shown once. Put it where {}… is used, before that one ends. If anything goes wrong, the old key stays as it is.",
                key.prefix
            ),
            consequences: Vec::new(),
            action: "/actions/api-keys/rotate",
            fields,
            input: Some(services::overlap()),
            button: "Rotate key",
            danger: false,
            cancel,
        },
        "revoke" if page.may_manage && (key.status.is_open() || key.status == ApiKeyStatus::Revoking) => Confirm {
            id: "revoke-key",
            title: format!("Revoke {}?", key.name),
            text: "Guildhall refuses it from now on, and LiteLLM as soon as it is told. This cannot be undone."
                .to_owned(),
            consequences: vec![
                (format!("{} spent so far", ui::dollars(key.spend)), false),
                match key.last_used_at {
                    Some(at) => (format!("Last used at a service {}", ui::ago(at, now)), true),
                    None => ("Never used at a service so far".to_owned(), false),
                },
            ],
            action: "/actions/api-keys/revoke",
            fields,
            input: None,
            button: "Revoke key",
            danger: true,
            cancel,
        },
        "reset" if page.may_reset => Confirm {
            id: "reset-key",
            title: format!("Reset the spending of {}?", key.name),
            text: "Its budget starts anew. What was spent stays in the chart and with the team.".to_owned(),
            consequences: vec![(format!("{} becomes $0.00", ui::dollars(key.spend)), true)],
            action: "/actions/api-keys/reset-spend",
            fields,
            input: None,
            button: "Reset spending",
            danger: false,
            cancel,
        },
        _ => return None,
    };
    Some(ui::confirm(confirm))
}
