//! `kubectl auth can-i` and `whoami`: SelfSubjectAccessReview and SelfSubjectRulesReview of authorization.k8s.io/v1, and
//! SelfSubjectReview of authentication.k8s.io/v1. Bodies are JSON or, from kubectl 1.33, protobuf; answers are JSON.

use serde_json::{Value, json};

use crate::{Failure, decode, protobuf};

/// Group and version.
pub const API_VERSION: &str = "authorization.k8s.io/v1";
/// What Kubernetes' protobuf begins with.
const MAGIC: &[u8] = b"k8s\0";

/// What somebody asks whether they may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Empty for all namespaces.
    pub namespace: String,
    /// `get`, `create`, `*`
    pub verb: String,
    /// The API group; empty for core.
    pub group: String,
    /// The version, or `*` or nothing for any.
    pub version: String,
    /// `teams`
    pub resource: String,
    /// `status`
    pub subresource: String,
    /// Empty for all names.
    pub name: String,
    /// A path that is no resource, such as `/version`.
    pub path: Option<String>,
}

/// Reads a SelfSubjectAccessReview.
pub fn access(body: &[u8]) -> Result<Access, Failure> {
    let access = match raw(body, "SelfSubjectAccessReview")? {
        Some(message) => from_protobuf(message).ok_or_else(broken)?,
        None => from_json(&decoded(body, "SelfSubjectAccessReview")?["spec"]),
    };
    if access.path.is_none() && access.resource.is_empty() {
        let rule = "spec: exactly one of resourceAttributes and nonResourceAttributes must be set";
        return Err(Failure::bad_request(rule));
    }
    Ok(access)
}

/// The answer: `reason` says why.
pub fn answer(access: &Access, allowed: bool, reason: &str) -> Value {
    let spec = match &access.path {
        Some(path) => json!({ "nonResourceAttributes": { "path": path, "verb": access.verb } }),
        None => json!({ "resourceAttributes": {
            "namespace": access.namespace,
            "verb": access.verb,
            "group": access.group,
            "version": access.version,
            "resource": access.resource,
            "subresource": access.subresource,
            "name": access.name,
        } }),
    };
    json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": API_VERSION,
        "metadata": { "creationTimestamp": null },
        "spec": spec,
        "status": { "allowed": allowed, "reason": reason },
    })
}

/// Reads a SelfSubjectRulesReview: the namespace that it asks about.
pub fn rules(body: &[u8]) -> Result<String, Failure> {
    match raw(body, "SelfSubjectRulesReview")? {
        Some(message) => {
            let spec = part(message, 2).ok_or_else(broken)?;
            text(spec, 1).ok_or_else(broken)
        }
        None => {
            let body = decoded(body, "SelfSubjectRulesReview")?;
            Ok(body["spec"]["namespace"].as_str().unwrap_or_default().to_owned())
        }
    }
}

/// What somebody may do with some resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The API group.
    pub group: String,
    /// The resources, plural.
    pub resources: Vec<String>,
    /// The verbs.
    pub verbs: Vec<String>,
}

/// The answer to [`rules`]. Incomplete says that more may be allowed for single objects.
pub fn rules_answer(namespace: &str, rules: &[Rule], incomplete: bool) -> Value {
    let rule = |rule: &Rule| json!({ "verbs": rule.verbs, "apiGroups": [rule.group], "resources": rule.resources });
    let resource_rules: Vec<Value> = rules.iter().map(rule).collect();
    json!({
        "kind": "SelfSubjectRulesReview",
        "apiVersion": API_VERSION,
        "metadata": { "creationTimestamp": null },
        "spec": { "namespace": namespace },
        "status": { "resourceRules": resource_rules, "nonResourceRules": [], "incomplete": incomplete },
    })
}

/// Reads a SelfSubjectReview, which asks nothing but who asks.
pub fn whoami(body: &[u8]) -> Result<(), Failure> {
    match raw(body, "SelfSubjectReview")? {
        Some(_) => Ok(()),
        None => decoded(body, "SelfSubjectReview").map(drop),
    }
}

/// The answer to [`whoami`].
pub fn whoami_answer(name: &str, uid: &str, groups: &[String]) -> Value {
    json!({
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "creationTimestamp": null },
        "status": { "userInfo": { "username": name, "uid": uid, "groups": groups } },
    })
}

fn decoded(body: &[u8], kind: &str) -> Result<Value, Failure> {
    let (body, _) = decode::json(body)?;
    match body["kind"].as_str() {
        None | Some("") => Ok(body),
        Some(word) if word == kind => Ok(body),
        Some(word) => Err(Failure::bad_request(format!("the body must be a {kind}, not {word}"))),
    }
}

fn from_json(spec: &Value) -> Access {
    let resource = &spec["resourceAttributes"];
    let other = &spec["nonResourceAttributes"];
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    if other.is_object() && !resource.is_object() {
        return Access {
            verb: text(other, "verb"),
            path: Some(text(other, "path")),
            ..Access::default()
        };
    }
    Access {
        namespace: text(resource, "namespace"),
        verb: text(resource, "verb"),
        group: text(resource, "group"),
        version: text(resource, "version"),
        resource: text(resource, "resource"),
        subresource: text(resource, "subresource"),
        name: text(resource, "name"),
        path: None,
    }
}

