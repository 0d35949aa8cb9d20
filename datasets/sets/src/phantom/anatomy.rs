//! Which tissue is where in the head of a subject.

use diph_core::Rng;
use rand::{RngExt, SeedableRng};

use super::Tissue;
use super::deep_brain::DeepBrain;
use super::noise_field::NoiseField;
use super::shapes::{Point, length, tube_distance};

/// Half axes of the hull of the brain in mm: to the side, front to back, up, down.
const HULL: [f32; 4] = [66.0, 83.0, 76.0, 92.0];

/// Cortical folds follow lines towards the centre up to this share, so that sulci dive into the brain.
const RADIAL_SHARE: f32 = 0.62;

/// Sylvian fissure and insula of one side in their plane; (x, y, 0, radius).
const SYLVIAN: [[f32; 4]; 3] = [[72.0, -10.0, 0.0, 0.9], [45.0, -3.0, 0.0, 1.2], [40.5, -20.0, 0.0, 1.0]];
const INSULA: [[f32; 4]; 2] = [[45.0, -3.0, 0.0, 1.2], [43.0, 17.0, 0.0, 0.8]];

/// Height of that plane.
const SYLVIAN_HEIGHT: f32 = 3.0;

/// Step of finite differences of the fold fields.
const STEP: f32 = 0.5;

/// The head of one subject, all lengths in mm.
#[derive(Clone, Debug)]
pub(super) struct Anatomy {
    size: Point,
    tilt: f32,
    shift: [f32; 2],
    cortex: f32,
    sulcus: f32,
    skull: f32,
    fat: f32,
    deep: DeepBrain,
    bend: [NoiseField; 3],
    surface: NoiseField,
    primary: NoiseField,
    secondary: NoiseField,
    fold_depth: NoiseField,
    meander: [NoiseField; 3],
    folia: NoiseField,
}

/// A point of the head with what is known about it from the hull of the brain.
#[derive(Clone, Copy)]
struct Located {
    /// Position, bent.
    point: Point,
    /// Depth below the hull of the brain; negative outside.
    depth: f32,
    /// Where the line from the centre leaves the hull.
    hull_point: Point,
}

impl Anatomy {
    /// The head that belongs to a seed.
    pub fn of_subject(seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let size = std::array::from_fn(|_| rng.random_range(0.95..1.05));
        let tilt = rng.random_range(-0.12..0.12);
        let shift = [rng.random_range(-4.0..4.0), rng.random_range(-3.0..3.0)];
        let cortex = rng.random_range(2.4..3.0);
        let sulcus = rng.random_range(0.2..0.6);
        let skull = rng.random_range(5.0..7.5);
        let fat = rng.random_range(2.5..5.5);
        let deep = DeepBrain { ventricle_scale: rng.random_range(0.7..1.5) };
        let mut field = |wavelength| NoiseField::new(rng.random(), wavelength);
        Self {
            size,
            tilt,
            shift,
            cortex,
            sulcus,
            skull,
            fat,
            deep,
            bend: [field(38.0), field(38.0), field(38.0)],
            surface: field(45.0),
            primary: field(22.0),
            secondary: field(15.0),
            fold_depth: field(22.0),
            meander: [field(24.0), field(24.0), field(24.0)],
            folia: field(5.0),
        }
    }

    /// The tissue at a point in scanner coordinates.
    pub fn tissue(&self, scanner: Point) -> Tissue {
        let place = self.locate(scanner);
        if place.depth < 0.0 {
            return self.shell(&place);
        }
        if let Some(tissue) = self.cerebellum(&place) {
            return tissue;
        }
        if let Some(tissue) = self.deep.tissue(place.point) {
            return tissue;
        }
        self.cerebrum(&place)
    }

