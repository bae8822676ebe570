//! The state of a list of runners: all of it is in the address.

use backend::runners::{Reach, RunnerQuery};
use domain::RunnerStatus;

use crate::ssr::{self, Error, Result};

/// What the list shows, by the word in the address.
pub(super) const FILTERS: [(&str, &str); 8] = [
    ("", "All live runners"),
    ("pending", "Pending"),
    ("active", "Active"),
    ("idle", "Idle"),
    ("busy", "Busy"),
    ("offline", "Offline"),
    ("deleted", "Deleted"),
    ("all", "All, also deleted"),
];

/// What the address says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// `/runners` or `/admin/runners`.
    pub(super) path: &'static str,
    pub(super) q: Option<String>,
    pub(super) status: Option<String>,
    /// An id, a slug or a name.
    pub(super) team: Option<String>,
    pub(super) own: Option<String>,
    pub(super) cursor: Option<String>,
}

impl Address {
    pub(super) fn read(path: &'static str) -> Self {
        Self {
            path,
            q: ssr::query("q"),
            status: ssr::query("status"),
            team: ssr::query("team"),
            own: ssr::query("own"),
            cursor: ssr::query("cursor"),
        }
    }

    pub(super) fn query(&self) -> Result<RunnerQuery> {
        let mut query = RunnerQuery {
            search: self.q.clone(),
            cursor: self.cursor.clone(),
            ..RunnerQuery::default()
        };
        if self.path == "/runners" {
            query.reach = Reach::Teams;
        }
        match self.own.as_deref() {
            None => {}
            Some("yes") => query.reach = Reach::Own,
            Some(_) => return Err(Error::invalid("own", "must be yes, or left out")),
        }
        match self.team.as_deref().map(str::parse) {
            None => {}
            Some(Ok(id)) => query.team_id = Some(id),
            Some(Err(_)) => query.team_name.clone_from(&self.team),
        }
        match self.status.as_deref() {
            None => {}
            Some("all") => query.include_deleted = true,
            Some("idle") => (query.status, query.busy) = (Some(RunnerStatus::Active), Some(false)),
            Some("busy") => query.busy = Some(true),
            Some(word) => {
                let status = word.parse().map_err(|_| {
                    Error::invalid("status", "must be pending, active, idle, busy, offline, deleted or all")
                })?;
                query.status = Some(status);
            }
        }
        Ok(query)
    }

    /// Whether anything but the page is chosen.
    pub(super) fn is_filtered(&self) -> bool {
        self.q.is_some() || self.status.is_some() || self.team.is_some() || self.own.is_some()
    }

    /// The parts that a form has to carry on, but for those that it has fields of its own for.
    pub(super) fn parts(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("q", &self.q),
            ("status", &self.status),
            ("team", &self.team),
            ("own", &self.own),
            ("cursor", &self.cursor),
        ]
    }

    /// The address with one part changed; any change but of the page starts at the first page.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        self.built(|query| {
            for (part, kept) in self.parts() {
                let value = match part {
                    _ if part == name => value,
                    "cursor" => None,
                    _ => kept.as_deref(),
                };
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    query.append_pair(part, value);
                }
            }
        })
    }

    /// This page of the list.
    pub(super) fn here(&self) -> String {
        self.asking(&[])
    }

    /// This page of the list, with a question before these runners are deprovisioned.
    pub(super) fn asking(&self, ids: &[&str]) -> String {
        self.built(|query| {
            for (part, kept) in self.parts() {
                if let Some(value) = kept {
                    query.append_pair(part, value);
                }
            }
            if !ids.is_empty() {
                query.append_pair("confirm", "deprovision");
            }
            for id in ids {
                query.append_pair("id", id);
            }
        })
    }

    fn built(&self, fill: impl FnOnce(&mut form_urlencoded::Serializer<'_, String>)) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        fill(&mut query);
        let query = query.finish();
        if query.is_empty() {
            self.path.to_owned()
        } else {
            format!("{}?{query}", self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b28_the_whole_state_of_the_list_is_in_the_address() {
        let address = Address {
            path: "/admin/runners",
            q: Some("a&b".into()),
            status: Some("busy".into()),
            team: Some("backend-team".into()),
            own: None,
            cursor: Some("abc".into()),
        };
        assert_eq!(
            address.with("cursor", Some("x")),
            "/admin/runners?q=a%26b&status=busy&team=backend-team&cursor=x"
        );
        assert_eq!(address.with("status", None), "/admin/runners?q=a%26b&team=backend-team");
        assert_eq!(
            address.asking(&["1", "2"]),
            "/admin/runners?q=a%26b&status=busy&team=backend-team&cursor=abc&confirm=deprovision&id=1&id=2"
        );
        let query = address.query().unwrap();
        assert_eq!((query.busy, query.reach), (Some(true), Reach::All));
        assert_eq!(query.team_name.as_deref(), Some("backend-team"));
        let mine = Address {
            path: "/runners",
            ..Address::default()
        };
        assert_eq!(mine.query().unwrap().reach, Reach::Teams);
        assert_eq!((mine.here().as_str(), mine.is_filtered()), ("/runners", false));
        for (status, own) in [("online", "yes"), ("idle", "maybe")] {
            let wrong = Address {
                status: Some(status.into()),
                own: Some(own.into()),
                ..mine.clone()
            };
            assert!(wrong.query().is_err(), "{status} {own}");
        }
    }
}
