//! Tests of what a request asks for, and who decides it.

use serde_json::{Value, json};

use super::*;
use crate::{LabelPolicy, Limits, OrgRole, Standing, TeamRole};

fn parse(kind: RequestKind, value: &Value) -> Result<RequestValue, Vec<Invalid>> {
    RequestValue::parse(kind, value)
}

#[test]
fn b31_each_kind_has_its_values() {
    use RequestKind::{Budget, Join, Labels, Model, Quota, Service};
    for (kind, written, stored) in [
        (Join, json!(null), json!("member")),
        (Join, json!("team_admin"), json!("admin")),
        (Quota, json!("12"), json!(12)),
        (Budget, json!(100.50), json!({"max_budget": "100.5"})),
        (
            Budget,
            json!({"rpm_limit": 60, "budget_duration": "monthly"}),
            json!({"rpm_limit": 60, "budget_duration": "1mo"}),
        ),
        (Labels, json!("gpu-.*"), json!({"optional_label_patterns": ["gpu-.*"]})),
        (Service, json!(" llm "), json!("llm")),
        (Model, json!("gpt-4o"), json!("gpt-4o")),
    ] {
        let value = parse(kind, &written).unwrap_or_else(|error| panic!("{written}: {error:?}"));
        assert_eq!(value.to_json(), stored);
        assert_eq!(parse(kind, &stored).unwrap(), value, "what is stored reads as it was");
        assert_eq!(value.kind(), kind);
    }
    for (kind, bad) in [
        (Join, json!("owner")),
        (Join, json!(1)),
        (Quota, json!(-1)),
        (Quota, json!(1.5)),
        (Quota, json!(null)),
        (Budget, json!(-1)),
        (Budget, json!(null)),
        (Budget, json!({})),
        (Budget, json!({"max_runners": 1})),
        (Budget, json!({"tpm_limit": -1})),
        (Budget, json!({"budget_duration": "1y"})),
        (Labels, json!(["("])),
        (Labels, json!([1])),
        (Labels, json!({})),
        (Service, json!("")),
        (Model, json!("all-proxy-models")),
        (Model, json!({"a": 1})),
    ] {
        let errors = parse(kind, &bad).unwrap_err();
        assert!(
            errors
                .iter()
                .all(|error| error.field == "value" || error.field.starts_with("value.")),
            "{bad}: {errors:?}"
        );
    }
}

#[test]
fn p_a_team_admin_decides_what_they_may_do_themselves() {
    let admin = Standing {
        org: Some(OrgRole::OrgMember),
        team: Some(TeamRole::Admin),
        ..Standing::default()
    };
    let org_admin = Standing {
        org: Some(OrgRole::OrgAdmin),
        ..Standing::default()
    };
    let member = Standing {
        team: Some(TeamRole::Member),
        ..admin
    };
    let auditor = Standing {
        auditor: true,
        ..Standing::default()
    };
    let (policy, limits) = (LabelPolicy::default(), Limits::default());
    for (value, by_admin) in [
        (RequestValue::Join(TeamRole::Member), true),
        (RequestValue::Service("llm".into()), true),
        (RequestValue::Model("gpt".into()), true),
        (RequestValue::Quota(5), true),
        (RequestValue::Quota(11), false),
        (parse(RequestKind::Labels, &json!(["gpu"])).unwrap(), false),
        (parse(RequestKind::Budget, &json!(5)).unwrap(), true),
    ] {
        let lowers = value.lowers(&policy, Some(10), &limits);
        assert_eq!(
            value.require_decider(&admin, lowers, false).is_ok(),
            by_admin,
            "{value}"
        );
        assert!(value.require_decider(&org_admin, lowers, true).is_ok(), "{value}");
        for nobody in [member, auditor, Standing::default()] {
            let refusal = value.require_decider(&nobody, lowers, false).unwrap_err();
            let named = refusal.who_can.contains("team admin");
            assert_eq!(
                named, by_admin,
                "{value}: whoever may is named, and nobody else: {}",
                refusal.who_can
            );
        }
    }
    let model = RequestValue::Model("gpt".into());
    assert!(model.require_decider(&admin, true, true).is_err(), "a restricted one");
}