    fn locate(&self, [x, y, z]: Point) -> Located {
        let (sine, cosine) = self.tilt.sin_cos();
        let (x, y) = (x - self.shift[0], y - self.shift[1]);
        let straight =
            [(cosine * x + sine * y) / self.size[0], (cosine * y - sine * x) / self.size[1], z / self.size[2]];
        let bend: Point = std::array::from_fn(|axis| straight[axis] + 2.6 * self.bend[axis].at(straight));
        // The hull is bent less than the inside: skulls are smooth.
        let smooth: Point = std::array::from_fn(|axis| 0.75 * straight[axis] + 0.25 * bend[axis]);
        let level = hull_level(smooth).max(1e-3);
        let distance = length(smooth);
        let depth = distance * (1.0 / level - 1.0) + 1.2 * self.surface.at(straight);
        Located { point: bend, depth, hull_point: smooth.map(|coordinate| coordinate / level) }
    }

    /// What lies around the brain, from the inside out.
    fn shell(&self, place: &Located) -> Tissue {
        let outside = -place.depth;
        let [x, y, z] = place.hull_point;
        let fluid = 0.9 + 1.2 * self.surface.at(place.point).abs() + 2.5 * self.sulcus * front(y);
        let skull = fluid + self.skull * (1.0 + 0.25 * self.surface.at(place.hull_point));
        // Temporal muscle lies beside the skull below the middle, neck muscle behind it at the base.
        let temporal = smooth_step((x.abs() - 40.0) / 20.0) * smooth_step((14.0 - z) / 30.0) * front(y - 12.0);
        let neck = smooth_step((y - 45.0) / 20.0) * smooth_step((-12.0 - z) / 15.0);
        let muscle = skull + 9.0 * temporal + 10.0 * neck;
        let fat = muscle + self.fat * (1.0 + 0.35 * self.fold_depth.at(place.hull_point));
        let marrow = skull - fluid - 3.4;
        match outside {
            outside if outside < fluid => Tissue::Csf,
            outside if outside < skull => {
                let middle = (outside - 0.5 * (fluid + skull)).abs();
                if middle < 0.5 * marrow { Tissue::Marrow } else { Tissue::Bone }
            }
            outside if outside < muscle => Tissue::Muscle,
            outside if outside < fat => Tissue::Fat,
            outside if outside < fat + 1.8 => Tissue::Skin,
            _ => Tissue::Air,
        }
    }

    /// Cortex folded around white matter: grey matter lies within the thickness of the cortex from the surface, and the
    /// surface runs along the hull and down both walls of every sulcus.
    fn cerebrum(&self, place: &Located) -> Tissue {
        let fissures = self.midline_distance(place).min(self.sylvian_distance(place.point));
        let depth_noise = self.fold_depth.at(place.hull_point);
        let opening = self.sulcus + 0.45 * (-place.depth / 4.0).exp();
        let reaches = [25.0 + 14.0 * depth_noise, 13.0 - 10.0 * depth_noise];
        let sulci = self.sulcus_distance(place, reaches);
        let to_surface = (sulci - opening).min(fissures - self.sulcus).min(place.depth);
        match to_surface {
            distance if distance < 0.0 => Tissue::Csf,
            distance if distance < self.cortex => Tissue::GreyMatter,
            _ => Tissue::WhiteMatter,
        }
    }

    /// Distance to the sheets where a fold field is zero. Those of the primary and of the secondary field end at their
    /// `reaches` below the hull.
    fn sulcus_distance(&self, place: &Located, reaches: [f32; 2]) -> f32 {
        let beyond = reaches.map(|reach| (place.depth - reach).max(0.0));
        let nearest = beyond[0].min(beyond[1]);
        // Below the last fold that is distance enough for white matter.
        if nearest > 6.0 {
            return nearest;
        }
        let centre = self.fold_coordinates(place, [0.0; 3]);
        let stepped: [Point; 3] = std::array::from_fn(|axis| {
            let mut step = [0.0; 3];
            step[axis] = STEP;
            self.fold_coordinates(place, step)
        });
        let distance = |field: &NoiseField, beyond: f32| {
            let value = field.at(centre);
            let slope = length(stepped.map(|point| (field.at(point) - value) / STEP));
            // At a saddle the field is flat; the small floor keeps the distance finite there.
            (value.abs() / slope.max(0.015)).hypot(beyond)
        };
        distance(&self.primary, beyond[0]).min(distance(&self.secondary, beyond[1]))
    }

