//! Services: the catalogue (D2), the teams' policy with its reasons (D9, X9), and what changes of either break.

use backend::{
    Result,
    services::{self, AllowInput, NewServiceInput, Saved, ServicePatchInput},
};
use domain::{
    DEFAULT_ORGANIZATION, OrgRole, OrganizationId, Reason, ServiceId, TeamId, TeamRole, TeamStatus, UserId,
    views::Service,
};
use uuid::Uuid;

use crate::common::{World, refusal, refused};

fn input(name: &str) -> NewServiceInput {
    NewServiceInput {
        name: name.to_owned(),
        ..NewServiceInput::default()
    }
}

fn rows(list: &[(&str, &str)]) -> Vec<AllowInput> {
    list.iter()
        .map(|&(service, reason)| AllowInput {
            service: service.to_owned(),
            reason: reason.to_owned(),
        })
        .collect()
}

async fn add(world: &World, by: UserId, organization: OrganizationId, name: &str) -> Result<Service> {
    world
        .act(by, async |ctx| {
            services::create(ctx, organization, input(name).parse()?).await
        })
        .await
}

async fn set(world: &World, by: UserId, team: TeamId, list: &[(&str, &str)]) -> Result<Saved> {
    world
        .act(by, async |ctx| services::set(ctx, team, &rows(list)).await)
        .await
}

/// What a team may use: `name: reason`.
async fn allowed(world: &World, by: UserId, team: TeamId) -> Vec<String> {
    let (_, choices) = world
        .ask(by, async |ctx| services::of_team(ctx, team).await)
        .await
        .expect("a policy");
    choices
        .into_iter()
        .filter_map(|choice| choice.allowed)
        .map(|allowed| format!("{}: {}", allowed.service, allowed.reason))
        .collect()
}

/// A key of somebody in a team; `more` sets further columns.
async fn key(world: &World, team: TeamId, owner: UserId, name: &str, more: &str) -> Uuid {
    let id = Uuid::now_v7();
    let hash = id.simple().to_string().repeat(2);
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash)
            VALUES ('{id}', '{team}', '{owner}', '{name}', 'sk-{name}', decode('{hash}', 'hex'))"
        ))
        .await;
    if !more.is_empty() {
        world
            .sql(&format!("UPDATE api_keys SET {more} WHERE id = '{id}'"))
            .await;
    }
    id
}

/// An organization with the seed's services, its admin, and a team with an admin and a member.
struct Scene {
    world: World,
    organization: OrganizationId,
    owner: UserId,
    team: TeamId,
    admin: UserId,
    member: UserId,
}

const CATALOGUE: [&str; 5] = ["analytics", "atlas-al-oss-svc", "auto-rater", "cli-eval", "llm-service"];

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let owner = world.user("owner").await;
        world.give(organization, owner, OrgRole::OrgAdmin).await;
        let team = world.team_in(organization, "Engineering").await;
        let admin = world.member(team, "admin", TeamRole::Admin).await;
        let member = world.member(team, "member", TeamRole::Member).await;
        for name in CATALOGUE {
            add(&world, owner, organization, name).await.expect("a service");
        }
        Self {
            world,
            organization,
            owner,
            team,
            admin,
            member,
        }
    }

    async fn service(&self, name: &str) -> ServiceId {
        let id: Uuid = self
            .world
            .one(&format!(
                "SELECT id FROM services WHERE name = '{name}' AND organization_id = '{}'",
                self.organization
            ))
            .await;
        ServiceId(id)
    }
}

/// D2: the seed's three policies, and X9: a team without one may use nothing.
#[tokio::test]
async fn d2_the_policy_examples() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let science = world.team_in(scene.organization, "Data Science").await;
    let partner = world.team_in(scene.organization, "External Partner").await;
    let ai = [
        ("llm-service", "products"),
        ("auto-rater", "releases"),
        ("cli-eval", "CI"),
        ("atlas-al-oss-svc", "labelling"),
    ];
    set(world, scene.owner, scene.team, &ai)
        .await
        .expect("full access to AI services");
    set(world, scene.owner, science, &[("analytics", "reports")])
        .await
        .expect("analytics only");
    assert_eq!(
        allowed(world, scene.member, scene.team).await,
        [
            "atlas-al-oss-svc: labelling",
            "auto-rater: releases",
            "cli-eval: CI",
            "llm-service: products"
        ],
        "analytics is not allowed"
    );
    assert_eq!(allowed(world, scene.owner, science).await, ["analytics: reports"]);
    assert!(
        allowed(world, scene.owner, partner).await.is_empty(),
        "X9: none is none"
    );
    let list = world
        .ask(scene.member, async |ctx| services::list(ctx, scene.organization).await)
        .await
        .expect("members read the catalogue");
    let counts: Vec<_> = list
        .iter()
        .map(|service| (service.name.as_str(), service.team_count))
        .collect();
    assert_eq!(
        counts,
        [
            ("analytics", 1),
            ("atlas-al-oss-svc", 1),
            ("auto-rater", 1),
            ("cli-eval", 1),
            ("llm-service", 1)
        ]
    );
    let emptied = set(world, scene.admin, scene.team, &[])
        .await
        .expect("a team admin takes all away");
    assert_eq!((emptied.change.lost.len(), emptied.allowed.len()), (4, 0));
}

