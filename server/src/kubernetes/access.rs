//! May I? `kubectl auth can-i`, answered by the one permission table.

use backend::objects::{self, Verb};
use http::StatusCode;
use kubernetes::{Failure, GROUP, Kind, Reason};
use serde_json::{Value, json};

use super::{
    accept,
    answer::{self, Answer},
    body::{self, Media},
    call::Call,
    protobuf,
};

const REVIEWS: &str = "authorization.k8s.io/v1";

/// What somebody wants to know.
#[derive(Debug, Default)]
struct Question {
    namespace: String,
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    /// It is about a path and not about objects.
    path: bool,
}

/// `POST …/selfsubjectaccessreviews`
pub(super) async fn access(call: Call, bytes: &[u8]) -> Answer {
    accept::require_json(&call.headers)?;
    let question = question(&call, bytes)?;
    let mut ctx = call.read().await?;
    let (allowed, reason) = match asked(&question) {
        Err(reason) => (false, reason),
        Ok((kinds, verbs)) => {
            let namespace = Some(question.namespace.as_str()).filter(|namespace| !namespace.is_empty());
            let mut allowed = true;
            for kind in &kinds {
                for verb in &verbs {
                    allowed = allowed && objects::may(&mut ctx, namespace, *kind, *verb).await?;
                }
            }
            let reason = if allowed { String::new() } else { "by the permissions of Guildhall (docs/PERMISSIONS.md)".to_owned() };
            (allowed, reason)
        }
    };
    let value = json!({
        "apiVersion": REVIEWS,
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": {
            "namespace": question.namespace,
            "verb": question.verb,
            "group": question.group,
            "resource": question.resource,
            "subresource": question.subresource,
        }},
        "status": {"allowed": allowed, "reason": reason},
    });
    Ok(answer::json(StatusCode::CREATED, &value))
}

/// `POST …/selfsubjectrulesreviews`
pub(super) async fn rules(call: Call, bytes: &[u8]) -> Answer {
    accept::require_json(&call.headers)?;
    let namespace = match body::media(&call.headers)? {
        Media::Protobuf => protobuf::review(bytes, true).ok_or_else(unreadable)?.namespace,
        media => text(&body::value(media, bytes)?["spec"]["namespace"]),
    };
    let mut ctx = call.read().await?;
    let mut rules = vec![json!({
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    })];
    let whole = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let mut reads = false;
    for kind in Kind::ALL {
        let mut verbs: Vec<&str> = Vec::new();
        for (verb, words) in VERBS {
            if objects::may(&mut ctx, whole, kind, *verb).await? {
                verbs.extend(*words);
                reads = reads || *verb == Verb::Read;
            }
        }
        if !verbs.is_empty() {
            rules.push(json!({"verbs": verbs, "apiGroups": [GROUP], "resources": [kind.plural()]}));
        }
    }
    if reads {
        rules.push(json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["namespaces", "events"]}));
    }
    let value = json!({
        "apiVersion": REVIEWS,
        "kind": "SelfSubjectRulesReview",
        "metadata": {},
        "spec": {"namespace": namespace},
        "status": {
            "resourceRules": rules,
            "nonResourceRules": [{
                "verbs": ["get"],
                "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi/*", "/version", "/healthz", "/livez", "/readyz"],
            }],
            // Single objects may still be refused, or allowed: a team's admin changes that team only.
            "incomplete": true,
            "evaluationError": "rules are per object: ask `kubectl auth can-i` for one kind and verb",
        },
    });
    Ok(answer::json(StatusCode::CREATED, &value))
}

const VERBS: &[(Verb, &[&str])] = &[
    (Verb::Read, &["get", "list", "watch"]),
    (Verb::Create, &["create"]),
    (Verb::Change, &["update", "patch"]),
    (Verb::Delete, &["delete"]),
];

