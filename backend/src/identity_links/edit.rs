//! Making, changing and deleting links, and what becomes of people by it.

use domain::{
    Fields, Invalid, LinkId, OrganizationId, TeamId, UserId,
    directory::{Gives, Mode, Provider, may_remove, parse_group_id},
    views::{IdentityLink, LinkFate, LinkPreview},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Link,
    events::{self, Event, Kind},
    list::{get, missing, require_manage},
    read, require_givable,
    take::{Fate, remove},
};
use crate::{Code, Ctx, Error, Result, audit};

/// How many people a preview names.
const NAMED: usize = 100;

/// A link to make, as a request has it.
#[derive(Debug, Clone, Default)]
pub struct NewLinkInput {
    /// The organization that it gives something in; none is the installation.
    pub organization_id: Option<String>,
    /// The team, if it gives a role in one.
    pub team_id: Option<String>,
    /// Who says who is in the group.
    pub provider: String,
    /// The directory's id of the group.
    pub group_id: String,
    /// What it is called.
    pub group_name: Option<String>,
    /// The role; the least one unless said otherwise.
    pub role: Option<String>,
    /// Additive unless said otherwise.
    pub mode: Option<String>,
    /// Percent that one pass may take out without asking; 20 unless said otherwise.
    pub removal_limit: Option<i64>,
}

/// A link to make.
#[derive(Debug, Clone)]
pub struct NewLink {
    provider: Provider,
    group_id: String,
    group_name: Option<String>,
    gives: Gives,
    mode: Mode,
    removal_limit: u8,
}

impl NewLinkInput {
    /// Checks all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewLink, Vec<Invalid>> {
        let mut fields = Fields::new();
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let id = |field, text: Option<String>| match filled(text) {
            None => Ok(None),
            Some(text) => Uuid::try_parse(text.trim())
                .map(Some)
                .map_err(|_| Invalid::new(field, "must be a UUID")),
        };
        let organization = fields.take(id("organization_id", self.organization_id));
        let team = fields.take(id("team_id", self.team_id));
        let provider = fields.take(self.provider.parse::<Provider>());
        let group_id = fields.take(parse_group_id(&self.group_id)).map(|id| match provider {
            // Their ids do not differ by case, and are compared as they are written in lower case.
            Some(Provider::Entra | Provider::Scim) => Uuid::try_parse(&id).map_or(id, |id| id.to_string()),
            _ => id,
        });
        let mode = fields.take(filled(self.mode).map_or(Ok(Mode::default()), |mode| mode.parse()));
        let removal_limit = fields.take(parse_removal_limit(self.removal_limit));
        let gives = match (organization, team) {
            (Some(organization), Some(team)) => {
                let (organization, team) = (organization.map(OrganizationId), team.map(TeamId));
                let gives = Gives::parse(organization, team, filled(self.role).as_deref().map(str::trim));
                fields.take(gives.and_then(|gives| require_givable(gives).map(|()| gives)))
            }
            _ => None,
        };
        let new = (|| {
            Some(NewLink {
                provider: provider?,
                group_id: group_id?,
                group_name: filled(self.group_name).and_then(|name| parse_group_id(&name).ok()),
                gives: gives?,
                mode: mode?,
                removal_limit: removal_limit?,
            })
        })();
        fields.with(new)
    }
}

fn parse_removal_limit(percent: Option<i64>) -> Result<u8, Invalid> {
    let percent = percent.unwrap_or(20);
    u8::try_from(percent)
        .ok()
        .filter(|percent| *percent <= 100)
        .ok_or_else(|| Invalid::new("removal_limit", "must be 0 to 100 percent"))
}

/// Makes a link. Who is in the group gets what it gives when the directory next says so.
///
/// # Errors
/// 403 without the right; 404 without such an organization or team; 409 when it is there already.
pub async fn create(ctx: &mut Ctx, new: NewLink) -> Result<IdentityLink> {
    require_manage(&ctx.caller, new.gives)?;
    require_target(ctx, new.gives).await?;
    let (id, now, by) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO identity_links (id, provider, group_id, group_name, organization_id, team_id, role, mode,
            removal_limit, created_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        new.provider.as_str(),
        new.group_id,
        new.group_name,
        new.gives.organization().map(|id| id.0),
        new.gives.team().map(|id| id.0),
        new.gives.role(),
        new.mode.as_str(),
        i16::from(new.removal_limit),
        now,
        by,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        Error::from(error).on_constraint("identity_links_key", || {
            Error::refused(
                Code::NameTaken,
                format!("Group {} gives this already: there is a link of it", new.group_id),
            )
        })
    })?;
    events::note(ctx, &[Event::of(id, Kind::Created)]).await?;
    if new.provider == Provider::Scim
        && let Some(organization) = new.gives.organization()
    {
        crate::scim::linked(ctx, organization, &new.group_id).await?;
    }
    let link = get(ctx, LinkId(id)).await?;
    record(ctx, "identity_link.create", &link, Value::Null, fields(&link)).await?;
    Ok(link)
}