/// P: admins of the team, of its organization and super_admins allow services; nobody else, in no other team.
#[tokio::test]
async fn p_who_allows_services() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let list = [("analytics", "because")];
    let (stranger, auditor) = (world.user("stranger").await, world.user("auditor").await);
    world.give(scene.organization, auditor, OrgRole::Auditor).await;
    let other = world.team_in(scene.organization, "Other").await;
    let other_admin = world.member(other, "other", TeamRole::Admin).await;
    let far = world.organization("far").await;
    let far_admin = world.user("far").await;
    world.give(far, far_admin, OrgRole::OrgAdmin).await;
    refused(
        set(world, scene.member, scene.team, &list).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    for by in [stranger, auditor, other_admin, far_admin] {
        refused(
            set(world, by, scene.team, &list).await,
            "FORBIDDEN",
            "Admin privileges required for team management",
        );
    }
    let root = world.super_admin().await;
    for (index, by) in [scene.admin, scene.owner, root].into_iter().enumerate() {
        let reason = format!("because {index}");
        set(world, by, scene.team, &[("analytics", &reason)])
            .await
            .expect("an admin may");
    }
    // Each way of changing one service asks for the same right.
    let analytics = scene.service("analytics").await;
    let reason = Reason::parse("because").expect("a reason");
    let one = world
        .act(scene.member, async |ctx| {
            services::allow(ctx, scene.team, analytics, &reason).await
        })
        .await;
    refused(one, "FORBIDDEN", "Insufficient permissions");
    let one = world
        .act(scene.member, async |ctx| {
            services::stop(ctx, scene.team, analytics).await
        })
        .await;
    refused(one, "FORBIDDEN", "Insufficient permissions");
    let one = world
        .ask(scene.member, async |ctx| {
            services::preview_stop(ctx, scene.team, analytics).await
        })
        .await;
    refused(one, "FORBIDDEN", "Insufficient permissions");
    world.set_status(scene.team, TeamStatus::Inactive).await;
    refused(
        set(world, scene.admin, scene.team, &[]).await,
        "TEAM_INACTIVE",
        "Team is inactive",
    );
    world.set_status(scene.team, TeamStatus::Archived).await;
    refused(
        set(world, scene.owner, scene.team, &[]).await,
        "WRONG_STATE",
        "Team 'Engineering' is archived",
    );
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM team_services").await,
        1,
        "what was refused was not done"
    );
}

/// P, X13: who changes a catalogue; and everyone of the organization reads it.
#[tokio::test]
async fn p_who_changes_the_catalogue() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let (stranger, plain, auditor) = (
        world.user("stranger").await,
        world.user("plain").await,
        world.user("auditor").await,
    );
    world.give(scene.organization, plain, OrgRole::OrgMember).await;
    world.give(scene.organization, auditor, OrgRole::Auditor).await;
    let root = world.super_admin().await;
    for (by, reads, changes) in [
        (stranger, false, false),
        (plain, true, false),
        (auditor, true, false),
        (scene.member, true, false),
        (scene.admin, true, false),
        (scene.owner, true, true),
        (root, true, true),
    ] {
        let list = world
            .ask(by, async |ctx| services::list(ctx, scene.organization).await)
            .await;
        if reads {
            assert_eq!(list.expect("may read").len(), CATALOGUE.len());
        } else {
            refused(list, "FORBIDDEN", "Access denied: not a member of this organization");
        }
        let made = world
            .ask(by, async |ctx| {
                services::create(ctx, scene.organization, input("new").parse()?).await
            })
            .await;
        let id = scene.service("analytics").await;
        let gone = world
            .ask(by, async |ctx| services::delete(ctx, scene.organization, id).await)
            .await;
        if changes {
            made.expect("may add");
            gone.expect("may delete");
        } else {
            let literal = "Admin privileges required for team management";
            refused(made, "FORBIDDEN", literal);
            refused(gone, "FORBIDDEN", literal);
        }
    }
    // X13: nobody but a super_admin changes what the teams that stand alone share.
    let (_, words) = refusal(add(world, scene.owner, DEFAULT_ORGANIZATION, "shared").await);
    assert!(
        words.ends_with("To change an organization's services, ask a super_admin."),
        "{words}"
    );
    add(world, root, DEFAULT_ORGANIZATION, "shared")
        .await
        .expect("a super_admin may");
}

