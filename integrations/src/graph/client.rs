//! The calls we make.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::config::Config;
use super::error::Error;
use super::model::{AppRoleAssignment, Assignments, DirectoryObject, Group, Groups, Member, distinct};
use super::token::{AppTokens, Token};
use super::transport::{Ask, Transport, bearer};

const GROUPS: &[(&str, &str)] = &[("$select", "id,displayName"), ("$top", "999")];
const PEOPLE: &[(&str, &str)] = &[
    ("$select", "id,displayName,mail,userPrincipalName,accountEnabled"),
    ("$top", "999"),
];
const READ_GROUPS: &str = "GroupMember.Read.All";
const READ_APPLICATIONS: &str = "Application.Read.All";
const NO_CREDENTIALS: Error =
    Error::NotConfigured("MICROSOFT_TENANT, MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET for this");

/// The client. Clones share connections and the application's token.
#[derive(Clone)]
pub struct Graph {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
}

struct Inner {
    transport: Transport,
    tokens: Option<AppTokens>,
    service_principal: Option<String>,
    transitive: bool,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("url", &self.inner.transport.base().as_str())
            .field("service_principal", &self.inner.service_principal)
            .finish_non_exhaustive()
    }
}

/// In whose name Graph is asked.
#[derive(Clone, Copy)]
enum By<'a> {
    /// Somebody who just signed in.
    Person(&'a SecretString),
    /// The application.
    App,
}

impl Graph {
    /// Checks the configuration; does not touch the network.
    ///
    /// Errors: [`Error::Config`] for a URL, tenant or id that cannot work.
    pub fn new(config: Config) -> Result<Self, Error> {
        let transport = Transport::new(&config)?;
        if let Some(id) = &config.service_principal_id {
            transport.url(&[id], &[])?;
        }
        Ok(Self {
            inner: Arc::new(Inner {
                tokens: AppTokens::new(&config, transport.base())?,
                transport,
                service_principal: config.service_principal_id,
                transitive: config.transitive,
            }),
            deadline: None,
        })
    }

