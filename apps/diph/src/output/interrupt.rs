//! Ctrl-C.

use diph_recon::{Blame, Cancel};

use super::{AppError, Exit};

/// A flag that Ctrl-C (and SIGTERM, SIGHUP) raises, for the whole program: to be called once. A second Ctrl-C ends the program at
/// once; the first does where `only_reads` says that there is nothing to bring to an end.
///
/// # Errors
/// [`AppError::Recon`] when a handler is already installed.
pub fn cancel_on_ctrl_c(only_reads: bool) -> Result<Cancel, AppError> {
    let cancel = Cancel::default();
    let raised = cancel.clone();
    let handler = move || {
        if only_reads || raised.is_cancelled() {
            std::process::exit(Exit::Cancelled as i32);
        }
        raised.cancel();
    };
    ctrlc::set_handler(handler).step("listening for Ctrl-C")?;
    Ok(cancel)
}
