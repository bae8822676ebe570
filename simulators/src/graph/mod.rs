//! A stand-in for the part of Microsoft Graph, and of Entra ID's token endpoint, that Guildhall uses.
//!
//! | route | like the real one |
//! |---|---|
//! | `POST /{tenant}/oauth2/v2.0/token` | client credentials; `AADSTS` errors |
//! | `GET /v1.0/me/{memberOf,transitiveMemberOf}` | by the access token of a person; not with the application's |
//! | `GET /v1.0/users/{id}/{memberOf,transitiveMemberOf}` | with the application's token |
//! | `GET /v1.0/servicePrincipals/{id}/appRoleAssignedTo` | groups and people, once for each role |
//! | `GET /v1.0/groups/{id}[/{members,transitiveMembers}]` | with the application's token |
//!
//! Lists have `$top` (100 unless asked, 999 at most) and `@odata.nextLink`. A list of members holds groups within the
//! group, and what somebody is a member of may be a directory role. Who a person's access token belongs to is told by
//! [`GraphOptions::who`]; [`by_oidc`] asks the simulated OpenID provider.
//!
//! Tests and people steer it through [`GraphSimulator`], or over HTTP, without authorization:
//!
//! | route | |
//! |---|---|
//! | `GET, PUT, DELETE /_simulator/faults` | a list of [`Fault`]; PUT replaces all of them |
//! | `GET /_simulator/state` | `{people, groups, assignments, calls: {route: count}}` |
//! | `PUT, DELETE /_simulator/groups/{id}` | `{name}`: a new group or a new name; the group is gone |
//! | `PUT, DELETE /_simulator/groups/{id}/members/{member}` | a person by id or address, or a group by id |
//! | `PUT, DELETE /_simulator/assignments/{principal}` | `{app_role_id?}`: assigns a group or a person to the application |
//! | `PUT, DELETE /_simulator/people/{id or address}` | `{name?, email?, enabled?}`: somebody new or changed; somebody leaves |

mod api;
mod control;
mod faults;
mod lists;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use sha2::{Digest, Sha256};

pub use faults::Fault;
pub use state::{SimulatedAssignment, SimulatedGroup, SimulatedPerson};

use crate::listener::Server;
use crate::oidc::OidcSimulator;
use state::Shared;

/// Whose access token that is: their directory id or their address. None: nobody's.
pub type Who = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a simulator knows and accepts.
#[derive(Clone)]
pub struct GraphOptions {
    /// The directory's people.
    pub people: Vec<SimulatedPerson>,
    /// Its groups.
    pub groups: Vec<SimulatedGroup>,
    /// Object id of the one Enterprise Application there is.
    pub service_principal_id: String,
    /// Who and what is assigned to it: ids of groups and people, with plain access.
    pub assigned: Vec<String>,
    /// The directory; `contoso` by default.
    pub tenant: String,
    /// The one application; `guildhall` by default.
    pub client_id: String,
    /// Its secret; `demo-secret` by default.
    pub client_secret: String,
    /// How long the application's tokens live; an hour by default.
    pub token_lifetime: Duration,
    /// The most that a page holds, whatever `$top` says.
    pub page_size: Option<usize>,
    /// Whose a person's access token is.
    pub who: Option<Who>,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            people: Vec::new(),
            groups: Vec::new(),
            service_principal_id: directory_id("the Enterprise Application"),
            assigned: Vec::new(),
            tenant: "contoso".to_owned(),
            client_id: "guildhall".to_owned(),
            client_secret: "demo-secret".to_owned(),
            token_lifetime: Duration::from_hours(1),
            page_size: None,
            who: None,
        }
    }
}

impl fmt::Debug for GraphOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphOptions")
            .field("people", &self.people.len())
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

