//! `guildhall audit`.

use anyhow::bail;
use backend::audit;

use super::{
    AuditVerify,
    commands::{print, with_backend},
};
use crate::config::Config;

/// `guildhall audit verify`.
pub(super) async fn verify(config: &Config, options: AuditVerify) -> anyhow::Result<()> {
    let report = with_backend(config, async |backend| {
        Ok(audit::verify(&backend.pool, options.expect_head.as_ref()).await?)
    })
    .await?;
    let (sealed, waiting) = (report.sealed, report.waiting);
    if let Some(finding) = report.finding {
        bail!("the audit log is not as it was sealed. {sealed} seals before this are good.\n{finding}");
    }
    print(&format!(
        "sealed and unchanged: {sealed}\nwaiting for a seal: {waiting}"
    ))?;
    match report.head {
        Some(head) => print(&format!("head {head}")),
        None => Ok(()),
    }
}
