//! Single requests: HTTP/1.0, so that an answer ends with its connection and is never chunked.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, bail};

/// An answer: its head as text, its body as it was sent.
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request with header lines (`Name: value`); another status than 2xx is an error.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut text = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        text += header;
        text += "\r\n";
    }
    text += "\r\n";
    text += body;
    stream.write_all(text.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .context("an answer without a head")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let answer = Answer {
        head,
        body: bytes.split_off(end + 4),
    };
    if answer
        .head
        .split(' ')
        .nth(1)
        .is_none_or(|status| !status.starts_with('2'))
    {
        bail!("{method} {path}: {}\n{}", answer.head, answer.text());
    }
    Ok(answer)
}

/// A GET.
pub fn get(address: SocketAddr, path: &str, headers: &[&str]) -> anyhow::Result<Answer> {
    request(address, "GET", path, headers, "")
}
