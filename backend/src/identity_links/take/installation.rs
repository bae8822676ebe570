//! A link's role in the installation, taken.

use std::collections::BTreeMap;

use domain::{UserId, directory::InstallationRole};
use serde_json::json;
use uuid::Uuid;

use super::{Fate, Link};
use crate::{Ctx, Result, audit, users};

/// Takes a role in the installation from people who left a link's group; the last active super_admin stays.
pub(super) async fn take(
    ctx: &mut Ctx,
    link: &Link,
    role: InstallationRole,
    people: &[Uuid],
    emails: &BTreeMap<Uuid, String>,
) -> Result<BTreeMap<Uuid, Fate>> {
    users::lock_changes(ctx).await?;
    let rows = sqlx::query!(
        r#"SELECT m.user_id, m.gave, EXISTS (SELECT FROM identity_link_members x JOIN identity_links l ON l.id = x.link_id
                WHERE l.organization_id IS NULL AND l.role = $3 AND l.id <> $1 AND x.user_id = m.user_id
                    AND (x.left_at IS NULL OR l.mode = 'additive')) AS "remains!"
        FROM identity_link_members m WHERE m.link_id = $1 AND m.user_id = ANY($2) ORDER BY m.since, m.user_id"#,
        link.id,
        people,
        role.as_str(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut fates = BTreeMap::new();
    for row in rows {
        let fate = if !row.gave {
            Fate::ByHand
        } else if row.remains {
            Fate::ByAnother
        } else if role == InstallationRole::SuperAdmin && !users::other_super_admin(ctx, &[row.user_id]).await? {
            Fate::LastAdmin
        } else {
            sqlx::query!(
                "UPDATE users SET is_super_admin = is_super_admin AND $2, is_auditor = is_auditor AND NOT $2,
                    updated_at = now() WHERE id = $1",
                row.user_id,
                role == InstallationRole::Auditor,
            )
            .execute(ctx.connection())
            .await?;
            ctx.touch(UserId(row.user_id));
            let email = emails.get(&row.user_id).map_or("", String::as_str);
            let why = format!("left the group {}", link.group());
            let entry = audit::Entry::new("user.update", "user", row.user_id, email).change(
                json!({role.as_str(): true}),
                json!({role.as_str(): false, "source": "idp", "why": why}),
            );
            audit::record(ctx, entry).await?;
            Fate::Lost
        };
        fates.insert(row.user_id, fate);
    }
    Ok(fates)
}
