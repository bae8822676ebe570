//! Whom to ask for what the viewer may not do.

use domain::{Permission, roles::in_words, views::Contact};
use leptos::prelude::*;

/// Who has a permission, in the words of people: "a super admin or organization admin".
pub fn who(permission: Permission) -> String {
    in_words(&permission.who())
}

/// Whom to ask, with some of them by name; `to` begins the sentence: "To change the policy".
pub fn ask(to: &str, permission: Permission, people: &[Contact]) -> AnyView {
    view! {
        <p>{format!("{to}, ask {}.", who(permission))}</p>
        {contacts(people)}
    }
    .into_any()
}

/// People to turn to, side by side where there is room.
pub fn contacts(people: &[Contact]) -> Option<AnyView> {
    if people.is_empty() {
        return None;
    }
    let people = people
        .iter()
        .map(|one| view! { <li>{super::person(&one.email, one.display_name.as_deref())}</li> })
        .collect_view();
    Some(view! { <ul class="people-list">{people}</ul> }.into_any())
}
