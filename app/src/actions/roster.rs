//! Adding a list of people: looked at first, then added.

use backend::{
    members::{self, BulkInput, OnInvalid, OnUnknown},
    teams,
};
use domain::{
    Permission, TeamRole, parse_roster,
    views::{BulkOutcome, BulkResult},
};
use leptos::prelude::*;

use super::{team_id, team_page};
use crate::{
    forms::{ApiError, Sent},
    roster::{Draft, LONGEST, people, thousands},
    ssr::{self, Ctx, Error, Result as Outcome},
};

/// The form's name.
pub(crate) const FORM: &str = "add-members";

/// Takes a list, pasted or from a file: `step` says whether it is to be looked at (`preview`), changed (`edit`) or
/// added (`add`, with `bad` = `skip` when bad rows are to be left out).
#[server(prefix = "/actions", endpoint = "members/bulk")]
pub async fn add_members(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] list: String,
    #[server(default)] file: String,
    #[server(default)] role: String,
    #[server(default)] invite: String,
    #[server(default)] step: String,
    #[server(default)] bad: String,
) -> Result<(), ApiError> {
    let members = format!("{}/members", team_page(&team, &at));
    let back = format!("{members}/bulk");
    let draft = Draft {
        team: team.clone(),
        list: list.clone(),
        role: role.clone(),
        invite: invite == "yes",
    };
    let done = match step.as_str() {
        "edit" => edit(draft, &back).await,
        "add" => add(draft, &members, bad == "skip").await,
        _ => preview(draft, &file, &back).await,
    };
    match done {
        Ok(to) => ssr::redirect(&to),
        Err(error) => {
            // The session keeps what was typed, but no list that is too long, nor one of somebody who may not send it.
            let keeps = list.len() <= LONGEST && !matches!(error, Error::Forbidden(_));
            let sent = Sent {
                form: FORM,
                values: &[
                    ("list", if keeps { &list } else { "" }),
                    ("role", &role),
                    ("invite", &invite),
                ],
                back: &back,
            };
            sent.refuse_whole(error).await;
        }
    }
    Ok(())
}

async fn edit(draft: Draft, back: &str) -> Outcome<String> {
    require_short(&draft)?;
    // Only who may add people gets to keep a list here.
    let page = teams::get(&mut ssr::read().await?, team_id(&draft.team)?).await?;
    page.standing.require(Permission::MembersManage)?;
    draft.keep().await?;
    Ok(back.to_owned())
}

async fn preview(mut draft: Draft, file: &str, back: &str) -> Outcome<String> {
    if !file.trim().is_empty() {
        if !draft.list.trim().is_empty() {
            return Err(Error::invalid(
                "file",
                "must be left out when there is a list: choose one of the two",
            ));
        }
        draft.list = file.to_owned();
    }
    judge(&mut ssr::read().await?, &draft).await?;
    draft.keep().await?;
    Ok(format!("{back}?step=preview"))
}

async fn add(draft: Draft, members: &str, skip: bool) -> Outcome<String> {
    let mut ctx = ssr::write().await?;
    let on_invalid = if skip { OnInvalid::Skip } else { OnInvalid::Abort };
    let rows = rows(&draft)?;
    let result = members::add_many(
        &mut ctx,
        team_id(&draft.team)?,
        &rows,
        on_invalid,
        on_unknown(&draft),
        false,
    )
    .await?;
    ctx.commit().await?;
    if result.added + result.invited == 0 && !skip && result.count(BulkOutcome::Invalid) > 0 {
        draft.keep().await?;
        ssr::set_flash(
            "warning",
            "Something has changed meanwhile. Look at the list again; nobody was added.",
        )
        .await;
        return Ok(format!("{members}/bulk?step=preview"));
    }
    Draft::forget().await;
    ssr::set_flash("success", summary(&result)).await;
    Ok(members.to_owned())
}

/// Judges a list without adding anybody.
///
/// # Errors
/// 403 without the right; a list that is empty or too long.
pub(crate) async fn judge(ctx: &mut Ctx, draft: &Draft) -> Outcome<BulkResult> {
    let rows = rows(draft)?;
    members::add_many(
        ctx,
        team_id(&draft.team)?,
        &rows,
        OnInvalid::Skip,
        on_unknown(draft),
        true,
    )
    .await
}

/// What the draft wants of addresses without an account.
fn on_unknown(draft: &Draft) -> OnUnknown {
    if draft.invite {
        OnUnknown::Invite
    } else {
        OnUnknown::Refuse
    }
}

/// The rows of a list, in which those without a role have the draft's.
fn rows(draft: &Draft) -> Outcome<Vec<BulkInput>> {
    require_short(draft)?;
    let default: TeamRole = match draft.role.as_str() {
        "" => TeamRole::Member,
        role => role.parse()?,
    };
    Ok(parse_roster("list", &draft.list)?
        .into_iter()
        .map(|row| BulkInput {
            user: row.user,
            role: Some(row.role.map_or_else(|| default.to_string(), |role| role.to_lowercase())),
        })
        .collect())
}

fn require_short(draft: &Draft) -> Outcome<()> {
    if draft.list.len() > LONGEST {
        return Err(Error::invalid("list", "must be at most 1 MiB"));
    }
    Ok(())
}

fn summary(result: &BulkResult) -> String {
    let was = |n: usize| if n == 1 { "was" } else { "were" };
    if result.added == 0 && result.invited > 0 {
        let invited = result.invited;
        return format!(
            "{} {} invited until their first sign-in.{}",
            people(invited),
            was(invited),
            rest(result)
        );
    }
    let invited = match result.invited {
        0 => String::new(),
        n => format!(" Invited, until their first sign-in: {}.", thousands(n)),
    };
    let added = result.added;
    format!("{} {} added.{invited}{}", people(added), was(added), rest(result))
}

/// What became of the other rows.
fn rest(result: &BulkResult) -> String {
    let rest = [
        ("Already there", result.count(BulkOutcome::Exists)),
        ("Left out", result.count(BulkOutcome::Invalid)),
    ];
    let rest = rest.into_iter().filter(|(_, n)| *n > 0);
    let rest: Vec<String> = rest.map(|(what, n)| format!(" {what}: {}.", thousands(n))).collect();
    rest.concat()
}
