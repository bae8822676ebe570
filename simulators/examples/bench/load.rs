//! The load generator: keep-alive connections, one request at a time on each, every answer read whole and counted.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{net::TcpStream, task::LocalSet};

/// One request, as the file of `--requests` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Template {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// Whose token it carries, for the ceiling, which has no table of tokens.
    pub user: Option<String>,
}

impl Template {
    /// Reads a file of them.
    pub fn read_all(file: &Path) -> anyhow::Result<Vec<Self>> {
        let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The value of `authorization`, as sent.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(String::as_str)
    }

    fn build(&self, host: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(self.method.as_str())
            .uri(&self.path)
            .header("host", host);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        Ok(request.body(Full::new(Bytes::from(self.body.clone())))?)
    }
}

#[derive(Default)]
struct Counts {
    next: Cell<usize>,
    bytes: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    /// How long each good answer took, in microseconds.
    took: RefCell<Vec<u32>>,
}

/// Sends for `milliseconds`; prints `requests errors seconds p50 p99 bytes`, times in microseconds.
pub async fn run(address: SocketAddr, requests: &Path, connections: usize, milliseconds: u64) -> anyhow::Result<()> {
    let host = address.to_string();
    let requests: Vec<_> = Template::read_all(requests)?
        .iter()
        .map(|template| template.build(&host))
        .collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(!requests.is_empty(), "there is nothing to send");
    let (requests, counts) = (Rc::new(requests), Rc::new(Counts::default()));
    let local = LocalSet::new();
    let begun = Instant::now();
    let end = begun + Duration::from_millis(milliseconds);
    for _ in 0..connections {
        let (requests, counts) = (Rc::clone(&requests), Rc::clone(&counts));
        local.spawn_local(async move {
            while Instant::now() < end {
                if let Err(error) = connection(address, &requests, &counts, end).await {
                    fail(&counts, &format!("{error:#}"));
                    // Something is down: do not spin.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
    }
    local.await;
    let seconds = begun.elapsed().as_secs_f64();
    let mut took = counts.took.take();
    took.sort_unstable();
    let at = |share: usize| {
        took.get((took.len() * share / 100).min(took.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    };
    println!(
        "{} {} {seconds:.6} {} {} {}",
        took.len(),
        counts.errors.get(),
        at(50),
        at(99),
        counts.bytes.get()
    );
    if let Some(error) = counts.first_error.take() {
        eprintln!("{error}");
    }
    Ok(())
}

fn fail(counts: &Counts, error: &str) {
    counts.errors.set(counts.errors.get() + 1);
    counts.first_error.borrow_mut().get_or_insert_with(|| error.to_owned());
}

async fn connection(
    address: SocketAddr,
    requests: &[Request<Full<Bytes>>],
    counts: &Counts,
    end: Instant,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        // Its end shows at the sender.
        let _ = connection.await;
    });
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(());
        }
        let turn = counts.next.get();
        counts.next.set(turn + 1);
        sender.ready().await?;
        let response = sender.send_request(requests[turn % requests.len()].clone()).await?;
        let status = response.status();
        let mut body = response.into_body();
        let (mut bytes, mut start) = (0, None);
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                bytes += data.len() as u64;
                start.get_or_insert(data);
            }
        }
        counts.bytes.set(counts.bytes.get() + bytes);
        if status.is_success() {
            let took = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
            counts.took.borrow_mut().push(took);
        } else {
            let start = start.unwrap_or_default();
            let shown = String::from_utf8_lossy(&start[..start.len().min(300)]);
            fail(counts, &format!("{status} {shown}"));
        }
    }
}
