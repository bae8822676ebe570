//! What each handler starts with.

use backend::{Caller, Ctx, RequestInfo, objects::Write};
use http::{Extensions, HeaderMap, header};
use kubernetes::{Failure, decode::Validation};

use super::{Door, answer, params::Params};

/// The longest name of a field manager that Kubernetes takes.
const LONGEST_MANAGER: usize = 128;

/// A request of a person.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) door: Door,
    pub(super) caller: Caller,
    pub(super) info: RequestInfo,
    pub(super) headers: HeaderMap,
    /// What the connection says of the client.
    pub(super) known: Extensions,
    pub(super) params: Params,
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
    ///
    /// # Errors
    /// 422 for a name of a manager that cannot be one.
    pub(super) fn meant(&self) -> Result<Write, Failure> {
        let manager = match &self.params.field_manager {
            Some(named) => {
                if named.chars().count() > LONGEST_MANAGER || named.chars().any(char::is_control) {
                    return Err(Failure::new(
                        kubernetes::Reason::Invalid,
                        format!("options is invalid: fieldManager: Invalid value: must be printable and no longer than {LONGEST_MANAGER} characters"),
                    ));
                }
                named.clone()
            }
            None => self.program(),
        };
        Ok(Write {
            dry_run: self.params.dry_run,
            manager,
        })
    }

    /// The client's name for itself up to the slash, as Kubernetes takes it for a manager.
    fn program(&self) -> String {
        let agent = self.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let name = agent.and_then(|agent| agent.split('/').next()).unwrap_or_default();
        let name: String = name.chars().take(LONGEST_MANAGER).collect();
        if name.is_empty() { "unknown".to_owned() } else { name }
    }

    /// What happens to fields that nobody knows.
    ///
    /// # Errors
    /// 422 for a word that means nothing.
    pub(super) fn validation(&self) -> Result<Validation, Failure> {
        match self.params.field_validation.as_deref() {
            None | Some("Warn") => Ok(Validation::Warn),
            Some("Ignore") => Ok(Validation::Ignore),
            Some("Strict") => Ok(Validation::Strict),
            Some(other) => Err(Failure::new(
                kubernetes::Reason::Invalid,
                format!(
                    "options is invalid: fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
                ),
            )),
        }
    }
}
