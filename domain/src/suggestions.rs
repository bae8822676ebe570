//! From people's own label policies to teams: who could share one, and what that changes for each (SPEC B16, and the
//! seed's "Migration from User-Based Policies").
//!
//! Labels and patterns are compared as texts, and a label with a pattern by matching it. Whether two different patterns
//! admit the same labels is not decided here: what cannot be compared is said to be so, and never left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Label, LabelPattern, LabelPolicy, MAX_PATTERNS, UserId, UserLabelPolicy, Verdict};

/// The pattern that stands for `*` in a team's policy.
const EVERYTHING: &str = ".*";
/// Labels that nobody has made a rule for. What refuses one of them does not admit every label.
const STRANGERS: [&str; 3] = ["q", "Zz9_7", "guildhall-stranger-4711"];
/// The largest quota that a team may have.
const MAX_QUOTA: i64 = 100_000;

/// Someone with a label policy of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who.
    pub id: UserId,
    /// The policy.
    pub policy: UserLabelPolicy,
}

/// People who could share a team, and the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What it could be called.
    pub name: String,
    /// Its label policy. Nothing is required: a required label is put on every runner, asked for or not, which is more
    /// than a policy that only allows it says.
    pub policy: LabelPolicy,
    /// Labels by name that each of the people may use.
    pub common: Vec<String>,
    /// Its quota: the sum of theirs; none when one of them has no limit.
    pub max_runners: Option<i32>,
    /// Whether all of the policies allow the same.
    pub equal: bool,
    /// The people, in the order of their ids.
    pub members: Vec<UserId>,
}

/// What a policy allows, so that it can be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    /// Whether an approval is needed. A team's policy knows of none, so these people are not mixed with others.
    approval: bool,
    /// Whether it allows everything. Nobody else is put into such a team.
    everything: bool,
    /// Labels by name in lower case, without those that every runner carries.
    labels: BTreeSet<String>,
    patterns: BTreeSet<String>,
}

impl Shape {
    fn of(policy: &UserLabelPolicy) -> Self {
        let everything = policy.allows_all() || policy.patterns.iter().any(is_everything);
        let mut shape = Self {
            approval: policy.require_approval,
            everything,
            labels: BTreeSet::new(),
            patterns: BTreeSet::new(),
        };
        if everything {
            return shape;
        }
        for label in &policy.allowed {
            shape.add(label);
        }
        for pattern in &policy.patterns {
            shape.add(pattern.as_str());
        }
        shape
    }

    /// Adds a label or pattern; a pattern that is a label admits just that.
    fn add(&mut self, text: &str) {
        match Label::parse(text) {
            Ok(label) if label.is_system() => {}
            Ok(label) => drop(self.labels.insert(label.as_str().to_ascii_lowercase())),
            Err(_) => drop(self.patterns.insert(text.to_owned())),
        }
    }

    fn len(&self) -> usize {
        self.labels.len() + self.patterns.len()
    }

    fn union(&self, other: &Self) -> Self {
        Self {
            labels: self.labels.union(&other.labels).cloned().collect(),
            patterns: self.patterns.union(&other.patterns).cloned().collect(),
            ..*self
        }
    }

    /// Whether at least two thirds of what either allows is allowed by both.
    fn overlaps(&self, other: &Self) -> bool {
        let both =
            self.labels.intersection(&other.labels).count() + self.patterns.intersection(&other.patterns).count();
        let either = self.len() + other.len() - both;
        (self.approval, self.everything) == (other.approval, other.everything) && both * 3 >= either * 2
    }
}

fn is_everything(pattern: &LabelPattern) -> bool {
    matches!(pattern.as_str(), ".*" | ".+")
}

/// People on their way to a team.
struct Group<'a> {
    /// Of those who were first: what others are measured by, so that a group does not drift away from its beginning.
    founder: Shape,
    /// What all of them together are allowed.
    shape: Shape,
    equal: bool,
    members: Vec<&'a Holder>,
}

