//! The state of a list, as its address has it; and the form that changes it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Fields, Invalid};
use leptos::prelude::*;

use super::period::{self, PERIODS, Period, Span};
use crate::{
    forms::FormState,
    icon::icon,
    ssr::{self, Error, Result},
    ui,
};

/// The fields that the form has.
const FIELDS: [&str; 9] = [
    "event", "outcome", "by", "severity", "period", "user", "team", "since", "until",
];

/// Choices by their words in the address, in groups that may have names.
pub(super) type Groups = Vec<(Option<&'static str>, Vec<(&'static str, String)>)>;

/// What the address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    path: &'static str,
    parts: Vec<(&'static str, String)>,
    /// What is wrong with the parts that the form has fields for.
    wrong: Vec<Invalid>,
}

impl Address {
    /// Reads the parts with these names; what is blank counts as left out.
    pub(super) fn read(path: &'static str, names: &[&'static str]) -> Self {
        let read = |name: &&'static str| ssr::query(name).map(|value| (*name, value.trim().to_owned()));
        Self {
            path,
            parts: names.iter().filter_map(read).collect(),
            wrong: Vec::new(),
        }
    }

    /// The list that the address asks for; none when a field of the form breaks a rule, which the form says then.
    ///
    /// # Errors
    /// Any other refusal.
    pub(super) fn said<T>(&mut self, found: Result<T>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Error::Invalid(wrong)) if wrong.iter().all(|one| FIELDS.contains(&&*one.field)) => {
                ssr::set_status(422);
                self.wrong = wrong;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What is wrong, on top of the form.
    pub(super) fn summary(&self) -> Option<AnyView> {
        ui::error_summary(&self.state())
    }

    fn state(&self) -> FormState {
        FormState::found(self.wrong.clone(), None)
    }

    /// A part.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parts
            .iter()
            .find_map(|(known, value)| (*known == name).then_some(value.as_str()))
    }

    /// A part, for a query.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A part that is one of some words.
    ///
    /// # Errors
    /// When it is another word.
    pub(super) fn word<T: std::str::FromStr<Err = Invalid>>(&self, name: &'static str) -> Result<Option<T>> {
        let value = self.get(name).map(str::parse).transpose();
        value.map_err(|invalid: Invalid| invalid.on(name).into())
    }

    /// Whether anything narrows the list.
    pub(super) fn is_filtered(&self) -> bool {
        self.parts.iter().any(|(name, _)| *name != "cursor")
    }

    /// From when and until when. A date that ends a period is in it.
    ///
    /// # Errors
    /// When a word or a date is not one.
    pub(super) fn period(&self, now: DateTime<Utc>) -> Result<Period> {
        let mut fields = Fields::new();
        let mut read = |name| {
            let value = self.get(name);
            let parsed = value.map(|text| domain::audit::parse_time(name, text)).transpose();
            fields.take(parsed).flatten()
        };
        let (since, mut until) = (read("since"), read("until"));
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            fields.push(Invalid::new("until", "must not be before the day in From"));
        }
        fields.finish()?;
        if self.get("until").is_some_and(|text| !text.contains('T')) {
            until = until.map(|at| at + TimeDelta::days(1));
        }
        let Some(word) = self.get("period") else {
            return Ok((since, until));
        };
        let span = Span::named(word).ok_or_else(|| Error::invalid("period", period::words()))?;
        let (begin, end) = span.at(now);
        let until = match (until, end) {
            (Some(until), Some(end)) => Some(until.min(end)),
            (until, end) => until.or(end),
        };
        Ok((Some(since.map_or(begin, |since| since.max(begin))), until))
    }

    /// The address of another page of the same list.
    pub(super) fn at(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.parts.iter().filter(|(name, _)| *name != "cursor") {
            query.append_pair(name, value);
        }
        query.append_pair("cursor", cursor);
        format!("{}?{}", self.path, query.finish())
    }

    /// The address of the export with the same filters: parts by the names that the API has for them, and a period.
    pub(super) fn export(&self, path: &str, names: &[(&'static str, &'static str)], (since, until): Period) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (here, there) in names {
            if let Some(value) = self.get(here) {
                query.append_pair(there, value);
            }
        }
        for (name, at) in [("since", since), ("until", until)] {
            if let Some(at) = at {
                query.append_pair(name, &at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
            }
        }
        let query = query.finish();
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    }

    /// A field to choose from; the first choice is to leave it open.
    pub(super) fn choice(
        &self,
        name: &'static str,
        label: &'static str,
        open: &'static str,
        groups: Groups,
    ) -> AnyView {
        let current = self.get(name).unwrap_or_default().to_owned();
        let known = groups
            .iter()
            .any(|(_, options)| options.iter().any(|(value, _)| *value == current));
        // A link may ask for what is not on the list.
        let other = (!known && !current.is_empty()).then(|| {
            let value = current.clone();
            view! { <option value=value.clone() selected=true>{value.clone()}</option> }
        });
        let groups = groups
            .into_iter()
            .map(|(group, options)| {
                let options = options
                    .into_iter()
                    .map(|(value, label)| {
                        let selected = value == current;
                        view! { <option value=value selected=selected>{label}</option> }
                    })
                    .collect_view();
                match group {
                    Some(group) => view! { <optgroup label=group>{options}</optgroup> }.into_any(),
                    None => options.into_any(),
                }
            })
            .collect_view();
        let wrong = self.state().error(name).map(|_| "true");
        view! {
            <label class="visually-hidden" for=name>{label}</label>
            <select class="select" id=name name=name data-autosubmit="" aria-invalid=wrong>
                <option value="">{open}</option>
                {other}
                {groups}
            </select>
        }
        .into_any()
    }

    /// The choice of a period.
    pub(super) fn period_choice(&self) -> AnyView {
        let options = PERIODS.map(|(value, label, _)| (value, label.to_owned()));
        self.choice("period", "Period", "Any time", vec![(None, options.to_vec())])
    }

    fn field(
        &self,
        name: &'static str,
        label: &'static str,
        kind: &'static str,
        hint: Option<&'static str>,
    ) -> AnyView {
        // A moment from a link is shown as its date.
        let value = self.get(name).unwrap_or_default();
        let error = self.state().error(name);
        let is_date = domain::audit::parse_time(name, value).is_ok();
        // A date field shows nothing but dates: what was typed is to be seen.
        let kind = if kind == "date" && !value.is_empty() && !is_date {
            "text"
        } else {
            kind
        };
        let value = if kind == "date" {
            value.split('T').next()
        } else {
            Some(value)
        };
        let hint_id = format!("{name}-hint");
        let described = match (hint, &error) {
            (_, Some(_)) => Some(format!("{name}-error")),
            (Some(_), None) => Some(hint_id.clone()),
            (None, None) => None,
        };
        view! {
            <div class="field">
                <label class="field__label" for=name>{label}</label>
                <input
                    class="input"
                    id=name
                    name=name
                    type=kind
                    autocomplete="off"
                    value=value.unwrap_or_default().to_owned()
                    aria-invalid=error.is_some().then_some("true")
                    aria-describedby=described
                />
                {ui::error_line(name, error)}
                {hint.map(|hint| view! { <p class="field__hint" id=hint_id.clone()>{hint}</p> })}
            </div>
        }
        .into_any()
    }

    /// Who, in which team, from when and until when: open when one of them is used.
    pub(super) fn more(&self) -> AnyView {
        let open = ["user", "team", "since", "until"]
            .into_iter()
            .any(|name| self.get(name).is_some());
        view! {
            <details class="more more--filters" open=open>
                <summary>"More filters"</summary>
                <div class="field-row">
                    {self.field("user", "Person or program", "text", Some("Email, name or id, whole."))}
                    {self.field("team", "Team", "text", Some("Name, short name or id, whole."))}
                    {self.field("since", "From", "date", None)}
                    {self.field("until", "To", "date", None)}
                    <button class="button">"Apply filters"</button>
                </div>
            </details>
        }
        .into_any()
    }

    /// A form around filters.
    pub(super) fn form(&self, label: &'static str, search: Option<&'static str>, filters: AnyView) -> AnyView {
        let clear = self
            .is_filtered()
            .then(|| view! { <a class="link link--muted toolbar__clear" href=self.path>"Clear"</a> });
        view! {
            <form class="toolbar toolbar--filters" method="get" role="search" aria-label=label>
                {search
                    .map(|placeholder| {
                        view! {
                            <div class="search">
                                {icon("search")}
                                <label class="visually-hidden" for="q">"Search what changed, by name"</label>
                                <input
                                    class="input"
                                    id="q"
                                    name="q"
                                    type="search"
                                    placeholder=placeholder
                                    value=self.text("q")
                                />
                            </div>
                        }
                    })}
                {filters}
                <button class="button toolbar__submit">"Apply"</button>
                {clear}
                {self.more()}
            </form>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(parts: &[(&'static str, &str)]) -> Address {
        Address {
            path: "/admin/audit",
            parts: parts.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            wrong: Vec::new(),
        }
    }

    #[test]
    fn b25_the_whole_state_of_the_list_is_in_the_address() {
        let now = DateTime::from_timestamp(1_772_528_705, 0).unwrap();
        let all = address(&[
            ("q", "a&b"),
            ("event", "team.update"),
            ("period", "24h"),
            ("cursor", "old"),
        ]);
        assert_eq!(
            all.at("new"),
            "/admin/audit?q=a%26b&event=team.update&period=24h&cursor=new"
        );
        let names = [("q", "search"), ("event", "event_type")];
        let period = all.period(now).unwrap();
        assert_eq!(
            all.export("/x", &names, period),
            "/x?search=a%26b&event_type=team.update&since=2026-03-02T09%3A05%3A05Z"
        );
        assert_eq!(address(&[]).export("/x", &names, (None, None)), "/x");
        assert!(all.is_filtered() && !address(&[("cursor", "x")]).is_filtered());
    }

    #[test]
    fn b25_a_date_that_ends_a_period_is_in_it() {
        let now = DateTime::from_timestamp(1_772_528_705, 0).unwrap();
        let days = address(&[("since", "2026-01-01"), ("until", "2026-01-31")]);
        let (since, until) = days.period(now).unwrap();
        assert_eq!((until.unwrap() - since.unwrap()).num_days(), 31);
        assert!(address(&[("period", "1y")]).period(now).is_err());
        let yesterday = address(&[("period", "yesterday")]).period(now).unwrap();
        let day = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(yesterday, (day("2026-03-02T00:00:00Z"), day("2026-03-03T00:00:00Z")));
        assert!(address(&[("since", "soon")]).period(now).is_err());
        // Both are said at once; a day may be a period, but not backwards.
        let both = address(&[("since", "soon"), ("until", "later")])
            .period(now)
            .unwrap_err();
        assert_eq!(both.to_string().matches("must be a time").count(), 2, "{both}");
        assert!(
            address(&[("since", "2026-01-31"), ("until", "2026-01-31")])
                .period(now)
                .is_ok()
        );
        let backwards = address(&[("since", "2026-02-01"), ("until", "2026-01-31")])
            .period(now)
            .unwrap_err();
        assert_eq!(backwards.to_string(), "until: must not be before the day in From");
    }
}
