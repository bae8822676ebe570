//! `cargo xtask bench`: the release binary over a PostgreSQL of its own, measured from outside.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::{build, paths, postgres, report::step, setup};

const READY_WITHIN: Duration = Duration::from_mins(1);

/// Builds, starts, measures, stops.
pub fn bench() -> anyhow::Result<()> {
    setup::postgres()?;
    build::release()?;
    let database = postgres::start("bench-pg")?;
    database.clear()?;
    let url = database.database_url("bench")?;
    let begun = Instant::now();
    let server = step("bench", "start", || Ok((Server::start(&url)?, "ready".to_owned())))?;
    println!(
        "cold start, migrations included: {} ms on http://{}",
        begun.elapsed().as_millis(),
        server.address
    );
    Ok(())
}

/// A running release binary; killed when it goes.
#[derive(Debug)]
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(database: &str) -> anyhow::Result<Self> {
        // Free now; the moment until the server takes it is short enough for a benchmark.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let binary = paths::server("release");
        let child = Command::new(&binary)
            .args([
                "serve",
                "--listen",
                &address.to_string(),
                "--kube-listen",
                "127.0.0.1:0",
            ])
            .env("DATABASE_URL", database)
            .current_dir(paths::root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start {}", binary.display()))?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while !server.is_ready() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended before it was ready: {status}", binary.display());
            }
            if begun.elapsed() > READY_WITHIN {
                bail!("{} was not ready after {} s", binary.display(), READY_WITHIN.as_secs());
            }
            pause();
        }
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has no data to lose: its database goes too.
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            eprintln!("could not stop the server on {}", self.address);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no executor here whose thread it could block"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
