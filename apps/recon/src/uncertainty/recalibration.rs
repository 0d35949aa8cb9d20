//! A monotone map from the spread of samples to the size of errors.

use serde::{Deserialize, Serialize};

use super::Coverage;

/// Bins of equally many pairs that a map is fitted to at most, and the pairs that a bin has at least.
const BINS: usize = 16;
const LEAST_PAIRS: usize = 200;
/// Spreads below this, all samples the same among them, count as this.
const LEAST_SPREAD: f32 = 1e-3;
/// Share of a normal distribution within one and two standard deviations.
const WITHIN: [f64; 2] = [0.6827, 0.9545];

/// A monotone map from the deviation that samples show to the deviation that errors have: straight between knots in the logarithms of
/// both. Below the first knot it is constant, so that samples that agree by chance claim no certainty that was never seen; beyond
/// the last the factor stays that of the last.
///
/// ```
/// # use diph_recon::uncertainty::Recalibration;
/// let map: Recalibration = serde_json::from_str("[[0.01, 0.03], [0.1, 0.2]]")?;
/// assert_eq!([0.001, 0.01, 0.1, 1.0].map(|spread| (1e4 * map.apply(spread)).round()), [300.0, 300.0, 2000.0, 20000.0]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<[f32; 2]>", into = "Vec<[f32; 2]>")]
pub struct Recalibration {
    knots: Vec<[f32; 2]>,
}

impl Recalibration {
    /// A map through knots (deviation of the samples, deviation of the errors), in order.
    ///
    /// # Errors
    /// Words that say what is wrong: no knot, a number that is not positive, or an order that is not monotone.
    pub fn new(knots: Vec<[f32; 2]>) -> Result<Self, String> {
        if knots.is_empty() {
            return Err("expected at least one knot [deviation of samples, deviation of errors], got none".into());
        }
        if let Some(knot) = knots.iter().flatten().find(|value| !(value.is_finite() && **value > 0.0)) {
            return Err(format!("expected knots of positive numbers, got {knot}"));
        }
        match knots.windows(2).find(|pair| pair[0][0] >= pair[1][0] || pair[0][1] > pair[1][1]) {
            None => Ok(Self { knots }),
            Some(pair) => Err(format!("expected knots that rise, got {:?} before {:?}", pair[0], pair[1])),
        }
    }

    /// The deviation that errors have where samples have this one; infinite where that is not a number.
    pub fn apply(&self, spread: f32) -> f32 {
        let (first, last) = (self.knots[0], self.knots[self.knots.len() - 1]);
        if spread.is_nan() {
            return f32::INFINITY;
        }
        if spread <= first[0] {
            return first[1];
        }
        if spread >= last[0] {
            return spread * (last[1] / last[0]);
        }
        let after = self.knots.partition_point(|knot| knot[0] <= spread).min(self.knots.len() - 1);
        let ([x0, y0], [x1, y1]) = (self.knots[after - 1], self.knots[after]);
        let share = (spread / x0).ln() / (x1 / x0).ln();
        (y0.ln() + share * (y1 / y0).ln()).exp().clamp(y0, y1)
    }

    /// Fits the map to pairs (deviation of the samples, error): in bins of equally many pairs the deviation of a normal distribution
    /// that has as many errors within one and within two of it, as the mean of what either says; made monotone by pooling neighbours
    /// (isotonic regression of the logarithms). `None` of fewer than 200 pairs.
    pub fn fit(pairs: &[[f32; 2]]) -> Option<Self> {
        let mut pairs: Vec<[f32; 2]> = pairs.iter().map(|[spread, error]| [spread.max(LEAST_SPREAD), *error]).collect();
        pairs.retain(|pair| pair.iter().all(|value| value.is_finite()));
        pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let bins = (pairs.len() / LEAST_PAIRS).min(BINS);
        let bin = |index: usize| &pairs[index * pairs.len() / bins..(index + 1) * pairs.len() / bins];
        let mut blocks: Vec<Block> = Vec::new();
        for pairs in (0..bins).map(bin) {
            blocks.push(Block::of(pairs));
            while let [.., before, last] = &blocks[..] {
                if before.spread < last.spread && before.error <= last.error {
                    break;
                }
                let pooled = before.pooled(last);
                blocks.truncate(blocks.len() - 2);
                blocks.push(pooled);
            }
        }
        let knots = blocks.iter().map(|block| [block.spread.exp() as f32, block.error.exp() as f32]).collect();
        Self::new(knots).ok()
    }
}

impl TryFrom<Vec<[f32; 2]>> for Recalibration {
    type Error = String;

    fn try_from(knots: Vec<[f32; 2]>) -> Result<Self, String> {
        Self::new(knots)
    }
}

