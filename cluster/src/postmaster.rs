//! The server process: is one running, start one, stop one.
//!
//! PostgreSQL guards its data folder itself (`postmaster.pid` and a shared-memory segment that outlives a kill -9 for
//! as long as one backend does), so starting never forces anything: it waits until PostgreSQL agrees.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::{
    net::UnixStream,
    process::Child,
    time::{sleep, timeout},
};

use crate::{
    Durability,
    account::Account,
    binaries::Binaries,
    error::{Error, file},
    layout::Layout,
};

/// Recovery after a crash replays the log first, which may take a while.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long a predecessor may linger: backends of a killed postmaster end within moments, but a postmaster whose folder
/// was deleted looks for it once a minute.
const SETTLE_WITHIN: Duration = Duration::from_secs(75);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Where the kernel lists processes, on systems that do.
const PROCESSES: &str = "/proc";
/// The name is fixed by the port, which is only a name here: nothing listens on the network.
const SOCKET: &str = ".s.PGSQL.5432";

/// What `postmaster.pid` and the process table say.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// No postmaster: none was started, or it is gone.
    Down,
    /// A postmaster of this data folder is alive; `ready` when it takes sessions, not while it recovers or stops.
    Up { pid: Pid, ready: bool },
    /// The file names a live process that has nothing to do with this folder: its number was used again.
    Misnamed,
}

