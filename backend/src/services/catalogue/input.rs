//! What a request says of a service, and what it parses to.

use domain::{Description, Fields, Invalid, PathRule, ServiceKind, ServiceName, parse_path_rules};

/// A new service, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewServiceInput {
    /// As it stands in `/authz/{service}`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `http` (the default) or `model_gateway`.
    pub kind: Option<String>,
    /// The requests that it admits, each `/prefix` or `METHOD /prefix`; none admits all.
    pub path_prefixes: Vec<String>,
}

/// A new service, parsed.
#[derive(Debug, Clone)]
pub struct NewService {
    pub(super) name: ServiceName,
    pub(super) description: Option<Description>,
    pub(super) kind: ServiceKind,
    pub(super) rules: Vec<PathRule>,
}

impl NewServiceInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewService, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(ServiceName::parse(&self.name));
        let description = fields.take(Description::optional(self.description.as_deref().unwrap_or_default()));
        let kind = fields.take(self.kind.as_deref().map_or(Ok(ServiceKind::default()), str::parse));
        let rules = fields.take(parse_rules(&self.path_prefixes));
        let service = (|| {
            Some(NewService {
                name: name?,
                description: description?,
                kind: kind?,
                rules: rules?,
            })
        })();
        fields.with(service)
    }
}

/// Changes to a service: outer `None` keeps a field, inner `None` clears it (SPEC B5).
#[derive(Debug, Clone, Default)]
pub struct ServicePatchInput {
    /// Its name, which only changes while no team may use it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// `http` or `model_gateway`.
    pub kind: Option<String>,
    /// All the requests that it admits; an empty list admits all.
    pub path_prefixes: Option<Vec<String>>,
}

/// Changes to a service, parsed.
#[derive(Debug, Clone, Default)]
pub struct ServicePatch {
    pub(super) name: Option<ServiceName>,
    pub(super) description: Option<Option<Description>>,
    pub(super) kind: Option<ServiceKind>,
    pub(super) rules: Option<Vec<PathRule>>,
}

impl ServicePatchInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<ServicePatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(self.name.as_deref().map(ServiceName::parse).transpose());
        let description = fields.take(
            self.description
                .map(|text| Description::optional(text.as_deref().unwrap_or_default()))
                .transpose(),
        );
        let kind = fields.take(self.kind.as_deref().map(str::parse).transpose());
        let rules = fields.take(self.path_prefixes.as_deref().map(parse_rules).transpose());
        let patch = (|| {
            Some(ServicePatch {
                name: name?,
                description: description?,
                kind: kind?,
                rules: rules?,
            })
        })();
        fields.with(patch)
    }
}

/// As [`parse_path_rules`], and names the path that is wrong: a service may have many.
fn parse_rules(texts: &[String]) -> Result<Vec<PathRule>, Invalid> {
    if texts.len() > 1
        && let Some((text, invalid)) = texts
            .iter()
            .find_map(|text| PathRule::parse(text).err().map(|invalid| (text, invalid)))
    {
        let shown: String = text.trim().chars().take(60).collect();
        return Err(Invalid::new(
            "path_prefixes",
            format!("{} (one is not: '{shown}')", invalid.message),
        ));
    }
    parse_path_rules(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let input = NewServiceInput {
            name: "LLM service".into(),
            description: Some("x".repeat(501)),
            kind: Some("ftp".into()),
            path_prefixes: vec!["/v1".into(), "v2".into()],
        };
        let fields = input.parse().unwrap_err();
        let names: Vec<_> = fields.iter().map(|invalid| &*invalid.field).collect();
        assert_eq!(names, ["name", "description", "kind", "path_prefixes"]);
        assert!(fields[3].message.contains("'v2'"), "{}", fields[3]);
    }

    #[test]
    fn a_service_is_http_and_admits_everything_unless_said_otherwise() {
        let input = NewServiceInput {
            name: "llm-service".into(),
            ..NewServiceInput::default()
        };
        let service = input.parse().unwrap();
        assert_eq!((service.kind, service.rules), (ServiceKind::Http, vec![]));
    }
}
