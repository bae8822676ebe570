//! Links of a directory's groups to what being in them gives.

use chrono::{DateTime, Utc};

use crate::{
    LinkId, OrganizationId, TeamId, UserId,
    directory::{Gives, Mode, Provider},
};

/// A link, for lists and its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityLink {
    /// Id.
    pub id: LinkId,
    /// Who says who is in the group.
    pub provider: Provider,
    /// The directory's id of the group.
    pub group_id: String,
    /// What the directory called it last.
    pub group_name: Option<String>,
    /// What being in it gives.
    pub gives: Gives,
    /// The organization's name and slug.
    pub organization: Option<(String, String)>,
    /// The team's name.
    pub team_name: Option<String>,
    /// Whether it takes away what it gave.
    pub mode: Mode,
    /// Percent of those in it that one pass may take out without asking.
    pub removal_limit: u8,
    /// People in the group.
    pub members: i64,
    /// People who left it and have what it gave still.
    pub leaving: i64,
    /// When the directory last said who is in it.
    pub checked_at: Option<DateTime<Utc>>,
    /// When the directory last failed to say so, and why, since it last did.
    pub failed: Option<(DateTime<Utc>, String)>,
    /// Since when the directory does not know the group.
    pub missing_since: Option<DateTime<Utc>>,
    /// Since when removals wait for somebody's word.
    pub held_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Email of who made it; none is a sign-in or SCIM.
    pub created_by: Option<String>,
    /// Whether the viewer may change it.
    pub may_change: bool,
}

impl IdentityLink {
    /// The group for people.
    pub fn group(&self) -> &str {
        self.group_name.as_deref().unwrap_or(&self.group_id)
    }
}

/// An organization that groups can be linked to, with its teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTarget {
    /// Id.
    pub id: OrganizationId,
    /// Display name.
    pub name: String,
    /// Its teams by name.
    pub teams: Vec<(TeamId, String)>,
}

/// Something that a link did, or that happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// The kind: `created`, `added`, `removed`, `kept`, `held`, `released`, `renamed`, `missing`, `found`, `failed`,
    /// `mode` or `passed`.
    pub kind: String,
    /// To whom.
    pub user: Option<(UserId, String)>,
    /// More about it.
    pub detail: Option<String>,
}

impl LinkEvent {
    /// The kind in people's words.
    pub fn kind_in_words(&self) -> &str {
        match self.kind.as_str() {
            "created" => "Link made",
            "added" => "Added",
            "removed" => "Removed",
            "kept" => "Kept",
            "held" => "Waits for confirmation",
            "released" => "Confirmed",
            "renamed" => "Group renamed",
            "missing" => "Group not found",
            "found" => "Group found again",
            "failed" => "Directory failed",
            "mode" => "Settings changed",
            "passed" => "Synced",
            other => other,
        }
    }
}

/// What would become of one person if a link took away what it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFate {
    /// The person.
    pub user_id: UserId,
    /// Their address.
    pub email: String,
    /// Whether they lose it.
    pub loses: bool,
    /// Why they keep it, or what they keep.
    pub detail: Option<&'static str>,
}

/// What a link would do if it were authoritative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkPreview {
    /// Addresses of people in the group who would get what the link gives, the first hundred.
    pub adds: Vec<String>,
    /// How many these are.
    pub adds_total: usize,
    /// People who left the group, the first hundred.
    pub leaving: Vec<LinkFate>,
    /// How many of all who left would lose something.
    pub removes_total: usize,
    /// How many people have it by this link.
    pub present: i64,
    /// Whether so many removals would wait for somebody's word.
    pub waits: bool,
    /// Whether the directory was asked just now; else it is what was last known.
    pub fresh: bool,
}
