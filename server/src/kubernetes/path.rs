//! What the addresses of the Kubernetes API mean.

use kubernetes::{
    GROUP, Kind, VERSION,
    discovery::{AUTHENTICATION, AUTHORIZATION},
};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `/healthz`, `/livez`, `/readyz` and what stands below them.
    Health,
    /// `/version`
    Version,
    /// `/api`, `/apis` and what tells of groups and resources.
    Discovery(Discovery),
    /// `/openapi/v2`
    OpenApiV2,
    /// `/openapi/v3`
    OpenApiIndex,
    /// `/openapi/v3/…`: what follows.
    OpenApiV3(String),
    /// `/api/v1/namespaces`, with a name.
    Namespaces(Option<String>),
    /// `/api/v1/events`, or those of a namespace.
    Events(Option<String>),
    /// Objects of a kind.
    Objects(Objects),
    /// `/apis/authentication.k8s.io/v1/…` and `/apis/authorization.k8s.io/v1/…`
    Review(Review),
}

/// Which document of discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discovery {
    /// `/api`
    Core,
    /// `/api/v1`
    CoreV1,
    /// `/apis`
    Groups,
    /// `/apis/auth.litellm.ai`
    Group,
    /// `/apis/auth.litellm.ai/v1alpha1`
    Resources,
    /// `/apis/authorization.k8s.io`, or the other group of reviews.
    ReviewGroup(&'static str),
    /// `/apis/authorization.k8s.io/v1`, or the other group of reviews.
    ReviewResources(&'static str),
}

/// Objects that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objects {
    /// Their kind.
    pub(super) kind: Kind,
    /// Their namespace; none is all of them.
    pub(super) namespace: Option<String>,
    /// One of them.
    pub(super) name: Option<String>,
    /// Its status only.
    pub(super) status: bool,
}

/// A question about the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Review {
    /// May I do this?
    Access,
    /// What may I do?
    Rules,
    /// Who am I?
    Whoami,
}

