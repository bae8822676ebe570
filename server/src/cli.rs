//! The command line.

mod audit;
mod commands;
mod lifetime;
mod manifests;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use domain::{Email, OrgRole, PersonName, TokenName};

use crate::config::{self, Config};
use lifetime::Lifetime;

/// A self-hosted control plane for teams: members, policies, CI runners.
#[derive(Debug, Parser)]
#[command(name = "guildhall", version, arg_required_else_help = true)]
struct Cli {
    /// A YAML file with settings; environment variables win over it
    #[arg(long, global = true, env = "GUILDHALL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrates the database and serves the console and the API
    Serve(Serve),
    /// Brings the database up to date
    Migrate,
    /// Manages people
    #[command(subcommand, visible_alias = "users")]
    User(User),
    /// Manages personal access tokens
    #[command(subcommand)]
    Token(Token),
    /// Prints a kubeconfig with a new token: who has it may do with kubectl what its owner may
    Kubeconfig(Kubeconfig),
    /// Shows what manifests would change; exits with 3 when that is anything
    Plan(Manifests),
    /// Makes manifests true: all of them, or nothing
    Apply(Manifests),
    /// Checks the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Prints the API's OpenAPI document
    Openapi,
    /// Prints every setting, as a table in Markdown
    Config,
}

#[derive(Debug, Args)]
struct Serve {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
    /// Address and port of the Kubernetes API, which is off without it
    #[arg(long, value_name = "ADDRESS")]
    kube_listen: Option<std::net::SocketAddr>,
    /// Made-up people and teams, simulated GitHub and sign-in; on loopback only
    #[arg(long)]
    demo: bool,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Creates someone, or gives rights to someone who exists
    Create(UserCreate),
    /// Adds everyone who is in no team to the Default Team, and prints how many they were
    MigrateOrphans,
}

#[derive(Debug, Args)]
struct UserCreate {
    /// The email address that they sign in with
    #[arg(long, value_parser = Email::parse)]
    email: Email,
    /// Their name
    #[arg(long, value_parser = PersonName::parse)]
    name: Option<PersonName>,
    /// Let them administer the whole installation
    #[arg(long)]
    super_admin: bool,
    /// The slug of an organization that they belong to
    #[arg(long, value_name = "SLUG")]
    org: Option<String>,
    /// What they are in it: `org_admin`, `org_member` or `auditor`
    #[arg(long, value_name = "ROLE", requires = "org", default_value = "org_member")]
    org_role: OrgRole,
    /// Confirm that the address is theirs, where they have signed in and it was never verified
    #[arg(long)]
    confirm_address: bool,
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Creates a token and prints it: nothing else can show it again
    Create(TokenCreate),
}

#[derive(Debug, Args)]
struct TokenCreate {
    /// Whose token it is
    #[arg(long, value_parser = Email::parse)]
    email: Email,
    /// What it is for
    #[arg(long, value_parser = TokenName::parse, default_value = "Command line")]
    name: TokenName,
    /// How long it works, such as `12h`, `30d` or `8w`, or `never` for no end
    #[arg(long, default_value = lifetime::DEFAULT)]
    expires: Lifetime,
}

#[derive(Debug, Args)]
struct Kubeconfig {
    /// Who is to use it
    #[arg(long, value_parser = Email::parse)]
    email: Email,
    /// Where the Kubernetes API is reached, unless it is the listener that started last: `https://HOST:PORT`
    #[arg(long, value_name = "URL", value_parser = parse_server)]
    server: Option<String>,
    /// The slug of the organization that commands are about when they name none
    #[arg(long, value_name = "SLUG")]
    namespace: Option<String>,
    /// How long its token works, such as `12h`, `30d` or `8w`, or `never` for no end
    #[arg(long, default_value = lifetime::DEFAULT)]
    expires: Lifetime,
}

