//! Long answers, one JSON object a line, written as they are read.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use backend::{Backend, Caller, Ctx, Error, RequestInfo};
use bytes::Bytes;
use domain::views::Page;
use futures_util::stream;
use http::{HeaderValue, header};
use serde::Serialize;

use super::call::Call;
use crate::problem::Problem;

/// The media type.
pub(super) const CONTENT_TYPE: &str = "application/x-ndjson";
/// Rows that are read, and in memory, at a time.
pub(super) const BATCH: i64 = 500;

/// Who reads, and from where: each page is read anew as they.
struct Reader<P> {
    backend: Backend,
    caller: Caller,
    info: RequestInfo,
    pages: P,
}

/// Reads a list page after page, and writes a line for each row.
pub(super) trait Pages: Send + 'static {
    /// What is listed.
    type Row: Send;
    /// What is written of it.
    type Line: Serialize + From<Self::Row>;

    /// The page at a cursor.
    fn page(
        &self,
        ctx: &mut Ctx,
        cursor: Option<String>,
    ) -> impl Future<Output = Result<Page<Self::Row>, Error>> + Send;
}

impl<P: Pages> Reader<P> {
    /// The lines of a page, and where the next one begins. The connection goes back before a line is written: a client
    /// that reads slowly, or not at all, holds none.
    async fn lines(&self, cursor: Option<String>) -> Result<(Bytes, Option<String>), Error> {
        let mut ctx = Ctx::read(&self.backend, self.caller.clone(), self.info.clone()).await?;
        let page = self.pages.page(&mut ctx, cursor).await?;
        drop(ctx);
        let mut text = Vec::with_capacity(page.items.len() * 700);
        for row in page.items {
            serde_json::to_writer(&mut text, &P::Line::from(row))?;
            text.push(b'\n');
        }
        Ok((text.into(), page.next))
    }
}

/// What is written next.
enum Next {
    /// Lines that were read already, and where the page after them begins.
    Ready((Bytes, Option<String>)),
    /// The page at this cursor, once it is asked for.
    At(String),
    /// Nothing.
    End,
}

/// The whole list, as a file to be saved. What is wrong with the request is found before the answer begins; what goes
/// wrong later breaks it off, so that nobody takes a part for the whole.
pub(super) async fn answer<P: Pages + Sync>(call: Call, pages: P, file: &'static str) -> Result<Response, Problem> {
    let Call { backend, caller, info } = call;
    let reader = Reader {
        backend,
        caller,
        info,
        pages,
    };
    let first = reader.lines(None).await?;
    let rest = stream::try_unfold((reader, Next::Ready(first)), async |(reader, next)| {
        let (lines, cursor) = match next {
            Next::Ready(page) => page,
            Next::At(cursor) => reader.lines(Some(cursor)).await.inspect_err(|error| {
                tracing::error!(%error, "an export was broken off");
            })?,
            Next::End => return Ok(None),
        };
        let next = cursor.map_or(Next::End, Next::At);
        Ok::<_, Error>(Some((lines, (reader, next))))
    });
    let mut response = Body::from_stream(rest).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
