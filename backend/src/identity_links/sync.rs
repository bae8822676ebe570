//! Linked groups of Microsoft Entra ID, read without anybody signing in: joiners, movers and leavers arrive all the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    LinkId, UserId,
    directory::{Group, Provider},
    views::{IdentityLink, LinkPreview},
};
use integrations::graph::{self, Graph};
use uuid::Uuid;

use super::{
    Link, Seen,
    events::{self, Event, Kind},
    give_and_take,
    people::{self, DirectoryPerson},
    provision::provision,
    read,
    sign_in::{self, rename},
};
use crate::{
    Backend, Caller, Code, Ctx, Error, Method, RequestInfo, Result, entra_settings,
    measure::{self, Target},
};

/// How long one process syncs before another one may begin.
const LEASE: Duration = Duration::from_mins(30);
/// How many people whose groups could not be read at their sign-in are asked for in one go.
const UNREAD: i64 = 50;

fn caller() -> Caller {
    Caller::System("directory sync".into(), Method::System)
}

/// Syncs all linked groups if no other process does and the last pass is `period` ago.
///
/// # Errors
/// When the database does not answer. What the directory does not answer is noted at the links.
pub async fn sync_due(backend: &Backend, period: Duration) -> Result<()> {
    let Some(graph) = backend.graph.clone().filter(Graph::has_app_credentials) else {
        return Ok(());
    };
    let taken = sqlx::query!(
        "INSERT INTO directory_syncs AS s (provider, taken_until, started_at)
        VALUES ('entra', clock_timestamp() + make_interval(secs => $1), clock_timestamp())
        ON CONFLICT (provider) DO UPDATE SET taken_until = excluded.taken_until, started_at = excluded.started_at
        WHERE s.taken_until <= clock_timestamp()
            AND (s.finished_at IS NULL OR s.finished_at <= clock_timestamp() - make_interval(secs => $2))",
        LEASE.as_secs_f64(),
        period.as_secs_f64(),
    )
    .execute(&backend.pool)
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(());
    }
    let outcome = pass(backend, &graph).await;
    let (groups, failure) = match &outcome {
        Ok((groups, failure)) => (*groups, failure.clone()),
        Err(error) => (0, Some(error.detail())),
    };
    sqlx::query!(
        "UPDATE directory_syncs SET taken_until = clock_timestamp(), finished_at = clock_timestamp(), groups = $1, failure = $2
        WHERE provider = 'entra'",
        i32::try_from(groups).unwrap_or(i32::MAX),
        failure,
    )
    .execute(&backend.pool)
    .await?;
    outcome.map(drop)
}

