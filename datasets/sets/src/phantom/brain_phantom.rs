//! Slices of a procedural brain.

use diph_core::Rng;
use ndarray::Array2;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use super::Tissue;
use super::anatomy::Anatomy;
use super::noise_field::NoiseField;
use super::shapes::Point;
use crate::{Error, QuantitativeMaps, Result};

const OPERATION: &str = "brain phantom";

/// Field of view in mm that the head fills: height and width.
const FIELD_OF_VIEW: [f32; 2] = [230.0, 200.0];

/// Height of the slices above the anterior commissure in mm, from position 0 to position 1.
const TOP: f32 = 56.0;
const BASE: f32 = -34.0;

/// Points per voxel and axis that the tissue is looked up at.
const SUPERSAMPLING: usize = 3;

/// |PD| of water: that of the published in-vivo maps, so that their mask threshold of 0.006 separates tissue from the rest.
const WATER_PD: f32 = 0.0125;

/// A procedural head at 3 T: folded cortex, white matter, deep grey matter, ventricles, cerebellum, fluid, skull, muscle,
/// scalp. Every subject number is another head; all slices of a subject belong to the same head.
///
/// The tissue is looked up at several points per voxel. Voxels with several tissues get mixed parameters: the mean PD, and
/// the PD-weighted geometric mean of T1 and of T2. They are parameters of one effective tissue and not a sum of several
/// signals, so that the maps are exactly the ones a perfect reconstruction would find. Each tissue has its own mean per subject, varies
/// smoothly over centimetres and a little from voxel to voxel. PD carries a smooth receive bias and phase.
///
/// Front is up. The same fields always give the same slice.
///
/// ```
/// use diph_datasets::BrainPhantom;
/// let slice = BrainPhantom { subject: 7, ..BrainPhantom::new(64, 48) }.render().unwrap();
/// assert_eq!(slice.maps.lengths(), [64, 48]);
/// let tissue = slice.maps.mask(0.006).iter().filter(|inside| **inside).count();
/// assert!(tissue > 64 * 48 / 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrainPhantom {
    /// Rows of the image.
    pub height: usize,
    /// Columns of the image.
    pub width: usize,
    /// Number of the subject.
    pub subject: u64,
    /// Where the slice lies, from 0, near the vertex, to 1, at the base of the brain.
    pub slice_position: f32,
}

/// A rendered slice.
#[derive(Clone, Debug, PartialEq)]
pub struct PhantomSlice {
    /// T1, T2 and PD, (y, x). All three are 0 in air.
    pub maps: QuantitativeMaps,
    /// (y, x): the tissue with the largest share of the voxel.
    pub labels: Array2<Tissue>,
}

