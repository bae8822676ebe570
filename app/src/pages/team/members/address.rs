//! The address of a list of members: search and filters are in it.

use backend::members::MemberQuery;
use leptos::prelude::*;

use super::{Place, Tab};
use crate::{
    icon::icon,
    ssr::{self, Result},
};

/// What the address asks for.
#[derive(Debug, Clone)]
pub(super) struct Address {
    base: String,
    q: Option<String>,
    role: Option<String>,
    pub(super) stale: bool,
    cursor: Option<String>,
}

impl Address {
    pub(super) fn read(place: &Place) -> Self {
        Self {
            base: place.tab(Tab::Members),
            q: ssr::query("q"),
            role: ssr::query("role"),
            stale: ssr::query("stale").is_some(),
            cursor: ssr::query("cursor"),
        }
    }

    pub(super) fn query(&self) -> Result<MemberQuery> {
        Ok(MemberQuery {
            search: self.q.clone(),
            role: self.role.as_deref().map(str::parse).transpose()?,
            stale: self.stale,
            cursor: self.cursor.clone(),
            limit: 50,
        })
    }

    pub(super) fn is_filtered(&self) -> bool {
        self.q.is_some() || self.role.is_some() || self.stale
    }

    /// Without any filter.
    pub(super) fn all(&self) -> String {
        self.base.clone()
    }

    /// Only those whom a review would ask about.
    pub(super) fn stale_only(&self) -> String {
        format!("{}?stale=1", self.base)
    }

    /// The same list at another page.
    pub(super) fn at(&self, cursor: &str) -> String {
        self.with(&[("cursor", cursor)])
    }

    /// The same page with a question in front of it.
    pub(super) fn asking(&self, question: &str, user: &str) -> String {
        match &self.cursor {
            Some(cursor) => self.with(&[("cursor", cursor), ("confirm", question), ("user", user)]),
            None => self.with(&[("confirm", question), ("user", user)]),
        }
    }

    /// The same page with the question about everybody whom `all` names.
    pub(super) fn asking_all(&self, all: &str) -> String {
        self.with(&[("confirm", "move"), ("all", all)])
    }

    /// What a form has to keep of the address.
    pub(super) fn parts(&self) -> Vec<(&'static str, String)> {
        let stale = self.stale.then(|| "1".to_owned());
        let parts = [
            ("q", self.q.clone()),
            ("role", self.role.clone()),
            ("stale", stale),
            ("cursor", self.cursor.clone()),
        ];
        parts
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// The same page without the question.
    pub(super) fn here(&self) -> String {
        match &self.cursor {
            Some(cursor) => self.at(cursor),
            None => self.with(&[]),
        }
    }

    fn with(&self, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("role", &self.role)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if self.stale {
            query.append_pair("stale", "1");
        }
        query.extend_pairs(more);
        let query = query.finish();
        if query.is_empty() {
            self.base.clone()
        } else {
            format!("{}?{query}", self.base)
        }
    }

    pub(super) fn toolbar(&self, sees_last_use: bool) -> AnyView {
        let segment = |role: Option<&str>, stale: bool, label: &'static str| {
            let there = Self {
                role: role.map(str::to_owned),
                stale,
                cursor: None,
                ..self.clone()
            };
            let current = (self.role.as_deref() == role && self.stale == stale).then_some("true");
            view! { <a href=there.here() aria-current=current>{label}</a> }
        };
        let hidden = |name: &'static str, value: Option<String>| {
            value.map(|value| view! { <input type="hidden" name=name value=value /> })
        };
        view! {
            <form class="toolbar" method="get" action=self.base.clone() role="search" aria-label="Members">
                <div class="search">
                    {icon("search")}
                    <label class="visually-hidden" for="q">"Search members"</label>
                    <input class="input" id="q" name="q" type="search" placeholder="Search members" value=self.q.clone() />
                </div>
                <nav class="segmented" aria-label="Kind">
                    {segment(None, false, "All")} {segment(Some("admin"), false, "Admins")}
                    {segment(Some("member"), false, "Members")}
                    {sees_last_use.then(|| segment(None, true, "Not seen"))}
                </nav>
                {hidden("role", self.role.clone())}
                {hidden("stale", self.stale.then(|| "1".to_owned()))}
                <button class="button toolbar__submit">"Apply"</button>
                {self
                    .is_filtered()
                    .then(|| view! { <a class="link link--muted toolbar__clear" href=self.base.clone()>"Clear"</a> })}
            </form>
        }
        .into_any()
    }
}
