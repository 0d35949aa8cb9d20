//! Variety of maps, before they become images.

use std::f32::consts::TAU;

use diph_core::Rng;
use diph_datasets::QuantitativeMaps;
use diph_gaussian::proton_density_scale;
use ndarray::Array2;
use num_complex::Complex32;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Largest turn in degrees, least and greatest enlargement, and largest shift in pixels.
const TURN: f32 = 25.0;
const ZOOM: [f32; 2] = [0.88, 1.15];
const SHIFT: f32 = 8.0;
/// Standard deviation of the proton density's phase in radians, linear and bilinear in the position from -1 to 1 across the image.
const PHASE: [f32; 2] = [1.5, 0.5];
/// Standard deviation of the logarithm of its brightness, linear in the position, and the share of that for its square.
const BRIGHTNESS: f32 = 0.25;
const BOWL: f32 = 0.5;

/// Other heads out of the same maps: turned, enlarged, shifted, mirrored and conjugated, with another smooth phase and brightness of
/// the proton density. Tissues stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapAugmentation {
    /// Least and greatest [scale](diph_gaussian::proton_density_scale) of the proton density, log-uniform: how bright the head is, and
    /// with known noise how clear. As in the data where absent.
    #[serde(default)]
    pub scale: Option<[f32; 2]>,
}

impl MapAugmentation {
    /// Whether the numbers make sense.
    pub(crate) fn is_valid(&self) -> bool {
        self.scale.is_none_or(|[least, greatest]| least > 0.0 && least <= greatest && greatest.is_finite())
    }

    /// Varied maps of the same size. Every voxel takes the tissue of the nearest voxel of the original, so that none is a mixture.
    pub fn apply(&self, maps: &QuantitativeMaps, rng: &mut Rng) -> QuantitativeMaps {
        let size = maps.dim();
        let from = motion(size, rng);
        let conjugate: bool = rng.random();
        let factor = smooth_factor(size, rng);
        let mut pd = Array2::from_shape_fn(size, |at| {
            let value = maps.pd[from(at)];
            factor(at) * if conjugate { value.conj() } else { value }
        });
        if let Some([least, greatest]) = self.scale
            && let Some(scale) = pd.as_slice().and_then(proton_density_scale)
        {
            let share: f32 = rng.random();
            let wanted = least * (greatest / least).powf(share);
            pd.mapv_inplace(|value| value * (wanted / scale));
        }
        let moved = |map: &Array2<f32>| Array2::from_shape_fn(size, |at| map[from(at)]);
        QuantitativeMaps { t1: moved(&maps.t1), t2: moved(&maps.t2), pd }
    }
}

/// The voxel of the original that a voxel of the moved image shows.
fn motion((height, width): (usize, usize), rng: &mut Rng) -> impl Fn((usize, usize)) -> (usize, usize) + use<> {
    let centre = [height, width].map(|length| (length as f32 - 1.0) / 2.0);
    let (sine, cosine) = rng.random_range(-TURN..TURN).to_radians().sin_cos();
    let zoom = rng.random_range(ZOOM[0]..ZOOM[1]);
    let shift = [rng.random_range(-SHIFT..SHIFT), rng.random_range(-SHIFT..SHIFT)];
    let mirrored: [bool; 2] = [rng.random(), rng.random()];
    let inside = |position: f32, length: usize| (position.round() as isize).rem_euclid(length as isize) as usize;
    move |(y, x)| {
        let mut at = [y as f32 - centre[0], x as f32 - centre[1]];
        for (position, mirrored) in at.iter_mut().zip(mirrored) {
            *position *= if mirrored { -1.0 } else { 1.0 };
        }
        let [y, x] = at;
        let turned = [(cosine * y - sine * x) / zoom, (sine * y + cosine * x) / zoom];
        (inside(turned[0] + shift[0] + centre[0], height), inside(turned[1] + shift[1] + centre[1], width))
    }
}

/// A smooth phase and brightness over the image.
fn smooth_factor((height, width): (usize, usize), rng: &mut Rng) -> impl Fn((usize, usize)) -> Complex32 + use<> {
    let turn = rng.random_range(0.0..TAU);
    let c: [f32; 6] = std::array::from_fn(|_| StandardNormal.sample(rng));
    let position = |index: usize, length: usize| 2.0 * index as f32 / (length.max(2) - 1) as f32 - 1.0;
    move |(y, x)| {
        let (y, x) = (position(y, height), position(x, width));
        let phase = turn + PHASE[0] * (c[0] * x + c[1] * y) + PHASE[1] * c[2] * x * y;
        let brightness = BRIGHTNESS * (c[3] * x + c[4] * y + BOWL * c[5] * (x * x + y * y));
        Complex32::from_polar(brightness.exp(), phase)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn tissues_stay_and_brightness_is_as_asked() {
        let maps = QuantitativeMaps {
            t1: Array2::from_shape_fn((40, 36), |(y, _)| 0.5 + y as f32),
            t2: Array2::from_shape_fn((40, 36), |(y, _)| 0.05 + 0.1 * y as f32),
            pd: Array2::from_elem((40, 36), Complex32::new(0.0, 3.0)),
        };
        let mut rng = Rng::seed_from_u64(2);
        let mut moved = 0;
        for _ in 0..10 {
            let varied = MapAugmentation { scale: Some([0.004, 0.01]) }.apply(&maps, &mut rng);
            assert!(varied.t1.iter().zip(&varied.t2).all(|(t1, t2)| (t2 - 0.05 - 0.1 * (t1 - 0.5)).abs() < 1e-5));
            let scale = proton_density_scale(varied.pd.as_slice().unwrap()).unwrap();
            assert!((0.0039..0.0101).contains(&scale), "{scale}");
            moved += usize::from(varied.t1 != maps.t1);
        }
        assert_eq!(moved, 10);
        assert!(!MapAugmentation { scale: Some([0.1, 0.01]) }.is_valid());
    }
}
