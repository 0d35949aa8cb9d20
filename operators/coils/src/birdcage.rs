//! Sensitivities of simulated coils.

use std::f64::consts::TAU;

use diph_core::{Error, Result};
use ndarray::Array3;
use num_complex::{Complex32, Complex64};

/// Distance of simulated coils from the centre, in halves of the field of view.
const RING: f64 = 1.5;

/// Sensitivities of `coils` straight conductors on a circle around the image, like the rungs of a birdcage: the
/// transverse field of a conductor at z_c in the complex plane is proportional to 1 / (z - z_c) (Biot and Savart). One
/// coil sees everything alike.
///
/// # Errors
/// [`Error::Parameter`] when there is no coil or no pixel.
pub fn birdcage(coils: usize, height: usize, width: usize) -> Result<Array3<Complex32>> {
    for (count, name) in [(coils, "coils"), (height, "image height"), (width, "image width")] {
        if count == 0 {
            return Err(Error::parameter("birdcage coils", name, "1 or more", count));
        }
    }
    if coils == 1 {
        return Ok(Array3::from_elem((1, height, width), Complex32::from(1.0)));
    }
    // Coordinates from -1 to 1 within the image.
    let place = |r: usize, n: usize| 2.0 * (r as f64 - (n / 2) as f64) / n as f64;
    let field = |coil: usize, z: Complex64| {
        let angle = TAU * coil as f64 / coils as f64;
        Complex64::from_polar(1.0, angle) / (z - Complex64::from_polar(RING, angle))
    };
    let sensitivity = |(coil, y, x): (usize, usize, usize)| {
        let z = Complex64::new(place(x, width), place(y, height));
        let norm = (0..coils).map(|c| field(c, z).norm_sqr()).sum::<f64>().sqrt();
        let value = field(coil, z) / norm;
        Complex32::new(value.re as f32, value.im as f32)
    };
    Ok(Array3::from_shape_fn((coils, height, width), sensitivity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birdcage_is_normalised_and_strongest_near_each_coil() {
        let maps = birdcage(4, 33, 40).unwrap();
        for y in 0..33 {
            for x in 0..40 {
                let energy: f32 = (0..4).map(|coil| maps[[coil, y, x]].norm_sqr()).sum();
                assert!((energy - 1.0).abs() < 1e-5);
            }
        }
        assert!(maps[[0, 16, 39]].norm() > 2.0 * maps[[2, 16, 39]].norm());
        assert!(maps[[1, 32, 20]].norm() > 2.0 * maps[[3, 32, 20]].norm());
        assert!(birdcage(0, 4, 4).is_err());
        assert_eq!(birdcage(1, 2, 2).unwrap()[[0, 1, 1]], Complex32::from(1.0));
    }
}
