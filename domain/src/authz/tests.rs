use proptest::prelude::*;

use super::*;
use crate::{
    Label, LabelPolicy, Money, Period, TeamRole, Zone,
    hierarchy::{Budget, Level, used_up},
};

const MEMBER: Standing = Standing {
    super_admin: false,
    auditor: false,
    org: Some(OrgRole::OrgMember),
    team: Some(TeamRole::Member),
};

fn question(service: &str, allowed: bool) -> Question<'_> {
    Question {
        credential: Credential::Person,
        standing: MEMBER,
        team: Some(TeamStatus::Active),
        service,
        catalogued: Some(Catalogued { rules: &[], allowed }),
        original: Original::default(),
        project: ProjectAccess::None,
        budgets: &[],
    }
}

#[test]
fn d2_the_bypass_table() {
    let super_admin = Standing {
        super_admin: true,
        ..Standing::default()
    };
    let org_admin = Standing {
        org: Some(OrgRole::OrgAdmin),
        ..Standing::default()
    };
    let team = |role| Standing {
        team: Some(role),
        ..Standing::default()
    };
    let auditor = Standing {
        auditor: true,
        org: Some(OrgRole::Auditor),
        ..Standing::default()
    };
    let denied = Err(Denial::NotAllowed);
    let outside = Err(Denial::NotMember);
    for (standing, listed, unlisted) in [
        (super_admin, Ok(Basis::Policy), Ok(Basis::Bypass(Bypass::SuperAdmin))),
        (org_admin, Ok(Basis::Policy), Ok(Basis::Bypass(Bypass::OrgAdmin))),
        (team(TeamRole::Admin), Ok(Basis::Policy), denied),
        (team(TeamRole::Member), Ok(Basis::Policy), denied),
        (auditor, outside, outside),
        (
            Standing {
                org: Some(OrgRole::OrgMember),
                ..Standing::default()
            },
            outside,
            outside,
        ),
        (Standing::default(), outside, outside),
    ] {
        for (allowed, expected) in [(true, listed), (false, unlisted)] {
            let question = Question {
                standing,
                ..question("llm-service", allowed)
            };
            assert_eq!(question.decide(), expected, "{standing:?}");
        }
    }
}

#[test]
fn d2_d5_literals() {
    let literal = |question: Question<'_>| question.decide().unwrap_err().literal(&question);
    let asked = question("xyz-svc", false);
    assert_eq!(literal(asked), "Service 'xyz-svc' not allowed for team");
    assert_eq!(
        literal(Question {
            catalogued: None,
            ..asked
        }),
        "Service 'xyz-svc' not allowed for team"
    );
    assert_eq!(
        literal(Question {
            standing: Standing::default(),
            ..asked
        }),
        "You are not a member of this team"
    );
    for status in [TeamStatus::Inactive, TeamStatus::Archived] {
        assert_eq!(
            literal(Question {
                team: Some(status),
                ..asked
            }),
            "Team is inactive"
        );
    }
    let project = Question {
        project: ProjectAccess::Refused,
        ..question("xyz-svc", true)
    };
    assert_eq!(literal(project), "You are not assigned to this project");
}

#[test]
fn d2_a_bypass_still_needs_the_service_to_exist_and_an_active_team() {
    let standing = Standing {
        super_admin: true,
        ..Standing::default()
    };
    let asked = Question {
        standing,
        ..question("xyz-svc", false)
    };
    assert_eq!(
        Question {
            catalogued: None,
            ..asked
        }
        .decide(),
        Err(Denial::UnknownService)
    );
    assert_eq!(
        Question {
            team: Some(TeamStatus::Inactive),
            ..asked
        }
        .decide(),
        Err(Denial::TeamInactive)
    );
    assert!(
        Question { team: None, ..asked }.decide().is_ok(),
        "no membership is needed"
    );
}

#[test]
fn d2_keys_never_bypass() {
    for standing in [
        Standing {
            super_admin: true,
            ..MEMBER
        },
        Standing {
            org: Some(OrgRole::OrgAdmin),
            ..MEMBER
        },
        // Whoever manages the team's keys may own one without being a member.
        Standing {
            super_admin: true,
            ..Standing::default()
        },
    ] {
        let key = Question {
            credential: Credential::Key,
            standing,
            ..question("xyz-svc", false)
        };
        assert_eq!(key.decide(), Err(Denial::NotAllowed));
        let listed = Question {
            catalogued: question("xyz-svc", true).catalogued,
            ..key
        };
        assert_eq!(listed.decide(), Ok(Basis::Policy));
    }
    let left = Question {
        credential: Credential::Key,
        standing: Standing::default(),
        ..question("xyz-svc", true)
    };
    assert_eq!(left.decide(), Err(Denial::NotMember), "X12: the owner has left");
}

