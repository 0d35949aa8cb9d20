//! The Daubechies wavelets on offer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Orthogonal wavelets of compact support (Daubechies, Commun. Pure Appl. Math. 41, 1988).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaveletFamily {
    /// One vanishing moment, 2 taps: blocky.
    Haar,
    /// Two vanishing moments, 4 taps.
    Db2,
    /// Four vanishing moments, 8 taps.
    #[default]
    Db4,
}

impl WaveletFamily {
    /// Taps of the low-pass filter; their squares and half their squared sum are 1.
    pub(super) fn taps(self) -> &'static [f64] {
        match self {
            Self::Haar => &HAAR,
            Self::Db2 => &DB2,
            Self::Db4 => &DB4,
        }
    }
}

const HAAR: [f64; 2] = [std::f64::consts::FRAC_1_SQRT_2; 2];

const DB2: [f64; 4] =
    [0.482_962_913_144_690_25, 0.836_516_303_737_469, 0.224_143_868_041_857_35, -0.129_409_522_550_921_45];

const DB4: [f64; 8] = [
    0.230_377_813_308_855_23,
    0.714_846_570_552_541_5,
    0.630_880_767_929_590_4,
    -0.027_983_769_416_983_85,
    -0.187_034_811_718_881_14,
    0.030_841_381_835_986_965,
    0.032_883_011_666_982_945,
    -0.010_597_401_784_997_278,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_orthonormal_to_their_even_shifts() {
        for family in [WaveletFamily::Haar, WaveletFamily::Db2, WaveletFamily::Db4] {
            let taps = family.taps();
            for shift in (0..taps.len()).step_by(2) {
                let product: f64 = taps.iter().zip(&taps[shift..]).map(|(a, b)| a * b).sum();
                let expected = if shift == 0 { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-11, "{family:?}, shift {shift}: {product}");
            }
        }
    }

    #[test]
    fn high_pass_filters_have_as_many_vanishing_moments_as_half_their_taps() {
        for family in [WaveletFamily::Haar, WaveletFamily::Db2, WaveletFamily::Db4] {
            let taps = family.taps();
            for moment in 0..taps.len() / 2 {
                let sum: f64 = taps
                    .iter()
                    .rev()
                    .enumerate()
                    .map(|(m, tap)| if m % 2 == 0 { *tap } else { -tap } * (m as f64).powi(moment as i32))
                    .sum();
                assert!(sum.abs() < 1e-8, "{family:?}, moment {moment}: {sum}");
            }
        }
    }
}
