//! Which resources there are: `/api`, `/apis`, what is below them, and `/version`.

use serde_json::{Value, json};

use crate::{GROUP, Kind, VERSION};

/// The group of `kubectl auth whoami`.
pub const AUTHENTICATION: &str = "authentication.k8s.io";
/// The group of `kubectl auth can-i`.
pub const AUTHORIZATION: &str = "authorization.k8s.io";

/// The verbs of our kinds.
const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];
/// The verbs of their `status`.
const STATUS_VERBS: [&str; 1] = ["get"];

/// A resource, as both forms of discovery tell it.
struct Resource {
    plural: &'static str,
    singular: &'static str,
    namespaced: bool,
    kind: &'static str,
    verbs: &'static [&'static str],
    short: &'static [&'static str],
    /// With `x/status`.
    status: bool,
}

const fn review(plural: &'static str, singular: &'static str, kind: &'static str) -> Resource {
    Resource {
        plural,
        singular,
        namespaced: false,
        kind,
        verbs: &["create"],
        short: &[],
        status: false,
    }
}

/// Groups with their version; core has no name.
const GROUPS: [(&str, &str); 4] = [
    ("", "v1"),
    (AUTHENTICATION, "v1"),
    (AUTHORIZATION, "v1"),
    (GROUP, VERSION),
];

fn resources_of(group: &str) -> Vec<Resource> {
    let read = &["get", "list"];
    match group {
        "" => vec![
            Resource {
                plural: "events",
                singular: "event",
                namespaced: true,
                kind: "Event",
                verbs: read,
                short: &["ev"],
                status: false,
            },
            Resource {
                plural: "namespaces",
                singular: "namespace",
                namespaced: false,
                kind: "Namespace",
                verbs: read,
                short: &["ns"],
                status: false,
            },
        ],
        AUTHENTICATION => vec![review("selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview")],
        AUTHORIZATION => vec![
            review(
                "selfsubjectaccessreviews",
                "selfsubjectaccessreview",
                "SelfSubjectAccessReview",
            ),
            review(
                "selfsubjectrulesreviews",
                "selfsubjectrulesreview",
                "SelfSubjectRulesReview",
            ),
        ],
        _ => (Kind::ALL.into_iter())
            .map(|kind| Resource {
                plural: kind.plural(),
                singular: kind.singular(),
                namespaced: true,
                kind: kind.name(),
                verbs: &VERBS,
                short: &[],
                status: true,
            })
            .collect(),
    }
}

/// `/api`: APIVersions.
pub fn core_versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

/// `/api/v1`: APIResourceList of core.
pub fn core_resources() -> Value {
    resources("", "v1")
}

