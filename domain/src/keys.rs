//! Keys for models: what they are called and worth, and the installation's defaults and ceilings for them (SPEC C8, C9).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{BudgetDuration, Invalid, KeyName, Limits, Money, names::one_line};

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// AI models: LiteLLM made it.
    Models,
    /// Services of the team, for a project: Guildhall made it.
    Services,
}

impl KeyKind {
    /// The word that APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Services => "services",
        }
    }
}

/// What a key is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyStatus {
    /// LiteLLM has not made it yet.
    Pending,
    /// It works.
    Active,
    /// Another key has taken its place; it works until it expires.
    Replaced,
    /// It does not work as long as its owner has no access, or the team is not active.
    Suspended,
    /// We refuse it; LiteLLM may still let it in.
    Revoking,
    /// It is refused everywhere.
    Revoked,
    /// Its time is over.
    Expired,
}

impl ApiKeyStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Active,
        Self::Replaced,
        Self::Suspended,
        Self::Revoking,
        Self::Revoked,
        Self::Expired,
    ];

    /// The word that APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Suspended => "suspended",
            Self::Revoking => "revoking",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Whether the key lets anyone in now, for all that we know.
    pub fn works(self) -> bool {
        matches!(self, Self::Active | Self::Replaced)
    }

    /// Whether it may work again, or for the first time: what can still be revoked.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Replaced | Self::Suspended)
    }
}

impl KeyName {
    /// The name of a key for models: 1 to 255 characters (SPEC C8).
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse_long(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 255).map(Self::trusted)
    }
}

/// What a new key has unless it is given something else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct KeyDefaults {
    /// Budget for one period.
    pub max_budget: Option<Money>,
    /// The period.
    pub budget_duration: Option<BudgetDuration>,
    /// From here on LiteLLM warns.
    pub soft_budget: Option<Money>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// How many days it lives.
    pub expires_in_days: Option<i64>,
}

/// What a key may have at most; none is no ceiling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct KeyMaximums {
    /// Budget for one period.
    pub max_budget: Option<Money>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// How many days it may live.
    pub expires_in_days: Option<i64>,
}

/// The installation's defaults and ceilings of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct KeyPolicy {
    /// What is not given.
    pub defaults: KeyDefaults,
    /// What is never more.
    pub maximums: KeyMaximums,
}

/// What people are made with at LiteLLM; none is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct UserDefaults {
    /// Budget over all keys.
    pub max_budget: Option<Money>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
}

