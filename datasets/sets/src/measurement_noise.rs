//! Thermal noise of a measurement.

use diph_core::Rng;
use ndarray::ArrayViewMutD;
use num_complex::Complex32;
use rand_distr::{Distribution, StandardNormal};

use crate::{Error, Result};

const OPERATION: &str = "measurement noise";

/// Strength of the thermal noise of a measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoiseLevel {
    /// Standard deviation of a whole complex sample, sqrt(E|n|^2), in the units of the samples.
    StandardDeviation(f64),
    /// Signal-to-noise ratio in decibels: 20 log10 of the root mean square of the samples over the standard deviation
    /// of the noise, both of whole complex samples.
    SnrDb(f64),
}

/// Which parts of a complex k-space sample get noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseParts {
    /// Circular complex Gaussian noise, half of the variance in each part: what a receiver measures.
    #[default]
    Complex,
    /// All of it on the real part. Wrong, but what the files of the Python MRF-DiPh code hold.
    RealOnly,
}

/// The level of noise of the Python MRF-DiPh code's files.
pub const REFERENCE_NOISE: NoiseLevel = NoiseLevel::StandardDeviation(3e-4);

/// Adds Gaussian noise to samples and gives its standard deviation per complex sample. Depends on nothing but the
/// samples and the generator.
///
/// # Errors
/// [`Error::Parameter`] when the standard deviation is negative or not finite, the ratio is not a number, or a ratio is asked of
/// samples that are all zero.
pub fn add_measurement_noise(
    mut samples: ArrayViewMutD<'_, Complex32>,
    level: NoiseLevel,
    parts: NoiseParts,
    rng: &mut Rng,
) -> Result<f64> {
    let deviation = standard_deviation(&samples, level)?;
    let mut draw = |deviation: f64| {
        let unit: f64 = StandardNormal.sample(rng);
        (deviation * unit) as f32
    };
    for sample in &mut samples {
        *sample += match parts {
            NoiseParts::Complex => {
                let per_part = deviation * std::f64::consts::FRAC_1_SQRT_2;
                Complex32::new(draw(per_part), draw(per_part))
            }
            NoiseParts::RealOnly => Complex32::new(draw(deviation), 0.0),
        };
    }
    Ok(deviation)
}

fn standard_deviation(samples: &ArrayViewMutD<'_, Complex32>, level: NoiseLevel) -> Result<f64> {
    let refuse = |parameter, expected: &str, got: String| {
        Err(Error::Parameter { operation: OPERATION, parameter, expected: expected.into(), got })
    };
    match level {
        NoiseLevel::StandardDeviation(deviation) if deviation.is_finite() && deviation >= 0.0 => Ok(deviation),
        NoiseLevel::StandardDeviation(other) => {
            refuse("standard deviation", "a finite number of at least 0", other.to_string())
        }
        NoiseLevel::SnrDb(ratio) if !ratio.is_finite() => {
            refuse("SNR", "a finite number of decibels", ratio.to_string())
        }
        NoiseLevel::SnrDb(ratio) => {
            let energy: f64 = samples.iter().map(|sample| f64::from(sample.norm_sqr())).sum();
            let rms = (energy / samples.len().max(1) as f64).sqrt();
            if !(rms.is_finite() && rms > 0.0) {
                return refuse("SNR", "finite samples that are not all zero", format!("a root mean square of {rms}"));
            }
            Ok(rms * 10f64.powf(-ratio / 20.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;
    use rand::SeedableRng;

    fn noise(value: f32, level: NoiseLevel, parts: NoiseParts) -> (ArrayD<Complex32>, f64) {
        let mut samples = ArrayD::from_elem(vec![1, 200, 500], Complex32::from(value));
        let deviation = add_measurement_noise(samples.view_mut(), level, parts, &mut Rng::seed_from_u64(1)).unwrap();
        (samples.mapv(|sample| sample - value), deviation)
    }

    fn variances(noise: &ArrayD<Complex32>) -> (f64, f64) {
        let mean = |part: fn(&Complex32) -> f32| {
            noise.iter().map(|value| f64::from(part(value)).powi(2)).sum::<f64>() / noise.len() as f64
        };
        (mean(|value| value.re), mean(|value| value.im))
    }

    #[test]
    fn variance_is_split_between_the_parts() {
        let (re, im) = variances(&noise(0.0, NoiseLevel::StandardDeviation(2.0), NoiseParts::Complex).0);
        assert!((re - 2.0).abs() < 0.05 && (im - 2.0).abs() < 0.05, "{re} {im}");
        let (re, im) = variances(&noise(0.0, NoiseLevel::StandardDeviation(2.0), NoiseParts::RealOnly).0);
        assert!((re - 4.0).abs() < 0.1 && im == 0.0, "{re} {im}");
    }

    #[test]
    fn ratio_relates_root_mean_squares() {
        let (added, deviation) = noise(10.0, NoiseLevel::SnrDb(20.0), NoiseParts::Complex);
        assert!((deviation - 1.0).abs() < 1e-9);
        let (re, im) = variances(&added);
        assert!((re + im - 1.0).abs() < 0.03);
    }

    #[test]
    fn same_seed_same_noise() {
        let level = NoiseLevel::StandardDeviation(1.0);
        assert_eq!(noise(0.0, level, NoiseParts::Complex), noise(0.0, level, NoiseParts::Complex));
    }

    #[test]
    fn refuses_nonsense() {
        let mut zero = ArrayD::zeros(vec![4]);
        let mut rng = Rng::seed_from_u64(0);
        for level in [NoiseLevel::StandardDeviation(-1.0), NoiseLevel::SnrDb(f64::NAN), NoiseLevel::SnrDb(20.0)] {
            assert!(add_measurement_noise(zero.view_mut(), level, NoiseParts::Complex, &mut rng).is_err());
        }
    }
}
