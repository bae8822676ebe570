//! The pieces that pages are put together from. `docs/STYLE.md` shows each.

mod ask;
pub mod chart;
mod choice;
mod dialog;
mod field;
mod pager;
mod severity;
mod text;
mod timeline;

pub use ask::{ask, contacts, who};
pub use choice::PersonChoice;
use chrono::{DateTime, Utc};
pub use dialog::{Confirm, confirm, counted};
use domain::{TeamRole, TeamStatus};
pub use field::{Field, PERIODS, error_line, error_summary, required_text_area, text_area};
use leptos::prelude::*;
pub use pager::pagination;
pub use severity::{severity_badge, severity_word};
pub use text::{ago, ahead, capitalised, date, day, dollars, initials, machine, moment, money, plural};
pub use timeline::{Happened, happened};

use crate::{icon::icon, ssr::Flash};

/// The mark and the name.
pub fn brand() -> AnyView {
    view! {
        <svg class="brand__mark" viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7.5" fill="#3451c6"></rect>
            <path fill="#fff" d="M6 26V17h4v-5h3.5V7h5v5H22v5h4v9h-6.75v-4.5a3.25 3.25 0 0 0-6.5 0V26Z"></path>
        </svg>
        <span class="brand__name">"Guildhall"</span>
    }
    .into_any()
}

/// The class of someone's avatar: one of six tints, always the same for the same email.
pub fn avatar_class(email: &str) -> String {
    let hash = email
        .bytes()
        .fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    format!("avatar avatar--{}", hash % 6 + 1)
}

/// A person with avatar, name and email.
pub fn person(email: &str, name: Option<&str>) -> AnyView {
    person_linked(email, name, None)
}

/// The same, leading to `href` if there is one: the person's account, for those who may see it.
pub fn person_linked(email: &str, name: Option<&str>, href: Option<String>) -> AnyView {
    let shown = name.unwrap_or(email).to_owned();
    let initials = initials(&shown);
    // Long addresses are cut off; the title has them whole.
    let second = name
        .is_some()
        .then(|| view! { <span class="person__email" title=email.to_owned()>{email.to_owned()}</span> });
    let title = shown.clone();
    let name = match href {
        Some(href) => view! { <a class="person__name" href=href title=title>{shown}</a> }.into_any(),
        None => view! { <span class="person__name" title=title>{shown}</span> }.into_any(),
    };
    view! {
        <div class="person">
            <span class=avatar_class(email) aria-hidden="true">{initials}</span>
            <div class="person__text">{name} {second}</div>
        </div>
    }
    .into_any()
}

/// The head of a column of boxes: where scripts run, a box that ticks them all.
pub fn select_all() -> AnyView {
    view! {
        <th scope="col" class="table__check">
            <span class="visually-hidden no-js-only">"Select"</span>
            <input class="js-only" type="checkbox" data-select-all aria-label="Select all" autocomplete="off" />
        </th>
    }
    .into_any()
}

/// An email address, which breaks before its domain rather than in the middle of a word.
pub fn address(email: &str) -> AnyView {
    match email.split_once('@') {
        Some((name, domain)) => {
            view! { <span class="address">{name.to_owned()}<wbr />"@"{domain.to_owned()}</span> }.into_any()
        }
        None => view! { <span class="address">{email.to_owned()}</span> }.into_any(),
    }
}

/// A cell of text that may be cut off, with the whole of it as its title.
pub fn text_cell(label: &'static str, text: Option<&str>, optional: bool) -> AnyView {
    let class = if optional {
        "table__text table__optional"
    } else {
        "table__text"
    };
    view! { <td class=class data-label=label title=text.map(str::to_owned)>{or_dash(text)}</td> }.into_any()
}

/// A text, or a dash where there is none.
pub fn or_dash(text: Option<&str>) -> AnyView {
    match text {
        Some(text) => text.to_owned().into_any(),
        None => view! { <span class="none">"–"</span> }.into_any(),
    }
}

/// A badge of a team's status.
pub fn status_badge(status: TeamStatus) -> AnyView {
    let (class, label) = match status {
        TeamStatus::Active => ("badge badge--active", "Active"),
        TeamStatus::Inactive => ("badge badge--inactive", "Inactive"),
        TeamStatus::Archived => ("badge badge--archived", "Archived"),
    };
    view! { <span class=class>{label}</span> }.into_any()
}

