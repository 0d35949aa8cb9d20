//! Ending early.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{AppError, Exit};

/// A flag that asks all work to end. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that Ctrl-C (and SIGTERM, SIGHUP) raises, for the whole program: to be called once. A second Ctrl-C ends
    /// the program at once.
    ///
    /// # Errors
    /// [`AppError::Failed`] when a handler is already installed.
    pub fn on_ctrl_c() -> Result<Self, AppError> {
        let cancel = Self::default();
        let raised = cancel.clone();
        let handler = move || {
            if raised.0.swap(true, Ordering::Relaxed) {
                std::process::exit(Exit::Cancelled as i32);
            }
        };
        ctrlc::set_handler(handler)
            .map_err(|error| AppError::Failed { step: "listening for Ctrl-C".into(), source: error.into() })?;
        Ok(cancel)
    }

    /// The flag itself, for parts that know nothing of this type.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Asks all work to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For use between pieces of work.
    ///
    /// # Errors
    /// [`AppError::Cancelled`] when somebody asked.
    pub fn check(&self) -> Result<(), AppError> {
        if self.is_cancelled() { Err(AppError::Cancelled) } else { Ok(()) }
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
        assert_eq!(cancel.check().unwrap_err().exit(), Exit::Cancelled);
        assert!(cancel.flow().is_break());
    }
}