/// The organization and the team are there, and belong together.
async fn require_target(ctx: &mut Ctx, gives: Gives) -> Result<()> {
    let Some(organization) = gives.organization() else {
        return Ok(());
    };
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM organizations WHERE id = $1) AS "there!""#,
        organization.0
    )
    .fetch_one(ctx.connection())
    .await?;
    if !there {
        return Err(Error::not_found("Organization", organization));
    }
    let Some(team) = gives.team() else { return Ok(()) };
    let status = sqlx::query_scalar!(
        "SELECT status FROM teams WHERE id = $1 AND organization_id = $2",
        team.0,
        organization.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    match status.as_deref() {
        None => Err(Error::not_found("Team", team)),
        Some("archived") => Err(Error::refused(
            Code::WrongState,
            "The team is archived: restore it first",
        )),
        Some(_) => Ok(()),
    }
}

/// What of a link is to be changed.
#[derive(Debug, Clone, Default)]
pub struct LinkPatchInput {
    /// `additive` or `authoritative`.
    pub mode: Option<String>,
    /// Percent that one pass may take out without asking.
    pub removal_limit: Option<i64>,
}

/// Changes a link. One that becomes authoritative takes away at once what it gave to those who left the group, or waits for
/// somebody's word if they are many; look at the preview first.
///
/// # Errors
/// 403 without the right; 404 without such a link; fields that break a rule.
pub async fn update(ctx: &mut Ctx, id: LinkId, patch: LinkPatchInput) -> Result<IdentityLink> {
    let before = changeable(ctx, id).await?;
    let mut wrong = Fields::new();
    let mode = wrong.take(patch.mode.map(|mode| mode.parse::<Mode>()).transpose());
    let limit = wrong.take(
        patch
            .removal_limit
            .map(|limit| parse_removal_limit(Some(limit)))
            .transpose(),
    );
    let (mode, limit) = wrong
        .with(mode.zip(limit))
        .map(|(mode, limit)| (mode.unwrap_or(before.mode), limit.unwrap_or(before.removal_limit)))?;
    if (mode, limit) == (before.mode, before.removal_limit) {
        return Ok(before);
    }
    sqlx::query!(
        "UPDATE identity_links SET mode = $2, removal_limit = $3,
            held_at = CASE WHEN $2 = 'additive' THEN NULL ELSE held_at END WHERE id = $1",
        id.0,
        mode.as_str(),
        i16::from(limit),
    )
    .execute(ctx.connection())
    .await?;
    let words = format!("{mode}, at most {limit} % without asking");
    events::note(ctx, &[Event::of(id.0, Kind::Mode).with(words)]).await?;
    if mode == Mode::Authoritative
        && let Some(link) = read::by_ids(ctx, &[id.0]).await?.first()
    {
        super::take::settle(ctx, link).await?;
    }
    let after = get(ctx, id).await?;
    record(ctx, "identity_link.update", &before, fields(&before), fields(&after)).await?;
    Ok(after)
}

/// Deletes a link. People keep what it gave.
///
/// # Errors
/// 403 without the right; 404 without such a link.
pub async fn delete(ctx: &mut Ctx, id: LinkId) -> Result<()> {
    let link = changeable(ctx, id).await?;
    // What it gave is theirs now: no other link takes it away.
    keep(ctx, id).await?;
    sqlx::query!("DELETE FROM identity_links WHERE id = $1", id.0)
        .execute(ctx.connection())
        .await?;
    record(ctx, "identity_link.delete", &link, fields(&link), Value::Null).await
}

