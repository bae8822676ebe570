//! The backend's one error type. Each door maps it once.

use std::{fmt, time::Duration};

use domain::{Invalid, Refusal};

use crate::runners::QuotaRefusal;

/// What backend functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $status:literal;)*) => {
        /// The machine-readable names of errors: `error_code` in the API's answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            /// All codes, for `docs/errors.md`.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

codes! {
    /// Fields of the request are not valid; `fields` says which and why.
    Validation = "VALIDATION_ERROR", 422;
    /// The request's body is not JSON of the documented form.
    BadBody = "INVALID_BODY", 422;
    /// The request is larger than 1 MiB, or than 4 MiB where a list of people is sent.
    TooLarge = "BODY_TOO_LARGE", 413;
    /// The body's content type is not `application/json`.
    MediaType = "UNSUPPORTED_MEDIA_TYPE", 415;
    /// There are no credentials.
    NotAuthenticated = "NOT_AUTHENTICATED", 401;
    /// The credentials are unknown, expired or revoked.
    BadToken = "INVALID_TOKEN", 401;
    /// The webhook's signature is missing or another.
    BadSignature = "INVALID_SIGNATURE", 401;
    /// The webhook has no secret; the message names the setting.
    WebhookDisabled = "WEBHOOK_DISABLED", 403;
    /// The identity may not have an account here.
    NotAuthorized = "USER_NOT_AUTHORIZED", 403;
    /// The account is deactivated.
    Deactivated = "USER_DEACTIVATED", 403;
    /// The program behind the JWT is not registered, is disabled, or its team is not active.
    MachineRefused = "OAUTH_CLIENT_REFUSED", 403;
    /// The permission table does not allow it; `rule` and `who_can` say which rule and whom to ask.
    Forbidden = "FORBIDDEN", 403;
    /// The browser says that another site sent the request.
    CrossSite = "CROSS_SITE_REQUEST", 403;
    /// The person may not use the runner API at all.
    JitNotPermitted = "JIT_NOT_PERMITTED", 403;
    /// A custom label is not admitted by the label policy.
    LabelNotPermitted = "LABEL_NOT_PERMITTED", 403;
    /// The team, or the person without a team, has as many runners as the quota allows.
    QuotaExceeded = "QUOTA_EXCEEDED", 403;
    /// The person's label policy asks for an approval of each runner.
    ApprovalRequired = "APPROVAL_REQUIRED", 403;
    /// The person does not belong to the team that the request names.
    NotTeamMember = "NOT_TEAM_MEMBER", 403;
    /// The team is not active.
    TeamInactive = "TEAM_INACTIVE", 403;
    /// The team's policy does not list the service, or the service does not admit the path.
    ServiceNotAllowed = "SERVICE_NOT_ALLOWED", 403;
    /// The person has teams and must name one.
    TeamRequired = "TEAM_REQUIRED", 400;
    /// The email address is not in the organization's domains, and the person was not invited as a guest.
    ForeignDomain = "FOREIGN_EMAIL_DOMAIN", 400;
    /// The runner is deleted already.
    RunnerDeleted = "RUNNER_ALREADY_DELETED", 400;
    /// The runner runs a job, or is being provisioned: it cannot be deleted now.
    RunnerBusy = "RUNNER_BUSY", 409;
    /// The change would leave the team without an admin.
    LastAdmin = "LAST_TEAM_ADMIN", 400;
    /// The change would leave the installation without an active super_admin.
    LastSuperAdmin = "LAST_ACTIVE_ADMIN", 400;
    /// The change would leave the organization without an org_admin.
    LastOrgAdmin = "LAST_ORGANIZATION_ADMIN", 400;
    /// The DNS has no record that proves the domain.
    DomainNotProven = "DOMAIN_NOT_PROVEN", 409;
    /// The DNS does not answer.
    DnsUnavailable = "DNS_UNAVAILABLE", 503;
    /// There is nothing at this address, or no such object that the caller may see.
    NotFound = "NOT_FOUND", 404;
    /// The address exists, with other methods.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405;
    /// The name is taken.
    NameTaken = "NAME_TAKEN", 409;
    /// The object is not in a state for this.
    WrongState = "WRONG_STATE", 409;
    /// The person is a member already.
    AlreadyMember = "ALREADY_MEMBER", 409;
    /// A runner of this name is alive.
    RunnerNameTaken = "RUNNER_NAME_TAKEN", 409;
    /// GitHub refused or failed.
    GitHub = "GITHUB_ERROR", 502;
    /// GitHub allows no more calls for now.
    GitHubRateLimit = "GITHUB_RATE_LIMITED", 503;
    /// The key is above the installation's ceilings; the message names each.
    KeyLimits = "QUOTA_LIMITS_EXCEEDED", 400;
    /// The person has as many keys for models as one may have.
    TooManyKeys = "MAX_API_KEYS_REACHED", 400;
    /// Keys are not kept, so they cannot be shown again; rotating gives a new one.
    KeyNotKept = "KEY_NOT_KEPT", 410;
    /// LiteLLM refused or failed.
    LiteLlm = "LITELLM_ERROR", 502;
    /// LiteLLM is out of reach, or was so often that it is left alone for a while.
    LiteLlmUnavailable = "LITELLM_UNAVAILABLE", 503;
    /// A part that this needs is not configured; the message names the setting.
    NotConfigured = "NOT_CONFIGURED", 503;
    /// The OpenID provider's keys cannot be fetched.
    JwksUnavailable = "JWKS_UNAVAILABLE", 503;
    /// The company's directory does not answer, or refuses to.
    DirectoryUnavailable = "DIRECTORY_UNAVAILABLE", 503;
    /// The database does not answer.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE", 503;
    /// The request took too long and was given up.
    TimedOut = "TIMED_OUT", 503;
    /// Something is wrong on our side; the log has it under the request id.
    Internal = "INTERNAL_ERROR", 500;
}

