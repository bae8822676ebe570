//! The client, and the calls about teams and their members.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Money;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::breaker::Breaker;
use super::config::Config;
use super::error::Error;
use super::model::{Created, Member, Model, ModelsAnswer, Role, Team, TeamInfoAnswer};
use super::pages::{Pages, TeamPages};
use super::spec::TeamSpec;
use super::transport::{Call, Transport};

/// So long it is believed that the licence for team admins is missing.
const LICENCE_MEMORY: Duration = Duration::from_hours(1);

/// The client of one instance. Clones share one connection pool and one breaker.
#[derive(Clone)]
pub struct LiteLlm {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    name: String,
    /// When LiteLLM said that team admins need a licence.
    no_team_admins: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for LiteLlm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiteLlm")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}

/// The result of a call for which "there is none" is as good as done.
pub(super) fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::NotFound { .. }) => Ok(()),
        result => result,
    }
}

impl LiteLlm {
    /// Checks the configuration; does not touch the network.
    ///
    /// Errors: [`Error::Config`] for a URL or key that cannot work.
    pub fn new(config: Config) -> Result<Self, Error> {
        let transport = Transport::new(&config)?;
        Ok(Self {
            inner: Arc::new(Inner {
                transport,
                name: config.name,
                no_team_admins: Mutex::new(None),
            }),
        })
    }

    /// What people call the instance.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What the breaker does at the moment.
    pub fn breaker(&self) -> Breaker {
        self.inner.transport.breaker()
    }