impl BrainPhantom {
    /// The first subject in a slice through the basal ganglia.
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, subject: 0, slice_position: 0.5 }
    }

    /// Renders the slice.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an image without pixels and a position outside of [0, 1].
    pub fn render(&self) -> Result<PhantomSlice> {
        self.check()?;
        let anatomy = Anatomy::of_subject(self.subject);
        let appearance = Appearance::of_subject(self.subject);
        let voxels: Vec<(Voxel, Tissue)> = (0..self.height * self.width)
            .into_par_iter()
            .with_min_len(self.width)
            .map(|index| self.voxel(&anatomy, &appearance, index / self.width, index % self.width))
            .collect();
        let at = |(y, x): (usize, usize)| voxels[y * self.width + x];
        let shape = (self.height, self.width);
        let times = |time: fn(Voxel) -> f32| Array2::from_shape_fn(shape, |index| time(at(index).0)).into_dyn();
        let pd = Array2::from_shape_fn(shape, |index| at(index).0.pd).into_dyn();
        let maps = QuantitativeMaps::new(times(|voxel| voxel.t1), times(|voxel| voxel.t2), pd)?;
        Ok(PhantomSlice { maps, labels: Array2::from_shape_fn(shape, |index| at(index).1) })
    }

    /// Maps of a volume (z, y, x) of cubic voxels with the slice in its middle, lowest plane first.
    ///
    /// # Errors
    /// As [`render`](Self::render); [`Error::Parameter`] also for no plane, or more than the brain has around the slice.
    pub fn render_volume(&self, depth: usize) -> Result<QuantitativeMaps> {
        self.check()?;
        let step = self.pixel() / (TOP - BASE);
        let room = self.slice_position.min(1.0 - self.slice_position);
        let most = 1 + (2.0 * room / step) as usize;
        if !(1..=most).contains(&depth) {
            let expected = format!("1 to {most} planes of {:.1} mm, which the brain has there", self.pixel());
            return Err(Error::Parameter {
                operation: OPERATION,
                parameter: "depth",
                expected,
                got: depth.to_string(),
            });
        }
        // Position 0 is the top.
        let position = |z: usize| self.slice_position + (0.5 * (depth as f32 - 1.0) - z as f32) * step;
        let plane = |z: usize| Ok(Self { slice_position: position(z).clamp(0.0, 1.0), ..*self }.render()?.maps);
        QuantitativeMaps::stacked(&(0..depth).map(plane).collect::<Result<Vec<_>>>()?)
    }

    fn check(&self) -> Result<()> {
        let refuse = |parameter, expected: &str, got: String| {
            Err(Error::Parameter { operation: OPERATION, parameter, expected: expected.into(), got })
        };
        if self.height == 0 || self.width == 0 || self.height.checked_mul(self.width).is_none() {
            return refuse("size", "at least one pixel", format!("{} x {}", self.height, self.width));
        }
        if !(0.0..=1.0).contains(&self.slice_position) {
            return refuse("slice position", "0 (vertex) to 1 (base)", self.slice_position.to_string());
        }
        Ok(())
    }

    fn voxel(&self, anatomy: &Anatomy, appearance: &Appearance, row: usize, column: usize) -> (Voxel, Tissue) {
        let mut counts = [0u16; Tissue::ALL.len()];
        for index in 0..SUPERSAMPLING * SUPERSAMPLING {
            let offset = |step: usize| (step as f32 + 0.5) / SUPERSAMPLING as f32;
            let (dy, dx) = (offset(index / SUPERSAMPLING), offset(index % SUPERSAMPLING));
            counts[anatomy.tissue(self.position(row as f32 + dy, column as f32 + dx)) as usize] += 1;
        }
        let centre = self.position(row as f32 + 0.5, column as f32 + 0.5);
        // The first of equals, so that labels do not depend on anything but the counts.
        let main = Tissue::ALL.into_iter().rev().max_by_key(|tissue| counts[*tissue as usize]).unwrap_or(Tissue::Air);
        (appearance.mix(&counts, centre), main)
    }

    /// Side of a pixel in mm.
    fn pixel(&self) -> f32 {
        (FIELD_OF_VIEW[0] / self.height as f32).max(FIELD_OF_VIEW[1] / self.width as f32)
    }

    /// Scanner coordinates in mm of a place in the image, in pixels from its upper left corner.
    fn position(&self, row: f32, column: f32) -> Point {
        let ([height, width], pixel) = ([self.height as f32, self.width as f32], self.pixel());
        let z = TOP + self.slice_position * (BASE - TOP);
        [(column - 0.5 * width) * pixel, (row - 0.5 * height) * pixel, z]
    }
}

/// What one voxel holds.
#[derive(Clone, Copy)]
struct Voxel {
    t1: f32,
    t2: f32,
    pd: Complex32,
}

/// How the tissues of a subject look: their means, spread, bias and phase.
struct Appearance {
    /// Factors on (T1, T2, PD) of every tissue.
    factors: [[f32; 3]; Tissue::ALL.len()],
    /// Spread of T1, T2 and PD over centimetres.
    regional: [NoiseField; 3],
    /// Spread of T1, T2 and PD from voxel to voxel.
    local: [NoiseField; 3],
    bias: NoiseField,
    phase: NoiseField,
    phase_offset: f32,
    phase_slope: [f32; 2],
}

impl Appearance {
    fn of_subject(seed: u64) -> Self {
        // Another stream than the anatomy's, so that a change of one leaves the other as it is.
        let mut rng = Rng::seed_from_u64(seed);
        rng.set_stream(1);
        let factors = std::array::from_fn(|_| {
            [rng.random_range(0.95..1.05), rng.random_range(0.93..1.07), rng.random_range(0.98..1.02)]
        });
        let phase_offset = rng.random_range(-3.0..3.0);
        let phase_slope = [rng.random_range(-0.008..0.008), rng.random_range(-0.008..0.008)];
        let mut field = |wavelength| NoiseField::new(rng.random(), wavelength);
        Self {
            factors,
            regional: [field(30.0), field(30.0), field(30.0)],
            local: [field(2.5), field(2.5), field(2.5)],
            bias: field(110.0),
            phase: field(90.0),
            phase_offset,
            phase_slope,
        }
    }

    /// Parameters of a voxel with these shares of tissues.
    fn mix(&self, counts: &[u16], centre: Point) -> Voxel {
        let total: f32 = counts.iter().map(|count| f32::from(*count)).sum();
        let (mut pd, mut log_t1, mut log_t2) = (0.0, 0.0, 0.0);
        for (tissue, count) in Tissue::ALL.into_iter().zip(counts) {
            let properties = tissue.properties();
            if *count == 0 || properties.pd == 0.0 {
                continue;
            }
            let [t1, t2, density] = self.factors[tissue as usize];
            let share = f32::from(*count) / total * properties.pd * density;
            pd += share;
            log_t1 += share * (properties.t1 * t1).ln();
            log_t2 += share * (properties.t2 * t2).ln();
        }
        if pd == 0.0 {
            return Voxel { t1: 0.0, t2: 0.0, pd: Complex32::ZERO };
        }
        let spread = |parameter: usize, regional: f32, local: f32| {
            1.0 + regional * self.regional[parameter].at(centre) + local * self.local[parameter].at(centre)
        };
        let t1 = (log_t1 / pd).exp() * spread(0, 0.05, 0.03);
        let t2 = ((log_t2 / pd).exp() * spread(1, 0.07, 0.05)).min(t1);
        Voxel { t1, t2, pd: WATER_PD * pd * spread(2, 0.02, 0.02) * self.receive(centre) }
    }