/// The badge of the Default Team, beside that of its status.
pub fn system_badge() -> AnyView {
    view! {
        <span class="badge badge--member" title="Everyone belongs to it; it cannot be archived, renamed or left.">"System"</span>
    }
    .into_any()
}

/// A badge of a role in a team.
pub fn role_badge(role: TeamRole) -> AnyView {
    match role {
        TeamRole::Admin => view! { <span class="badge badge--role">"Team admin"</span> }.into_any(),
        TeamRole::Member => view! { <span class="badge badge--member">"Member"</span> }.into_any(),
    }
}

/// Runner use against a quota, small.
pub fn meter(used: i32, max: Option<i32>) -> AnyView {
    let Some(max) = max else {
        return view! { <span class="nowrap">{used}<span class="muted">", no limit"</span></span> }.into_any();
    };
    let class = match level(used, max) {
        Level::Ok => "meter",
        Level::Near => "meter meter--near",
        Level::Full => "meter meter--full",
    };
    view! {
        <span class=class>
            <progress value=used max=max.max(1) aria-label=format!("{used} of {max} runners")></progress>
            <span>{format!("{used} / {max}")}</span>
        </span>
    }
    .into_any()
}

/// Runner use against a quota, as a bar with words.
pub fn usage(used: i32, max: Option<i32>) -> AnyView {
    let Some(max) = max else {
        return view! {
            <div class="usage">
                <div class="usage__head">
                    <span class="usage__label">"Runners"</span>
                    <span class="usage__value"><b>{used}</b>", no limit"</span>
                </div>
                <p class="usage__note">"This team has no runner quota."</p>
            </div>
        }
        .into_any();
    };
    let left = (max - used).max(0);
    let (class, note) = match level(used, max) {
        Level::Ok => ("usage", format!("{left} more can be provisioned.")),
        Level::Near => ("usage usage--near", format!("{left} more can be provisioned.")),
        Level::Full => (
            "usage usage--full",
            "The quota is used up: deprovision idle runners or ask for a larger one.".to_owned(),
        ),
    };
    view! {
        <div class=class>
            <div class="usage__head">
                <span class="usage__label" id="usage-label">"Runners"</span>
                <span class="usage__value"><b>{used}</b>{format!(" of {max}")}</span>
            </div>
            <progress class="usage__bar" value=used max=max.max(1) aria-labelledby="usage-label">{format!("{used} of {max}")}</progress>
            <p class="usage__note">{note}</p>
        </div>
    }
    .into_any()
}

enum Level {
    Ok,
    Near,
    Full,
}

fn level(used: i32, max: i32) -> Level {
    if used >= max {
        Level::Full
    } else if i64::from(used) * 5 >= i64::from(max) * 4 {
        Level::Near
    } else {
        Level::Ok
    }
}

/// Chips of labels, all of one kind: `system`, `required`, `custom`, `pattern`.
pub fn chips(name: &'static str, kind: &str, labels: &[String]) -> AnyView {
    if labels.is_empty() {
        return view! { <span class="none">"none"</span> }.into_any();
    }
    let class = format!("label-chip label-chip--{kind}");
    view! {
        <ul class="chips" aria-label=name>
            {labels.iter().map(|label| view! { <li class=class.clone()>{label.clone()}</li> }).collect_view()}
        </ul>
    }
    .into_any()
}

/// Chips of a runner's labels: those of the system, then the others.
pub fn runner_labels(labels: &[String]) -> AnyView {
    let class = |label: &str| {
        let system = domain::SYSTEM_LABELS
            .iter()
            .any(|system| label.eq_ignore_ascii_case(system));
        if system {
            "label-chip label-chip--system"
        } else {
            "label-chip label-chip--custom"
        }
    };
    view! {
        <ul class="chips" aria-label="Labels">
            {labels.iter().map(|label| view! { <li class=class(label)>{label.clone()}</li> }).collect_view()}
        </ul>
    }
    .into_any()
}

