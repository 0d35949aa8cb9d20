//! Other heads out of the same maps.

use std::f32::consts::TAU;

use diph_core::{Result, Rng};
use diph_datasets::QuantitativeMaps;
use diph_gaussian::proton_density_scale;
use diph_recon::ReconError;
use ndarray::{Array2, ArrayView2};
use num_complex::Complex32;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::measurement::log_uniform;
use crate::signal_model::PlaneMaps;

/// Changes of maps before they are measured. Every pixel keeps a T1 and T2 that were in the maps: places are looked up and not
/// interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapVariation {
    /// Largest angle in degrees by which a head is turned.
    pub rotation: f32,
    /// Least and greatest factor on its size.
    pub zoom: [f32; 2],
    /// Largest shift along an axis, as a share of the image.
    pub shift: f32,
    /// Whether it is mirrored along either axis every other time.
    pub mirror: bool,
    /// Whether its phase is reversed every other time.
    pub conjugate: bool,
    /// Standard deviation in radians of the slope of a smooth phase from the middle of the image to its edge, beside a constant one
    /// that is uniform.
    pub phase: f32,
    /// Standard deviation of the slope of the logarithm of a smooth brightness from the middle of the image to its edge.
    pub brightness: f32,
    /// Least and greatest median |PD| over the head: with known noise, how clear the image is. `null` keeps that of the maps.
    pub proton_density: Option<[f64; 2]>,
}

impl Default for MapVariation {
    fn default() -> Self {
        Self {
            rotation: 25.0,
            zoom: [0.88, 1.15],
            shift: 0.035,
            mirror: true,
            conjugate: true,
            phase: 1.5,
            brightness: 0.25,
            proton_density: Some([0.0042, 0.0105]),
        }
    }
}

impl MapVariation {
    /// Fails on numbers that make no sense.
    ///
    /// # Errors
    /// [`ReconError::Setting`] with the key.
    pub fn check(&self) -> std::result::Result<(), ReconError> {
        let ordered = |[least, greatest]: [f64; 2]| least > 0.0 && least <= greatest && greatest.is_finite();
        let refused = |key: &str, expected: &str| Err(ReconError::setting(format!("variation.{key}"), expected));
        if !ordered(self.zoom.map(f64::from)) {
            return refused("zoom", "expected two positive factors in order");
        }
        if self.proton_density.is_some_and(|range| !ordered(range)) {
            return refused("proton_density", "expected two positive numbers in order, or null");
        }
        let sizes = [("rotation", self.rotation), ("shift", self.shift), ("phase", self.phase)];
        let sizes = sizes.into_iter().chain([("brightness", self.brightness)]);
        match sizes.into_iter().find(|(_, size)| !(size.is_finite() && *size >= 0.0)) {
            Some((key, _)) => refused(key, "expected a number of at least 0"),
            None => Ok(()),
        }
    }

    /// Maps of another head.
    ///
    /// # Errors
    /// [`Incompatible`](diph_core::Error::Incompatible) when the maps are those of a volume.
    pub fn apply(&self, maps: &QuantitativeMaps, rng: &mut Rng) -> Result<QuantitativeMaps> {
        let maps = PlaneMaps::of(maps)?;
        let (height, width) = maps.pd.dim();
        let place = Placement::draw(self, (height, width), rng);
        let conjugate = self.conjugate && rng.random();
        let slopes: [f32; 6] = std::array::from_fn(|_| StandardNormal.sample(rng));
        let turn = rng.random_range(0.0..TAU);
        let looked_up = |map: ArrayView2<'_, f32>| {
            Array2::from_shape_fn((height, width), |at| place.source(at).map_or(0.0, |source| map[source])).into_dyn()
        };
        let mut pd = Array2::from_shape_fn((height, width), |at| {
            let pd = place.source(at).map_or(Complex32::ZERO, |source| maps.pd[source]);
            let pd = if conjugate { pd.conj() } else { pd };
            let [y, x] = [(at.0, height), (at.1, width)].map(|(at, length)| from_the_middle(at, length));
            let phase = turn + self.phase * (slopes[0] * x + slopes[1] * y + slopes[2] * x * y / 3.0);
            let log = self.brightness * (slopes[3] * x + slopes[4] * y + 0.5 * slopes[5] * (x * x + y * y));
            pd * Complex32::from_polar(log.exp(), phase)
        });
        if let Some(range) = self.proton_density
            && let Some(scale) = pd.as_slice().and_then(proton_density_scale)
        {
            let factor = log_uniform(range, rng) as f32 / scale;
            pd.mapv_inplace(|value| value * factor);
        }
        Ok(QuantitativeMaps { t1: looked_up(maps.t1), t2: looked_up(maps.t2), pd: pd.into_dyn() })
    }
}

