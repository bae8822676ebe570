//! What needs the viewer, the most urgent first.

use chrono::{DateTime, Utc};
use domain::{
    cost::grouped,
    views::{Alert, Ending, EndingKind, Home, HomeTeam, Waiting},
};
use leptos::prelude::*;

use crate::{icon::icon, pages, ui};

/// One thing that needs somebody.
struct Need {
    icon: &'static str,
    words: String,
    detail: AnyView,
    href: String,
}

/// The card; it also says that nothing does.
pub(super) fn card(loaded: &Home, alerts: &[Alert], now: DateTime<Utc>) -> AnyView {
    let mut needs: Vec<Need> = Vec::new();
    needs.extend(of_alerts(alerts));
    needs.extend(to_decide(loaded.waiting));
    needs.extend(to_review(loaded.waiting, now));
    needs.extend(loaded.ending.iter().map(|ending| of_ending(ending, now)));
    needs.extend(loaded.teams.iter().filter(|team| team.is_nearly_full()).map(of_team));
    let body = if needs.is_empty() {
        view! { <div class="card__body"><p class="muted">"Nothing needs you now."</p></div> }.into_any()
    } else {
        let rows = needs.into_iter().map(|need| {
            view! {
                <li class="row">
                    {icon(need.icon)}
                    <div class="row__main">
                        <a class="row__title" href=need.href>{need.words}</a>
                        <span class="row__text">{need.detail}</span>
                    </div>
                </li>
            }
        });
        view! { <ul class="rows">{rows.collect_view()}</ul> }.into_any()
    };
    super::card("needs", "Needs you", None, body)
}

fn of_alerts(alerts: &[Alert]) -> Option<Need> {
    let first = alerts.first()?;
    let rest = i64::try_from(alerts.len() - 1).unwrap_or(i64::MAX);
    let more = if rest > 0 {
        format!(" And {} more.", ui::plural(rest, "alert"))
    } else {
        String::new()
    };
    Some(Need {
        icon: "warning",
        words: first.title(),
        detail: format!("{}{more}", first.kind.meaning()).into_any(),
        href: "/admin/alerts".to_owned(),
    })
}

fn to_decide(waiting: Waiting) -> Option<Need> {
    (waiting.requests > 0).then(|| Need {
        icon: "inbox",
        words: match waiting.requests {
            1 => "1 request waits for you".to_owned(),
            n => format!("{} requests wait for you", grouped(n.into())),
        },
        detail: "Somebody cannot go on until you decide.".into_any(),
        href: format!("{}?view=decide", pages::requests::PAGE),
    })
}

fn to_review(waiting: Waiting, now: DateTime<Utc>) -> Option<Need> {
    let due = waiting.nearest_due?;
    Some(Need {
        icon: "shield",
        words: match waiting.reviews {
            1 => "1 access review waits for you".to_owned(),
            n => format!("{} access reviews wait for you", grouped(n.into())),
        },
        detail: view! { "Due "{ui::time_ahead(due, now)} }.into_any(),
        href: format!("{}?state=open", pages::access_reviews::PAGE),
    })
}

fn of_ending(ending: &Ending, now: DateTime<Utc>) -> Need {
    let name = &ending.name;
    let team = ending.team.as_ref().map(|(_, team)| team.as_str()).unwrap_or_default();
    let team_page = |tab: &str| {
        let id = ending.team.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default();
        format!("/admin/teams/{id}{tab}")
    };
    let id = ending.id.unwrap_or_default();
    let (icon, words, href) = match ending.kind {
        EndingKind::Key => ("key", format!("Your key {name} ends"), format!("/keys/{id}")),
        EndingKind::ProjectKey => {
            let project = ending.project.unwrap_or_default();
            (
                "key",
                format!("The key {name} of {team} ends"),
                team_page(&format!("/projects/{project}")),
            )
        }
        EndingKind::Token => (
            "terminal",
            format!("Your access token {name} ends"),
            "/tokens".to_owned(),
        ),
        EndingKind::OwnMembership => ("clock", format!("Your membership of {team} ends"), team_page("")),
        EndingKind::OwnAdminRole => ("clock", format!("Your admin role in {team} ends"), team_page("")),
        EndingKind::Membership => ("clock", format!("{name} leaves {team}"), team_page("/members")),
        EndingKind::AdminRole => (
            "clock",
            format!("{name} becomes a member in {team}"),
            team_page("/members"),
        ),
    };
    Need {
        icon,
        words,
        detail: ui::time_ahead(ending.at, now),
        href,
    }
}

fn of_team(team: &HomeTeam) -> Need {
    let max = team.max_runners.unwrap_or_default();
    let full = team.runners >= max;
    let word = if full { "full" } else { "nearly full" };
    Need {
        icon: "runner",
        words: format!("{} is {word}: {} of {max} runners", team.name, team.runners),
        detail: "Deprovision idle runners, or request a larger quota.".into_any(),
        href: format!("/runners?team={}", team.id),
    }
}
