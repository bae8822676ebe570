//! Where settings come from: the file, then the environment, which wins.

use std::{collections::BTreeMap, fmt::Display, path::Path, str::FromStr};

use figment::{
    Figment, Provider as _,
    providers::{Format as _, Serialized, Yaml},
    value::{Dict, Value},
};

use super::keys::{self, KEYS, Key};

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
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        for tree in data.into_values() {
            for name in leaves(&tree) {
                if keys::find(&name).is_none() {
                    let hint = keys::nearest(&name, known.iter().copied());
                    self.errors.push(format!(
                        "{}: unknown key `{name}`{}",
                        file.display(),
                        did_you_mean(hint)
                    ));
                }
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
            let figment = std::mem::take(&mut self.figment);
            self.figment = figment.merge(Serialized::default(key.name, value));
        }
    }

    /// The text of a key, if it is set.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        debug_assert!(keys::find(name).is_some(), "{name} is not in the table");
        match self.figment.find_value(name).ok()? {
            Value::Empty(..) => None,
            Value::Array(_, items) => Some(items.into_iter().filter_map(scalar).collect::<Vec<_>>().join(",")),
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
        let text = self.text(name)?;
        let mut values = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.reject(name, &format!("{error} (it is `{part}`)")),
            }
        }
        Some(values)
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
                self.reject(name, &format!("entry {place} must be a table"));
                continue;
            };
            let mut table = BTreeMap::new();
            for (field, value) in dict {
                if !known.contains(&field.as_str()) {
                    let hint = did_you_mean(keys::nearest(&field, known.iter().copied()));
                    self.reject(name, &format!("entry {place} has an unknown key `{field}`{hint}"));
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

    /// Notes that a key's value will not do.
    pub fn reject(&mut self, name: &'static str, why: &str) {
        let env = keys::find(name).map(Key::env).unwrap_or_default();
        self.errors.push(format!("`{name}` ({env}): {why}"));
    }
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
            Value::Dict(..) | Value::Empty(..) if KEYS.iter().any(|key| key.name.starts_with(&format!("{name}."))) => {}
            _ => names.push(name),
        }
    }
}