#[derive(Debug, Args)]
struct Manifests {
    /// Files with manifests, directories of them, or `-` for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    files: Vec<PathBuf>,
    /// Who does it: their rights decide, and the audit log names them
    #[arg(long, value_parser = Email::parse)]
    email: Email,
    /// The slug of the organization of manifests that name none
    #[arg(long, short = 'n', value_name = "SLUG")]
    namespace: Option<String>,
    /// Also remove what was applied this way before and is in no manifest any more
    #[arg(long)]
    prune: bool,
}

/// kubectl sends no token to an address without TLS.
fn parse_server(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("must be a URL such as https://HOST:6443: {error}"))?;
    if url.scheme() == "https" && url.host().is_some() && url.query().is_none() && url.fragment().is_none() {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("must be https://HOST[:PORT][/PATH]".to_owned())
    }
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Reads the whole audit log and finds the first entry that is not as it was sealed; exits with 1 then
    Verify(AuditVerify),
}

#[derive(Debug, Args)]
struct AuditVerify {
    /// A head that an earlier verification printed: it has to be among the seals
    #[arg(long, value_name = "SEQ:HASH")]
    expect_head: Option<backend::audit::Expected>,
}

/// The exit status for what the caller has to change: the command line or the configuration.
const USAGE: u8 = 2;

/// Runs what the command line asks for. Returns the process's exit status: 0, 1 when it failed, 2 when it was asked
/// for wrongly.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = run(cli);
    let error = match outcome {
        Ok(status) => return status,
        Err(error) => error,
    };
    eprintln!("error: {error:#}");
    if error.is::<config::Error>() || error.is::<Misuse>() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::FAILURE
    }
}

/// A combination of options or settings that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misuse(&'static str);

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Openapi => return commands::print_openapi().map(|()| ExitCode::SUCCESS),
        Command::Config => return commands::print(&config::reference()).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let mut config = Config::load(cli.config.as_deref(), Config::environment())?;
    let serves = matches!(cli.command, Command::Serve(_));
    if let Command::Serve(options) = &cli.command {
        config.listen = options.listen.unwrap_or(config.listen);
        config.kubernetes.listen = options.kube_listen.or(config.kubernetes.listen);
        config.demo = options.demo;
        check_demo(&config)?;
    } else if config.log_level == "info" {
        // What a command prints is for whoever typed it.
        config.log_level = "warn".to_owned();
    }
    crate::telemetry::start(&config);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if !serves {
        runtime.worker_threads(1);
    }
    runtime.enable_all().build()?.block_on(async move {
        let done = match cli.command {
            Command::Plan(options) => return Box::pin(manifests::run(&config, options, false)).await,
            Command::Apply(options) => return Box::pin(manifests::run(&config, options, true)).await,
            Command::Serve(_) => crate::serve::serve(config).await,
            Command::Migrate => commands::migrate(&config).await,
            Command::User(User::Create(options)) => commands::create_user(&config, options).await,
            Command::User(User::MigrateOrphans) => commands::migrate_orphans(&config).await,
            Command::Token(Token::Create(options)) => commands::create_token(&config, options).await,
            Command::Kubeconfig(options) => commands::print_kubeconfig(&config, options).await,
            Command::Audit(Audit::Verify(options)) => audit::verify(&config, options).await,
            Command::Openapi | Command::Config => Ok(()),
        };
        done.map(|()| ExitCode::SUCCESS)
    })
}

fn check_demo(config: &Config) -> Result<(), Misuse> {
    if !config.demo {
        return Ok(());
    }
    if !crate::demo::BUILT_IN {
        return Err(Misuse(
            "this build has no --demo: it was built without the feature `demo`",
        ));
    }
    // Anyone who reaches the demo can be anyone in it.
    let listens = [Some(config.listen), config.kubernetes.listen];
    if listens.into_iter().flatten().any(|listen| !listen.ip().is_loopback()) {
        return Err(Misuse(
            "--demo listens on a loopback address only, such as 127.0.0.1:3000",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
