//! Ventricles, deep grey matter and brainstem.

use super::Tissue;
use super::shapes::{Ellipsoid, Point, tube_distance};

/// The structures in the middle of the brain. They are given for one side and mirrored; the anatomy bends space before
/// it asks, so that no brain is symmetric.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeepBrain {
    /// Width of the ventricles relative to a young adult's.
    pub ventricle_scale: f32,
}

const CAUDATE: Ellipsoid = Ellipsoid { centre: [13.0, -19.0, 9.0], radii: [4.8, 9.0, 15.0], angle: -0.35 };
const PUTAMEN: Ellipsoid = Ellipsoid { centre: [26.0, -5.0, 3.0], radii: [5.2, 15.5, 12.0], angle: -0.25 };
const PALLIDUM: Ellipsoid = Ellipsoid { centre: [19.5, -3.0, 1.0], radii: [4.6, 8.5, 7.0], angle: -0.42 };
const THALAMUS: Ellipsoid = Ellipsoid { centre: [10.5, 12.0, 8.0], radii: [8.0, 13.5, 10.5], angle: -0.38 };
const BRAINSTEM: Ellipsoid = Ellipsoid { centre: [0.0, 12.0, -36.0], radii: [14.5, 13.0, 30.0], angle: 0.0 };

/// Lateral ventricle of one side: frontal horn, body, trigone, and the posterior and inferior horns; (x, y, z, radius).
const FRONTAL_HORN: [[f32; 4]; 3] = [[11.5, -34.0, 4.0, 2.4], [8.5, -26.0, 8.0, 3.6], [7.0, -14.0, 16.0, 3.6]];
const BODY: [[f32; 4]; 4] =
    [[7.0, -14.0, 16.0, 3.6], [8.5, 4.0, 22.0, 4.2], [14.0, 20.0, 19.0, 5.0], [22.0, 31.0, 9.0, 4.8]];
const POSTERIOR_HORN: [[f32; 4]; 2] = [[22.0, 31.0, 9.0, 4.6], [22.0, 50.0, 5.0, 1.6]];
const INFERIOR_HORN: [[f32; 4]; 3] = [[22.0, 31.0, 9.0, 4.2], [31.0, 18.0, -9.0, 2.0], [29.0, 0.0, -20.0, 1.5]];
const THIRD_VENTRICLE: [[f32; 4]; 2] = [[0.0, -6.0, 0.0, 0.8], [0.0, 13.0, 4.0, 0.9]];
const AQUEDUCT: [[f32; 4]; 2] = [[0.0, 18.0, -2.0, 0.8], [0.0, 24.0, -34.0, 2.6]];

impl DeepBrain {
    /// The structure at a point, where there is one.
    pub fn tissue(&self, [x, y, z]: Point) -> Option<Tissue> {
        let point = [x.abs(), y, z];
        if self.ventricle_distance(point) < 0.0 {
            return Some(Tissue::Csf);
        }
        let nuclei = [
            (CAUDATE, Tissue::Caudate),
            (PALLIDUM, Tissue::Pallidum),
            (PUTAMEN, Tissue::Putamen),
            (THALAMUS, Tissue::Thalamus),
            (BRAINSTEM, Tissue::Brainstem),
        ];
        nuclei.into_iter().find(|(shape, _)| shape.distance(point) < 0.0).map(|(_, tissue)| tissue)
    }

    /// About the distance to the brainstem; negative inside.
    pub fn brainstem_distance(&self, point: Point) -> f32 {
        BRAINSTEM.distance(point)
    }

    fn ventricle_distance(&self, point: Point) -> f32 {
        let lateral: [&[[f32; 4]]; 4] = [&FRONTAL_HORN, &BODY, &POSTERIOR_HORN, &INFERIOR_HORN];
        let lateral = lateral.into_iter().map(|horn| tube_distance(point, horn)).fold(f32::INFINITY, f32::min);
        let middle = tube_distance(point, &THIRD_VENTRICLE).min(tube_distance(point, &AQUEDUCT));
        // The radii are some 4 mm, so that this much widens them by the scale; the septum keeps the two sides apart.
        let widened = lateral - 4.0 * (self.ventricle_scale - 1.0);
        let septum = 0.6 - point[0];
        widened.max(septum).min(middle - 0.8 * (self.ventricle_scale - 1.0))
    }
}
