//! B24, B25, P, X6: who reads what of the audit log and of the security events, page by page.

use std::collections::BTreeSet;

use backend::{
    Ctx, Result,
    audit::{self, AuditQuery, Entry, Reach},
    security::{self, Event, SecurityQuery},
    users,
};
use chrono::TimeDelta;
use domain::{Comment, OrgRole, OrganizationId, SecurityEventType, Severity, TeamId, TeamRole, UserId, UserRef};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{World, refused};

/// Two organizations with a team each, and somebody of every kind; what each did is in both logs.
struct House {
    world: World,
    here: OrganizationId,
    team: TeamId,
    people: Vec<(&'static str, UserId)>,
}

/// Whose doing, in which organization, in which team; the name of the target.
const DONE: &[(&str, &str, bool, &str)] = &[
    ("root", "", false, "global"),
    ("owner", "here", false, "organization"),
    ("lead", "here", true, "team by lead"),
    ("member", "here", true, "team by member"),
    ("stranger", "there", true, "other team"),
    ("member", "there", false, "other organization by member"),
];

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let (here, there) = (world.organization("here").await, world.organization("there").await);
        let (team, other) = (world.team_in(here, "Ops").await, world.team_in(there, "Ops").await);
        let root = world.super_admin().await;
        let auditor = world.user("auditor").await;
        world
            .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
            .await;
        let owner = world.user("owner").await;
        world.give(here, owner, OrgRole::OrgAdmin).await;
        let watcher = world.user("watcher").await;
        world.give(here, watcher, OrgRole::Auditor).await;
        let lead = world.member(team, "lead", TeamRole::Admin).await;
        let member = world.member(team, "member", TeamRole::Member).await;
        let stranger = world.member(other, "stranger", TeamRole::Admin).await;
        let people = vec![
            ("root", root),
            ("auditor", auditor),
            ("owner", owner),
            ("watcher", watcher),
            ("lead", lead),
            ("member", member),
            ("stranger", stranger),
        ];
        let house = Self {
            world,
            here,
            team,
            people,
        };
        for (who, organization, in_team, target) in DONE {
            let organization = match *organization {
                "here" => Some(here),
                "there" => Some(there),
                _ => None,
            };
            let team = in_team.then_some(if organization == Some(here) { team } else { other });
            let who = house.person(who);
            house.did(who, organization, team, target).await;
        }
        house
    }

    fn person(&self, name: &str) -> UserId {
        self.people.iter().find(|(known, _)| *known == name).unwrap().1
    }

    async fn did(&self, who: UserId, organization: Option<OrganizationId>, team: Option<TeamId>, target: &str) {
        self.world
            .act(who, async |ctx| {
                let mut entry = Entry::new("team.update", "team", Uuid::now_v7(), target);
                entry.organization = organization;
                entry.team = team;
                audit::record(ctx, entry).await?;
                let mut event = Event::new(SecurityEventType::QuotaExceeded, "rejected", json!({"user": target}));
                event.organization = organization;
                event.team = organization.zip(team);
                security::record(ctx, event).await
            })
            .await
            .unwrap();
    }

    /// The targets in both logs, which must be the same and truly counted.
    async fn sees(&self, who: &str, team: Option<&str>) -> BTreeSet<String> {
        let query = AuditQuery {
            team: team.map(str::to_owned),
            ..AuditQuery::default()
        };
        let events = SecurityQuery {
            team: query.team.clone(),
            ..SecurityQuery::default()
        };
        let who = self.person(who);
        let (log, events) = self
            .world
            .ask(who, async |ctx| {
                Ok((audit::list(ctx, &query).await?, security::list(ctx, &events).await?))
            })
            .await
            .unwrap();
        assert_eq!((log.total, events.total), (length(&log.items), length(&events.items)));
        let found: BTreeSet<String> = log.items.iter().map(|entry| entry.target.clone()).collect();
        let same: BTreeSet<String> = events
            .items
            .iter()
            .filter_map(|event| event.target().map(str::to_owned))
            .collect();
        assert_eq!(
            (found.len(), &found),
            (log.items.len(), &same),
            "the same rule for both, and nothing twice"
        );
        found
    }
}

