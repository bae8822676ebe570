//! Organizations: their email domains, and what their own admins may do to their ceilings.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{EmailDomain, Invalid, Limits, lower};

/// The most domains that an organization may have.
pub const MAX_DOMAINS: usize = 50;

/// Where anyone gets an address: owning one says nothing about whom one works for.
const PUBLIC_MAIL: &[&str] = &[
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "outlook.com",
    "pm.me",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
    "yandex.com",
    "yandex.ru",
    "zoho.com",
    "163.com",
];

/// How it was settled that a domain is the organization's (SPEC X10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifiedHow {
    /// A super_admin said so.
    Word,
    /// A TXT record at the domain says so.
    Dns,
}

impl VerifiedHow {
    /// The word that the database and APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Dns => "dns",
        }
    }
}

impl FromStr for VerifiedHow {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "word" => Ok(Self::Word),
            "dns" => Ok(Self::Dns),
            _ => Err(Invalid::new("how", "must be dns or word")),
        }
    }
}

/// The text of the TXT record that proves a domain.
pub fn verification_record(token: &str) -> String {
    format!("guildhall-verification={token}")
}

impl EmailDomain {
    /// Parses a domain that an organization may claim, for `field`.
    ///
    /// # Errors
    /// As [`EmailDomain::parse`], and for public mail providers.
    pub fn claimable(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let domain = Self::parse(text).map_err(|invalid| invalid.on(field))?;
        if PUBLIC_MAIL.contains(&domain.as_str()) {
            let words = format!("must not be a public mail provider: anyone gets an address at {domain}");
            return Err(Invalid::new(field, words));
        }
        Ok(domain)
    }

    /// Parses the list of an organization's domains, sorted and without doubles, for the field `domains`.
    ///
    /// # Errors
    /// When there are more than [`MAX_DOMAINS`], or one cannot be claimed.
    pub fn claimable_list<S: AsRef<str>>(texts: &[S]) -> Result<Vec<Self>, Invalid> {
        if texts.len() > MAX_DOMAINS {
            return Err(Invalid::new(
                "domains",
                format!("must be at most {MAX_DOMAINS} domains"),
            ));
        }
        let mut domains = texts
            .iter()
            .map(|text| Self::claimable("domains", text.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        domains.sort();
        domains.dedup();
        Ok(domains)
    }
}

/// Everything that an organization's teams have to stay within.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceilings {
    /// Models, budget and rates, for each team.
    pub limits: Limits,
    /// Live runners of all teams together; none is no limit.
    pub max_runners: Option<i32>,
}

impl Ceilings {
    /// Whether these ceilings allow no more than `current` do: an org_admin may lower what binds their own
    /// organization, not raise it.
    pub fn is_at_most(&self, current: &Self) -> bool {
        self.limits.is_at_most(&current.limits)
            && lower(self.max_runners, current.max_runners)
            && self.limits.has_no_model_beyond(&current.limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Money;

    #[test]
    fn x10_public_mail_providers_cannot_be_claimed() {
        assert!(EmailDomain::claimable("domain", "acme.example").is_ok());
        for bad in ["gmail.com", " @GMail.com", "outlook.com"] {
            let error = EmailDomain::claimable("domain", bad).unwrap_err();
            assert!(error.message.contains("public mail provider"), "{bad}: {error}");
        }
        for known in PUBLIC_MAIL {
            assert_eq!(EmailDomain::parse(known).unwrap().as_str(), *known);
        }
    }

    #[test]
    fn x10_lists_of_domains_are_sorted_and_distinct() {
        let list = EmailDomain::claimable_list(&["b.example", "A.example", "a.example"]).unwrap();
        assert_eq!(
            list.iter().map(EmailDomain::as_str).collect::<Vec<_>>(),
            ["a.example", "b.example"]
        );
        assert_eq!(
            EmailDomain::claimable_list(&["a.example", "nothing"])
                .unwrap_err()
                .field,
            "domains"
        );
        assert!(EmailDomain::claimable_list(&vec!["a.example"; 51]).is_err());
    }

    #[test]
    fn p_ceilings_may_be_lowered_by_those_they_bind() {
        let ceilings = |budget: Option<i64>, models: &[&str], max_runners| Ceilings {
            limits: Limits {
                max_budget: budget.map(|amount| Money::trusted(amount.into())),
                models: models.iter().map(ToString::to_string).collect(),
                ..Limits::default()
            },
            max_runners,
        };
        let now = ceilings(Some(100), &["a", "b"], Some(10));
        for lower in [
            ceilings(Some(100), &["a", "b"], Some(10)),
            ceilings(Some(1), &["b"], Some(0)),
        ] {
            assert!(lower.is_at_most(&now), "{lower:?}");
        }
        for higher in [
            ceilings(Some(101), &["a"], Some(10)),
            ceilings(None, &["a"], Some(10)),
            ceilings(Some(100), &[], Some(10)),
            ceilings(Some(100), &["a", "c"], Some(10)),
            ceilings(Some(100), &["all-proxy-models"], Some(10)),
            ceilings(Some(100), &["a"], Some(11)),
            ceilings(Some(100), &["a"], None),
        ] {
            assert!(!higher.is_at_most(&now), "{higher:?}");
        }
        let free = ceilings(None, &[], None);
        assert!(now.is_at_most(&free) && free.is_at_most(&free));
    }
}
