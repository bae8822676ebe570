//! People's accounts: the list, a new one, and one of them.

mod account;
mod address;
mod keys;
mod list;
mod new;
mod status;

pub use account::account;
use domain::views::Account;
use leptos::prelude::*;
pub use list::list;
pub use new::new;

use crate::{forms::FormState, ui};

/// The form for a new account, in the session.
pub const CREATE: &str = "create-user";
/// The form of an account's name and flags.
pub const UPDATE: &str = "update-user";
/// The forms that deactivate an account and bring it back.
pub const STATUS: &str = "user-status";

/// A badge of an account's status.
fn status_badge(account: &Account) -> AnyView {
    if account.deactivated_at.is_some() {
        view! { <span class="badge badge--inactive">"Deactivated"</span> }.into_any()
    } else {
        view! { <span class="badge badge--active">"Active"</span> }.into_any()
    }
}

/// Badges of what an account is in the whole installation.
fn role_badges(account: &Account) -> AnyView {
    view! {
        {account.super_admin.then(|| view! { <span class="badge badge--role">"Super admin"</span> })}
        {account.auditor.then(|| view! { <span class="badge badge--info">"Auditor"</span> })}
    }
    .into_any()
}

/// A box to tick. Browsers send nothing for one that is not ticked, so a form that comes back is known by its field
/// `sent`.
fn tick(state: &FormState, name: &'static str, label: &'static str, hint: &'static str, current: bool) -> AnyView {
    let ticked = if state.value("sent", "").is_empty() {
        current
    } else {
        !state.value(name, "").is_empty()
    };
    view! {
        <div class="check">
            <input type="checkbox" id=name name=name value="yes" checked=ticked />
            <label for=name>{label}<span class="check__hint">{hint}</span></label>
        </div>
    }
    .into_any()
}

/// The flags of an account, to be ticked.
fn flags(state: &FormState, super_admin: bool, auditor: bool, can_use_jit: bool) -> AnyView {
    view! {
        <fieldset class="field-group">
            <legend>"In the whole installation"</legend>
            {tick(state, "super_admin", "Super admin", "Administers everything: organizations, teams, people and settings.", super_admin)}
            {tick(state, "auditor", "Auditor", "Sees everything and changes nothing.", auditor)}
            {tick(state, "can_use_jit", "May provision runners", "For their teams, or by their own label policy.", can_use_jit)}
        </fieldset>
    }
    .into_any()
}

/// When someone was last seen.
fn last_seen(account: &Account, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    match account.last_seen_at {
        Some(at) => ui::time_ago(at, now),
        None => view! { <span class="none">"never"</span> }.into_any(),
    }
}
