//! How a project's keys are shown wherever they are.

use chrono::{DateTime, Utc};
use domain::{KeyState, views::Key};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    forms::FormState,
    icon::icon,
    once, ssr,
    ui::{self, Confirm},
};

/// The form that makes a key, in the session; a new key that is shown once has the same name.
pub const CREATE: &str = "create-key";

/// The forms that rotate and revoke.
pub const CHANGE: &str = "change-key";

/// What a page shows once of a new key.
#[derive(Serialize, Deserialize)]
pub struct Shown {
    name: String,
    project: String,
    secret: String,
}

/// Keeps a new key for the next page.
pub async fn show_once(key: &Key, secret: &str) {
    let shown = Shown {
        name: key.name.clone(),
        project: key.project_name.clone().unwrap_or_default(),
        secret: secret.to_owned(),
    };
    if once::put(CREATE, &shown).await.is_none() {
        ssr::set_flash(
            "danger",
            format!(
                "Key {} was created, but its text was lost. Rotate it to get another.",
                key.name
            ),
        )
        .await;
    }
}

/// Takes the new key, if there is one.
pub async fn take() -> Option<Shown> {
    once::take::<Shown>(CREATE).await
}

/// A new key, this once, and how it is used.
pub fn shown(key: Shown) -> AnyView {
    let site = ssr::visit().site;
    let call = format!(
        "curl -H 'Authorization: Bearer {}' {}/authz/SERVICE",
        key.secret, site.public_url
    );
    view! {
        <section class="secret" aria-labelledby="secret-title">
            <div class="secret__head">
                {icon("key")}
                <div>
                    <h2 class="secret__title" id="secret-title">{format!("Copy key {} now", key.name)}</h2>
                    <p>{format!("What uses it acts as the key's owner, in project {}. You will not see it again.", key.project)}</p>
                </div>
            </div>
            {ui::code("new-key", key.secret, true)}
            <p class="muted">"Try it with a service that the team may use:"</p>
            {ui::code("new-key-call", call, true)}
        </section>
    }
    .into_any()
}

/// Whether a key does not work now.
pub fn is_over(key: &Key) -> bool {
    matches!(key.state, KeyState::Expired | KeyState::Suspended)
}

/// A key's name with the beginning of its secret, as the head of a row.
pub fn title(key: &Key) -> AnyView {
    view! {
        <th scope="row" class="table__title">
            {key.name.clone()}<small class="table__sub mono">{format!("{}…", key.prefix)}</small>
        </th>
    }
    .into_any()
}

/// A badge of what a key is worth.
pub fn state(key: &Key) -> AnyView {
    match key.state {
        KeyState::Active => view! { <span class="badge badge--active">"Active"</span> }.into_any(),
        KeyState::Replaced => {
            view! { <span class="badge badge--warning" title="Another key has taken its place">"Replaced"</span> }
                .into_any()
        }
        KeyState::Suspended => view! {
            <span class="badge badge--inactive" title="Its owner has no access to the project, or the team is not active">
                "Suspended"
            </span>
        }
        .into_any(),
        KeyState::Expired => view! { <span class="badge badge--archived">"Expired"</span> }.into_any(),
    }
}

/// When a key was last used.
pub fn last_used(key: &Key, now: DateTime<Utc>) -> AnyView {
    match key.last_used_at {
        Some(at) => ui::time_ago(at, now),
        None => view! { <span class="none">"never"</span> }.into_any(),
    }
}

/// Until when a key works.
pub fn expires(key: &Key, now: DateTime<Utc>) -> AnyView {
    match key.expires_at {
        None => view! { <span class="none">"never"</span> }.into_any(),
        Some(at) if key.replaced_by.is_some() && at > now => {
            view! { "works until "<time datetime=ui::machine(at)>{ui::moment(at)}</time> }.into_any()
        }
        Some(at) => ui::time(at),
    }
}

/// The address of a page of keys: `path`, with the cursor in `parameter` that led to it. A question asked there is about
/// a key of that page.
pub fn address(path: &str, parameter: &str) -> String {
    match ssr::query(parameter) {
        Some(cursor) => {
            let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
            format!("{path}?{parameter}={cursor}")
        }
        None => path.to_owned(),
    }
}

/// What can be done with a key. `at` is the page that asks, as [`address`] gives it.
pub fn menu(key: &Key, at: &str) -> AnyView {
    let and = if at.contains('?') { '&' } else { '?' };
    let link = |what: &str| format!("{at}{and}confirm={what}&key={}", key.id);
    let rotates = matches!(key.state, KeyState::Active);
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {} {}", key.name, key.prefix)>
                {icon("more")}
            </summary>
            <div class="menu__list">
                {rotates.then(|| view! { <a class="menu__item" href=link("rotate")>"Rotate…"</a><hr /> })}
                <a class="menu__item menu__item--danger" href=link("revoke")>"Revoke…"</a>
            </div>
        </details>
    }
    .into_any()
}