fn question(call: &Call, bytes: &[u8]) -> Result<Question, Failure> {
    let media = body::media(&call.headers)?;
    if media == Media::Protobuf {
        let review = protobuf::review(bytes, false).ok_or_else(unreadable)?;
        let Some(mut texts) = review.resource else {
            return path_only(review.non_resource);
        };
        let mut take = |number: u64| texts.remove(&number).unwrap_or_default();
        return Ok(Question {
            namespace: take(1),
            verb: take(2),
            group: take(3),
            resource: take(5),
            subresource: take(6),
            path: false,
        });
    }
    let value = body::value(media, bytes)?;
    let attributes = &value["spec"]["resourceAttributes"];
    if !attributes.is_object() {
        return path_only(value["spec"]["nonResourceAttributes"].is_object());
    }
    Ok(Question {
        namespace: text(&attributes["namespace"]),
        verb: text(&attributes["verb"]),
        group: text(&attributes["group"]),
        resource: text(&attributes["resource"]),
        subresource: text(&attributes["subresource"]),
        path: false,
    })
}

fn path_only(is_there: bool) -> Result<Question, Failure> {
    if !is_there {
        return Err(Failure::new(
            Reason::Invalid,
            "spec: Invalid value: exactly one of resourceAttributes or nonResourceAttributes must be specified",
        ));
    }
    Ok(Question {
        path: true,
        ..Question::default()
    })
}

/// The kinds and verbs of a question, or why the answer is no.
fn asked(question: &Question) -> Result<(Vec<Kind>, Vec<Verb>), String> {
    if question.path {
        return Err("Guildhall answers for objects only".to_owned());
    }
    if question.group != GROUP && question.group != "*" {
        return Err(format!("Guildhall serves {GROUP}, not {:?}", question.group));
    }
    if question.group == "*" {
        return Err("Guildhall serves one group, not all of them".to_owned());
    }
    let kinds = match question.resource.as_str() {
        "*" => Kind::ALL.to_vec(),
        plural => vec![Kind::from_plural(plural).ok_or_else(|| format!("there is no resource {plural:?}"))?],
    };
    let verbs = match question.verb.as_str() {
        "get" | "list" | "watch" => vec![Verb::Read],
        "create" => vec![Verb::Create],
        "update" | "patch" => vec![Verb::Change],
        "delete" => vec![Verb::Delete],
        "*" => vec![Verb::Read, Verb::Create, Verb::Change, Verb::Delete],
        other => return Err(format!("nobody may {other}")),
    };
    match question.subresource.as_str() {
        "" => Ok((kinds, verbs)),
        "status" if verbs == [Verb::Read] => Ok((kinds, verbs)),
        _ => Err("only the status of objects can be read by itself".to_owned()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn unreadable() -> Failure {
    Failure::bad_request("the body is no review in protobuf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_what_there_is() {
        let ask = |group: &str, resource: &str, verb: &str, subresource: &str| {
            asked(&Question {
                group: group.to_owned(),
                resource: resource.to_owned(),
                verb: verb.to_owned(),
                subresource: subresource.to_owned(),
                ..Question::default()
            })
        };
        assert_eq!(ask(GROUP, "teams", "patch", ""), Ok((vec![Kind::Team], vec![Verb::Change])));
        assert_eq!(ask(GROUP, "teams", "list", "status"), Ok((vec![Kind::Team], vec![Verb::Read])));
        assert_eq!(ask(GROUP, "*", "*", "").map(|(kinds, verbs)| (kinds.len(), verbs.len())), Ok((4, 4)));
        for (group, resource, verb, subresource) in [
            ("", "pods", "get", ""),
            ("*", "teams", "get", ""),
            (GROUP, "pods", "get", ""),
            (GROUP, "teams", "deletecollection", ""),
            (GROUP, "teams", "patch", "status"),
        ] {
            assert!(ask(group, resource, verb, subresource).is_err(), "{group} {resource} {verb}");
        }
    }
}
