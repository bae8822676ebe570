//! What the sidebar leads to, for each kind of person.

use domain::{TeamRole, views::Me};

/// One entry of the navigation.
pub struct Entry {
    /// Name of its icon.
    pub icon: &'static str,
    /// Its words.
    pub label: &'static str,
    /// Where it leads.
    pub href: &'static str,
}

/// The groups that have something for someone, with their titles.
pub fn groups(me: &Me) -> Vec<(&'static str, Vec<Entry>)> {
    let manages = me.super_admin || me.org_admin || me.teams.iter().any(|(_, _, role)| *role == TeamRole::Admin);
    let sees_teams = manages || me.sees_people || !me.teams.is_empty();
    let sees_audit = manages || me.sees_people;
    let work = [
        (true, "home", "Dashboard", "/"),
        (true, "teams", "My teams", "/teams"),
        (true, "runner", "Runners", "/runners"),
        (true, "provision", "Provision a runner", "/provision"),
        (true, "key", "API keys", "/keys"),
        (true, "terminal", "Access tokens", "/tokens"),
        (true, "info", "Requests", "/requests"),
        (!sees_audit, "audit", "My activity", "/admin/audit"),
    ];
    let administration = [
        (me.sees_people, "building", "Organizations", "/admin/organizations"),
        (sees_teams, "teams", "Teams", "/admin/teams"),
        (me.sees_people, "user", "Users", "/admin/users"),
        (manages || me.sees_people, "runner", "All runners", "/admin/runners"),
        (me.sees_people, "label", "Label policies", "/admin/label-policies"),
        (sees_teams, "services", "Services", "/admin/services"),
        (me.sees_everything, "warning", "Alerts", "/admin/alerts"),
        (me.sees_everything, "sync", "Sync", "/admin/sync"),
        (sees_audit, "audit", "Audit log", "/admin/audit"),
        (sees_audit, "security", "Security events", "/admin/security-events"),
        (sees_teams, "budget", "Cost", "/admin/cost"),
        (me.sees_people, "link", "Identity links", "/admin/identity-links"),
        (me.sees_people, "terminal", "Machine clients", "/admin/machine-clients"),
        (me.super_admin, "key", "Key defaults", "/admin/settings/keys"),
        (
            me.super_admin,
            "security",
            "Restricted models",
            "/admin/settings/models",
        ),
        (sees_audit, "shield", "Access reviews", "/admin/access-reviews"),
        (manages, "star", "Guides", "/admin/guide"),
    ];
    let help = [
        (true, "info", "Why?", "/admin/explain"),
        (true, "terminal", "kubectl", "/help/kubectl"),
        (true, "book", "API reference", "/api/docs"),
    ];
    let shown = |entries: &[(bool, &'static str, &'static str, &'static str)]| -> Vec<Entry> {
        entries
            .iter()
            .filter(|(shown, ..)| *shown)
            .map(|&(_, icon, label, href)| Entry { icon, label, href })
            .collect()
    };
    [
        ("My work", shown(&work)),
        ("Administration", shown(&administration)),
        ("Help", shown(&help)),
    ]
    .into_iter()
    .filter(|(_, entries)| !entries.is_empty())
    .collect()
}
