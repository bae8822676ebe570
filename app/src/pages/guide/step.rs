//! A step of a guide.

use leptos::prelude::*;

use crate::{icon::icon, ui};

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is left to do.
    Done,
    /// To be done.
    Todo,
    /// Something is in its way, which the text says.
    Blocked,
    /// Good to do, and nothing that the database could know of.
    Optional,
}

/// One step: what, why or how, and where.
pub(super) struct Step {
    pub(super) state: State,
    pub(super) title: String,
    pub(super) text: String,
    /// Label and address of where it is done.
    pub(super) link: Option<(String, String)>,
    /// More than words.
    pub(super) more: Option<AnyView>,
}

impl Step {
    pub(super) fn new(state: State, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            state,
            title: title.into(),
            text: text.into(),
            link: None,
            more: None,
        }
    }

    /// Done, or else to do.
    pub(super) fn if_done(done: bool, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(if done { State::Done } else { State::Todo }, title, text)
    }

    /// With where it is done, once that is known.
    #[must_use]
    pub(super) fn at(mut self, label: impl Into<String>, href: Option<String>) -> Self {
        self.link = href.map(|href| (label.into(), href));
        self
    }

    #[must_use]
    pub(super) fn with(mut self, more: AnyView) -> Self {
        self.more = Some(more);
        self
    }
}

/// The steps with how many are done; the first that is not leads on.
pub(super) fn list(steps: Vec<Step>) -> AnyView {
    let counted = steps.iter().filter(|step| step.state != State::Optional).count();
    let done = steps.iter().filter(|step| step.state == State::Done).count();
    let next = steps
        .iter()
        .position(|step| matches!(step.state, State::Todo | State::Blocked));
    let text = format!(
        "{done} of {} done",
        ui::plural(i64::try_from(counted).unwrap_or_default(), "step")
    );
    let items = steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| item(step, next == Some(index)))
        .collect_view();
    view! {
        <section class="card" aria-labelledby="steps-title">
            <header class="card__header">
                <h2 class="card__title" id="steps-title">"Steps"</h2>
                <div class="card__actions">
                    <span class="meter">
                        <progress value=done max=counted.max(1) aria-label=text.clone()></progress>
                        <span>{text.clone()}</span>
                    </span>
                </div>
            </header>
            <div class="card__body"><ol class="steps guide">{items}</ol></div>
        </section>
    }
    .into_any()
}

fn item(step: Step, next: bool) -> AnyView {
    let (class, badge) = match step.state {
        State::Done => (
            "steps__item guide__step guide__step--done",
            view! { <span class="badge badge--success access">{icon("check")}"Done"</span> }.into_any(),
        ),
        State::Blocked => (
            "steps__item guide__step",
            view! { <span class="badge badge--danger access">{icon("blocked")}"Blocked"</span> }.into_any(),
        ),
        State::Todo if next => (
            "steps__item guide__step",
            view! { <span class="badge badge--info">"Next"</span> }.into_any(),
        ),
        State::Todo => (
            "steps__item guide__step",
            view! { <span class="badge">"To do"</span> }.into_any(),
        ),
        State::Optional => (
            "steps__item guide__step",
            view! { <span class="badge">"Optional"</span> }.into_any(),
        ),
    };
    let link = step.link.map(|(label, href)| {
        let class = if next {
            "button button--small button--primary"
        } else {
            "button button--small"
        };
        view! { <p><a class=class href=href>{label}</a></p> }
    });
    view! {
        <li class=class aria-current=next.then_some("step")>
            <h3 class="steps__title">{step.title}" "{badge}</h3>
            <p>{step.text}</p>
            {step.more}
            {link}
        </li>
    }
    .into_any()
}