fn length<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap()
}

fn set(targets: &[&str]) -> BTreeSet<String> {
    targets.iter().map(|&target| target.to_owned()).collect()
}

/// SPEC P, "see audit and security events": all, of the org, of the team, own actions.
#[tokio::test]
async fn p_audit_and_security_events_are_seen_in_scope() {
    let house = House::new().await;
    let all: Vec<&str> = DONE.iter().map(|(.., target)| *target).collect();
    let organization = ["organization", "team by lead", "team by member"];
    for (who, targets, reach) in [
        ("root", all.as_slice(), Reach::All),
        ("auditor", &all, Reach::All),
        ("owner", &organization, Reach::Within),
        ("watcher", &organization, Reach::Within),
        ("lead", &["team by lead", "team by member"], Reach::Within),
        (
            "member",
            &["team by member", "other organization by member"],
            Reach::Own,
        ),
        ("stranger", &["other team"], Reach::Within),
    ] {
        assert_eq!(house.sees(who, None).await, set(targets), "{who}");
        assert_eq!(
            audit::reach(&house.world.caller(house.person(who)).await),
            reach,
            "{who}"
        );
    }
    // By the team's name, which two teams have.
    assert_eq!(
        house.sees("root", Some("ops")).await,
        set(&["team by lead", "team by member", "other team"])
    );
    assert_eq!(house.sees("member", Some("Ops")).await, set(&["team by member"]));
    assert_eq!(house.sees("stranger", Some(&house.team.to_string())).await, set(&[]));
    assert_eq!(house.sees("root", Some("no such team")).await, set(&[]));

    // An inactive team gives its admin nothing of what others did.
    house.world.set_status(house.team, domain::TeamStatus::Inactive).await;
    assert_eq!(house.sees("lead", None).await, set(&["team by lead"]));
    assert_eq!(house.sees("owner", None).await, set(&organization));
}

#[tokio::test]
async fn b25_an_entry_is_shown_to_those_who_may_see_it() {
    let house = House::new().await;
    let id: Uuid = house
        .world
        .one("SELECT id FROM audit_entries WHERE target = 'team by member'")
        .await;
    for (who, sees) in [
        ("root", true),
        ("watcher", true),
        ("lead", true),
        ("member", true),
        ("stranger", false),
    ] {
        let entry = house
            .world
            .ask(house.person(who), async |ctx| audit::get(ctx, id).await)
            .await;
        if sees {
            let entry = entry.unwrap();
            let told = (entry.actor.as_str(), entry.team_name.as_deref(), entry.ip.as_deref());
            assert_eq!(told, ("member@example.com", Some("Ops"), Some("192.0.2.7")));
        } else {
            refused(entry, "NOT_FOUND", "Audit entry not found");
        }
    }
}