/// A service is in exactly one organization: its name is free in another, and no other one's team can use it.
#[tokio::test]
async fn d2_services_stay_in_their_organization() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let root = world.super_admin().await;
    let far = world.organization("far").await;
    let team = world.team_in(far, "Far Team").await;
    refused(
        add(world, scene.owner, scene.organization, "analytics").await,
        "NAME_TAKEN",
        "Service 'analytics' already exists in this organization",
    );
    let (_, words) = refusal(set(world, root, team, &[("analytics", "reports")]).await);
    assert_eq!(
        words,
        "allowed_services[0].service: must be in the catalogue of far: there is no 'analytics'"
    );
    let near = scene.service("analytics").await;
    let reason = Reason::parse("reports").expect("a reason");
    let far_away = world
        .act(root, async |ctx| services::allow(ctx, team, near, &reason).await)
        .await;
    refused(far_away, "NOT_FOUND", "Service not found");
    let wrong = world.ask(root, async |ctx| services::get(ctx, far, near).await).await;
    refused(wrong, "NOT_FOUND", "Service not found");
    let own = add(world, root, far, "analytics").await.expect("the name is free here");
    set(world, root, team, &[("analytics", "reports")])
        .await
        .expect("the team's own");
    let count = world
        .ask(root, async |ctx| services::find(ctx, near).await)
        .await
        .expect("it")
        .team_count;
    assert_eq!((count, own.team_count), (0, 0));
}

/// D9: who allowed a service, and when, stays as long as its reason does.
#[tokio::test]
async fn d9_a_reason_keeps_who_gave_it() {
    let scene = Scene::new().await;
    let world = &scene.world;
    set(
        world,
        scene.admin,
        scene.team,
        &[("analytics", "reports"), ("cli-eval", "CI")],
    )
    .await
    .expect("allowed");
    world.sql("UPDATE team_services SET allowed_at = '2026-01-01'").await;
    let again = set(
        world,
        scene.owner,
        scene.team,
        &[("cli-eval", "nightly runs"), ("analytics", " reports ")],
    )
    .await
    .expect("allowed");
    assert_eq!(again.change.reasoned, ["cli-eval"]);
    assert!(again.change.gained.is_empty() && again.change.lost.is_empty());
    let [analytics, eval] = &again.allowed[..] else {
        panic!("{again:?}")
    };
    assert_eq!(analytics.allowed_by.as_deref(), Some("admin@example.com"));
    assert!(analytics.allowed_at.to_rfc3339().starts_with("2026-01-01"));
    assert_eq!(eval.allowed_by.as_deref(), Some("owner@example.com"));
    assert!(!eval.allowed_at.to_rfc3339().starts_with("2026-01-01"));
    let entries: i64 = world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'team.services'")
        .await;
    set(
        world,
        scene.owner,
        scene.team,
        &[("analytics", "reports"), ("cli-eval", "nightly runs")],
    )
    .await
    .expect("nothing changes");
    let after: i64 = world
        .one("SELECT count(*) FROM audit_entries WHERE action = 'team.services'")
        .await;
    assert_eq!((entries, after), (2, 2), "what changes nothing is no entry");
    let diff: String = world
        .one("SELECT before::text || after::text FROM audit_entries WHERE action = 'team.services' ORDER BY id DESC LIMIT 1")
        .await;
    assert_eq!(
        diff,
        r#"{"cli-eval": "CI", "analytics": "reports"}{"cli-eval": "nightly runs", "analytics": "reports"}"#
    );
}

/// One service is allowed and stopped, and the others stay as they were.
#[tokio::test]
async fn d9_one_service_at_a_time() {
    let scene = Scene::new().await;
    let world = &scene.world;
    set(world, scene.admin, scene.team, &[("analytics", "reports")])
        .await
        .expect("allowed");
    let (eval, analytics) = (scene.service("cli-eval").await, scene.service("analytics").await);
    let reason = Reason::parse("CI").expect("a reason");
    let saved = world
        .act(scene.admin, async |ctx| {
            services::allow(ctx, scene.team, eval, &reason).await
        })
        .await
        .expect("allowed");
    assert_eq!(saved.change.gained, ["cli-eval"]);
    assert_eq!(
        allowed(world, scene.member, scene.team).await,
        ["analytics: reports", "cli-eval: CI"]
    );
    world
        .act(scene.admin, async |ctx| {
            services::stop(ctx, scene.team, analytics).await
        })
        .await
        .expect("stopped");
    assert_eq!(allowed(world, scene.member, scene.team).await, ["cli-eval: CI"]);
    let again = world
        .act(scene.admin, async |ctx| {
            services::stop(ctx, scene.team, analytics).await
        })
        .await
        .expect("it was not allowed");
    assert!(again.change.is_empty());
}

