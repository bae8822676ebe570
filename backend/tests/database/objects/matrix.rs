//! Verbs × kinds × roles: the permission table as kubectl meets it.

use std::time::Duration;

use backend::objects::{self, Changes, Preconditions, Query, Watch};
use domain::{OrgRole, TeamRole, UserId};
use kubernetes::{Failure, Kind, Object, Reason};
use serde_json::json;

use super::{House, by_kubectl, membership, object, team, user};

const VERBS: [&str; 6] = ["get", "list", "watch", "create", "change", "delete"];
const THINGS: [(Kind, &str); 4] = [
    (Kind::Team, "ops"),
    (Kind::User, "max"),
    (Kind::TeamMemberAssociation, "max-ops"),
    (Kind::VirtualKey, "max-key"),
];

fn key(alias: &str) -> Object {
    let spec = json!({"keyAlias": alias, "userID": "max@example.com", "teamID": "ops"});
    object(Kind::VirtualKey, alias, spec)
}

/// What is made by whoever may, one of each kind in the order of [`THINGS`].
fn wanted() -> [Object; 4] {
    [
        team("fresh"),
        user("nora"),
        membership("nora", "ops", "member"),
        key("another-key"),
    ]
}

fn all_of(kind: Kind) -> Query {
    Query {
        kind,
        namespace: Some("acme".to_owned()),
        name: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a change is told by")]
fn labelled(current: &Object) -> Result<Object, Failure> {
    let mut new = current.clone();
    new.metadata.labels.insert("a".to_owned(), "b".to_owned());
    Ok(new)
}

/// `y` is done, `f` is 403, `-` is 404 or not among what is told.
fn letter<T>(done: Result<T, Failure>, what: &str) -> char {
    match done {
        Ok(_) => 'y',
        Err(failure) if failure.reason == Reason::Forbidden => 'f',
        Err(failure) if failure.reason == Reason::NotFound => '-',
        Err(failure) => panic!("{what}: {failure}"),
    }
}

/// What somebody may do with one thing. Dropped, so that the next one finds everything as it was.
async fn attempt(house: &House, who: UserId, verb: &str, (kind, name): (Kind, &str), new: Object) -> char {
    let what = format!("{who} {verb} {name}");
    let mut ctx = house.ctx(who).await;
    match verb {
        "get" => letter(objects::get(&mut ctx, kind, "acme", name).await, &what),
        "list" => {
            let list = objects::list(&mut ctx, &all_of(kind), None, None, &|_| true).await;
            match list {
                Ok(list) if !list.objects.iter().any(|object| object.metadata.name == name) => '-',
                told => letter(told, &what),
            }
        }
        "create" => letter(objects::create(&mut ctx, new, by_kubectl()).await, &what),
        "change" => letter(
            objects::change(&mut ctx, kind, "acme", name, by_kubectl(), &labelled).await,
            &what,
        ),
        "delete" => {
            let none = Preconditions::default();
            letter(objects::delete(&mut ctx, kind, "acme", name, &none).await, &what)
        }
        other => unreachable!("{other}"),
    }
}

/// What somebody may do, and who learns nothing of what they do not see.
#[tokio::test]
async fn p_verbs_kinds_and_roles() {
    let house = House::new().await;
    let ops = house.world.team_in(house.acme, "ops").await;
    let tess = house.world.member(ops, "tess", TeamRole::Admin).await;
    let max = house.world.member(ops, "max", TeamRole::Member).await;
    let [audrey, nora] = [house.world.user("audrey").await, house.world.user("nora").await];
    house.world.give(house.acme, audrey, OrgRole::Auditor).await;
    for person in [tess, max] {
        house.world.give(house.acme, person, OrgRole::OrgMember).await;
    }
    house.create(house.olga, key("max-key")).await.unwrap();

    // (who, what they may in the order of VERBS, each in the order of THINGS)
    let people = [
        (house.root, ["yyyy", "yyyy", "yyyy", "yyyy", "yyyy", "yyyy"]),
        (house.olga, ["yyyy", "yyyy", "yyyy", "yyyy", "yyyy", "yyyy"]),
        (audrey, ["yyyy", "yyyy", "yyyy", "ffff", "ffff", "ffff"]),
        (tess, ["y-yy", "y-yy", "y-yy", "ffyy", "y-yy", "f-yy"]),
        // Leaving a team needs no right.
        (max, ["yyyy", "yyyy", "yyyy", "fffy", "fffy", "ffyy"]),
        (nora, ["----", "----", "----", "----", "----", "----"]),
    ];
    for (who, expected) in people {
        for (verb, expected) in VERBS.into_iter().zip(expected) {
            if verb == "watch" {
                continue;
            }
            let mut found = String::new();
            for (thing, new) in THINGS.into_iter().zip(wanted()) {
                found.push(attempt(&house, who, verb, thing, new).await);
            }
            assert_eq!(found, expected, "{who} {verb}");
        }
    }

    // Watches last of all: each thing is changed once, for good.
    let changes = Changes::new(&house.world.backend);
    let job = tokio::spawn(changes.clone().run());
    let mut watches: Vec<(UserId, Kind, char, Option<Watch>)> = Vec::new();
    for (who, expected) in people {
        for ((kind, _), expected) in THINGS.into_iter().zip(expected[2].chars()) {
            let watch = changes.watch(house.caller(who).await, all_of(kind), 0).await;
            let watch = watch.inspect_err(|failure| assert_eq!(failure.reason, Reason::NotFound, "{failure}"));
            watches.push((who, kind, expected, watch.ok()));
        }
    }
    for (kind, name) in THINGS {
        let mut ctx = house.ctx(house.root).await;
        objects::change(&mut ctx, kind, "acme", name, by_kubectl(), &labelled)
            .await
            .unwrap();
        ctx.commit().await.unwrap();
    }
    // Who hears comes first: when they have heard, the others would have.
    watches.sort_by_key(|(_, _, expected, _)| *expected != 'y');
    for (who, kind, expected, watch) in watches {
        let name = THINGS.into_iter().find(|(of, _)| *of == kind).unwrap().1;
        let patience = Duration::from_millis(if expected == 'y' { 10_000 } else { 100 });
        let hears = match watch {
            Some(mut watch) => tokio::time::timeout(patience, watch.next())
                .await
                .is_ok_and(|told| told.unwrap().iter().any(|change| change.object.metadata.name == name)),
            None => false,
        };
        assert_eq!(if hears { 'y' } else { '-' }, expected, "{who} watches {name}");
    }
    job.abort();
}
