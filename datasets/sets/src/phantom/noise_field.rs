//! Smooth random functions of space.

use super::shapes::Point;

/// Gradient noise (Perlin 2002): a smooth random function of about [-1, 1] that varies over `wavelength`.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoiseField {
    seed: u32,
    frequency: f32,
}

impl NoiseField {
    /// A field that varies over `wavelength` mm.
    pub fn new(seed: u32, wavelength: f32) -> Self {
        Self { seed, frequency: 1.0 / wavelength }
    }

    /// Value at a point.
    pub fn at(&self, point: Point) -> f32 {
        let scaled = point.map(|coordinate| coordinate * self.frequency);
        let cell = scaled.map(|coordinate| coordinate.floor());
        let inside: Point = std::array::from_fn(|axis| scaled[axis] - cell[axis]);
        let corner = cell.map(|coordinate| coordinate as i32);
        let weight = inside.map(fade);
        let mut sum = 0.0;
        for index in 0..8u32 {
            let offset: [u32; 3] = std::array::from_fn(|axis| index >> axis & 1);
            let mut corner_weight = 1.0;
            let mut away = inside;
            for axis in 0..3 {
                corner_weight *= if offset[axis] == 1 { weight[axis] } else { 1.0 - weight[axis] };
                away[axis] -= offset[axis] as f32;
            }
            let lattice: [i32; 3] = std::array::from_fn(|axis| corner[axis].wrapping_add(offset[axis] as i32));
            sum += corner_weight * slope(hash(self.seed, lattice), away);
        }
        sum
    }

    /// Two octaves: the field and half of one twice as fine.
    pub fn rough(&self, point: Point) -> f32 {
        let fine = Self { seed: self.seed ^ 0x9e37_79b9, frequency: 2.0 * self.frequency };
        self.at(point) + 0.5 * fine.at(point)
    }
}

/// Weight with vanishing first and second derivatives at both ends.
fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// Scalar product with one of twelve gradients towards the edges of a cube.
fn slope(hash: u32, [x, y, z]: Point) -> f32 {
    let (first, second) = match hash % 3 {
        0 => (x, y),
        1 => (y, z),
        _ => (x, z),
    };
    let sign = |bit: u32, value: f32| if hash >> bit & 1 == 0 { value } else { -value };
    sign(8, first) + sign(9, second)
}

/// Mixes the bits of a lattice point (finaliser of MurmurHash3).
fn hash(seed: u32, lattice: [i32; 3]) -> u32 {
    let mut bits = seed;
    for coordinate in lattice {
        bits ^= coordinate as u32;
        bits = (bits ^ bits >> 16).wrapping_mul(0x85eb_ca6b);
        bits = (bits ^ bits >> 13).wrapping_mul(0xc2b2_ae35);
        bits ^= bits >> 16;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_smooth_bounded_and_not_constant() {
        let field = NoiseField::new(3, 10.0);
        let values: Vec<f32> = (0..4000).map(|step| field.at([0.05 * step as f32, 3.1, -7.7])).collect();
        assert!(values.iter().all(|value| value.abs() <= 1.5));
        assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.05));
        assert!(values.iter().fold(f32::MIN, |a, b| a.max(*b)) > 0.3);
        assert_ne!(field.at([1.0, 2.0, 3.0]), NoiseField::new(4, 10.0).at([1.0, 2.0, 3.0]));
    }
}
