//! One slice of a data folder.

use std::path::{Path, PathBuf};

use diph_core::{ForwardOperator, Rng};
use diph_datasets::{DatasetFolder, NoiseParts, REFERENCE_NOISE, SliceId, add_measurement_noise};
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;
use rand::SeedableRng;

use super::{Truth, read_truth};
use crate::acquisition::Acquisition;
use crate::parameter_maps;
use crate::{Blame, ReconError};

/// A slice as it is in a data folder, before it is known with which operator.
pub struct SliceInput {
    /// Which slice.
    pub id: SliceId,
    /// (coil, frame, sample), where the folder has it.
    pub kspace: Option<Array3<Complex32>>,
    /// Reference maps and what follows from them, where the folder has maps.
    pub truth: Option<Truth>,
    /// Files that were read.
    pub files: Vec<PathBuf>,
}

impl SliceInput {
    /// Reads what the folder has of a slice. Where there is no k-space to reconstruct,
    /// the reference TSMI is looked up in the dictionary, unless the folder has it.
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn read(
        folder: &DatasetFolder,
        id: SliceId,
        cut: usize,
        acquisition: &Acquisition,
    ) -> Result<Self, ReconError> {
        let mut files = Vec::new();
        let path = folder.kspace_path(id, cut);
        let kspace = match path.exists() {
            true => {
                let kspace = folder.kspace(id, cut).file(&path)?;
                check_kspace(&path, &kspace, acquisition)?;
                files.push(path);
                Some(kspace)
            }
            false => None,
        };
        let truth = match folder.maps_path(id).exists() {
            true => {
                let mut truth = read_truth(folder, id, Some(cut), &mut files)?;
                check_truth(folder, id, cut, &truth, acquisition)?;
                if kspace.is_none() && truth.tsmi.is_none() {
                    let path = folder.maps_path(id);
                    let tsmi = acquisition.dictionary.lookup_tsmi(&parameter_maps(&truth.maps)).file(&path)?;
                    truth.tsmi = Some(tsmi);
                }
                Some(truth)
            }
            false => None,
        };
        if kspace.is_none() && truth.is_none() {
            let message = format!("neither k-space nor maps of {id} in {}", folder.root().display());
            return Err(ReconError::input(&folder.kspace_path(id, cut), message));
        }
        Ok(Self { id, kspace, truth, files })
    }

    /// The measured k-space, or where there is none, k-space simulated from the reference TSMI with complex noise at the
    /// level of the Python code's files; with it, whether it was simulated.
    ///
    /// # Errors
    /// When the operator fails.
    pub fn samples(&self, operator: &dyn ForwardOperator, seed: u64) -> Result<(ArrayD<Complex32>, bool), ReconError> {
        if let Some(kspace) = &self.kspace {
            return Ok((kspace.clone().into_dyn(), false));
        }
        let step = format!("simulating k-space of {}", self.id);
        let tsmi = self.truth.as_ref().and_then(|truth| truth.tsmi.clone());
        let tsmi = tsmi.ok_or_else(|| format!("no reference image of {}", self.id)).step(&step)?;
        let mut samples = operator.range().zeros();
        operator.forward(tsmi.view(), samples.view_mut()).step(&step)?;
        let mut rng = slice_generator(seed, self.id);
        add_measurement_noise(samples.view_mut(), REFERENCE_NOISE, NoiseParts::Complex, &mut rng).step(&step)?;
        Ok((samples, true))
    }
}

/// A generator of its own for every slice, so that results do not depend on which slices come along.
pub fn slice_generator(seed: u64, id: SliceId) -> Rng {
    let mut rng = Rng::seed_from_u64(seed);
    // Stream 0 belongs to the solvers, whose draws must not repeat the noise of a measurement.
    rng.set_stream(((id.vol as u64 + 1) << 32) | id.slice as u64);
    rng
}

/// Any number of coils goes where none are known: their sensitivities can be estimated.
fn check_kspace(path: &Path, kspace: &Array3<Complex32>, acquisition: &Acquisition) -> Result<(), ReconError> {
    let (frames, samples) = acquisition.density_compensation.dim();
    let coils = acquisition.known_coils().unwrap_or(kspace.dim().0);
    let expected = (coils, frames, samples);
    if kspace.dim() == expected && coils > 0 {
        return Ok(());
    }
    let message = format!("key `y`: expected {expected:?} as the acquisition says, got {:?}", kspace.dim());
    Err(ReconError::input(path, message))
}

fn check_truth(
    folder: &DatasetFolder,
    id: SliceId,
    cut: usize,
    truth: &Truth,
    acquisition: &Acquisition,
) -> Result<(), ReconError> {
    let image = &acquisition.image;
    if truth.maps.lengths() != image.lengths() {
        let message = format!("key `qmaps`: expected maps of {image} pixels, got {:?}", truth.maps.lengths());
        return Err(ReconError::input(&folder.maps_path(id), message));
    }
    let expected = image.with_leading(acquisition.dictionary.coefficients());
    match &truth.tsmi {
        Some(tsmi) if tsmi.shape() != expected => {
            let message = format!("key `tsmi_ref`: expected {expected:?}, got {:?}", tsmi.shape());
            Err(ReconError::input(&folder.reference_tsmi_path(id, cut), message))
        }
        _ => Ok(()),
    }
}
