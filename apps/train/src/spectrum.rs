//! The spectrum of a Gaussian prior, learned from maps.

use std::path::PathBuf;

use diph_core::Rng;
use diph_datasets::{BrainPhantom, DatasetFolder, QuantitativeMaps};
use diph_gaussian::{Spectrum, SpectrumSum, proton_density_scale};
use diph_plugin_host::Registry;
use diph_recon::{Blame, Cancel, ReconError};
use ndarray::Array3;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use crate::mixture::{Mixture, Signal};
use crate::{DataConfig, FolderImages, PhantomSource, SignalModel};

/// Slices of procedural brains that a spectrum is learned from.
const PHANTOMS: usize = 240;
/// Images that are held at a time.
const CHUNK: usize = 8;
/// Of so many images one is measured for the energy ratio.
const MEASURED: usize = 6;

/// A learned spectrum and where it came from.
pub struct LearnedSpectrum {
    /// The spectrum, of the temporal basis of the configuration's acquisition.
    pub spectrum: Spectrum,
    /// Files that were read.
    pub files: Vec<PathBuf>,
}

/// What a spectrum is learned with, besides its images.
#[derive(Clone, Copy, Debug)]
pub struct SpectrumSettings {
    /// Coefficients of the temporal subspace.
    pub coefficients: usize,
    /// Seed of the procedural brains.
    pub seed: u64,
}

/// Learns the spectrum of the Gaussian prior for the acquisition of a configuration: from the maps of its data folder, from
/// procedural brains, or from both alike. Every image is divided by the scale of its own proton density.
///
/// `on_image` hears of the images that are done and of all; it takes seconds.
///
/// # Errors
/// Naming the setting or the file to blame; [`ReconError::Cancelled`].
pub fn learn_spectrum(
    registry: &Registry,
    data: &DataConfig,
    SpectrumSettings { coefficients, seed }: SpectrumSettings,
    cancel: &Cancel,
    on_image: &mut dyn FnMut(usize, usize),
) -> Result<LearnedSpectrum, ReconError> {
    if data.images != FolderImages::Maps {
        let message = "expected `maps`: spectra are learned from maps, whose proton density gives the scale";
        return Err(ReconError::setting("data.images", message));
    }
    let mut mixture = Mixture::new(registry, data, coefficients)?;
    let slices = match &data.dataset {
        None => None,
        Some(root) => {
            let folder = DatasetFolder::open(root).file(root)?;
            let slices = mixture.slices(&folder, &data.vols, "data.vols")?;
            Some((folder, slices))
        }
    };
    let size = match (&slices, data.phantom) {
        (Some((folder, slices)), _) => mixture.size_of_first(folder, slices)?,
        (None, Some([height, width])) => (height, width),
        (None, None) => {
            return Err(ReconError::setting("data", "expected a data folder or a phantom to learn from, got neither"));
        }
    };
    let Signal { measurement, model, basis } = mixture.signal(size)?;
    let sum = SpectrumSum::new(basis);
    let mut learner = Learner { sum, model: &model, size, measured: Vec::new(), done: 0, total: 0, on_image };
    learner.total = slices.as_ref().map_or(0, |(_, slices)| slices.len()) + data.phantom.map_or(0, |_| PHANTOMS);
    if let Some((folder, slices)) = &slices {
        for chunk in slices.chunks(CHUNK) {
            cancel.check()?;
            let maps = chunk.iter().map(|id| {
                let path = folder.maps_path(*id);
                mixture.files.push(path.clone());
                folder.maps(*id).file(&path)
            });
            learner.add(&maps.collect::<Result<Vec<_>, _>>()?)?;
        }
    }
    if let Some([height, width]) = data.phantom {
        let mut rng = Rng::seed_from_u64(seed);
        for first in (0..PHANTOMS).step_by(CHUNK) {
            cancel.check()?;
            let maps = (first..PHANTOMS.min(first + CHUNK)).map(|_| {
                let subject = rng.random_range(PhantomSource::TRAINING_SUBJECTS);
                let slice_position = rng.random_range(0.0..=1.0);
                let phantom = BrainPhantom { subject, slice_position, ..BrainPhantom::new(height, width) };
                Ok(phantom.render().setting("data.phantom")?.maps)
            });
            learner.add(&maps.collect::<Result<Vec<_>, ReconError>>()?)?;
        }
    }
    let measured = learner.measured.iter().map(|(image, scale)| (image.view().into_dyn(), *scale));
    let spectrum =
        learner.sum.finish().and_then(|spectrum| spectrum.with_energy_ratio(measurement.operator(), measured));
    let spectrum = spectrum.step("learning the spectrum")?;
    Ok(LearnedSpectrum { spectrum, files: mixture.files })
}

