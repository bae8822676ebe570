//! `/requests`: what somebody asked for, what waits for their decision, and what became of it.

mod batch;
mod new;
mod one;
mod table;

use backend::{
    identity,
    requests::{self, RequestQuery},
    teams::TeamKey,
    waiting,
};
use domain::{OrgRole, RequestKind, RequestState};
use leptos::prelude::*;
pub use new::new;
pub use one::one;

use crate::{
    forms,
    layout::{Rendered, page},
    navigation,
    ssr::{self, Caller, Result},
    ui,
};

/// The list's address.
pub const PAGE: &str = "/requests";
/// The form that asks, in the session.
pub const FORM: &str = "request-new";
/// The forms that decide, in the session.
pub const DECIDE: &str = "request-decide";

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// One's own.
    Mine,
    /// Those that wait for the viewer.
    ToDecide,
    /// All that the viewer sees.
    All,
}

impl View {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Mine => None,
            Self::ToDecide => Some("decide"),
            Self::All => Some("all"),
        }
    }
}

/// What the address asks for.
struct Address {
    view: View,
    kind: Option<String>,
    state: Option<String>,
}

impl Address {
    fn read() -> Self {
        let text = |name: &str| ssr::query(name).filter(|text| !text.is_empty());
        Self {
            view: match ssr::query("view").as_deref() {
                Some("decide") => View::ToDecide,
                Some("all") => View::All,
                _ => View::Mine,
            },
            kind: text("kind"),
            state: text("state"),
        }
    }

    fn query(&self) -> Result<RequestQuery> {
        let kind = self.kind.as_deref().map(str::parse::<RequestKind>).transpose()?;
        let state = self.state.as_deref().map(str::parse::<RequestState>).transpose()?;
        Ok(RequestQuery {
            kind,
            state: state.filter(|_| self.view != View::ToDecide),
            own: self.view == View::Mine,
            to_decide: self.view == View::ToDecide,
            cursor: ssr::query("cursor"),
            ..RequestQuery::default()
        })
    }

    /// The address with one part changed; any change but of the page starts at the first page.
    fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (part, kept) in [
            ("view", self.view.word()),
            ("kind", self.kind.as_deref()),
            ("state", self.state.as_deref()),
        ] {
            let value = if part == name { value } else { kept };
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(part, value);
            }
        }
        if let ("cursor", Some(cursor)) = (name, value) {
            query.append_pair("cursor", cursor);
        }
        let query = query.finish();
        if query.is_empty() {
            PAGE.to_owned()
        } else {
            format!("{PAGE}?{query}")
        }
    }

    /// The parts that a form of this page carries along.
    fn hidden(&self) -> AnyView {
        [("view", self.view.word()), ("kind", self.kind.as_deref())]
            .into_iter()
            .filter_map(|(name, value)| {
                let value = value?.to_owned();
                Some(view! { <input type="hidden" name=name value=value /> })
            })
            .collect_view()
            .into_any()
    }
}

/// `/requests`: one's own; at `?view=decide` those that wait for the viewer, at `?view=all` all that they see.
pub fn list() -> impl IntoView {
    page(async {
        let address = Address::read();
        let query = address.query()?;
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let decides = waiting::decides_somewhere(&ctx.caller);
        let sees_others = decides || audits(&ctx.caller);
        let waiting = waiting::load(&mut ctx).await?;
        let asks = navigation::works(&identity::me(ctx.person()?));
        let list = requests::list(&mut ctx, &query).await?;
        let quotas = requests::quotas_now(&mut ctx, &list.items).await?;
        drop(ctx);
        let state = forms::take(DECIDE).await;
        let ask =
            asks.then(|| view! { <a class="button button--primary" href=format!("{PAGE}/new")>"New request"</a> });
        let words = match address.view {
            View::Mine => "What you asked for, and what became of it.",
            View::ToDecide => "What waits for your decision, newest first.",
            View::All => "What people of your teams and organizations asked for, and what became of it.",
        };
        let body = if list.items.is_empty() {
            nothing(&address, asks)
        } else if address.view == View::ToDecide {
            batch::to_decide(&list, &quotas, &address, now)
        } else {
            table::table(&list, &quotas, &address, now)
        };
        let body = view! {
            {ui::page_header("Requests", None, Some(words.to_owned()), ask.into_any())}
            {sees_others.then(|| tabs(address.view, decides.then_some(waiting.requests)))}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            {toolbar(&address)}
            {body}
            {(address.view == View::ToDecide).then(|| batch::question(&list, &address, &state)).flatten()}
        };
        Ok(Rendered::new("Requests", body).knowing(waiting))
    })
}

