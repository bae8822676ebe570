//! From label policies into teams: what is suggested, what is done, and all or nothing (the seed's migration).

use backend::{
    Result,
    label_policies::{self, MigrationInput, NewPolicyInput, PlannedTeamInput},
    runners::JitInput,
    teams::NewTeamInput,
};
use domain::{OrgRole, OrganizationId, TeamRole, UserId, views::Migration};

use super::label_policies::{policy, set};
use crate::common::{World, refusal, refused};

struct Office {
    world: World,
    here: OrganizationId,
    root: UserId,
    olga: UserId,
    people: Vec<UserId>,
}

/// Two people with equal policies, one with another, all of an organization that Olga administers.
async fn office() -> Office {
    let world = World::new().await;
    let (root, here) = (world.super_admin().await, world.organization("here").await);
    let olga = world.user("olga").await;
    world.give(here, olga, OrgRole::OrgAdmin).await;
    let mut people = Vec::new();
    for (name, allowed, max) in [
        ("ann", "docker", Some(2)),
        ("ben", "DOCKER", Some(3)),
        ("cat", "gpu", None),
    ] {
        let user = world.user(name).await;
        world.give(here, user, OrgRole::OrgMember).await;
        let patterns: &[&str] = if name == "cat" { &[] } else { &["backend-.*"] };
        set(&world, olga, policy(user, &[allowed], patterns, max))
            .await
            .unwrap();
        people.push(user);
    }
    Office {
        world,
        here,
        root,
        olga,
        people,
    }
}

fn planned(organization: OrganizationId, name: &str, members: &[&str]) -> PlannedTeamInput {
    PlannedTeamInput {
        team: NewTeamInput {
            name: name.to_owned(),
            optional_label_patterns: vec!["docker".to_owned(), "backend-.*".to_owned()],
            max_runners: Some(5),
            organization_id: Some(organization),
            ..NewTeamInput::default()
        },
        members: members.iter().map(|name| format!("{name}@example.com")).collect(),
    }
}

async fn migrate(
    world: &World,
    by: UserId,
    teams: Vec<PlannedTeamInput>,
    remove: bool,
    dry_run: bool,
) -> Result<Migration> {
    let input = MigrationInput { teams };
    let what = async |ctx: &mut backend::Ctx| label_policies::migrate(ctx, input.parse()?, remove, dry_run).await;
    if dry_run {
        world.ask(by, what).await
    } else {
        world.act(by, what).await
    }
}

/// The suggestions are of the organization's people, with what changes for each.
#[tokio::test]
async fn b16_suggestions_say_what_would_change_for_whom() {
    let Office {
        world,
        here,
        olga,
        people,
        ..
    } = office().await;
    let (ops, gone, outside) = (
        world.team_in(here, "Ops").await,
        world.user("gone").await,
        world.user("out").await,
    );
    world.team_in(here, "Backend runners").await;
    world.join(ops, people[1], TeamRole::Member).await;
    world.runner(None, people[0], "active").await;
    world.give(here, gone, OrgRole::OrgMember).await;
    for user in [gone, outside] {
        world
            .sql(&format!(
                "INSERT INTO user_label_policies (user_id, allowed_labels) VALUES ('{user}', '{{docker}}')"
            ))
            .await;
    }
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    let found = world
        .ask(olga, async |ctx| label_policies::suggest(ctx).await)
        .await
        .unwrap();
    assert_eq!((found.suggestions.len(), found.deactivated, found.beyond), (2, 1, 0));
    let team = &found.suggestions[0];
    assert_eq!(
        (team.name.as_str(), team.organization_id),
        ("Backend runners 2", here),
        "the name is taken"
    );
    assert_eq!((team.max_runners, team.equal), (Some(5), true));
    let emails: Vec<&str> = team.people.iter().map(|person| person.email.as_str()).collect();
    assert_eq!(emails, ["ann@example.com", "ben@example.com"]);
    assert!(team.people.iter().all(|person| person.labels.is_none()));
    assert_eq!((team.people[0].runners, team.people[0].teams.len()), (1, 0));
    assert_eq!(team.people[1].teams, ["Ops"], "has to choose");
    assert_eq!(found.suggestions[1].max_runners, None);
    let again = world
        .ask(olga, async |ctx| label_policies::suggest(ctx).await)
        .await
        .unwrap();
    assert_eq!(found, again, "the keys too");
    set(&world, olga, policy(people[0], &["docker"], &["backend-.*"], Some(9)))
        .await
        .unwrap();
    let changed = world
        .ask(olga, async |ctx| label_policies::suggest(ctx).await)
        .await
        .unwrap();
    assert_ne!(
        changed.suggestions[0].key, team.key,
        "another quota, another suggestion"
    );
}

