//! Deleting what is old, a batch at a time.

use crate::Result;

/// The most rows of one statement: locks stay short.
pub(crate) const BATCH: i64 = 5000;

/// Deletes batches until one is not full; returns how many rows that were. `delete` removes at most [`BATCH`] rows and
/// says how many.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn in_batches<F>(delete: impl Fn() -> F) -> Result<u64>
where
    F: Future<Output = Result<u64>>,
{
    let mut gone = 0;
    loop {
        let done = delete().await?;
        gone += done;
        if done < BATCH.unsigned_abs() {
            return Ok(gone);
        }
    }
}
