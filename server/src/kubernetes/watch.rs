//! `?watch=true`: changes as they happen, one JSON document a line.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use axum::body::Body;
use backend::objects::{Change, List, Query, Watch, What};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use kubernetes::{Failure, Kind, Object, options::Options};
use tokio::{
    sync::{mpsc, watch::Receiver},
    time::{Instant, Interval, MissedTickBehavior},
};

use super::{
    Door,
    answer::{self, Answer},
    call::Call,
    forms::{Events, Wanted},
    read::list_page,
    watches::Counted,
    who,
};

/// How long a watch lasts unless the client says: so that watches are spread over processes again after one was restarted.
const LASTS: std::ops::Range<u64> = 30 * 60..60 * 60;
/// How many pieces wait for a client; each is about [`PIECE`] at most, and an object.
const WAITING: usize = 8;
/// How large pieces become.
const PIECE: usize = 64 * 1024;
/// How many objects are read at once for the beginning of a watch.
const PAGE: usize = 500;

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Begin {
    /// With what there is.
    state: bool,
    /// With a bookmark after that which says so.
    marked: bool,
    /// After this version, else now.
    since: Option<i64>,
}

/// Begins a watch. What can be refused is refused before the answer begins.
pub(super) async fn watch(call: Call, query: Query, wanted: Wanted) -> Answer {
    let begin = begin(&call.options);
    let counted = call.door.watches.count(call.caller.name(), call.door.limits.most)?;
    let asked = call.options.timeout_seconds.filter(|seconds| *seconds > 0);
    let lasts = asked.map_or_else(|| rand::random_range(LASTS), u64::from);
    let mut first = None;
    let since = if begin.state {
        let page = page(&call, &query, &wanted, None).await?;
        let version = page.version;
        first = Some(page);
        version
    } else {
        begin.since.unwrap_or(0)
    };
    let watch = call
        .door
        .changes
        .watch(call.caller.clone(), query.clone(), since)
        .await?;
    let (send, mut receive) = mpsc::channel::<Bytes>(WAITING);
    let kind = query.kind;
    let bookmarks = call.options.bookmarks || begin.marked;
    let teller = Teller {
        events: Events::of(&wanted),
        wanted,
        send,
        piece: BytesMut::new(),
        kind,
        patience: call.door.limits.patience,
        _counted: counted,
    };
    let until = Instant::now() + Duration::from_secs(lasts);
    tokio::spawn(async move {
        // Nothing is left to tell a client that is gone, or that does not read.
        let _ = tell(teller, call, query, watch, first, begin.marked, bookmarks, until).await;
    });
    let lines = stream::poll_fn(move |context| receive.poll_recv(context)).map(Ok::<_, Infallible>);
    Ok(answer::bytes_as(StatusCode::OK, answer::JSON, Body::from_stream(lines)))
}

/// What `resourceVersion` and `sendInitialEvents` say.
fn begin(options: &Options) -> Begin {
    match options.send_initial_events {
        Some(true) => Begin {
            state: true,
            marked: true,
            since: None,
        },
        Some(false) => Begin {
            state: false,
            marked: false,
            since: options.version,
        },
        None => Begin {
            state: options.version.is_none(),
            marked: false,
            since: options.version,
        },
    }
}

async fn page(call: &Call, query: &Query, wanted: &Wanted, after: Option<&str>) -> Result<List, Failure> {
    let mut ctx = call.read().await?;
    list_page(&mut ctx, query, Some(PAGE), after, wanted).await
}

/// The client reads no more, or is gone.
struct Gone;

async fn tell(
    mut teller: Teller,
    call: Call,
    query: Query,
    mut watch: Watch,
    first: Option<List>,
    marked: bool,
    bookmarks: bool,
    until: Instant,
) -> Result<(), Gone> {
    let mut stopping = call.door.stopping.clone();
    let mut next = first;
    while let Some(list) = next.take() {
        for object in &list.objects {
            teller.event("ADDED", object).await?;
        }
        if let Some(after) = list.next {
            next = match page(&call, &query, &teller.wanted, Some(&after)).await {
                Ok(list) => Some(list),
                Err(failure) => return teller.error(&failure).await,
            };
        }
    }
    if marked {
        teller.bookmark(watch.version(), true).await?;
    }
    teller.flush().await?;
    let mut look = every(call.door.limits.look);
    loop {
        tokio::select! {
            changes = watch.next() => match changes {
                Ok(changes) => {
                    for change in &changes {
                        teller.change(change).await?;
                    }
                    teller.flush().await?;
                }
                Err(failure) => return teller.error(&failure).await,
            },
            _ = look.tick() => {
                if let Err(failure) = who::still(&call).await {
                    return teller.error(&failure).await;
                }
                if bookmarks {
                    teller.bookmark(watch.version(), false).await?;
                    teller.flush().await?;
                }
            }
            () = teller.send.closed() => return Err(Gone),
            // The client begins again where it was, with another process.
            () = stopped(&mut stopping) => return Ok(()),
            () = tokio::time::sleep_until(until) => {
                if bookmarks {
                    // So that the client goes on from here and not from the last change.
                    teller.bookmark(watch.version(), false).await?;
                    teller.flush().await?;
                }
                return Ok(());
            }
        }
    }
}

