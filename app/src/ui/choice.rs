//! The choice of somebody of a list.

use leptos::prelude::*;

use super::field::error_line;
use crate::forms::FormState;

/// A field for one of some people: a select while all of them are known, else a field that suggests those that are.
/// What is sent is the email address either way.
pub struct PersonChoice<'a> {
    /// Name and id.
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// The people: email and name.
    pub people: &'a [(String, Option<String>)],
    /// Whether there is nobody else to choose.
    pub all: bool,
    /// What choosing nobody means, if it means something.
    pub nobody: Option<&'static str>,
    /// Whether somebody must be chosen.
    pub required: bool,
    /// Who is chosen before anything was typed.
    pub current: &'a str,
}

impl PersonChoice<'_> {
    /// The field with what was typed and what is wrong with it.
    pub fn view(self, state: &FormState) -> AnyView {
        let error = state.error(self.name);
        let value = state.value(self.name, self.current);
        let described = error.is_some().then(|| format!("{}-error", self.name));
        let invalid = error.is_some().then_some("true");
        let required = self.required;
        let input = if self.all {
            let known = self.people.iter().any(|(email, _)| *email == value);
            // Somebody who was typed, or was named by a link, and is not of the list stays to be seen.
            let other = (!known && !value.is_empty())
                .then(|| view! { <option value=value.clone() selected=true>{value.clone()}</option> });
            let blank = self.nobody.unwrap_or("choose somebody");
            let options = self.people.iter().map(|(email, name)| {
                let label = name
                    .as_ref()
                    .map_or_else(|| email.clone(), |name| format!("{name} ({email})"));
                view! { <option value=email.clone() selected=*email == value>{label}</option> }
            });
            view! {
                <select
                    class="select"
                    id=self.name
                    name=self.name
                    required=required
                    aria-invalid=invalid
                    aria-describedby=described
                >
                    <option value="" selected=value.is_empty()>{blank}</option>
                    {options.collect_view()}
                    {other}
                </select>
            }
            .into_any()
        } else {
            let list = format!("{}-people", self.name);
            let options = self
                .people
                .iter()
                .map(|(email, name)| view! { <option value=email.clone()>{name.clone()}</option> });
            view! {
                <input
                    class="input"
                    id=self.name
                    name=self.name
                    list=list.clone()
                    required=required
                    autocomplete="off"
                    placeholder=self.nobody.unwrap_or("name@example.com")
                    value=value
                    aria-invalid=invalid
                    aria-describedby=described
                />
                <datalist id=list>{options.collect_view()}</datalist>
            }
            .into_any()
        };
        view! {
            <div class="field">
                <label class="field__label" for=self.name>{self.label}</label>
                {input}
                {error_line(self.name, error)}
            </div>
        }
        .into_any()
    }
}
