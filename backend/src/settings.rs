//! What an operator decides about the rules.

use std::{net::SocketAddr, time::Duration};

use domain::{Limits, directory::SettingSource};
use secrecy::SecretString;

/// Settings of the installation that the backend's rules depend on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether a stranger with a valid identity gets an account (SPEC X17).
    pub signup_open: bool,
    /// Whether someone in no team and without a label policy may provision anything (SPEC B17).
    pub allow_without_label_policy: bool,
    /// GitHub's runner group for teams that name none (SPEC B30).
    pub default_runner_group: i64,
    /// How long a reservation waits for GitHub before the reaper settles it (SPEC B15).
    pub reservation_lease: Duration,
    /// How often our runners are compared with GitHub's; none is never (SPEC B21).
    pub sync_interval: Option<Duration>,
    /// What is done about a runner whose labels drifted while it runs a job (SPEC B22).
    pub drift_busy_action: DriftBusyAction,
    /// What GitHub's webhook is signed with; without it none is taken (SPEC B23).
    pub webhook_secret: Option<SecretString>,
    /// What is done about a job on labels that its runner's policy does not admit (SPEC B23).
    pub workflow_label_check: WorkflowLabelCheck,
    /// How long a place is held for the first of a waiting list.
    pub wait_hold: Duration,
    /// Seals private keys in the database; none leaves them as they are.
    pub secret_key: Option<SecretString>,
    /// The name server for verifying domains; the machine's own when there is none.
    pub dns_resolver: Option<SocketAddr>,
    /// ISO code of the currency that runners are priced in.
    pub currency: String,
    /// Groups of Microsoft Entra ID.
    pub entra: Entra,
}

/// What is configured of groups of Microsoft Entra ID (SPEC E1); what a super_admin set at runtime wins over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entra {
    /// `entra_groups_also_create_orgs`, if it is configured.
    pub configured_flag: Option<bool>,
    /// Where that is from.
    pub flag_source: SettingSource,
    /// `default_team_params`, if they are configured.
    pub default_team_params: Option<Limits>,
    /// How long a sign-in waits for the directory.
    pub sign_in_time: Duration,
    /// How often linked groups are read without anybody signing in; none is never.
    pub sync_interval: Option<Duration>,
}

impl Default for Entra {
    fn default() -> Self {
        Self {
            configured_flag: None,
            flag_source: SettingSource::Default,
            default_team_params: None,
            sign_in_time: Duration::from_secs(5),
            sync_interval: Some(Duration::from_mins(15)),
        }
    }
}

/// What is done about a busy runner whose labels drifted (SPEC B22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DriftBusyAction {
    /// A security event says so.
    #[default]
    Log,
    /// Its workflow run is cancelled, too.
    Cancel,
}

/// What is done about a job on labels that its runner's policy does not admit (SPEC B23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkflowLabelCheck {
    /// A security event says so.
    #[default]
    Audit,
    /// Its workflow run is cancelled, too.
    Enforce,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signup_open: true,
            allow_without_label_policy: false,
            default_runner_group: 1,
            reservation_lease: Duration::from_secs(45),
            sync_interval: Some(Duration::from_mins(2)),
            drift_busy_action: DriftBusyAction::Log,
            webhook_secret: None,
            workflow_label_check: WorkflowLabelCheck::Audit,
            wait_hold: Duration::from_mins(5),
            secret_key: None,
            dns_resolver: None,
            currency: "USD".to_owned(),
            entra: Entra::default(),
        }
    }
}