/// Why a backend function did not do what it was asked to.
#[derive(Debug)]
pub enum Error {
    /// Fields that break rules.
    Invalid(Vec<Invalid>),
    /// The permission table says no.
    Forbidden(Refusal),
    /// Any other refusal that the caller can understand: a code and the words.
    Refused(Code, String),
    /// A quota is full: the words, and who holds it.
    Quota(Box<QuotaRefusal>),
    /// Something that this needs is out of reach; worth trying again after a while.
    Unavailable(Code, String, Option<Duration>),
    /// A fault of ours. Logged once by the door; the caller sees only the request id.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A refusal with a code.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused(code, detail.into())
    }

    /// `<kind> not found: <which>`.
    pub fn not_found(kind: &str, which: impl fmt::Display) -> Self {
        Self::Refused(Code::NotFound, format!("{kind} not found: {which}"))
    }

    /// One invalid field.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Invalid::new(field, message.into())])
    }

    /// A fault of ours, in words for the log.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }

    /// GitHub is needed and not configured.
    pub(crate) fn not_configured_github() -> Self {
        Self::Unavailable(
            Code::NotConfigured,
            "GitHub is not configured. Set GUILDHALL_GITHUB_ORG and either GUILDHALL_GITHUB_TOKEN or GUILDHALL_GITHUB_APP_ID with its key.".to_owned(),
            None,
        )
    }

    /// The database is out of reach for now.
    fn database_unavailable() -> Self {
        Self::Unavailable(
            Code::DatabaseUnavailable,
            "The database does not answer. Try again in a moment.".to_owned(),
            Some(Duration::from_secs(2)),
        )
    }

    /// The error's code.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::Validation,
            Self::Forbidden(refusal) if refusal.literal == "User not a member of team" => Code::NotTeamMember,
            Self::Forbidden(_) => Code::Forbidden,
            Self::Refused(code, _) | Self::Unavailable(code, ..) => *code,
            Self::Quota(_) => Code::QuotaExceeded,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// The rule behind a 403 and who can change what it depends on, also where it is not the permission table's: no
    /// refusal leaves that open.
    pub fn refusal(&self) -> Option<Refusal> {
        let (rule, who_can) = match self {
            Self::Forbidden(refusal) => return Some(refusal.clone()),
            _ => behind(self.code())?,
        };
        Some(Refusal {
            literal: self.detail(),
            rule: rule.to_owned(),
            who_can: who_can.to_owned(),
        })
    }

    /// The field of the request that a refusal is about, where it is about one.
    pub fn field(&self) -> Option<Invalid> {
        let field = match self.code() {
            Code::TeamRequired => "team_id",
            Code::LabelNotPermitted => "labels",
            _ => return None,
        };
        Some(Invalid::new(field, self.detail()))
    }

    /// What the caller may read.
    pub fn detail(&self) -> String {
        match self {
            Self::Invalid(_) => "Validation error".to_owned(),
            Self::Forbidden(refusal) => refusal.to_string(),
            Self::Refused(_, detail) | Self::Unavailable(_, detail, _) => detail.clone(),
            Self::Quota(refusal) => refusal.detail.clone(),
            Self::Internal(_) => "Internal server error".to_owned(),
        }
    }

    /// Turns a violated constraint into the error that a person understands.
    #[must_use]
    pub fn on_constraint(self, name: &str, error: impl FnOnce() -> Self) -> Self {
        match &self {
            Self::Internal(source)
                if source
                    .downcast_ref::<sqlx::Error>()
                    .and_then(sqlx::Error::as_database_error)
                    .and_then(|database| database.constraint())
                    == Some(name) =>
            {
                error()
            }
            _ => self,
        }
    }
}

