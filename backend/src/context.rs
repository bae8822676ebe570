//! [`Ctx`]: the one thing that a backend function gets.

use std::{borrow::Cow, sync::Arc};

use chrono::{DateTime, Utc};
use domain::UserId;
use integrations::{github::GitHub, graph::Graph};
use sqlx::{PgConnection, PgPool, Postgres, Transaction, pool::PoolConnection};

use uuid::Uuid;

use crate::{Code, Error, Principal, Principals, Result, Settings, litellm::Instances, machines::Machine};

/// Everything that outlives a request. Cheap to clone.
#[derive(Clone)]
pub struct Backend {
    /// The database.
    pub pool: PgPool,
    /// The client for GitHub, when it is configured.
    pub github: Option<GitHub>,
    /// The client for Microsoft Graph, when it is configured.
    pub graph: Option<Graph>,
    /// LiteLLM's proxies; there may be none.
    pub litellm: Arc<Instances>,
    /// What the operator decided.
    pub settings: Arc<Settings>,
    /// Who is who, kept in memory while PostgreSQL tells us of changes.
    pub principals: Arc<Principals>,
}

impl Backend {
    /// A backend over a database.
    pub fn new(pool: PgPool, github: Option<GitHub>, settings: Settings) -> Self {
        Self {
            pool,
            github,
            graph: None,
            litellm: Arc::default(),
            settings: Arc::new(settings),
            principals: Arc::default(),
        }
    }

    /// With a directory.
    #[must_use]
    pub fn with_graph(mut self, graph: Option<Graph>) -> Self {
        self.graph = graph;
        self
    }

    /// With LiteLLM's proxies.
    #[must_use]
    pub fn with_litellm(mut self, instances: Instances) -> Self {
        self.litellm = Arc::new(instances);
        self
    }
}

/// How a caller proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A session of the console.
    Session,
    /// A personal access token, and when it ends; none is never.
    Token(Option<DateTime<Utc>>),
    /// A JWT of the configured issuer.
    Jwt,
    /// The command line on the machine itself.
    Command,
    /// Guildhall itself: a job.
    System,
    /// An organization's directory, by its SCIM token.
    Scim,
}

impl Method {
    /// The word in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token(_) => "token",
            Self::Jwt => "jwt",
            Self::Command => "command",
            Self::System => "system",
            Self::Scim => "scim",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A person, known by one of the methods.
    Person(Arc<Principal>, Method),
    /// A program that acts for one team (SPEC B27), known by a JWT. Never an admin.
    Machine(Arc<Machine>),
    /// The operator at the command line, a job, or a directory whose functions keep to its organization: allowed
    /// everything, audited by name.
    System(Cow<'static, str>, Method),
}

impl Caller {
    /// Who the audit log says it was: the id of the person or of the program.
    pub fn actor_id(&self) -> Option<Uuid> {
        match self {
            Self::Person(principal, _) => Some(principal.id.0),
            Self::Machine(machine) => Some(machine.id.0),
            Self::System(..) => None,
        }
    }

    /// The person's id, if it is one.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Person(principal, _) => Some(principal.id),
            Self::Machine(_) | Self::System(..) => None,
        }
    }

    /// The name in the audit log.
    pub fn name(&self) -> &str {
        match self {
            Self::Person(principal, _) => &principal.email,
            Self::Machine(machine) => &machine.name,
            Self::System(name, _) => name,
        }
    }

    /// How the caller proved who they are.
    pub fn method(&self) -> Method {
        match self {
            Self::Person(_, method) | Self::System(_, method) => *method,
            Self::Machine(_) => Method::Jwt,
        }
    }
}

/// Where a request came from, for the audit log.
#[derive(Debug, Clone, Default)]
pub struct RequestInfo {
    /// The request's id, also in the answer and the log.
    pub id: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's name for itself, cut to 300 characters.
    pub user_agent: Option<String>,
}

