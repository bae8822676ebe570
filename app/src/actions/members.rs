//! Adding, changing and removing members.

use backend::{
    budgets::LimitsPatchInput,
    members::{self, invitations},
};
use domain::{Fields, Invalid, Money, TeamRole, TermsPatch, UserRef, parse_moment, views::Member};
use leptos::prelude::*;

use super::{number, team_id, team_page};
use crate::{
    forms::{ApiError, Done, Sent},
    ssr::{Code, Error},
    ui,
};

/// Adds a person by id or email, for good or for a time.
#[server(prefix = "/actions", endpoint = "members/add")]
pub async fn add_member(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
    #[server(default)] expires_at: String,
    #[server(default)] admin_until: String,
    #[server(default)] invite: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members", team_page(&team, &at));
    let sent = Sent {
        form: "add-member",
        values: &[
            ("user_id", &user_id),
            ("role", &role),
            ("expires_at", &expires_at),
            ("admin_until", &admin_until),
            ("invite", &invite),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let user = fields.take(UserRef::parse("user_id", &user_id));
        let terms = terms(&mut fields, &role, &expires_at, &admin_until);
        let (user, terms) = fields.with(user.zip(terms))?;
        let team = team_id(&team)?;
        if let ("yes", UserRef::Email(email)) = (invite.as_str(), &user) {
            invitations::hold(ctx, team, &[email.to_string()]).await?;
        }
        match (members::add_until(ctx, team, &user, terms).await, &user) {
            (Ok(member), _) => Ok(Done::new(&back, is_now(&member))),
            (Err(Error::Refused(Code::NotFound, _)), UserRef::Email(email)) if invite == "yes" => {
                require_no_end(&terms)?;
                let role = terms.role.unwrap_or(TeamRole::Member);
                let invitation = invitations::invite(ctx, team, email, role).await?;
                let message = format!(
                    "{} has no account yet and is invited, until {}.",
                    invitation.email,
                    ui::date(invitation.expires_at)
                );
                Ok(Done::new(&back, message))
            }
            (Err(Error::Refused(Code::NotFound, detail)), UserRef::Email(_))
                if detail.starts_with("User not found") =>
            {
                let next = "Tick “Invite if there is no account yet” to invite them.";
                Err(Error::invalid("user_id", format!("{detail}. {next}")))
            }
            (Err(error), _) => Err(error),
        }
    })
    .await
}

/// An invitation holds a role and nothing else.
fn require_no_end(terms: &TermsPatch) -> Result<(), Error> {
    let mut fields = Fields::new();
    for (name, end) in [("expires_at", terms.expires_at), ("admin_until", terms.admin_until)] {
        if end.flatten().is_some() {
            fields.push(Invalid::new(
                name,
                "must be empty for somebody who is invited: set it when they have joined",
            ));
        }
    }
    Ok(fields.with(Some(()))?)
}

/// What a form says of role and ends; blank is no end.
fn terms(fields: &mut Fields, role: &str, expires_at: &str, admin_until: &str) -> Option<TermsPatch> {
    let role = fields.take(role.parse());
    let expires_at = fields.take(parse_moment("expires_at", expires_at));
    let admin_until = fields.take(parse_moment("admin_until", admin_until));
    Some(TermsPatch {
        role: Some(role?),
        expires_at: Some(expires_at?),
        admin_until: Some(admin_until?),
    })
}

/// What someone is now, in a sentence.
fn is_now(member: &Member) -> String {
    let until = match (member.admin_until, member.expires_at) {
        (Some(at), _) => format!(", as an admin until {}", ui::moment(at)),
        (None, Some(at)) => format!(", until {}", ui::moment(at)),
        (None, None) => String::new(),
    };
    format!("{} is now {} of the team{until}.", member.email, article(member.role))
}

fn article(role: TeamRole) -> &'static str {
    match role {
        TeamRole::Admin => "an admin",
        TeamRole::Member => "a member",
    }
}

/// Changes a member's role.
#[server(prefix = "/actions", endpoint = "members/role")]
pub async fn change_role(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members", team_page(&team, &at));
    let sent = Sent {
        form: "change-role",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let member = members::change_role(ctx, team_id(&team)?, &user, role.parse()?).await?;
        Ok(Done::new(&back, is_now(&member)))
    })
    .await
}

/// Changes a member's role, when it and the membership end, and what they may spend in the team.
#[server(prefix = "/actions", endpoint = "members/end")]
pub async fn change_end(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
    #[server(default)] role: String,
    #[server(default)] expires_at: String,
    #[server(default)] admin_until: String,
    #[server(default)] max_budget_in_team: String,
    #[server(default)] tpm_limit: String,
    #[server(default)] rpm_limit: String,
) -> Result<(), ApiError> {
    let members = format!("{}/members", team_page(&team, &at));
    let user = UserRef::parse("user_id", &user_id);
    let back = match &user {
        Ok(user) => format!("{members}?confirm=end&user={user}"),
        Err(_) => members.clone(),
    };
    let sent = Sent {
        form: "member-end",
        values: &[
            ("role", &role),
            ("expires_at", &expires_at),
            ("admin_until", &admin_until),
            ("max_budget_in_team", &max_budget_in_team),
            ("tpm_limit", &tpm_limit),
            ("rpm_limit", &rpm_limit),
        ],
        back: &back,
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let terms = terms(&mut fields, &role, &expires_at, &admin_until);
        let limits = LimitsPatchInput {
            max_budget: Some(
                fields
                    .take(Money::read("max_budget_in_team", &max_budget_in_team))
                    .flatten(),
            ),
            tpm_limit: Some(fields.take(number("tpm_limit", &tpm_limit)).flatten()),
            rpm_limit: Some(fields.take(number("rpm_limit", &rpm_limit)).flatten()),
            ..LimitsPatchInput::default()
        };
        let limits = fields.and(limits.parse_of_member())?;
        // Without an error there is a value for each field.
        let (user, terms) = (user?, terms.unwrap_or_default());
        let member = members::change(ctx, team_id(&team)?, &user, terms, &limits).await?;
        Ok(Done::new(&members, is_now(&member)))
    })
    .await
}

/// Removes a member, or leaves the team.
#[server(prefix = "/actions", endpoint = "members/remove")]
pub async fn remove_member(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] user_id: String,
) -> Result<(), ApiError> {
    let back = format!("{}/members", team_page(&team, &at));
    let sent = Sent {
        form: "remove-member",
        values: &[],
        back: &back,
    };
    sent.run(async |ctx| {
        let user = UserRef::parse("user_id", &user_id)?;
        let own = ctx.caller.user_id().map(UserRef::Id).as_ref() == Some(&user);
        let team = team_id(&team)?;
        let effects = members::remove(ctx, team, &user).await?;
        if own {
            return Ok(Done::new("/teams", "You left the team."));
        }
        let message = format!("{} was removed.", effects.email);
        if effects.runners == 0 {
            return Ok(Done::new(&back, message));
        }
        let (verb, link) = if effects.runners == 1 {
            ("is", "See it")
        } else {
            ("are", "See them")
        };
        let runners = ui::plural(effects.runners, "runner");
        let message = format!("{message} {runners} of theirs {verb} still running.");
        let email: String = form_urlencoded::byte_serialize(effects.email.as_bytes()).collect();
        Ok(Done::new(&back, message).with_link(link, format!("/runners?team={team}&q={email}")))
    })
    .await
}
