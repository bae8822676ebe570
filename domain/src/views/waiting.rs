//! The waiting list of a team whose quota is full.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::TeamId;

/// Someone's wait for a runner.
#[derive(Debug, Clone)]
pub struct RunnerWait {
    /// Its id.
    pub id: Uuid,
    /// The team whose quota is full.
    pub team_id: TeamId,
    /// Its name.
    pub team_name: String,
    /// Email of who waits.
    pub user: String,
    /// `waiting`, `ready`, `claimed`, `left` or `expired`.
    pub state: String,
    /// How many wait in this team up to here, from 1; none for one who does not wait any more.
    pub position: Option<i64>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when the place is held.
    pub ready_until: Option<DateTime<Utc>>,
    /// The custom labels that were asked for.
    pub labels: Vec<String>,
}