/// What a page is asked to do with a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Put another in its place.
    Rotate,
    /// End it.
    Revoke,
}

impl Action {
    /// What the page's address asks for.
    pub fn asked() -> Option<Self> {
        match ssr::query("confirm")?.as_str() {
            "rotate" => Some(Self::Rotate),
            "revoke" => Some(Self::Revoke),
            _ => None,
        }
    }
}

/// The question before it is done; none for what can not be done with the key.
pub fn dialog(
    action: Action,
    key: &Key,
    fields: Vec<(&'static str, String)>,
    cancel: String,
    now: DateTime<Utc>,
) -> Option<AnyView> {
    match action {
        Action::Rotate if key.state != KeyState::Active => None,
        Action::Rotate => Some(ui::confirm(Confirm {
            id: "rotate-key",
            title: format!("Rotate {}?", key.name),
            text: format!(
                "A new key works at once and is shown once. Put it where {}… is used, before that one ends.",
                key.prefix
            ),
            consequences: Vec::new(),
            action: "/actions/keys/rotate",
            fields,
            input: Some(overlap()),
            button: "Rotate key",
            danger: false,
            cancel,
        })),
        Action::Revoke => Some(ui::confirm(Confirm {
            id: "revoke-key",
            title: format!("Revoke {}?", key.name),
            text: format!(
                "Whatever uses {}… is refused from now on. This cannot be undone.",
                key.prefix
            ),
            consequences: vec![match key.last_used_at {
                Some(at) => (format!("Last used {}", ui::ago(at, now)), true),
                None => ("Never used so far".to_owned(), false),
            }],
            action: "/actions/keys/revoke",
            fields,
            input: None,
            button: "Revoke key",
            danger: true,
            cancel,
        })),
    }
}

/// The choice of how long the old key works beside the new one.
pub(super) fn overlap() -> AnyView {
    view! {
        <div class="field">
            <label class="field__label" for="overlap">"The old key works for"</label>
            <select class="select" id="overlap" name="overlap" autofocus>
                {[("0", "no longer: it ends now"), ("3600", "an hour"), ("86400", "a day"), ("604800", "a week"), ("2592000", "30 days")]
                    .map(|(value, label)| view! { <option value=value selected=value == "86400">{label}</option> })
                    .collect_view()}
            </select>
        </div>
    }
    .into_any()
}

/// In how many days a key ends when nobody says otherwise.
const USUAL_DAYS: i64 = 90;

/// The choice of when a new key ends, in the field `name`: in how many days, or `never`. `usual` is chosen at first; later
/// than `longest` is not offered.
pub fn expiry(state: &FormState, name: &'static str, usual: Option<i64>, longest: Option<i64>) -> AnyView {
    let most = longest.unwrap_or(i64::MAX);
    let usual = usual.unwrap_or(USUAL_DAYS).min(most);
    let mut days: Vec<i64> = [30, USUAL_DAYS, 365, usual]
        .into_iter()
        .chain(longest)
        .filter(|days| *days <= most)
        .collect();
    days.sort_unstable();
    days.dedup();
    let chosen = state.value(name, &usual.to_string());
    let option = |value: String, label: String| {
        let selected = chosen == value;
        view! { <option value=value selected=selected>{label}</option> }
    };
    let options = days.into_iter().map(|days| {
        let label = if days == 365 {
            "in a year".to_owned()
        } else {
            format!("in {}", ui::plural(days, "day"))
        };
        option(days.to_string(), label)
    });
    let never = longest
        .is_none()
        .then(|| option("never".to_owned(), "never".to_owned()));
    let error = state.error(name);
    view! {
        <div class="field">
            <label class="field__label" for=name>"Expires"</label>
            <select class="select" id=name name=name aria-invalid=error.is_some().then_some("true")>
                {options.collect_view()}
                {never}
            </select>
            {ui::error_line(name, error)}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(usual: Option<i64>, longest: Option<i64>) -> (Vec<String>, String) {
        let html = expiry(&FormState::default(), "days", usual, longest).to_html();
        let options: Vec<&str> = html.split("<option").skip(1).collect();
        let value = |option: &str| {
            option
                .split("value=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_default()
                .to_owned()
        };
        let chosen = options
            .iter()
            .find(|option| option.contains("selected"))
            .map(|option| value(option));
        (
            options.iter().map(|option| value(option)).collect(),
            chosen.unwrap_or_default(),
        )
    }

    #[test]
    fn a_key_ends_in_90_days_unless_the_policy_says_otherwise() {
        assert_eq!(
            offered(None, None),
            (
                ["30", "90", "365", "never"].map(str::to_owned).to_vec(),
                "90".to_owned()
            )
        );
        assert_eq!(
            offered(Some(45), Some(60)),
            (["30", "45", "60"].map(str::to_owned).to_vec(), "45".to_owned())
        );
        assert_eq!(offered(None, Some(7)), (vec!["7".to_owned()], "7".to_owned()));
    }
}