/// Teams that could take the place of the policies. Everybody is in exactly one of them and loses no label by it; people
/// whose policies are equal are together, and those whose policies are similar join them. The largest comes first.
pub fn propose(holders: &[Holder]) -> Vec<Proposal> {
    let mut equal: BTreeMap<Shape, Vec<&Holder>> = BTreeMap::new();
    for holder in holders {
        equal.entry(Shape::of(&holder.policy)).or_default().push(holder);
    }
    let mut equal: Vec<(Shape, Vec<&Holder>)> = equal.into_iter().collect();
    // Stable: what is of one size stays in the order of what it allows.
    equal.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (shape, members) in equal {
        let home = groups
            .iter_mut()
            .find(|group| group.founder.overlaps(&shape) && group.shape.union(&shape).len() <= MAX_PATTERNS);
        match home {
            Some(group) => {
                group.shape = group.shape.union(&shape);
                group.equal = false;
                group.members.extend(members);
            }
            None => groups.push(Group {
                founder: shape.clone(),
                shape,
                equal: true,
                members,
            }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.members.len()));
    groups.into_iter().map(Group::propose).collect()
}

impl Group<'_> {
    fn propose(mut self) -> Proposal {
        self.members.sort_by_key(|holder| holder.id.0);
        let shapes: Vec<Shape> = self.members.iter().map(|holder| Shape::of(&holder.policy)).collect();
        let common = self
            .shape
            .labels
            .iter()
            .filter(|label| shapes.iter().all(|shape| shape.labels.contains(*label)))
            .map(|label| self.written(label))
            .collect();
        let quotas = self
            .members
            .iter()
            .map(|holder| holder.policy.max_runners.map(i64::from));
        let sum: Option<i64> = quotas.sum();
        Proposal {
            name: self.name(&shapes),
            common,
            max_runners: sum.and_then(|sum| i32::try_from(sum.min(MAX_QUOTA)).ok()),
            policy: LabelPolicy {
                required: Vec::new(),
                optional: self.patterns(),
            },
            equal: self.equal,
            members: self.members.iter().map(|holder| holder.id).collect(),
        }
    }

    /// A label as the first of the people has it.
    fn written(&self, label: &str) -> String {
        let mut texts = self.members.iter().flat_map(|holder| &holder.policy.allowed);
        let written = texts.find(|text| text.eq_ignore_ascii_case(label));
        written.map_or(label, String::as_str).to_owned()
    }

    /// What all of them are allowed, as patterns. A label is a pattern that admits itself and nothing else; when there
    /// are more than a policy may hold, several share one.
    fn patterns(&self) -> Vec<LabelPattern> {
        if self.shape.everything {
            return vec![LabelPattern::trusted(EVERYTHING.to_owned())];
        }
        let labels: Vec<String> = self.shape.labels.iter().map(|label| self.written(label)).collect();
        let labels = if self.shape.len() > MAX_PATTERNS {
            packed(&labels)
        } else {
            labels
        };
        let texts = labels.into_iter().chain(self.shape.patterns.iter().cloned());
        texts.map(LabelPattern::trusted).collect()
    }

    /// A name after what most of them share, patterns before labels.
    fn name(&self, shapes: &[Shape]) -> String {
        if self.shape.everything {
            return "All labels".to_owned();
        }
        let shared = |of: fn(&Shape) -> &BTreeSet<String>, text: &String| {
            shapes.iter().filter(|shape| of(shape).contains(text)).count()
        };
        let patterns = self.shape.patterns.iter().filter_map(|pattern| {
            let count = shared(|shape| &shape.patterns, pattern);
            Some((count, 1, stem(pattern)?))
        });
        let labels = self.shape.labels.iter().filter_map(|label| {
            let count = shared(|shape| &shape.labels, label);
            Some((count, 0, stem(label)?))
        });
        // The last of several that are equally good is taken: so compare names the other way round.
        let best = patterns
            .chain(labels)
            .max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| b.2.cmp(&a.2)));
        best.map_or_else(|| "Runners".to_owned(), |(.., stem)| format!("{stem} runners"))
    }
}

