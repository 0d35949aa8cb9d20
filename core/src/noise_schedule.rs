//! The noise levels of an annealed run.

use crate::ScheduleEntry;

/// Entries of a respaced schedule, least noisy first, with `entries[i].index == i`.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSchedule {
    /// The steps, least noisy first.
    pub entries: Vec<ScheduleEntry>,
}
