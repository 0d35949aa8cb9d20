//! Noise that coils received without a signal.

use diph_formats::{ArrayLocation, Error as FileError, Hdf5File, IsmrmrdFile, Readout, ReadoutFlag};
use ndarray::{Array2, Axis, IxDyn, concatenate};
use num_complex::Complex32;

use super::measurement_files::is_of_scanner;
use crate::Result;

/// Reads noise (coil, sample): the noise scan of ISMRMRD raw data, or an array whose first axis is the coil; its other axes are samples
/// whatever they are called.
///
/// # Errors
/// [`Error::File`](crate::Error::File) naming the file, the key and what was expected.
pub fn read_noise(location: &ArrayLocation) -> Result<Array2<Complex32>> {
    let path = &location.path;
    if Hdf5File::is_at(path) && is_of_scanner(location, &IsmrmrdFile::groups(path)?) {
        let file = IsmrmrdFile::open(path, location.key.as_deref())?;
        let missing = || FileError::unexpected(path, &format!("{}/data", file.group()), "readouts of noise", "none");
        return Ok(noise_of(&file, None)?.ok_or_else(missing)?);
    }
    let entry = location.read()?;
    let key = entry.key.clone();
    let array = entry.read::<Complex32, IxDyn>("(coil, ..., sample)")?;
    let coils = array.shape().first().copied().unwrap_or(0);
    let samples = array.len().checked_div(coils).unwrap_or(0);
    let got = format!("{:?}", array.shape());
    let flat = array.into_shape_with_order((coils, samples));
    Ok(flat.map_err(|_| FileError::unexpected(path, &key, "(coil, ..., sample)", got))?)
}

/// The noise scan (coil, sample) of raw data, of that number of channels where it is said; `None` where there is none
/// but zeros.
pub(super) fn noise_of(file: &IsmrmrdFile, channels: Option<usize>) -> Result<Option<Array2<Complex32>>> {
    let noise: Vec<&Readout> = file.readouts().iter().filter(|readout| readout.is(ReadoutFlag::Noise)).collect();
    let Some(channels) = channels.or(noise.first().map(|readout| readout.channels)) else { return Ok(None) };
    let fitting: Vec<&Readout> = noise.into_iter().filter(|readout| readout.channels == channels).collect();
    let mut samples: Vec<Array2<Complex32>> = Vec::new();
    file.read(&fitting, |_, values, _| {
        samples.push(values);
        Ok::<(), crate::Error>(())
    })?;
    let views: Vec<_> = samples.iter().map(|values| values.view()).collect();
    // Nothing to join where there is no such readout; simulated scans have noise readouts of zeros.
    let joined = concatenate(Axis(1), &views).ok();
    Ok(joined.filter(|noise| noise.iter().any(|value| *value != Complex32::ZERO)))
}
