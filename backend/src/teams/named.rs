//! Teams by what people call them.

use uuid::Uuid;

use crate::{Ctx, Result};

/// The teams with this id, name or short name, in all organizations; what of them the caller may see is for the caller
/// of this to decide.
pub(crate) async fn named(ctx: &mut Ctx, text: &str) -> Result<Vec<Uuid>> {
    let text = text.trim().replace('\0', "");
    let id = text.parse::<Uuid>().ok();
    Ok(sqlx::query_scalar!(
        "SELECT id FROM teams WHERE id = $1 OR lower(name) = lower($2) OR slug = lower($2)",
        id,
        text,
    )
    .fetch_all(ctx.connection())
    .await?)
}
