//! LiteLLM's proxies: a default one by name, and more in a list (SPEC X14).

use std::collections::{BTreeMap, BTreeSet};

use integrations::litellm;
use secrecy::SecretString;

use super::{read_secret, secret_or_file, source::Source};

/// A proxy, as configured.
#[derive(Debug, Clone)]
pub struct LiteLlmInstance {
    /// The namespace that manifests name it in.
    pub namespace: String,
    /// Whether teams that name no instance are on this one.
    pub is_default: bool,
    /// Its name, address and master key.
    pub client: litellm::Config,
}

const LIST: &str = "litellm.instances";
const FIELDS: &[&str] = &[
    "name",
    "namespace",
    "url",
    "master_key",
    "master_key_env",
    "master_key_file",
];

/// Reads all of them. Without `litellm.url` the first of the list is the default one.
pub(super) fn read(source: &mut Source) -> Vec<LiteLlmInstance> {
    let mut instances: Vec<_> = read_default(source).into_iter().collect();
    for table in source.tables(LIST, FIELDS) {
        instances.extend(read_one(source, &table));
    }
    if let Some(first) = instances.first_mut() {
        first.is_default = true;
    }
    let mut names = BTreeSet::new();
    for instance in &instances {
        if !names.insert(instance.client.name.clone()) {
            source.reject(LIST, &format!("the name `{}` is there twice", instance.client.name));
        }
        if let Err(error) = litellm::LiteLlm::new(instance.client.clone()) {
            source.reject("litellm.url", &format!("{}: {error}", instance.client.name));
        }
    }
    instances
}

fn read_default(source: &mut Source) -> Option<LiteLlmInstance> {
    let url = source.text("litellm.url");
    let key = secret_or_file(source, "litellm.master_key", "litellm.master_key_file");
    let name = source.text("litellm.instance_name");
    let namespace = source.text("litellm.instance_namespace");
    match (url, key) {
        (Some(url), Some(key)) => Some(instance(
            source,
            name.unwrap_or_else(|| "litellm-example".to_owned()),
            namespace.unwrap_or_else(|| "litellm".to_owned()),
            url,
            key,
        )),
        (Some(_), None) => {
            source.reject("litellm.master_key", "must be set together with `litellm.url`");
            None
        }
        (None, Some(_)) => {
            source.reject("litellm.url", "must be set together with `litellm.master_key`");
            None
        }
        (None, None) => None,
    }
}

fn read_one(source: &mut Source, table: &BTreeMap<String, String>) -> Option<LiteLlmInstance> {
    let text = |field: &str| table.get(field).cloned();
    let (Some(name), Some(url)) = (text("name"), text("url")) else {
        source.reject(LIST, "each entry needs `name` and `url`");
        return None;
    };
    let keys = [text("master_key"), text("master_key_env"), text("master_key_file")];
    let key = match keys {
        [Some(key), None, None] => Some(SecretString::from(key)),
        [None, Some(variable), None] => {
            let key = source.variable(&variable).filter(|key| !key.trim().is_empty());
            if key.is_none() {
                source.reject(LIST, &format!("`{name}`: the variable {variable} is not set"));
            }
            key.map(SecretString::from)
        }
        [None, None, Some(file)] => read_secret(source, LIST, &file),
        _ => {
            source.reject(
                LIST,
                &format!("`{name}` needs one of `master_key`, `master_key_env` and `master_key_file`"),
            );
            None
        }
    };
    let namespace = text("namespace").unwrap_or_else(|| "litellm".to_owned());
    Some(instance(source, name, namespace, url, key?))
}

fn instance(source: &mut Source, name: String, namespace: String, url: String, key: SecretString) -> LiteLlmInstance {
    let is_name = |text: &str| {
        (1..=63).contains(&text.len())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    for text in [&name, &namespace] {
        if !is_name(text) {
            source.reject(
                LIST,
                &format!("`{text}` must be 1 to 63 lower-case letters, digits or hyphens"),
            );
        }
    }
    LiteLlmInstance {
        namespace,
        is_default: false,
        client: litellm::Config::new(name, url, key),
    }
}