/// Creates, adds, removes and audits in one transaction; afterwards a team has to be chosen.
#[tokio::test]
async fn b16_people_are_moved_into_a_team_in_one_go() {
    let Office {
        world,
        here,
        olga,
        people,
        ..
    } = office().await;
    let teams = || vec![planned(here, "Builders", &["ann", "ben", "ANN"])];
    let tried = migrate(&world, olga, teams(), true, true).await.unwrap();
    assert_eq!(
        (tried.teams[0].id, tried.policies_removed, tried.dry_run),
        (None, 2, true)
    );
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM teams WHERE name = 'Builders'")
            .await,
        0
    );
    assert_eq!(world.one::<i64>("SELECT count(*) FROM user_label_policies").await, 3);

    let done = migrate(&world, olga, teams(), true, false).await.unwrap();
    let team = done.teams[0].id.unwrap();
    assert_eq!((done.teams[0].people.len(), done.policies_removed), (2, 2));
    let actions: Vec<String> = world
        .all(&format!(
            "SELECT action || CASE WHEN team_id = '{team}' THEN ' in the team' ELSE '' END FROM audit_entries
            WHERE actor = 'olga@example.com' AND action <> 'label_policy.create' ORDER BY id"
        ))
        .await;
    assert_eq!(
        actions,
        [
            "team.create in the team",
            "member.add in the team",
            "member.add in the team",
            "label_policy.migrate in the team",
            "label_policy.delete",
            "label_policy.delete"
        ]
    );
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM user_label_policies").await,
        1,
        "cat's"
    );
    refused(
        world.provision(people[0], JitInput::default()).await,
        "TEAM_REQUIRED",
        "team_id is required",
    );
    let asked = JitInput {
        team_id: Some(team),
        labels: vec!["docker".to_owned(), "backend-x".to_owned()],
        ..JitInput::default()
    };
    world
        .provision(people[0], asked)
        .await
        .expect("what was allowed before is allowed now");
}

