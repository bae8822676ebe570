//! Everybody finds a team, nobody loses a label by it, and no change of labels goes without mention.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn own(allowed: &[&str], patterns: &[&str], max_runners: Option<i32>) -> UserLabelPolicy {
    UserLabelPolicy {
        allowed: UserLabelPolicy::parse_allowed(allowed).unwrap(),
        patterns: LabelPattern::parse_list(patterns).unwrap(),
        max_runners,
        require_approval: false,
    }
}

fn team(required: &[&str], optional: &[&str]) -> LabelPolicy {
    LabelPolicy {
        required: Label::parse_list("required_labels", required).unwrap(),
        optional: LabelPattern::parse_list(optional).unwrap(),
    }
}

fn holders(policies: Vec<UserLabelPolicy>) -> Vec<Holder> {
    let numbered = (1_u128..).zip(policies);
    numbered
        .map(|(n, policy)| Holder {
            id: UserId(Uuid::from_u128(n)),
            policy,
        })
        .collect()
}

fn texts(policy: &LabelPolicy) -> Vec<&str> {
    policy.optional.iter().map(LabelPattern::as_str).collect()
}

#[test]
fn b16_equal_policies_give_one_team() {
    let people = holders(vec![
        own(&["docker", "linux"], &["backend-.*"], Some(2)),
        own(&["gpu"], &[], None),
        own(&["Docker"], &["backend-.*"], Some(3)),
    ]);
    let teams = propose(&people);
    assert_eq!(teams.len(), 2);
    assert_eq!((teams[0].name.as_str(), teams[0].equal), ("Backend runners", true));
    assert_eq!(teams[0].members, [people[0].id, people[2].id]);
    assert_eq!(teams[0].max_runners, Some(5), "the sum");
    assert_eq!(
        texts(&teams[0].policy),
        ["docker", "backend-.*"],
        "linux is on every runner anyway"
    );
    assert!(teams[0].policy.required.is_empty(), "allowed is not required");
    assert_eq!(teams[0].common, ["docker"]);
    assert_eq!((teams[1].name.as_str(), teams[1].max_runners), ("Gpu runners", None));
}

#[test]
fn b16_similar_policies_join_and_others_do_not() {
    let teams = propose(&holders(vec![
        own(&["a", "b", "c"], &[], Some(1)),
        own(&["a", "b"], &[], Some(1)),
        own(&["a"], &[], Some(1)),
        own(&["*"], &[], Some(1)),
        UserLabelPolicy {
            require_approval: true,
            ..own(&["a", "b", "c"], &[], Some(1))
        },
    ]));
    let found: Vec<(usize, Vec<&str>)> = teams
        .iter()
        .map(|team| (team.members.len(), texts(&team.policy)))
        .collect();
    assert_eq!(
        found,
        [
            (2, vec!["a", "b", "c"]),
            (1, vec!["a"]),
            (1, vec![".*"]),
            (1, vec!["a", "b", "c"])
        ]
    );
}