/// -1 at the first pixel, 1 at the last.
fn from_the_middle(at: usize, length: usize) -> f32 {
    2.0 * at as f32 / (length.max(2) - 1) as f32 - 1.0
}

/// Where every pixel of the new image comes from.
struct Placement {
    size: (usize, usize),
    /// Row by row, from an offset to the centre of the new image to one of the old.
    matrix: [[f32; 2]; 2],
    shift: [f32; 2],
}

impl Placement {
    fn draw(variation: &MapVariation, size: (usize, usize), rng: &mut Rng) -> Self {
        let mut even = |largest: f32| if largest > 0.0 { rng.random_range(-largest..largest) } else { 0.0 };
        let angle = even(variation.rotation).to_radians();
        let shift = [even(variation.shift) * size.0 as f32, even(variation.shift) * size.1 as f32];
        let zoom = log_uniform(variation.zoom.map(f64::from), rng) as f32;
        let mut sign = || if variation.mirror && rng.random() { -1.0 } else { 1.0 };
        let (y, x) = (sign() / zoom, sign() / zoom);
        let (sin, cos) = angle.sin_cos();
        Self { size, matrix: [[cos * y, -sin * x], [sin * y, cos * x]], shift }
    }

    /// The nearest pixel of the old image, where there is one.
    fn source(&self, (row, column): (usize, usize)) -> Option<(usize, usize)> {
        let centre = [(self.size.0 as f32 - 1.0) / 2.0, (self.size.1 as f32 - 1.0) / 2.0];
        let (y, x) = (row as f32 - centre[0], column as f32 - centre[1]);
        let at = |axis: usize| {
            (self.matrix[axis][0] * y + self.matrix[axis][1] * x + self.shift[axis] + centre[axis]).round()
        };
        let inside = |value: f32, length: usize| (value >= 0.0 && value < length as f32).then_some(value as usize);
        Some((inside(at(0), self.size.0)?, inside(at(1), self.size.1)?))
    }
}

#[cfg(test)]
mod tests {
    use diph_datasets::BrainPhantom;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn heads_stay_heads() {
        let maps = BrainPhantom::new(48, 40).render().unwrap().maps;
        let known: Vec<f32> = maps.t1.iter().copied().collect();
        for seed in 0..8 {
            let mut rng = Rng::seed_from_u64(seed);
            let varied = MapVariation::default().apply(&maps, &mut rng).unwrap();
            assert!(varied.t1.iter().all(|t1| known.contains(t1)), "no T1 that was not there");
            let scale = proton_density_scale(varied.pd.as_slice().unwrap()).unwrap();
            assert!((0.0041..0.0106).contains(&scale), "{scale}");
            let tissue = |maps: &QuantitativeMaps| maps.t1.iter().filter(|t1| **t1 > 0.0).count() as f32;
            let share = tissue(&varied) / tissue(&maps);
            assert!((0.6..1.5).contains(&share), "{share}");
        }
    }

    #[test]
    fn no_variation_changes_nothing_but_the_phase() {
        let maps = BrainPhantom::new(20, 24).render().unwrap().maps;
        let none = MapVariation {
            rotation: 0.0,
            zoom: [1.0, 1.0],
            shift: 0.0,
            mirror: false,
            conjugate: false,
            phase: 0.0,
            brightness: 0.0,
            proton_density: None,
        };
        let same = none.apply(&maps, &mut Rng::seed_from_u64(1)).unwrap();
        assert_eq!((same.t1, same.t2), (maps.t1, maps.t2));
        for (a, b) in same.pd.iter().zip(&maps.pd) {
            assert!((a.norm() - b.norm()).abs() < 1e-6);
        }
    }
}
