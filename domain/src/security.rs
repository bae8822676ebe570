//! Security events: what broke a rule, how bad that is, what was done (SPEC B24).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// How bad a security event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth counting.
    Low,
    /// Worth a look.
    Medium,
    /// Someone should act.
    High,
    /// Someone should act now.
    Critical,
}

impl Severity {
    /// All of them, least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word that the database, APIs and URLs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| Invalid::new("severity", "must be low, medium, high or critical"))
    }
}

/// What happened. Each type has one severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecurityEventType {
    /// A request asked for labels that its policy does not admit.
    LabelPolicyViolation,
    /// A request met a full quota.
    QuotaExceeded,
    /// A runner's labels at GitHub are not those it was provisioned with.
    LabelDriftDetected,
    /// A workflow ran on labels that the runner's policy does not admit.
    LabelPolicyViolationWorkflow,
    /// An account was deactivated.
    UserDeactivated,
    /// Several accounts were deactivated.
    BatchDisableUsers,
    /// Several accounts were activated again.
    BatchRestoreUsers,
    /// Several runners were deleted.
    BatchDeleteRunners,
    /// Several teams were deactivated.
    BatchDeactivateTeams,
    /// Several teams were activated again.
    BatchReactivateTeams,
}

impl SecurityEventType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::LabelPolicyViolation,
        Self::QuotaExceeded,
        Self::LabelDriftDetected,
        Self::LabelPolicyViolationWorkflow,
        Self::UserDeactivated,
        Self::BatchDisableUsers,
        Self::BatchRestoreUsers,
        Self::BatchDeleteRunners,
        Self::BatchDeactivateTeams,
        Self::BatchReactivateTeams,
    ];

    /// The word that the database, APIs and URLs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LabelPolicyViolation => "label_policy_violation",
            Self::QuotaExceeded => "quota_exceeded",
            Self::LabelDriftDetected => "label_drift_detected",
            Self::LabelPolicyViolationWorkflow => "label_policy_violation_workflow",
            Self::UserDeactivated => "user_deactivated",
            Self::BatchDisableUsers => "batch_disable_users",
            Self::BatchRestoreUsers => "batch_restore_users",
            Self::BatchDeleteRunners => "batch_delete_runners",
            Self::BatchDeactivateTeams => "batch_deactivate_teams",
            Self::BatchReactivateTeams => "batch_reactivate_teams",
        }
    }

    /// How bad it is (SPEC B24).
    pub fn severity(self) -> Severity {
        match self {
            Self::QuotaExceeded | Self::BatchRestoreUsers | Self::BatchReactivateTeams => Severity::Low,
            Self::LabelPolicyViolation
            | Self::UserDeactivated
            | Self::BatchDisableUsers
            | Self::BatchDeleteRunners
            | Self::BatchDeactivateTeams => Severity::Medium,
            Self::LabelDriftDetected | Self::LabelPolicyViolationWorkflow => Severity::High,
        }
    }
}

impl fmt::Display for SecurityEventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SecurityEventType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|event| event.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<&str> = Self::ALL.into_iter().map(Self::as_str).collect();
                Invalid::new("event_type", format!("must be one of {}", known.join(", ")))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b24_types_and_severities() {
        for event in SecurityEventType::ALL {
            assert_eq!(event.as_str().parse(), Ok(event));
        }
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
        }
        let severity = |text: &str| text.parse::<SecurityEventType>().unwrap().severity().as_str();
        assert_eq!(severity("label_policy_violation"), "medium");
        assert_eq!(severity("quota_exceeded"), "low");
        assert_eq!(severity("label_drift_detected"), "high");
        assert_eq!(severity("label_policy_violation_workflow"), "high");
        assert!("nonsense".parse::<SecurityEventType>().is_err());
    }
}
