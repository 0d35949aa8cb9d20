//! Maps, measured and estimated linearly: what a regression network learns from.

use std::path::PathBuf;
use std::sync::Arc;

use diph_core::{Error, GaussianRoot, Result, Rng, View};
use diph_datasets::{BrainPhantom, DatasetFolder, QuantitativeMaps};
use diph_gaussian::GaussianModel;
use diph_plugin_host::{Provenance, Registry};
use diph_recon::slices::slice_generator;
use diph_recon::{Acquisition, Blame, ReconError};
use diph_regression::{Features, Maps, Normalisation, Sample, SampleSource, target_planes};
use ndarray::{Array2, Array3, ArrayD, ArrayView2, ArrayView3, Axis, Ix3};
use num_complex::Complex32;
use rand::SeedableRng;
use rayon::prelude::*;
use serde_json::json;

use super::RegressionRunConfig;
use super::first_stage::{Explained, FirstStage};
use crate::image_source::MapSource;
use crate::mixture::{Mixture, Signal};
use crate::simulated_samples::turn;
use crate::{MapVariation, MapsSource, PhantomSource};

/// Keeps these generators apart from the trainer's, which has the same seed.
const SEED_OF_DATA: u64 = 0x7265_6772_6573_7331;

/// Steps of conjugate gradients of a training image; the method's 12 change no digit that noise leaves.
const STEPS: usize = 10;

/// Samples that sizes are measured on, and the number of the first: training never gets there.
const MEASURED_SAMPLES: u64 = 24;
const FIRST_MEASURED: u64 = 1 << 48;

/// Standard deviation in pixels of the Gaussian that smooths the phase.
const PHASE_BLUR: f32 = 2.0;

/// Slices of volumes and procedural brains that are held out to judge the network: each costs a reconstruction with `lrtv`.
const HELD_OUT_SLICES: usize = 6;
const HELD_OUT_PHANTOMS: u64 = 3;

/// Maps of one size and how they are measured.
struct MapsPart {
    share: f64,
    maps: Arc<dyn MapSource>,
    signal: Signal,
    root: GaussianRoot,
}

/// Held-out maps of one kind.
pub(super) struct HeldOut {
    /// `maps` of volumes, or `phantom`.
    pub kind: &'static str,
    pub maps: Vec<QuantitativeMaps>,
    pub acquisition: Acquisition,
    signal: Arc<Signal>,
    root: GaussianRoot,
}

/// Maps to train on, others to judge the network on, and the acquisition.
pub struct RegressionData {
    parts: Vec<MapsPart>,
    pub(super) held_out: Vec<HeldOut>,
    /// The acquisition of the first part; its temporal basis and dictionary are those of all.
    pub(super) acquisition: Acquisition,
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// The plugin that measures.
    pub operator: Provenance,
}

