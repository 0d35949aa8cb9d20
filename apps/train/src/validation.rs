//! How well the network denoises what it has not seen.

use diph_core::{Conditions, Prior, PriorContext, Rng, metrics};
use diph_diffusion::{Checkpoint, DiffusionPrior, PriorOptions, SampleSource, TrainingSample};
use diph_render::{ColorScale, Colormap, Figure, FigureRow, Panel};
use ndarray::{Array2, Array3, ArrayBase, ArrayD, ArrayView2, Axis, Data, Dimension, Zip};
use num_complex::Complex32;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Noise levels, in units of the intensity, from hardly visible to hardly anything else.
const SIGMAS: [f32; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// Those that are drawn.
const DRAWN: [f32; 3] = [0.1, 1.0, 10.0];

/// Samples that are denoised, and how many of them are drawn.
const SAMPLES: u64 = 4;
const PICTURES: usize = 2;

/// Coefficients that are drawn.
const DRAWN_COEFFICIENTS: usize = 3;

/// Fixed held-out samples, each with fixed noise at several levels.
pub struct Validation {
    samples: Vec<TrainingSample>,
}

impl Validation {
    /// The first samples of a source.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn new(source: &dyn SampleSource) -> diph_diffusion::Result<Self> {
        Ok(Self { samples: (0..SAMPLES).map(|number| source.sample(number)).collect::<Result<_, _>>()? })
    }

    /// The errors that a network has to beat: those of the condition image, each coefficient times the real factor that
    /// brings it closest to the truth. NRMSE over all coefficients and of each, means over the samples; `None` without
    /// condition images.
    pub fn errors_of_condition(&self) -> Option<(f64, Vec<f64>)> {
        let share = 1.0 / self.samples.len() as f64;
        let mut mean: Option<(f64, Vec<f64>)> = None;
        for sample in &self.samples {
            let mut image = sample.condition.clone()?;
            for (mut condition, clean) in image.outer_iter_mut().zip(sample.clean.outer_iter()) {
                let factor = best_factor(condition.iter().zip(&clean));
                condition.mapv_inplace(|value| value * factor);
            }
            let (all, coefficients) = mean.get_or_insert_with(|| (0.0, vec![0.0; sample.clean.dim().0]));
            *all += share * nrmse(&sample.clean, &image);
            for (k, sum) in coefficients.iter_mut().enumerate() {
                let (clean, condition) = (sample.clean.index_axis(Axis(0), k), image.index_axis(Axis(0), k));
                *sum += share * nrmse(&clean, &condition);
            }
        }
        mean
    }

    /// Denoises every sample at every level with the network of a checkpoint.
    ///
    /// # Errors
    /// Those of the network.
    pub fn run(&self, checkpoint: &Checkpoint) -> diph_core::Result<ValidationErrors> {
        let prior = DiffusionPrior::new(checkpoint, PriorOptions::default())?;
        let condition = checkpoint.config.condition.clone().unwrap_or_else(|| "low_res".into());
        let coefficients = checkpoint.config.unet.coefficients;
        let mut levels: Vec<(f32, f64, Vec<f64>)> = SIGMAS.map(|sigma| (sigma, 0.0, vec![0.0; coefficients])).into();
        let mut pictures = Vec::new();
        for (index, sample) in self.samples.iter().enumerate() {
            let mut conditions = Conditions::new();
            conditions.extend(sample.condition.as_ref().map(|image| (condition.clone(), image.view().into_dyn())));
            let mut drawn = Vec::new();
            for (level, sigma) in SIGMAS.into_iter().enumerate() {
                let denoised = denoise(&prior, sample, sigma, &conditions, index as u64)?;
                let share = 1.0 / self.samples.len() as f64;
                levels[level].1 += share * nrmse(&sample.clean, &denoised);
                for (k, sum) in levels[level].2.iter_mut().enumerate() {
                    let (clean, denoised) = (sample.clean.index_axis(Axis(0), k), denoised.index_axis(Axis(0), k));
                    *sum += share * nrmse(&clean, &denoised);
                }
                drawn.extend(DRAWN.contains(&sigma).then_some((sigma, denoised)));
            }
            if index < PICTURES {
                pictures.push(picture(sample, &drawn)?);
            }
        }
        Ok(ValidationErrors { levels, pictures })
    }
}