/// Returns with a postmaster that answers: the one that already runs, or a new one.
pub(crate) async fn ensure(
    layout: &Layout,
    binaries: &Binaries,
    account: Account,
    durability: Durability,
) -> Result<(), Error> {
    let begun = Instant::now();
    let mut child: Option<Child> = None;
    loop {
        match state(&layout.data) {
            State::Up { pid, ready } => {
                if ready && listens(&layout.socket_dir).await {
                    child.into_iter().for_each(watch);
                    return Ok(());
                }
                let socket_lost = child.is_none() && !layout.socket_dir.join(SOCKET).exists();
                if socket_lost && begun.elapsed() > Duration::from_secs(5) {
                    // Something cleaned /tmp away under it: nobody can reach it any more, so replace it.
                    tracing::warn!(
                        pid = pid.as_raw_nonzero().get(),
                        "PostgreSQL runs without its socket: restarting it"
                    );
                    signal(pid, Signal::INT);
                }
            }
            State::Down if child.is_none() => {
                clear_socket_lock(&layout.socket_dir)?;
                child = Some(spawn(layout, binaries, account, durability)?);
            }
            State::Down => {}
            State::Misnamed => remove(&layout.data.join("postmaster.pid"))?,
        }
        if let Some(running) = &mut child
            && let Some(status) = running.try_wait().map_err(|source| spawn_error(binaries, source))?
        {
            let tail = log_tail(&layout.log);
            // Backends of a killed postmaster notice within moments; until then PostgreSQL will not start.
            let lingering = tail.contains("pre-existing shared memory block") || tail.contains("FATAL:  lock file");
            if !lingering || begun.elapsed() > SETTLE_WITHIN {
                return Err(Error::Failed {
                    program: "postgres",
                    output: format!("{status}\n{tail}"),
                });
            }
            child = None;
            sleep(LOOK_AGAIN * 5).await;
        }
        if begun.elapsed() > READY_WITHIN {
            let what = format!("PostgreSQL to be ready (see {})", layout.log.display());
            return Err(Error::Timeout {
                what,
                seconds: READY_WITHIN.as_secs(),
            });
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Fast shutdown: sessions are ended, everything is written. An immediate one when that takes too long; the next start
/// then recovers from the log.
pub(crate) async fn stop(data: &Path) -> Result<(), Error> {
    for ask in [Signal::INT, Signal::QUIT] {
        let begun = Instant::now();
        if let State::Up { pid, .. } = state(data) {
            signal(pid, ask);
        }
        while begun.elapsed() < STOPPED_WITHIN {
            if !matches!(state(data), State::Up { .. }) {
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
    }
    Err(Error::Timeout {
        what: "PostgreSQL to stop".to_owned(),
        seconds: 2 * STOPPED_WITHIN.as_secs(),
    })
}

/// Waits for the end of the postmaster in the background: a process nobody waits for stays in the table, and would
/// look alive to its successor.
fn watch(mut child: Child) {
    tokio::spawn(async move {
        match child.wait().await {
            Ok(status) if status.success() => tracing::debug!("PostgreSQL has stopped"),
            Ok(status) => tracing::error!(%status, "PostgreSQL has ended"),
            Err(error) => tracing::error!(%error, "lost sight of PostgreSQL"),
        }
    });
}

fn spawn(layout: &Layout, binaries: &Binaries, account: Account, durability: Durability) -> Result<Child, Error> {
    // Each run starts its log afresh, so it cannot grow without bound; what went before is kept once.
    let previous = layout.log.with_extension("log.1");
    if layout.log.exists() {
        fs::rename(&layout.log, &previous).map_err(file("move", &layout.log))?;
    }
    let log = fs::File::create(&layout.log).map_err(file("create", &layout.log))?;
    let log_too = log.try_clone().map_err(file("open", &layout.log))?;
    let mut command = account.command(&binaries.postgres);
    command.arg("-D").arg(&layout.data);
    command
        .arg("-c")
        .arg(format!("unix_socket_directories={}", quoted(&layout.socket_dir)));
    for setting in durability.settings() {
        command.args(["-c", setting]);
    }
    command.stdout(Stdio::from(log)).stderr(Stdio::from(log_too));
    // Ctrl-C goes to the whole foreground group, and PostgreSQL would end every session at once: Guildhall stops it
    // itself, after its last request. It also outlives a kill -9 of Guildhall, and the next start finds it running.
    command.process_group(0);
    command.spawn().map_err(|source| spawn_error(binaries, source))
}

/// The setting is a list of names: a folder with a comma or a space in it must be one of them.
fn quoted(dir: &Path) -> String {
    format!("\"{}\"", dir.display().to_string().replace('"', "\"\""))
}

fn spawn_error(binaries: &Binaries, source: std::io::Error) -> Error {
    Error::Spawn {
        program: binaries.postgres.clone(),
        source,
    }
}

fn state(data: &Path) -> State {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return State::Down;
    };
    // A crash can leave the file empty; PostgreSQL deals with that, and with a number that nobody has any more.
    let Some(pid) = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .and_then(Pid::from_raw)
    else {
        return State::Down;
    };
    if matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)) {
        return State::Down;
    }
    if !lives_in(pid, data) {
        return State::Misnamed;
    }
    // The eighth line is what pg_ctl waits for too: starting, ready, stopping or standby.
    State::Up {
        pid,
        ready: text.lines().nth(7).is_some_and(|line| line.trim() == "ready"),
    }
}

/// Whether the process works in the data folder, as every PostgreSQL process does.
fn lives_in(pid: Pid, data: &Path) -> bool {
    if !Path::new(PROCESSES).exists() {
        // No process file system (macOS): believe the file, as pg_ctl does.
        return true;
    }
    match (working_directory(pid), fs::canonicalize(data)) {
        (Some(cwd), Ok(data)) => cwd == data,
        _ => false,
    }
}

/// `None` for a process that has ended, be it one whose parent has not noticed yet, and for another account's.
fn working_directory(pid: Pid) -> Option<PathBuf> {
    fs::read_link(format!("{PROCESSES}/{}/cwd", pid.as_raw_nonzero())).ok()
}

/// Removes the lock file beside the socket when it names no live PostgreSQL: PostgreSQL itself takes any process of
/// that number, even one that ended and was not waited for, for its owner.
fn clear_socket_lock(socket_dir: &Path) -> Result<(), Error> {
    let path = socket_dir.join(format!("{SOCKET}.lock"));
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(());
    };
    let Some(pid) = first_line(&text) else { return Ok(()) };
    let name = fs::read_to_string(format!("{PROCESSES}/{}/comm", pid.as_raw_nonzero()));
    let is_postgres = name.is_ok_and(|name| name.trim() == "postgres") && working_directory(pid).is_some();
    // A live one (its folder was deleted, say) would remove the socket of its successor when it ends: wait for it.
    if is_postgres || !Path::new(PROCESSES).exists() {
        Ok(())
    } else {
        remove(&path)
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file("remove", path)(error)),
        _ => Ok(()),
    }
}

fn first_line(text: &str) -> Option<Pid> {
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Whether someone listens on the socket.
async fn listens(socket_dir: &Path) -> bool {
    let connects = timeout(Duration::from_secs(2), UnixStream::connect(socket_dir.join(SOCKET))).await;
    matches!(connects, Ok(Ok(_)))
}

fn signal(pid: Pid, signal: Signal) {
    // It may have ended since; the caller looks again.
    let _ = kill_process(pid, signal);
}

/// The end of the log, enough to see why a start failed.
fn log_tail(log: &Path) -> String {
    let text = fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
