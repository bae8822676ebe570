//! What the groups of somebody who signs in come to.

use std::collections::BTreeMap;

use domain::{
    UserId,
    directory::{Gives, Group, Provider},
};
use integrations::{graph, oidc::Identity};

use super::{
    Link,
    events::{self, Event, Kind},
    give_and_take,
    provision::{NewGroups, adopt, provision},
    read,
};
use crate::{Backend, Caller, Ctx, Method, RequestInfo, Result, entra_settings};

/// How the name of an app role begins where a group's id is expected: `role:Reader`.
const ROLE: &str = "role:";

/// What a directory said of somebody's groups.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Who said so.
    pub provider: Provider,
    /// The groups that they are in.
    pub groups: Vec<Group>,
    /// All groups of the application, also those that they are not in: each of them gets a team. None where the directory
    /// does not say which groups are the application's.
    pub assigned: Option<Vec<Group>>,
    /// Whether `groups` has all of them: only then they left those that it has not.
    pub complete: bool,
    /// Whether it has all of their app roles, which links name as `role:<value>`.
    pub roles_complete: bool,
}

impl Seen {
    /// What Microsoft Graph said. Its lists are whole or an error.
    pub fn of_graph(groups: graph::Groups) -> Self {
        let group = |group: graph::Group| Group {
            // Ids of the directory do not differ by case; links have them in lower case.
            id: group.id.to_ascii_lowercase(),
            name: group.name,
        };
        Self {
            provider: Provider::Entra,
            groups: groups.groups.into_iter().map(group).collect(),
            assigned: groups.assigned.map(|groups| groups.into_iter().map(group).collect()),
            complete: true,
            roles_complete: false,
        }
    }

    /// What the claims of a token say.
    pub fn of_claims(identity: &Identity) -> Self {
        let named = |id: String| Group { id, name: None };
        let roles = identity.roles.iter().map(|role| format!("{ROLE}{role}"));
        Self {
            provider: Provider::Oidc,
            // A group may be called what it likes, but not for a role.
            groups: (identity.groups.iter().filter(|group| !group.starts_with(ROLE)).cloned())
                .chain(roles)
                .map(named)
                .collect(),
            assigned: None,
            complete: identity.groups_given && !identity.groups_overage,
            roles_complete: true,
        }
    }

    /// Whether somebody who is not said to be in a link's group is not in it.
    fn settles(&self, link: &Link) -> bool {
        if link.group_id.starts_with(ROLE) {
            self.roles_complete
        } else {
            // Groups that are not the application's are not among those that are told: the sync reads them.
            let told = |assigned: &Vec<Group>| assigned.iter().any(|group| group.id == link.group_id);
            self.complete && self.assigned.as_ref().is_none_or(told)
        }
    }
}

/// What the groups of somebody who signs in come to now, by the settings that are in force.
///
/// # Errors
/// As [`signed_in`].
pub async fn sign_in(backend: &Backend, user: UserId, seen: &Seen, request: &RequestInfo) -> Result<()> {
    let caller = Caller::System("sign-in".into(), Method::System);
    let mut ctx = Ctx::read(backend, caller, request.clone()).await?;
    let new = entra_settings::new_groups(&mut ctx).await?;
    drop(ctx);
    signed_in(backend, user, seen, &new, request).await
}

/// Brings somebody's memberships in line with their groups. Nearly always nothing has changed: then nothing is written.
///
/// # Errors
/// When the database does not answer.
pub async fn signed_in(
    backend: &Backend,
    user: UserId,
    seen: &Seen,
    new: &NewGroups,
    request: &RequestInfo,
) -> Result<()> {
    if let Some(assigned) = &seen.assigned {
        provision(backend, assigned, new, request).await?;
    } else if seen.provider == Provider::Entra {
        adopt(backend, &seen.groups, request).await?;
    }
    let names: BTreeMap<&str, Option<&str>> = (seen.groups.iter())
        .map(|group| (group.id.as_str(), group.name.as_deref()))
        .collect();
    let ids: Vec<String> = names.keys().map(|id| (*id).to_owned()).collect();
    let caller = Caller::System("sign-in".into(), Method::System);
    let mut ctx = Ctx::write(backend, caller, request.clone()).await?;
    let links = read::of_groups(&mut ctx, seen.provider, &ids, Some(user.0)).await?;
    rename(&mut ctx, &links, &names).await?;
    let (mut joined, mut left) = (Vec::new(), Vec::new());
    for link in &links {
        if !names.contains_key(link.group_id.as_str()) {
            if seen.settles(link) {
                left.push((link.id, user.0));
            }
        } else if new.also_organizations || !is_organization_of_group(seen.provider, link) {
            joined.push((link.id, user.0));
        }
    }
    give_and_take(&mut ctx, &joined, &left).await?;
    ctx.commit().await
}

/// Whether a link is one that only the switch of E1 gives: to the organization made for its group, whose team stands
/// alone. Groups of other directories have none made.
pub(super) fn is_organization_of_group(provider: Provider, link: &Link) -> bool {
    provider == Provider::Entra && matches!(link.gives, Gives::Organization(id, _) if id.to_string() == link.group_id)
}

/// Keeps the names that the directory has for groups now. What was made for a group keeps its own (SPEC E4).
pub(super) async fn rename(ctx: &mut Ctx, links: &[Link], names: &BTreeMap<&str, Option<&str>>) -> Result<()> {
    let mut events = Vec::new();
    let (mut ids, mut new) = (Vec::new(), Vec::new());
    for link in links {
        if let Some(Some(name)) = names.get(link.group_id.as_str())
            && link.group_name.as_deref() != Some(name)
        {
            let was = link.group_name.as_deref().unwrap_or(&link.group_id);
            events.push(Event::of(link.id, Kind::Renamed).with(format!("{was} is now {name}")));
            ids.push(link.id);
            new.push((*name).to_owned());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE identity_links l SET group_name = n.name FROM unnest($1::uuid[], $2::text[]) AS n(id, name) WHERE l.id = n.id",
        &ids,
        &new,
    )
    .execute(ctx.connection())
    .await?;
    events::note(ctx, &events).await
}