#[test]
fn more_labels_than_patterns_share_them() {
    let labels: Vec<String> = (0..100).map(|n| format!("label-{n}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let policy = own(&labels, &["x-.*"], None);
    let teams = propose(&holders(vec![policy.clone()]));
    assert!(teams[0].policy.optional.len() <= MAX_PATTERNS);
    for pattern in &teams[0].policy.optional {
        LabelPattern::parse(pattern.as_str()).unwrap();
    }
    assert!(difference(&policy, &teams[0].policy).is_none());
}

#[test]
fn names_come_from_what_is_shared() {
    for (text, name) in [
        ("backend-.*", Some("Backend")),
        ("gpu_large", Some("Gpu large")),
        ("app[0-9]+", Some("App")),
        ("ab*", Some("A")),
        (".*", None),
        ("(a|b)", None),
    ] {
        assert_eq!(stem(text).as_deref(), name, "{text}");
    }
}

#[test]
fn b16_what_is_lost_and_gained_is_named() {
    let before = own(&["gpu", "arm", "linux"], &["app-.*", "job-[0-9]+", "[j]{3}"], None);
    let after = team(&["docker", "x64"], &["app-.*", "GPU", "env-.*", "[k]{2}"]);
    let found = difference(&before, &after);
    assert_eq!(found.lost, ["arm", "job-[0-9]+"]);
    assert_eq!(found.gained, ["docker", "env-.*"]);
    assert_eq!(found.always, ["docker"]);
    assert_eq!(
        found.unknown,
        ["[j]{3}", "[k]{2}"],
        "no label that would tell was found"
    );
    assert_eq!(difference(&own(&["*"], &[], None), &team(&[], &["a.*"])).lost, ["*"]);
    assert_eq!(difference(&own(&["a"], &[], None), &team(&[], &[".*"])).gained, [".*"]);
    assert!(difference(&own(&["*"], &[], None), &team(&[], &[".*"])).is_none());
}

/// What the properties are tried on: few labels and patterns, so that they meet.
const LABELS: [&str; 8] = ["a", "b", "ab", "gpu", "gpu-1", "app-x", "linux", "zz"];
const PATTERNS: [&str; 8] = ["a", "a|b", "a.*", "gpu.*", "gpu-[0-9]", "app-.+", ".*", "[bz]+"];

prop_compose! {
    fn any_policy()(
        allowed in prop::collection::vec(prop::sample::select(&LABELS[..]), 0..5),
        patterns in prop::collection::vec(prop::sample::select(&PATTERNS[..]), 0..3),
        all in prop::bool::weighted(0.1),
        max_runners in prop::option::weighted(0.8, 0..1000_i32),
        require_approval in prop::bool::weighted(0.2),
    ) -> UserLabelPolicy {
        let mut policy = own(&allowed, &patterns, max_runners);
        if all {
            policy.allowed.push("*".to_owned());
        }
        UserLabelPolicy { require_approval, ..policy }
    }
}

prop_compose! {
    fn any_team()(
        required in prop::collection::vec(prop::sample::select(&LABELS[..]), 0..3),
        optional in prop::collection::vec(prop::sample::select(&PATTERNS[..]), 0..4),
    ) -> LabelPolicy {
        team(&required, &optional)
    }
}

proptest! {
    #[test]
    fn everybody_is_in_one_team_and_loses_nothing(policies in prop::collection::vec(any_policy(), 0..12)) {
        let people = holders(policies);
        let teams = propose(&people);
        let mut members: Vec<UserId> = teams.iter().flat_map(|team| team.members.clone()).collect();
        members.sort_by_key(|id| id.0);
        prop_assert_eq!(members, people.iter().map(|person| person.id).collect::<Vec<_>>());
        for team in &teams {
            let theirs: Vec<&Holder> = people.iter().filter(|person| team.members.contains(&person.id)).collect();
            prop_assert!(crate::TeamName::parse(&team.name).is_ok());
            let quota: Option<i32> = theirs.iter().map(|person| person.policy.max_runners).sum();
            prop_assert_eq!(team.max_runners, quota);
            for person in theirs {
                let found = difference(&person.policy, &team.policy);
                prop_assert_eq!(&found.lost, &Vec::<String>::new());
                for label in LABELS.map(|text| Label::parse(text).unwrap()) {
                    prop_assert!(!person.policy.admits(&label) || team.policy.verdict(&label) != Verdict::Refused);
                }
                prop_assert!(!team.equal || found.gained.is_empty(), "{:?}", found);
            }
        }
    }

    #[test]
    fn the_order_of_people_makes_no_difference(policies in prop::collection::vec(any_policy(), 0..10)) {
        let people = holders(policies);
        let reversed: Vec<Holder> = people.iter().rev().cloned().collect();
        let plain = |teams: Vec<Proposal>| -> Vec<(Vec<UserId>, Vec<String>)> {
            let lower = |team: &Proposal| team.policy.optional.iter().map(|p| p.as_str().to_lowercase()).collect();
            teams.iter().map(|team| (team.members.clone(), lower(team))).collect()
        };
        prop_assert_eq!(plain(propose(&people)), plain(propose(&reversed)));
    }

    /// Soundness: a label that is lost or gained is named, or something is said to be incomparable.
    #[test]
    fn no_change_goes_without_mention(before in any_policy(), after in any_team()) {
        let found = difference(&before, &after);
        for label in LABELS.iter().chain(&STRANGERS).map(|text| Label::parse(text).unwrap()) {
            let (had, has) = (before.admits(&label), after.verdict(&label) != Verdict::Refused);
            if had && !has {
                prop_assert!(!found.lost.is_empty() || !found.unknown.is_empty(), "{label} is lost: {found:?}");
            }
            if has && !had {
                prop_assert!(!found.gained.is_empty() || !found.unknown.is_empty(), "{label} is gained: {found:?}");
            }
        }
        // And what is said to be lost or gained by name is.
        for label in found.lost.iter().filter_map(|text| Label::parse(text).ok()) {
            prop_assert!(before.admits(&label) && after.verdict(&label) == Verdict::Refused);
        }
        for label in found.gained.iter().filter_map(|text| Label::parse(text).ok()) {
            prop_assert!(!before.admits(&label) && after.verdict(&label) != Verdict::Refused);
        }
    }
}
