//! Parts that come with a plugin, each made for one acquisition: which of them fits.

use diph_core::{Error, Result};

use crate::{Host, LogLevel};

/// The first of the `candidates`, by their names, that fits the acquisition; the host's log says which it is. Candidates after it are
/// not looked at.
///
/// `what` says what they are, such as `networks`, and `advice` what to do where none of them fits.
///
/// # Errors
/// [`Error::Incompatible`] of the part `id` with the misfit of every candidate.
pub fn first_that_fits<T>(
    id: &str,
    what: &str,
    advice: &str,
    host: &Host,
    candidates: impl IntoIterator<Item = (&'static str, Result<T>)>,
) -> Result<T> {
    let mut misfits = Vec::new();
    for (name, candidate) in candidates {
        match candidate {
            Ok(fitting) => {
                host.log(LogLevel::Info, &format!("{id}: takes `{name}`, which is of this acquisition"));
                return Ok(fitting);
            }
            Err(misfit) => misfits.push(format!("`{name}`: {misfit}")),
        }
    }
    let expected = format!("an acquisition whose temporal basis one of the {what} that come with Diph was made for");
    Err(Error::incompatible(id, expected, format!("another one ({}); {advice}", misfits.join("; "))))
}
