//! What can go wrong with a call to LiteLLM, sorted by what the caller has to do about it.

use std::time::Duration;

/// Why a call failed. Messages are LiteLLM's or ours, one line, without keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The instance failed too often lately, so nothing was sent.
    #[error("LiteLLM service is temporarily unavailable due to circuit breaker. Please try again later")]
    CircuitOpen {
        /// When a call will be let through to probe.
        retry_after: Duration,
    },
    /// Too many requests (429). Nothing was done.
    #[error("LiteLLM rate limit exceeded")]
    RateLimited {
        /// How long LiteLLM asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// The request was never sent: no address, connection refused, TLS failed. Nothing was done.
    #[error("LiteLLM cannot be reached: {0}")]
    Unreachable(String),
    /// The request was sent and no trustworthy answer came (time-out, connection lost, 5xx): it may have been done.
    #[error("no answer from LiteLLM: {0}")]
    Ambiguous(String),
    /// LiteLLM knows no such team, user, member or key. A bare 404 of an unknown route is [`Rejected`](Self::Rejected).
    #[error("LiteLLM: {message}")]
    NotFound {
        /// LiteLLM's message.
        message: String,
    },
    /// There is one already: a user with that e-mail address, a key with that alias. Nothing was done.
    #[error("LiteLLM: {message}")]
    Conflict {
        /// LiteLLM's message.
        message: String,
    },
    /// Needs a LiteLLM Enterprise licence that the instance has not. Nothing was done.
    #[error("LiteLLM: {message}")]
    Licence {
        /// LiteLLM's message.
        message: String,
    },
    /// Our key is wrong or may not do this (401, 403). Nothing was done.
    #[error("LiteLLM refused our key: {message} (status {status})")]
    Denied {
        /// The HTTP status.
        status: u16,
        /// LiteLLM's message.
        message: String,
    },
    /// LiteLLM understood and refused (any other 3xx or 4xx). Nothing was done.
    #[error("LiteLLM: {message} (status {status})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// LiteLLM's message.
        message: String,
    },
    /// LiteLLM, or something in front of it, said success in words that cannot be read: it was perhaps done.
    #[error("unexpected answer from LiteLLM: {0}")]
    InvalidResponse(String),
    /// A setting or an argument cannot work. Nothing was sent.
    #[error("LiteLLM configuration: {0}")]
    Config(String),
}

impl Error {
    /// Whether the call may have taken effect, so that the caller has to look before it tries again.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous(_) | Self::InvalidResponse(_))
    }

    /// Whether the same call may work later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::CircuitOpen { .. } | Self::RateLimited { .. } | Self::Unreachable(_) | Self::Ambiguous(_)
        )
    }

    /// How long to wait at least before the next try, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CircuitOpen { retry_after } => Some(*retry_after),
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// What to tell the person who asked.
    pub fn user_message(&self) -> String {
        self.to_string()
    }

    /// The kind of failure in one word, for a metric's label.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::CircuitOpen { .. } => "circuit_open",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unreachable(_) => "unreachable",
            Self::Ambiguous(_) => "no_answer",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { .. } => "conflict",
            Self::Licence { .. } => "licence",
            Self::Denied { .. } => "denied",
            Self::Rejected { .. } => "rejected",
            Self::InvalidResponse(_) => "invalid_answer",
            Self::Config(_) => "config",
        }
    }

    /// Whether it counts for the breaker: 5xx, time-outs and the network, never a 4xx (SPEC C6).
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Ambiguous(_))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Error;

    #[test]
    fn only_calls_that_may_have_happened_are_ambiguous() {
        assert!(Error::Ambiguous(String::new()).is_ambiguous());
        assert!(Error::InvalidResponse(String::new()).is_ambiguous());
        assert!(!Error::Unreachable(String::new()).is_ambiguous());
        assert!(!Error::RateLimited { retry_after: None }.is_ambiguous());
    }

    #[test]
    fn c6_people_read_the_seeds_words_while_the_breaker_is_open() {
        let open = Error::CircuitOpen {
            retry_after: Duration::from_secs(7),
        };
        assert_eq!(
            open.user_message(),
            "LiteLLM service is temporarily unavailable due to circuit breaker. Please try again later"
        );
        assert_eq!(open.retry_after(), Some(Duration::from_secs(7)));
    }
}