    /// How long calls have been refused since the last one that went through; none while they do.
    pub fn refusing_for(&self) -> Option<Duration> {
        self.inner.transport.refusing_for()
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// Whether LiteLLM runs. Asks `/health/liveliness`, which every version has, or else `/health/liveness`.
    #[tracing::instrument(skip_all, fields(instance = self.name()))]
    pub async fn liveness(&self) -> Result<(), Error> {
        match self.transport().done(Call::get("/health/liveliness")).await {
            Err(Error::Rejected { status: 404, .. } | Error::NotFound { .. }) => {
                self.transport().done(Call::get("/health/liveness")).await
            }
            result => result,
        }
    }

    /// The models that the proxy offers, by name; each once, however many deployments serve it.
    #[tracing::instrument(skip_all, fields(instance = self.name()))]
    pub async fn models(&self) -> Result<Vec<Model>, Error> {
        let answer: ModelsAnswer = self.transport().json("models", Call::get("/model/info")).await?;
        let mut models: Vec<Model> = answer.data.into_iter().map(Model::from).collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models.dedup_by(|a, b| a.name == b.name);
        Ok(models)
    }

    /// The team with that id; `None` only when LiteLLM says 404 in its own words (SPEC C3).
    #[tracing::instrument(skip_all, fields(instance = self.name(), team = id))]
    pub async fn team_info(&self, id: &str) -> Result<Option<Team>, Error> {
        let call = Call::get("/team/info").with("team_id", id);
        match self.transport().json::<TeamInfoAnswer>("team", call).await {
            Ok(answer) => Ok(Some(answer.into_team())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a team. One that exists is left as it is: [`update_team`](Self::update_team).
    #[tracing::instrument(skip_all, fields(instance = self.name(), team = spec.id))]
    pub async fn create_team(&self, spec: &TeamSpec) -> Result<Created, Error> {
        match self.transport().done(Call::post("/team/new", spec.body())).await {
            Ok(()) => Ok(Created::New),
            Err(Error::Conflict { .. }) => Ok(Created::Existed),
            Err(error) => Err(error),
        }
    }

    /// Makes a team as `spec` says. A limit that is `None` is cleared.
    ///
    /// Errors: [`Error::NotFound`] when there is none.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team = spec.id))]
    pub async fn update_team(&self, spec: &TeamSpec) -> Result<(), Error> {
        self.transport().done(Call::post("/team/update", spec.body())).await
    }

    /// Makes LiteLLM refuse the team's keys, or take them again.
    ///
    /// Errors: [`Error::NotFound`] when there is none.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team = id, blocked))]
    pub async fn set_team_blocked(&self, id: &str, blocked: bool) -> Result<(), Error> {
        let route = if blocked { "/team/block" } else { "/team/unblock" };
        self.transport().done(Call::post(route, json!({"team_id": id}))).await
    }

    /// Removes a team, and its keys with it. One that does not exist is done, too.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team = id))]
    pub async fn delete_team(&self, id: &str) -> Result<(), Error> {
        let call = Call::post("/team/delete", json!({"team_ids": [id]}));
        gone(self.transport().done(call).await)
    }

    /// The teams with exactly that alias; it is not unique on LiteLLM.
    #[tracing::instrument(skip_all, fields(instance = self.name(), alias))]
    pub async fn teams_by_alias(&self, alias: &str) -> Result<Vec<Team>, Error> {
        // LiteLLM's filter finds every alias that contains the text, in whatever case.
        let mut pages = TeamPages::new(self.clone(), vec![("team_alias", alias.to_owned())]);
        let mut teams = Vec::new();
        while let Some(page) = pages.next().await? {
            teams.extend(
                page.into_iter()
                    .filter(|team: &Team| team.alias.as_deref() == Some(alias)),
            );
        }
        Ok(teams)
    }

    /// All teams, a page at a time. Members come without their budgets.
    pub fn list_teams(&self) -> TeamPages {
        Pages::new(self.clone(), Vec::new())
    }

    /// What a team has spent in its current period; `None` when there is no such team.
    pub async fn team_spend(&self, id: &str) -> Result<Option<Money>, Error> {
        Ok(self.team_info(id).await?.map(|team| team.spend))
    }

    /// Adds a user to a team, as a `User` where LiteLLM has no licence for team admins. One who is a member already stays
    /// as they are, with the role that is told: [`update_member`](Self::update_member). The user has to exist: LiteLLM would make an empty one.
    ///
    /// Errors: [`Error::NotFound`] when there is no such team.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team, user))]
    pub async fn add_member(&self, team: &str, user: &str, role: Role, budget: Option<Money>) -> Result<Member, Error> {
        let body = |role: Role| {
            let mut body = json!({"team_id": team, "member": {"role": role.as_str(), "user_id": user}});
            // Unlike an absent one, a null here is not taken by all versions.
            if let Some(budget) = budget {
                body["max_budget_in_team"] = json!(budget.to_f64());
            }
            body
        };
        match self.with_role("/team/member_add", role, body).await {
            Ok(role) => Ok(Member { role, existed: false }),
            Err(Error::Conflict { .. }) => {
                let found = self.team_info(team).await?;
                let found = found.and_then(|team| Some(team.member(user)?.role));
                // Gone again since; whoever took them away was later.
                let gone = || Error::NotFound {
                    message: format!("User {user} is not a member of team {team}"),
                };
                found.map(|role| Member { role, existed: true }).ok_or_else(gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a member a role and a budget in the team; `None` takes the budget away. `Admin` falls back to `User` like in
    /// [`add_member`](Self::add_member).
    ///
    /// Errors: [`Error::NotFound`] when there is no such team, or the user is not in it. This asks first, because older
    /// versions answer 200 to a change of nobody.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team, user))]
    pub async fn update_member(
        &self,
        team: &str,
        user: &str,
        role: Role,
        budget: Option<Money>,
    ) -> Result<Member, Error> {
        let not_found = |message: String| Error::NotFound { message };
        let known = self.team_info(team).await?;
        let known = known.ok_or_else(|| not_found(format!("Team not found, passed team id: {team}.")))?;
        if known.member(user).is_none() {
            return Err(not_found(format!("User {user} is not a member of team {team}")));
        }
        let body = |role: Role| {
            let budget = budget.map(Money::to_f64);
            json!({"team_id": team, "user_id": user, "role": role.as_str(), "max_budget_in_team": budget})
        };
        match self.with_role("/team/member_update", role, body).await {
            Ok(role) => Ok(Member { role, existed: true }),
            Err(error) => Err(error),
        }
    }

    /// Takes a user out of a team. One who is not in it, or a team that does not exist, is done, too.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team, user))]
    pub async fn remove_member(&self, team: &str, user: &str) -> Result<(), Error> {
        let call = Call::post("/team/member_delete", json!({"team_id": team, "user_id": user}));
        gone(self.transport().done(call).await)
    }

    /// Posts with the role, or with `User` where the licence for `Admin` is missing; tells which one it was.
    async fn with_role(&self, route: &'static str, role: Role, body: impl Fn(Role) -> Value) -> Result<Role, Error> {
        let asked = if self.knows_no_team_admins() { Role::User } else { role };
        match self.transport().done(Call::post(route, body(asked))).await {
            Ok(()) => Ok(asked),
            Err(Error::Licence { message }) if asked == Role::Admin => {
                tracing::info!(instance = self.name(), message, "team admins become users on LiteLLM");
                *self.no_team_admins() = Some(Instant::now());
                self.transport().done(Call::post(route, body(Role::User))).await?;
                Ok(Role::User)
            }
            Err(error) => Err(error),
        }
    }

    fn knows_no_team_admins(&self) -> bool {
        self.no_team_admins()
            .is_some_and(|since| since.elapsed() < LICENCE_MEMORY)
    }

    fn no_team_admins(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.inner.no_team_admins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
