//! An approximate inverse of the damped normal operator, in two parts.

use diph_core::{Error, Result, Space, View, ViewMut, vector};
use diph_fourier::Multiplier;
use num_complex::Complex32;

use crate::circulant::Circulant;
use crate::displacements::Displacements;
use crate::smooth_images::SmoothImages;
use crate::smooth_system::SmoothSystem;
use crate::toeplitz::point_spreads;

const NAME: &str = "mrf-nufft: preconditioner";

/// With the projection P on [smooth images](SmoothImages) and a [circulant](Circulant) C near the normal operator N,
///
/// `M = P (P (N + rho I) P)^-1 P + (I - P) (C + rho I)^-1 (I - P)`.
///
/// Spirals and spokes measure the centre of k-space in every frame, a hundred times more densely than the rest. To a
/// circulant matrix that peak is as wide as a bin of Fourier space and stands on one bin alone, while its tails reach across
/// all of Fourier space and there outweigh what was measured. Smooth images hold the peak together with its tails; few
/// of them suffice, so that N is inverted exactly there. (With coils, up to what the product of a sensitivity and a polynomial
/// has outside of the space.)
///
/// Hermitian and positive definite, as both parts are and the spaces are orthogonal.
pub(crate) struct TwoLevel {
    domain: Space,
    circulant: Circulant,
    smooth: SmoothImages,
    /// N on the smooth images.
    system: SmoothSystem,
}

impl TwoLevel {
    /// From the kernels of the Toeplitz embedding of an operator of this domain, and its coils (coil, y, x).
    pub fn new(domain: &Space, image: [usize; 2], toeplitz: &Multiplier, coil_maps: Option<&[Complex32]>) -> Self {
        let planes = toeplitz.planes();
        let spreads = point_spreads(toeplitz, image[0]);
        let overlap = Displacements::overlap(coil_maps, image, toeplitz.grid());
        let smooth = SmoothImages::new(image);
        let matrix = smooth.normal_matrix(planes, &spreads, coil_maps);
        let system = SmoothSystem::new(&matrix, planes * smooth.len());
        let circulant = Circulant::new(image, planes, &spreads, &overlap);
        Self { domain: domain.clone(), circulant, smooth, system }
    }

    /// `z = M r`.
    pub fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()> {
        if !(rho.is_finite() && rho >= 0.0) {
            return Err(Error::parameter(NAME, "rho", "a number of at least 0", rho));
        }
        let r = self.domain.slice(NAME, "residual", &r)?;
        let z = self.domain.slice_mut(NAME, "output", z)?;
        let mut smooth = self.smooth.analyse(r);
        let mut rest = r.to_vec();
        self.smooth.add(&negative(&smooth), &mut rest);
        self.circulant.solve(rho, &rest, z);
        let leak = self.smooth.analyse(z);
        self.system.solve(rho, &mut smooth);
        vector::add_scaled(&mut smooth, -1.0, &leak);
        self.smooth.add(&smooth, z);
        Ok(())
    }
}

fn negative(values: &[Complex32]) -> Vec<Complex32> {
    values.iter().map(|value| -value).collect()
}
