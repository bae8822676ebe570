//! May I, and who am I? `kubectl auth can-i`, answered by the one permission table, and `kubectl auth whoami`.

use backend::{
    Principal,
    objects::{self, Namespace, Verb},
};
use domain::OrganizationId;
use http::StatusCode;
use kubernetes::{
    GROUP, Kind, VERSION,
    discovery::AUTHORIZATION,
    review::{self, Access, Rule},
};

use super::{
    accept,
    answer::{self, Answer},
    call::Call,
};

/// Words of Kubernetes and what they are here.
const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Read, &["get", "list", "watch"]),
    (Verb::Create, &["create"]),
    (Verb::Change, &["update", "patch"]),
    (Verb::Delete, &["delete"]),
];

/// `POST …/selfsubjectaccessreviews`
pub(super) async fn access(call: Call, bytes: &[u8]) -> Answer {
    accept::require_json(&call.headers)?;
    let question = review::access(bytes)?;
    let (allowed, reason) = match asked(&question) {
        Err(reason) => (false, reason),
        Ok((kinds, verbs)) => {
            let mut ctx = call.read().await?;
            let namespace = Some(question.namespace.as_str()).filter(|namespace| !namespace.is_empty());
            let mut allowed = true;
            for kind in kinds {
                for verb in &verbs {
                    allowed = allowed && objects::may(&mut ctx, namespace, kind, *verb).await?;
                }
            }
            let reason = if allowed {
                ""
            } else {
                "Guildhall's permissions say so: docs/PERMISSIONS.md"
            };
            (allowed, reason.to_owned())
        }
    };
    let said = review::answer(&question, allowed, &reason);
    Ok(answer::json(StatusCode::CREATED, &said))
}

/// `POST …/selfsubjectrulesreviews`
pub(super) async fn rules(call: Call, bytes: &[u8]) -> Answer {
    accept::require_json(&call.headers)?;
    let namespace = review::rules(bytes)?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut ctx = call.read().await?;
    let mut rules = Vec::new();
    let whole = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
    for kind in Kind::ALL {
        let mut verbs = Vec::new();
        for (verb, names) in VERBS {
            if objects::may(&mut ctx, whole, kind, *verb).await? {
                verbs.extend(words(names));
            }
        }
        if !verbs.is_empty() {
            rules.push(Rule {
                group: GROUP.to_owned(),
                resources: words(&[kind.plural()]),
                verbs,
            });
        }
    }
    rules.push(Rule {
        group: String::new(),
        resources: words(&["namespaces", "events"]),
        verbs: words(&["get", "list"]),
    });
    rules.push(Rule {
        group: AUTHORIZATION.to_owned(),
        resources: words(&["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
        verbs: words(&["create"]),
    });
    // A team's admin may change that team only, which no rule of this form can say.
    let said = review::rules_answer(&namespace, &rules, true);
    Ok(answer::json(StatusCode::CREATED, &said))
}

/// `POST …/selfsubjectreviews`
pub(super) async fn whoami(call: Call, bytes: &[u8]) -> Answer {
    accept::require_json(&call.headers)?;
    review::whoami(bytes)?;
    let mut ctx = call.read().await?;
    let person = ctx.person().map_err(|error| answer::failure(error, None))?.clone();
    let namespaces = objects::namespaces(&mut ctx).await?;
    drop(ctx);
    let said = review::whoami_answer(&person.email, &person.id.to_string(), &groups(&person, &namespaces));
    Ok(answer::json(StatusCode::CREATED, &said))
}

/// What somebody is, as groups: roles in the installation, in organizations and in teams.
fn groups(person: &Principal, namespaces: &[Namespace]) -> Vec<String> {
    let slug = |organization: OrganizationId| {
        let known = namespaces.iter().find(|namespace| namespace.uid == organization.0);
        known.map(|namespace| namespace.name.as_str())
    };
    let whole = [("super_admin", person.super_admin), ("auditor", person.auditor)];
    let mut groups: Vec<String> = (whole.into_iter())
        .filter(|(_, held)| *held)
        .map(|(role, _)| role.to_owned())
        .collect();
    groups.extend(
        (person.organizations.iter())
            .filter_map(|(id, role)| Some(format!("organization:{}:{}", slug(*id)?, role.as_str()))),
    );
    let teams = person.teams.iter();
    groups.extend(teams.filter_map(|team| {
        let namespace = slug(team.organization_id)?;
        Some(format!("team:{namespace}/{}:{}", team.slug, team.role.as_str()))
    }));
    groups.push("system:authenticated".to_owned());
    groups
}

/// The kinds and verbs of a question, or why the answer is no.
fn asked(question: &Access) -> Result<(Vec<Kind>, Vec<Verb>), String> {
    if question.path.is_some() {
        return Err("Guildhall answers for objects only".to_owned());
    }
    if question.group != GROUP {
        return Err(format!("Guildhall serves {GROUP}, not {:?}", question.group));
    }
    if !matches!(question.version.as_str(), "" | "*" | VERSION) {
        return Err(format!("there is no version {:?}", question.version));
    }
    let kinds = match question.resource.as_str() {
        "*" => Kind::ALL.to_vec(),
        plural => vec![Kind::from_plural(plural).ok_or_else(|| format!("there is no resource {plural:?}"))?],
    };
    let verbs = match question.verb.as_str() {
        "*" => VERBS.iter().map(|(verb, _)| *verb).collect(),
        word => {
            let found = VERBS.iter().find(|(_, words)| words.contains(&word));
            vec![
                found
                    .map(|(verb, _)| *verb)
                    .ok_or_else(|| format!("nobody may {word}"))?,
            ]
        }
    };
    match question.subresource.as_str() {
        "" => Ok((kinds, verbs)),
        // It can be read only, and `get` is all that can be asked of it.
        "status" if question.verb == "get" => Ok((kinds, verbs)),
        _ => Err("of objects only their status can be read by itself".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_what_there_is() {
        let ask = |group: &str, resource: &str, verb: &str, subresource: &str| {
            asked(&Access {
                group: group.to_owned(),
                resource: resource.to_owned(),
                verb: verb.to_owned(),
                subresource: subresource.to_owned(),
                ..Access::default()
            })
        };
        assert_eq!(
            ask(GROUP, "teams", "patch", ""),
            Ok((vec![Kind::Team], vec![Verb::Change]))
        );
        assert_eq!(
            ask(GROUP, "teams", "get", "status"),
            Ok((vec![Kind::Team], vec![Verb::Read]))
        );
        let everything = ask(GROUP, "*", "*", "").map(|(kinds, verbs)| (kinds.len(), verbs.len()));
        assert_eq!(everything, Ok((4, 4)));
        for (group, resource, verb, subresource) in [
            ("", "pods", "get", ""),
            ("*", "teams", "get", ""),
            (GROUP, "pods", "get", ""),
            (GROUP, "teams", "deletecollection", ""),
            (GROUP, "teams", "patch", "status"),
        ] {
            assert!(
                ask(group, resource, verb, subresource).is_err(),
                "{group} {resource} {verb}"
            );
        }
    }
}
