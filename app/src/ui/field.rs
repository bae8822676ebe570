//! A field of a form: label, hint, input, error.

use leptos::prelude::*;

use crate::{forms::FormState, icon::icon, ui::plural};

/// A one-line field. `current` is its value unless something was typed before.
pub struct Field<'a> {
    /// Name and id.
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// Help below the label.
    pub hint: &'static str,
    /// Value before anything was typed.
    pub current: &'a str,
    /// Whether it must be filled in.
    pub required: bool,
    /// The input's type: `text`, `email`, `number`.
    pub kind: &'static str,
    /// Example of a value.
    pub placeholder: &'static str,
    /// Whether the page opens with the cursor here.
    pub autofocus: bool,
    /// Values that the browser offers; others may be written.
    pub offers: &'static [&'static str],
}

/// What a budget's period mostly is.
pub const PERIODS: &[&str] = &["daily", "weekly", "monthly", "yearly", "30d"];

impl Default for Field<'_> {
    fn default() -> Self {
        Self {
            name: "",
            label: "",
            hint: "",
            current: "",
            required: false,
            kind: "text",
            placeholder: "",
            autofocus: false,
            offers: &[],
        }
    }
}

impl Field<'_> {
    /// The field with what was typed and what is wrong with it.
    pub fn view(self, state: &FormState) -> AnyView {
        let error = state.error(self.name);
        let described = described_by(self.name, !self.hint.is_empty(), error.is_some());
        let value = state.value(self.name, self.current);
        let inputmode = (self.kind == "number").then_some("numeric");
        // A number field that refuses letters loses what was typed; the server explains instead.
        let kind = if self.kind == "number" { "text" } else { self.kind };
        let offers = (!self.offers.is_empty()).then(|| format!("{}-offers", self.name));
        let offered = offers.clone().map(|id| {
            let options = self.offers.iter().map(|offer| view! { <option value=*offer></option> });
            view! { <datalist id=id>{options.collect_view()}</datalist> }
        });
        view! {
            <div class=if self.kind == "number" { "field field--short" } else { "field" }>
                {label(self.name, self.label, self.required)}
                {hint(self.name, self.hint)}
                <input
                    class="input"
                    id=self.name
                    name=self.name
                    type=kind
                    inputmode=inputmode
                    value=value
                    placeholder=(!self.placeholder.is_empty()).then_some(self.placeholder)
                    required=self.required
                    autofocus=self.autofocus
                    autocomplete="off"
                    list=offers
                    aria-invalid=error.is_some().then_some("true")
                    aria-describedby=described
                />
                {offered}
                {error_line(self.name, error)}
            </div>
        }
        .into_any()
    }
}

/// A field of several lines.
pub fn text_area(
    state: &FormState,
    name: &'static str,
    title: &'static str,
    help: &'static str,
    current: &str,
) -> AnyView {
    area(state, name, title, help, current, false)
}

/// A field of several lines that must be filled in.
pub fn required_text_area(
    state: &FormState,
    name: &'static str,
    title: &'static str,
    help: &'static str,
    current: &str,
) -> AnyView {
    area(state, name, title, help, current, true)
}

fn area(
    state: &FormState,
    name: &'static str,
    title: &'static str,
    help: &'static str,
    current: &str,
    required: bool,
) -> AnyView {
    let error = state.error(name);
    let described = described_by(name, !help.is_empty(), error.is_some());
    let value = state.value(name, current);
    view! {
        <div class="field">
            {label(name, title, required)}
            {hint(name, help)}
            <textarea
                class="textarea"
                id=name
                name=name
                rows="3"
                required=required
                aria-invalid=error.is_some().then_some("true")
                aria-describedby=described
            >
                {value}
            </textarea>
            {error_line(name, error)}
        </div>
    }
    .into_any()
}

fn described_by(name: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (true, true) => Some(format!("{name}-hint {name}-error")),
        (true, false) => Some(format!("{name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (false, false) => None,
    }
}

fn label(name: &'static str, text: &'static str, required: bool) -> impl IntoView {
    let mark = if required { "required" } else { "optional" };
    view! { <label class="field__label" for=name>{text}" "<span class="field__mark">{mark}</span></label> }
}

fn hint(name: &str, text: &'static str) -> Option<impl IntoView + use<>> {
    let id = format!("{name}-hint");
    (!text.is_empty()).then(|| view! { <p class="field__hint" id=id>{text}</p> })
}

/// What is wrong with a field, below it.
pub fn error_line(name: &str, error: Option<String>) -> Option<AnyView> {
    let id = format!("{name}-error");
    error.map(|text| view! { <p class="field__error" id=id>{icon("error")}{text}</p> }.into_any())
}

/// What forms call a field, whatever it lies in.
fn label_of(field: &str) -> String {
    let name = field.rsplit('.').next().unwrap_or(field);
    let known = match name {
        "user_identity" => "User email/ID",
        "user_id" => "Email or user id",
        "team_id" | "teamId" => "Team",
        "organization_id" => "Organization",
        "organization_role" => "Role in it",
        "runner_name" | "runner_name_prefix" => "Runner name prefix",
        "labels" => "Custom labels",
        "slug" => "Short name",
        "path_prefixes" => "Paths",
        "display_name" | "group_name" => "Name",
        "group_id" => "Group",
        "domains" => "Email domains",
        "list" => "People",
        "value" => "What you ask for",
        "modelIds" => "Models",
        "maxBudget" | "max_budget" => "Budget in US dollars",
        "max_budget_in_team" => "Budget in the team",
        "budgetDuration" | "budget_duration" => "Budget period",
        "softBudget" | "soft_budget" => "Warn from (US dollars)",
        "tpmLimit" | "tpm_limit" => "Tokens per minute",
        "rpmLimit" | "rpm_limit" => "Requests per minute",
        "default_price" => "Default price per minute",
        "prices" => "Prices of labels",
        "days" => "Expires",
        "since" => "From",
        "until" => "To",
        "who" => "Person or key",
        other => return super::capitalised(&spaced(other)),
    };
    known.to_owned()
}

/// The words of a name in `snake_case` or `camelCase`.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        match letter {
            '_' => words.push(' '),
            _ if letter.is_ascii_uppercase() => {
                words.push(' ');
                words.push(letter.to_ascii_lowercase());
            }
            _ => words.push(letter),
        }
    }
    words
}

/// All that is wrong, on top of the form; it takes the focus.
pub fn error_summary(state: &FormState) -> Option<AnyView> {
    let errors = state.errors();
    if errors.is_empty() {
        return None;
    }
    let count = i64::try_from(errors.len()).unwrap_or(i64::MAX);
    let verb = if count == 1 { "needs" } else { "need" };
    Some(
        view! {
            <div class="form-errors" role="alert" tabindex="-1" id="form-errors">
                <h2>{format!("{} {verb} attention", plural(count, "field"))}</h2>
                <ul>
                    {errors
                        .iter()
                        .map(|error| {
                            let name = label_of(&error.field);
                            view! { <li><a href=format!("#{}", error.field)>{format!("{name}: {}", error.message)}</a></li> }
                        })
                        .collect_view()}
                </ul>
            </div>
        }
        .into_any(),
    )
}
