//! What is known to be true of a slice.

use std::path::PathBuf;

use diph_datasets::QuantitativeMaps;
use diph_datasets::{DatasetFolder, MASK_THRESHOLD, SliceId};
use diph_formats::is_there;
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Blame, ReconError};

/// What is known to be true of a slice or a volume.
pub struct Truth {
    /// T1, T2 and PD.
    pub maps: QuantitativeMaps,
    /// Where maps are compared, (\[z,\] y, x).
    pub mask: ArrayD<bool>,
    /// (coefficient, \[z,\] y, x).
    pub tsmi: Option<ArrayD<Complex32>>,
}

/// Reads maps, mask and, where `cut` is given and there is one, the reference TSMI of that cut. `files` gets the paths that
/// were read.
///
/// # Errors
/// Naming the file, the key and what was expected.
pub fn read_truth(
    folder: &DatasetFolder,
    id: SliceId,
    cut: Option<usize>,
    files: &mut Vec<PathBuf>,
) -> Result<Truth, ReconError> {
    let maps_path = folder.maps_path(id);
    let maps = folder.maps(id).file(&maps_path)?;
    files.push(maps_path.clone());

    let mut mask_path = folder.mask_path(id, MASK_THRESHOLD);
    if is_there(&mask_path).file(&mask_path)? {
        files.push(mask_path.clone());
    } else {
        mask_path = maps_path;
    }
    let mask = folder.mask(id, MASK_THRESHOLD).file(&mask_path)?;
    if mask.shape() != maps.lengths() {
        let message = format!("key `mask`: expected {:?} like the maps, got {:?}", maps.lengths(), mask.shape());
        return Err(ReconError::input(&mask_path, message));
    }

    let tsmi = match cut.map(|cut| (cut, folder.reference_tsmi_path(id, cut))) {
        Some((cut, path)) if is_there(&path).file(&path)? => {
            files.push(path.clone());
            let tsmi = folder.reference_tsmi(id, cut).file(&path)?;
            if tsmi.iter().all(|value| *value == Complex32::ZERO) {
                return Err(ReconError::input(&path, "key `tsmi_ref`: expected an image, got zeros only"));
            }
            Some(tsmi)
        }
        _ => None,
    };
    Ok(Truth { maps, mask, tsmi })
}
