//! What a request says of a label policy, and what it parses to.

use domain::{Description, Fields, Invalid, LabelPattern, UserLabelPolicy, UserRef};

use crate::teams::parse_max_runners;

/// A label policy, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewPolicyInput {
    /// The person's UUID or email address.
    pub user_identity: String,
    /// Labels by name, or `*`.
    pub allowed_labels: Vec<String>,
    /// Labels by pattern.
    pub label_patterns: Vec<String>,
    /// Most runners at a time; none is no limit.
    pub max_runners: Option<i64>,
    /// Whether somebody has to approve each runner.
    pub require_approval: bool,
    /// What it is for.
    pub description: Option<String>,
}

/// A label policy, parsed.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    pub(super) user: UserRef,
    pub(super) policy: UserLabelPolicy,
    pub(super) description: Option<Description>,
}

impl NewPolicyInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewPolicy, Vec<Invalid>> {
        let mut fields = Fields::new();
        let user = fields.take(UserRef::parse("user_identity", &self.user_identity));
        let allowed = fields.take(UserLabelPolicy::parse_allowed(&self.allowed_labels));
        let patterns = LabelPattern::parse_list(&self.label_patterns).map_err(|invalid| invalid.on("label_patterns"));
        let patterns = fields.take(patterns);
        let max_runners = fields.take(self.max_runners.map(parse_max_runners).transpose());
        let description = fields.take(Description::optional(self.description.as_deref().unwrap_or_default()));
        let policy = (|| {
            Some(NewPolicy {
                user: user?,
                policy: UserLabelPolicy {
                    allowed: allowed?,
                    patterns: patterns?,
                    max_runners: max_runners?,
                    require_approval: self.require_approval,
                },
                description: description?,
            })
        })();
        fields.with(policy)
    }
}
