//! Noise that coils received without a signal.

use diph_formats::{ArrayLocation, Error as FileError, RawData, Readout, ReadoutFlag};
use ndarray::{Array2, Axis, IxDyn, concatenate};
use num_complex::Complex32;

use crate::Result;

/// Reads noise (coil, sample): the noise scan of raw data, or an array whose first axis is the coil; its other axes are samples
/// whatever they are called.
///
/// # Errors
/// [`Error::File`](crate::Error::File) naming the file, the key and what was expected.
pub fn read_noise(location: &ArrayLocation) -> Result<Array2<Complex32>> {
    let path = &location.path;
    if RawData::is_at(location)? {
        let file = RawData::open(location)?;
        let missing = || FileError::unexpected(path, &file.key("data"), "readouts of noise", "none");
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
pub(super) fn noise_of(file: &RawData, channels: Option<usize>) -> Result<Option<Array2<Complex32>>> {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The noise of either writer's file; simulated noise of zeros is none.
    #[test]
    fn noise_of_raw_data_is_found() {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers");
        let noise = |name: &str| read_noise(&ArrayLocation::of_file(peers.join(name)));
        assert_eq!(noise("ismrmrd_python.h5").unwrap().dim(), (2, 64));
        assert!(noise("ismrmrd_cpp.h5").unwrap_err().to_string().contains("readouts of noise"));
        assert_eq!(noise("bart_coils_noise.cfl").unwrap().nrows(), 4);
    }
}
