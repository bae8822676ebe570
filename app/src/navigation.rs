//! What the sidebar leads to, for each kind of person; and what can be begun from anywhere.

use domain::{TeamRole, views::Me};

/// One entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Name of its icon.
    pub icon: &'static str,
    /// Its words.
    pub label: &'static str,
    /// Where it leads.
    pub href: &'static str,
}

/// Entries that belong together.
#[derive(Debug)]
pub struct Group {
    /// Its title.
    pub title: &'static str,
    /// Never none.
    pub entries: Vec<Entry>,
    /// Whether it is folded until somebody opens it, or is in it.
    pub folded: bool,
}

/// With so few entries beside their own work, somebody has them in one group.
const FEW: usize = 5;

type Row = (bool, &'static str, &'static str, &'static str);

fn shown(rows: &[Row]) -> Vec<Entry> {
    let shown = rows.iter().filter(|(shown, ..)| *shown);
    shown
        .map(|&(_, icon, label, href)| Entry { icon, label, href })
        .collect()
}

/// What somebody is, as far as it decides what they are offered.
struct Viewer {
    /// Administers the installation, an organization or a team.
    manages: bool,
    sees_teams: bool,
    sees_audit: bool,
    /// Provisions runners, or could: not somebody who only looks.
    works: bool,
}

impl Viewer {
    fn of(me: &Me) -> Self {
        let manages = me.super_admin || me.org_admin || me.teams.iter().any(|(_, _, role)| *role == TeamRole::Admin);
        Self {
            manages,
            sees_teams: manages || me.sees_people || !me.teams.is_empty(),
            sees_audit: manages || me.sees_people,
            works: manages || !me.sees_people || !me.teams.is_empty(),
        }
    }
}

/// The groups that have something for someone.
pub fn groups(me: &Me) -> Vec<Group> {
    let Viewer {
        manages,
        sees_teams,
        sees_audit,
        works,
    } = Viewer::of(me);
    let people = me.sees_people;
    let work = shown(&[
        (true, "home", "Home", "/"),
        (true, "teams", "My teams", "/teams"),
        (works, "runner", "Runners", "/runners"),
        (works, "provision", "Provision a runner", "/provision"),
        (works, "key", "API keys", "/keys"),
        (true, "inbox", "Requests", "/requests"),
        (true, "terminal", "Access tokens", "/tokens"),
        (!sees_audit, "audit", "My activity", "/admin/audit"),
    ]);
    let teams = shown(&[
        (people, "building", "Organizations", "/admin/organizations"),
        (sees_teams, "teams", "Teams", "/admin/teams"),
        (people, "user", "Users", "/admin/users"),
        (sees_audit, "shield", "Access reviews", "/admin/access-reviews"),
        (sees_audit, "audit", "Audit log", "/admin/audit"),
    ]);
    let access = shown(&[
        (manages || people, "runner", "All runners", "/admin/runners"),
        (sees_teams, "services", "Services", "/admin/services"),
        (people, "label", "Label policies", "/admin/label-policies"),
        (people, "machine", "Machine clients", "/admin/machine-clients"),
    ]);
    let oversight = shown(&[
        (sees_teams, "chart", "Dashboard", "/admin/dashboard"),
        (sees_teams, "budget", "Cost", "/admin/cost"),
        (me.sees_everything, "warning", "Alerts", "/admin/alerts"),
        (sees_audit, "security", "Security events", "/admin/security-events"),
    ]);
    let installation = shown(&[
        (people, "link", "Identity links", "/admin/identity-links"),
        (me.sees_everything, "sync", "Sync", "/admin/sync"),
        (me.super_admin, "key", "Key defaults", "/admin/settings/keys"),
        (me.super_admin, "model", "Restricted models", "/admin/settings/models"),
    ]);
    let help = shown(&[
        (manages, "star", "Guides", "/admin/guide"),
        (true, "book", "Help", "/help"),
        (true, "info", "Why?", "/admin/explain"),
        (true, "terminal", "kubectl", "/help/kubectl"),
        (true, "link", "API reference", "/api/docs"),
    ]);
    let rest = [
        ("Runners and access", access),
        ("Oversight", oversight),
        ("Installation", installation),
    ];
    let mut groups = vec![open("My work", work)];
    if teams.len() + rest.iter().map(|(_, entries)| entries.len()).sum::<usize>() <= FEW {
        let entries = teams
            .into_iter()
            .chain(rest.into_iter().flat_map(|(_, entries)| entries));
        groups.push(open("Administration", entries.collect()));
    } else {
        groups.push(open("Administration", teams));
        groups.extend(rest.map(|(title, entries)| folded(title, entries)));
    }
    groups.push(folded("Help", help));
    groups.retain(|group| !group.entries.is_empty());
    groups
}

fn open(title: &'static str, entries: Vec<Entry>) -> Group {
    Group {
        title,
        entries,
        folded: false,
    }
}

fn folded(title: &'static str, entries: Vec<Entry>) -> Group {
    Group {
        title,
        entries,
        folded: true,
    }
}

/// Whether somebody comes to provision runners and hold keys, or could: not an auditor, who only looks.
pub fn works(me: &Me) -> bool {
    Viewer::of(me).works
}

/// What somebody can begin from anywhere.
pub fn actions(me: &Me) -> Vec<Entry> {
    let Viewer { manages, works, .. } = Viewer::of(me);
    let runs = me.super_admin || me.org_admin;
    shown(&[
        (works, "provision", "Provision a runner", "/provision"),
        (works, "key", "Create an API key", "/keys/new"),
        (works, "inbox", "Request something", "/requests/new"),
        (true, "terminal", "Create an access token", "/tokens"),
        (runs, "plus", "Create a team", "/admin/teams/new"),
        (
            me.super_admin,
            "plus",
            "Create an organization",
            "/admin/organizations/new",
        ),
        (me.super_admin, "user-plus", "Create a user", "/admin/users/new"),
        (runs, "services", "Add a service", "/admin/services/new"),
        (runs, "link", "Link a group", "/admin/identity-links/new"),
        (manages, "shield", "Start an access review", "/admin/access-reviews/new"),
        (manages, "user-plus", "Onboard somebody", "/admin/guide/onboard"),
        (manages, "user", "Somebody leaves", "/admin/guide/leave"),
    ])
}

#[cfg(test)]
mod tests {
    use domain::{DEFAULT_TEAM, UserId};

    use super::*;

    fn me() -> Me {
        Me {
            id: UserId(DEFAULT_TEAM.0),
            email: "max@example.com".to_owned(),
            display_name: None,
            oidc_sub: None,
            super_admin: false,
            org_admin: false,
            sees_people: false,
            sees_everything: false,
            can_use_jit: true,
            teams: vec![(DEFAULT_TEAM, "Backend".to_owned(), TeamRole::Member)],
        }
    }

    #[test]
    fn who_sees_little_has_it_in_two_groups_and_help() {
        let titles: Vec<_> = groups(&me()).iter().map(|group| group.title).collect();
        assert_eq!(titles, ["My work", "Administration", "Help"]);
    }

    #[test]
    fn who_runs_all_has_the_rest_folded() {
        let root = Me {
            super_admin: true,
            org_admin: true,
            sees_people: true,
            sees_everything: true,
            ..me()
        };
        let groups = groups(&root);
        let open = groups.iter().filter(|group| !group.folded);
        assert_eq!(open.map(|group| group.entries.len()).sum::<usize>(), 12);
        assert!(actions(&root).iter().any(|action| action.href == "/admin/teams/new"));
    }

    #[test]
    fn who_only_looks_is_not_offered_what_they_cannot_do() {
        let auditor = Me {
            sees_people: true,
            sees_everything: true,
            teams: Vec::new(),
            ..me()
        };
        let hrefs: Vec<_> = groups(&auditor)
            .iter()
            .flat_map(|group| group.entries.iter().map(|entry| entry.href))
            .collect();
        assert!(!hrefs.contains(&"/provision"));
        assert!(hrefs.contains(&"/admin/audit"));
        assert!(actions(&auditor).iter().all(|action| action.href != "/provision"));
        assert!(!works(&auditor) && works(&me()));
    }
}
