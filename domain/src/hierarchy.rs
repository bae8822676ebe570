//! Limits of what belongs to something else: organization → team → member or project → key (SPEC E7, E8).
//!
//! One rule for all levels: equal is fine, more is not; none below a limit inherits it.

mod effective;
mod spent;
#[cfg(test)]
mod tests;

pub use effective::{Bound, Effective, Rung, effective};
use serde::{Deserialize, Serialize};
pub use spent::{Budget, period_words, used_up};

use crate::{Invalid, Limits};

/// How many names a refusal gives before it only counts.
pub const NAMED: usize = 10;

/// Whose limits they are, from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// An organization.
    Organization,
    /// A team of it.
    Team,
    /// A member of a team.
    Member,
    /// A project of a team.
    Project,
    /// A key of a member or a project.
    Key,
}

impl Level {
    /// The word, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Member => "member",
            Self::Project => "project",
            Self::Key => "key",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Organization => "Organization",
            Self::Team => "Team",
            Self::Member => "Member",
            Self::Project => "Project",
            Self::Key => "Key",
        }
    }
}

/// Checks limits against those of what they belong to: equal is fine, more is not. None of a kind, or no models, is no
/// limit of its own: the parent's holds.
///
/// # Errors
/// One error for each limit that is above its parent's, with the literal of E7.
pub fn check(child: Level, own: &Limits, parent: Level, ceiling: &Limits) -> Result<(), Vec<Invalid>> {
    let (who, whose) = (child.subject(), parent.as_str());
    let mut errors = Vec::new();
    let mut above = |field: &'static str, own: String, ceiling: String| {
        let words = format!("{who} {field} ({own}) exceeds {whose}'s {field} ({ceiling}).");
        errors.push(Invalid::new(field, words));
    };
    if let (Some(own), Some(ceiling)) = (own.max_budget, ceiling.max_budget)
        && own > ceiling
    {
        above("max_budget", own.to_string(), ceiling.to_string());
    }
    for (field, own, ceiling) in [
        ("tpm_limit", own.tpm_limit, ceiling.tpm_limit),
        ("rpm_limit", own.rpm_limit, ceiling.rpm_limit),
    ] {
        if let (Some(own), Some(ceiling)) = (own, ceiling)
            && own > ceiling
        {
            above(field, own.to_string(), ceiling.to_string());
        }
    }
    let extra = own.models_beyond(ceiling);
    if !extra.is_empty() {
        let (extra, has) = (extra.join(", "), ceiling.models.join(", "));
        errors.push(Invalid::new(
            "models",
            format!("{extra} not in {whose}'s allowed models: {has}"),
        ));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

impl Limits {
    /// These limits with their parent's models in place of a list that takes all that the parent has (SPEC E8), so that
    /// what belongs to them can be checked against them alone.
    #[must_use]
    pub fn with_models_of(&self, parent: &Self) -> Self {
        let mut own = self.clone();
        if own.inherits_models() {
            own.models.clone_from(&parent.models);
        }
        own
    }
}

/// Checks a parent's new limits against all that belong to it: lowering it below one of them is refused, and says which
/// of them have to be lowered first.
///
/// # Errors
/// One error for each limit, with the first case's words and the names of all cases: [`NAMED`] of them and the count.
pub fn check_children(
    parent: Level,
    ceiling: &Limits,
    child: Level,
    children: impl IntoIterator<Item = (String, Limits)>,
) -> Result<(), Vec<Invalid>> {
    let mut broken: Vec<(Invalid, Vec<String>)> = Vec::new();
    for (name, own) in children {
        for error in check(child, &own, parent, ceiling).err().unwrap_or_default() {
            match broken.iter_mut().find(|(known, _)| known.field == error.field) {
                // A rotated key and the one in its place have one name.
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name.clone()),
                None => broken.push((error, vec![name.clone()])),
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let errors = broken.into_iter().map(|(error, names)| {
        let rule = error.message.trim_end_matches('.');
        Invalid::new(
            error.field.clone(),
            format!("{rule}. Lower it first in: {}", listed(&names)),
        )
    });
    Err(errors.collect())
}

/// Names, the first [`NAMED`] of them, and how many more there are.
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more ({} in all)", names.len())
    }
}