/// `/apis`: APIGroupList.
pub fn groups() -> Value {
    let named = GROUPS.iter().skip(1);
    let groups: Vec<Value> = named.map(|(group, version)| group_of(group, version)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/{name}`: APIGroup; none if there is no such group.
pub fn group(name: &str) -> Option<Value> {
    let (name, version) = GROUPS.iter().find(|(group, _)| !group.is_empty() && *group == name)?;
    let mut group = group_of(name, version);
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Some(group)
}

/// `/apis/{group}/{version}`: APIResourceList; none if there is no such group and version.
pub fn group_resources(group: &str, version: &str) -> Option<Value> {
    let known = !group.is_empty() && GROUPS.contains(&(group, version));
    known.then(|| resources(group, version))
}

/// `/apis/auth.litellm.ai/v1alpha1`: APIResourceList of our kinds.
pub fn own_resources() -> Value {
    resources(GROUP, VERSION)
}

fn group_of(name: &str, version: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

fn resources(group: &str, version: &str) -> Value {
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let mut list = Vec::new();
    for resource in resources_of(group) {
        let mut told = json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": resource.verbs,
        });
        if !resource.short.is_empty() {
            told["shortNames"] = json!(resource.short);
        }
        list.push(told);
        if resource.status {
            list.push(json!({
                "name": format!("{}/status", resource.plural),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": STATUS_VERBS,
            }));
        }
    }
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list })
}

/// The version of aggregated discovery that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregated {
    /// `v=v2`: Kubernetes 1.30 and later.
    V2,
    /// `v=v2beta1`: Kubernetes 1.26 to 1.32.
    V2Beta1,
}

impl Aggregated {
    /// The first one in `Accept` before plain JSON; none if plain JSON is asked for.
    pub fn accepted(accept: &str) -> Option<Self> {
        for range in accept.split(',') {
            let parts: Vec<&str> = range.split(';').map(str::trim).collect();
            if parts.first() != Some(&"application/json") {
                continue;
            }
            let has = |parameter: &str| parts.contains(&parameter);
            if !has("as=APIGroupDiscoveryList") || !has("g=apidiscovery.k8s.io") {
                return None;
            }
            if has("v=v2") {
                return Some(Self::V2);
            }
            if has("v=v2beta1") {
                return Some(Self::V2Beta1);
            }
        }
        None
    }

    const fn version(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2Beta1 => "v2beta1",
        }
    }

    /// The answer's `Content-Type`: clients look for it.
    pub fn content_type(self) -> String {
        format!(
            "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList",
            self.version()
        )
    }

    /// `/api` in this form.
    pub fn core(self) -> Value {
        self.list(&GROUPS[..1])
    }

    /// `/apis` in this form.
    pub fn groups(self) -> Value {
        self.list(&GROUPS[1..])
    }

    fn list(self, groups: &[(&str, &str)]) -> Value {
        let items: Vec<Value> = groups
            .iter()
            .map(|(group, version)| discovered(group, version))
            .collect();
        json!({
            "kind": "APIGroupDiscoveryList",
            "apiVersion": format!("apidiscovery.k8s.io/{}", self.version()),
            "metadata": {},
            "items": items,
        })
    }
}

fn discovered(group: &str, version: &str) -> Value {
    let resource = |resource: Resource| {
        let kind = json!({ "group": group, "version": version, "kind": resource.kind });
        let mut told = json!({
            "resource": resource.plural,
            "responseKind": kind,
            "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": resource.singular,
            "verbs": resource.verbs,
        });
        if !resource.short.is_empty() {
            told["shortNames"] = json!(resource.short);
        }
        if resource.status {
            told["subresources"] = json!([{ "subresource": "status", "responseKind": kind, "verbs": STATUS_VERBS }]);
        }
        told
    };
    let resources: Vec<Value> = resources_of(group).into_iter().map(resource).collect();
    let mut metadata = json!({ "creationTimestamp": null });
    if !group.is_empty() {
        metadata["name"] = group.into();
    }
    json!({ "metadata": metadata, "versions": [{ "version": version, "resources": resources, "freshness": "Current" }] })
}

/// `/version`: the Kubernetes whose manners these are, and whose they are.
pub fn version(own: &str) -> Value {
    json!({
        "major": "1",
        "minor": "33",
        "gitVersion": format!("v1.33.0+guildhall-{own}"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{API_VERSION, review};

    fn names(list: &Value, key: &str) -> Vec<String> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|entry| entry[key].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn our_kinds_and_their_status_are_found() {
        let list = own_resources();
        assert_eq!(list["groupVersion"], API_VERSION);
        assert_eq!(
            names(&list["resources"], "name"),
            [
                "teams",
                "teams/status",
                "users",
                "users/status",
                "teammemberassociations",
                "teammemberassociations/status",
                "virtualkeys",
                "virtualkeys/status"
            ]
        );
        assert_eq!(list["resources"][0]["verbs"], json!(VERBS));
    }

    #[test]
    fn groups_are_found_by_name() {
        assert_eq!(
            names(&groups()["groups"], "name"),
            [AUTHENTICATION, AUTHORIZATION, GROUP]
        );
        assert_eq!(group(GROUP).unwrap()["preferredVersion"]["groupVersion"], API_VERSION);
        assert_eq!(
            group_resources(AUTHORIZATION, "v1").unwrap()["groupVersion"],
            review::API_VERSION
        );
        assert_eq!(names(&core_resources()["resources"], "name"), ["events", "namespaces"]);
        assert!(group("").is_none() && group("apps").is_none() && group_resources(GROUP, "v1").is_none());
    }

    #[test]
    fn aggregated_discovery_is_one_answer() {
        // What kubectl 1.32 and 1.27 send.
        let new = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                   application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        let old = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
        assert_eq!(Aggregated::accepted(new), Some(Aggregated::V2));
        assert_eq!(Aggregated::accepted(old), Some(Aggregated::V2Beta1));
        assert_eq!(Aggregated::accepted("application/json, */*"), None);
        let list = Aggregated::V2Beta1.groups();
        assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2beta1");
        let own = &list["items"][2]["versions"][0];
        assert_eq!(own["resources"][0]["subresources"][0]["subresource"], "status");
        assert_eq!(
            own["resources"][0]["responseKind"],
            json!({ "group": GROUP, "version": VERSION, "kind": "Team" })
        );
        assert_eq!(Aggregated::V2.core()["items"][0]["metadata"].get("name"), None);
    }
}
