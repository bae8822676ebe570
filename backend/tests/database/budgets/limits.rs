//! Limits of members and projects (SPEC E7).

use backend::{
    Result,
    budgets::LimitsPatchInput,
    members,
    organizations::OrganizationPatchInput,
    projects,
    teams::{self, TeamPatchInput},
};
use domain::{StatusChange, TermsPatch, UserRef};
use rust_decimal::Decimal;

use super::{Place, dollars};
use crate::common::{refusal, refused};

impl Place {
    pub async fn set_member(&self, patch: LimitsPatchInput) -> Result<()> {
        let (patch, user) = (patch.parse_of_member()?, UserRef::Id(self.max));
        let set = self.world.act(self.root, async |ctx| {
            members::change(ctx, self.team, &user, TermsPatch::default(), &patch).await
        });
        set.await.map(drop)
    }

    pub async fn set_project(&self, patch: LimitsPatchInput) -> Result<()> {
        let patch = patch.parse()?;
        let set = self.world.act(self.root, async |ctx| {
            projects::change(ctx, self.team, self.project, None, None, &patch).await
        });
        set.await.map(drop)
    }
}

pub fn budget(amount: Option<i64>) -> LimitsPatchInput {
    LimitsPatchInput {
        max_budget: Some(amount.map(Decimal::from)),
        ..LimitsPatchInput::default()
    }
}

pub fn team_budget(amount: Option<i64>) -> TeamPatchInput {
    TeamPatchInput {
        max_budget: Some(amount.map(Decimal::from)),
        ..TeamPatchInput::default()
    }
}

