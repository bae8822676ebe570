//! `/admin/teams`: the list, and the form for a new team.

mod list;
mod new;

pub use list::list;
pub use new::new;
