//! The address of a review's lines: what they are filtered by is in it, and forms carry it along.

use backend::access_reviews::LineQuery;
use domain::{ReviewDecision, ReviewId};

use super::PAGE;
use crate::ssr::{self, Result};

/// The parts of the address that the list depends on.
const PARTS: [&str; 5] = ["view", "kind", "team", "q", "cursor"];

/// What the address asks for.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    review: ReviewId,
    /// Values of [`PARTS`], in their order.
    parts: [Option<String>; PARTS.len()],
}

impl Address {
    /// Of the request.
    pub(super) fn read(review: ReviewId) -> Self {
        Self {
            review,
            parts: PARTS.map(ssr::query),
        }
    }

    /// Of a form's hidden field, as [`Address::carried`] wrote it. Only parts that are known are taken, so that it leads to
    /// this review and nowhere else.
    pub(crate) fn of_form(review: ReviewId, text: &str) -> Self {
        Self {
            review,
            parts: PARTS.map(|part| {
                form_urlencoded::parse(text.as_bytes())
                    .find(|(name, value)| name == part && !value.is_empty())
                    .map(|(_, value)| value.into_owned())
            }),
        }
    }

    /// One part's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let index = PARTS.iter().position(|part| *part == name)?;
        self.parts.get(index)?.as_deref()
    }

    pub(super) fn query(&self) -> Result<LineQuery> {
        let view = self.get("view");
        Ok(LineQuery {
            undecided: view == Some("undecided"),
            mine: view == Some("mine"),
            decision: view.and_then(|word| word.parse::<ReviewDecision>().ok()),
            kind: self.get("kind").map(str::parse).transpose()?,
            team: self
                .get("team")
                .map(|team| {
                    team.parse()
                        .map_err(|_| ssr::Error::invalid("team", "must be a team's UUID"))
                })
                .transpose()?,
            search: self.get("q").map(str::to_owned),
            cursor: self.get("cursor").map(str::to_owned),
            ..LineQuery::default()
        })
    }

    pub(super) fn is_filtered(&self) -> bool {
        PARTS.iter().any(|part| *part != "cursor" && self.get(part).is_some())
    }

    /// All parts, for a hidden field.
    pub(super) fn carried(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in PARTS.iter().zip(&self.parts) {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// The parts that a form with the method GET has to keep, but for those that it has fields for.
    pub(super) fn hidden(&self, but: &[&str]) -> Vec<(&'static str, String)> {
        PARTS
            .into_iter()
            .zip(&self.parts)
            .filter(|(name, _)| !but.contains(name))
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect()
    }

    /// With one part changed; any change but of the page starts at the first page.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut changed = self.clone();
        for (part, kept) in PARTS.iter().zip(&mut changed.parts) {
            if *part == name {
                *kept = value.map(str::to_owned);
            } else if *part == "cursor" {
                *kept = None;
            }
        }
        changed.here()
    }

    /// The same page.
    pub(crate) fn here(&self) -> String {
        self.and(&[])
    }

    /// The same page with more behind it: a question, and what it is about.
    pub(crate) fn and(&self, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(self.carried());
        query.extend_pairs(more);
        let (query, path) = (query.finish(), format!("{PAGE}/{}", self.review));
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_the_review_with_its_filters_only() {
        let review: ReviewId = "00000000-0000-4000-8000-000000000001".parse().unwrap();
        let address = Address::of_form(review, "view=undecided&q=a%26b&evil=%0d%0a&cursor=");
        assert_eq!(address.here(), format!("{PAGE}/{review}?view=undecided&q=a%26b"));
        assert_eq!(address.with("view", None), format!("{PAGE}/{review}?q=a%26b"));
        assert_eq!(
            address.and(&[("confirm", "close")]),
            format!("{PAGE}/{review}?view=undecided&q=a%26b&confirm=close")
        );
        assert_eq!(
            Address::of_form(review, "https://evil.example").here(),
            format!("{PAGE}/{review}")
        );
    }
}
