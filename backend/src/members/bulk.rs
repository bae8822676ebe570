//! Adding a list of people at once (SPEC D3): each row is judged before anything is written, in a handful of queries
//! whatever the number of rows.

use std::collections::{HashMap, HashSet};

use domain::{
    DEFAULT_ORGANIZATION, MAX_ROSTER, OrganizationId, TeamId, TeamRole, UserId, UserRef,
    views::{BulkOutcome, BulkResult, BulkRow, Team},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{deactivated, expiry, invitations, manage};
use crate::{Ctx, Error, Result, audit, identity, organizations, requests};

/// One row of a list, as the request has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkInput {
    /// The person's UUID or email address.
    pub user: String,
    /// The role; member without one.
    pub role: Option<String>,
}

/// What a row that breaks a rule does to the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// Nobody is added.
    #[default]
    Abort,
    /// The good rows are added.
    Skip,
}

/// What becomes of a row whose address nobody has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// The row is invalid.
    #[default]
    Refuse,
    /// The address is invited: see [`super::invitations`].
    Invite,
}

/// Judges each row and adds those people that are to be added; in a dry run only judges.
///
/// A row is invalid when nobody has that id or, unless it is to be invited, that address, the role is none, the account is
/// deactivated, the address was never verified or is not in the organization's domains, or another row gives the same
/// person another role. Who is a member already, or is in the list before with the same role, `exists`: the role of a
/// member is not changed here.
///
/// # Errors
/// 403 without the right; a list that is empty or too long. A bad row is no error.
pub async fn add_many(
    ctx: &mut Ctx,
    team: TeamId,
    input: &[BulkInput],
    on_invalid: OnInvalid,
    on_unknown: OnUnknown,
    dry_run: bool,
) -> Result<BulkResult> {
    let refs: Vec<Option<UserRef>> = input
        .iter()
        .map(|row| UserRef::parse("user_id", &row.user).ok())
        .collect();
    if !dry_run && on_unknown == OnUnknown::Invite && input.len() <= MAX_ROSTER {
        invitations::hold(ctx, team, &addresses(&refs)).await?;
    }
    let page = manage(ctx, team).await?;
    if input.is_empty() || input.len() > MAX_ROSTER {
        return Err(Error::invalid("members", format!("must have 1 to {MAX_ROSTER} rows")));
    }
    if !dry_run {
        expiry::settle(ctx, page.team.organization_id, team).await?;
    }
    let mut people = People::load(ctx, &page.team, &refs).await?;
    if !dry_run {
        people.hold(ctx, page.team.organization_id).await?;
    }
    let admission = organizations::Admission::load(ctx, page.team.organization_id).await?;
    let mut judge = Judge {
        team: &page.team,
        people: &people,
        admission: &admission,
        on_unknown,
        taken: HashMap::new(),
        invited: HashMap::new(),
    };
    let rows: Vec<BulkRow> = (input.iter().zip(&refs).enumerate())
        .map(|(index, (row, user))| judge.row(index, row, user.as_ref()))
        .collect();
    let mut newcomers: Vec<(usize, &Person, TeamRole)> = Vec::with_capacity(judge.taken.len());
    newcomers.extend(judge.taken.into_values());
    newcomers.sort_unstable_by_key(|(index, ..)| *index);
    let mut invited: Vec<(usize, &str, TeamRole)> = (judge.invited.into_iter())
        .map(|(email, (index, role))| (index, email, role))
        .collect();
    invited.sort_unstable_by_key(|(index, ..)| *index);
    if on_invalid == OnInvalid::Abort && rows.iter().any(|row| row.outcome == BulkOutcome::Invalid) {
        newcomers.clear();
        invited.clear();
    }
    let invited: Vec<(&str, TeamRole)> = invited.into_iter().map(|(_, email, role)| (email, role)).collect();
    let counts = (newcomers.len(), invited.len());
    if !dry_run && counts.0 > 0 {
        write(ctx, &page.team, &newcomers).await?;
    }
    if !dry_run && counts.1 > 0 {
        invitations::write(ctx, &page, &invited).await?;
    }
    Ok(BulkResult {
        rows,
        added: counts.0,
        invited: counts.1,
        dry_run,
    })
}

/// The email addresses that a list names.
fn addresses(refs: &[Option<UserRef>]) -> Vec<String> {
    (refs.iter().flatten())
        .filter_map(|user| match user {
            UserRef::Email(email) => Some(email.to_string()),
            UserRef::Id(_) => None,
        })
        .collect()
}

