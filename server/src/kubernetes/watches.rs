//! How many watches each person has open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kubernetes::{Failure, Reason};

/// What watches may cost.
#[derive(Debug, Clone, Copy)]
pub struct WatchLimits {
    /// How many one person may have open in a process. A screen of `kubectl` has one; a controller one of each kind.
    pub most: usize,
    /// How long a client may take to read what waits for it.
    pub patience: Duration,
    /// How often a bookmark tells how far the watch is, and the caller's credential is looked at again.
    pub look: Duration,
}

impl Default for WatchLimits {
    fn default() -> Self {
        Self {
            most: 100,
            patience: Duration::from_secs(30),
            look: Duration::from_mins(1),
        }
    }
}

/// When to try again.
const LATER: u32 = 5;

/// Counts open watches.
#[derive(Clone, Default)]
pub(super) struct Watches(Arc<Mutex<HashMap<String, usize>>>);

/// A watch that is counted until this is dropped.
pub(super) struct Counted {
    watches: Watches,
    who: String,
}

impl Watches {
    /// Counts one more.
    ///
    /// # Errors
    /// 429 when the person has too many.
    pub(super) fn count(&self, who: &str, most: usize) -> Result<Counted, Failure> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(who.to_owned()).or_default();
        if *count >= most {
            let words = format!("{who} has {most} watches open, which is the most: end some of them");
            return Err(Failure {
                retry_after: Some(LATER),
                ..Failure::new(Reason::TooManyRequests, words)
            });
        }
        *count += 1;
        metrics::gauge!("guildhall_kubernetes_watches").increment(1.0);
        Ok(Counted {
            watches: self.clone(),
            who: who.to_owned(),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.who);
            }
        }
        metrics::gauge!("guildhall_kubernetes_watches").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_has_so_many() {
        let watches = Watches::default();
        let one = watches.count("ada", 2).map_err(|_| ()).expect("one");
        let _two = watches.count("ada", 2).map_err(|_| ()).expect("two");
        assert_eq!(
            watches.count("ada", 2).err().map(|failure| failure.reason),
            Some(Reason::TooManyRequests)
        );
        assert!(watches.count("bob", 2).is_ok());
        drop(one);
        assert!(watches.count("ada", 2).is_ok());
        assert_eq!(watches.0.lock().expect("whole").len(), 1);
    }
}
