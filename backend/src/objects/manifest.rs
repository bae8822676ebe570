//! Manifests of what is there now: made anew for whoever asks, and kept nowhere. So they are the same whether or not a
//! listener has objects kept; what is kept gives names, labels and the words that somebody wrote.

use std::collections::{BTreeMap, BTreeSet};

use domain::TeamId;
use kubernetes::{Kind, Meta, Object};
use uuid::Uuid;

use super::{
    access::Sight,
    batch, meaning, read,
    render::{self, Truth},
    settle,
    store::{self, Row},
    subject::{Ids, Subject},
};
use crate::{Ctx, Result, organizations, organizations::OrganizationKey, teams};

/// A team as YAML: itself, its people, and their memberships, as far as the caller sees them. The Default Team and archived
/// teams have none: they are no objects.
///
/// # Errors
/// 404 and 403 as the team's page, and 403 `Team is inactive` for its members.
pub async fn team_manifest(ctx: &mut Ctx, team: TeamId) -> Result<String> {
    let page = teams::open(ctx, team).await?;
    let objects = of_team(ctx, page.team.organization_id.0, team.0).await?;
    Ok(kubernetes::manifest::print(&objects))
}

/// All of an organization that the caller sees, as YAML, with its slug: teams, people, memberships and keys.
///
/// # Errors
/// 404 and 403 as the organization's page.
pub async fn organization_manifest(ctx: &mut Ctx, key: &OrganizationKey) -> Result<(String, String)> {
    let organization = organizations::get(ctx, key).await?.organization;
    let objects = of_organization(ctx, organization.id.0).await?;
    Ok((organization.slug, kubernetes::manifest::print(&objects)))
}

async fn of_team(ctx: &mut Ctx, organization: Uuid, team: Uuid) -> Result<Vec<Object>> {
    read::fresh(ctx).await?;
    let people = sqlx::query_scalar!(
        r#"SELECT user_id AS "user!" FROM current_team_members WHERE team_id = $1"#,
        team
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut subjects = BTreeSet::from([Subject::Team(team)]);
    for user in people {
        subjects.extend([Subject::User { organization, user }, Subject::Member { team, user }]);
    }
    shown(ctx, organization, &subjects).await
}

/// All objects of an organization that the caller sees. The caller of this function knows that they see the organization.
pub(super) async fn of_organization(ctx: &mut Ctx, organization: Uuid) -> Result<Vec<Object>> {
    read::fresh(ctx).await?;
    let things = sqlx::query!(
        r#"SELECT 'team' AS "what!", id AS "a!", NULL::uuid AS b FROM teams WHERE organization_id = $1 AND status <> 'archived' AND NOT is_system
        UNION SELECT 'user', user_id, NULL FROM organization_members WHERE organization_id = $1
        UNION SELECT 'user', m.user_id, NULL FROM team_members m JOIN teams t ON t.id = m.team_id WHERE t.organization_id = $1
        UNION SELECT 'member', m.team_id, m.user_id FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE t.organization_id = $1 AND t.status <> 'archived' AND NOT t.is_system
        UNION SELECT 'key', k.id, NULL FROM api_keys k JOIN teams t ON t.id = k.team_id
            WHERE t.organization_id = $1 AND k.litellm_instance IS NOT NULL AND k.revoked_at IS NULL
        UNION SELECT 'object', uid, NULL FROM objects WHERE organization_id = $1"#,
        organization,
    )
    .fetch_all(ctx.connection())
    .await?;
    let subjects = things
        .into_iter()
        .filter_map(|thing| match (thing.what.as_str(), thing.b) {
            ("team", _) => Some(Subject::Team(thing.a)),
            ("user", _) => Some(Subject::User {
                organization,
                user: thing.a,
            }),
            ("member", Some(user)) => Some(Subject::Member { team: thing.a, user }),
            ("key", _) => Some(Subject::Key(thing.a)),
            ("object", _) => Some(Subject::Waiting(thing.a)),
            _ => None,
        });
    let subjects = subjects.collect();
    let mut objects = shown(ctx, organization, &subjects).await?;
    // A membership may be declared in another namespace than its team's; there it is exported.
    let namespace = settle::namespace(ctx.connection(), organization).await?;
    objects.retain(|object| object.metadata.namespace == namespace);
    Ok(objects)
}

/// The objects of these subjects, and of none else, that the caller sees: in the order of kind and name, without what only
/// the server says.
async fn shown(ctx: &mut Ctx, organization: Uuid, subjects: &BTreeSet<Subject>) -> Result<Vec<Object>> {
    let sight = Sight::of(&ctx.caller);
    let mut rows = store::of_subjects(ctx.connection(), subjects.iter()).await?;
    rows.retain(|_, row| row.deleting_at.is_none());
    let subjects: BTreeSet<Subject> = subjects.iter().chain(rows.keys()).copied().collect();
    let mut truths = render::truths(ctx.connection(), subjects.iter()).await?;
    for (subject, truth) in &truths {
        // A team that went to another organization is another object there.
        let follows =
            |row: &Row| (row.kind == Kind::Team || row.written.is_none()) && row.organization != truth.organization;
        if rows.get(subject).is_some_and(follows) {
            rows.remove(subject);
        }
    }
    let names = names(ctx, organization, &truths, &rows).await?;
    let namespace = settle::namespace(ctx.connection(), organization).await?;
    let mut objects = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let object = match (truths.remove(&subject), rows.remove(&subject)) {
            (Some(truth), row) => {
                let place = row.as_ref().map_or(truth.organization, |row| row.organization);
                sight
                    .sees(truth.kind, place, truth.ids, None)
                    .then(|| as_manifest(truth, row, &subject, &names, &namespace))
            }
            (None, Some(row)) => (row.waits.is_some() && read::sees(&sight, &row)).then(|| bare(row.object())),
            (None, None) => None,
        };
        objects.extend(object);
    }
    objects.sort_by(|a, b| (a.kind, &a.metadata.name).cmp(&(b.kind, &b.metadata.name)));
    Ok(objects)
}