/// Labels in as few alternations as the length of a pattern allows.
fn packed(labels: &[String]) -> Vec<String> {
    let mut patterns: Vec<String> = Vec::new();
    for label in labels {
        match patterns.last_mut() {
            Some(last) if last.len() + 1 + label.len() <= LabelPattern::MAX => {
                last.push('|');
                last.push_str(label);
            }
            _ => patterns.push(label.clone()),
        }
    }
    patterns
}

/// The words that a label or pattern begins with: `backend-.*` gives `Backend`.
fn stem(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .unwrap_or(text.len());
    // What a quantifier stands behind is not part of every label.
    let quantified = text[end..].starts_with(['*', '?', '{']);
    let words = text[..end.saturating_sub(usize::from(quantified))].replace(['-', '_'], " ");
    let words: String = words.trim().chars().take(40).collect();
    let mut letters = words.trim().chars();
    let first = letters.next()?.to_ascii_uppercase();
    Some(format!("{first}{}", letters.as_str()))
}

/// What someone gains and loses who goes from a policy of their own to a team's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelDifference {
    /// Labels, and patterns of labels, that they could use and cannot any more.
    pub lost: Vec<String>,
    /// Labels, and patterns of labels, that they could not use and can now.
    pub gained: Vec<String>,
    /// Labels that their runners carry from now on, asked for or not.
    pub always: Vec<String>,
    /// Patterns of before and after of which nobody can tell, by these means, whether the other side admits the same.
    pub unknown: Vec<String>,
}

impl LabelDifference {
    /// Whether nothing changes, for sure.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares a policy of one's own with a team's.
pub fn difference(before: &UserLabelPolicy, after: &LabelPolicy) -> LabelDifference {
    let mut difference = LabelDifference {
        always: after
            .required
            .iter()
            .filter(|label| !label.is_system())
            .map(ToString::to_string)
            .collect(),
        ..LabelDifference::default()
    };
    let then = |label: &Label| after.verdict(label) != Verdict::Refused;
    let now = |label: &Label| before.admits(label);
    let had: Vec<&str> = (before.allowed.iter().map(String::as_str))
        .chain(before.patterns.iter().map(LabelPattern::as_str))
        .collect();
    let has: Vec<&str> = (after.required.iter().map(Label::as_str))
        .chain(after.optional.iter().map(LabelPattern::as_str))
        .collect();
    compare(&had, &has, then, &mut difference.lost, &mut difference.unknown);
    compare(&has, &had, now, &mut difference.gained, &mut difference.unknown);
    difference
}

/// Sorts what one side has and the other does not admit, and what cannot be told.
fn compare(
    ours: &[&str],
    theirs: &[&str],
    admits: impl Fn(&Label) -> bool,
    missing: &mut Vec<String>,
    unknown: &mut Vec<String>,
) {
    let add = |list: &mut Vec<String>, text: &str| {
        if !list.iter().any(|known| known == text) {
            list.push(text.to_owned());
        }
    };
    if theirs.iter().any(|text| matches!(*text, "*" | ".*" | ".+")) {
        return;
    }
    for text in ours.iter().copied().filter(|text| !theirs.contains(text)) {
        match parts(text) {
            Some(labels) => {
                for label in labels.iter().filter(|label| !admits(label)) {
                    add(missing, label.as_str());
                }
            }
            None if witnesses(text).iter().any(|label| !admits(label)) => add(missing, text),
            None => add(unknown, text),
        }
    }
}

/// The labels that a text stands for when it is a label, or an alternation of labels.
fn parts(text: &str) -> Option<Vec<Label>> {
    text.split('|').map(|part| Label::parse(part).ok()).collect()
}

/// Some labels that a pattern admits, found in its own words; perhaps none.
fn witnesses(text: &str) -> Vec<Label> {
    let strangers = STRANGERS.iter().copied().map(str::to_owned);
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .filter(|word| !word.is_empty())
        .flat_map(|word| [word.to_owned(), format!("{word}x"), format!("{word}1")]);
    let labels = strangers.chain(words).filter_map(|word| Label::parse(&word).ok());
    if text == "*" {
        return labels.collect();
    }
    match LabelPattern::parse(text) {
        Ok(pattern) => labels.filter(|label| pattern.admits(label)).collect(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
