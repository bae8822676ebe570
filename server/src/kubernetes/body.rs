//! The bodies of requests.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use kubernetes::{Failure, Reason};
use serde_json::Value;

/// The largest body: an object of 1 MiB with what surrounds it.
const LARGEST: usize = 1024 * 1024 + 256 * 1024;
/// How much more is read and dropped, so that the client has sent its request when it reads why it was refused: one that
/// is still writing sees a connection that was reset instead.
const DROPPED: usize = 8 * 1024 * 1024;
/// How long a body may take to arrive.
const SLOWEST: Duration = Duration::from_secs(20);

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Yaml,
    Protobuf,
    MergePatch,
    JsonPatch,
    StrategicMergePatch,
    ApplyPatch,
}

/// The media type of a body; JSON when nobody says.
///
/// # Errors
/// 415.
pub(super) fn media(headers: &HeaderMap) -> Result<Media, Failure> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Media::Json);
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(match essence.as_str() {
        "" | "application/json" | "*/*" => Media::Json,
        "application/yaml" | "application/x-yaml" | "text/yaml" => Media::Yaml,
        "application/vnd.kubernetes.protobuf" => Media::Protobuf,
        "application/merge-patch+json" => Media::MergePatch,
        "application/json-patch+json" => Media::JsonPatch,
        "application/strategic-merge-patch+json" => Media::StrategicMergePatch,
        "application/apply-patch+yaml" => Media::ApplyPatch,
        _ => return Err(unsupported("application/json, application/yaml")),
    })
}

/// 415, with what would do.
pub(super) fn unsupported(supported: &str) -> Failure {
    Failure::new(
        Reason::UnsupportedMediaType,
        format!("the body of the request was in an unknown format - accepted media types include: {supported}"),
    )
}

/// A document in JSON or YAML, with the fields that stand there twice.
///
/// # Errors
/// 400 when it is none, 415 when it is in something else.
pub(super) fn document(media: Media, bytes: &[u8]) -> Result<(Value, Vec<String>), Failure> {
    match media {
        Media::Json => kubernetes::decode::json(bytes),
        Media::Yaml | Media::ApplyPatch => {
            let text = std::str::from_utf8(bytes).map_err(|_| Failure::bad_request("the body is not UTF-8"))?;
            // A key that is there twice is an error of YAML itself.
            kubernetes::manifest::body(text).map(|value| (value, Vec::new()))
        }
        _ => Err(unsupported("application/json, application/yaml")),
    }
}

/// The whole body.
///
/// # Errors
/// 413, 504, or 400 when the client is gone.
pub(super) async fn whole(body: Body) -> Result<Bytes, Failure> {
    let reading = read(body);
    tokio::time::timeout(SLOWEST, reading)
        .await
        .unwrap_or_else(|_| Err(Failure::new(Reason::Timeout, "the body took too long to arrive")))
}

async fn read(mut body: Body) -> Result<Bytes, Failure> {
    let (mut kept, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::bad_request("the body could not be read to its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= LARGEST {
            kept.extend_from_slice(&data);
        } else if length > LARGEST + DROPPED {
            break;
        }
    }
    if length > LARGEST {
        return Err(Failure::new(
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: limit is {LARGEST} bytes"),
        ));
    }
    Ok(kept.freeze())
}
