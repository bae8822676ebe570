//! The list of teams: search, filters, order, pages and totals (B3, D7, X6).

use std::cell::Cell;

use backend::{Error, teams};
use domain::{
    OrgRole, OrganizationId, TeamRole, TeamStatus, UserId,
    views::{Page, Team},
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use teams::{Order, Sort, TeamQuery};
use tracing_subscriber::layer::SubscriberExt;

use crate::common::{World, refused};

async fn list(world: &World, who: UserId, query: &TeamQuery) -> Page<Team> {
    world
        .ask(who, async |ctx| teams::list(ctx, query).await)
        .await
        .unwrap_or_else(|error| panic!("{query:?}: {error}"))
}

fn names(page: &Page<Team>) -> Vec<&str> {
    page.items.iter().map(|team| team.name.as_str()).collect()
}

fn searching(text: &str) -> TeamQuery {
    TeamQuery {
        search: Some(text.to_owned()),
        ..TeamQuery::default()
    }
}

/// D7: a search takes `%`, `_` and `\` as themselves, ignores case, and never breaks.
#[tokio::test]
async fn d7_search_takes_every_character_as_itself() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for name in [
        "100% Sure",
        "under_score",
        r"back\slash",
        "Plain",
        "ΟΔΟΣ",
        "Straße",
        "İzmir",
        "tic'k",
    ] {
        world.team(name).await;
    }
    world
        .sql("UPDATE teams SET description = 'All about 50% & _more' WHERE name = 'Plain'")
        .await;
    let found = async |text: &str| -> Vec<String> {
        let page = list(&world, root, &searching(text)).await;
        assert_eq!(usize::try_from(page.total).unwrap(), page.items.len(), "{text}");
        page.items.into_iter().map(|team| team.name).collect()
    };
    assert_eq!(found("0%").await, ["100% Sure", "Plain"]);
    assert_eq!(found("%").await, ["100% Sure", "Plain"]);
    assert_eq!(found("_").await, ["Plain", "under_score"]);
    assert_eq!(found("r_s").await, ["under_score"]);
    assert_eq!(found(r"\").await, [r"back\slash"]);
    assert_eq!(found(r"k\s").await, [r"back\slash"]);
    assert_eq!(found(r"\%").await, Vec::<String>::new());
    assert_eq!(found("'").await, ["tic'k"]);
    assert_eq!(found(" pLAIn ").await, ["Plain"]);
    assert_eq!(
        found("ab\0out").await,
        ["Plain"],
        "NUL is dropped, not sent to PostgreSQL"
    );
    for name in ["ΟΔΟΣ", "Straße", "İzmir", "100% Sure", r"back\slash"] {
        assert_eq!(found(name).await, [name], "a team is found by its own name");
    }
    for all in ["", "  ", "\0"] {
        assert_eq!(found(all).await.len(), 9, "{all:?}: these and the Default Team");
    }
    assert_eq!(found(&"x".repeat(10_000)).await, Vec::<String>::new());
}

/// D6, D7: a member's search does not tell what stands in the description of an inactive team.
#[tokio::test]
async fn d6_search_does_not_look_into_what_is_not_shown() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Ops").await;
    let member = world.member(team, "member", TeamRole::Member).await;
    world
        .sql("UPDATE teams SET description = 'hidden words' WHERE NOT is_system")
        .await;
    assert_eq!(list(&world, member, &searching("hidden")).await.total, 1);
    world.set_status(team, TeamStatus::Inactive).await;
    let page = list(&world, member, &searching("hidden")).await;
    assert_eq!((page.total, page.items.len()), (0, 0));
    assert_eq!(list(&world, member, &searching("ops")).await.total, 1, "by its name");
    assert_eq!(list(&world, root, &searching("hidden")).await.total, 1);
}

/// D7: archived teams only when asked for, and only to those who could restore them.
#[tokio::test]
async fn d7_status_filters_and_scopes() {
    let world = World::new().await;
    let (here, there) = (world.organization("here").await, world.organization("there").await);
    let mut teams = Vec::new();
    for (organization, prefix) in [(here, "h"), (there, "t")] {
        for status in TeamStatus::ALL {
            let team = world.team_in(organization, &format!("{prefix} {status}")).await;
            world.set_status(team, status).await;
            teams.push(team);
        }
    }
    let [root, auditor, boss, watcher, member, stranger] =
        ["root", "auditor", "boss", "watcher", "member", "stranger"].map(|name| world.user(name));
    let (root, auditor, boss) = (root.await, auditor.await, boss.await);
    let (watcher, member, stranger) = (watcher.await, member.await, stranger.await);
    world
        .sql(&format!("UPDATE users SET is_super_admin = true WHERE id = '{root}'"))
        .await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    world.give(here, boss, OrgRole::OrgAdmin).await;
    world.give(there, watcher, OrgRole::Auditor).await;
    world.give(here, member, OrgRole::OrgMember).await;
    for team in &teams {
        world.join(*team, member, TeamRole::Member).await;
    }
    // Someone with both: one organization whole, and a team besides.
    world.join(teams[3], boss, TeamRole::Member).await;

    let with = |statuses: &[TeamStatus], organization| TeamQuery {
        statuses: statuses.to_vec(),
        organization,
        ..TeamQuery::default()
    };
    let seen = async |who, query: TeamQuery| {
        let page = list(&world, who, &query).await;
        assert_eq!(usize::try_from(page.total).unwrap(), page.items.len(), "{query:?}");
        names(&page).join(",")
    };
    use TeamStatus::{Active, Archived, Inactive};
    let usual = [Active, Inactive];
    let all = TeamStatus::ALL;
    for person in [root, auditor] {
        assert_eq!(
            seen(person, with(&usual, None)).await,
            "Default Team,h active,h inactive,t active,t inactive"
        );
        assert_eq!(
            seen(person, with(&all, None)).await,
            "Default Team,h active,h archived,h inactive,t active,t archived,t inactive"
        );
        assert_eq!(seen(person, with(&[Archived], Some(there))).await, "t archived");
        assert_eq!(seen(person, with(&[Inactive], None)).await, "h inactive,t inactive");
        assert_eq!(seen(person, with(&[], None)).await, "");
    }
    assert_eq!(
        seen(boss, with(&all, None)).await,
        "h active,h archived,h inactive,t active"
    );
    assert_eq!(seen(boss, with(&[Archived], None)).await, "h archived");
    assert_eq!(seen(boss, with(&usual, Some(there))).await, "t active");
    assert_eq!(seen(watcher, with(&all, None)).await, "t active,t archived,t inactive");
    assert_eq!(seen(watcher, with(&all, Some(here))).await, "", "not in scope");
    assert_eq!(
        seen(member, with(&all, None)).await,
        "h active,h inactive,t active,t inactive"
    );
    assert_eq!(seen(member, with(&[Active], Some(here))).await, "h active");
    let refusal = world
        .ask(member, async |ctx| teams::list(ctx, &with(&[Inactive], None)).await)
        .await;
    refused(refusal, "FORBIDDEN", "Only admins can view inactive teams");
    let refusal = world
        .ask(stranger, async |ctx| teams::list(ctx, &TeamQuery::default()).await)
        .await;
    refused(refusal, "FORBIDDEN", "Admin privileges required for team management");

    world
        .sql("UPDATE teams SET description = 'secret', max_runners = 5")
        .await;
    let page = list(&world, member, &with(&usual, None)).await;
    for team in &page.items {
        let told = team.description.is_some() && team.max_runners.is_some() && team.member_count > 0;
        assert_eq!(told, team.status == Active, "{}", team.name);
    }
}

/// Teams whose names, times and counts are often equal, in three organizations.
async fn random_teams(world: &World, organizations: &[OrganizationId], rng: &mut StdRng, count: usize) {
    let words = [
        "alpha",
        "Alpha",
        "ALPHA",
        "beta",
        "Beta",
        "Ärger",
        "ärger",
        "ΟΔΟΣ",
        "οδος",
        "οδοσ",
        "İstanbul",
        "istanbul",
        "ßtrasse",
        "SSTRASSE",
        "日本語",
        "日本",
        "zeta",
        "Z",
        "a b",
        "A-B",
        "ǅungla",
        "😀 team",
        "%",
        "_x",
        "\\y",
        "K",
        "ﬁne",
        "ı ı",
        "\u{e9}a",
        "e\u{301}a",
    ];
    for n in 0..count {
        let organization = organizations.choose(rng).unwrap();
        let name = format!(
            "{} {}",
            words.choose(rng).unwrap(),
            if rng.random_bool(0.5) { "" } else { "x" }
        )
        .trim()
        .to_owned()
            + "  ";
        let name = if name.trim().chars().count() < 2 {
            format!("{}{n}", name.trim())
        } else {
            name.trim().to_owned()
        };
        let status = *[
            TeamStatus::Active,
            TeamStatus::Active,
            TeamStatus::Inactive,
            TeamStatus::Archived,
        ]
        .choose(rng)
        .unwrap();
        sqlx::query(
            "INSERT INTO teams (id, organization_id, name, slug, status, created_at, member_count, project_count)
            VALUES ($1, $2, $3, $4, $5, timestamptz '2026-03-01T10:00:00.000001Z' + $6 * interval '1 us', $7, $8)
            ON CONFLICT DO NOTHING",
        )
        .bind(uuid::Uuid::from_u128(rng.random()))
        .bind(organization.0)
        .bind(name)
        .bind(format!("s-{n}"))
        .bind(status.as_str())
        .bind(rng.random_range(0..4))
        .bind(rng.random_range(0..4))
        .bind(rng.random_range(0..3))
        .execute(&world.pool)
        .await
        .expect("a team");
    }
}

/// X6 as a property: for every viewer, order, direction and page size, walking forwards and then backwards visits each
/// row exactly once, in the order that PostgreSQL gives the whole list in; the total is true on every page.
#[tokio::test]
async fn x6_paging_visits_each_team_once_in_order_both_ways() {
    let world = World::new().await;
    let seed: u64 = rand::rng().next_u64();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let organizations = [
        world.organization("aa").await,
        world.organization("bb").await,
        world.organization("cc").await,
    ];
    random_teams(&world, &organizations, &mut rng, 90).await;
    let root = world.super_admin().await;
    let boss = world.user("boss").await;
    world.give(organizations[0], boss, OrgRole::OrgAdmin).await;
    let mixed = world.user("mixed").await;
    world.give(organizations[1], mixed, OrgRole::Auditor).await;
    let member = world.user("member").await;
    for person in [mixed, member] {
        // Not through team_members' trigger alone: the counts above are made up and stay made up.
        world
            .sql(&format!(
                "INSERT INTO team_members (team_id, user_id, role) SELECT id, '{person}', 'member' FROM teams
                    WHERE random() < 0.6 AND NOT is_system"
            ))
            .await;
    }
    let own = |person: UserId| {
        format!("(status <> 'archived' AND id IN (SELECT team_id FROM team_members WHERE user_id = '{person}'))")
    };
    let scopes = [
        (root, "true".to_owned()),
        (boss, format!("organization_id = '{}'", organizations[0])),
        (
            mixed,
            format!("(organization_id = '{}' OR {})", organizations[1], own(mixed)),
        ),
        (member, own(member)),
    ];
    let filters: [(TeamQuery, String); 4] = [
        (TeamQuery::default(), "status <> 'archived'".to_owned()),
        (
            TeamQuery {
                statuses: TeamStatus::ALL.to_vec(),
                ..TeamQuery::default()
            },
            "true".to_owned(),
        ),
        (
            searching("a"),
            "status <> 'archived' AND lower(name) LIKE '%a%'".to_owned(),
        ),
        (
            TeamQuery {
                organization: Some(organizations[1]),
                statuses: TeamStatus::ALL.to_vec(),
                ..TeamQuery::default()
            },
            format!("organization_id = '{}'", organizations[1]),
        ),
    ];
    for (who, scope) in &scopes {
        for (filter, condition) in &filters {
            for sort in Sort::ALL {
                for order in [Order::Ascending, Order::Descending] {
                    let column = match sort {
                        Sort::Name => "lower(name)",
                        Sort::Created => "created_at",
                        Sort::Members => "member_count",
                        Sort::Projects => "project_count",
                    };
                    let direction = if order == Order::Ascending { "ASC" } else { "DESC" };
                    let expected: Vec<uuid::Uuid> = world
                        .all(&format!(
                            "SELECT id FROM teams WHERE {scope} AND {condition} ORDER BY {column} {direction}, id {direction}"
                        ))
                        .await;
                    let limit = *[1_i64, 3, 7, 50].choose(&mut rng).unwrap();
                    let query = TeamQuery {
                        sort,
                        order,
                        limit,
                        ..filter.clone()
                    };
                    walk(&world, *who, &query, &expected).await;
                }
            }
        }
    }
}

/// From the first page to the last and back again.
async fn walk(world: &World, who: UserId, query: &TeamQuery, expected: &[uuid::Uuid]) {
    let told = format!("{query:?}");
    let total = i64::try_from(expected.len()).unwrap();
    let mut pages: Vec<Vec<uuid::Uuid>> = Vec::new();
    let (mut cursor, mut back) = (None, None);
    loop {
        let page = list(
            world,
            who,
            &TeamQuery {
                cursor: cursor.clone(),
                ..query.clone()
            },
        )
        .await;
        assert_eq!(page.total, total, "{told}");
        assert_eq!(
            page.previous.is_some(),
            cursor.is_some() && !page.items.is_empty(),
            "{told}"
        );
        pages.push(page.items.iter().map(|team| team.id.0).collect());
        assert!(pages.len() <= expected.len() + 1, "{told}: going round in circles");
        back = if page.previous.is_some() { page.previous } else { back };
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(pages.concat(), expected, "forwards: {told}");
    let mut backwards: Vec<uuid::Uuid> = if pages.len() > 1 {
        pages[pages.len() - 1].clone()
    } else {
        expected.to_vec()
    };
    while let Some(cursor) = back {
        let page = list(
            world,
            who,
            &TeamQuery {
                cursor: Some(cursor),
                ..query.clone()
            },
        )
        .await;
        assert!(page.total == total && page.next.is_some(), "{told}");
        backwards.splice(0..0, page.items.iter().map(|team| team.id.0));
        assert!(backwards.len() <= expected.len(), "{told}: going round in circles");
        back = page.previous;
    }
    assert_eq!(backwards, expected, "backwards: {told}");
}

/// B3: offsets skip, a page beyond the end is empty with the true total, and nothing hostile breaks it.
#[tokio::test]
async fn b3_offsets_and_limits() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for n in 0..7 {
        world.team(&format!("team {n}")).await;
    }
    let at = |offset, limit| TeamQuery {
        offset,
        limit,
        ..TeamQuery::default()
    };
    // The Default Team comes first.
    let page = list(&world, root, &at(3, 3)).await;
    assert_eq!((names(&page), page.total), (vec!["team 2", "team 3", "team 4"], 8));
    let next = list(
        &world,
        root,
        &TeamQuery {
            cursor: page.next,
            limit: 3,
            ..TeamQuery::default()
        },
    )
    .await;
    assert_eq!(
        names(&next),
        ["team 5", "team 6"],
        "a cursor goes on from a page by offset"
    );
    let before = list(
        &world,
        root,
        &TeamQuery {
            cursor: page.previous,
            limit: 3,
            ..TeamQuery::default()
        },
    )
    .await;
    assert_eq!(names(&before), ["Default Team", "team 0", "team 1"]);
    for beyond in [8, 1000, i64::MAX] {
        let page = list(&world, root, &at(beyond, 3)).await;
        assert_eq!(
            (page.items.len(), page.total, page.next),
            (0, 8, None),
            "offset {beyond}"
        );
    }
    let search = TeamQuery {
        offset: 50,
        ..searching("team")
    };
    assert_eq!(list(&world, root, &search).await.total, 8);
    for (limit, rows) in [(0, 1), (-5, 1), (i64::MIN, 1), (i64::MAX, 8)] {
        assert_eq!(
            list(&world, root, &at(0, limit)).await.items.len(),
            rows,
            "limit {limit}"
        );
    }
    assert_eq!(list(&world, root, &at(-1, 2)).await.items.len(), 2);
    let good = page_cursor(&world, root).await;
    for (cursor, sort) in [
        ("", Sort::Name),
        ("%%%", Sort::Name),
        ("e30", Sort::Name),
        (&good, Sort::Created),
        (&good, Sort::Members),
    ] {
        let query = TeamQuery {
            cursor: Some(cursor.to_owned()),
            sort,
            ..TeamQuery::default()
        };
        let result = world.ask(root, async |ctx| teams::list(ctx, &query).await).await;
        assert!(
            matches!(&result, Err(Error::Invalid(fields)) if fields[0].field == "cursor"),
            "{cursor}: {result:?}"
        );
    }
}

async fn page_cursor(world: &World, who: UserId) -> String {
    list(
        world,
        who,
        &TeamQuery {
            limit: 1,
            ..TeamQuery::default()
        },
    )
    .await
    .next
    .expect("more than one team")
}

thread_local! {
    /// What sqlx sent on this thread: tests that run beside this one have threads of their own.
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
}

struct CountStatements;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for CountStatements {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.set(STATEMENTS.get() + 1);
        }
    }
}