/// A moment as a date, machine-readable to the second.
pub fn time(at: DateTime<Utc>) -> AnyView {
    view! { <time datetime=machine(at) title=moment(at)>{date(at)}</time> }.into_any()
}

/// A moment as a distance from now.
pub fn time_ago(at: DateTime<Utc>, now: DateTime<Utc>) -> AnyView {
    view! { <time datetime=machine(at) title=moment(at)>{ago(at, now)}</time> }.into_any()
}

/// A moment to come as a distance from now.
pub fn time_ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> AnyView {
    view! { <time datetime=machine(at) title=moment(at)>{ahead(at, now)}</time> }.into_any()
}

/// An empty list: what belongs there, and the next step.
pub fn empty(icon_name: &str, title: &str, text: &str, action: Option<(&str, &str)>) -> AnyView {
    view! {
        <div class="empty">
            <span class="empty__icon">{icon(icon_name)}</span>
            <h2 class="empty__title">{title.to_owned()}</h2>
            <p class="empty__text">{text.to_owned()}</p>
            {action
                .map(|(label, href)| {
                    view! {
                        <div class="button-row">
                            <a class="button button--primary" href=href.to_owned()>{label.to_owned()}</a>
                        </div>
                    }
                })}
        </div>
    }
    .into_any()
}

/// A note in the page: `info`, `success`, `warning`, `danger`.
pub fn callout(kind: &str, title: &str, body: AnyView) -> AnyView {
    let name = match kind {
        "success" => "check-circle",
        "warning" => "warning",
        "danger" => "blocked",
        _ => "info",
    };
    view! {
        <div class=format!("callout callout--{kind}")>
            {icon(name)}
            <div class="callout__body">
                <p class="callout__title">{title.to_owned()}</p>
                {body}
            </div>
        </div>
    }
    .into_any()
}

/// What is wrong with a whole form, in the words that the backend gave.
pub fn refusal(text: Option<&str>) -> Option<AnyView> {
    let text = text?.to_owned();
    let (literal, rest) = match text.split_once(". ") {
        Some((literal, rest)) => (literal.to_owned(), Some(rest.to_owned())),
        None => (text, None),
    };
    Some(
        view! {
            <div class="callout callout--danger refusal" role="alert">
                {icon("blocked")}
                <div class="callout__body">
                    <p class="callout__title">{literal}</p>
                    {rest.map(|rest| view! { <p>{rest}</p> })}
                </div>
            </div>
        }
        .into_any(),
    )
}

/// A message of the request before.
pub fn flash(flash: &Flash) -> AnyView {
    let name = match flash.kind.as_str() {
        "success" => "check",
        "warning" => "warning",
        "danger" => "error",
        _ => "info",
    };
    let path = crate::ssr::path_and_query();
    view! {
        <div class="flashes" role="status">
            <div class=format!("flash flash--{}", flash.kind)>
                {icon(name)}
                <p>
                    {flash.text.clone()}
                    {flash.link.clone().map(|(words, href)| view! { " "<a class="link" href=href>{words}</a> })}
                </p>
                <a class="flash__close" href=path data-dismiss="" aria-label="Dismiss">{icon("close")}</a>
            </div>
        </div>
    }
    .into_any()
}

/// A header of a page: title, badge, description and its primary action.
pub fn page_header(title: &str, badge: Option<AnyView>, description: Option<String>, actions: AnyView) -> AnyView {
    view! {
        <header class="page-header">
            <div class="page-header__text">
                <h1 class="page-header__title">{title.to_owned()}" "{badge}</h1>
                {description.map(|text| view! { <p class="page-header__description">{text}</p> })}
            </div>
            <div class="page-header__actions">{actions}</div>
        </header>
    }
    .into_any()
}

/// Text that can be copied, in a box.
pub fn code(id: &'static str, text: String, wrap: bool) -> AnyView {
    let class = if wrap { "code code--wrap code--short" } else { "code" };
    view! {
        <div class=class>
            <pre class="code__text" id=id tabindex="0"><code>{text}</code></pre>
            <button class="button button--small code__copy" type="button" data-copy=id>{icon("copy")}<span>"Copy"</span></button>
        </div>
    }
    .into_any()
}
