//! Coil sensitivities from a file.

use diph_core::ImageShape;
use diph_formats::ArrayLocation;
use ndarray::{ArrayD, Axis, IxDyn};
use num_complex::Complex32;

use crate::{Blame, ReconError};

/// The name of the sensitivities in archives that Diph writes.
pub const COIL_MAPS: &str = "coil_maps";

/// Reads sensitivities (coil, \[z,\] y, x). In a file of several arrays they are `coil_maps` unless the location says otherwise; axes of
/// length 1, such as the slice of BART's maps or a batch, are dropped.
///
/// # Errors
/// Naming the file, the key and what was expected.
pub fn read_coil_maps(location: &ArrayLocation, image: &ImageShape) -> Result<ArrayD<Complex32>, ReconError> {
    let path = &location.path;
    let mut location = location.clone();
    if location.key.is_none() && ArrayLocation::keys(path).file(path)?.len() > 1 {
        location.key = Some(COIL_MAPS.into());
    }
    let names: Vec<String> = image.names().iter().map(ToString::to_string).collect();
    let axes = format!("(coil, {})", names.join(", "));
    let entry = location.read().file(path)?;
    let key = entry.key.clone();
    let mut maps = entry.read::<Complex32, IxDyn>(&axes).file(path)?;
    let expected = image.lengths().len() + 1;
    while maps.ndim() > expected {
        let Some(axis) = [1, 0].into_iter().find(|axis| maps.len_of(Axis(*axis)) == 1) else { break };
        maps = maps.index_axis_move(Axis(axis), 0);
    }
    if maps.is_empty() || maps.iter().all(|value| *value == Complex32::ZERO) {
        let got = if maps.is_empty() { format!("{:?}", maps.shape()) } else { "zeros only".into() };
        let message = format!("key `{key}`: expected the sensitivities of at least one coil, got {got}");
        return Err(ReconError::input(path, message));
    }
    if maps.ndim() != expected || maps.shape()[1..] != *image.lengths() {
        let lengths: Vec<String> = image.lengths().iter().map(usize::to_string).collect();
        let message = format!("key `{key}`: expected {axes} = (coil, {}), got {:?}", lengths.join(", "), maps.shape());
        return Err(ReconError::input(path, message));
    }
    Ok(maps.as_standard_layout().into_owned())
}