#[test]
fn paths_are_held_against_the_rules_of_the_service() {
    let rules = [PathRule::parse("/v1").unwrap(), PathRule::parse("POST /admin").unwrap()];
    let asked = |method, path| {
        Question {
            catalogued: Some(Catalogued {
                rules: &rules,
                allowed: true,
            }),
            original: Original {
                method,
                path,
                contradictory: false,
            },
            ..question("llm", true)
        }
        .decide()
    };
    assert!(asked(Some("GET"), Some("/v1/chat")).is_ok());
    assert!(asked(None, Some("/v1")).is_ok());
    assert!(asked(Some("POST"), Some("/admin")).is_ok());
    assert_eq!(asked(Some("GET"), Some("/admin")), Err(Denial::PathRefused));
    assert_eq!(asked(None, Some("/admin")), Err(Denial::PathRefused));
    assert_eq!(asked(Some("GET"), Some("/v10")), Err(Denial::PathRefused));
    assert_eq!(asked(Some("GET"), None), Err(Denial::PathUnknown));
    for path in [
        "/v1/../admin",
        "/v1//x",
        "/v1/%2e%2e/admin",
        "v1",
        "/v1\\x",
        "https://x/v1",
        "/v1#/../admin",
        "/v1?x#y",
    ] {
        assert_eq!(asked(Some("POST"), Some(path)), Err(Denial::PathAmbiguous), "{path}");
    }
    let contradictory = Question {
        catalogued: Some(Catalogued {
            rules: &rules,
            allowed: true,
        }),
        original: Original {
            method: Some("GET"),
            path: None,
            contradictory: true,
        },
        ..question("llm", true)
    };
    assert_eq!(contradictory.decide(), Err(Denial::PathAmbiguous));
}

#[test]
fn b14_labels_and_models_are_explained_in_the_seeds_words() {
    let (policy, label) = (LabelPolicy::default(), Label::parse("gpu").unwrap());
    let asked = LabelQuestion {
        active: true,
        can_use_jit: true,
        standing: MEMBER,
        team: TeamStatus::Active,
        runners_enabled: true,
        policy: &policy,
        label: &label,
        runners: 3,
        max_runners: Some(3),
    };
    let reason = |question: LabelQuestion<'_>| question.explain().reason;
    assert_eq!(reason(asked), "Label not permitted by team policy");
    let linux = Label::parse("linux").unwrap();
    let asked = LabelQuestion { label: &linux, ..asked };
    assert_eq!(reason(asked), "Team quota exceeded");
    assert_eq!(
        reason(LabelQuestion {
            standing: Standing::default(),
            ..asked
        }),
        "User not a member of team"
    );
    assert_eq!(
        reason(LabelQuestion {
            team: TeamStatus::Inactive,
            ..asked
        }),
        "Team is inactive"
    );
    assert!(LabelQuestion { runners: 2, ..asked }.explain().allowed);

    let (organization, team) = (["gpt-4o".to_owned(), "claude".to_owned()], ["claude".to_owned()]);
    let model = |model, team_models| {
        let question = ModelQuestion {
            active: true,
            standing: MEMBER,
            team: TeamStatus::Active,
            model,
            lists: &[(Level::Organization, &organization), (Level::Team, team_models)],
            unapproved: model == "claude-next",
            budgets: &[],
        };
        let explained = question.explain();
        (explained.allowed, explained.reason)
    };
    assert!(model("claude", &team).0);
    assert!(model("gpt-4o", &[]).0, "X9: empty is all within the parent");
    assert_eq!(model("gpt-4o", &team).1, "Model 'gpt-4o' not allowed for team");
    assert_eq!(model("o3", &[]).1, "Model 'o3' not allowed for organization");
    let inherits = ["all-org-models".to_owned()];
    assert!(model("gpt-4o", &inherits).0, "E8: the organization's current list");
    assert_eq!(model("o3", &inherits).1, "Model 'o3' not allowed for organization");
}

fn budget(level: Level, max: Option<i64>, spend: i64) -> Budget {
    Budget {
        level,
        id: uuid::Uuid::nil(),
        name: "Acme".to_owned(),
        max: max.map(|max| Money::trusted(max.into())),
        duration: None,
        period: Period::ALWAYS,
        zone: Zone::default(),
        spend: Money::trusted(spend.into()),
    }
}

#[test]
fn e7_use_is_refused_from_the_limit_on_and_the_topmost_speaks_first() {
    let nil = uuid::Uuid::nil();
    let words = |chain: &[Budget]| used_up(chain).map(Budget::refusal);
    let (org, team) = (Level::Organization, Level::Team);
    assert_eq!(words(&[budget(org, Some(100), 99), budget(team, None, 1_000)]), None);
    assert_eq!(
        words(&[budget(org, Some(100), 100), budget(team, Some(5), 9)]),
        Some(format!(
            "Budget has been exceeded! Organization={nil} Current cost: 100, Max budget: 100"
        ))
    );
    for (level, word) in [
        (team, "Team"),
        (Level::Member, "Member"),
        (Level::Project, "Project"),
        (Level::Key, "Key"),
    ] {
        assert_eq!(
            words(&[budget(org, Some(100), 99), budget(level, Some(5), 9)]),
            Some(format!(
                "Budget has been exceeded! {word}={nil} Current cost: 9, Max budget: 5"
            ))
        );
    }
    assert!(
        words(&[budget(org, Some(0), 0)]).is_some(),
        "a budget of nothing admits nothing"
    );
}

