//! What each handler starts with.

use backend::{Caller, Ctx, RequestInfo};
use http::{Extensions, HeaderMap, header};
use kubernetes::{Failure, options::Options};

use super::{Door, answer};

/// A request of a person.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) door: Door,
    pub(super) caller: Caller,
    pub(super) info: RequestInfo,
    pub(super) headers: HeaderMap,
    /// What the connection says of the client.
    pub(super) known: Extensions,
    /// What follows the `?`.
    pub(super) query: String,
    pub(super) options: Options,
}

/// How a write is meant.
pub(super) struct Write {
    /// It is only tried: its transaction is dropped.
    pub(super) dry_run: bool,
    /// Who writes: `kubectl-client-side-apply`.
    pub(super) manager: String,
}

impl Call {
    /// Opens a connection for reading.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub(super) async fn read(&self) -> Result<Ctx, Failure> {
        let opened = Ctx::read(&self.door.state.backend, self.caller.clone(), self.info.clone()).await;
        opened.map_err(|error| answer::failure(error, None))
    }

    /// Opens a transaction for what is declared.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub(super) async fn write(&self) -> Result<Ctx, Failure> {
        let opened = Ctx::write(&self.door.state.backend, self.caller.clone(), self.info.clone()).await;
        opened.map(Ctx::declared).map_err(|error| answer::failure(error, None))
    }

    /// How a write is meant.
    pub(super) fn meant(&self) -> Write {
        let agent = self
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        Write {
            dry_run: self.options.dry_run,
            manager: self.options.manager(agent.unwrap_or_default()),
        }
    }

    /// A parameter that concerns one form of answers only.
    pub(super) fn parameter(&self, name: &str) -> String {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map_or_else(String::new, |(_, value)| value.into_owned())
    }
}
