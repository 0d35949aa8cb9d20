//! One noise level of an annealed run.

/// One step of a noise schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleEntry {
    /// Index in the respaced schedule; 0 is the least noisy.
    pub index: usize,
    /// Timestep of the schedule that the prior was trained with, 0..999.
    pub timestep: usize,
    /// Cumulative product of alphas: share of the signal's variance that is left.
    pub abar: f64,
}

impl ScheduleEntry {
    /// Noise level relative to the signal, `sqrt(1 - abar) / sqrt(abar)`.
    pub fn sigma(&self) -> f64 {
        ((1.0 - self.abar) / self.abar).sqrt()
    }
}