    /// Receive sensitivity that is left in PD: brighter towards the coils around the head, with a smooth phase.
    fn receive(&self, centre: Point) -> Complex32 {
        let [x, y, _] = centre;
        let magnitude = 0.97 + 0.22 * (x * x + y * y) / (100.0 * 100.0) + 0.12 * self.bias.at(centre);
        let phase =
            self.phase_offset + self.phase_slope[0] * x + self.phase_slope[1] * y + 1.2 * self.phase.rough(centre);
        Complex32::from_polar(magnitude, phase)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;

    fn share(slice: &PhantomSlice, tissue: Tissue) -> f64 {
        let count = slice.labels.iter().filter(|label| **label == tissue).count();
        count as f64 / slice.labels.len() as f64
    }

    #[test]
    fn every_slice_is_a_plausible_head() {
        for subject in 0..4 {
            for slice_position in [0.0, 0.3, 0.5, 0.75, 1.0] {
                let phantom = BrainPhantom { subject, slice_position, ..BrainPhantom::new(97, 84) };
                let slice = phantom.render().unwrap();
                let air = share(&slice, Tissue::Air);
                assert!((0.15..0.75).contains(&air), "{phantom:?}: air {air}");
                for tissue in [Tissue::GreyMatter, Tissue::WhiteMatter, Tissue::Csf, Tissue::Fat, Tissue::Bone] {
                    assert!(share(&slice, tissue) > 0.008, "{phantom:?}: {tissue:?}");
                }
                assert!(slice.labels.row(0).iter().all(|label| *label == Tissue::Air), "{phantom:?}: touches the edge");
                for ((t1, t2), pd) in slice.maps.t1.iter().zip(&slice.maps.t2).zip(&slice.maps.pd) {
                    assert!(t1.is_finite() && *t2 <= *t1 && *t2 >= 0.0 && pd.norm() < 0.03);
                    assert_eq!(*t1 == 0.0, pd.norm() == 0.0);
                }
            }
        }
    }

    #[test]
    fn deep_structures_are_where_they_belong() {
        let slice = BrainPhantom { slice_position: 0.58, ..BrainPhantom::new(115, 115) }.render().unwrap();
        for tissue in [Tissue::Caudate, Tissue::Putamen, Tissue::Pallidum, Tissue::Thalamus] {
            assert!(share(&slice, tissue) > 0.0005, "{tissue:?}");
        }
        let base = BrainPhantom { slice_position: 1.0, ..BrainPhantom::new(115, 115) }.render().unwrap();
        assert!(share(&base, Tissue::Brainstem) > 0.005);
        assert_eq!(share(&base, Tissue::Caudate), 0.0);
    }

    #[test]
    fn same_fields_same_slice_other_subject_other_head() {
        let phantom = BrainPhantom { subject: 5, slice_position: 0.4, ..BrainPhantom::new(33, 40) };
        let slice = phantom.render().unwrap();
        assert_eq!(phantom.render().unwrap(), slice);
        assert_ne!(BrainPhantom { subject: 6, ..phantom }.render().unwrap(), slice);
    }

    #[test]
    fn volumes_have_the_slice_in_their_middle() {
        let phantom = BrainPhantom { subject: 3, ..BrainPhantom::new(24, 20) };
        let volume = phantom.render_volume(3).unwrap();
        assert_eq!(volume.lengths(), [3, 24, 20]);
        let plane = |maps: &QuantitativeMaps, z: usize| maps.t1.index_axis(Axis(0), z).to_owned();
        assert_eq!(plane(&volume, 1), phantom.render().unwrap().maps.t1);
        assert_ne!(plane(&volume, 0), plane(&volume, 2));
        for (depth, slice_position) in [(0, 0.5), (12, 0.5), (2, 0.0)] {
            let error = BrainPhantom { slice_position, ..phantom }.render_volume(depth).unwrap_err().to_string();
            assert!(error.starts_with("brain phantom: depth: expected 1 to "), "{error}");
        }
        assert_eq!(BrainPhantom { slice_position: 0.0, ..phantom }.render_volume(1).unwrap().lengths(), [1, 24, 20]);
    }

    #[test]
    fn refuses_nonsense() {
        assert!(BrainPhantom::new(0, 10).render().is_err());
        for slice_position in [-0.1, 1.1, f32::NAN] {
            let phantom = BrainPhantom { slice_position, ..BrainPhantom::new(8, 8) };
            assert!(phantom.render().unwrap_err().to_string().contains("slice position"));
        }
    }
}
