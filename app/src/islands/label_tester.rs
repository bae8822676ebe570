//! Tries labels against the policy that is being edited.

use domain::{Label, LabelPattern, LabelPolicy, Verdict, split_list, split_patterns};
use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys::HtmlInputElement};

use super::{Chip, chip_list};

/// The ids of the form's fields that hold the policy.
const REQUIRED: &str = "required_labels";
const PATTERNS: &str = "optional_label_patterns";
/// The id of the island's own field.
const TRIED: &str = "try";

/// A field for labels and what the policy makes of each. It reads the policy as it stands in the
/// form beside it; without JavaScript it is a form of its own that asks the server.
#[island]
pub fn LabelTester(
    /// Required labels, comma-separated, as saved.
    required: String,
    /// Patterns, comma-separated, as saved.
    patterns: String,
    /// Labels that were tried.
    tried: String,
) -> impl IntoView {
    let (required, set_required) = signal(required);
    let (patterns, set_patterns) = signal(patterns);
    let (tried, set_tried) = signal(tried);
    // Runs in the browser only: follows the form beside the island.
    Effect::new(move || {
        let read = move || {
            // Also what was typed before this ran.
            if let Some(text) = field(TRIED) {
                set_tried.set(text);
            }
            if let Some(text) = field(REQUIRED) {
                set_required.set(text);
            }
            if let Some(text) = field(PATTERNS) {
                set_patterns.set(text);
            }
        };
        read();
        let handle = window_event_listener(ev::input, move |_| read());
        on_cleanup(move || handle.remove());
    });
    let outcome = move || try_labels(&required.get(), &patterns.get(), &tried.get());
    let input = view! {
        <div class="field">
            <label class="field__label" for="try">"Labels to try"</label>
            <p class="field__hint" id="try-hint">"Comma-separated, as someone would ask for them."</p>
            <input
                class="input"
                id="try"
                name="try"
                placeholder="app-backend, gpu"
                autocomplete="off"
                aria-describedby="try-hint"
                value=tried.get_untracked()
                on:input:target=move |event| set_tried.set(event.target().value())
            />
        </div>
        <div class="no-js-only">
            <button class="button">"Try"</button>
        </div>
    }
    .into_any();
    view! {
        <form class="stack" method="get">
            {input}
            <div class="label-preview" role="status">{move || view_outcome(outcome())}</div>
        </form>
    }
}

/// What a field holds, by its id.
pub(super) fn field(id: &str) -> Option<String> {
    let element = document().get_element_by_id(id)?;
    Some(element.unchecked_into::<HtmlInputElement>().value())
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The policy in the form is not valid.
    BadPolicy(String),
    /// A text to try is no label.
    BadLabel(String),
    /// Nothing is typed: what every runner gets.
    Base(Vec<Chip>),
    /// All labels pass: the final list.
    Passes(Vec<Chip>),
    /// Some do not, so the whole request would be refused.
    Refused(Vec<Chip>),
}

fn try_labels(required: &str, patterns: &str, tried: &str) -> Outcome {
    let policy = Label::parse_list("required_labels", &split_list(required)).and_then(|required| {
        Ok(LabelPolicy {
            required,
            optional: LabelPattern::parse_list(&split_patterns(patterns))?,
        })
    });
    let policy = match policy {
        Ok(policy) => policy,
        Err(invalid) => return Outcome::BadPolicy(invalid.message.into_owned()),
    };
    let custom = match Label::parse_list("labels", &split_list(tried)) {
        Ok(custom) => custom,
        Err(invalid) => return Outcome::BadLabel(invalid.message.into_owned()),
    };
    match policy.resolve(&custom) {
        Ok(labels) => {
            let chips = labels
                .iter()
                .map(|label| Chip::new(kind(&policy, label), label.as_str()))
                .collect();
            if custom.is_empty() {
                Outcome::Base(chips)
            } else {
                Outcome::Passes(chips)
            }
        }
        Err(_) => Outcome::Refused(
            custom
                .iter()
                .map(|label| Chip::new(kind(&policy, label), label.as_str()))
                .collect(),
        ),
    }
}

/// The kind of chip for a label under a policy.
pub(super) fn kind(policy: &LabelPolicy, label: &Label) -> &'static str {
    match policy.verdict(label) {
        Verdict::System => "system",
        Verdict::Required => "required",
        Verdict::Admitted(_) => "custom",
        Verdict::Refused => "refused",
    }
}

fn view_outcome(outcome: Outcome) -> AnyView {
    match outcome {
        Outcome::BadPolicy(message) | Outcome::BadLabel(message) => {
            view! { <p class="field__error">{message}</p> }.into_any()
        }
        Outcome::Base(chips) => {
            view! { <p class="muted">"Every runner of the team gets:"</p> {chip_list("Labels", chips)} }.into_any()
        }
        Outcome::Passes(chips) => {
            view! { <p><b>"Allowed."</b>" The runner would get:"</p> {chip_list("Labels", chips)} }.into_any()
        }
        Outcome::Refused(chips) => view! {
            <p><b>"Refused."</b>" Label not permitted by team policy; the whole request is refused."</p>
            {chip_list("Labels", chips)}
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tester_says_what_the_server_would() {
        let Outcome::Refused(chips) = try_labels("docker", "app-.*", "app-backend, gpu") else {
            panic!()
        };
        assert_eq!(chips[1], Chip::new("refused", "gpu"));
        let Outcome::Passes(chips) = try_labels("docker", "app-.*", "app-backend") else {
            panic!()
        };
        let texts: Vec<&str> = chips.iter().map(|chip| chip.text.as_str()).collect();
        assert_eq!(texts, ["self-hosted", "linux", "x64", "docker", "app-backend"]);
        assert!(matches!(try_labels("", "(", "x"), Outcome::BadPolicy(_)));
        assert!(matches!(try_labels("", "", "has space"), Outcome::BadLabel(_)));
    }
}
