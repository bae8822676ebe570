//! The database: a server that the operator names, or a private one.

use std::time::Duration;

use anyhow::Context as _;
use cluster::Cluster;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool,
    migrate::{Migrate as _, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::config::Config;

/// The database's name in a private cluster.
const PRIVATE_DATABASE: &str = "guildhall";
/// How long a request waits for a connection before it is told to come back.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection that nobody used for as long is asked whether it lives before somebody gets it. Under load none is asked:
/// that would be a round trip for each request.
const FRESH: Duration = Duration::from_secs(1);

/// An open database.
pub struct Database {
    /// Connections for requests.
    pub pool: PgPool,
    /// A way to it without a pooler between, when there is one: for `LISTEN` and session locks (SPEC X18).
    pub direct: Option<PgConnectOptions>,
    cluster: Option<Cluster>,
}

impl Database {
    /// Opens the configured database, or starts the private one.
    ///
    /// # Errors
    /// When it cannot be reached, or there is no PostgreSQL to start.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let (url, cluster) = match &config.database_url {
            Some(url) => (url.clone(), None),
            None => {
                let cluster = Cluster::start(&config.data_dir)
                    .await
                    .context("could not start the private database")?;
                let url = cluster.database_url(PRIVATE_DATABASE).await?;
                (SecretString::from(url), Some(cluster))
            }
        };
        let options = parse(&url, "DATABASE_URL")?;
        let direct = match &config.database_direct_url {
            Some(url) => Some(parse(url, "DATABASE_DIRECT_URL")?),
            None if cluster.is_some() || reaches_postgres(&options).await? => Some(options.clone()),
            None => {
                tracing::warn!(
                    "DATABASE_URL leads to a connection pooler and DATABASE_DIRECT_URL is not set: changes are not heard, \
                     so every request asks the database"
                );
                None
            }
        };
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .context("could not connect to the database (DATABASE_URL)")?;
        Ok(Self { pool, direct, cluster })
    }

    /// Brings the tables up to date. Several processes may do so at once.
    ///
    /// # Errors
    /// When a migration fails; it is then undone whole.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        match &self.direct {
            Some(direct) => {
                let mut connection = direct
                    .connect()
                    .await
                    .context("could not connect to the database to migrate it")?;
                migrator(true)
                    .run(&mut connection)
                    .await
                    .context("could not migrate the database")?;
                connection.close().await?;
            }
            // A pooler gives each statement another connection, and a lock to whoever comes next.
            None => migrator(false)
                .run(&self.pool)
                .await
                .context("could not migrate the database")?,
        }
        Ok(())
    }

    /// Closes connections and stops the private server, unless another process uses it.
    ///
    /// # Errors
    /// When the private server does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        self.pool.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await.context("could not stop the private database")?;
        }
        Ok(())
    }
}

/// Whether every migration of this build has been applied. A newer build may have applied more.
///
/// # Errors
/// When the database does not answer, or was never migrated.
pub(crate) async fn is_migrated(connection: &mut PgConnection) -> anyhow::Result<bool> {
    let applied = connection
        .list_applied_migrations(&backend::MIGRATOR.table_name)
        .await?;
    let mut ours = backend::MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration());
    Ok(ours.all(|migration| applied.iter().any(|done| done.version == migration.version)))
}

/// `backend`'s migrations. During a rolling update an older process may start after a newer one has migrated, which
/// the rules for migrations (expand first, contract later) allow for.
fn migrator(locking: bool) -> Migrator {
    Migrator {
        migrations: backend::MIGRATOR.migrations.clone(),
        ignore_missing: true,
        locking,
        ..Migrator::DEFAULT
    }
}

fn parse(url: &SecretString, name: &str) -> anyhow::Result<PgConnectOptions> {
    // The parser's error may quote a part of the URL, which holds a password.
    let options: PgConnectOptions = url
        .expose_secret()
        .parse()
        .map_err(|_| anyhow::anyhow!("{name} is not a URL such as postgres://user:password@host/database"))?;
    Ok(options
        .application_name("guildhall")
        .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1)))
}

/// Whether our start-up parameters reach the server that runs our statements. Poolers that give each transaction
/// another server cannot pass them on: they refuse or ignore them.
async fn reaches_postgres(options: &PgConnectOptions) -> anyhow::Result<bool> {
    let token = Uuid::new_v4().simple().to_string();
    let probe = options.clone().options([("guildhall.probe", &token)]);
    let mut connection = match probe.connect().await {
        Ok(connection) => connection,
        // 08P01 `unsupported startup parameter` is how PgBouncer refuses.
        Err(sqlx::Error::Database(error)) if error.message().contains("startup parameter") => return Ok(false),
        Err(error) => return Err(error).context("could not connect to the database (DATABASE_URL)"),
    };
    let seen = sqlx::query_scalar!("SELECT current_setting('guildhall.probe', true)")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(seen.as_deref() == Some(&token))
}