/// An id as Entra's are, always the same for the same text.
pub fn directory_id(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(text);
    let mut id = String::with_capacity(36);
    for (index, byte) in digest.iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        // Writing into a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// People's access tokens are those that the simulated OpenID provider gives out; the person is known by the claim
/// `oid`, or else by their address.
pub fn by_oidc(provider: &OidcSimulator) -> Who {
    let provider = provider.clone();
    Arc::new(move |token| {
        let person = provider.person_of_token(token)?;
        let oid = person.claims.get("oid").and_then(|oid| oid.as_str());
        Some(oid.map_or(person.email.clone(), str::to_owned))
    })
}

/// A running simulator; stops when the last clone is dropped.
#[derive(Clone)]
pub struct GraphSimulator {
    server: Arc<Server>,
    shared: Arc<Shared>,
}

impl GraphSimulator {
    /// Listens on `addr`; port 0 takes a free one.
    pub async fn start(addr: SocketAddr, options: GraphOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options));
        let router = |addr| {
            *shared.url.lock().expect("not poisoned") = format!("http://{addr}");
            Router::new()
                .merge(api::routes(&shared))
                .nest("/_simulator", control::routes(&shared))
                .fallback(api::no_such_route)
        };
        let server = Arc::new(Server::start(addr, router).await?);
        Ok(Self { server, shared })
    }

    /// On a free loopback port.
    pub async fn start_with(options: GraphOptions) -> io::Result<Self> {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), options).await
    }

    /// The base URL of Graph, without version, and of the authority.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// What it was started with.
    pub fn options(&self) -> &GraphOptions {
        &self.shared.options
    }

    /// An access token of a person, as if they had just signed in. By id or address.
    pub fn access_token_of(&self, person: &str) -> String {
        self.shared.state().access_token_of(person)
    }

    /// Whether people's own tokens may read what is assigned to the application; they may, unless told otherwise.
    pub fn let_people_read_assignments(&self, may: bool) {
        self.shared.state().people_read_assignments = may;
    }

    /// Somebody new, or somebody changed.
    pub fn put_person(&self, person: SimulatedPerson) {
        self.shared.state().put_person(person);
    }

    /// Somebody may no longer sign in, or may again. By id or address; whether there is such a person.
    pub fn enable(&self, person: &str, enabled: bool) -> bool {
        let mut state = self.shared.state();
        let person = state.person_mut(person);
        person.map(|person| person.enabled = enabled).is_some()
    }

    /// Somebody is deleted, and is in no group any more.
    pub fn remove_person(&self, person: &str) -> bool {
        self.shared.state().remove(person)
    }

    /// A new group, or a new name for one. Its members stay.
    pub fn put_group(&self, id: &str, name: &str) {
        self.shared.state().put_group(id, name);
    }

    /// The group is deleted, with its assignments.
    pub fn remove_group(&self, id: &str) -> bool {
        self.shared.state().remove(id)
    }

    /// Puts a person (by id or address) or a group into a group. Whether there are both.
    pub fn add_member(&self, group: &str, member: &str) -> bool {
        self.shared.state().add_member(group, member)
    }

    /// Takes a person or a group out of a group. Whether they were there.
    pub fn remove_member(&self, group: &str, member: &str) -> bool {
        self.shared.state().remove_member(group, member)
    }

    /// Assigns a group or a person to the application, with a role of it or with plain access.
    pub fn assign(&self, principal: &str, app_role_id: Option<&str>) {
        self.shared.state().assign(principal, app_role_id);
    }

    /// Takes all assignments of a group or a person away. Whether there were any.
    pub fn unassign(&self, principal: &str) -> bool {
        self.shared.state().unassign(principal)
    }

    /// The group of that id.
    pub fn group(&self, id: &str) -> Option<SimulatedGroup> {
        self.shared.state().groups.get(id).cloned()
    }

    /// Replaces the faults in force.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        *self.shared.faults.lock().expect("not poisoned") = faults;
    }

    /// The faults in force, with what is left of counted ones.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.faults.lock().expect("not poisoned").clone()
    }

    /// Makes every token of the application invalid that was handed out so far.
    pub fn revoke_app_tokens(&self) {
        self.shared.state().app_tokens.clear();
    }

    /// Refuses connections until [`restart`](Self::restart).
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Listens again, on the same port.
    pub async fn restart(&self) -> io::Result<()> {
        self.server.restart().await
    }

    /// Calls answered or refused so far, by method and route template, `/_simulator` excepted.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.state().calls.clone()
    }

    /// Calls of one route, such as `GET /v1.0/me/memberOf`.
    pub fn calls_of(&self, route: &str) -> u64 {
        self.shared.state().calls.get(route).copied().unwrap_or(0)
    }
}