/// DESIGN §1, B3's flaw: a page costs the same number of queries at 3 and at 300 rows, with members, projects and runners.
#[tokio::test]
async fn b3_a_list_costs_a_fixed_number_of_queries() {
    let world = World::new().await;
    let root = world.super_admin().await;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(CountStatements)).unwrap();
    let mut counts = Vec::new();
    for more in [3, 297] {
        world
            .sql(&format!(
                "WITH made AS (INSERT INTO teams (id, organization_id, name, slug)
                    SELECT gen_random_uuid(), '{}', 'team ' || n || ' of {more}', 't-' || n || '-{more}' FROM generate_series(1, {more}) n RETURNING id)
                INSERT INTO projects (id, team_id, name) SELECT gen_random_uuid(), id, 'p' FROM made",
                domain::DEFAULT_ORGANIZATION
            ))
            .await;
        world.sql(&format!("INSERT INTO team_members (team_id, user_id, role) SELECT id, '{root}', 'member' FROM teams ON CONFLICT DO NOTHING")).await;
        let team = domain::TeamId(world.one("SELECT id FROM teams WHERE NOT is_system LIMIT 1").await);
        let caller = world.caller(root).await;
        let mut ctx = backend::Ctx::read(&world.backend, caller, crate::common::request())
            .await
            .unwrap();
        let mut costs = Vec::new();
        let mut before = STATEMENTS.get();
        let mut cost = || {
            let now = STATEMENTS.get();
            costs.push(now - std::mem::replace(&mut before, now));
        };
        teams::list(
            &mut ctx,
            &TeamQuery {
                limit: 1000,
                ..TeamQuery::default()
            },
        )
        .await
        .unwrap();
        cost();
        teams::mine(&mut ctx).await.unwrap();
        cost();
        let page = teams::get(&mut ctx, team).await.unwrap();
        teams::overview(&mut ctx, page).await.unwrap();
        cost();
        let query = backend::members::MemberQuery {
            limit: 1000,
            ..backend::members::MemberQuery::default()
        };
        backend::members::list(&mut ctx, team, &query).await.unwrap();
        cost();
        backend::projects::list(&mut ctx, team).await.unwrap();
        cost();
        backend::runners::list(&mut ctx, &backend::runners::RunnerQuery::default())
            .await
            .unwrap();
        cost();
        counts.push(costs);
    }
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[0][0], 1, "the list of teams is one query");
    assert!(counts[0].iter().all(|count| (1..=4).contains(count)), "{counts:?}");
}
