//! The calls about users, and what was used.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::Money;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::client::{LiteLlm, gone};
use super::error::Error;
use super::model::{Activity, ActivityAnswer, ActivityDay, Created, User, UserInfoAnswer};
use super::pages::{Pages, UserPages};
use super::spec::UserSpec;
use super::transport::Call;

impl LiteLlm {
    /// The user with that id; `None` when LiteLLM does not know them.
    ///
    /// New versions say so with 404. Old ones (1.75.9) answer 200 with a `user_info` that is `null` or has no `user_id`,
    /// while that of an existing user has one on every version, with no teams, too. So an existing user without teams is
    /// `Some`, and SPEC C2's rule "empty teams = not usable" is [`User::is_integrated`]. Other failures are errors, never
    /// "absent".
    #[tracing::instrument(skip_all, fields(instance = self.name(), user = id))]
    pub async fn user_info(&self, id: &str) -> Result<Option<User>, Error> {
        let call = Call::get("/user/info").with("user_id", id);
        let answer: UserInfoAnswer = match self.transport().json("user", call).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            result => result?,
        };
        let info = answer
            .user_info
            .filter(|info| info.get("user_id").is_some_and(Value::is_string));
        let unreadable = |_| Error::InvalidResponse("user: not as expected".into());
        info.map(|info| serde_json::from_value(info).map_err(unreadable))
            .transpose()
    }

    /// Makes a user, without a key, in the teams that `spec` names. One that exists is left as it is, except by 1.75.9,
    /// which updates them and says `New`.
    ///
    /// Errors: [`Error::Conflict`] when another user has the e-mail address.
    #[tracing::instrument(skip_all, fields(instance = self.name(), user = spec.id))]
    pub async fn create_user(&self, spec: &UserSpec) -> Result<Created, Error> {
        let call = Call::post("/user/new", spec.new_body());
        match self.transport().done(call).await {
            Ok(()) => Ok(Created::New),
            // The id or the e-mail address is taken; the words for which differ.
            Err(error @ Error::Conflict { .. }) => match self.user_info(&spec.id).await? {
                Some(_) => Ok(Created::Existed),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Makes a user as `spec` says, their teams excepted. A budget that is `None` is cleared; LiteLLM has no way to clear
    /// the other limits of a user, and 1.75.9 none to clear the budget: those stay.
    ///
    /// Errors: [`Error::NotFound`] when there is none. This asks first, because LiteLLM makes users that it is told to
    /// update.
    #[tracing::instrument(skip_all, fields(instance = self.name(), user = spec.id))]
    pub async fn update_user(&self, spec: &UserSpec) -> Result<(), Error> {
        if self.user_info(&spec.id).await?.is_none() {
            let message = format!("User {} not found", spec.id);
            return Err(Error::NotFound { message });
        }
        let call = Call::post("/user/update", Value::Object(spec.body()));
        self.transport().done(call).await
    }

    /// Removes a user, and their keys with them. One that does not exist is done, too.
    #[tracing::instrument(skip_all, fields(instance = self.name(), user = id))]
    pub async fn delete_user(&self, id: &str) -> Result<(), Error> {
        let call = Call::post("/user/delete", json!({"user_ids": [id]}));
        gone(self.transport().done(call).await)
    }

    /// All users, a page at a time.
    pub fn list_users(&self) -> UserPages {
        Pages::new(self.clone(), Vec::new())
    }

    /// What a user's keys used from one day to another, both included.
    #[tracing::instrument(skip_all, fields(instance = self.name(), user))]
    pub async fn user_daily_activity(&self, user: &str, from: NaiveDate, to: NaiveDate) -> Result<Activity, Error> {
        self.activity("/user/daily/activity", "user_id", user, from, to).await
    }

    /// What a team's keys used from one day to another, both included.
    #[tracing::instrument(skip_all, fields(instance = self.name(), team))]
    pub async fn team_daily_activity(&self, team: &str, from: NaiveDate, to: NaiveDate) -> Result<Activity, Error> {
        self.activity("/team/daily/activity", "team_ids", team, from, to).await
    }

    async fn activity(
        &self,
        route: &'static str,
        whose: &'static str,
        id: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Activity, Error> {
        let mut days = BTreeMap::new();
        for page in 1_u64.. {
            let call = Call::get(route)
                .with(whose, id)
                .with("start_date", from.to_string())
                .with("end_date", to.to_string())
                .with("page", page.to_string())
                .with("page_size", "1000");
            let answer: ActivityAnswer = self.transport().json("activity", call).await?;
            let last = !answer.metadata.has_more || answer.results.is_empty();
            for result in answer.results {
                // A day may go over two pages.
                let day = days.entry(result.date).or_insert_with(|| ActivityDay {
                    date: result.date,
                    spend: Money::trusted(Decimal::ZERO),
                    prompt_tokens: 0,
                    completion_tokens: 0,
                    successful_requests: 0,
                    failed_requests: 0,
                });
                let metrics = result.metrics;
                let spend = metrics.spend.map_or(Decimal::ZERO, Money::decimal);
                day.spend = Money::trusted(day.spend.decimal().saturating_add(spend));
                day.prompt_tokens += metrics.prompt_tokens;
                day.completion_tokens += metrics.completion_tokens;
                day.successful_requests += metrics.successful_requests;
                day.failed_requests += metrics.failed_requests;
            }
            if last {
                break;
            }
        }
        Ok(Activity {
            days: days.into_values().collect(),
        })
    }
}
