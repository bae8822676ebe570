//! Where a request comes from: its id, the client's address and its name for itself.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use backend::RequestInfo;
use http::{Extensions, HeaderMap, header, request::Parts};
use ipnet::IpNet;
use tower_http::request_id::RequestId;
use uuid::Uuid;

/// The header that carries a request's id, in and out.
pub const REQUEST_ID: &str = "x-request-id";

/// Extracts where a request comes from, as the outermost layer found it.
#[derive(Debug, Clone, Default)]
pub struct Info(pub RequestInfo);

impl<S: Sync> FromRequestParts<S> for Info {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl Info {
    /// Reads a request, and notes the id where layers and handlers look for it.
    pub(crate) fn note(headers: &HeaderMap, extensions: &mut Extensions, proxies: &[IpNet]) -> Self {
        let id = headers
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_sane(id))
            .map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned);
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip());
        let info = Self(RequestInfo {
            ip: peer.map(|peer| client(peer, headers, proxies).to_string()),
            user_agent: headers.get(header::USER_AGENT).map(|value| shown(value.as_bytes())),
            id: Some(id.clone()),
        });
        if let Ok(id) = id.parse() {
            extensions.insert(RequestId::new(id));
        }
        extensions.insert(info.clone());
        info
    }
}

/// An id that others chose goes into logs and answers, so only what cannot be mistaken for something else.
fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// At most 300 characters, none of them able to forge a line of a log.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(300)
        .collect()
}

/// The client's address: the last one that no trusted proxy has. What stands left of it anyone can write.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut address = peer.to_canonical();
    while proxies.iter().any(|network| network.contains(&address)) {
        let Some(hop) = hops.pop().and_then(address_of) else {
            break;
        };
        address = hop.to_canonical();
    }
    address
}

/// An address, with or without a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, IpAddr, IpNet, client, is_sane, shown};

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a value"));
        }
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "::1/128"]
            .map(|text| text.parse().expect("a network"))
            .to_vec();
        client(peer.parse::<IpAddr>().expect("an address"), &headers, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.2.2.2"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["6.6.6.6", "198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(seen("::1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(seen("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ids_and_names_of_others_are_harmless() {
        assert!(is_sane("0199-aB_c.1"));
        for id in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert!(!is_sane(id), "{id}");
        }
        assert_eq!(shown(b"curl/8\x1b[31m\xff"), "curl/8[31m\u{fffd}");
        assert_eq!(shown("ü".repeat(400).as_bytes()).chars().count(), 300);
    }
}