impl KeyMaximums {
    /// What of a key's limits is above a ceiling, each in words (SPEC C9). Having no limit is above every one.
    pub fn violations(&self, limits: &Limits, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<String> {
        fn above<T: PartialOrd + std::fmt::Display>(field: &str, own: Option<T>, ceiling: Option<T>) -> Option<String> {
            match (own, ceiling?) {
                (Some(own), ceiling) if own > ceiling => Some(format!("{field}: {own} exceeds maximum {ceiling}")),
                (Some(_), _) => None,
                (None, _) => Some(format!("{field}: 'Unlimited' is not allowed")),
            }
        }
        let ends = self.expires_in_days.and_then(|days| match expires_at {
            None => Some("expiresAt: 'Never' is not allowed".to_owned()),
            // A minute for clocks and forms that were filled in meanwhile.
            Some(end) if end > now + TimeDelta::days(days) + TimeDelta::minutes(1) => Some(format!(
                "expiresAt: {} exceeds maximum {days} days",
                end.format("%Y-%m-%d")
            )),
            Some(_) => None,
        });
        [
            above("maxBudget", limits.max_budget, self.max_budget),
            above("tpmLimit", limits.tpm_limit, self.tpm_limit),
            above("rpmLimit", limits.rpm_limit, self.rpm_limit),
            ends,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl KeyPolicy {
    /// Checks what an admin typed: sizes, and that no default is above its ceiling.
    ///
    /// # Errors
    /// One error for each field that breaks a rule, by its path: `defaults.maxBudget`.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let (own, top) = (&self.defaults, &self.maximums);
        let mut errors = Vec::new();
        for (field, amount) in [
            ("defaults.maxBudget", own.max_budget),
            ("defaults.softBudget", own.soft_budget),
            ("maximums.maxBudget", top.max_budget),
        ] {
            errors.extend(amount.and_then(|amount| Money::parse(field, amount.decimal()).err()));
        }
        for (field, count) in [
            ("defaults.tpmLimit", own.tpm_limit),
            ("defaults.rpmLimit", own.rpm_limit),
            ("maximums.tpmLimit", top.tpm_limit),
            ("maximums.rpmLimit", top.rpm_limit),
        ] {
            errors.extend(count.and_then(|count| crate::parse_count(field, count).err()));
        }
        for (field, days) in [
            ("defaults.expiresInDays", own.expires_in_days),
            ("maximums.expiresInDays", top.expires_in_days),
        ] {
            if days.is_some_and(|days| !(1..=3650).contains(&days)) {
                errors.push(Invalid::new(field, "must be from 1 to 3650 days"));
            }
        }
        let above = [
            ("defaults.maxBudget", is_above(own.max_budget, top.max_budget)),
            ("defaults.tpmLimit", is_above(own.tpm_limit, top.tpm_limit)),
            ("defaults.rpmLimit", is_above(own.rpm_limit, top.rpm_limit)),
            (
                "defaults.expiresInDays",
                is_above(own.expires_in_days, top.expires_in_days),
            ),
        ];
        let above = above.into_iter().filter(|(_, above)| *above);
        errors.extend(above.map(|(field, _)| Invalid::new(field, "must not be above its maximum")));
        if is_above(own.soft_budget, own.max_budget) {
            errors.push(Invalid::new("defaults.softBudget", "must not be above the budget"));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl UserDefaults {
    /// Checks what an admin typed.
    ///
    /// # Errors
    /// One error for each field that breaks a rule.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let budget = self
            .max_budget
            .and_then(|amount| Money::parse("maxBudget", amount.decimal()).err());
        let counts = [("tpmLimit", self.tpm_limit), ("rpmLimit", self.rpm_limit)];
        let counts = counts
            .into_iter()
            .filter_map(|(field, count)| count.and_then(|count| crate::parse_count(field, count).err()));
        let errors: Vec<Invalid> = budget.into_iter().chain(counts).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

fn is_above<T: PartialOrd>(own: Option<T>, top: Option<T>) -> bool {
    matches!((own, top), (Some(own), Some(top)) if own > top)
}

/// The smallest of some limits, none being no limit: what a key gets that was given none.
pub fn smallest<T: Ord>(limits: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    limits.into_iter().flatten().min()
}

/// Parses tags.
///
/// # Errors
/// When there are more than 20, or one is empty, longer than 50 characters or on several lines.
pub fn parse_tags<S: AsRef<str>>(texts: &[S]) -> Result<Vec<String>, Invalid> {
    if texts.len() > 20 {
        return Err(Invalid::new("tags", "must be at most 20"));
    }
    let mut tags: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts {
        let tag = one_line("tags", text.as_ref(), 1, 50)
            .map_err(|_| Invalid::new("tags", "each must be 1 to 50 characters on one line"))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn money(amount: i64) -> Money {
        Money::trusted(Decimal::from(amount))
    }

    fn ceilings() -> KeyMaximums {
        KeyMaximums {
            max_budget: Some(money(3)),
            tpm_limit: Some(100),
            rpm_limit: None,
            expires_in_days: Some(30),
        }
    }

    #[test]
    fn c9_all_violations_are_told_in_the_seeds_words() {
        let now = DateTime::UNIX_EPOCH;
        let wanted = Limits {
            max_budget: Some(money(5)),
            tpm_limit: Some(200),
            rpm_limit: Some(1_000_000),
            ..Limits::default()
        };
        assert_eq!(
            ceilings().violations(&wanted, None, now),
            [
                "maxBudget: 5 exceeds maximum 3",
                "tpmLimit: 200 exceeds maximum 100",
                "expiresAt: 'Never' is not allowed"
            ]
        );
        let late = ceilings().violations(&Limits::default(), Some(now + TimeDelta::days(31)), now);
        assert_eq!(
            late,
            [
                "maxBudget: 'Unlimited' is not allowed",
                "tpmLimit: 'Unlimited' is not allowed",
                "expiresAt: 1970-02-01 exceeds maximum 30 days"
            ]
        );
        let equal = Limits {
            max_budget: Some(money(3)),
            tpm_limit: Some(100),
            ..Limits::default()
        };
        let end = Some(now + TimeDelta::days(30));
        assert!(ceilings().violations(&equal, end, now).is_empty(), "equal is fine");
        assert!(
            KeyMaximums::default()
                .violations(&Limits::default(), None, now)
                .is_empty()
        );
    }

    #[test]
    fn c9_a_default_is_not_above_its_ceiling() {
        let policy = KeyPolicy {
            defaults: KeyDefaults {
                max_budget: Some(money(5)),
                soft_budget: Some(money(6)),
                expires_in_days: Some(0),
                ..KeyDefaults::default()
            },
            maximums: ceilings(),
        };
        let fields: Vec<_> = policy
            .check()
            .unwrap_err()
            .into_iter()
            .map(|invalid| invalid.field)
            .collect();
        assert_eq!(
            fields,
            ["defaults.expiresInDays", "defaults.maxBudget", "defaults.softBudget"]
        );
        assert!(KeyPolicy::default().check().is_ok());
    }

    #[test]
    fn tags_are_short_and_each_there_once() {
        assert_eq!(parse_tags(&["a", " b ", "a"]).unwrap(), ["a", "b"]);
        assert!(parse_tags(&[""]).is_err());
        assert!(parse_tags(&["x".repeat(51)]).is_err());
        assert!(parse_tags(&vec!["x"; 21]).is_err());
    }

    #[test]
    fn the_smallest_limit_binds() {
        assert_eq!(smallest([None, Some(5), Some(3)]), Some(3));
        assert_eq!(smallest::<i64>([None, None]), None);
    }
}
