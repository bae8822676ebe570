//! Which part of the user docs each page of the console is about; the docs themselves are [`document`].

pub mod document;

/// Where all of it is listed.
pub const INDEX: &str = "/help";

/// For each route of `shell.rs`: the page of the docs and the heading in it; without a heading its beginning, without a
/// page the index. Routes with a fixed last segment stand before those with a parameter in its place.
const TOPICS: &[(&str, &str, &str)] = &[
    ("/", "home", ""),
    ("/admin/dashboard", "home", "the-dashboard"),
    ("/search", "home", "find-anything"),
    ("/login", "home", "sign-in"),
    ("/teams", "home", "my-teams"),
    ("/admin/cost", "budgets-and-cost", "cost"),
    ("/admin/cost/prices", "budgets-and-cost", "prices"),
    ("/admin/teams", "teams", ""),
    ("/admin/teams/new", "teams", "create-a-team"),
    ("/admin/teams/:team", "teams", "overview"),
    ("/admin/teams/:team/members", "members", ""),
    ("/admin/teams/:team/members/bulk", "members", "add-several"),
    (
        "/admin/teams/:team/members/invitations",
        "members",
        "invite-somebody-without-an-account",
    ),
    ("/admin/teams/:team/projects", "projects", ""),
    ("/admin/teams/:team/projects/:project", "projects", "assign-people"),
    ("/admin/teams/:team/keys", "api-keys", "keys-of-a-team"),
    ("/admin/teams/:team/policy", "policy-and-services", ""),
    ("/admin/teams/:team/settings", "teams", "settings"),
    ("/admin/teams/:team/manifest", "kubectl", "manifests"),
    ("/admin/audit", "audit", "search-the-audit-log"),
    ("/admin/audit/:entry", "audit", "one-entry"),
    ("/admin/security-events", "audit", "security-events"),
    ("/admin/users", "users", ""),
    ("/admin/users/new", "users", "create-an-account"),
    ("/admin/users/:user", "users", "an-accounts-page"),
    ("/admin/label-policies", "label-policies", ""),
    ("/admin/label-policies/new", "label-policies", "create-a-policy"),
    ("/admin/label-policies/migrate", "label-policies", "move-to-teams"),
    (
        "/admin/label-policies/:user",
        "label-policies",
        "change-or-delete-a-policy",
    ),
    ("/admin/services", "policy-and-services", "the-catalogue"),
    ("/admin/services/new", "policy-and-services", "the-catalogue"),
    ("/admin/services/:service", "policy-and-services", "the-catalogue"),
    ("/admin/alerts", "alerts", ""),
    ("/admin/sync", "sync", ""),
    ("/admin/sync/litellm", "sync", "sync-with-litellm"),
    ("/admin/guide", "guides", ""),
    ("/admin/guide/:guide", "guides", "use-a-guide"),
    ("/admin/explain", "explain", ""),
    ("/admin/organizations", "organizations", ""),
    ("/admin/organizations/new", "organizations", "create-an-organization"),
    ("/admin/organizations/:organization", "organizations", "overview"),
    (
        "/admin/organizations/:organization/teams",
        "organizations",
        "teams-of-an-organization",
    ),
    ("/admin/organizations/:organization/people", "organizations", "people"),
    (
        "/admin/organizations/:organization/services",
        "policy-and-services",
        "the-catalogue",
    ),
    ("/admin/organizations/:organization/domains", "organizations", "domains"),
    (
        "/admin/organizations/:organization/directory",
        "identity-links",
        "connect-a-directory-by-scim",
    ),
    (
        "/admin/organizations/:organization/settings",
        "organizations",
        "settings",
    ),
    ("/provision", "runners", "provision-a-runner"),
    ("/runners", "runners", "see-runners"),
    ("/runners/waiting", "runners", "wait-for-a-free-place"),
    ("/runners/:runner", "runners", "one-runner"),
    ("/admin/runners", "runners", "see-runners"),
    ("/keys", "api-keys", ""),
    ("/keys/new", "api-keys", "make-a-key-for-models"),
    ("/keys/services", "api-keys", "keys-for-services"),
    ("/keys/:key", "api-keys", "see-what-a-key-may-and-spends"),
    ("/admin/settings/keys", "api-keys", "key-defaults"),
    ("/admin/machine-clients", "machine-clients", ""),
    ("/admin/settings/models", "requests", "restricted-models"),
    ("/admin/identity-links", "identity-links", ""),
    ("/admin/identity-links/new", "identity-links", "link-a-group"),
    ("/admin/identity-links/:link", "identity-links", "one-link"),
    ("/admin/settings/entra", "identity-links", "entra-groups"),
    ("/requests", "requests", ""),
    ("/requests/new", "requests", "ask-for-something"),
    ("/requests/:request", "requests", "follow-it"),
    ("/admin/access-reviews", "access-reviews", ""),
    ("/admin/access-reviews/new", "access-reviews", "start-a-review"),
    ("/admin/access-reviews/:review", "access-reviews", "decide-lines"),
    (
        "/admin/access-reviews/:review/report",
        "access-reviews",
        "read-the-report",
    ),
    ("/tokens", "access-tokens", ""),
    ("/help", "", ""),
    ("/help/kubectl", "", ""),
    ("/help/:page", "", ""),
];

