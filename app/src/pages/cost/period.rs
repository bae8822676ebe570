//! The period of the report: this month, last month, or from a day to a day. All of it is in the address.

use backend::cost::month;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::{OrganizationId, TeamId};
use leptos::prelude::*;

use crate::{ssr, ui};

/// What the address says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Period {
    /// `this`, `last` or `custom`.
    kind: &'static str,
    /// The first moment.
    pub(super) from: DateTime<Utc>,
    /// The moment after the last one.
    pub(super) to: DateTime<Utc>,
    now: DateTime<Utc>,
    /// What is in the fields, as it was typed.
    typed: (String, String),
    /// The field that makes no sense, and why.
    pub(super) wrong: Option<(&'static str, String)>,
    pub(super) organization: Option<OrganizationId>,
    pub(super) team: Option<TeamId>,
}

impl Period {
    pub(super) fn read(now: DateTime<Utc>) -> Self {
        let mut period = Self::of(
            now,
            ssr::query("period").as_deref(),
            ssr::query("from").as_deref(),
            ssr::query("to").as_deref(),
        );
        period.organization = ssr::query("organization_id").and_then(|id| id.parse().ok());
        period.team = ssr::query("team_id").and_then(|id| id.parse().ok());
        period
    }

    fn of(now: DateTime<Utc>, kind: Option<&str>, from: Option<&str>, to: Option<&str>) -> Self {
        let this = month(now);
        let month_before = month(this - TimeDelta::days(1));
        let named = |kind, from: DateTime<Utc>, to: DateTime<Utc>| Self {
            kind,
            from,
            to,
            now,
            typed: (
                from.date_naive().to_string(),
                (to - TimeDelta::seconds(1)).date_naive().to_string(),
            ),
            wrong: None,
            organization: None,
            team: None,
        };
        if let (None, None) = (from, to) {
            return match kind {
                Some("last") => named("last", month_before, this),
                _ => named("this", this, now),
            };
        }
        let mut period = named("custom", this, now);
        if let Some(text) = from {
            text.trim().clone_into(&mut period.typed.0);
        }
        if let Some(text) = to {
            text.trim().clone_into(&mut period.typed.1);
        }
        // The last day is part of the period.
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let first = day(&period.typed.0).and_then(|day| day.and_hms_opt(0, 0, 0));
        let end = day(&period.typed.1)
            .and_then(|day| day.checked_add_days(Days::new(1)))
            .and_then(|day| day.and_hms_opt(0, 0, 0));
        let not_a_day = || "must be a day like 2026-03-01".to_owned();
        match (first, end) {
            (None, _) => period.wrong = Some(("from", not_a_day())),
            (_, None) => period.wrong = Some(("to", not_a_day())),
            (Some(first), Some(end)) if first >= end => {
                period.wrong = Some(("to", "must not be before the first day".to_owned()));
            }
            (Some(first), Some(end)) if end - first > TimeDelta::days(366) => {
                period.wrong = Some(("from", "must be at most a year before the last day".to_owned()));
            }
            (Some(first), Some(end)) => {
                period.from = first.and_utc();
                period.to = end.and_utc();
            }
        }
        period
    }

    /// The whole report as a file.
    pub(super) fn csv(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &ui::machine(self.from));
        query.append_pair("to", &ui::machine(self.to));
        query.append_pair("group_by", "project");
        self.narrow(&mut query);
        format!("/api/v1/admin/cost.csv?{}", query.finish())
    }

    fn narrow(&self, query: &mut form_urlencoded::Serializer<'_, String>) {
        if let Some(id) = self.organization {
            query.append_pair("organization_id", &id.to_string());
        }
        if let Some(id) = self.team {
            query.append_pair("team_id", &id.to_string());
        }
    }

    fn link(&self, kind: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("period", kind);
        self.narrow(&mut query);
        format!("/admin/cost?{}", query.finish())
    }

    /// The days that the report has, oldest first; those to come are left out.
    pub(super) fn days(&self) -> Vec<NaiveDate> {
        let last = (self.to - TimeDelta::seconds(1)).min(self.now).date_naive();
        let first = self.from.date_naive();
        first.iter_days().take_while(|day| *day <= last).take(367).collect()
    }

    /// The form that changes it.
    pub(super) fn view(&self) -> AnyView {
        let segment = |kind: &'static str, label: &'static str| {
            let current = (self.kind == kind).then_some("true");
            view! { <a href=self.link(kind) aria-current=current>{label}</a> }
        };
        let hidden = |name: &'static str, value: Option<String>| {
            value.map(|value| view! { <input type="hidden" name=name value=value /> })
        };
        let wrong = |field: &str| {
            self.wrong
                .as_ref()
                .filter(|(name, _)| *name == field)
                .map(|(_, why)| why.clone())
        };
        let input = |name: &'static str, label: &'static str, value: String| {
            let error = wrong(name);
            view! {
                <div class="field cost__day">
                    <label class="field__label" for=name>{label}</label>
                    <input
                        class="input"
                        id=name
                        name=name
                        type="date"
                        required
                        value=value
                        aria-invalid=error.is_some().then_some("true")
                        aria-describedby=error.is_some().then(|| format!("{name}-error"))
                    />
                    {ui::error_line(name, error)}
                </div>
            }
        };
        view! {
            <form class="toolbar cost__period" method="get" action="/admin/cost" aria-label="Period">
                <nav class="segmented" aria-label="Month">{segment("this", "This month")} {segment("last", "Last month")}</nav>
                {input("from", "From", self.typed.0.clone())}
                {input("to", "To, this day included", self.typed.1.clone())}
                {hidden("organization_id", self.organization.map(|id| id.to_string()))}
                {hidden("team_id", self.team.map(|id| id.to_string()))}
                <button class="button cost__show">"Show"</button>
                {(self.team.is_some() || self.organization.is_some())
                    .then(|| view! { <a class="link link--muted toolbar__clear" href="/admin/cost">"All teams"</a> })}
            </form>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn cost_periods_are_months_and_days() {
        let now = at("2026-03-15T10:00:00Z");
        let this = Period::of(now, None, None, None);
        assert_eq!(
            (this.kind, this.from, this.to),
            ("this", at("2026-03-01T00:00:00Z"), now)
        );
        assert_eq!(this.days().len(), 15);
        let last = Period::of(now, Some("last"), None, None);
        assert_eq!(
            (last.from, last.to),
            (at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z"))
        );
        assert_eq!(last.days().len(), 28);
        let custom = Period::of(now, None, Some("2026-03-03"), Some("2026-03-04"));
        assert_eq!(custom.to, at("2026-03-05T00:00:00Z"), "the last day is part of it");
        assert_eq!((custom.wrong.clone(), custom.days().len()), (None, 2));
        let year = Period::of(now, None, Some("2026-03-01"), Some("2026-12-31"));
        assert_eq!(year.days().len(), 15, "no days to come");
    }

    #[test]
    fn cost_a_period_that_makes_no_sense_names_its_field_and_keeps_what_was_typed() {
        let now = at("2026-03-15T10:00:00Z");
        for (from, to, field) in [
            ("soon", "2026-03-04", "from"),
            ("2026-03-04", "2026-02-30", "to"),
            ("2026-03-04", "2026-03-03", "to"),
            ("2020-01-01", "2026-03-03", "from"),
            ("2026-03-04", "+262142-12-31", "to"),
        ] {
            let period = Period::of(now, None, Some(from), Some(to));
            assert_eq!(period.wrong.map(|(field, _)| field), Some(field), "{from} {to}");
            assert_eq!(period.typed, (from.to_owned(), to.to_owned()));
        }
    }
}
