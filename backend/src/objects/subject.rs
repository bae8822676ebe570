//! What an object is about, and which subjects a note of a trigger means.

use std::collections::BTreeSet;

use kubernetes::Kind;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// What an object is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    /// A team.
    Team(Uuid),
    /// A person in an organization.
    User { organization: Uuid, user: Uuid },
    /// A membership.
    Member { team: Uuid, user: Uuid },
    /// A key for models.
    Key(Uuid),
    /// Nothing yet: the object with this uid waits.
    Waiting(Uuid),
}

impl Subject {
    /// Of ids as rows have them.
    pub(super) fn of(kind: Kind, uid: Uuid, organization: Uuid, ids: Ids) -> Self {
        match (kind, ids.team, ids.user, ids.key) {
            (Kind::Team, Some(team), ..) => Self::Team(team),
            (Kind::User, _, Some(user), _) => Self::User { organization, user },
            (Kind::TeamMemberAssociation, Some(team), Some(user), _) => Self::Member { team, user },
            (Kind::VirtualKey, _, _, Some(key)) => Self::Key(key),
            _ => Self::Waiting(uid),
        }
    }
}

/// The ids of a subject: those that its kind has. Of a key also its team and owner, who may see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) team: Option<Uuid>,
    pub(super) user: Option<Uuid>,
    pub(super) key: Option<Uuid>,
}

/// How many notes are looked at in one go.
const SOME: i64 = 2000;

/// Takes notes and says what they are about; none when there is no note left that this transaction sees.
pub(super) async fn take(connection: &mut PgConnection) -> Result<Option<BTreeSet<Subject>>> {
    let notes = sqlx::query!(
        "DELETE FROM object_touches WHERE id IN (SELECT id FROM object_touches ORDER BY id LIMIT $1) RETURNING what, a, b",
        SOME,
    )
    .fetch_all(&mut *connection)
    .await?;
    if notes.is_empty() {
        return Ok(None);
    }
    let mut subjects = BTreeSet::new();
    // Notes that stand for many things are looked up, all of one sort at once.
    let (mut teams, mut people, mut accounts, mut organizations, mut pairs) = (vec![], vec![], vec![], vec![], vec![]);
    for note in notes {
        match (note.what.as_str(), note.b) {
            ("team", _) => drop(subjects.insert(Subject::Team(note.a))),
            ("team_all", _) => {
                subjects.insert(Subject::Team(note.a));
                teams.push(note.a);
            }
            ("organization", _) => organizations.push(note.a),
            ("person", _) => people.push(note.a),
            ("user", _) => accounts.push(note.a),
            ("belonging", Some(user)) => {
                subjects.insert(Subject::User {
                    organization: note.a,
                    user,
                });
            }
            ("membership", Some(user)) => {
                subjects.insert(Subject::Member { team: note.a, user });
            }
            ("member", Some(user)) => {
                subjects.extend([Subject::Team(note.a), Subject::Member { team: note.a, user }]);
                pairs.push((note.a, user));
            }
            ("key", _) => drop(subjects.insert(Subject::Key(note.a))),
            ("object", _) => drop(subjects.insert(Subject::Waiting(note.a))),
            _ => {}
        }
    }
    people_of(connection, &people, &accounts, &mut subjects).await?;
    members_of(connection, &teams, &people, &mut subjects).await?;
    organizations_of(connection, &pairs, &mut subjects).await?;
    known(connection, &organizations, &mut subjects).await?;
    Ok(Some(subjects))
}

/// People wherever they belong.
async fn people_of(
    connection: &mut PgConnection,
    people: &[Uuid],
    accounts: &[Uuid],
    subjects: &mut BTreeSet<Subject>,
) -> Result<()> {
    let all: Vec<Uuid> = people.iter().chain(accounts).copied().collect();
    if all.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT organization_id AS "organization!", user_id AS "user!" FROM organization_members WHERE user_id = ANY($1)
        UNION SELECT organization_id, user_id FROM objects WHERE kind = 'User' AND user_id = ANY($1)"#,
        &all,
    )
    .fetch_all(connection)
    .await?;
    subjects.extend(rows.into_iter().map(|row| Subject::User {
        organization: row.organization,
        user: row.user,
    }));
    Ok(())
}

/// All memberships of teams, and of people, those included that objects still tell of.
async fn members_of(
    connection: &mut PgConnection,
    teams: &[Uuid],
    people: &[Uuid],
    subjects: &mut BTreeSet<Subject>,
) -> Result<()> {
    if teams.is_empty() && people.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT team_id AS "team!", user_id AS "user!" FROM team_members WHERE team_id = ANY($1) OR user_id = ANY($2)
        UNION SELECT team_id, user_id FROM objects
            WHERE kind = 'TeamMemberAssociation' AND team_id IS NOT NULL AND (team_id = ANY($1) OR user_id = ANY($2))"#,
        teams,
        people,
    )
    .fetch_all(connection)
    .await?;
    subjects.extend(rows.into_iter().map(|row| Subject::Member {
        team: row.team,
        user: row.user,
    }));
    Ok(())
}

/// The people of memberships, in the organizations of the teams: their status names their teams.
async fn organizations_of(
    connection: &mut PgConnection,
    pairs: &[(Uuid, Uuid)],
    subjects: &mut BTreeSet<Subject>,
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let (teams, users): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"SELECT DISTINCT t.organization_id AS "organization!", p.user_id AS "user!"
        FROM unnest($1::uuid[], $2::uuid[]) AS p(team_id, user_id) JOIN teams t ON t.id = p.team_id"#,
        &teams,
        &users,
    )
    .fetch_all(connection)
    .await?;
    subjects.extend(rows.into_iter().map(|row| Subject::User {
        organization: row.organization,
        user: row.user,
    }));
    Ok(())
}

/// All that is known of organizations: their namespace has another name.
async fn known(connection: &mut PgConnection, organizations: &[Uuid], subjects: &mut BTreeSet<Subject>) -> Result<()> {
    if organizations.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "SELECT uid, kind, organization_id, team_id, user_id, key_id FROM objects WHERE organization_id = ANY($1)",
        organizations,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let Some(kind) = Kind::from_name(&row.kind) else {
            continue;
        };
        let ids = Ids {
            team: row.team_id,
            user: row.user_id,
            key: row.key_id,
        };
        subjects.insert(Subject::of(kind, row.uid, row.organization_id, ids));
    }
    Ok(())
}
