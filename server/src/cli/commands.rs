//! What the commands other than `serve` do.

use std::io::Write as _;

use anyhow::anyhow;
use backend::{
    Backend, Code, Ctx, Error, Method, default_team, identity, tokens,
    users::{self, AccountPatchInput},
};
use domain::{Email, UserRef};

use super::{Kubeconfig, TokenCreate, UserCreate};
use crate::{config::Config, database::Database, kubernetes::kubeconfig, rest};

/// How the command line is called in the audit log.
pub(super) const NAME: &str = "command line";

/// `guildhall migrate`.
pub(super) async fn migrate(config: &Config) -> anyhow::Result<()> {
    with_backend(config, async |_| Ok(())).await?;
    print("the database is up to date")
}

/// `guildhall user create`.
pub(super) async fn create_user(config: &Config, options: UserCreate) -> anyhow::Result<()> {
    let UserCreate {
        email,
        name,
        super_admin,
        org,
        org_role,
        confirm_address,
    } = options;
    let id = with_backend(config, async |backend| {
        if confirm_address {
            confirm(backend, &email).await?;
        }
        let mut ctx = Ctx::system(backend, NAME, Method::Command).await?;
        let organization = org.as_deref().map(|slug| (slug, org_role));
        let id = identity::create(&mut ctx, &email, name.as_ref(), super_admin, organization)
            .await
            .map_err(|error| in_doubt(error, &email))?;
        ctx.commit().await?;
        Ok(id)
    })
    .await?;
    print(&format!("{email} {id}"))
}

/// Confirms the address of an account, if there is one already.
async fn confirm(backend: &Backend, email: &Email) -> anyhow::Result<()> {
    let mut ctx = Ctx::system(backend, NAME, Method::Command).await?;
    let patch = AccountPatchInput {
        email_verified: Some(true),
        ..AccountPatchInput::default()
    };
    let patch = patch.parse().map_err(Error::Invalid)?;
    match users::update(&mut ctx, &UserRef::Email(email.clone()), patch).await {
        Ok(_) => Ok(ctx.commit().await?),
        Err(error) if error.code() == Code::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn in_doubt(error: Error, email: &Email) -> anyhow::Error {
    match error.code() {
        Code::WrongState => anyhow!("{error}, or you with `guildhall user create --email {email} --confirm-address`"),
        _ => error.into(),
    }
}

/// `guildhall users migrate-orphans`.
pub(super) async fn migrate_orphans(config: &Config) -> anyhow::Result<()> {
    let count = with_backend(config, async |backend| {
        let mut ctx = Ctx::system(backend, NAME, Method::Command).await?;
        let count = default_team::migrate_orphans(&mut ctx).await?;
        ctx.commit().await?;
        Ok(count)
    })
    .await?;
    print(&count.to_string())
}

/// `guildhall token create`.
pub(super) async fn create_token(config: &Config, options: TokenCreate) -> anyhow::Result<()> {
    let TokenCreate { email, name, expires } = options;
    let secret = with_backend(config, async |backend| {
        let mut ctx = Ctx::system(backend, NAME, Method::Command).await?;
        let (owner, _) = identity::find(&mut ctx, &UserRef::Email(email.clone()))
            .await
            .map_err(|error| unknown_user(error, &email))?;
        let end = expires.end(ctx.now);
        let (_, secret) = tokens::create(&mut ctx, owner, &name, end).await?;
        ctx.commit().await?;
        Ok(secret)
    })
    .await?;
    print(secret.reveal())
}

/// `guildhall kubeconfig`.
pub(super) async fn print_kubeconfig(config: &Config, options: Kubeconfig) -> anyhow::Result<()> {
    let Kubeconfig {
        email,
        server,
        namespace,
        expires,
    } = options;
    let text = with_backend(config, async |backend| {
        let mut ctx = Ctx::system(backend, NAME, Method::Command).await?;
        let address = kubeconfig::address(&mut ctx, config, server.as_deref()).await?;
        let end = expires.end(ctx.now);
        let text = kubeconfig::issue(&mut ctx, &email, &address, namespace.as_deref(), end)
            .await
            .map_err(|error| unknown_user(error, &email))?;
        ctx.commit().await?;
        Ok(text)
    })
    .await?;
    print(&text)
}

/// `guildhall openapi`.
pub(super) fn print_openapi() -> anyhow::Result<()> {
    print(&rest::openapi().to_pretty_json()?)
}

/// One line, or several, on standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", text.trim_end())?)
}

pub(super) fn unknown_user(error: Error, email: &Email) -> anyhow::Error {
    match error.code() {
        Code::NotFound => anyhow!("{error}; create it with `guildhall user create --email {email}`"),
        _ => error.into(),
    }
}

/// Opens and migrates the database for one command, and closes it again.
pub(super) async fn with_backend<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Backend) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let database = Database::open(config).await?;
    let outcome = match database.migrate().await {
        Ok(()) => work(&Backend::new(database.pool.clone(), None, config.settings())).await,
        Err(error) => Err(error),
    };
    database.close().await?;
    outcome
}