/// Makes memberships that only this link gave memberships by hand.
async fn keep(ctx: &mut Ctx, id: LinkId) -> Result<()> {
    sqlx::query!(
        "UPDATE team_members t SET source = 'manual' FROM identity_links l JOIN identity_link_members m ON m.link_id = l.id
        WHERE l.id = $1 AND t.team_id = l.team_id AND t.user_id = m.user_id AND t.source = 'idp'
            AND NOT EXISTS (SELECT FROM identity_link_members x JOIN identity_links o ON o.id = x.link_id
                WHERE o.id <> l.id AND o.team_id = l.team_id AND x.user_id = m.user_id)",
        id.0,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE organization_members t SET source = 'manual'
        FROM identity_links l JOIN identity_link_members m ON m.link_id = l.id
        WHERE l.id = $1 AND t.organization_id = l.organization_id AND t.user_id = m.user_id AND t.source = 'idp'
            AND NOT EXISTS (SELECT FROM identity_link_members x JOIN identity_links o ON o.id = x.link_id
                WHERE o.id <> l.id AND o.organization_id = l.organization_id AND x.user_id = m.user_id)",
        id.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Gives the word that removals waited for: takes away what the link gave to all who left its group.
///
/// # Errors
/// 403 without the right; 404 without such a link; 409 when nothing waits.
pub async fn confirm(ctx: &mut Ctx, id: LinkId) -> Result<IdentityLink> {
    let before = changeable(ctx, id).await?;
    if before.held_at.is_none() {
        return Err(Error::refused(Code::WrongState, "Nothing waits for confirmation"));
    }
    let link = locked(ctx, id).await?;
    let leaving = leaving(ctx, id).await?;
    sqlx::query!("UPDATE identity_links SET held_at = NULL WHERE id = $1", id.0)
        .execute(ctx.connection())
        .await?;
    let by = ctx.caller.name().to_owned();
    let words = format!("{} removals, by {by}", leaving.len());
    events::note(ctx, &[Event::of(id.0, Kind::Released).with(words)]).await?;
    remove(ctx, &link, &leaving).await?;
    let after = get(ctx, id).await?;
    let change = json!({"confirmed_removals": leaving.len()});
    record(
        ctx,
        "identity_link.confirm",
        &after,
        json!({"held_at": before.held_at}),
        change,
    )
    .await?;
    Ok(after)
}

/// What the link would do if it were authoritative, as far as is known: those who left are taken out in a transaction that
/// the caller drops, so that the answer is what would happen. `present` are the people in the group, when the directory was
/// asked just now.
///
/// # Errors
/// 403 without the right; 404 without such a link.
pub(super) async fn preview(ctx: &mut Ctx, id: LinkId, present: Option<&[UserId]>) -> Result<LinkPreview> {
    changeable(ctx, id).await?;
    let link = locked(ctx, id).await?;
    let mut adds = Vec::new();
    if let Some(present) = present {
        let present: Vec<Uuid> = present.iter().map(|user| user.0).collect();
        let now = ctx.now;
        sqlx::query!(
            "UPDATE identity_link_members SET left_at = $3 WHERE link_id = $1 AND left_at IS NULL AND NOT user_id = ANY($2)",
            id.0,
            &present,
            now,
        )
        .execute(ctx.connection())
        .await?;
        adds = sqlx::query_scalar!(
            "SELECT email FROM users u WHERE id = ANY($2) AND NOT EXISTS (SELECT FROM identity_link_members m
                WHERE m.link_id = $1 AND m.user_id = u.id AND m.left_at IS NULL) ORDER BY email",
            id.0,
            &present,
        )
        .fetch_all(ctx.connection())
        .await?;
    }
    let leaving = leaving(ctx, id).await?;
    let members = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM identity_link_members WHERE link_id = $1"#,
        id.0
    )
    .fetch_one(ctx.connection())
    .await?;
    let emails = super::give::emails(ctx, &leaving).await?;
    let fates = remove(ctx, &link, &leaving).await?;
    let loses = |fate: Fate| matches!(fate, Fate::Lost | Fate::Lowered);
    let adds_total = adds.len();
    adds.truncate(NAMED);
    Ok(LinkPreview {
        adds,
        adds_total,
        removes_total: fates.values().filter(|fate| loses(**fate)).count(),
        leaving: (fates.iter().take(NAMED))
            .map(|(user, fate)| LinkFate {
                user_id: UserId(*user),
                email: emails.get(user).cloned().unwrap_or_default(),
                loses: loses(*fate),
                detail: fate.detail(),
            })
            .collect(),
        present: members,
        waits: !may_remove(
            leaving.len(),
            usize::try_from(members).unwrap_or_default(),
            link.removal_limit,
        ),
        fresh: present.is_some(),
    })
}

/// A link, for somebody who may change it.
async fn changeable(ctx: &mut Ctx, id: LinkId) -> Result<IdentityLink> {
    let link = get(ctx, id).await?;
    require_manage(&ctx.caller, link.gives)?;
    Ok(link)
}

async fn locked(ctx: &mut Ctx, id: LinkId) -> Result<Link> {
    sqlx::query_scalar!("SELECT id FROM identity_links WHERE id = $1 FOR NO KEY UPDATE", id.0)
        .fetch_optional(ctx.connection())
        .await?;
    let links = read::by_ids(ctx, &[id.0]).await?;
    links.into_iter().next().ok_or_else(|| missing(id))
}

/// Who left the group and has what it gave still.
async fn leaving(ctx: &mut Ctx, id: LinkId) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT user_id FROM identity_link_members WHERE link_id = $1 AND left_at IS NOT NULL ORDER BY since, user_id",
        id.0,
    )
    .fetch_all(ctx.connection())
    .await?)
}

fn fields(link: &IdentityLink) -> Value {
    json!({
        "provider": link.provider, "group_id": link.group_id, "group": link.group(), "role": link.gives.role(),
        "team": link.team_name, "mode": link.mode, "removal_limit": link.removal_limit,
    })
}

async fn record(ctx: &mut Ctx, action: &'static str, link: &IdentityLink, before: Value, after: Value) -> Result<()> {
    let mut entry = audit::Entry::new(action, "identity_link", link.id.0, link.group()).change(before, after);
    entry.organization = link.gives.organization();
    entry.team = link.gives.team();
    audit::record(ctx, entry).await
}
