//! Reference maps of a slice and what belongs to them.

use std::path::PathBuf;

use diph_datasets::{DatasetFolder, MASK_THRESHOLD, SliceId};

use super::Truth;
use crate::{Blame, ReconError};

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
    if mask_path.exists() {
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
        Some((cut, path)) if path.exists() => {
            files.push(path.clone());
            Some(folder.reference_tsmi(id, cut).file(&path)?)
        }
        _ => None,
    };
    Ok(Truth { maps, mask, tsmi })
}
