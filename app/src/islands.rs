//! What runs in the browser: the rules of `domain`, while people type. The same code renders each
//! island on the server, so that it is complete without JavaScript.

mod label_tester;
mod provision_form;

pub use label_tester::LabelTester;
use leptos::prelude::*;
pub use provision_form::{ProvisionForm, TeamChoice};

/// A label with what becomes of it: its class is `label-chip--<kind>`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chip {
    kind: &'static str,
    text: String,
}

impl Chip {
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }
}

fn chip_list(name: &'static str, chips: Vec<Chip>) -> impl IntoView {
    view! {
        <ul class="chips" aria-label=name>
            {chips
                .into_iter()
                .map(|chip| {
                    let note = match chip.kind {
                        "refused" => " (refused)",
                        "system" => " (always added)",
                        "required" => " (required)",
                        _ => "",
                    };
                    view! {
                        <li class=format!("label-chip label-chip--{}", chip.kind)>
                            {chip.text}<span class="visually-hidden">{note}</span>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}