#[test]
fn e7_a_budget_decides_last_and_nobody_bypasses_it() {
    let budgets = [budget(Level::Organization, Some(1), 1), budget(Level::Team, None, 1)];
    let asked = Question {
        budgets: &budgets,
        ..question("llm", true)
    };
    assert_eq!(asked.decide(), Err(Denial::BudgetExceeded));
    let unlisted = Question {
        budgets: &budgets,
        ..question("llm", false)
    };
    assert_eq!(unlisted.decide(), Err(Denial::NotAllowed));
    let root = Standing {
        super_admin: true,
        ..MEMBER
    };
    assert_eq!(
        Question {
            standing: root,
            ..unlisted
        }
        .decide(),
        Err(Denial::BudgetExceeded)
    );
    let explained = asked.explain();
    assert!(explained.is_over_budget() && !explained.allowed);
    assert!(explained.reason.starts_with("Budget has been exceeded! Organization="));
    let step = explained
        .chain
        .iter()
        .find(|step| step.outcome == Outcome::Failed)
        .unwrap();
    assert_eq!(
        (step.rule.as_str(), step.detail.as_str(), step.who_can_change.as_str()),
        (
            "budget of the organization",
            "Acme has spent $1 of $1, for good.",
            "a super_admin"
        )
    );
}

prop_compose! {
    fn standing()(
        super_admin in any::<bool>(),
        auditor in any::<bool>(),
        org in proptest::option::of(prop_oneof![
            Just(OrgRole::OrgAdmin), Just(OrgRole::OrgMember), Just(OrgRole::Auditor)
        ]),
        team in proptest::option::of(prop_oneof![Just(TeamRole::Admin), Just(TeamRole::Member)]),
    ) -> Standing {
        Standing { super_admin, auditor, org, team }
    }
}

fn credential() -> impl Strategy<Value = Credential> {
    prop_oneof![
        Just(Credential::Person),
        Just(Credential::Key),
        Just(Credential::Deactivated),
        Just(Credential::KeyRevoked),
        Just(Credential::KeyExpired),
        Just(Credential::OwnerDeactivated),
    ]
}

proptest! {
    /// The short answer and the long one are the same, and nothing is said of rules behind the one that refused.
    #[test]
    fn what_is_explained_is_what_is_decided(
        credential in credential(),
        standing in standing(),
        status in proptest::option::of(proptest::sample::select(TeamStatus::ALL.to_vec())),
        listed in proptest::option::of(any::<bool>()),
        with_rules in any::<bool>(),
        path in proptest::option::of(proptest::sample::select(vec!["/v1/x", "/other", "/v1/../x"])),
        contradictory in any::<bool>(),
        project in proptest::sample::select(vec![
            ProjectAccess::None, ProjectAccess::Assigned, ProjectAccess::Implicit, ProjectAccess::Refused,
        ]),
    ) {
        let all_rules = [PathRule::parse("/v1").unwrap()];
        let rules = if with_rules { &all_rules[..] } else { &[] };
        let question = Question {
            credential,
            standing,
            team: status,
            service: "svc",
            catalogued: listed.map(|allowed| Catalogued { rules, allowed }),
            original: Original { method: Some("GET"), path, contradictory },
            project,
            budgets: &[],
        };
        let (decided, explained) = (question.decide(), question.explain());
        prop_assert_eq!(explained.allowed, decided.is_ok());
        prop_assert_eq!(explained.chain.len(), 7);
        let failed = explained.chain.iter().position(|step| step.outcome == Outcome::Failed);
        prop_assert_eq!(failed.is_some(), decided.is_err());
        for (index, step) in explained.chain.iter().enumerate() {
            let behind = failed.is_some_and(|failed| index > failed);
            prop_assert_eq!(step.outcome == Outcome::NotReached, behind);
            prop_assert_eq!(step.detail.is_empty(), behind);
            prop_assert!(!step.who_can_change.is_empty());
        }
        if let Err(denial) = decided {
            prop_assert_eq!(explained.reason, denial.literal(&question));
        }
    }

    /// SPEC D2: whoever is neither super_admin nor org_admin, and every key, only ever gets what the policy lists.
    #[test]
    fn d2_without_a_bypass_only_the_policy_allows(
        credential in credential(),
        standing in standing(),
        status in proptest::sample::select(TeamStatus::ALL.to_vec()),
    ) {
        let question = Question { credential, standing, team: Some(status), ..question("svc", false) };
        let may = credential == Credential::Person && (standing.super_admin || standing.org == Some(OrgRole::OrgAdmin));
        if !may {
            prop_assert!(question.decide().is_err());
        }
    }
}
