//! What several slices say about a method, and about the difference of two.

use diph_core::metrics;
use serde::{Deserialize, Serialize};

/// Confidence of the intervals.
pub const CONFIDENCE: f64 = 0.95;

/// Mean and standard deviation over slices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Slices that have the value.
    pub slices: usize,
    /// Mean over the slices.
    pub mean: f64,
    /// Standard deviation over the slices, with n - 1 in the denominator; absent of a single one.
    pub deviation: Option<f64>,
}

impl Summary {
    /// Of one value per slice; those that are not finite are left out. `None` of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let (slices, mean) = (values.len(), metrics::mean(&values));
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (slices > 1).then(|| (squares / (slices - 1) as f64).sqrt());
        (slices > 0).then_some(Self { slices, mean, deviation })
    }
}

/// Mean difference of two methods over the slices that both have, with its confidence interval.
///
/// The interval is that of Student's t for paired differences, `mean +- t s / sqrt(n)` with n - 1 degrees of freedom. It takes the
/// differences for independent and about normal. Slices of one volunteer resemble each other, so that for other volunteers it is
/// too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Slices that both methods have.
    pub slices: usize,
    /// Mean of method minus baseline.
    pub mean: f64,
    /// Lower and upper end of the interval at [`CONFIDENCE`]; absent of a single slice.
    pub interval: Option<(f64, f64)>,
}

impl PairedDifference {
    /// Of the differences of single slices. `None` of none.
    pub fn of(differences: impl IntoIterator<Item = f64>) -> Option<Self> {
        let Summary { slices, mean, deviation } = Summary::of(differences)?;
        let interval = deviation.map(|deviation| {
            let half = student_quantile(0.5 + CONFIDENCE / 2.0, slices - 1) * deviation / (slices as f64).sqrt();
            (mean - half, mean + half)
        });
        Some(Self { slices, mean, interval })
    }

    /// Whether the interval leaves out 0.
    pub fn is_significant(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// The value below which Student's t with so many degrees of freedom (at least 1) lies with a probability between 0.5 and 1, by
/// bisection of its closed form.
pub fn student_quantile(probability: f64, degrees: usize) -> f64 {
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if 0.5 + 0.5 * central_probability(middle, degrees) < probability { low = middle } else { high = middle }
    }
    low.tan() * (degrees as f64).sqrt()
}

/// P(|t| < tan(theta) sqrt(degrees)), Abramowitz and Stegun 26.7.3 and 26.7.4.
fn central_probability(theta: f64, degrees: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    // cos^k times the ratio of double factorials: from 1 in steps of 2 for even, from cos for odd degrees.
    let odd = degrees % 2 == 1;
    let (mut term, mut sum) = if odd { (cos, 0.0) } else { (1.0, 0.0) };
    let mut k = if odd { 1 } else { 0 };
    while k + 2 <= degrees {
        sum += term;
        term *= cos * cos * (k + 1) as f64 / (k + 2) as f64;
        k += 2;
    }
    if odd { (theta + sin * sum) * std::f64::consts::FRAC_2_PI } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_by_hand() {
        let summary = Summary::of([2.0, f64::NAN, 4.0, 9.0]).unwrap();
        assert_eq!((summary.slices, summary.mean), (3, 5.0));
        assert!((summary.deviation.unwrap() - 13.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Summary::of([3.0]), Some(Summary { slices: 1, mean: 3.0, deviation: None }));
        assert_eq!(Summary::of([]), None);
    }

    /// From the tables of Student's t at 97.5 and 95 %.
    #[test]
    fn quantiles_of_student() {
        for (probability, degrees, expected) in [
            (0.975, 1, 12.7062),
            (0.975, 2, 4.3027),
            (0.975, 3, 3.1824),
            (0.975, 4, 2.7764),
            (0.975, 9, 2.2622),
            (0.975, 29, 2.0452),
            (0.975, 30, 2.0423),
            (0.95, 5, 2.0150),
            (0.95, 10, 1.8125),
        ] {
            let found = student_quantile(probability, degrees);
            assert!((found - expected).abs() < 1e-4, "{probability} {degrees}: {found} instead of {expected}");
        }
    }

    #[test]
    fn a_paired_difference_by_hand() {
        // Differences 1, 2, 3: mean 2, deviation 1, half width 4.3027 / sqrt(3).
        let difference = PairedDifference::of([1.0, 2.0, 3.0]).unwrap();
        let (low, high) = difference.interval.unwrap();
        assert!((low + 0.48414).abs() < 1e-4 && (high - 4.48414).abs() < 1e-4);
        assert!(!difference.is_significant());
        assert!(PairedDifference::of([1.9, 2.0, 2.1]).unwrap().is_significant());
        assert_eq!(PairedDifference::of([1.0]).unwrap().interval, None);
    }
}
