//! What can go wrong with a call to GitHub, sorted by what the caller has to do about it.

use std::time::Duration;

/// Why a call failed. Messages are GitHub's or ours, one line, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A runner with that name exists (409). Nothing was created: take another name.
    #[error("GitHub API error: a runner with this name already exists")]
    NameConflict,
    /// The primary or a secondary rate limit is used up (403 or 429). Nothing was done.
    #[error("GitHub API rate limit exceeded")]
    RateLimited {
        /// How long GitHub asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// The credentials are wrong or may not do this (401, 403 that is no rate limit, or 404 for the App's installation).
    /// Nothing was done.
    #[error("GitHub API error: {message} (status {status})")]
    Denied {
        /// The HTTP status.
        status: u16,
        /// GitHub's message.
        message: String,
    },
    /// No such thing, or not visible to these credentials (404). For a JIT configuration: the runner group.
    #[error("GitHub API error: {message} (status 404)")]
    NotFound {
        /// GitHub's message.
        message: String,
    },
    /// GitHub understood and refused (any other 3xx or 4xx). Nothing was done.
    #[error("GitHub API error: {message} (status {status})")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// GitHub's message, with the details of its `errors` list.
        message: String,
    },
    /// The request was never sent: no address, connection refused, TLS failed, no installation token. Nothing was done.
    #[error("GitHub API error: GitHub cannot be reached: {0}")]
    Unreachable(String),
    /// The request was sent and no trustworthy answer came (time-out, connection lost, 5xx): it may have been done.
    #[error("GitHub API error: no answer from GitHub: {0}")]
    Ambiguous(String),
    /// GitHub said success in words that cannot be read: it was probably done.
    #[error("GitHub API error: unexpected answer: {0}")]
    InvalidResponse(String),
    /// A setting is wrong; found by [`GitHub::new`](super::GitHub::new), or an argument that cannot be a name on GitHub.
    #[error("GitHub configuration: {0}")]
    Config(String),
}

impl Error {
    /// Whether the call may have taken effect, so that the caller has to look (for a JIT configuration:
    /// [`find_runner`](super::GitHub::find_runner)) before it gives back what it reserved.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous(_) | Self::InvalidResponse(_))
    }

    /// Whether the same call may work later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Unreachable(_) | Self::Ambiguous(_)
        )
    }

    /// What to tell the person who asked: `GitHub API error: …`, or `GitHub API rate limit exceeded` and nothing else.
    pub fn user_message(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn only_calls_that_may_have_happened_are_ambiguous() {
        assert!(Error::Ambiguous(String::new()).is_ambiguous());
        assert!(Error::InvalidResponse(String::new()).is_ambiguous());
        assert!(!Error::Unreachable(String::new()).is_ambiguous());
        assert!(!Error::NameConflict.is_ambiguous());
        assert!(!Error::RateLimited { retry_after: None }.is_ambiguous());
    }

    #[test]
    fn people_read_the_seeds_words() {
        let limited = Error::RateLimited { retry_after: None };
        assert_eq!(limited.user_message(), "GitHub API rate limit exceeded");
        let rejected = Error::Rejected {
            status: 422,
            message: "Bad labels".into(),
        };
        assert_eq!(rejected.user_message(), "GitHub API error: Bad labels (status 422)");
    }
}