/// The page of a team's events: all for those who may see its audit log, the own ones for its members.
#[tokio::test]
async fn b24_a_teams_events() {
    let house = House::new().await;
    let events = async |who: &str| {
        let query = SecurityQuery::default();
        house
            .world
            .ask(house.person(who), async |ctx| {
                security::list_of_team(ctx, house.team, &query).await
            })
            .await
            .map(|page| page.total)
    };
    for (who, count) in [("root", 2), ("owner", 2), ("watcher", 2), ("lead", 2), ("member", 1)] {
        assert_eq!(events(who).await.unwrap(), count, "{who}");
    }
    refused(
        events("stranger").await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
}

/// X6: whatever the page size, and whichever way one goes, every entry comes once; also those of one moment.
#[tokio::test]
async fn x6_pages_are_complete_in_every_scope() {
    let house = House::new().await;
    for number in 0..10 {
        let lead = house.person("lead");
        house
            .did(lead, Some(house.here), Some(house.team), &format!("more {number}"))
            .await;
    }
    // One transaction, one moment.
    let many = async |ctx: &mut Ctx| -> Result<()> {
        let entries: Vec<Entry<'_>> = (0..7)
            .map(|_| Entry::new("member.add", "member", Uuid::now_v7(), "at once").team(house.here, house.team))
            .collect();
        audit::record_many(ctx, &entries).await
    };
    house.world.act(house.person("lead"), many).await.unwrap();

    for (who, total) in [("root", 23), ("owner", 20), ("lead", 19), ("member", 2)] {
        for limit in [1, 3, 200] {
            let walk = async |query: AuditQuery| {
                house
                    .world
                    .ask(house.person(who), async |ctx| audit::list(ctx, &query).await)
                    .await
                    .unwrap()
            };
            let at = |cursor: Option<String>| AuditQuery {
                limit,
                cursor,
                ..AuditQuery::default()
            };
            let (mut seen, mut cursor, mut back) = (Vec::new(), None, None);
            loop {
                let page = walk(at(cursor)).await;
                assert_eq!(page.total, total, "{who}");
                seen.extend(page.items.iter().map(|entry| (entry.at, entry.id)));
                back = page.previous.or(back);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(length(&seen), total, "{who} {limit}");
            assert!(
                seen.windows(2).all(|pair| pair[0] > pair[1]),
                "newest first, nothing twice"
            );
            if let Some(cursor) = back {
                let page = walk(at(Some(cursor))).await;
                let last = seen.len() - page.items.len()..;
                assert!(page.next.is_some() && !seen[last].is_empty(), "the way back leads on");
            }
            // X6: the seed's offset works beside it.
            let skipped = walk(AuditQuery { offset: 1, ..at(None) }).await;
            let ids: Vec<Uuid> = skipped.items.iter().map(|entry| entry.id).collect();
            let expected: Vec<Uuid> = seen
                .iter()
                .skip(1)
                .take(skipped.items.len())
                .map(|(_, id)| *id)
                .collect();
            assert_eq!((ids, skipped.total), (expected, total), "{who} {limit}");
            assert_eq!(length(&skipped.items), limit.min(total - 1), "{who} {limit}");
        }
    }
    let wrong = AuditQuery {
        cursor: Some("nonsense".to_owned()),
        ..AuditQuery::default()
    };
    let done = house
        .world
        .ask(house.person("root"), async |ctx| audit::list(ctx, &wrong).await)
        .await;
    refused(done, "VALIDATION_ERROR", "cursor");
}

#[tokio::test]
async fn b25_filters_narrow_list_and_total_alike() {
    let house = House::new().await;
    let root = house.person("root");
    let runner = Uuid::now_v7();
    house
        .world
        .act(house.person("lead"), async |ctx| {
            let mut entry = Entry::new("provision_jit_failed", "runner", runner, "100%_Runner")
                .team(house.here, house.team)
                .change(Value::Null, json!({"error": "GitHub said no"}));
            entry.success = false;
            audit::record(ctx, entry).await
        })
        .await
        .unwrap();
    let base = AuditQuery::default;
    let now =
        chrono::DateTime::from_timestamp(house.world.one("SELECT extract(epoch FROM now())::bigint").await, 0).unwrap();
    let hour = TimeDelta::hours(1);
    let text = |text: &str| Some(text.to_owned());
    for (query, expected) in [
        (
            AuditQuery {
                action: text("provision_jit_failed"),
                ..base()
            },
            1,
        ),
        (
            AuditQuery {
                action: text("provision_jit"),
                ..base()
            },
            0,
        ),
        (
            AuditQuery {
                identity: text("Lead@Example.com"),
                ..base()
            },
            2,
        ),
        (
            AuditQuery {
                identity: text(&house.person("member").to_string()),
                ..base()
            },
            2,
        ),
        (
            AuditQuery {
                identity: text("lead@example.co_"),
                ..base()
            },
            0,
        ),
        (
            AuditQuery {
                success: Some(false),
                ..base()
            },
            1,
        ),
        (
            AuditQuery {
                success: Some(true),
                ..base()
            },
            6,
        ),
        (
            AuditQuery {
                organization: Some(house.here),
                ..base()
            },
            4,
        ),
        (
            AuditQuery {
                target: text(&runner.to_string()),
                ..base()
            },
            1,
        ),
        (
            AuditQuery {
                target: text(&runner.to_string()),
                target_kind: Some("team"),
                ..base()
            },
            0,
        ),
        (
            AuditQuery {
                search: text("BY MEMBER"),
                ..base()
            },
            2,
        ),
        (
            AuditQuery {
                search: text("100%_r"),
                ..base()
            },
            1,
        ),
        (
            AuditQuery {
                search: text("%"),
                ..base()
            },
            1,
        ),
        (
            AuditQuery {
                since: Some(now - hour),
                until: Some(now + hour),
                ..base()
            },
            7,
        ),
        (
            AuditQuery {
                since: Some(now + hour),
                ..base()
            },
            0,
        ),
        (
            AuditQuery {
                until: Some(now - hour),
                ..base()
            },
            0,
        ),
        (
            AuditQuery {
                team: text("ops"),
                success: Some(false),
                action: text("provision_jit_failed"),
                ..base()
            },
            1,
        ),
        (
            AuditQuery {
                search: text("\0"),
                identity: text("a\0b"),
                ..base()
            },
            0,
        ),
    ] {
        let page = house
            .world
            .ask(root, async |ctx| audit::list(ctx, &query).await)
            .await
            .unwrap();
        assert_eq!((length(&page.items), page.total), (expected, expected), "{query:?}");
        if query.success == Some(false) {
            let entry = &page.items[0];
            assert_eq!(
                (entry.runner_id(), entry.runner_name(), entry.error()),
                (Some(runner), Some("100%_Runner"), Some("GitHub said no"))
            );
        }
    }
    let backwards = AuditQuery {
        since: Some(now),
        until: Some(now),
        ..base()
    };
    let done = house
        .world
        .ask(root, async |ctx| audit::list(ctx, &backwards).await)
        .await;
    refused(done, "VALIDATION_ERROR", "until: must be later than since");
}

/// B24: deactivating somebody is a security event, in the transaction that does it.
#[tokio::test]
async fn b24_a_deactivation_is_a_security_event() {
    let house = House::new().await;
    let (root, member) = (house.person("root"), house.person("member"));
    let comment = Comment::parse("has left the company").unwrap();
    let deactivate = async |ctx: &mut Ctx| users::deactivate(ctx, &UserRef::Id(member), &comment).await;
    house.world.ask(root, deactivate).await.unwrap();
    let query = SecurityQuery {
        kind: Some(SecurityEventType::UserDeactivated),
        severity: Some(Severity::Medium),
        identity: Some("root@example.com".to_owned()),
        ..SecurityQuery::default()
    };
    let events = async || {
        house
            .world
            .ask(root, async |ctx| security::list(ctx, &query).await)
            .await
            .unwrap()
    };
    assert_eq!(events().await.total, 0, "what was undone did not happen");
    house.world.act(root, deactivate).await.unwrap();
    let page = events().await;
    let event = &page.items[0];
    assert_eq!((page.total, event.target()), (1, Some("member@example.com")));
    assert_eq!(
        (&event.violation_data["comment"], event.action_taken.as_deref()),
        (&json!("has left the company"), Some("user_deactivated"))
    );
}

/// B24: a full quota is the event `quota_exceeded`, low, with the team and its numbers.
#[tokio::test]
async fn b24_a_full_quota_is_a_security_event() {
    let house = House::new().await;
    let (lead, member) = (house.person("lead"), house.person("member"));
    house
        .world
        .sql(&format!("UPDATE teams SET max_runners = 1 WHERE id = '{}'", house.team))
        .await;
    house.world.runner(Some(house.team), lead, "active").await;
    let input = backend::runners::JitInput {
        team_id: Some(house.team),
        ..backend::runners::JitInput::default()
    };
    refused(
        house.world.provision(member, input).await,
        "QUOTA_EXCEEDED",
        "Team quota exceeded. Maximum allowed: 1, current: 1.",
    );
    let query = SecurityQuery {
        kind: Some(SecurityEventType::QuotaExceeded),
        identity: Some("member@example.com".to_owned()),
        team: Some(house.team.to_string()),
        ..SecurityQuery::default()
    };
    let page = house
        .world
        .ask(lead, async |ctx| security::list(ctx, &query).await)
        .await
        .unwrap();
    // The newest; below it is what the house begins with.
    let event = &page.items[0];
    assert_eq!(page.total, 2);
    assert_eq!(
        (event.severity, event.action_taken.as_deref()),
        (Severity::Low, Some("rejected"))
    );
    assert_eq!(
        (event.team_id, event.team_name.as_deref()),
        (Some(house.team), Some("Ops"))
    );
    assert_eq!(
        (
            &event.violation_data["max_runners"],
            &event.violation_data["runner_count"]
        ),
        (&json!(1), &json!(1))
    );
}

/// Codes of events in our own source: what is handed to `Entry::new`, and words like `team.create` beside it.
fn codes_in(folder: &std::path::Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, codes);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let objects = [
                "team",
                "member",
                "project",
                "key",
                "organization",
                "service",
                "session",
                "token",
                "user",
                "runner",
                "runner_wait",
                "label_policy",
                "machine_client",
                "prices",
                "sync",
                "batch",
            ];
            for literal in text.split('"') {
                let is_code = literal.split_once('.').is_some_and(|(object, verb)| {
                    objects.contains(&object)
                        && !verb.is_empty()
                        && verb.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                });
                if is_code {
                    codes.insert(literal.to_owned());
                }
            }
            for rest in text.split("Entry::new(").skip(1) {
                if let Some(code) = rest
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next())
                {
                    codes.insert(code.to_owned());
                }
            }
        }
    }
}