impl RegressionData {
    /// Reads and prepares everything that the configuration names.
    ///
    /// # Errors
    /// Naming the key, the file or the plugin to blame: a spectrum that is not of the acquisition's temporal basis, for example.
    pub fn open(registry: &Registry, config: &RegressionRunConfig) -> std::result::Result<Self, ReconError> {
        let data = &config.data;
        let mut mixture = Mixture::new(registry, data, config.unet.coefficients)?;
        let (mut parts, mut held_out) = (Vec::new(), Vec::new());
        let mut first_size = None;
        if let Some(root) = &data.dataset {
            let folder = DatasetFolder::open(root).file(root)?;
            let slices = mixture.slices(&folder, &data.vols, "data.vols")?;
            let size = mixture.size_of_first(&folder, &slices)?;
            first_size = Some(size);
            let signal = mixture.signal(size)?;
            let maps = Arc::new(MapsSource::read(&folder, &slices, size, signal.model.clone())?);
            mixture.files.extend(slices.iter().map(|id| folder.maps_path(*id)));
            let share = if data.phantom.is_some() { 1.0 - data.phantom_share } else { 1.0 };
            let root = gaussian_root(registry, config, &mixture.acquisition(size)?)?;
            parts.push(MapsPart { share, maps, signal, root });
            if !data.validation_vols.is_empty() {
                let slices = mixture.slices(&folder, &data.validation_vols, "data.validation_vols")?;
                let count = slices.len().min(HELD_OUT_SLICES);
                let spread = (0..count).map(|index| slices[(2 * index + 1) * slices.len() / (2 * count)]);
                let maps = spread.map(|id| folder.maps(id).file(&folder.maps_path(id)));
                let maps = maps.collect::<std::result::Result<_, _>>()?;
                let (signal, acquisition) = (Arc::new(mixture.signal(size)?), mixture.acquisition(size)?);
                let root = gaussian_root(registry, config, &acquisition)?;
                held_out.push(HeldOut { kind: "maps", maps, acquisition, signal, root });
            }
        }
        if let Some([height, width]) = data.phantom {
            let size = (height, width);
            let signal = mixture.signal(size)?;
            let maps = Arc::new(PhantomSource::new(size, PhantomSource::TRAINING_SUBJECTS, signal.model.clone()));
            let acquisition = mixture.acquisition(size)?;
            let root = gaussian_root(registry, config, &acquisition)?;
            let held_out_root = root.clone();
            parts.push(MapsPart { share: data.phantom_share, maps, signal, root });
            let render = |index: u64| {
                let subject = PhantomSource::VALIDATION_SUBJECTS.start + index;
                let slice_position = (index as f32 + 0.5) / HELD_OUT_PHANTOMS as f32;
                let phantom = BrainPhantom { subject, slice_position, ..BrainPhantom::new(height, width) };
                Ok(phantom.render().setting("data.phantom")?.maps)
            };
            let maps = (0..HELD_OUT_PHANTOMS).map(render).collect::<std::result::Result<_, ReconError>>()?;
            let (signal, root) = (Arc::new(mixture.signal(size)?), held_out_root);
            held_out.push(HeldOut { kind: "phantom", maps, acquisition, signal, root });
            first_size.get_or_insert(size);
        }
        let size = first_size.ok_or_else(|| ReconError::setting("data", "expected `dataset`, `phantom` or both"))?;
        let acquisition = mixture.acquisition(size)?;
        Ok(Self {
            parts,
            held_out,
            acquisition,
            files: mixture.files.into_iter().chain(config.network_files()).collect(),
            operator: registry.provenance(&data.operator).step("looking for the operator")?,
        })
    }

    /// Whether anything is held out to judge the network on.
    pub fn has_held_out(&self) -> bool {
        !self.held_out.is_empty()
    }

    /// Temporal basis (frame, coefficient).
    pub fn basis(&self) -> ArrayView2<'_, f32> {
        self.acquisition.dictionary.basis()
    }

    /// Least and greatest T1 and T2 of the dictionary in seconds.
    pub(super) fn ranges(&self) -> [[f32; 2]; 2] {
        let lut = self.acquisition.dictionary.lut();
        [0, 1].map(|parameter| {
            let values = lut.index_axis(Axis(1), parameter);
            [values.iter().copied().fold(f32::MAX, f32::min), values.iter().copied().fold(0.0, f32::max)]
        })
    }
}

impl HeldOut {
    /// The measurement of slice number `index`, always the same.
    pub(super) fn samples(&self, index: usize) -> Result<ArrayD<Complex32>> {
        let image = self.signal.model.tsmi(&self.maps[index])?;
        let mut rng = slice_generator(SEED_OF_DATA, diph_datasets::SliceId::new(0, index));
        Ok(self.signal.measurement.measure(&image, &mut rng)?.samples().clone())
    }

    /// What a first stage makes of the linear estimate (coefficient, y, x) of that measurement.
    pub(super) fn explained(
        &self,
        first: &FirstStage,
        samples: View<'_>,
        image: ArrayView3<'_, Complex32>,
    ) -> Result<Explained> {
        let model = GaussianModel::new(self.signal.measurement.operator(), &self.root)?;
        let sigma = model.estimate_noise(samples.view())?;
        first.explain(image, &model.posterior(model.scale(samples, sigma)?, sigma), STEPS)
    }
}

/// A map (y, x); networks work on planes.
fn plane<T>(map: ArrayD<T>) -> Result<Array2<T>> {
    let got = format!("{:?}", map.shape());
    map.into_dimensionality().map_err(|_| Error::incompatible("training sample", "maps (y, x) of a plane", got))
}