    /// Where the fold fields are looked up: stretched along lines towards the centre, and meandering.
    fn fold_coordinates(&self, place: &Located, step: Point) -> Point {
        let moved: Point = std::array::from_fn(|axis| place.point[axis] + step[axis]);
        let spread = length(place.hull_point) / length(place.point).max(1.0);
        std::array::from_fn(|axis| {
            let radial = place.hull_point[axis] + step[axis] * spread;
            RADIAL_SHARE * radial + (1.0 - RADIAL_SHARE) * moved[axis] + 6.5 * self.meander[axis].at(moved)
        })
    }

    /// Distance to the fissure between the hemispheres, which the corpus callosum bounds from below.
    fn midline_distance(&self, place: &Located) -> f32 {
        let [x, y, z] = place.point;
        // In front of the corpus callosum the fissure opens further back below its knee.
        let knee = 44.0 - 30.0 * smooth_step(-z / 12.0);
        let along = if y < -4.0 { (y + 4.0) / knee } else { (y + 4.0) / 44.0 };
        let roof = 28.0 + 4.0 * (1.0 - along * along);
        // Below the corpus callosum the middle belongs to ventricles, thalamus and brainstem.
        let bridge = if along.abs() < 1.0 { roof - z } else { 0.0 };
        (0.8 * x).hypot(bridge.max(0.0))
    }

    fn sylvian_distance(&self, [x, y, z]: Point) -> f32 {
        // Flattened, so that the fissure reaches some 25 mm up and down before the distance to it takes over.
        let beside = [x.abs(), y, 0.35 * (z - SYLVIAN_HEIGHT)];
        tube_distance(beside, &SYLVIAN).min(tube_distance(beside, &INSULA))
    }

    /// Cerebellum below and behind, with its fine folia, and the fluid around it and around the brainstem.
    fn cerebellum(&self, place: &Located) -> Option<Tissue> {
        let [x, y, z] = place.point;
        let below_tentorium = 0.9 * (-13.0 - 0.3 * x.abs() - 0.12 * (y - 40.0).abs() - z);
        let behind_petrous_bone = 0.9 * (y - 20.0 - 0.45 * x.abs());
        let depth = below_tentorium.min(behind_petrous_bone).min(place.depth - 1.0);
        let brainstem = self.deep.brainstem_distance(place.point);
        if brainstem < 0.0 {
            return None;
        }
        let beside_brainstem = z < -12.0 && y < 24.0 && brainstem < 1.6 + 5.0 * self.meander[0].at(place.point);
        if beside_brainstem || (-1.2..0.0).contains(&depth) && below_tentorium.min(behind_petrous_bone) > -1.2 {
            return Some(Tissue::Csf);
        }
        if depth < 0.0 {
            return None;
        }
        let folds = self.folia.at([0.3 * x, y, 1.6 * z]);
        match depth + 5.0 * folds {
            _ if depth < 9.0 && folds.abs() < 0.045 => Some(Tissue::Csf),
            level if level < 8.0 => Some(Tissue::GreyMatter),
            _ => Some(Tissue::WhiteMatter),
        }
    }
}

/// Level of the hull of the brain: 1 on it. Broader behind than in front.
fn hull_level([x, y, z]: Point) -> f32 {
    let [side, length, up, down] = HULL;
    let side = side * (1.0 + 0.10 * (y / length).clamp(-1.0, 1.0));
    let vertical = if z > 0.0 { z / up } else { z / down };
    let in_plane = ((x / side).abs().powf(2.25) + (y / length).abs().powf(2.25)).powf(1.0 / 2.25);
    in_plane.hypot(vertical)
}

fn front(y: f32) -> f32 {
    smooth_step(-y / 30.0)
}

/// 0 below 0, 1 above 1, smooth between.
fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
