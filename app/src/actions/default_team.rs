//! From the Default Team to teams of people's own.

use backend::{
    default_team::{self, MoveInput, Movers},
    members::OnInvalid,
    teams,
};
use domain::{
    Fields, Invalid, TeamId,
    views::{BulkOutcome, BulkResult},
};
use leptos::prelude::*;

use super::team_page;
use crate::{
    forms::{ApiError, Done, Sent},
    pages::team::MOVE,
    roster::{people, thousands},
    ssr::{Code, Error},
};

/// How many reasons are told when somebody cannot be added.
const REASONS: usize = 3;

/// Moves people: those in `users`, ids with commas between them, or with `all` those who are in no other team.
#[server(prefix = "/actions", endpoint = "default-team/move")]
pub async fn move_people(
    #[server(default)] team: String,
    #[server(default)] at: String,
    #[server(default)] users: String,
    #[server(default)] all: String,
    #[server(default)] target: String,
    #[server(default)] role: String,
    #[server(default)] skip: String,
) -> Result<(), ApiError> {
    let members = format!("{}/members", team_page(&team, &at));
    let movers = if all.is_empty() {
        Movers::Listed(
            users
                .split(',')
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    } else {
        Movers::Unassigned
    };
    let sent = Sent {
        form: MOVE,
        values: &[("target", &target), ("role", &role), ("skip", &skip)],
        back: &asking(&members, &movers),
    };
    sent.run(async |ctx| {
        let mut fields = Fields::new();
        let id = fields.take(
            target
                .parse::<TeamId>()
                .map_err(|_| Invalid::new("target", "must be one of the list")),
        );
        let role = fields.take(role.parse());
        let (id, role) = fields.with(id.zip(role))?;
        let on_invalid = if skip.is_empty() {
            OnInvalid::Abort
        } else {
            OnInvalid::Skip
        };
        let input = MoveInput {
            team: id,
            role,
            on_invalid,
            dry_run: false,
        };
        let result = default_team::move_people(ctx, &movers, input).await?;
        if on_invalid == OnInvalid::Abort && result.count(BulkOutcome::Invalid) > 0 {
            return Err(refusal(&result));
        }
        let name = teams::get(ctx, id).await?.team.name;
        Ok(Done::new(&members, summary(&result, &name)))
    })
    .await
}

/// The page with the question about these people.
fn asking(members: &str, movers: &Movers) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("confirm", "move");
    match movers {
        Movers::Listed(users) => {
            for user in users {
                query.append_pair("user", user);
            }
        }
        Movers::Unassigned | Movers::Everyone => {
            query.append_pair("all", "unassigned");
        }
    }
    format!("{members}?{}", query.finish())
}

/// Why nobody was moved.
fn refusal(result: &BulkResult) -> Error {
    let bad = result.rows.iter().filter(|row| row.outcome == BulkOutcome::Invalid);
    let mut reasons: Vec<&str> = bad.filter_map(|row| row.detail.as_deref()).collect();
    let more = reasons.len().saturating_sub(REASONS);
    reasons.truncate(REASONS);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    Error::refused(
        Code::WrongState,
        format!("Nobody was moved. {}{more}.", reasons.join("; ")),
    )
}

fn summary(result: &BulkResult, team: &str) -> String {
    let was = if result.added == 1 { "was" } else { "were" };
    let rest = [
        ("Already there", result.count(BulkOutcome::Exists)),
        ("Left out", result.count(BulkOutcome::Invalid)),
    ];
    let rest = rest.into_iter().filter(|(_, n)| *n > 0);
    let rest: Vec<String> = rest.map(|(what, n)| format!(" {what}: {}.", thousands(n))).collect();
    format!("{} {was} moved to {team}.{}", people(result.added), rest.concat())
}
