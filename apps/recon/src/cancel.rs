//! Ending early.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ReconError;

/// A flag that asks all work to end. Clones share it; any thread, or the handler of a signal, may raise it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// The flag itself, for parts that know nothing of this type.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Asks all work that watches this flag to end at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether work was asked to end; what watches it answers with [`Error::Cancelled`](diph_core::Error::Cancelled).
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For use between pieces of work.
    ///
    /// # Errors
    /// [`ReconError::Cancelled`] when somebody asked.
    pub fn check(&self) -> Result<(), ReconError> {
        if self.is_cancelled() { Err(ReconError::Cancelled) } else { Ok(()) }
    }

    /// For loops that ask after every step.
    pub fn flow(&self) -> ControlFlow<()> {
        if self.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_flag() {
        let cancel = Cancel::default();
        assert!(cancel.check().is_ok() && cancel.flow().is_continue());
        cancel.clone().cancel();
        assert!(matches!(cancel.check(), Err(ReconError::Cancelled)));
        assert!(cancel.flow().is_break());
    }
}