/// Someone whom a list names.
struct Person {
    id: Uuid,
    email: String,
    deactivated: bool,
    /// Whether nobody knows that the address is theirs.
    doubtful: bool,
    /// What they are in the team now.
    role: Option<TeamRole>,
    /// Whether they belong to the team's organization, as a guest or otherwise.
    belongs: bool,
}

impl Person {
    /// Whether a row may add them.
    fn may_be_added(&self) -> bool {
        self.role.is_none() && !self.deactivated && !self.doubtful
    }
}

/// Everyone whom a list names, by id and by address.
struct People {
    all: Vec<Person>,
    by_id: HashMap<Uuid, usize>,
    by_email: HashMap<String, usize>,
}

impl People {
    async fn load(ctx: &mut Ctx, team: &Team, refs: &[Option<UserRef>]) -> Result<Self> {
        let (mut ids, mut emails) = (Vec::new(), Vec::new());
        for user in refs.iter().flatten() {
            match user {
                UserRef::Id(id) => ids.push(id.0),
                UserRef::Email(email) => emails.push(email.as_str().to_owned()),
            }
        }
        let rows = sqlx::query!(
            r#"SELECT u.id, u.email, u.deactivated_at IS NOT NULL AS "deactivated!", m.role AS "role?",
                o.user_id IS NOT NULL AS "belongs!",
                EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND i.email_denied) AS "doubtful!"
            FROM (SELECT id FROM users WHERE id = ANY($1) UNION SELECT id FROM users WHERE email = ANY($2)) named
                JOIN users u ON u.id = named.id
                LEFT JOIN current_team_members m ON m.team_id = $3 AND m.user_id = u.id
                LEFT JOIN organization_members o ON o.organization_id = $4 AND o.user_id = u.id"#,
            &ids,
            &emails,
            team.id.0,
            team.organization_id.0,
        )
        .fetch_all(ctx.connection())
        .await?;
        let all = rows
            .into_iter()
            .map(|row| {
                Ok(Person {
                    id: row.id,
                    email: row.email,
                    deactivated: row.deactivated,
                    doubtful: row.doubtful,
                    role: row.role.as_deref().map(str::parse).transpose()?,
                    belongs: row.belongs,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let numbered = || all.iter().enumerate();
        Ok(Self {
            by_id: numbered().map(|(index, person)| (person.id, index)).collect(),
            by_email: numbered()
                .map(|(index, person)| (person.email.clone(), index))
                .collect(),
            all,
        })
    }

    /// Holds the places in the organization of those who may be added until the end, so that nobody takes them out of it
    /// while they join a team of it (see `organizations::ensure_member`). Who was taken out meanwhile does not belong.
    ///
    /// Members of the team are left alone: whoever takes one of them out waits for the team, which the caller has locked.
    async fn hold(&mut self, ctx: &mut Ctx, organization: OrganizationId) -> Result<()> {
        if organization == DEFAULT_ORGANIZATION {
            return Ok(());
        }
        let newcomers: Vec<Uuid> = (self.all.iter())
            .filter(|person| person.may_be_added())
            .map(|person| person.id)
            .collect();
        let held = sqlx::query_scalar!(
            "SELECT user_id FROM organization_members WHERE organization_id = $1 AND user_id = ANY($2)
            ORDER BY user_id FOR SHARE",
            organization.0,
            &newcomers,
        )
        .fetch_all(ctx.connection())
        .await?;
        let held: HashSet<Uuid> = held.into_iter().collect();
        for person in self.all.iter_mut().filter(|person| person.may_be_added()) {
            person.belongs = held.contains(&person.id);
        }
        Ok(())
    }

    fn find(&self, user: &UserRef) -> Option<&Person> {
        let index = match user {
            UserRef::Id(id) => self.by_id.get(&id.0),
            UserRef::Email(email) => self.by_email.get(email.as_str()),
        };
        index.and_then(|index| self.all.get(*index))
    }
}

/// Decides over one row after the other.
struct Judge<'a> {
    team: &'a Team,
    people: &'a People,
    admission: &'a organizations::Admission,
    on_unknown: OnUnknown,
    /// Which addresses are to be invited: by which row, and as what.
    invited: HashMap<&'a str, (usize, TeamRole)>,
    /// Who is to be added: by which row, and as what.
    taken: HashMap<Uuid, (usize, &'a Person, TeamRole)>,
}

impl<'a> Judge<'a> {
    fn row(&mut self, index: usize, row: &BulkInput, user: Option<&'a UserRef>) -> BulkRow {
        let role = row.role.as_deref().map_or(Ok(TeamRole::Member), str::parse);
        let (outcome, detail) = match self.outcome(index, user, role.as_ref().ok().copied()) {
            Ok((outcome, detail)) => (outcome, detail),
            Err(why) => (BulkOutcome::Invalid, Some(why)),
        };
        BulkRow {
            user: row.user.clone(),
            role: role.ok(),
            outcome,
            detail,
        }
    }

    /// What becomes of a row; the error is why it is invalid.
    fn outcome(
        &mut self,
        index: usize,
        user: Option<&'a UserRef>,
        role: Option<TeamRole>,
    ) -> Result<(BulkOutcome, Option<String>), String> {
        let user = user.ok_or("This is no email address, nor a user's UUID")?;
        let role = role.ok_or("role must be admin or member. Verify role spelling")?;
        let Some(person) = self.people.find(user) else {
            return self.unknown(index, user, role);
        };
        let (email, team) = (&person.email, &self.team.name);
        if let Some(current) = person.role {
            let stays = if current == role {
                String::new()
            } else {
                format!(", as {current}; a list changes no roles")
            };
            let why = format!("User {email} is already a member of team {team}{stays}");
            return Ok((BulkOutcome::Exists, Some(why)));
        }
        if let Some((first, _, taken)) = self.taken.get(&person.id) {
            return again(&format!("User {email}"), *first, *taken, role);
        }
        if person.deactivated {
            return Err(deactivated(email));
        }
        if person.doubtful {
            return Err(identity::doubtful(email));
        }
        if !person.belongs {
            self.admission.admit(email).map_err(|error| error.detail())?;
        }
        self.taken.insert(person.id, (index, person, role));
        Ok((BulkOutcome::Added, None))
    }

    /// What becomes of a row about somebody without an account.
    fn unknown(
        &mut self,
        index: usize,
        user: &'a UserRef,
        role: TeamRole,
    ) -> Result<(BulkOutcome, Option<String>), String> {
        let (OnUnknown::Invite, UserRef::Email(email)) = (self.on_unknown, user) else {
            return Err(format!("User not found: {user}"));
        };
        let email = email.as_str();
        if let Some((first, invited)) = self.invited.get(email) {
            return again(email, *first, *invited, role);
        }
        self.admission.admit(email).map_err(|error| error.detail())?;
        self.invited.insert(email, (index, role));
        let why = "No account yet: joins the team when there is one";
        Ok((BulkOutcome::Invited, Some(why.to_owned())))
    }
}

/// Somebody for the second time: the same again, or an error where the role is another one.
fn again(who: &str, first: usize, there: TeamRole, here: TeamRole) -> Result<(BulkOutcome, Option<String>), String> {
    let row = first + 1;
    if there == here {
        Ok((BulkOutcome::Exists, Some(format!("The same as row {row}"))))
    } else {
        Err(format!("{who} is in row {row} already, as {there}"))
    }
}

/// Writes the rows of those who are added, their place in the organization, and an audit record for each. The caller
/// has locked the team.
async fn write(ctx: &mut Ctx, team: &Team, newcomers: &[(usize, &Person, TeamRole)]) -> Result<()> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let ids: Vec<Uuid> = newcomers.iter().map(|(_, person, _)| person.id).collect();
    let roles: Vec<String> = newcomers.iter().map(|(_, _, role)| role.to_string()).collect();
    sqlx::query!(
        "INSERT INTO team_members (team_id, user_id, role, source, joined_at, added_by)
        SELECT $1, n.user_id, n.role, 'bulk', $4, $5 FROM unnest($2::uuid[], $3::text[]) AS n(user_id, role)",
        team.id.0,
        &ids,
        &roles,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    let strangers: Vec<Uuid> = newcomers
        .iter()
        .filter_map(|(_, person, _)| (!person.belongs).then_some(person.id))
        .collect();
    organizations::join_many(ctx, team.organization_id, &strangers).await?;
    let entries: Vec<audit::Entry<'_>> = newcomers
        .iter()
        .map(|(_, person, role)| {
            audit::Entry::new("member.add", "member", person.id, &person.email)
                .team(team.organization_id, team.id)
                .change(Value::Null, json!({"role": role, "source": "bulk"}))
        })
        .collect();
    audit::record_many(ctx, &entries).await?;
    requests::settle_joins(ctx, (team.organization_id, team.id), &ids).await?;
    for id in ids {
        ctx.touch(UserId(id));
    }
    Ok(())
}