fn denoise(
    prior: &DiffusionPrior,
    sample: &TrainingSample,
    sigma: f32,
    conditions: &Conditions<'_>,
    seed: u64,
) -> diph_core::Result<ArrayD<Complex32>> {
    let mut rng = Rng::seed_from_u64(seed);
    let mut noise = || -> f32 { StandardNormal.sample(&mut rng) };
    let noisy = sample.clean.mapv(|value| value + Complex32::new(noise(), noise()) * sigma).into_dyn();
    let mut denoised = ArrayD::zeros(noisy.shape());
    let mut context = PriorContext { schedule: None, conditions, rng: &mut rng };
    prior.denoise(noisy.view(), sigma, denoised.view_mut(), &mut context)?;
    Ok(denoised)
}

/// [`metrics::nrmse`] of arrays of one shape.
fn nrmse<D: Dimension, E: Dimension>(
    clean: &ArrayBase<impl Data<Elem = Complex32>, D>,
    found: &ArrayBase<impl Data<Elem = Complex32>, E>,
) -> f64 {
    let (clean, found) = (clean.as_standard_layout(), found.as_standard_layout());
    metrics::nrmse(clean.as_slice().unwrap_or_default(), found.as_slice().unwrap_or_default())
}

/// The real factor that brings the first of each pair closest to the second.
fn best_factor<'a>(pairs: impl Iterator<Item = (&'a Complex32, &'a Complex32)>) -> f32 {
    let (product, energy) = pairs.fold((0.0, 0.0), |(product, energy), (image, clean)| {
        (product + f64::from((image.conj() * clean).re), energy + f64::from(image.norm_sqr()))
    });
    if energy > 0.0 { (product / energy) as f32 } else { 0.0 }
}

/// Magnitudes: a row for each of the first coefficients; columns clean, condition, and denoised from each level.
fn picture(sample: &TrainingSample, denoised: &[(f32, ArrayD<Complex32>)]) -> diph_core::Result<Vec<u8>> {
    let clean = &sample.clean;
    let mut columns: Vec<(String, ArrayD<Complex32>)> = vec![("clean".into(), clean.clone().into_dyn())];
    columns.extend(sample.condition.clone().map(|image| ("condition".into(), Array3::into_dyn(image))));
    columns.extend(denoised.iter().map(|(sigma, image)| (format!("from σ = {sigma}"), image.clone())));
    let rows = (0..clean.dim().0.min(DRAWN_COEFFICIENTS)).map(|k| {
        let truth = clean.index_axis(Axis(0), k);
        let brightest = truth.iter().map(|value| value.norm()).fold(f32::MIN_POSITIVE, f32::max);
        let panel = |(_, image): &(String, ArrayD<Complex32>)| {
            let image = image.index_axis(Axis(0), k);
            let error = nrmse(&truth, &image);
            Some(Panel {
                values: magnitude(image.into_dimensionality().ok()?),
                scale: ColorScale::new(Colormap::Grey, 0.0, brightest, "magnitude"),
                color_bar: false,
                note: Some(format!("NRMSE {error:.3}")),
            })
        };
        FigureRow { label: format!("coefficient {}", k + 1), panels: columns.iter().map(panel).collect() }
    });
    let rows = rows.collect();
    let column_titles = columns.iter().map(|(title, _)| title.clone()).collect();
    Figure { title: None, column_titles, rows }.draw()?.to_png()
}

fn magnitude(image: ArrayView2<'_, Complex32>) -> Array2<f32> {
    Zip::from(image).map_collect(|value| value.norm())
}

/// Errors of one network.
pub struct ValidationErrors {
    /// Noise level, NRMSE over all coefficients, and NRMSE of each coefficient; means over the samples.
    pub levels: Vec<(f32, f64, Vec<f64>)>,
    /// A PNG of each drawn sample.
    pub pictures: Vec<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_is_judged_at_its_best_factor() {
        let clean = Array3::from_shape_fn((2, 4, 4), |(k, y, x)| Complex32::new(1.0 + (k + y) as f32, x as f32));
        // The first coefficient is right up to a factor, the second has nothing to do with the truth.
        let mut condition = clean.mapv(|value| value * -3.0);
        condition.index_axis_mut(Axis(0), 1).mapv_inplace(|value| value * Complex32::i());
        let with = |condition| Validation { samples: vec![TrainingSample { clean: clean.clone(), condition }] };
        let (all, coefficients) = with(Some(condition)).errors_of_condition().unwrap();
        assert!(coefficients[0] < 1e-6 && (coefficients[1] - 1.0).abs() < 1e-6, "{coefficients:?}");
        assert!(all > 0.5 && all < 1.0, "{all}");
        assert!(with(None).errors_of_condition().is_none());
    }
}
