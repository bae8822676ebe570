//! What can go wrong with a call to Microsoft Graph, sorted by what has to be done about it.

use std::time::Duration;

/// Why something is not known. Messages are one line, fit for a page, and hold no token or secret. Whatever it is:
/// nothing was learned about anybody's groups, so nothing may change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token, or our client secret, is not accepted (401). The words say which.
    #[error("Microsoft Graph did not accept {0}")]
    Unauthorized(String),
    /// A permission is missing (403): an administrator of the directory has to grant it.
    #[error("Microsoft Graph refused: the application lacks {permission}")]
    Forbidden {
        /// The permission that the call needs.
        permission: &'static str,
    },
    /// Too many requests (429), and the pause that Graph asks for is longer than there is time.
    #[error("Microsoft Graph asks for fewer requests{}", pause(*.retry_after))]
    Throttled {
        /// How long Graph asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// No answer that counts: no connection, no time left, 5xx.
    #[error("Microsoft Graph cannot be asked: {message}")]
    Unavailable {
        /// What happened.
        message: String,
        /// How long Graph asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// The directory has no such group, person or application (404).
    #[error("Microsoft Graph knows no such {0}")]
    NotFound(&'static str),
    /// Graph understood and refused (any other 3xx or 4xx).
    #[error("Microsoft Graph refused: {message} (status {status})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Graph's message.
        message: String,
    },
    /// Success in words that cannot be read, or a list without end.
    #[error("unexpected answer from Microsoft Graph: {0}")]
    InvalidAnswer(String),
    /// What is asked for needs a setting that is not there.
    #[error("Microsoft Graph needs {0}")]
    NotConfigured(&'static str),
    /// A setting or an argument cannot work. Nothing was sent.
    #[error("Microsoft Graph configuration: {0}")]
    Config(String),
}

impl Error {
    /// Whether the same call may work later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// How long to wait at least before the next try, where Graph says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The kind of failure in one word, for a metric's label.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::NotFound(_) => "not_found",
            Self::Rejected { .. } => "rejected",
            Self::InvalidAnswer(_) => "invalid_answer",
            Self::NotConfigured(_) => "not_configured",
            Self::Config(_) => "config",
        }
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            retry_after: None,
        }
    }

    /// Whether another token might do better.
    pub(super) fn is_about_the_token(&self) -> bool {
        matches!(self, Self::Unauthorized(_) | Self::Forbidden { .. })
    }
}

fn pause(retry_after: Option<Duration>) -> String {
    retry_after
        .map(|pause| format!(", for {} seconds", pause.as_secs()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Error;

    #[test]
    fn e6_errors_read_well_on_a_page() {
        let permission = "GroupMember.Read.All";
        assert_eq!(
            Error::Forbidden { permission }.to_string(),
            "Microsoft Graph refused: the application lacks GroupMember.Read.All"
        );
        let retry_after = Some(Duration::from_secs(7));
        let throttled = Error::Throttled { retry_after };
        assert_eq!(
            throttled.to_string(),
            "Microsoft Graph asks for fewer requests, for 7 seconds"
        );
        assert!(throttled.is_transient() && throttled.retry_after() == retry_after);
        assert!(!Error::NotFound("group").is_transient());
    }
}
