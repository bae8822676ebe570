//! The SQL that Guildhall sent for one request, read out of PostgreSQL's log: so that a ceiling runs the very same
//! statements, today's and tomorrow's.

use std::{fs, path::Path};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sqlx::{
    Connection as _, Either, Executor as _, PgConnection, Postgres, SqlSafeStr as _, Statement as _, TypeInfo as _,
    postgres::PgArguments, query::Query,
};
use uuid::Uuid;

/// A statement and what was bound to it, in the order of its placeholders.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// As it was sent.
    pub sql: &'static str,
    /// As the log writes them; `None` for null.
    pub parameters: Vec<Option<String>>,
    types: Vec<Type>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Int4,
    Int8,
    Float8,
    Text,
    Texts,
    Uuid,
    Time,
    Json,
}

/// The statements in a log of `log_statement = 'all'` that begin with one of `starts`, in this order.
pub async fn read(log: &Path, starts: &[&str], connection: &mut PgConnection) -> anyhow::Result<Vec<Recorded>> {
    let text = fs::read_to_string(log).with_context(|| format!("could not read {}", log.display()))?;
    let statements = parse(&text);
    let mut found = Vec::new();
    for start in starts {
        let (sql, parameters) = statements
            .iter()
            .find(|(sql, _)| sql.starts_with(start))
            .with_context(|| format!("Guildhall sent nothing that begins with {start:?}"))?
            .clone();
        // It stays for as long as the process.
        let sql: &'static str = sql.leak();
        let types = types(connection, sql).await?;
        anyhow::ensure!(
            types.len() == parameters.len(),
            "the parameters of {sql} were not logged"
        );
        found.push(Recorded { sql, parameters, types });
    }
    Ok(found)
}

/// What PostgreSQL takes the placeholders for.
async fn types(connection: &mut PgConnection, sql: &'static str) -> anyhow::Result<Vec<Type>> {
    let mut transaction = connection.begin().await?;
    let statement = (&mut *transaction).prepare(sql.into_sql_str()).await?;
    let Some(Either::Left(types)) = statement.parameters() else {
        return Ok(Vec::new());
    };
    let kind = |name: &str| {
        Ok(match name {
            "BOOL" => Type::Bool,
            "INT4" => Type::Int4,
            "INT8" => Type::Int8,
            "FLOAT8" => Type::Float8,
            "TEXT" | "VARCHAR" => Type::Text,
            "TEXT[]" => Type::Texts,
            "UUID" => Type::Uuid,
            "TIMESTAMPTZ" => Type::Time,
            "JSONB" => Type::Json,
            other => anyhow::bail!("no way to bind a {other}"),
        })
    };
    types.iter().map(|kind_of| kind(kind_of.name())).collect()
}

impl Recorded {
    /// The statement with other values in the place of some, and `time` for every time.
    pub fn query<'q>(
        &self,
        time: impl Fn(usize) -> DateTime<Utc>,
        replaced: impl Fn(usize, &str) -> Option<String>,
    ) -> anyhow::Result<Query<'q, Postgres, PgArguments>> {
        #[expect(clippy::disallowed_methods, reason = "its text is only known while it runs")]
        let mut query = sqlx::query(self.sql);
        for (index, (value, kind)) in self.parameters.iter().zip(&self.types).enumerate() {
            let value = value
                .as_deref()
                .map(|value| replaced(index, value).unwrap_or_else(|| value.to_owned()));
            query = match kind {
                Type::Bool => query.bind(value.map(|value| value == "t")),
                Type::Int4 => query.bind(value.map(|value| value.parse::<i32>()).transpose()?),
                Type::Int8 => query.bind(value.map(|value| value.parse::<i64>()).transpose()?),
                Type::Float8 => query.bind(value.map(|value| value.parse::<f64>()).transpose()?),
                Type::Text => query.bind(value),
                Type::Texts => query.bind(value.as_deref().map(texts)),
                Type::Uuid => query.bind(value.as_deref().map(Uuid::parse_str).transpose()?),
                Type::Time => query.bind(value.map(|_| time(index))),
                Type::Json => query.bind(
                    value
                        .as_deref()
                        .map(serde_json::from_str::<serde_json::Value>)
                        .transpose()?
                        .map(sqlx::types::Json),
                ),
            };
        }
        Ok(query)
    }

    /// A parameter as it was logged; empty for null.
    pub fn text(&self, index: usize) -> &str {
        self.parameters
            .get(index)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// The index of the parameter that `column` is compared with.
    pub fn compared(&self, column: &str) -> Option<usize> {
        let (_, rest) = self.sql.split_once(&format!("{column} = $"))?;
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
        digits.parse::<usize>().ok()?.checked_sub(1)
    }

    /// Which placeholders hold a number of GitHub's.
    pub fn is_int8(&self, index: usize) -> bool {
        self.types.get(index) == Some(&Type::Int8)
    }
}

/// PostgreSQL's text of an array of texts, as far as labels and statuses need it: no quotes or commas inside.
pub fn texts(array: &str) -> Vec<String> {
    let inner = array.trim_start_matches('{').trim_end_matches('}');
    inner
        .split(',')
        .filter(|text| !text.is_empty())
        .map(|text| text.trim_matches('"').to_owned())
        .collect()
}

type Logged = (String, Vec<Option<String>>);

/// Every `execute` in the log with the parameters from the `DETAIL` after it.
fn parse(log: &str) -> Vec<Logged> {
    // Lines that go on begin with a tab.
    let log = log.replace("\n\t", "\n\u{1}");
    let mut records: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\u{1}'), records.last_mut()) {
            (Some(more), Some(record)) => {
                record.push('\n');
                record.push_str(more);
            }
            _ => records.push(line.to_owned()),
        }
    }
    let mut found: Vec<Logged> = Vec::new();
    for record in records {
        if let Some((_, execute)) = record.split_once("LOG:  execute ")
            && let Some((_name, sql)) = execute.split_once(": ")
        {
            found.push((sql.to_owned(), Vec::new()));
        } else if let Some((_, detail)) = record.split_once("DETAIL:  ")
            && let Some((word, list)) = detail.split_once(": ")
            && word.eq_ignore_ascii_case("parameters")
            && let Some((_, parameters)) = found.last_mut()
        {
            *parameters = split(list);
        }
    }
    found
}

/// `$1 = 'a', $2 = NULL`; a quote inside is doubled.
fn split(mut list: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    while let Some((_, rest)) = list.split_once(" = ") {
        if let Some(after) = rest.strip_prefix("NULL") {
            values.push(None);
            list = after;
            continue;
        }
        let mut value = String::new();
        let mut letters = rest.char_indices().skip(1).peekable();
        list = "";
        while let Some((at, letter)) = letters.next() {
            if letter != '\'' {
                value.push(letter);
            } else if letters.peek().is_some_and(|(_, next)| *next == '\'') {
                value.push('\'');
                letters.next();
            } else {
                list = &rest[at + 1..];
                break;
            }
        }
        values.push(Some(value));
    }
    values
}