/// The square root of the covariance that the Gaussian prior has for images of an acquisition, as reconstructions get it.
fn gaussian_root(
    registry: &Registry,
    config: &RegressionRunConfig,
    acquisition: &Acquisition,
) -> std::result::Result<GaussianRoot, ReconError> {
    let options = config.spectrum.as_ref().map_or_else(|| json!({}), |path| json!({ "spectrum": path }));
    let root = registry
        .create_prior("diph.gaussian", &options, &acquisition.for_parts(false))
        .and_then(|prior| prior.gaussian_root(acquisition.dictionary.coefficients(), &acquisition.image));
    root.setting("spectrum")?
        .ok_or_else(|| ReconError::setting("spectrum", "the prior `diph.gaussian` has no covariance"))
}

/// Endless samples: number n depends on the seed and n alone.
pub(super) struct MeasuredMaps<'a> {
    parts: Vec<(&'a MapsPart, GaussianModel<'a>)>,
    shares: Vec<f64>,
    seed: u64,
    variation: MapVariation,
    mask_threshold: f32,
    first: Option<FirstStage>,
    normalisation: Normalisation,
}

/// One sample before it is given to the network.
struct Measured {
    maps: Maps,
    /// The linear estimate (coefficient, y, x).
    image: Array3<Complex32>,
    /// Of a second stage, what the first made of it.
    explained: Option<Explained>,
}

impl<'a> MeasuredMaps<'a> {
    /// The samples of a configuration, after a first stage where they are those of a second; images are divided by what
    /// `normalisation` says, or by sizes that are measured here.
    pub fn new(
        data: &'a RegressionData,
        config: &RegressionRunConfig,
        first: Option<FirstStage>,
        normalisation: Option<Normalisation>,
    ) -> diph_regression::Result<Self> {
        let model =
            |part: &'a MapsPart| Ok((part, GaussianModel::new(part.signal.measurement.operator(), &part.root)?));
        let parts = data.parts.iter().map(model).collect::<Result<Vec<_>>>().map_err(failed)?;
        let coefficients = config.unet.coefficients;
        let plain = Normalisation {
            scale: 1.0,
            sizes: vec![1.0; coefficients],
            phase_coefficient: 0,
            phase_blur: PHASE_BLUR,
            residual_sizes: None,
        };
        let mut samples = Self {
            shares: parts.iter().map(|(part, _)| part.share).collect(),
            parts,
            seed: config.training.seed,
            variation: config.variation,
            mask_threshold: config.mask_threshold,
            normalisation: first.as_ref().map_or(plain, |first| first.normalisation().clone()),
            first,
        };
        samples.normalisation = match (normalisation, &samples.first) {
            (Some(normalisation), _) => normalisation,
            (None, None) => samples.measured_normalisation()?,
            (None, Some(_)) => samples.normalisation_with_residual()?,
        };
        Ok(samples)
    }

    pub fn normalisation(&self) -> &Normalisation {
        &self.normalisation
    }

    fn measured(&self, number: u64) -> Result<Measured> {
        let mut rng = Rng::seed_from_u64(self.seed ^ SEED_OF_DATA);
        rng.set_stream(number);
        let (part, model) = &self.parts[turn(number, &self.shares)];
        let maps = self.variation.apply(&part.maps.maps(&mut rng)?, &mut rng)?;
        let measured = part.signal.measurement.measure(&part.signal.model.tsmi(&maps)?, &mut rng)?;
        let (samples, sigma) = (measured.samples().view(), measured.noise());
        let scale = model.scale(samples.view(), sigma)?;
        let posterior = model.posterior(scale, sigma);
        let image = posterior.mean(samples, STEPS, 0.0)?.image;
        let image = image.into_dimensionality::<Ix3>().map_err(|error| Error::external("linear estimate", error))?;
        let explain = |first: &FirstStage| first.explain(image.view(), &posterior, STEPS);
        let explained = self.first.as_ref().map(explain).transpose()?;
        let QuantitativeMaps { t1, t2, pd } = maps;
        Ok(Measured { maps: Maps { t1: plane(t1)?, t2: plane(t2)?, pd: plane(pd)? }, image, explained })
    }