#[test]
fn b25_every_event_that_is_written_has_words() {
    let mut codes = BTreeSet::new();
    codes_in(
        &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut codes,
    );
    assert!(codes.len() > 50, "{codes:?}");
    let unknown: Vec<_> = codes
        .iter()
        .filter(|code| domain::audit::find_event(code).is_none())
        .collect();
    assert!(unknown.is_empty(), "without words in domain/src/audit.rs: {unknown:?}");
}

/// B25: what is looked for is found as it is written, whatever its letters: PostgreSQL lowers both.
#[tokio::test]
async fn b25_names_are_found_in_all_letters() {
    let house = House::new().await;
    let root = house.person("root");
    for name in ["ΟΔΟΣ", "İzmir", "Straße"] {
        house.did(root, None, None, name).await;
        let query = AuditQuery {
            search: Some(name.to_owned()),
            ..AuditQuery::default()
        };
        let page = house
            .world
            .ask(root, async |ctx| audit::list(ctx, &query).await)
            .await
            .unwrap();
        assert_eq!(page.total, 1, "{name}");
    }
}

/// B24, B25: however much is skipped, behind the end there is nothing, and the total is the same.
#[tokio::test]
async fn b24_b25_behind_the_end_there_is_nothing() {
    let house = House::new().await;
    for who in ["root", "lead"] {
        let query = AuditQuery {
            offset: i64::MAX,
            ..AuditQuery::default()
        };
        let same = SecurityQuery {
            offset: i64::MAX,
            ..SecurityQuery::default()
        };
        let (entries, events) = house
            .world
            .ask(house.person(who), async |ctx| {
                Ok((audit::list(ctx, &query).await?, security::list(ctx, &same).await?))
            })
            .await
            .unwrap();
        assert!(entries.items.is_empty() && events.items.is_empty());
        assert!(entries.total > 0 && entries.total == events.total);
    }
}