/// `generated.proto` of k8s.io/api/authorization/v1: spec is 2; resourceAttributes is 1 and nonResourceAttributes 2.
fn from_protobuf(message: &[u8]) -> Option<Access> {
    let spec = part(message, 2)?;
    let (resource, other) = (part(spec, 1)?, part(spec, 2)?);
    if resource.is_empty() && !other.is_empty() {
        return Some(Access {
            path: Some(text(other, 1)?),
            verb: text(other, 2)?,
            ..Access::default()
        });
    }
    Some(Access {
        namespace: text(resource, 1)?,
        verb: text(resource, 2)?,
        group: text(resource, 3)?,
        version: text(resource, 4)?,
        resource: text(resource, 5)?,
        subresource: text(resource, 6)?,
        name: text(resource, 7)?,
        path: None,
    })
}

/// The message in `runtime.Unknown` (typeMeta 1, raw 2), if the body is protobuf.
fn raw<'a>(body: &'a [u8], kind: &str) -> Result<Option<&'a [u8]>, Failure> {
    let Some(unknown) = body.strip_prefix(MAGIC) else {
        return Ok(None);
    };
    let fields = protobuf::read(unknown).ok_or_else(broken)?;
    let word = text(protobuf::field(&fields, 1).unwrap_or_default(), 2).ok_or_else(broken)?;
    if word != kind {
        return Err(Failure::bad_request(format!("the body must be a {kind}, not {word}")));
    }
    Ok(Some(protobuf::field(&fields, 2).unwrap_or_default()))
}

/// A message in a message; empty if it is not there.
fn part(message: &[u8], number: u64) -> Option<&[u8]> {
    Some(protobuf::field(&protobuf::read(message)?, number).unwrap_or_default())
}

fn text(message: &[u8], number: u64) -> Option<String> {
    String::from_utf8(part(message, number)?.to_vec()).ok()
}

fn broken() -> Failure {
    Failure::bad_request("the body is not valid protobuf")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, bytes) in fields {
            protobuf::put(&mut out, *number, bytes);
        }
        out
    }

    fn unknown(kind: &str, spec: &[u8]) -> Vec<u8> {
        let meta = message(&[(1, b"authorization.k8s.io/v1"), (2, kind.as_bytes())]);
        let review = message(&[(1, b""), (2, spec), (3, b"")]);
        let mut body = MAGIC.to_vec();
        body.extend(message(&[(1, &meta), (2, &review), (3, b""), (4, b"")]));
        body
    }

    fn create_teams() -> Access {
        Access {
            namespace: "acme".to_owned(),
            verb: "create".to_owned(),
            group: "auth.litellm.ai".to_owned(),
            version: "*".to_owned(),
            resource: "teams".to_owned(),
            ..Access::default()
        }
    }

    #[test]
    fn can_i_asks_in_json() {
        let body = br#"{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{"creationTimestamp":null},
            "spec":{"resourceAttributes":{"namespace":"acme","verb":"create","group":"auth.litellm.ai","version":"*",
            "resource":"teams"}},"status":{"allowed":false}}"#;
        assert_eq!(access(body).unwrap(), create_teams());
        let answer = answer(&create_teams(), true, "an organization's admin");
        assert_eq!(answer["status"]["allowed"], true);
        assert_eq!(from_json(&answer["spec"]), create_teams());
    }

    #[test]
    fn can_i_asks_in_protobuf() {
        let resource = message(&[
            (1, b"acme"),
            (2, b"create"),
            (3, b"auth.litellm.ai"),
            (4, b"*"),
            (5, b"teams"),
            (6, b""),
            (7, b""),
        ]);
        let body = unknown("SelfSubjectAccessReview", &message(&[(1, &resource)]));
        assert_eq!(access(&body).unwrap(), create_teams());
        let path = unknown(
            "SelfSubjectAccessReview",
            &message(&[(2, &message(&[(1, b"/version"), (2, b"get")]))]),
        );
        let access = access(&path).unwrap();
        assert_eq!(
            (access.path.as_deref(), access.verb.as_str()),
            (Some("/version"), "get")
        );
        assert_eq!(
            rules(&unknown("SelfSubjectRulesReview", &message(&[(1, b"acme")]))).unwrap(),
            "acme"
        );
    }

    #[test]
    fn what_is_no_review_is_400() {
        let truncated = &unknown("SelfSubjectAccessReview", b"xyz")[..20];
        let other = unknown("TokenReview", b"");
        for body in [
            &b"{"[..],
            b"{}",
            br#"{"kind":"TokenReview"}"#,
            truncated,
            &other,
            b"k8s\0\xff",
        ] {
            assert_eq!(access(body).unwrap_err().reason, Reason::BadRequest);
        }
    }

    #[test]
    fn rules_are_listed() {
        let body = br#"{"kind":"SelfSubjectRulesReview","spec":{"namespace":"acme"}}"#;
        assert_eq!(rules(body).unwrap(), "acme");
        let rule = Rule {
            group: "auth.litellm.ai".to_owned(),
            resources: vec!["teams".to_owned()],
            verbs: vec!["get".to_owned()],
        };
        let answer = rules_answer("acme", &[rule], false);
        assert_eq!(
            answer["status"]["resourceRules"][0]["apiGroups"],
            json!(["auth.litellm.ai"])
        );
    }
}
