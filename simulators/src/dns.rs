//! A name server for TXT records, over UDP (RFC 1035).

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{net::UdpSocket, task::JoinHandle};

/// What the server does with questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DnsFault {
    /// Answers them.
    #[default]
    None,
    /// Answers that it failed (SERVFAIL).
    ServerFailure,
    /// Says nothing.
    Silence,
}

#[derive(Debug, Default)]
struct State {
    /// By name, in lower case; a name without records exists, one that is not here does not.
    records: HashMap<String, Vec<String>>,
    fault: DnsFault,
    questions: usize,
}

/// A running name server; ends when dropped.
#[derive(Debug)]
pub struct DnsSimulator {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for DnsSimulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DnsSimulator {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        let addr = socket.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let task = tokio::spawn(serve(socket, Arc::clone(&state)));
        Ok(Self { addr, state, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sets the TXT records of a name.
    pub fn publish(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        lock(&self.state).records.insert(name.to_lowercase(), records);
    }

    /// From now on this goes wrong.
    pub fn set_fault(&self, fault: DnsFault) {
        lock(&self.state).fault = fault;
    }

    /// How many questions came.
    pub fn questions(&self) -> usize {
        lock(&self.state).questions
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(socket: UdpSocket, state: Arc<Mutex<State>>) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let answer = answer(&buffer[..length], &mut lock(&state));
        if let Some(answer) = answer {
            // A client that is gone is no trouble of ours.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// The answer to a message with one question; none to what is no such message.
fn answer(message: &[u8], state: &mut State) -> Option<Vec<u8>> {
    state.questions += 1;
    if state.fault == DnsFault::Silence {
        return None;
    }
    let (name, end) = name(message)?;
    let question = message.get(12..end + 4)?;
    let is_txt = message.get(end..end + 2)? == [0, 16];
    let (code, texts): (u8, &[String]) = match (state.fault, state.records.get(&name)) {
        (DnsFault::ServerFailure, _) => (2, &[]),
        (_, None) => (3, &[]),
        (_, Some(texts)) if is_txt => (0, texts),
        _ => (0, &[]),
    };
    let count = u16::try_from(texts.len()).ok()?.to_be_bytes();
    let mut answer = message.get(..2)?.to_vec();
    // An answer, recursion desired and available, and how it went; one question, so many answers.
    answer.extend([0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    answer.extend(question);
    for text in texts {
        // The name of the question, TXT, IN, a minute, and pieces of at most 255 bytes.
        let pieces: Vec<u8> = text
            .as_bytes()
            .chunks(255)
            .flat_map(|piece| {
                let length = u8::try_from(piece.len()).unwrap_or(u8::MAX);
                [&[length][..], piece].concat()
            })
            .collect();
        answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(pieces.len()).ok()?.to_be_bytes());
        answer.extend(pieces);
    }
    Some(answer)
}

/// The name of the first question, without the dot at its end, and where its type stands.
fn name(message: &[u8]) -> Option<(String, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase());
        at += length;
    }
}