/// The names of subjects that have objects, and those that others would get.
async fn names(
    ctx: &mut Ctx,
    organization: Uuid,
    truths: &BTreeMap<Subject, Truth>,
    rows: &BTreeMap<Subject, Row>,
) -> Result<BTreeMap<Subject, String>> {
    let mut names: BTreeMap<Subject, String> = rows.iter().map(|(subject, row)| (*subject, row.name.clone())).collect();
    let nameless: Vec<(&Subject, &Truth)> = truths
        .iter()
        .filter(|(subject, _)| !rows.contains_key(subject))
        .collect();
    if nameless.is_empty() {
        return Ok(names);
    }
    let taken = sqlx::query!(
        "SELECT kind, name FROM objects WHERE organization_id = $1",
        organization
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut taken: BTreeSet<(Kind, String)> = taken
        .into_iter()
        .filter_map(|row| Some((Kind::from_name(&row.kind)?, row.name)))
        .collect();
    // People whose addresses begin alike are numbered by their ids, also where only one of them is asked for.
    let namesakes = namesakes(ctx, organization, &nameless).await?;
    let mut all: BTreeMap<Subject, (Kind, &str)> = nameless
        .iter()
        .map(|(subject, truth)| (**subject, (truth.kind, truth.name.as_str())))
        .collect();
    for (subject, name) in &namesakes {
        all.entry(*subject).or_insert((Kind::User, name));
    }
    for (subject, (kind, wanted)) in all {
        if names.contains_key(&subject) {
            continue;
        }
        // People come before memberships, which are named after them.
        let after_person = match (subject, truths.get(&subject)) {
            (Subject::Member { user, .. }, Some(truth)) => names
                .get(&Subject::User { organization, user })
                .zip(truth.spec.get("teamRef").and_then(|team| team.get("name")?.as_str()))
                .map(|(person, team)| format!("{person}-{team}")),
            _ => None,
        };
        let wanted = after_person.as_deref().unwrap_or(wanted);
        let name = batch::numbered(wanted, |name| taken.contains(&(kind, name.to_owned())));
        taken.insert((kind, name.clone()));
        names.insert(subject, name);
    }
    Ok(names)
}

/// People of the organization without objects whose email addresses begin as those of somebody nameless.
async fn namesakes(
    ctx: &mut Ctx,
    organization: Uuid,
    nameless: &[(&Subject, &Truth)],
) -> Result<Vec<(Subject, String)>> {
    let people: Vec<Uuid> = nameless
        .iter()
        .filter(|(_, truth)| truth.kind == Kind::User)
        .filter_map(|(_, truth)| truth.ids.user)
        .collect();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "SELECT u.id, u.email FROM users u
        WHERE split_part(lower(u.email), '@', 1) IN (SELECT split_part(lower(email), '@', 1) FROM users WHERE id = ANY($2))
            AND (EXISTS (SELECT FROM organization_members m WHERE m.organization_id = $1 AND m.user_id = u.id)
                OR $1 = $3 AND EXISTS (SELECT FROM team_members tm JOIN teams t ON t.id = tm.team_id
                    WHERE tm.user_id = u.id AND t.organization_id = $1 AND NOT t.is_system AND t.status <> 'archived'))
            AND NOT EXISTS (SELECT FROM objects o WHERE o.kind = 'User' AND o.organization_id = $1 AND o.user_id = u.id)",
        organization,
        &people,
        domain::DEFAULT_ORGANIZATION.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let named = rows.into_iter().map(|row| {
        let subject = Subject::User {
            organization,
            user: row.id,
        };
        (subject, render::name_of(&row.email))
    });
    Ok(named.collect())
}

fn as_manifest(
    truth: Truth,
    row: Option<Row>,
    subject: &Subject,
    names: &BTreeMap<Subject, String>,
    namespace: &str,
) -> Object {
    let mut spec = truth.spec;
    // Whoever is not kept is referred to by the name that this very file gives.
    let person = |ids: Ids| {
        let (organization, user) = (truth.organization, ids.user?);
        names.get(&Subject::User { organization, user })
    };
    if let (Kind::TeamMemberAssociation, Some(name)) = (truth.kind, person(truth.ids)) {
        spec.insert("userRef".to_owned(), serde_json::json!({ "name": name }));
    }
    if let Some(row) = row {
        let spec = match &row.written {
            Some(written) => meaning::keep(truth.kind, written, &spec),
            None => spec,
        };
        return bare(Object { spec, ..row.object() });
    }
    Object {
        kind: truth.kind,
        metadata: Meta {
            name: names.get(subject).cloned().unwrap_or(truth.name),
            namespace: namespace.to_owned(),
            ..Meta::default()
        },
        spec,
        status: serde_json::Map::new(),
    }
}

/// Without what only the server says, and without kubectl's memory of what was applied last.
pub(super) fn bare(object: Object) -> Object {
    let mut annotations = object.metadata.annotations;
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    Object {
        metadata: Meta {
            name: object.metadata.name,
            namespace: object.metadata.namespace,
            labels: object.metadata.labels,
            annotations,
            ..Meta::default()
        },
        status: serde_json::Map::new(),
        ..object
    }
}
