//! What a question about a model depends on.

use domain::{
    Standing, TeamStatus,
    authz::ModelQuestion,
    hierarchy::{Budget, Level},
};

use crate::{
    Ctx, Error, Result,
    budgets::{self, Spender},
    restricted_models,
};

/// The lists of models, the approval and the budgets on the way to someone.
pub(super) struct ModelFacts {
    status: TeamStatus,
    lists: Vec<(Level, Vec<String>)>,
    unapproved: bool,
    budgets: Vec<Budget>,
}

/// A question with the lists that it borrows.
pub(super) struct Asked<'a> {
    facts: &'a ModelFacts,
    lists: Vec<(Level, &'a [String])>,
    model: &'a str,
    active: bool,
    standing: Standing,
}

impl ModelFacts {
    /// Loads them. The caller was authorised.
    ///
    /// # Errors
    /// 404 without the team.
    pub(super) async fn load(ctx: &mut Ctx, who: Spender, model: &str) -> Result<Self> {
        let row = sqlx::query!(
            r#"SELECT t.status, t.models, o.models AS organization_models, p.models AS "project_models?",
                k.models AS "key_models?"
            FROM teams t JOIN organizations o ON o.id = t.organization_id
                LEFT JOIN projects p ON p.id = $2 AND p.team_id = t.id
                LEFT JOIN api_keys k ON k.id = $3 AND k.team_id = t.id
            WHERE t.id = $1"#,
            who.team.0,
            who.project.map(|id| id.0),
            who.key.map(|id| id.0),
        )
        .fetch_optional(ctx.connection())
        .await?
        .ok_or_else(|| Error::not_found("Team", who.team))?;
        let mut lists = vec![
            (Level::Organization, row.organization_models),
            (Level::Team, row.models),
        ];
        lists.extend(row.project_models.map(|models| (Level::Project, models)));
        lists.extend(row.key_models.map(|models| (Level::Key, models)));
        let models = restricted_models::of_team(ctx, who.team).await?;
        let named = [model.to_owned()];
        let unapproved = !models.usable().without_approval(&named).is_empty();
        let now = ctx.now;
        let found = budgets::chain(ctx.connection(), who, now).await?;
        Ok(Self {
            status: row.status.parse()?,
            lists,
            unapproved,
            budgets: found.map(|(_, chain)| chain).unwrap_or_default(),
        })
    }

    /// The question of someone with a standing.
    pub(super) fn question<'a>(&'a self, model: &'a str, active: bool, standing: Standing) -> Asked<'a> {
        Asked {
            facts: self,
            lists: self
                .lists
                .iter()
                .map(|(level, models)| (*level, models.as_slice()))
                .collect(),
            model,
            active,
            standing,
        }
    }
}

impl Asked<'_> {
    /// The answer with every rule on the way to it.
    pub(super) fn explain(&self) -> domain::authz::Explanation {
        ModelQuestion {
            active: self.active,
            standing: self.standing,
            team: self.facts.status,
            model: self.model,
            lists: &self.lists,
            unapproved: self.facts.unapproved,
            budgets: &self.facts.budgets,
        }
        .explain()
    }
}