#[tokio::test]
async fn e7_members_and_projects_stay_below_their_team() {
    let place = Place::new().await;
    place.set_team(team_budget(Some(100))).await.unwrap();
    let (code, words) = refusal(place.set_member(budget(Some(101))).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert_eq!(
        words,
        "max_budget_in_team: Member max_budget (101) exceeds team's max_budget (100)."
    );
    let (_, words) = refusal(place.set_project(budget(Some(101))).await);
    assert_eq!(
        words,
        "max_budget: Project max_budget (101) exceeds team's max_budget (100)."
    );
    place.set_member(budget(Some(100))).await.expect("equal is fine");
    place.set_project(budget(Some(60))).await.unwrap();
    // Lowering the team below them is refused, and says whom.
    let (_, words) = refusal(place.set_team(team_budget(Some(50))).await);
    assert_eq!(
        words,
        "max_budget: Member max_budget (100) exceeds team's max_budget (50). Lower it first in: max@example.com; \
         max_budget: Project max_budget (60) exceeds team's max_budget (50). Lower it first in: Billing"
    );
    let audited: i64 = place
        .world
        .one("SELECT count(*) FROM audit_entries WHERE action IN ('member.update', 'project.update') AND team_id IS NOT NULL")
        .await;
    assert_eq!(audited, 2);
}

#[tokio::test]
async fn e7_an_organization_binds_members_and_projects_of_teams_without_limits() {
    let place = Place::new().await;
    place.set_member(budget(Some(80))).await.unwrap();
    place.set_project(budget(Some(70))).await.unwrap();
    let lower = |amount| OrganizationPatchInput {
        max_budget: Some(Some(dollars(amount))),
        ..OrganizationPatchInput::default()
    };
    let (_, words) = refusal(place.set_organization(lower(60)).await);
    assert_eq!(
        words,
        "max_budget: Member max_budget (80) exceeds organization's max_budget (60). Lower it first in: max@example.com; \
         max_budget: Project max_budget (70) exceeds organization's max_budget (60). Lower it first in: Billing (Backend)"
    );
    place.set_organization(lower(80)).await.unwrap();
    let (_, words) = refusal(place.set_project(budget(Some(90))).await);
    assert_eq!(
        words,
        "max_budget: Project max_budget (90) exceeds organization's max_budget (80)."
    );
    // While a team is archived its organization may be lowered; then it is not restored.
    let change = async |change| {
        let done = place.world.act(place.root, async |ctx| {
            teams::change_status(ctx, place.team, change, None).await
        });
        done.await.map(drop)
    };
    change(StatusChange::Archive).await.unwrap();
    place.set_organization(lower(10)).await.unwrap();
    refused(
        change(StatusChange::Restore).await,
        "WRONG_STATE",
        "Team 'Backend' cannot be restored: Member max_budget (80)",
    );
}

#[tokio::test]
async fn e8_a_project_has_models_of_its_team_only() {
    let place = Place::new().await;
    let models = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let project = |list: &[&str]| LimitsPatchInput {
        models: Some(models(list)),
        ..LimitsPatchInput::default()
    };
    let organization = OrganizationPatchInput {
        models: Some(models(&["gpt-4o", "claude"])),
        ..OrganizationPatchInput::default()
    };
    place.set_organization(organization).await.unwrap();
    let inherits = TeamPatchInput {
        models: Some(models(&["all-org-models"])),
        ..TeamPatchInput::default()
    };
    place.set_team(inherits).await.unwrap();
    let (_, words) = refusal(place.set_project(project(&["o3"])).await);
    assert_eq!(words, "models: o3 not in team's allowed models: gpt-4o, claude");
    place.set_project(project(&["claude"])).await.unwrap();
    let narrower = TeamPatchInput {
        models: Some(models(&["gpt-4o"])),
        ..TeamPatchInput::default()
    };
    let (_, words) = refusal(place.set_team(narrower).await);
    assert_eq!(
        words,
        "models: claude not in team's allowed models: gpt-4o. Lower it first in: Billing"
    );
}

/// Racing writes: whoever comes second sees what the first one did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e7_racing_writes_leave_no_child_above_its_parent() {
    let place = Place::new().await;
    for round in 0..25 {
        place.set_member(budget(None)).await.unwrap();
        place.set_project(budget(None)).await.unwrap();
        place.set_team(team_budget(None)).await.unwrap();
        let lower = OrganizationPatchInput {
            max_budget: Some(Some(dollars(50))),
            ..OrganizationPatchInput::default()
        };
        let free = OrganizationPatchInput {
            max_budget: Some(None),
            ..OrganizationPatchInput::default()
        };
        place.set_organization(free).await.unwrap();
        let written = tokio::join!(
            place.set_team(team_budget(Some(60))),
            place.set_member(budget(Some(70))),
            place.set_organization(lower),
            place.set_project(budget(Some(65))),
        );
        for done in [written.0, written.1, written.2, written.3] {
            if let Err(error) = done {
                assert_eq!(error.code().as_str(), "VALIDATION_ERROR", "round {round}: {error}");
            }
        }
        let above: i64 = place
            .world
            .one(
                "SELECT count(*) FROM teams t JOIN organizations o ON o.id = t.organization_id
                    LEFT JOIN team_members m ON m.team_id = t.id LEFT JOIN projects p ON p.team_id = t.id
                WHERE o.slug = 'acme' AND (t.max_budget > o.max_budget OR m.max_budget > o.max_budget
                    OR m.max_budget > t.max_budget OR p.max_budget > o.max_budget OR p.max_budget > t.max_budget)",
            )
            .await;
        assert_eq!(above, 0, "round {round}");
    }
}

#[tokio::test]
async fn p_members_do_not_set_their_own_limits() {
    let place = Place::new().await;
    let (patch, user) = (budget(Some(5)).parse_of_member().unwrap(), UserRef::Id(place.max));
    let own = place.world.act(place.max, async |ctx| {
        members::change(ctx, place.team, &user, TermsPatch::default(), &patch).await
    });
    refused(own.await, "FORBIDDEN", "");
    let patch = budget(Some(5)).parse().unwrap();
    let project = place.world.act(place.max, async |ctx| {
        projects::change(ctx, place.team, place.project, None, None, &patch).await
    });
    refused(project.await, "FORBIDDEN", "");
}
