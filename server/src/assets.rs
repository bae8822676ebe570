//! Style sheet, scripts, wasm and pictures: compiled into release binaries, read from `target/site` by debug ones.
//!
//! They are served below a folder whose name is made from their content, so that browsers may keep them for ever.

use std::{borrow::Cow, collections::HashMap};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use backend::{Code, Error};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use crate::{AppState, page};

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_A_DAY: &str = "public, max-age=86400";

#[derive(RustEmbed)]
#[folder = "../target/site"]
struct Site;

/// All assets, by path.
pub struct Assets {
    dir: String,
    by_path: HashMap<String, Asset>,
}

struct Asset {
    content_type: HeaderValue,
    etag: HeaderValue,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

impl Assets {
    /// Reads them all, once.
    pub fn load() -> Self {
        let mut files: Vec<(String, Bytes)> = Site::iter()
            .filter_map(|path| Some((path.to_string(), bytes(Site::get(&path)?.data))))
            .collect();
        files.sort();
        Self::of(files)
    }

    fn of(files: Vec<(String, Bytes)>) -> Self {
        let mut all = Sha256::new();
        for (path, data) in &files {
            all.update(path.len().to_le_bytes());
            all.update(path);
            all.update(data.len().to_le_bytes());
            all.update(data);
        }
        let dir = format!("pkg/{}", short(all));
        let files: HashMap<String, Bytes> = files.into_iter().collect();
        let by_path = files
            .iter()
            .filter(|(path, _)| !is_copy(&files, path))
            .map(|(path, data)| (path.clone(), Asset::new(path, data.clone(), &files)))
            .collect();
        Self { dir, by_path }
    }

    /// The folder that they are served from, without slashes around it: `pkg/<hash>`.
    pub fn dir(&self) -> &str {
        &self.dir
    }

    fn answer(&self, path: &str, headers: &HeaderMap, cache: &'static str) -> Option<Response> {
        let asset = self.by_path.get(path)?;
        let accepted = Accepted::of(headers);
        let (encoding, body) = match (&asset.brotli, &asset.gzip) {
            (Some(body), _) if accepted.brotli => (Some("br"), body),
            (_, Some(body)) if accepted.gzip => (Some("gzip"), body),
            _ => (None, &asset.plain),
        };
        let known = headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|known| known == asset.etag);
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Body::from(body.clone()).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, asset.content_type.clone());
            if let Some(encoding) = encoding {
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::ETAG, asset.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        Some(response)
    }
}

impl Asset {
    fn new(path: &str, plain: Bytes, files: &HashMap<String, Bytes>) -> Self {
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let charset = if mime.type_() == "text" { "; charset=utf-8" } else { "" };
        // Weak: the same for each encoding of the file.
        let etag = format!("W/\"{}\"", short(Sha256::new_with_prefix(&plain)));
        Self {
            content_type: HeaderValue::try_from(format!("{mime}{charset}"))
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("")),
            plain,
            brotli: files.get(&format!("{path}.br")).cloned(),
            gzip: files.get(&format!("{path}.gz")).cloned(),
        }
    }
}

/// Whether a file is only the compressed copy of another.
fn is_copy(files: &HashMap<String, Bytes>, path: &str) -> bool {
    [".br", ".gz"]
        .iter()
        .any(|ending| path.strip_suffix(ending).is_some_and(|plain| files.contains_key(plain)))
}

fn short(hash: Sha256) -> String {
    hex::encode(&hash.finalize()[..8])
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

/// Which of our encodings a client takes.
#[derive(Default)]
struct Accepted {
    brotli: bool,
    gzip: bool,
}

impl Accepted {
    fn of(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let values = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok());
        for part in values.flat_map(|value| value.split(',')) {
            let (name, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let refused = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|weight| weight.trim().parse::<f32>().ok())
                == Some(0.0);
            match name.trim() {
                "br" => accepted.brotli = !refused,
                "gzip" => accepted.gzip = !refused,
                _ => {}
            }
        }
        accepted
    }
}

/// `/pkg/**` and `/favicon.ico`.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/pkg/{hash}/{*path}", get(asset))
        .route("/favicon.ico", get(favicon))
}

async fn asset(
    State(state): State<AppState>,
    Path((hash, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    // An older page may still ask for older assets during an update: ours may not fit it, so it is told that they are gone.
    let ours = state.assets.dir.strip_prefix("pkg/") == Some(hash.as_str());
    let found = if ours {
        state.assets.answer(&path, &headers, FOR_EVER)
    } else {
        None
    };
    found.unwrap_or_else(|| {
        page::refusal(
            &state,
            &headers,
            Error::refused(Code::NotFound, "There is no such file"),
        )
    })
}

/// Browsers ask for it whatever pages say.
async fn favicon(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let found = state.assets.answer("favicon.svg", &headers, FOR_A_DAY);
    found.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets() -> Assets {
        let files = [
            ("a.css", "a{}"),
            ("a.css.br", "BR"),
            ("a.css.gz", "GZ"),
            ("b.wasm", "wasm"),
            ("lone.gz", "x"),
        ];
        Assets::of(
            files
                .map(|(path, data)| (path.to_owned(), Bytes::from_static(data.as_bytes())))
                .to_vec(),
        )
    }

    fn encoding(path: &str, accept: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().expect("a value"))]);
        let response = assets().answer(path, &headers, FOR_EVER).expect("it is there");
        response
            .headers()
            .get(header::CONTENT_ENCODING)
            .map(|value| value.to_str().expect("text").to_owned())
    }

    #[test]
    fn compressed_copies_are_chosen_and_not_served_themselves() {
        assert_eq!(encoding("a.css", "gzip, deflate, br").as_deref(), Some("br"));
        assert_eq!(encoding("a.css", "gzip, br;q=0").as_deref(), Some("gzip"));
        assert_eq!(encoding("a.css", "identity"), None);
        assert_eq!(encoding("b.wasm", "br"), None);
        assert!(assets().answer("a.css.br", &HeaderMap::new(), FOR_EVER).is_none());
        assert!(assets().answer("lone.gz", &HeaderMap::new(), FOR_EVER).is_some());
    }

    #[test]
    fn they_are_named_by_content_typed_and_kept() {
        let other = Assets::of(vec![("a.css".to_owned(), Bytes::from_static(b"b{}"))]);
        assert_ne!(assets().dir(), other.dir());
        assert_eq!(assets().dir(), assets().dir());
        let response = assets()
            .answer("b.wasm", &HeaderMap::new(), FOR_EVER)
            .expect("it is there");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/wasm");
        assert_eq!(response.headers()[header::CACHE_CONTROL], FOR_EVER);
        let again = HeaderMap::from_iter([(header::IF_NONE_MATCH, response.headers()[header::ETAG].clone())]);
        assert_eq!(
            assets().answer("b.wasm", &again, FOR_EVER).expect("there").status(),
            StatusCode::NOT_MODIFIED
        );
    }
}
