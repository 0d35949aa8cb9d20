//! K-space and trajectory from files that the user named.

use diph_datasets::{Error as DataError, Measurement, MeasurementFiles};

use crate::memory::{MemoryBudget, files, program};
use crate::{Blame, ReconError};

/// Reads k-space and trajectory from files that the user named, if there is room for them.
///
/// # Errors
/// Naming the file, or the setting that says how it is to be read; [`ReconError::Memory`].
pub fn read_measurement(from: &MeasurementFiles, memory: MemoryBudget) -> Result<Measurement, ReconError> {
    let paths = from.files();
    // Once as they are in the file, and once in the order and precision that reconstructions take.
    let once = || files(paths.iter().map(AsRef::as_ref));
    let reading = program().and(once()).and(once());
    memory.check("reading the measurement", &reading, "take fewer slices or coils")?;
    match from.read() {
        Err(DataError::Convention { setting, problem }) => Err(ReconError::setting(setting, problem)),
        read => read.file(&from.kspace.path),
    }
}