/// Whether somebody reads what others asked for without deciding it.
fn audits(caller: &Caller) -> bool {
    match caller {
        Caller::Person(person, _) => {
            person.auditor || person.organizations.iter().any(|(_, role)| *role == OrgRole::Auditor)
        }
        _ => false,
    }
}

fn tabs(current: View, waiting: Option<i64>) -> AnyView {
    let tab = |view: View, label: &'static str, count: Option<i64>| {
        let href = view
            .word()
            .map_or_else(|| PAGE.to_owned(), |word| format!("{PAGE}?view={word}"));
        view! {
            <a class="tabs__link" href=href aria-current=(view == current).then_some("page")>
                {label}
                {count.map(|count| view! { " "<span class="count">{count}</span> })}
            </a>
        }
    };
    view! {
        <nav class="tabs" aria-label="Requests">
            {tab(View::Mine, "Mine", None)}
            {waiting.map(|count| tab(View::ToDecide, "To decide", Some(count)))}
            {tab(View::All, "All", None)}
        </nav>
    }
    .into_any()
}

fn toolbar(address: &Address) -> AnyView {
    let select = |name: &'static str,
                  label: &'static str,
                  all: &'static str,
                  chosen: &Option<String>,
                  options: Vec<(&'static str, &'static str)>| {
        let options = options
            .into_iter()
            .map(|(word, label)| {
                let selected = chosen.as_deref() == Some(word);
                view! { <option value=word selected=selected>{label}</option> }
            })
            .collect_view();
        view! {
            <label class="visually-hidden" for=name>{label}</label>
            <select class="select" id=name name=name data-autosubmit="">
                <option value="">{all}</option>
                {options}
            </select>
        }
    };
    let kinds = RequestKind::ALL.map(|kind| (kind.as_str(), kind.label())).to_vec();
    let states = RequestState::ALL.map(|state| (state.as_str(), state.label())).to_vec();
    let filtered = address.kind.is_some() || address.state.is_some();
    let clear = Address {
        view: address.view,
        kind: None,
        state: None,
    };
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Requests">
            {address.view.word().map(|word| view! { <input type="hidden" name="view" value=word /> })}
            {select("kind", "Kind", "All kinds", &address.kind, kinds)}
            {(address.view != View::ToDecide).then(|| select("state", "Status", "Any status", &address.state, states))}
            <button class="button toolbar__submit">"Apply"</button>
            {filtered.then(|| view! { <a class="link link--muted toolbar__clear" href=clear.with("", None)>"Clear"</a> })}
        </form>
    }
    .into_any()
}

fn nothing(address: &Address, asks: bool) -> AnyView {
    if address.kind.is_some() || address.state.is_some() {
        let all = address
            .view
            .word()
            .map_or_else(|| PAGE.to_owned(), |word| format!("{PAGE}?view={word}"));
        return ui::empty(
            "search",
            "Nothing fits",
            "No request fits these filters.",
            Some(("Show everything", &all)),
        );
    }
    match address.view {
        View::Mine if !asks => ui::empty(
            "info",
            "You have no requests",
            "What people of the teams that you see ask for is listed under All.",
            Some(("Show all requests", "/requests?view=all")),
        ),
        View::Mine => ui::empty(
            "info",
            "You have no requests",
            "Ask to join a team, or for a larger quota, a service or a model of one of yours.",
            Some(("New request", "/requests/new")),
        ),
        View::ToDecide => ui::empty(
            "check",
            "Nothing waits for you",
            "Requests of your teams that you may decide come here.",
            Some(("See what was decided", "/requests?view=all")),
        ),
        View::All => ui::empty(
            "info",
            "Nobody has asked for anything",
            "Requests to join teams, and for quotas, budgets, services and models, are listed here.",
            None,
        ),
    }
}

/// The way to the viewer's own request to join a team, by id or short name, while that waits.
pub async fn waiting_join(team: &str) -> Option<AnyView> {
    let asked: Result<_> = async {
        let mut ctx = ssr::read().await?;
        let found = requests::waiting_join(&mut ctx, &TeamKey::parse(team.trim())).await?;
        Ok(found.map(|(id, at)| (id, at, ctx.now)))
    }
    .await;
    // A page is worth showing without it.
    let (id, at, now) = asked
        .inspect_err(|error| tracing::warn!(%error, "whether a request to join waits could not be read"))
        .ok()??;
    let href = format!("{PAGE}/{id}");
    Some(
        view! { <a class="button" href=href><span>"Your request waits (asked "{ui::time_ago(at, now)}")"</span></a> }
            .into_any(),
    )
}