struct Learner<'a> {
    sum: SpectrumSum,
    model: &'a SignalModel,
    /// Height and width that the operator measures; images of another size count for the spectrum alone.
    size: (usize, usize),
    measured: Vec<(Array3<Complex32>, f32)>,
    done: usize,
    total: usize,
    on_image: &'a mut dyn FnMut(usize, usize),
}

impl Learner<'_> {
    fn add(&mut self, maps: &[QuantitativeMaps]) -> Result<(), ReconError> {
        let images: Vec<_> = maps.par_iter().map(|maps| self.model.tsmi(maps)).collect();
        for (image, maps) in images.into_iter().zip(maps) {
            let image = image.step("simulating an image")?;
            // A slice without any tissue says nothing.
            if let Some(scale) = maps.pd.as_slice().and_then(proton_density_scale) {
                self.sum.add(image.view(), scale).step("learning the spectrum")?;
                if maps.lengths() == [self.size.0, self.size.1] && self.done.is_multiple_of(MEASURED) {
                    self.measured.push((image, scale));
                }
            }
            self.done += 1;
            (self.on_image)(self.done, self.total);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use diph_plugin_host::HostServices;

    use super::*;

    fn registry() -> Registry {
        let mut registry = Registry::new(HostServices::new());
        diph_built_in::register(&mut registry).unwrap();
        registry
    }

    const SETTINGS: SpectrumSettings = SpectrumSettings { coefficients: 5, seed: 0 };

    fn phantom() -> DataConfig {
        DataConfig { phantom: Some([32, 30]), ..DataConfig::default() }
    }

    #[test]
    fn procedural_brains_give_a_spectrum_of_the_demo() {
        let registry = registry();
        let mut heard = 0;
        let learn = |heard: &mut usize| {
            let on_image = &mut |done, _| *heard = done;
            learn_spectrum(&registry, &phantom(), SETTINGS, &Cancel::default(), on_image).unwrap().spectrum
        };
        let spectrum = learn(&mut heard);
        assert_eq!((heard, spectrum.images(), spectrum.coefficients()), (PHANTOMS, PHANTOMS, 5));
        assert_eq!(spectrum, learn(&mut heard), "the same seed");
        // Most energy at the centre, and in the first coefficient.
        let rings = spectrum.rings();
        assert!(rings[(0, 0, 0)] > 100.0 * rings[(40, 0, 0)] && rings[(0, 0, 0)] > rings[(0, 4, 4)]);
    }

    #[test]
    fn what_cannot_be_learned_from_is_named() {
        let registry = registry();
        let fail = |data: &DataConfig| {
            let result = learn_spectrum(&registry, data, SETTINGS, &Cancel::default(), &mut |_, _| ());
            result.err().unwrap().to_string()
        };
        let nowhere = DataConfig { dataset: Some("nowhere".into()), ..DataConfig::default() };
        assert!(fail(&DataConfig { images: FolderImages::Tsmi, ..nowhere.clone() }).contains("data.images"));
        assert!(fail(&nowhere).contains("nowhere"));
        let cancel = Cancel::default();
        cancel.cancel();
        let stopped = learn_spectrum(&registry, &phantom(), SETTINGS, &cancel, &mut |_, _| ());
        assert!(matches!(stopped, Err(ReconError::Cancelled)));
    }
}
