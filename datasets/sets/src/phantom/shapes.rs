//! Distances to simple shapes, in mm; negative inside.

/// A position in mm: x to the side, y to the back, z up.
pub(super) type Point = [f32; 3];

/// An ellipsoid, turned about the vertical axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ellipsoid {
    /// Centre.
    pub centre: Point,
    /// Half axes before turning.
    pub radii: Point,
    /// Angle from x towards y, in radians.
    pub angle: f32,
}

impl Ellipsoid {
    /// About the distance to the surface.
    pub fn distance(&self, point: Point) -> f32 {
        let [dx, dy, dz]: Point = std::array::from_fn(|axis| point[axis] - self.centre[axis]);
        let (sine, cosine) = self.angle.sin_cos();
        let turned = [cosine * dx + sine * dy, cosine * dy - sine * dx, dz];
        let unit: Point = std::array::from_fn(|axis| turned[axis] / self.radii[axis]);
        let slope: Point = std::array::from_fn(|axis| unit[axis] / self.radii[axis]);
        let (level, slope) = (length(unit), length(slope));
        if slope < 1e-6 {
            return -self.radii.into_iter().fold(f32::INFINITY, f32::min);
        }
        level * (level - 1.0) / slope
    }
}

/// A bent tube through points (x, y, z, radius).
pub(super) fn tube_distance(point: Point, knots: &[[f32; 4]]) -> f32 {
    knots.windows(2).map(|pair| segment_distance(point, pair[0], pair[1])).fold(f32::INFINITY, f32::min)
}

fn segment_distance(point: Point, from: [f32; 4], to: [f32; 4]) -> f32 {
    let along: Point = std::array::from_fn(|axis| to[axis] - from[axis]);
    let away: Point = std::array::from_fn(|axis| point[axis] - from[axis]);
    let squared = dot(along, along).max(1e-6);
    let share = (dot(away, along) / squared).clamp(0.0, 1.0);
    let nearest: Point = std::array::from_fn(|axis| away[axis] - share * along[axis]);
    length(nearest) - (from[3] + share * (to[3] - from[3]))
}

pub(super) fn length(vector: Point) -> f32 {
    dot(vector, vector).sqrt()
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_spheres_and_tubes() {
        let sphere = Ellipsoid { centre: [1.0, 0.0, 0.0], radii: [2.0; 3], angle: 0.7 };
        assert!((sphere.distance([4.0, 0.0, 0.0]) - 1.0).abs() < 1e-5);
        assert!((sphere.distance([1.0, 0.5, 0.0]) + 1.5).abs() < 1e-5);
        assert_eq!(sphere.distance([1.0, 0.0, 0.0]), -2.0);
        let tube = [[0.0, 0.0, 0.0, 1.0], [10.0, 0.0, 0.0, 3.0]];
        assert!((tube_distance([5.0, 5.0, 0.0], &tube) - 3.0).abs() < 1e-5);
        assert!((tube_distance([12.0, 0.0, 0.0], &tube) + 1.0).abs() < 1e-5);
    }
}