    /// Typical sizes of the images, and the coefficient that follows the phase of the proton density best.
    fn measured_normalisation(&self) -> diph_regression::Result<Normalisation> {
        let plain = &self.normalisation;
        let coefficients = plain.sizes.len();
        /// Logarithm of the scale; energy of each coefficient, and how far it goes along with the proton density.
        type Sizes = (f64, Vec<f64>, Vec<f64>);
        let measure = |number: u64| -> diph_regression::Result<Sizes> {
            let Measured { maps, image, .. } = self.measured(FIRST_MEASURED + number).map_err(failed)?;
            let features = Features::new(plain, image.view())?;
            let pixels = maps.pd.len() as f64;
            let share = 1.0 / (pixels * f64::from(features.scale).powi(2));
            let energies =
                image.outer_iter().map(|image| share * image.iter().map(|v| f64::from(v.norm_sqr())).sum::<f64>());
            let along_pd = |image: ArrayView2<'_, Complex32>| {
                let products = image.iter().zip(&maps.pd).map(|(value, pd)| value * pd.conj());
                f64::from(products.sum::<Complex32>().norm()) / f64::from(features.scale)
            };
            Ok((f64::from(features.log_scale), energies.collect(), image.outer_iter().map(along_pd).collect()))
        };
        let found: Vec<_> =
            (0..MEASURED_SAMPLES).into_par_iter().map(measure).collect::<diph_regression::Result<_>>()?;
        let mean = |value: &dyn Fn(&Sizes) -> f64| found.iter().map(value).sum::<f64>() / MEASURED_SAMPLES as f64;
        let coherence: Vec<f64> = (0..coefficients).map(|k| mean(&|(.., along)| along[k])).collect();
        let best = (0..coefficients).max_by(|a, b| coherence[*a].total_cmp(&coherence[*b])).unwrap_or(0);
        Ok(Normalisation {
            scale: mean(&|(log, ..)| *log).exp() as f32,
            sizes: (0..coefficients).map(|k| mean(&|(_, energies, _)| energies[k]).sqrt() as f32).collect(),
            phase_coefficient: best,
            ..plain.clone()
        })
    }

    /// The sizes of the first stage, and those of the image of what it leaves unexplained.
    fn normalisation_with_residual(&self) -> diph_regression::Result<Normalisation> {
        let first = &self.normalisation;
        let measure = |number: u64| -> diph_regression::Result<Vec<f64>> {
            let Measured { image, explained, .. } = self.measured(FIRST_MEASURED + number).map_err(failed)?;
            let features = Features::new(first, image.view())?;
            let pixels = features.phase.len() as f64;
            let share = 1.0 / (pixels * f64::from(features.scale).powi(2));
            let energy = |image: ArrayView2<'_, Complex32>| {
                share * image.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>()
            };
            Ok(explained.iter().flat_map(|explained| explained.residual.outer_iter().map(energy)).collect())
        };
        let found: Vec<_> =
            (0..MEASURED_SAMPLES).into_par_iter().map(measure).collect::<diph_regression::Result<_>>()?;
        let mean = |k: usize| found.iter().map(|energies| energies[k]).sum::<f64>() / MEASURED_SAMPLES as f64;
        let sizes = (0..first.sizes.len()).map(|k| mean(k).sqrt() as f32).collect();
        Ok(Normalisation { residual_sizes: Some(sizes), ..first.clone() })
    }
}

impl SampleSource for MeasuredMaps<'_> {
    fn sample(&self, number: u64) -> diph_regression::Result<Sample> {
        let measured = self.measured(number).map_err(|error| diph_regression::Error::sample(number, error))?;
        let features = Features::new(&self.normalisation, measured.image.view())?;
        let features = match &measured.explained {
            None => features,
            Some(Explained { maps, residual }) => features.with_residual(&self.normalisation, residual.view(), maps)?,
        };
        let target = target_planes(&measured.maps, &features, self.mask_threshold);
        Ok(Sample { planes: features.planes, log_scale: features.log_scale, target })
    }
}

fn failed(error: Error) -> diph_regression::Error {
    diph_regression::Error::sample(0, error)
}