/// What a 403 that is no refusal by the permission table is about, and who can change that.
fn behind(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::NotAuthorized => ("have an account here", "a super_admin"),
        Code::MachineRefused => (
            "act as a machine client",
            "a super_admin or org_admin of the organization",
        ),
        Code::Deactivated => ("use an account that is deactivated", "a super_admin"),
        Code::WebhookDisabled => ("use a webhook without a secret", "the operator of this installation"),
        Code::CrossSite => ("send requests from another site", "nobody: open the console itself"),
        Code::JitNotPermitted => ("provision runners", "a super_admin"),
        Code::LabelNotPermitted => (
            "use this label",
            "a super_admin, org_admin of the organization, or, within the team's policy, a team admin",
        ),
        Code::QuotaExceeded => (
            "have more runners than the quota",
            "a super_admin or org_admin of the organization",
        ),
        Code::ApprovalRequired => (
            "provision a runner without an approval",
            "a super_admin or org_admin of the organization",
        ),
        Code::NotTeamMember => (
            "act for a team without being its member",
            "a super_admin, org_admin of the organization or team admin",
        ),
        Code::TeamInactive => (
            "use a team that is not active",
            "a super_admin or org_admin of the organization",
        ),
        Code::ServiceNotAllowed => (
            "use this service",
            "a super_admin, org_admin of the organization or team admin",
        ),
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(source) => write!(f, "internal error: {source}"),
            Self::Invalid(fields) => {
                let texts: Vec<String> = fields.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join("; "))
            }
            _ => f.write_str(&self.detail()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Forbidden(refusal)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(vec![invalid])
    }
}

impl From<Vec<Invalid>> for Error {
    fn from(fields: Vec<Invalid>) -> Self {
        Self::Invalid(fields)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                tracing::error!(%error, "database unreachable");
                Self::database_unavailable()
            }
            sqlx::Error::Database(refusal) if refusal.code().is_some_and(|code| is_going_away(&code)) => {
                tracing::error!(error = %refusal, "database unreachable");
                Self::database_unavailable()
            }
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// Whether PostgreSQL ends connections or takes no more (it is stopping, starting, or full), or gave
/// up one of two transactions that waited for each other. Nothing is wrong with the question.
fn is_going_away(code: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03" | "53300" | "40P01" | "40001")
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_403_says_who_can_change_it() {
        for code in Code::ALL
            .iter()
            .filter(|code| code.status() == 403 && **code != Code::Forbidden)
        {
            assert!(Error::refused(*code, "no").refusal().is_some(), "{}", code.as_str());
        }
        assert!(Error::refused(Code::NotFound, "no").refusal().is_none());
    }

    #[test]
    fn x19_codes_are_distinct_and_documented() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!(
                Code::ALL[..index]
                    .iter()
                    .all(|earlier| earlier.as_str() != code.as_str())
            );
            assert!(!code.meaning().is_empty());
            assert!((400..600).contains(&code.status()));
        }
    }
}
