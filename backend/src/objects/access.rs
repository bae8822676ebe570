//! Who sees which namespaces and objects. What may be done with one is asked by the functions that do it.

use domain::{OrganizationId, Permission, Standing};
use kubernetes::{Failure, Kind, Reason};
use uuid::Uuid;

use super::{
    contract::{Namespace, Verb},
    refusal::failure,
    subject::Ids,
};
use crate::{Caller, Ctx, organizations, scope::Scope};

/// What somebody sees of all objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight {
    scope: Scope,
    /// Organizations that the caller belongs to, in whatever way.
    namespaces: Vec<Uuid>,
}

impl Sight {
    pub(super) fn of(caller: &Caller) -> Self {
        let namespaces = match caller {
            Caller::Person(person, _) => {
                let own = person.organizations.iter().map(|(organization, _)| organization.0);
                let of_teams = person.teams.iter().map(|team| team.organization_id.0);
                let mut all: Vec<Uuid> = own.chain(of_teams).collect();
                all.sort_unstable();
                all.dedup();
                all
            }
            Caller::Machine(_) | Caller::System(..) => Vec::new(),
        };
        Self {
            scope: Scope::of(caller),
            namespaces,
        }
    }

    /// Whether the caller sees that there is such an organization.
    pub(super) fn sees_namespace(&self, organization: Uuid) -> bool {
        self.scope.all || self.namespaces.contains(&organization)
    }

    /// Whether the caller sees an object. What waits is seen by its `declarer`, too.
    pub(super) fn sees(&self, kind: Kind, organization: Uuid, ids: Ids, declarer: Option<Uuid>) -> bool {
        if declarer.is_some() && declarer == self.scope.actor {
            return true;
        }
        if self.scope.all || self.scope.organizations.contains(&organization) {
            return true;
        }
        let own = ids.user.is_some() && ids.user == self.scope.actor;
        let among = |teams: &[Uuid]| ids.team.is_some_and(|team| teams.contains(&team));
        match kind {
            Kind::Team => among(&self.scope.teams),
            Kind::TeamMemberAssociation => own || among(&self.scope.teams),
            Kind::User => own,
            Kind::VirtualKey => own || among(&self.scope.administered),
        }
    }

    /// For SQL: everything; whole organizations; teams; administered teams; the caller.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// The namespaces that the caller sees, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn namespaces(ctx: &mut Ctx) -> Result<Vec<Namespace>, Failure> {
    let sight = Sight::of(&ctx.caller);
    let rows = sqlx::query!(
        "SELECT id, slug, name, created_at FROM organizations WHERE $1 OR id = ANY($2) ORDER BY slug",
        sight.scope.all,
        &sight.namespaces,
    )
    .fetch_all(ctx.connection())
    .await
    .map_err(|error| failure(error.into()))?;
    let namespaces = rows.into_iter().map(|row| Namespace {
        name: row.slug,
        uid: row.id,
        display_name: row.name,
        created_at: row.created_at,
    });
    Ok(namespaces.collect())
}

/// One namespace.
///
/// # Errors
/// 404 when there is none, and when the caller may not see it.
pub async fn namespace(ctx: &mut Ctx, name: &str) -> Result<Namespace, Failure> {
    let missing = || Failure::new(Reason::NotFound, format!("namespaces {name:?} not found"));
    if name.contains('\0') {
        return Err(missing());
    }
    let row = sqlx::query!(
        "SELECT id, slug, name, created_at FROM organizations WHERE slug = $1",
        name
    )
    .fetch_optional(ctx.connection())
    .await
    .map_err(|error| failure(error.into()))?
    .ok_or_else(missing)?;
    if !Sight::of(&ctx.caller).sees_namespace(row.id) {
        return Err(missing());
    }
    Ok(Namespace {
        name: row.slug,
        uid: row.id,
        display_name: row.name,
        created_at: row.created_at,
    })
}

/// Whether the caller may, in general: of a single object the answer may still be no.
///
/// # Errors
/// When the database does not answer.
pub async fn may(ctx: &mut Ctx, name: Option<&str>, kind: Kind, verb: Verb) -> Result<bool, Failure> {
    let Some(name) = name else {
        // Over all namespaces: reading is filtered, everything else is a super_admin's.
        return Ok(verb == Verb::Read || standing_in(&ctx.caller, domain::DEFAULT_ORGANIZATION.0, None).super_admin);
    };
    let organization = match namespace(ctx, name).await {
        Ok(namespace) => OrganizationId(namespace.uid),
        Err(failure) if failure.reason == Reason::NotFound => return Ok(false),
        Err(failure) => return Err(failure),
    };
    if verb == Verb::Read {
        return Ok(true);
    }
    // A team admin may in their own team what the table says.
    let own_team = match &ctx.caller {
        Caller::Person(person, _) => person
            .teams
            .iter()
            .find(|team| team.organization_id == organization && team.role == domain::TeamRole::Admin),
        Caller::Machine(_) | Caller::System(..) => None,
    };
    let team = own_team
        .map(|team| team.team_id.0)
        .filter(|_| kind != Kind::Team || verb == Verb::Change);
    Ok(may_in(&ctx.caller, kind, verb, organization.0, team))
}

/// Whether the caller may change this very object: with regard to its team, and to themselves.
pub(super) fn may_change(ctx: &Ctx, kind: Kind, organization: Uuid, ids: Ids) -> bool {
    let own = kind == Kind::VirtualKey && ids.user.is_some() && ids.user == ctx.caller.user_id().map(|id| id.0);
    own || standing_in(&ctx.caller, organization, ids.team).may(permission_to(kind, Verb::Change))
}

fn may_in(caller: &Caller, kind: Kind, verb: Verb, organization: Uuid, team: Option<Uuid>) -> bool {
    // Everybody has keys of their own.
    kind == Kind::VirtualKey || standing_in(caller, organization, team).may(permission_to(kind, verb))
}

/// What the table asks of whoever makes, changes or deletes objects of a kind.
const fn permission_to(kind: Kind, verb: Verb) -> Permission {
    match (kind, verb) {
        (Kind::Team, Verb::Change) => Permission::TeamEdit,
        _ => permission(kind),
    }
}

/// What the table asks of whoever makes objects of a kind.
pub(super) const fn permission(kind: Kind) -> Permission {
    match kind {
        Kind::Team => Permission::TeamAdminister,
        Kind::User => Permission::DirectoryManage,
        Kind::TeamMemberAssociation => Permission::MembersManage,
        Kind::VirtualKey => Permission::KeysManage,
    }
}

/// What the caller is with regard to a team of an organization.
pub(super) fn standing_in(caller: &Caller, organization: Uuid, team: Option<Uuid>) -> Standing {
    match (caller, team) {
        (Caller::Person(person, _), Some(team)) => person.standing(organization.into(), domain::TeamId(team)),
        _ => organizations::standing(caller, organization.into()),
    }
}