/// The preview counts the keys that work now, and changes nothing.
#[tokio::test]
async fn d9_the_preview_says_which_keys_break() {
    let scene = Scene::new().await;
    let world = &scene.world;
    set(
        world,
        scene.admin,
        scene.team,
        &[("analytics", "reports"), ("cli-eval", "CI")],
    )
    .await
    .expect("allowed");
    let project = world.project(scene.team, "Billing").await;
    let (team, member) = (scene.team, scene.member);
    let of_project = format!("project_id = '{project}'");
    key(
        world,
        team,
        member,
        "fresh",
        &format!("{of_project}, last_used_at = now() - interval '1 day'"),
    )
    .await;
    key(
        world,
        team,
        member,
        "old",
        &format!("{of_project}, last_used_at = now() - interval '40 days'"),
    )
    .await;
    key(world, team, member, "unused", "expires_at = now() + interval '1 day'").await;
    key(world, team, member, "revoked", "revoked_at = now()").await;
    key(world, team, member, "expired", "expires_at = now() - interval '1 day'").await;
    let gone = world.member(team, "gone", TeamRole::Member).await;
    key(world, team, gone, "deactivated", "").await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    let other = world.team_in(scene.organization, "Other").await;
    world.join(other, member, TeamRole::Member).await;
    key(world, other, member, "elsewhere", "").await;

    let preview = async |list: &'static [(&str, &str)]| {
        world
            .ask(scene.admin, async |ctx| services::preview(ctx, team, &rows(list)).await)
            .await
            .expect("a preview")
    };
    let less = preview(&[("cli-eval", "CI"), ("llm-service", "chat")]).await;
    assert_eq!(
        (less.change.gained.len(), &less.change.lost[..]),
        (1, &["analytics".to_owned()][..])
    );
    let broken = &less.change.broken;
    assert_eq!((broken.keys, broken.recently_used, broken.projects), (3, 1, 1));
    let names: Vec<_> = broken
        .examples
        .iter()
        .map(|key| (key.name.as_str(), key.project.as_deref()))
        .collect();
    assert_eq!(
        names,
        [("fresh", Some("Billing")), ("old", Some("Billing")), ("unused", None)]
    );
    let would: Vec<_> = less.allowed.iter().map(|allowed| allowed.service.as_str()).collect();
    assert_eq!(would, ["cli-eval", "llm-service"]);
    let more = preview(&[("analytics", "reports"), ("cli-eval", "CI"), ("llm-service", "chat")]).await;
    assert_eq!(
        (more.change.broken.keys, more.change.gained.len()),
        (0, 1),
        "what is gained breaks nothing"
    );
    assert_eq!(
        allowed(world, scene.member, team).await,
        ["analytics: reports", "cli-eval: CI"],
        "nothing was saved"
    );
}

/// Renaming would change `/authz/{service}` under the teams that use it.
#[tokio::test]
async fn d2_a_service_in_use_keeps_its_name() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let id = scene.service("analytics").await;
    let rename = async |name: &str| {
        let patch = ServicePatchInput {
            name: Some(name.to_owned()),
            ..ServicePatchInput::default()
        };
        world
            .act(scene.owner, async |ctx| {
                services::update(ctx, scene.organization, id, patch.parse()?).await
            })
            .await
    };
    assert_eq!(rename("reports").await.expect("nobody uses it").name, "reports");
    refused(
        rename("cli-eval").await,
        "NAME_TAKEN",
        "Service 'cli-eval' already exists",
    );
    set(world, scene.admin, scene.team, &[("reports", "why not")])
        .await
        .expect("allowed");
    refused(
        rename("analytics").await,
        "WRONG_STATE",
        "Service 'reports' cannot be renamed. 1 team uses it, and proxies ask for it at /authz/reports.",
    );
    rename("reports").await.expect("its own name is no change");
    let patch = ServicePatchInput {
        description: Some(Some("Reports".to_owned())),
        kind: Some("model_gateway".to_owned()),
        path_prefixes: Some(vec!["get /v1".to_owned(), "/v2".to_owned()]),
        ..ServicePatchInput::default()
    };
    let changed = world
        .act(scene.owner, async |ctx| {
            services::update(ctx, scene.organization, id, patch.parse()?).await
        })
        .await
        .expect("all else changes");
    assert_eq!(changed.path_prefixes, ["GET /v1", "/v2"]);
    assert_eq!(
        (changed.kind.as_str(), changed.description.as_deref()),
        ("model_gateway", Some("Reports"))
    );
    world
        .sql(&format!(
            "UPDATE teams SET status = 'archived' WHERE id = '{}'",
            scene.team
        ))
        .await;
    rename("analytics").await.expect("an archived team uses nothing");
}