    /// The same, for calls that all have to be over by then: pauses that Graph asks for included.
    #[must_use]
    pub fn with_deadline(&self, deadline: std::time::Instant) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            deadline: Some(deadline.into()),
        }
    }

    /// Whether Graph can be asked without anybody signed in: the scheduled sync needs that.
    pub fn has_app_credentials(&self) -> bool {
        self.inner.tokens.is_some()
    }

    /// Whether only groups count that are assigned to our application.
    pub fn is_limited_to_assigned(&self) -> bool {
        self.inner.service_principal.is_some()
    }

    /// The groups of a person, and their roles in our application: what sign-in asks (SPEC E6).
    ///
    /// With an access token of theirs Graph is asked in their name. What their token may not read, and everything when
    /// there is none, is asked in the application's name; for their own groups that takes `directory_id`, their `oid`.
    ///
    /// Errors: all. Nothing is known then, and nothing may be taken from anybody for it.
    #[tracing::instrument(skip_all)]
    pub async fn groups(
        &self,
        access_token: Option<&SecretString>,
        directory_id: Option<&str>,
    ) -> Result<Groups, Error> {
        let mine = self.member_of(access_token, directory_id);
        if self.inner.service_principal.is_none() {
            return Ok(Groups {
                groups: distinct(mine.await?),
                ..Groups::default()
            });
        }
        let (mine, assigned) = tokio::try_join!(mine, self.assignments_for(access_token))?;
        Ok(assigned.of_person(mine, directory_id))
    }

    /// The groups of the person whose token this is, assigned to our application or not (`/me/memberOf`).
    #[tracing::instrument(skip_all)]
    pub async fn groups_of_me(&self, access_token: &SecretString) -> Result<Vec<Group>, Error> {
        self.read_groups(&["me"], By::Person(access_token)).await
    }

    /// The groups of somebody, in the application's name (`/users/{id}/memberOf`).
    #[tracing::instrument(skip_all)]
    pub async fn groups_of(&self, directory_id: &str) -> Result<Vec<Group>, Error> {
        self.read_groups(&["users", directory_id], By::App).await
    }

    /// What is assigned to our application: groups, and people with roles of their own. In the name of the person, or
    /// of the application without a token.
    ///
    /// Errors: also [`Error::NotConfigured`] without `service_principal_id`.
    #[tracing::instrument(skip_all)]
    pub async fn assignments(&self, access_token: Option<&SecretString>) -> Result<Assignments, Error> {
        self.read_assignments(access_token.map_or(By::App, By::Person)).await
    }

    /// Who is in a group, in the application's name: people only.
    ///
    /// Errors: also [`Error::NotFound`] when the directory has no such group any more.
    #[tracing::instrument(skip_all, fields(group = group_id))]
    pub async fn members(&self, group_id: &str) -> Result<Vec<Member>, Error> {
        let list = if self.inner.transitive {
            "transitiveMembers"
        } else {
            "members"
        };
        let ask = self.ask("group", READ_GROUPS);
        let found: Vec<DirectoryObject> = self.all(By::App, &["groups", group_id, list], PEOPLE, ask).await?;
        Ok(found.into_iter().filter_map(DirectoryObject::into_member).collect())
    }

    /// A group, in the application's name; `None` when the directory has none of that id (any more).
    #[tracing::instrument(skip_all, fields(group = group_id))]
    pub async fn group(&self, group_id: &str) -> Result<Option<Group>, Error> {
        let ask = self.ask("group", READ_GROUPS);
        let url = self
            .inner
            .transport
            .url(&["groups", group_id], &[("$select", "id,displayName")])?;
        let transport = &self.inner.transport;
        let token = self.app_token(&ask, None).await?;
        let found: Result<DirectoryObject, Error> = match transport.one(url.clone(), &token.header, &ask).await {
            Err(Error::Unauthorized(_)) => {
                let token = self.app_token(&ask, Some(&token)).await?;
                transport.one(url, &token.header, &ask).await
            }
            answer => answer,
        };
        match found {
            Ok(group) => Ok(group.into_group()),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As the person where that works, else as the application.
    async fn member_of(&self, token: Option<&SecretString>, directory_id: Option<&str>) -> Result<Vec<Group>, Error> {
        match (token, directory_id) {
            (Some(token), None) => self.groups_of_me(token).await,
            (Some(token), Some(id)) => match self.groups_of_me(token).await {
                Err(error) if error.is_about_the_token() && self.has_app_credentials() => {
                    tracing::debug!(%error, "a person's own token cannot read their groups");
                    self.groups_of(id).await
                }
                answer => answer,
            },
            (None, Some(id)) => self.groups_of(id).await,
            (None, None) => Err(Error::NotConfigured("an access token or the `oid` of the person")),
        }
    }

    async fn assignments_for(&self, token: Option<&SecretString>) -> Result<Assignments, Error> {
        match self.assignments(token).await {
            // Most people may not read an application's assignments.
            Err(error) if token.is_some() && error.is_about_the_token() && self.has_app_credentials() => {
                self.assignments(None).await
            }
            answer => answer,
        }
    }

    async fn read_groups(&self, whose: &[&str], by: By<'_>) -> Result<Vec<Group>, Error> {
        let list = if self.inner.transitive {
            "transitiveMemberOf"
        } else {
            "memberOf"
        };
        let path: Vec<&str> = whose.iter().copied().chain([list]).collect();
        let found: Vec<DirectoryObject> = self.all(by, &path, GROUPS, self.ask("person", READ_GROUPS)).await?;
        Ok(found.into_iter().filter_map(DirectoryObject::into_group).collect())
    }

    async fn read_assignments(&self, by: By<'_>) -> Result<Assignments, Error> {
        let Some(principal) = &self.inner.service_principal else {
            return Err(Error::NotConfigured("MICROSOFT_SERVICE_PRINCIPAL_ID for this"));
        };
        let path = ["servicePrincipals", principal, "appRoleAssignedTo"];
        let ask = self.ask("Enterprise Application", READ_APPLICATIONS);
        let found: Vec<AppRoleAssignment> = self.all(by, &path, &[("$top", "999")], ask).await?;
        Ok(found.into_iter().collect())
    }

    fn ask(&self, what: &'static str, permission: &'static str) -> Ask {
        Ask {
            what,
            permission,
            token: "the application's token",
            deadline: self.deadline,
        }
    }

    async fn all<T: DeserializeOwned>(
        &self,
        by: By<'_>,
        path: &[&str],
        query: &[(&str, &str)],
        ask: Ask,
    ) -> Result<Vec<T>, Error> {
        let transport = &self.inner.transport;
        let url = transport.url(path, query)?;
        match by {
            By::Person(token) => {
                let ask = Ask {
                    token: "the access token of the person who signs in",
                    ..ask
                };
                let header = bearer(token.expose_secret()).map_err(|()| Error::Unauthorized(ask.token.to_owned()))?;
                transport.all(url, &header, &ask).await
            }
            By::App => {
                let token = self.app_token(&ask, None).await?;
                match transport.all(url.clone(), &token.header, &ask).await {
                    Err(Error::Unauthorized(_)) => {
                        let token = self.app_token(&ask, Some(&token)).await?;
                        transport.all(url, &token.header, &ask).await
                    }
                    answer => answer,
                }
            }
        }
    }

    /// The application's token: another one than `refused`, which was revoked, or clocks are apart.
    async fn app_token(&self, ask: &Ask, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, Error> {
        let tokens = self.inner.tokens.as_ref().ok_or(NO_CREDENTIALS)?;
        if let Some(refused) = refused {
            tokens.discard(refused);
        }
        tokens
            .get(self.deadline, || self.inner.transport.fetch_token(tokens, ask))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Error, Graph};

    /// Handlers need futures that can move between threads.
    #[test]
    fn futures_are_send() {
        fn assert_send<T: Send>(_: fn(Graph) -> T) {}
        assert_send(|graph| async move {
            let _ = graph.groups(Some(&"".into()), Some("")).await;
            let _ = graph.members("").await;
            let _ = graph.group("").await;
        });
    }

    #[test]
    fn bad_settings_are_found_at_once_and_secrets_do_not_show() {
        for (url, principal) in [
            ("graph", "p"),
            ("https://u:p@graph.example", "p"),
            ("http://127.0.0.1", ".."),
        ] {
            let mut config = Config::at(url);
            config.service_principal_id = Some(principal.to_owned());
            assert!(matches!(Graph::new(config), Err(Error::Config(_))), "{url} {principal}");
        }
        let mut config = Config::new("t", "c");
        config.client_secret = Some("s3cret".into());
        assert!(!format!("{config:?}").contains("s3cret"));
        let graph = Graph::new(config).expect("good");
        assert!(graph.has_app_credentials() && !format!("{graph:?}").contains("s3cret"));
    }
}