/// One pass: groups that are new, then each linked one. Says how many were read, and the first failure.
async fn pass(backend: &Backend, graph: &Graph) -> Result<(usize, Option<String>)> {
    let mut failure = None;
    if graph.is_limited_to_assigned() {
        match graph.assignments(None).await {
            Ok(assigned) => {
                let mut ctx = Ctx::read(backend, caller(), RequestInfo::default()).await?;
                let new = entra_settings::new_groups(&mut ctx).await?;
                drop(ctx);
                let groups: Vec<Group> = (assigned.groups.into_iter())
                    .map(|group| Group {
                        id: group.principal_id,
                        name: group.name,
                    })
                    .collect();
                provision(backend, &groups, &new, &RequestInfo::default()).await?;
            }
            Err(error) => failure = Some(error.to_string()),
        }
    }
    let groups =
        sqlx::query_scalar!("SELECT DISTINCT group_id FROM identity_links WHERE provider = 'entra' ORDER BY group_id")
            .fetch_all(&backend.pool)
            .await?;
    let mut read = 0;
    for group in groups {
        #[expect(clippy::disallowed_methods, reason = "a job: no request has taken the time")]
        let asked = Utc::now();
        match ask(graph, &group).await {
            Ok(found) => {
                read += 1;
                match settle(backend, &group, found, asked).await {
                    Ok(()) => {}
                    Err(error @ Error::Unavailable(..)) => return Err(error),
                    // The other groups are not to wait for this one.
                    Err(error) => {
                        tracing::error!(group, %error, "a group of the directory was not followed");
                        failure.get_or_insert_with(|| error.detail());
                    }
                }
            }
            Err(error) => {
                measure::sync_errors(Target::Directory, 1);
                tracing::warn!(group, %error, "a group of the directory could not be read");
                note_failure(backend, &group, &error).await?;
                failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
    Ok((read, failure))
}

/// A group with the people in it; none when the directory has it no more.
async fn ask(graph: &Graph, group: &str) -> Result<Option<(Group, Vec<DirectoryPerson>)>, graph::Error> {
    let Some(found) = graph.group(group).await? else {
        return Ok(None);
    };
    let members = match graph.members(group).await {
        Ok(members) => members,
        Err(graph::Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let people = members.into_iter().map(|member| DirectoryPerson {
        id: member.id,
        name: member.name,
        email: member.email.or(member.user_name),
        enabled: member.enabled,
    });
    let found = Group {
        id: group.to_owned(),
        name: found.name,
    };
    Ok(Some((found, people.collect())))
}

/// Brings the links of one group in line with what the directory says of it.
async fn settle(
    backend: &Backend,
    group: &str,
    found: Option<(Group, Vec<DirectoryPerson>)>,
    asked: DateTime<Utc>,
) -> Result<()> {
    let mut ctx = Ctx::write(backend, caller(), RequestInfo::default()).await?;
    let links = read::of_groups(&mut ctx, Provider::Entra, &[group.to_owned()], None).await?;
    let ids: Vec<Uuid> = links.iter().map(|link| link.id).collect();
    let now = ctx.now;
    let missing = found.is_none();
    let changed = sqlx::query_scalar!(
        "UPDATE identity_links l SET checked_at = CASE WHEN $3 THEN l.checked_at ELSE $2 END, failed_at = NULL, failure = NULL,
            missing_since = CASE WHEN $3 THEN coalesce(l.missing_since, $2) END
        FROM (SELECT id, missing_since FROM identity_links WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE) was
        WHERE l.id = was.id RETURNING CASE WHEN (was.missing_since IS NOT NULL) <> $3 THEN l.id END",
        &ids,
        now,
        missing,
    )
    .fetch_all(ctx.connection())
    .await?;
    let kind = if missing { Kind::Missing } else { Kind::Found };
    let words = if missing {
        "the directory has no such group any more: nobody is removed for it"
    } else {
        "the directory has it again"
    };
    let events: Vec<Event> = (changed.into_iter().flatten())
        .map(|link| Event::of(link, kind).with(words))
        .collect();
    events::note(&mut ctx, &events).await?;
    if let Some((group, people)) = found {
        let names = BTreeMap::from([(group.id.as_str(), group.name.as_deref())]);
        rename(&mut ctx, &links, &names).await?;
        let accounts = people::accounts(&mut ctx, &people).await?;
        let present: BTreeSet<Uuid> = accounts.values().map(|user| user.0).collect();
        let new = entra_settings::new_groups(&mut ctx).await?;
        let feeding: Vec<&Link> = (links.iter())
            .filter(|link| new.also_organizations || !sign_in::is_organization_of_group(Provider::Entra, link))
            .collect();
        let joined: Vec<(Uuid, Uuid)> = (feeding.iter())
            .flat_map(|link| present.iter().map(|user| (link.id, *user)))
            .collect();
        let left = absent(&mut ctx, &ids, &present, asked).await?;
        give_and_take(&mut ctx, &joined, &left).await?;
    }
    ctx.commit().await
}

/// Who is in a link and was not in its group when the directory was asked: who came by a sign-in meanwhile is not meant.
async fn absent(
    ctx: &mut Ctx,
    links: &[Uuid],
    present: &BTreeSet<Uuid>,
    asked: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid)>> {
    let present: Vec<Uuid> = present.iter().copied().collect();
    let rows = sqlx::query!(
        "SELECT link_id, user_id FROM identity_link_members
        WHERE link_id = ANY($1) AND left_at IS NULL AND NOT user_id = ANY($2) AND since < $3",
        links,
        &present,
        asked,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.user_id)).collect())
}

/// Says at the links of a group why it could not be read; once, until it can.
async fn note_failure(backend: &Backend, group: &str, error: &graph::Error) -> Result<()> {
    let mut ctx = Ctx::write(backend, caller(), RequestInfo::default()).await?;
    let (now, words) = (ctx.now, error.to_string());
    let first = sqlx::query_scalar!(
        "UPDATE identity_links l SET failed_at = $2, failure = $3
        FROM (SELECT id, failed_at FROM identity_links WHERE provider = 'entra' AND group_id = $1
            ORDER BY id FOR NO KEY UPDATE) was
        WHERE l.id = was.id RETURNING CASE WHEN was.failed_at IS NULL THEN l.id END",
        group,
        now,
        words,
    )
    .fetch_all(ctx.connection())
    .await?;
    let events: Vec<Event> = (first.into_iter().flatten())
        .map(|link| Event::of(link, Kind::Failed).with(words.clone()))
        .collect();
    events::note(&mut ctx, &events).await?;
    ctx.commit().await
}

/// Reads the group of a link now and does what comes of it, as a pass of the sync does.
///
/// # Errors
/// 403 without the right; 404 without such a link; 409 when the link's groups are not read from a directory; 503 when the
/// directory is not configured for that, or does not answer.
pub async fn sync_now(backend: &Backend, caller: Caller, request: RequestInfo, id: LinkId) -> Result<IdentityLink> {
    let link = readable(backend, &caller, &request, id).await?;
    if link.provider != Provider::Entra {
        let words = format!(
            "The group is not read from here: {} says who is in it",
            link.provider.name()
        );
        return Err(Error::refused(Code::WrongState, words));
    }
    let graph = (backend.graph.as_ref())
        .filter(|graph| graph.has_app_credentials())
        .ok_or_else(not_configured)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "before the directory is asked: the request's own time is later"
    )]
    let asked = Utc::now();
    match ask(graph, &link.group_id).await {
        Ok(found) => settle(backend, &link.group_id, found, asked).await?,
        Err(error) => {
            note_failure(backend, &link.group_id, &error).await?;
            return Err(unanswered(&error));
        }
    }
    let mut ctx = Ctx::read(backend, caller, request).await?;
    super::get(&mut ctx, id).await
}

/// What a link would do if it were authoritative: with who is in its group now, where the directory can be asked. Changes
/// nothing.
///
/// # Errors
/// 403 without the right; 404 without such a link; 503 when the directory does not answer.
pub async fn preview_now(backend: &Backend, caller: Caller, request: RequestInfo, id: LinkId) -> Result<LinkPreview> {
    let link = readable(backend, &caller, &request, id).await?;
    let graph =
        (backend.graph.as_ref()).filter(|graph| link.provider == Provider::Entra && graph.has_app_credentials());
    let people = match graph {
        Some(graph) => {
            let found = ask(graph, &link.group_id).await.map_err(|error| unanswered(&error))?;
            found.map(|(_, people)| people)
        }
        None => None,
    };
    // Dropped, not committed: what it does to find out is undone.
    let mut ctx = Ctx::write(backend, caller, request).await?;
    let present = match &people {
        Some(people) => Some(known_accounts(&mut ctx, people).await?),
        None => None,
    };
    super::edit::preview(&mut ctx, id, present.as_deref()).await
}

/// A link that the caller may change. Nothing is held afterwards: the directory may take its time.
async fn readable(backend: &Backend, caller: &Caller, request: &RequestInfo, id: LinkId) -> Result<IdentityLink> {
    let mut ctx = Ctx::read(backend, caller.clone(), request.clone()).await?;
    let link = super::get(&mut ctx, id).await?;
    super::list::require_manage(&ctx.caller, link.gives)?;
    Ok(link)
}

fn not_configured() -> Error {
    Error::Unavailable(
        Code::NotConfigured,
        "The directory cannot be read: set MICROSOFT_TENANT, MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET, then restart."
            .to_owned(),
        None,
    )
}

fn unanswered(error: &graph::Error) -> Error {
    Error::Unavailable(Code::DirectoryUnavailable, error.to_string(), error.retry_after())
}

/// Asks again for the groups of people that could not be read when they signed in.
///
/// # Errors
/// When the database does not answer.
pub async fn read_unread(backend: &Backend) -> Result<()> {
    let Some(graph) = backend.graph.clone().filter(Graph::has_app_credentials) else {
        return Ok(());
    };
    let mut ctx = Ctx::system(backend, "directory sync", Method::System).await?;
    let unread = people::take_unread(&mut ctx, UNREAD).await?;
    let new = entra_settings::new_groups(&mut ctx).await?;
    ctx.commit().await?;
    for person in unread {
        let outcome = graph.groups(None, Some(&person.directory_id)).await;
        let failure = match outcome {
            Ok(groups) => {
                let seen = Seen::of_graph(groups);
                let done = super::signed_in(backend, person.user, &seen, &new, &RequestInfo::default()).await;
                done.err().map(|error| error.detail())
            }
            Err(error) => Some(error.to_string()),
        };
        people::note_reading(backend, person.user, &person.directory_id, failure.as_deref()).await?;
    }
    Ok(())
}

/// The accounts of people, for a preview: nobody gets one by it.
async fn known_accounts(ctx: &mut Ctx, people: &[DirectoryPerson]) -> Result<Vec<UserId>> {
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let emails: Vec<String> = (people.iter())
        .filter_map(|person| Some(person.email.as_deref()?.trim().to_lowercase()))
        .collect();
    let users = sqlx::query_scalar!(
        r#"SELECT user_id AS "id!" FROM directory_people WHERE provider = 'entra' AND directory_id = ANY($1)
        UNION SELECT id FROM users u WHERE email = ANY($2)
            AND NOT EXISTS (SELECT FROM directory_people p WHERE p.provider = 'entra' AND p.user_id = u.id)
            AND NOT EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND NOT i.email_verified)"#,
        &ids,
        &emails,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(users.into_iter().map(UserId).collect())
}