/// All or nothing: whatever is wrong with one team or person undoes the others.
#[tokio::test]
async fn b16_a_migration_is_whole_or_not_at_all() {
    let Office {
        world,
        here,
        root,
        olga,
        people,
    } = office().await;
    let nothing = async || {
        assert_eq!(
            world
                .one::<i64>("SELECT count(*) FROM teams WHERE name = 'First'")
                .await,
            0
        );
        assert_eq!(world.one::<i64>("SELECT count(*) FROM user_label_policies").await, 3);
    };
    world.team_in(here, "Taken").await;
    let two = |name: &str, members: &[&str]| vec![planned(here, "First", &["ann"]), planned(here, name, members)];
    refused(
        migrate(&world, olga, two("Taken", &["ben"]), true, false).await,
        "NAME_TAKEN",
        "Team 'Taken' already exists",
    );
    nothing().await;
    refused(
        migrate(&world, olga, two("Second", &["olga"]), true, false).await,
        "NOT_FOUND",
        "No policy found for user: olga@example.com",
    );
    nothing().await;
    let (code, words) = refusal(migrate(&world, olga, two("x", &[]), true, false).await);
    assert_eq!(code, "VALIDATION_ERROR");
    assert!(
        words.contains("suggestions[1].members: ") && words.contains("suggestions[1].name: "),
        "{words}"
    );
    refused(
        migrate(&world, olga, vec![], true, false).await,
        "VALIDATION_ERROR",
        "suggestions: must be 1 to 100",
    );

    // Not into other organizations, nor of others' people, nor by those who write no policies.
    let there = world.organization("there").await;
    refused(
        migrate(&world, olga, vec![planned(there, "First", &["ann"])], false, false).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    let otto = world.user("otto").await;
    world.give(there, otto, OrgRole::OrgAdmin).await;
    refused(
        migrate(&world, otto, vec![planned(there, "First", &["ann"])], false, false).await,
        "NOT_FOUND",
        "No policy found for user: ann@example.com",
    );
    refused(
        migrate(&world, people[0], vec![planned(here, "First", &["ann"])], false, false).await,
        "FORBIDDEN",
        "Admin privileges required.",
    );
    // Someone whose address the other organization does not take in.
    world
        .sql(&format!(
            "INSERT INTO organization_domains (organization_id, domain, token, verified_at, verified_how) VALUES ('{there}', 'there.example', 'x', now(), 'word')"
        ))
        .await;
    refused(
        migrate(&world, root, vec![planned(there, "First", &["ann"])], false, false).await,
        "WRONG_STATE",
        "Team 'First' was not created, and nothing else either: User ann@example.com is not in this organization's email domains",
    );
    nothing().await;
}

/// P: whom an org_admin may not decide for, they neither move nor are asked about.
#[tokio::test]
async fn p_guests_and_the_installations_own_are_moved_by_a_super_admin() {
    let Office {
        world,
        here,
        root,
        olga,
        people,
    } = office().await;
    world
        .sql(&format!(
            "UPDATE organization_members SET is_guest = true WHERE user_id = '{}'",
            people[1]
        ))
        .await;
    world
        .sql(&format!(
            "UPDATE users SET is_super_admin = true WHERE id = '{}'",
            people[2]
        ))
        .await;
    let suggested = async |by: UserId| {
        let found = world
            .ask(by, async |ctx| label_policies::suggest(ctx).await)
            .await
            .unwrap();
        let people = found.suggestions.into_iter().flat_map(|team| team.people);
        let mut emails: Vec<String> = people.map(|person| person.email).collect();
        emails.sort();
        emails
    };
    assert_eq!(suggested(olga).await, ["ann@example.com"]);
    assert_eq!(
        suggested(root).await,
        ["ann@example.com", "ben@example.com", "cat@example.com"]
    );
    for name in ["ben", "cat"] {
        refused(
            migrate(&world, olga, vec![planned(here, "First", &["ann", name])], true, false).await,
            "NOT_FOUND",
            &format!("No policy found for user: {name}@example.com"),
        );
    }
    let all = vec![planned(here, "First", &["ann", "ben", "cat"])];
    let done = migrate(&world, root, all, true, false).await.unwrap();
    assert_eq!(done.policies_removed, 3);
}

/// The number of queries does not grow with the number of people (SPEC B17: no N+1).
#[tokio::test]
async fn b17_suggestions_for_many_people_are_quick() {
    let world = World::new().await;
    let root = world.super_admin().await;
    world
        .sql(
            "INSERT INTO users (id, email) SELECT gen_random_uuid(), 'p' || n || '@example.com' FROM generate_series(1, 1500) n",
        )
        .await;
    world
        .sql(
            "INSERT INTO user_label_policies (user_id, allowed_labels, label_patterns, max_runners)
            SELECT id, ARRAY['l' || (hashtext(email) & 255), 'docker'], ARRAY['team-' || (hashtext(email) & 63) || '-.*'], 2
            FROM users WHERE email LIKE 'p%'",
        )
        .await;
    let start = std::time::Instant::now();
    let found = world
        .ask(root, async |ctx| label_policies::suggest(ctx).await)
        .await
        .unwrap();
    let people: usize = found.suggestions.iter().map(|team| team.people.len()).sum();
    assert_eq!(people, 1500);
    // A query for each person would take longer than this on its own; so would comparing all with all in regexes.
    assert!(
        start.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    let none = NewPolicyInput::default().parse();
    assert!(none.is_err(), "nobody is named");
}
