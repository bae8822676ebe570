//! Where settings come from: the file, then the environment, which wins.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    path::Path,
    str::FromStr,
};

use figment::{
    Figment, Provider as _,
    providers::{Format as _, Serialized, Yaml},
    value::{Dict, Value},
};

use super::keys::{self, KEYS, Key};
use super::lines::Lines;

/// Variables that begin like ours and belong to others: tests, tools, and what Kubernetes sets for a service of our name.
const NOT_OURS: &[&str] = &[
    "GUILDHALL_CONFIG",
    "GUILDHALL_BIN",
    "GUILDHALL_POSTGRES_BIN",
    "GUILDHALL_TEST_",
    "GUILDHALL_SERVICE_",
    "GUILDHALL_PORT",
];

/// Settings by key, with what is wrong with them.
pub(super) struct Source {
    figment: Figment,
    /// What the file is called, and where in it the keys stand.
    file: String,
    lines: Lines,
    /// The keys that the environment has a say about.
    from_environment: BTreeSet<&'static str>,
    /// The whole environment: settings may name a variable.
    variables: BTreeMap<String, String>,
    /// Everything that keeps the server from starting.
    pub errors: Vec<String>,
    /// What is odd and said in the log.
    pub warnings: Vec<String>,
}

impl Source {
    /// Reads a file and the environment.
    pub fn new(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut source = Self {
            figment: Figment::new(),
            file: String::new(),
            lines: Lines::default(),
            from_environment: BTreeSet::new(),
            variables: env.into_iter().collect(),
            errors: Vec::new(),
            warnings: Vec::new(),
        };
        if let Some(file) = file {
            source.read_file(file);
        }
        for (name, value) in source.variables.clone() {
            source.read_variable(&name, value);
        }
        source
    }