/// A way into the docs.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// Where it leads.
    pub href: String,
    /// What it is about, in the words of its heading.
    pub title: &'static str,
}

/// The part of the docs that a page of the console is about; the index for an address that is no page.
pub fn topic(path: &str) -> Topic {
    let found = TOPICS.iter().find(|(route, ..)| fits(route, path));
    let target = found.and_then(|&(_, page, anchor)| Some((document::find(page)?, anchor)));
    let Some((document, anchor)) = target else {
        return Topic {
            href: INDEX.to_owned(),
            title: "All pages",
        };
    };
    match document.headings.iter().find(|heading| heading.id == anchor) {
        Some(heading) => Topic {
            href: format!("{INDEX}/{}#{anchor}", document.slug),
            title: &heading.text,
        },
        None => Topic {
            href: format!("{INDEX}/{}", document.slug),
            title: &document.title,
        },
    }
}

/// Whether a path is one of a route's: `:name` stands for any one segment.
fn fits(route: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (route.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(name), Some(text)) if name.starts_with(':') && !text.is_empty() || name == text => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `shell.rs` routes.
    fn routes() -> Vec<&'static str> {
        let source = include_str!("shell.rs");
        let routes = source.split("path=path!(\"").skip(1);
        routes.filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_route_of_the_console_has_a_part_of_the_docs() {
        let routes = routes();
        assert!(routes.len() > 60, "they were found: {}", routes.len());
        let without: Vec<_> = routes
            .iter()
            .filter(|route| !TOPICS.iter().any(|(known, ..)| known == *route))
            .collect();
        assert!(without.is_empty(), "add to TOPICS, and to docs/users: {without:?}");
        for (route, ..) in TOPICS {
            assert!(routes.contains(route), "{route} is no route any more");
        }
    }

    #[test]
    fn every_part_exists() {
        for &(route, page, anchor) in TOPICS {
            if page.is_empty() {
                continue;
            }
            let document = document::find(page).unwrap_or_else(|| panic!("{route}: there is no docs/users/{page}.md"));
            assert!(
                anchor.is_empty() || document.headings.iter().any(|heading| heading.id == anchor),
                "{route}: docs/users/{page}.md has no heading #{anchor}"
            );
        }
    }

    #[test]
    fn no_route_hides_behind_one_with_a_parameter() {
        for (index, (route, ..)) in TOPICS.iter().enumerate() {
            let first = TOPICS.iter().position(|(known, ..)| fits(known, route));
            assert_eq!(first, Some(index), "{route}");
        }
    }

    #[test]
    fn paths_lead_to_their_part() {
        let (href, title) = ("/help/members".to_owned(), "Members");
        assert_eq!(topic("/admin/teams/backend/members"), Topic { href, title });
        assert_eq!(topic("/admin/teams/new").href, "/help/teams#create-a-team");
        assert_eq!(topic("/admin/teams/a-team").title, "Overview");
        assert_eq!(topic("/nothing/here").href, "/help");
        assert_eq!(topic("/admin/teams/").href, "/help", "an empty segment is none");
    }
}