impl From<Recalibration> for Vec<[f32; 2]> {
    fn from(map: Recalibration) -> Self {
        map.knots
    }
}

/// Mean logarithms of some pairs.
struct Block {
    pairs: f64,
    spread: f64,
    error: f64,
}

impl Block {
    fn of(pairs: &[[f32; 2]]) -> Self {
        let mut errors: Vec<f32> = pairs.iter().map(|pair| pair[1].abs()).collect();
        let [one, two] = WITHIN.map(|share| f64::from(quantile(&mut errors, share)));
        let spread = pairs.iter().map(|pair| f64::from(pair[0].ln())).sum::<f64>() / pairs.len() as f64;
        let error = (0.5 * (one + two / 2.0)).max(f64::from(LEAST_SPREAD));
        Self { pairs: pairs.len() as f64, spread, error: error.ln() }
    }

    fn pooled(&self, other: &Self) -> Self {
        let pairs = self.pairs + other.pairs;
        let mean = |a: f64, b: f64| (self.pairs * a + other.pairs * b) / pairs;
        Self { pairs, spread: mean(self.spread, other.spread), error: mean(self.error, other.error) }
    }
}

/// The value below which a share of the values lies, of at least one value.
pub(super) fn quantile(values: &mut [f32], share: f64) -> f32 {
    let index = (share * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(index, f32::total_cmp).1
}

/// Deviation of pairs (deviation, error) as the errors have it: see [`Recalibration::fit`].
pub(super) fn observed(pairs: &[[f32; 2]]) -> f64 {
    Block::of(pairs).error.exp()
}

impl Coverage {
    /// What a normal distribution has within one and two standard deviations, in percent.
    pub const NOMINAL: [f64; 2] = [100.0 * WITHIN[0], 100.0 * WITHIN[1]];
}

#[cfg(test)]
mod tests {
    use diph_core::Rng;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// Errors that are `factor` times what the samples say.
    fn pairs(count: usize, factor: f32, seed: u64) -> Vec<[f32; 2]> {
        let mut rng = Rng::seed_from_u64(seed);
        let mut normal = || -> f32 { StandardNormal.sample(&mut rng) };
        (0..count).map(|_| (0.1 * normal().exp(), normal())).map(|(s, error)| [s, factor * s * error]).collect()
    }

    #[test]
    fn samples_that_are_too_sure_are_corrected() {
        let map = Recalibration::fit(&pairs(40_000, 3.0, 1)).unwrap();
        for spread in [0.03, 0.1, 0.4] {
            let ratio = map.apply(spread) / spread;
            assert!((ratio / 3.0 - 1.0).abs() < 0.1, "{spread}: {ratio}");
        }
        let (mut inside, fresh) = ([0.0; 2], pairs(20_000, 3.0, 2));
        for [spread, error] in &fresh {
            let z = error.abs() / map.apply(*spread);
            inside[0] += f64::from(u8::from(z <= 1.0)) / fresh.len() as f64;
            inside[1] += f64::from(u8::from(z <= 2.0)) / fresh.len() as f64;
        }
        assert!((inside[0] - WITHIN[0]).abs() < 0.015 && (inside[1] - WITHIN[1]).abs() < 0.015, "{inside:?}");
    }

    #[test]
    fn knots_that_make_no_sense_are_refused() {
        for (knots, said) in [
            ("[]", "at least one knot"),
            ("[[0, 1]]", "positive"),
            ("[[1, 1], [1, 2]]", "rise"),
            ("[[1, 2], [2, 1]]", "rise"),
        ] {
            let error = serde_json::from_str::<Recalibration>(knots).unwrap_err().to_string();
            assert!(error.contains(said), "{knots}: {error}");
        }
        assert_eq!(Recalibration::fit(&pairs(199, 1.0, 3)), None);
        assert_eq!(Recalibration::new(vec![[0.1, 0.2]]).unwrap().apply(f32::NAN), f32::INFINITY);
    }

    proptest! {
        #[test]
        fn every_fit_is_monotone_and_positive(
            pairs in prop::collection::vec([0.0f32..2.0, -3.0f32..3.0], 200..2000),
            spreads in prop::collection::vec(0.0f32..5.0, 2..40),
        ) {
            let map = Recalibration::fit(&pairs).unwrap();
            let mut spreads = spreads;
            spreads.sort_by(f32::total_cmp);
            let found: Vec<f32> = spreads.iter().map(|spread| map.apply(*spread)).collect();
            prop_assert!(found.iter().all(|deviation| *deviation > 0.0 && deviation.is_finite()));
            prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-6)), "{found:?}");
            let text = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(serde_json::from_str::<Recalibration>(&text).unwrap(), map);
        }
    }
}
