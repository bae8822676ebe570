//! The rows of a policy, as a request gives them, read against the catalogue.

use std::collections::HashMap;

use domain::{Fields, Invalid, Reason, ServiceId, ServiceName, views::ServiceChoice};

use super::AllowInput;
use crate::services::catalogue::MAX_SERVICES;

/// Reads the rows of a policy against the catalogue; every row that is wrong is named by its place.
pub(super) fn parse(
    rows: &[AllowInput],
    choices: &[ServiceChoice],
    organization: &str,
) -> Result<HashMap<ServiceId, String>, Vec<Invalid>> {
    let most = usize::try_from(MAX_SERVICES).unwrap_or(usize::MAX);
    if rows.len() > most {
        let rule = format!("must be at most {MAX_SERVICES} services");
        return Err(vec![Invalid::new("allowed_services", rule)]);
    }
    let known: HashMap<&str, ServiceId> = choices.iter().map(|choice| (choice.name.as_str(), choice.id)).collect();
    let mut fields = Fields::new();
    let mut wanted = HashMap::with_capacity(rows.len());
    let mut first = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let field = |name: &str| format!("allowed_services[{index}].{name}");
        let reason =
            fields.take(Reason::parse(&row.reason).map_err(|wrong| Invalid::new(field("reason"), wrong.message)));
        let name = ServiceName::parse(&row.service).map_err(|wrong| Invalid::new(field("service"), wrong.message));
        let Some(name) = fields.take(name) else { continue };
        let Some(id) = known.get(name.as_str()) else {
            fields.push(Invalid::new(
                field("service"),
                unknown(&name, organization, known.keys()),
            ));
            continue;
        };
        if let Some(earlier) = first.insert(*id, index) {
            let rule = format!("must not be there twice: '{name}' is allowed_services[{earlier}] too");
            fields.push(Invalid::new(field("service"), rule));
        }
        if let Some(reason) = reason {
            wanted.insert(*id, reason.into());
        }
    }
    fields.with(Some(wanted))
}

/// What is wrong with a service that the catalogue does not have, with the name that was perhaps meant.
fn unknown<'a>(name: &ServiceName, organization: &str, known: impl Iterator<Item = &'a &'a str>) -> String {
    let nearest = known
        .map(|known| (strsim::normalized_damerau_levenshtein(name.as_str(), known), *known))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|(left, one), (right, other)| left.total_cmp(right).then_with(|| other.cmp(one)));
    let hint = nearest.map_or_else(String::new, |(_, known)| format!("; did you mean '{known}'?"));
    format!("must be in the catalogue of {organization}: there is no '{name}'{hint}")
}

#[cfg(test)]
mod tests {
    use domain::ServiceKind;
    use uuid::Uuid;

    use super::*;

    fn catalogue() -> Vec<ServiceChoice> {
        ["analytics", "auto-rater", "llm-service"]
            .into_iter()
            .map(|name| ServiceChoice {
                id: ServiceId(Uuid::now_v7()),
                name: name.to_owned(),
                description: None,
                kind: ServiceKind::Http,
                created_at: chrono::DateTime::UNIX_EPOCH,
                allowed: None,
            })
            .collect()
    }

    fn wrong(rows: &[(&str, &str)]) -> Vec<String> {
        let rows: Vec<AllowInput> = rows
            .iter()
            .map(|(service, reason)| AllowInput {
                service: (*service).to_owned(),
                reason: (*reason).to_owned(),
            })
            .collect();
        match parse(&rows, &catalogue(), "Acme") {
            Ok(_) => Vec::new(),
            Err(fields) => fields.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn d9_each_service_needs_its_reason() {
        assert_eq!(wrong(&[("analytics", "reports")]), Vec::<String>::new());
        let found = wrong(&[
            ("analytics", "reports"),
            ("llm-service", "  "),
            ("auto-rater", &"x".repeat(501)),
        ]);
        assert_eq!(
            found,
            [
                "allowed_services[1].reason: must be 1 to 500 characters",
                "allowed_services[2].reason: must be 1 to 500 characters"
            ]
        );
    }

    #[test]
    fn rows_that_are_wrong_are_named_with_what_was_meant() {
        let found = wrong(&[
            ("analitics", "a"),
            ("llm-service", "b"),
            ("llm-service", "c"),
            ("zzz", ""),
            ("No Name", "d"),
        ]);
        assert_eq!(
            found[..4],
            [
                "allowed_services[0].service: must be in the catalogue of Acme: there is no 'analitics'; did you mean 'analytics'?",
                "allowed_services[2].service: must not be there twice: 'llm-service' is allowed_services[1] too",
                "allowed_services[3].reason: must be 1 to 500 characters",
                "allowed_services[3].service: must be in the catalogue of Acme: there is no 'zzz'",
            ]
        );
        assert!(
            found[4].starts_with("allowed_services[4].service: must be 1 to 63 lowercase"),
            "{found:?}"
        );
        assert_eq!(found.len(), 5);
    }
}
