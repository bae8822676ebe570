//! Who may do what: the file for audits.

use backend::users;
use domain::{OrgRole, TeamRole, UserId, views::AccessLine};

use crate::common::{World, refused};

/// All of it, so many people at a time.
async fn all(world: &World, who: UserId, people: i64) -> Vec<AccessLine> {
    let (mut lines, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = world
            .ask(who, async |ctx| users::access(ctx, cursor.as_deref(), people).await)
            .await
            .unwrap();
        lines.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return lines;
        }
    }
}

fn told(lines: &[AccessLine]) -> Vec<String> {
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    lines
        .iter()
        .map(|line| {
            let level = line.level.map_or("none", domain::views::AccessLevel::as_str);
            let name = line.email.split('@').next().unwrap_or_default();
            let (organization, team, role) = (word(&line.organization), word(&line.team), word(&line.role));
            format!("{name} {level} {organization} {team} {role}")
        })
        .collect()
}

#[tokio::test]
async fn everybodys_roles_are_one_list_of_what_its_reader_may_see() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (acme, umbrella) = (world.organization("acme").await, world.organization("umbrella").await);
    let ops = world.team_in(acme, "ops").await;
    let secret = world.team_in(umbrella, "secret").await;
    let tess = world.member(ops, "tess", TeamRole::Admin).await;
    world.give(acme, tess, OrgRole::OrgMember).await;
    world.give(umbrella, tess, OrgRole::OrgAdmin).await;
    world
        .sql(&format!(
            "INSERT INTO team_members (team_id, user_id, role) VALUES ('{secret}', '{tess}', 'member')"
        ))
        .await;
    let max = world.member(ops, "max", TeamRole::Member).await;
    world.give(acme, max, OrgRole::OrgMember).await;
    let [audrey, nora] = [world.user("audrey").await, world.user("nora").await];
    world.give(acme, audrey, OrgRole::Auditor).await;
    world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() + interval '1 day' WHERE user_id = '{max}'"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash, last_used_at, expires_at)
            SELECT gen_random_uuid(), '{ops}', '{max}', 'key-' || n, 'p' || n, sha256(n::text::bytea),
                now() - n * interval '1 hour', CASE n WHEN 2 THEN now() - interval '1 minute' END
            FROM generate_series(1, 2) n"
        ))
        .await;
    let root_name = world
        .one::<String>(&format!(
            "SELECT split_part(email, '@', 1) FROM users WHERE id = '{root}'"
        ))
        .await;

    let of_acme = [
        "audrey organization acme  auditor",
        "max organization acme  org_member",
        "max team acme ops member",
        "tess organization acme  org_member",
        "tess team acme ops admin",
    ];
    let lines = all(&world, audrey, 2).await;
    assert_eq!(told(&lines), of_acme);
    let key = &lines[2];
    assert_eq!(key.keys, Some(1), "one of two has ended");
    assert!(key.ends.is_some() && key.last_key_used_at.is_some());
    assert_eq!(lines[1].keys, None);

    let mut whole = vec![
        "audrey organization acme  auditor".to_owned(),
        "max organization acme  org_member".to_owned(),
        "max team acme ops member".to_owned(),
        "nora none   ".to_owned(),
        format!("{root_name} installation   super_admin"),
        "tess organization acme  org_member".to_owned(),
        "tess organization umbrella  org_admin".to_owned(),
        "tess team acme ops admin".to_owned(),
        "tess team umbrella secret member".to_owned(),
    ];
    whole.sort();
    for people in [1, 2, 500] {
        let mut found = told(&all(&world, root, people).await);
        found.sort();
        assert_eq!(found, whole, "{people} at a time");
    }

    for who in [max, nora] {
        let asked = world.ask(who, async |ctx| users::access(ctx, None, 10).await).await;
        assert_eq!(asked.unwrap_err().code().status(), 403);
    }
    let wrong = world
        .ask(root, async |ctx| users::access(ctx, Some("x"), 10).await)
        .await;
    refused(wrong, "VALIDATION_ERROR", "cursor: is not one that this list gave out");
}