    fn read_file(&mut self, file: &Path) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return self.errors.push(format!("could not read {}: {error}", file.display())),
        };
        let yaml = Yaml::string(&text);
        let data = match yaml.data() {
            Ok(data) => data,
            Err(error) => return self.errors.push(format!("{}: {error}", file.display())),
        };
        self.file = file.display().to_string();
        self.lines = Lines::read(&text);
        for (name, line) in std::mem::take(&mut self.lines.repeated) {
            let first = self.lines.of(&name).unwrap_or_default();
            self.errors.push(format!(
                "{}:{line}: `{name}` is there twice: first in line {first}",
                self.file
            ));
        }
        for (name, line) in std::mem::take(&mut self.lines.dotted) {
            if let Some((table, own)) = keys::find(&name).and_then(|key| key.name.rsplit_once('.')) {
                self.errors.push(format!(
                    "{}:{line}: unknown key `{name}`: write `{own}` below `{table}`",
                    self.file
                ));
            }
        }
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        for tree in data.into_values() {
            for name in leaves(&tree) {
                if keys::find(&name).is_some() {
                    continue;
                }
                let place = self.place(&name);
                let is_table = known.iter().any(|key| is_below(key, &name));
                self.errors.push(if is_table {
                    format!("{place}`{name}` must be a table")
                } else {
                    let hint = did_you_mean(keys::nearest(&name, known.iter().copied()));
                    format!("{place}unknown key `{name}`{hint}")
                });
            }
        }
        self.figment = Figment::from(yaml);
    }

    fn read_variable(&mut self, name: &str, value: String) {
        let Some(key) = KEYS.iter().find(|key| key.env() == name) else {
            if name.starts_with("GUILDHALL_") && !NOT_OURS.iter().any(|other| name.starts_with(other)) {
                let known: Vec<String> = KEYS.iter().map(Key::env).collect();
                let hint = did_you_mean(keys::nearest(name, known.iter().map(String::as_str)));
                // Not an error: orchestrators put variables of their own making next to ours.
                self.warnings.push(format!("{name} is set, but is no setting{hint}"));
            }
            return;
        };
        // Compose files and charts set what is not wanted to nothing.
        if !value.trim().is_empty() {
            self.from_environment.insert(key.name);
            let figment = std::mem::take(&mut self.figment);
            self.figment = figment.merge(Serialized::default(key.name, value));
        }
    }

    /// The text of a key, if it is set.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        debug_assert!(keys::find(name).is_some(), "{name} is not in the table");
        match self.figment.find_value(name).ok()? {
            Value::Empty(..) => None,
            Value::Array(..) => {
                self.reject(name, "must be one value, not a list");
                None
            }
            Value::Dict(..) => {
                self.reject(name, "must be one value, not a table");
                None
            }
            value => scalar(value).filter(|text| !text.trim().is_empty()),
        }
    }

    /// The value of a key, parsed. What cannot be parsed is noted, without the value where that is secret.
    pub fn value<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(name)?;
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.reject(name, &format!("{error} (it is `{text}`)"));
                None
            }
        }
    }

    /// The values of a list, which the environment writes with commas.
    pub fn list<T>(&mut self, name: &'static str) -> Option<Vec<T>>
    where
        T: FromStr<Err: Display>,
    {
        let parts = match self.figment.find_value(name).ok()? {
            Value::Array(_, items) => self.entries(name, items),
            _ => split(&self.text(name)?),
        };
        let mut values = Vec::new();
        for part in parts {
            match part.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.reject(name, &format!("{error} (it is `{part}`)")),
            }
        }
        Some(values)
    }

    /// The texts of a list, which has to be one in the file: a text there may have commas.
    pub fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        match self.figment.find_value(name).ok()? {
            Value::Empty(..) => None,
            Value::Array(_, items) => Some(self.entries(name, items)),
            Value::String(_, text) if self.is_from_environment(name) => Some(split(&text)),
            _ => {
                self.reject(name, "must be a list, like [a, b]");
                None
            }
        }
    }

    /// The entries of a list as texts. Tables, lists and nothing are noted.
    fn entries(&mut self, name: &'static str, items: Vec<Value>) -> Vec<String> {
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            match scalar(item).map(|text| text.trim().to_owned()) {
                Some(text) if !text.is_empty() => texts.push(text),
                _ => self.reject_at(name, &format!("{name}[{index}]"), "each entry must be a text"),
            }
        }
        texts
    }

    /// The tables of a list, each a name with its text. Names other than `known` are noted.
    pub fn tables(&mut self, name: &'static str, known: &[&str]) -> Vec<BTreeMap<String, String>> {
        let items = match self.figment.find_value(name) {
            Ok(Value::Array(_, items)) => items,
            Ok(Value::Empty(..)) | Err(_) => return Vec::new(),
            Ok(_) => {
                self.reject(name, "must be a list of tables, in the file");
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let place = index + 1;
            let Value::Dict(_, dict) = item else {
                self.reject_at(
                    name,
                    &format!("{name}[{index}]"),
                    &format!("entry {place} must be a table"),
                );
                continue;
            };
            let mut table = BTreeMap::new();
            for (field, value) in dict {
                if !known.contains(&field.as_str()) {
                    let hint = did_you_mean(keys::nearest(&field, known.iter().copied()));
                    let why = format!("entry {place} has an unknown key `{field}`{hint}");
                    self.reject_at(name, &format!("{name}[{index}].{field}"), &why);
                } else if let Some(text) = scalar(value).filter(|text| !text.trim().is_empty()) {
                    table.insert(field, text);
                }
            }
            tables.push(table);
        }
        tables
    }

    /// A variable of the environment whose name a setting gives.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// Whether the environment says what a key is.
    pub fn is_from_environment(&self, name: &str) -> bool {
        self.from_environment.contains(name)
    }

    /// Notes that a key's value will not do.
    pub fn reject(&mut self, name: &'static str, why: &str) {
        self.reject_at(name, name, why);
    }

    /// The same of a part of the value: `path` is its name as [`Lines`] has it.
    fn reject_at(&mut self, name: &'static str, path: &str, why: &str) {
        let env = keys::find(name).map(Key::env).unwrap_or_default();
        let place = if self.is_from_environment(name) {
            String::new()
        } else {
            self.place(path)
        };
        self.errors.push(format!("{place}`{name}` ({env}): {why}"));
    }

    /// `file:line: ` of what stands in the file; nothing of what does not.
    fn place(&self, path: &str) -> String {
        let line = self.lines.of(path);
        line.map(|line| format!("{}:{line}: ", self.file)).unwrap_or_default()
    }
}

/// Whether a key is in the table of that name, or in one within it.
fn is_below(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
}

/// The parts between commas.
fn split(text: &str) -> Vec<String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text),
        Value::Char(_, letter) => Some(letter.to_string()),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => number
            .to_u128()
            .map(|number| number.to_string())
            .or_else(|| number.to_i128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string())),
        Value::Empty(..) | Value::Dict(..) | Value::Array(..) => None,
    }
}

/// The dotted names of everything that is not a table.
fn leaves(dict: &Dict) -> Vec<String> {
    let mut names = Vec::new();
    collect(dict, "", &mut names);
    names
}

fn collect(dict: &Dict, prefix: &str, names: &mut Vec<String>) {
    for (name, value) in dict {
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Dict(_, inner) if !inner.is_empty() && keys::find(&name).is_none() => collect(inner, &name, names),
            // A table that was opened and left empty holds nothing that is unknown.
            Value::Dict(..) | Value::Empty(..) if KEYS.iter().any(|key| is_below(key.name, &name)) => {}
            _ => names.push(name),
        }
    }
}
