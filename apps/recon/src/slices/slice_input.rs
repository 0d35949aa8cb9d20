//! One slice of a data folder.

use std::path::{Path, PathBuf};

use diph_core::{ForwardOperator, Rng};
use diph_datasets::{DatasetFolder, NoiseParts, REFERENCE_NOISE, SliceId, add_measurement_noise};
use diph_formats::{NpzFile, is_there};
use diph_gaussian::proton_density_scale;
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;
use rand::SeedableRng;

use super::{Truth, read_truth};
use crate::acquisition::{Acquisition, AcquisitionSource, Fingerprint};
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
    pub fn read(source: &AcquisitionSource<'_>, id: SliceId, acquisition: &Acquisition) -> Result<Self, ReconError> {
        let (folder, cut) = (source.folder, source.cut);
        let mut files = Vec::new();
        let path = folder.kspace_path(id, cut);
        let kspace = match is_there(&path).file(&path)? {
            true => {
                check_kspace_shape(&path, source, acquisition)?;
                let kspace = folder.kspace(id, cut).file(&path)?;
                check_signal(&path, &kspace)?;
                if let Some(measured_with) = folder.measured_with(id, cut).file(&path)? {
                    Fingerprint::of(acquisition).check(&path, &measured_with, source)?;
                }
                files.push(path);
                Some(kspace)
            }
            false => None,
        };
        let maps_path = folder.maps_path(id);
        let truth = match is_there(&maps_path).file(&maps_path)? {
            true => {
                let mut truth = read_truth(folder, id, Some(cut), &mut files)?;
                check_truth(folder, id, cut, &truth, acquisition)?;
                if kspace.is_none() && truth.tsmi.is_none() {
                    let tsmi = acquisition.dictionary.lookup_tsmi(&parameter_maps(&truth.maps)).file(&maps_path)?;
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

    /// The same slice made brighter or darker, so that the median of |PD| over its tissue is `brightness`
    /// ([`proton_density_scale`]), and to be measured anew: noise stays what it is.
    ///
    /// # Errors
    /// [`ReconError::Failed`] where there are no maps, or they are empty.
    pub fn with_brightness(mut self, brightness: f32, acquisition: &Acquisition) -> Result<Self, ReconError> {
        let step = format!("changing the brightness of {}", self.id);
        let truth = self.truth.as_mut().ok_or("expected reference maps, found none").step(&step)?;
        let pd: Vec<Complex32> = truth.maps.pd.iter().copied().collect();
        let scale = proton_density_scale(&pd).ok_or("expected a proton density, got zeros only").step(&step)?;
        let factor = brightness / scale;
        truth.maps.pd.mapv_inplace(|pd| pd * factor);
        truth.tsmi = Some(match truth.tsmi.take() {
            Some(tsmi) => tsmi.mapv_into(|value| value * factor),
            None => acquisition.dictionary.lookup_tsmi(&parameter_maps(&truth.maps)).step(&step)?,
        });
        self.kspace = None;
        Ok(self)
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

/// Compares the lengths that the file announces before its values are read. Any number of coils goes where none are known: their
/// sensitivities can be estimated.
fn check_kspace_shape(
    path: &Path,
    source: &AcquisitionSource<'_>,
    acquisition: &Acquisition,
) -> Result<(), ReconError> {
    let shape = NpzFile::open(path).and_then(|mut file| file.shape("y")).file(path)?;
    let batch = shape.len().saturating_sub(3);
    // Another number of axes is refused by the reader.
    let ([1, ..] | [], [coils, frames, samples]) = shape.split_at(batch) else { return Ok(()) };
    let got = (*coils, *frames, *samples);
    if coils * frames * samples == 0 {
        let message = format!("key `y`: expected at least one coil, frame and sample, got {got:?}");
        return Err(ReconError::input(path, message));
    }
    let (frames, samples) = acquisition.density_compensation.dim();
    let coils = acquisition.known_coils().unwrap_or(*coils);
    let expected = (coils, frames, samples);
    if got == expected {
        return Ok(());
    }
    let mut message = format!("key `y`: expected {expected:?} as the acquisition says, got {got:?}");
    if got.2 != samples {
        let trajectory = source.trajectory_path()?;
        message += &format!(
            "; {} has {samples} samples in a readout: one of the two files is wrong (a `dcf` of `.mat` files has one weight for \
             every sample of one readout)",
            trajectory.display()
        );
    }
    Err(ReconError::input(path, message))
}

/// Nothing can be reconstructed where nothing was measured, whatever the method.
fn check_signal(path: &Path, kspace: &Array3<Complex32>) -> Result<(), ReconError> {
    match kspace.iter().any(|sample| *sample != Complex32::ZERO) {
        true => Ok(()),
        false => Err(ReconError::input(path, "key `y`: expected a measurement, got zeros only")),
    }
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