/// A connection, the caller and the time: what a backend function works with.
///
/// [`Ctx::write`] opens a transaction that [`Ctx::commit`] ends; dropped before, nothing was done.
/// [`Ctx::read`] takes a plain connection, which saves a page two round trips.
pub struct Ctx {
    /// What outlives the request.
    pub backend: Backend,
    /// Who calls.
    pub caller: Caller,
    /// From where.
    pub request: RequestInfo,
    /// The time of the request.
    pub now: DateTime<Utc>,
    connection: Connection,
    /// Whose cached principal this transaction changes.
    touched: Vec<UserId>,
    /// Whether it ends a token.
    touched_tokens: bool,
    /// Whether somebody declares how things should be, rather than doing one thing.
    declared: bool,
    /// What the caller should know although it was done.
    warnings: Vec<String>,
}

enum Connection {
    Plain(PoolConnection<Postgres>),
    Transaction(Transaction<'static, Postgres>),
}

impl Ctx {
    /// For reading.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(backend: &Backend, caller: Caller, request: RequestInfo) -> Result<Self> {
        let connection = Connection::Plain(backend.pool.acquire().await?);
        Ok(Self::over(backend, caller, request, connection))
    }

    /// For writing, in one transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(backend: &Backend, caller: Caller, request: RequestInfo) -> Result<Self> {
        let connection = Connection::Transaction(backend.pool.begin().await?);
        Ok(Self::over(backend, caller, request, connection))
    }

    /// For a job or the command line, in one transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn system(backend: &Backend, name: &'static str, method: Method) -> Result<Self> {
        Self::write(
            backend,
            Caller::System(Cow::Borrowed(name), method),
            RequestInfo::default(),
        )
        .await
    }

    fn over(backend: &Backend, caller: Caller, request: RequestInfo, connection: Connection) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place where a request takes the time")]
        let now = Utc::now();
        Self {
            backend: backend.clone(),
            caller,
            request,
            now,
            connection,
            touched: Vec::new(),
            touched_tokens: false,
            declared: false,
            warnings: Vec::new(),
        }
    }

    /// The open connection.
    pub fn connection(&mut self) -> &mut PgConnection {
        match &mut self.connection {
            Connection::Plain(connection) => &mut *connection,
            Connection::Transaction(transaction) => &mut *transaction,
        }
    }

    /// The person who calls.
    ///
    /// # Errors
    /// 403 for a program; a fault of ours when a job calls something that only a person can do.
    pub fn person(&self) -> Result<&Arc<Principal>> {
        match &self.caller {
            Caller::Person(principal, _) => Ok(principal),
            Caller::Machine(machine) => Err(Error::refused(
                Code::NotAuthorized,
                format!(
                    "User not authorized. Contact administrator to request access. (Machine client '{}' acts for its team's runners only.)",
                    machine.name
                ),
            )),
            Caller::System(name, _) => Err(Error::internal(format!("{name} called what only a person can do"))),
        }
    }

    /// The work of a manifest: where a team would lose its last admin, an admin of all teams is warned and not refused
    /// (SPEC X21).
    #[must_use]
    pub fn declared(mut self) -> Self {
        self.declared = true;
        self
    }

    /// Whether this is the work of a manifest.
    pub(crate) fn is_declared(&self) -> bool {
        self.declared
    }

    /// Notes what the caller should know although it was done.
    pub(crate) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// What the caller should know: for a door to show, once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Notes that this transaction changes what someone may do, so that this process forgets what
    /// it knew as soon as it commits. Other processes hear of it from the triggers.
    pub fn touch(&mut self, user: UserId) {
        self.touched.push(user);
    }

    /// Notes that this transaction ends a token.
    pub(crate) fn touch_tokens(&mut self) {
        self.touched_tokens = true;
    }

    /// Makes the changes final.
    ///
    /// # Errors
    /// When the database refuses: then nothing was done.
    pub async fn commit(self) -> Result<()> {
        if let Connection::Transaction(transaction) = self.connection {
            transaction.commit().await?;
        }
        for user in self.touched {
            self.backend.principals.forget_user(user);
        }
        if self.touched_tokens {
            self.backend.principals.forget_tokens();
        }
        Ok(())
    }
}