/// Waits until the listener stops.
async fn stopped(stopping: &mut Receiver<bool>) {
    // An error is a listener that is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Writes events.
struct Teller {
    events: Events,
    wanted: Wanted,
    send: mpsc::Sender<Bytes>,
    piece: BytesMut,
    kind: Kind,
    patience: Duration,
    _counted: Counted,
}

impl Teller {
    /// A change, as somebody with this selector sees it: what no longer matches is deleted for them.
    async fn change(&mut self, change: &Change) -> Result<(), Gone> {
        if let Some(word) = seen(change, |labels| self.wanted.labels.matches(labels)) {
            self.event(word, &change.object).await?;
        }
        Ok(())
    }

    async fn event(&mut self, word: &str, object: &Object) -> Result<(), Gone> {
        let shown = self.events.object(object, Door::now());
        self.line(&kubernetes::watch::event(word, &shown)).await
    }

    /// How far the watch is. `end` says that everything that was there at its beginning was told.
    async fn bookmark(&mut self, version: i64, end: bool) -> Result<(), Gone> {
        let line = kubernetes::watch::bookmark(self.kind, self.wanted.form, version, end);
        self.line(&line).await
    }

    /// The last event: why the watch ends.
    async fn error(&mut self, failure: &Failure) -> Result<(), Gone> {
        self.line(&kubernetes::watch::error(failure)).await?;
        self.flush().await
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), Gone> {
        self.piece.extend_from_slice(line);
        if self.piece.len() >= PIECE {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends what was written. A client that does not read is left: it would hold memory for as long as it likes.
    async fn flush(&mut self) -> Result<(), Gone> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = self.piece.split().freeze();
        self.send.send_timeout(piece, self.patience).await.map_err(|_| Gone)
    }
}

/// What a change is to somebody who looks at some labels only; nothing when it is none of theirs.
fn seen(change: &Change, matches: impl Fn(&BTreeMap<String, String>) -> bool) -> Option<&'static str> {
    let now = matches(&change.object.metadata.labels);
    let before = match (&change.labels_before, change.what) {
        (Some(labels), _) => matches(labels),
        (None, What::Added) => false,
        (None, What::Modified | What::Deleted) => now,
    };
    match (change.what, before, now) {
        (What::Added, _, true) | (What::Modified, false, true) => Some("ADDED"),
        (What::Modified, true, true) => Some("MODIFIED"),
        (What::Modified, true, false) | (What::Deleted, true, _) | (What::Deleted, false, true) => Some("DELETED"),
        (What::Added | What::Modified | What::Deleted, _, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_selector_sees_what_comes_and_goes() {
        let labels = |color: &str| BTreeMap::from([("color".to_owned(), color.to_owned())]);
        let word = |what: What, before: Option<&str>, now: &str| {
            let object = Object {
                kind: Kind::Team,
                metadata: kubernetes::Meta {
                    labels: labels(now),
                    ..kubernetes::Meta::default()
                },
                spec: serde_json::Map::new(),
                status: serde_json::Map::new(),
            };
            let change = Change {
                what,
                object: Arc::new(object),
                labels_before: before.map(labels),
            };
            seen(&change, |labels| labels["color"] == "red")
        };
        assert_eq!(word(What::Added, None, "red"), Some("ADDED"));
        assert_eq!(word(What::Added, None, "blue"), None);
        assert_eq!(word(What::Modified, Some("blue"), "red"), Some("ADDED"));
        assert_eq!(word(What::Modified, Some("red"), "red"), Some("MODIFIED"));
        assert_eq!(word(What::Modified, Some("red"), "blue"), Some("DELETED"));
        assert_eq!(word(What::Modified, Some("blue"), "green"), None);
        assert_eq!(word(What::Modified, None, "red"), Some("MODIFIED"));
        assert_eq!(word(What::Deleted, Some("red"), "red"), Some("DELETED"));
        assert_eq!(word(What::Deleted, None, "blue"), None);
    }
}