/// Deleting a service takes it from every team, says so before, and leaves it in their history.
#[tokio::test]
async fn d2_deleting_a_service_takes_it_from_every_team() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let other = world.team_in(scene.organization, "Analysts").await;
    for team in [scene.team, other] {
        set(
            world,
            scene.owner,
            team,
            &[("analytics", "reports"), ("cli-eval", "CI")],
        )
        .await
        .expect("allowed");
    }
    key(world, scene.team, scene.member, "live", "last_used_at = now()").await;
    let id = scene.service("analytics").await;
    let before = world
        .ask(scene.owner, async |ctx| {
            services::preview_delete(ctx, scene.organization, id).await
        })
        .await
        .expect("a preview");
    assert_eq!(
        (before.teams, &before.team_names[..]),
        (2, &["Analysts".to_owned(), "Engineering".to_owned()][..])
    );
    assert_eq!((before.broken.keys, before.broken.recently_used), (1, 1));
    let done = world
        .act(scene.owner, async |ctx| {
            services::delete(ctx, scene.organization, id).await
        })
        .await
        .expect("deleted");
    assert_eq!(before, done, "the preview said what happened");
    for team in [scene.team, other] {
        assert_eq!(allowed(world, scene.owner, team).await, ["cli-eval: CI"]);
        let entry: String = world
            .one(&format!(
                "SELECT before::text || after::text || actor || target FROM audit_entries
                WHERE team_id = '{team}' ORDER BY id DESC LIMIT 1"
            ))
            .await;
        let name = if team == other { "Analysts" } else { "Engineering" };
        assert_eq!(
            entry,
            format!(r#"{{"analytics": "reports"}}{{}}owner@example.com{name}"#)
        );
    }
    let teams: Vec<String> = world
        .all("SELECT jsonb_array_elements_text(before->'teams') FROM audit_entries WHERE action = 'service.delete'")
        .await;
    assert_eq!(teams, ["Analysts", "Engineering"]);
    let gone = world
        .act(scene.owner, async |ctx| {
            services::delete(ctx, scene.organization, id).await
        })
        .await;
    refused(gone, "NOT_FOUND", "Service not found");
}

/// As a race: whoever comes first, no team keeps a service that is gone, and nobody meets a fault of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_allowing_and_deleting_at_once() {
    let scene = Scene::new().await;
    let world = &scene.world;
    for round in 0..20 {
        let service = add(world, scene.owner, scene.organization, &format!("svc-{round}"))
            .await
            .expect("a service");
        let reason = Reason::parse("race").expect("a reason");
        let (allow, delete) = tokio::join!(
            world.act(scene.admin, async |ctx| services::allow(
                ctx, scene.team, service.id, &reason
            )
            .await),
            world.act(scene.owner, async |ctx| services::delete(
                ctx,
                scene.organization,
                service.id
            )
            .await),
        );
        delete.expect("deleted");
        if allow.is_err() {
            let (code, _) = refusal(allow);
            assert!(matches!(code, "NOT_FOUND" | "WRONG_STATE"), "{code}");
        }
        assert_eq!(world.one::<i64>("SELECT count(*) FROM team_services").await, 0);
    }
}

/// Five hundred services are enough; as a race, there are never more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_has_an_end() {
    let scene = Scene::new().await;
    let world = &scene.world;
    world
        .sql(&format!(
            "INSERT INTO services (id, organization_id, name)
            SELECT gen_random_uuid(), '{}', 'filler-' || n FROM generate_series(1, 494) AS n",
            scene.organization
        ))
        .await;
    let (one, other) = tokio::join!(
        add(world, scene.owner, scene.organization, "one"),
        add(world, scene.owner, scene.organization, "other"),
    );
    let (fine, full) = if one.is_ok() { (one, other) } else { (other, one) };
    fine.expect("the last one");
    refused(full, "WRONG_STATE", "An organization may have at most 500 services");
}
