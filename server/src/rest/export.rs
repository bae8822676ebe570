//! Long answers, a line for each row, written as they are read: one JSON object a line, or a CSV file.

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use backend::{Backend, Caller, Ctx, Error, RequestInfo};
use bytes::Bytes;
use domain::{cost::csv_cell, views::Page};
use futures_util::stream;
use http::{HeaderValue, header};
use serde::Serialize;

use super::call::Call;
use crate::problem::Problem;

/// How the rows of an export are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// A CSV file (RFC 4180) with a line of names first, for spreadsheets.
    Csv,
}

impl Format {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        })
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

/// A row of a CSV file.
pub(super) trait CsvLine {
    /// The names of the cells.
    const NAMES: &'static [&'static str];

    /// The cells, as they are; what would harm a spreadsheet is taken care of here.
    fn cells(&self) -> Vec<Cow<'_, str>>;
}

/// Writes one line.
fn write_cells<'a>(text: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            text.push(b',');
        }
        text.extend_from_slice(csv_cell(cell).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
}

/// Rows that are read, and in memory, at a time.
pub(super) const BATCH: i64 = 500;

/// Who reads, and from where: each page is read anew as they.
struct Reader<P> {
    backend: Backend,
    caller: Caller,
    info: RequestInfo,
    pages: P,
    format: Format,
}

/// Reads a list page after page, and writes a line for each row.
pub(super) trait Pages: Send + 'static {
    /// What is listed.
    type Row: Send;
    /// What is written of it.
    type Line: Serialize + CsvLine + From<Self::Row>;

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
        let first = cursor.is_none();
        let mut ctx = Ctx::read(&self.backend, self.caller.clone(), self.info.clone()).await?;
        let page = self.pages.page(&mut ctx, cursor).await?;
        drop(ctx);
        let mut text = Vec::with_capacity(page.items.len() * 700);
        if self.format == Format::Csv && first {
            write_cells(&mut text, P::Line::NAMES.iter().copied());
        }
        for row in page.items {
            let line = P::Line::from(row);
            match self.format {
                Format::Ndjson => {
                    serde_json::to_writer(&mut text, &line)?;
                    text.push(b'\n');
                }
                Format::Csv => write_cells(&mut text, line.cells().iter().map(AsRef::as_ref)),
            }
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
/// `file` is its name without the extension.
pub(super) async fn answer<P: Pages + Sync>(
    call: Call,
    pages: P,
    format: Format,
    file: &'static str,
) -> Result<Response, Problem> {
    let Call { backend, caller, info } = call;
    let reader = Reader {
        backend,
        caller,
        info,
        pages,
        format,
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
    headers.insert(header::CONTENT_TYPE, format.content_type());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{file}.{}\"", format.extension())) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
