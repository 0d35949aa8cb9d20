//! Which relaxation times can be those of tissue.

use std::path::Path;

use diph_formats::{Error, Result};

/// Longer than any time of tissue (free water has some 4 s) and shorter than any in milliseconds.
const LONGEST_S: f64 = 50.0;

/// Fails on a time below `least` or of more than 50 s, which stands in the array `key` of a file under this `name`.
///
/// # Errors
/// [`Error::Unexpected`] naming the first such time.
pub(crate) fn check_times(
    path: &Path,
    key: &str,
    name: &str,
    times: impl IntoIterator<Item = f64>,
    least: f64,
) -> Result<()> {
    let Some(time) = times.into_iter().find(|time| !(least..=LONGEST_S).contains(time)) else { return Ok(()) };
    let expected = match time < least {
        true if least > 0.0 => format!("{name} above 0"),
        true => format!("{name} of at least 0"),
        false => format!("{name} in seconds, at most {LONGEST_S}; divide milliseconds by 1000"),
    };
    Err(Error::unexpected(path, key, expected, time))
}
