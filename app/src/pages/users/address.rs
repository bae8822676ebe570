//! The address of an account, and whether it is in doubt.

use domain::{Permission, views::AccountPage};
use leptos::prelude::*;

use crate::ui;

/// That the address may be somebody else's, and who settles it.
pub(super) fn in_doubt(page: &AccountPage) -> Option<AnyView> {
    if !page.email_denied {
        return None;
    }
    let action = if page.manages && page.account.deactivated_at.is_none() {
        confirm_address(page)
    } else if page.manages {
        view! { <p>"Reactivate the account before you confirm it."</p> }.into_any()
    } else {
        view! { <p>{format!("To confirm the address, ask {}.", ui::who(Permission::AccountsManage))}</p> }.into_any()
    };
    let body = view! {
        <p>"The sign-in provider says that the address is not verified. Until it is confirmed, nobody can add the person to a team or an organization."</p>
        {action}
    };
    Some(ui::callout("warning", "Email not verified", body.into_any()))
}

fn confirm_address(page: &AccountPage) -> AnyView {
    view! {
        <form method="post" action="/actions/users/confirm-address">
            <input type="hidden" name="user" value=page.account.id.to_string() />
            <button class="button button--small">"Confirm address"</button>
        </form>
    }
    .into_any()
}

/// The address, and whether nobody vouched for it. Many providers never say: then another way to sign in with it is refused
/// until it is confirmed.
pub(super) fn email(page: &AccountPage) -> AnyView {
    let unsaid = !page.email_verified && !page.email_denied;
    let way = (unsaid && page.manages && page.account.deactivated_at.is_none()).then(|| confirm_address(page));
    let note = unsaid.then(|| view! { <small class="table__sub">"not verified by the sign-in provider"</small> });
    view! { {page.account.email.clone()} {note} {way} }.into_any()
}