impl Target {
    /// What a path means; none when it means nothing here.
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect::<Option<_>>()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(match parts.as_slice() {
            ["healthz" | "livez" | "readyz"] | ["healthz" | "livez" | "readyz", "ping" | "etcd"] => Self::Health,
            ["version"] => Self::Version,
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiIndex,
            ["openapi", "v3", rest @ ..] => Self::OpenApiV3(rest.join("/")),
            ["api"] => Self::Discovery(Discovery::Core),
            ["api", "v1"] => Self::Discovery(Discovery::CoreV1),
            ["api", "v1", "namespaces"] => Self::Namespaces(None),
            ["api", "v1", "namespaces", name] => Self::Namespaces(Some((*name).to_owned())),
            ["api", "v1", "events"] => Self::Events(None),
            ["api", "v1", "namespaces", namespace, "events"] => Self::Events(Some((*namespace).to_owned())),
            ["apis"] => Self::Discovery(Discovery::Groups),
            ["apis", AUTHENTICATION] => Self::Discovery(Discovery::ReviewGroup(AUTHENTICATION)),
            ["apis", AUTHENTICATION, "v1"] => Self::Discovery(Discovery::ReviewResources(AUTHENTICATION)),
            ["apis", AUTHORIZATION] => Self::Discovery(Discovery::ReviewGroup(AUTHORIZATION)),
            ["apis", AUTHORIZATION, "v1"] => Self::Discovery(Discovery::ReviewResources(AUTHORIZATION)),
            ["apis", AUTHORIZATION, "v1", "selfsubjectaccessreviews"] => Self::Review(Review::Access),
            ["apis", AUTHORIZATION, "v1", "selfsubjectrulesreviews"] => Self::Review(Review::Rules),
            ["apis", AUTHENTICATION, "v1", "selfsubjectreviews"] => Self::Review(Review::Whoami),
            ["apis", group] if *group == GROUP => Self::Discovery(Discovery::Group),
            ["apis", group, version, rest @ ..] if is_ours(group, version) => match rest {
                [] => Self::Discovery(Discovery::Resources),
                [plural] => Self::Objects(objects(plural, None, None, false)?),
                ["namespaces", namespace, plural] => Self::Objects(objects(plural, Some(namespace), None, false)?),
                ["namespaces", namespace, plural, name] => {
                    Self::Objects(objects(plural, Some(namespace), Some(name), false)?)
                }
                ["namespaces", namespace, plural, name, "status"] => {
                    Self::Objects(objects(plural, Some(namespace), Some(name), true)?)
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The resource as metrics and logs name it: few words, whatever clients ask for.
    pub(super) fn resource(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Version => "version",
            Self::Discovery(_) => "discovery",
            Self::OpenApiV2 | Self::OpenApiIndex | Self::OpenApiV3(_) => "openapi",
            Self::Namespaces(_) => "namespaces",
            Self::Events(_) => "events",
            Self::Objects(objects) => objects.kind.plural(),
            Self::Review(Review::Access) => "selfsubjectaccessreviews",
            Self::Review(Review::Rules) => "selfsubjectrulesreviews",
            Self::Review(Review::Whoami) => "selfsubjectreviews",
        }
    }
}

fn is_ours(group: &str, version: &str) -> bool {
    group == GROUP && version == VERSION
}

fn objects(plural: &str, namespace: Option<&str>, name: Option<&str>, status: bool) -> Option<Objects> {
    let is_nothing = |part: Option<&str>| part.is_some_and(str::is_empty);
    if is_nothing(namespace) || is_nothing(name) {
        return None;
    }
    Some(Objects {
        kind: Kind::from_plural(plural)?,
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
        status,
    })
}

/// A part of a path without its percent signs. A slash that was hidden so names nothing.
fn decoded(part: &str) -> Option<String> {
    if !part.contains('%') {
        return Some(part.to_owned());
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(['/', '\0']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP_PATH: &str = "/apis/auth.litellm.ai/v1alpha1";

    #[test]
    fn paths_of_objects() {
        let of = |rest: &str| Target::of(&format!("{GROUP_PATH}/{rest}"));
        let team = |namespace: Option<&str>, name: Option<&str>, status| {
            Some(Target::Objects(Objects {
                kind: Kind::Team,
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
                status,
            }))
        };
        assert_eq!(of("teams"), team(None, None, false));
        assert_eq!(of("namespaces/acme/teams"), team(Some("acme"), None, false));
        assert_eq!(
            of("namespaces/acme/teams/a%2Eb"),
            team(Some("acme"), Some("a.b"), false)
        );
        assert_eq!(
            of("namespaces/acme/teams/a/status"),
            team(Some("acme"), Some("a"), true)
        );
        for wrong in [
            "pods",
            "namespaces/acme/pods",
            "namespaces//teams",
            "namespaces/acme/teams/a/scale",
            "namespaces/acme/teams/a%2Fb",
            "namespaces/acme/teams/%zz",
            "teams/a",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn paths_of_everything_else() {
        assert_eq!(Target::of("/apis/"), Some(Target::Discovery(Discovery::Groups)));
        assert_eq!(Target::of(GROUP_PATH), Some(Target::Discovery(Discovery::Resources)));
        assert_eq!(Target::of("/readyz"), Some(Target::Health));
        assert_eq!(
            Target::of("/api/v1/namespaces/acme/events"),
            Some(Target::Events(Some("acme".to_owned())))
        );
        assert_eq!(
            Target::of("/openapi/v3/apis/auth.litellm.ai/v1alpha1"),
            Some(Target::OpenApiV3("apis/auth.litellm.ai/v1alpha1".to_owned()))
        );
        for wrong in [
            "",
            "/",
            "/api/v2",
            "/apis/apps",
            "/apis/auth.litellm.ai/v1",
            "/openapi/v4",
        ] {
            assert_eq!(Target::of(wrong), None, "{wrong}");
        }
    }
}
