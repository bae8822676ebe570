//! Creating, changing and deactivating accounts.

use backend::users::{self, AccountPatchInput, NewAccountInput};
use domain::{Comment, UserId, UserRef};
use leptos::prelude::*;

use crate::{
    forms::{ApiError, Done, Sent},
    pages::users::{CREATE, STATUS, UPDATE},
    ssr::{Error, Result},
};

/// An account from a hidden field.
fn user_ref(text: &str) -> Result<UserRef> {
    let id: UserId = text.parse().map_err(|_| Error::not_found("User", text))?;
    Ok(UserRef::Id(id))
}

/// The account's page: the list's, when the field says nothing that could be an account.
fn account_page(text: &str) -> String {
    text.parse::<UserId>()
        .map_or_else(|_| "/admin/users".to_owned(), |id| format!("/admin/users/{id}"))
}

/// Creates an account.
#[server(prefix = "/actions", endpoint = "users/create")]
pub async fn create_user(
    #[server(default)] email: String,
    #[server(default)] display_name: String,
    #[server(default)] organization_id: String,
    #[server(default)] organization_role: String,
    #[server(default)] super_admin: String,
    #[server(default)] auditor: String,
    #[server(default)] can_use_jit: String,
) -> std::result::Result<(), ApiError> {
    let sent = Sent {
        form: CREATE,
        values: &[
            ("email", &email),
            ("display_name", &display_name),
            ("organization_id", &organization_id),
            ("organization_role", &organization_role),
            ("super_admin", &super_admin),
            ("auditor", &auditor),
            ("can_use_jit", &can_use_jit),
            ("sent", "yes"),
        ],
        back: "/admin/users/new",
    };
    sent.run(async |ctx| {
        let organization_id = match organization_id.trim() {
            "" => None,
            id => Some(
                id.parse()
                    .map_err(|_| Error::invalid("organization_id", "must be one of the list"))?,
            ),
        };
        let input = NewAccountInput {
            email: email.clone(),
            display_name: Some(display_name.clone()),
            super_admin: !super_admin.is_empty(),
            auditor: !auditor.is_empty(),
            can_use_jit: Some(!can_use_jit.is_empty()),
            organization_id,
            // The list of roles has always one chosen; it means nothing without an organization.
            organization_role: organization_id.map(|_| organization_role.clone()),
        };
        let page = users::create(ctx, input.parse()?).await?;
        Ok(Done::new(
            format!("/admin/users/{}", page.account.id),
            format!("User {} was created.", page.account.email),
        ))
    })
    .await
}

/// Saves an account's name and flags.
#[server(prefix = "/actions", endpoint = "users/update")]
pub async fn update_user(
    #[server(default)] user: String,
    #[server(default)] display_name: String,
    #[server(default)] super_admin: String,
    #[server(default)] auditor: String,
    #[server(default)] can_use_jit: String,
) -> std::result::Result<(), ApiError> {
    let back = account_page(&user);
    let sent = Sent {
        form: UPDATE,
        values: &[
            ("display_name", &display_name),
            ("super_admin", &super_admin),
            ("auditor", &auditor),
            ("can_use_jit", &can_use_jit),
            ("sent", "yes"),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let patch = AccountPatchInput {
            display_name: Some(Some(display_name.clone())),
            super_admin: Some(!super_admin.is_empty()),
            auditor: Some(!auditor.is_empty()),
            can_use_jit: Some(!can_use_jit.is_empty()),
            email_verified: None,
        };
        users::update(ctx, &user_ref(&user)?, patch.parse()?).await?;
        Ok(Done::new(&back, "Changes saved."))
    })
    .await
}

/// Confirms that the address of an account is its person's.
#[server(prefix = "/actions", endpoint = "users/confirm-address")]
pub async fn confirm_address(#[server(default)] user: String) -> std::result::Result<(), ApiError> {
    let page = account_page(&user);
    let sent = Sent {
        form: STATUS,
        values: &[],
        back: &page,
    };
    sent.run(async |ctx| {
        let patch = AccountPatchInput {
            email_verified: Some(true),
            ..AccountPatchInput::default()
        };
        let account = users::update(ctx, &user_ref(&user)?, patch.parse()?).await?;
        Ok(Done::new(
            &page,
            format!("The address {} is confirmed.", account.account.email),
        ))
    })
    .await
}

/// Deactivates an account.
#[server(prefix = "/actions", endpoint = "users/deactivate")]
pub async fn deactivate_user(
    #[server(default)] user: String,
    #[server(default)] comment: String,
) -> std::result::Result<(), ApiError> {
    let page = account_page(&user);
    let back = format!("{page}?confirm=deactivate");
    let sent = Sent {
        form: STATUS,
        values: &[("comment", &comment)],
        back: &back,
    };
    sent.run(async |ctx| {
        let comment = Comment::parse(&comment)?;
        let (account, _) = users::deactivate(ctx, &user_ref(&user)?, &comment).await?;
        Ok(Done::new(&page, format!("{} is deactivated.", account.account.shown())))
    })
    .await
}

/// Brings an account back.
#[server(prefix = "/actions", endpoint = "users/activate")]
pub async fn activate_user(#[server(default)] user: String) -> std::result::Result<(), ApiError> {
    let page = account_page(&user);
    let sent = Sent {
        form: STATUS,
        values: &[],
        back: &page,
    };
    sent.run(async |ctx| {
        let account = users::activate(ctx, &user_ref(&user)?).await?;
        Ok(Done::new(
            &page,
            format!("{} is active again.", account.account.shown()),
        ))
    })
    .await
}
