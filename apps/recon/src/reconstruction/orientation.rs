//! Whether the trajectory is turned or mirrored against the coil sensitivities.

use std::fmt;

use diph_core::{ForwardOperator, Result};
use diph_datasets::Columns;
use diph_plugin_host::Registry;
use ndarray::ArrayView3;
use num_complex::Complex32;

use super::Parts;
use crate::acquisition::Acquisition;
use crate::method::Method;

/// How much more energy the adjoint image of another convention must have: coils that see nearly the same differ by less.
const TELLING: f64 = 1.1;

/// A convention of the trajectory that fits the coil sensitivities better than the one that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct BetterOrientation {
    /// The columns as they were taken.
    pub given: Columns,
    /// The columns that fit better.
    pub better: Columns,
    /// Energy of the adjoint image with the better ones, as a multiple of that with the given ones.
    pub ratio: f64,
}

impl BetterOrientation {
    /// Compares the adjoint images of the eight ways to turn and mirror a plane, and gives the best where it is better than the given
    /// one by a tenth of the energy.
    ///
    /// Images of several coils add up where their sensitivities lie as they did in the measurement, and cancel elsewhere. Without
    /// sensitivities, or with one coil, all eight have the same energy, being mirror images of each other, and nothing can be told;
    /// nor for volumes, and for images that are not square, which lose a part when they are turned.
    ///
    /// # Errors
    /// When the operator of the method cannot be made or fails.
    pub fn find(
        registry: &Registry,
        method: &Method,
        acquisition: &Acquisition,
        kspace: ArrayView3<'_, Complex32>,
        columns: &Columns,
    ) -> Result<Option<Self>> {
        let is_square = matches!(acquisition.image.lengths(), [height, width] if height == width);
        if !is_square || acquisition.known_coils().is_none_or(|coils| coils < 2) {
            return Ok(None);
        }
        let mut energies = Vec::with_capacity(8);
        for convention in columns.conventions() {
            let trajectory = columns.turned(&convention, &acquisition.trajectory);
            let turned = Acquisition { trajectory, ..acquisition.clone() };
            let operator = Parts::density_compensated_operator(registry, method, &turned)?;
            energies.push((convention, energy(&*operator, kspace)?));
        }
        let Some((_, own)) = energies.first().cloned() else { return Ok(None) };
        let best = energies.into_iter().max_by(|one, other| one.1.total_cmp(&other.1));
        let better = best.filter(|(_, energy)| own > 0.0 && *energy > TELLING * own);
        Ok(better.map(|(better, energy)| Self { given: columns.clone(), better, ratio: energy / own }))
    }
}

impl fmt::Display for BetterOrientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the trajectory fits the coil sensitivities better with the columns {} than with {}: the adjoint image has {:.2} times \
             the energy",
            self.better, self.given, self.ratio
        )
    }
}

/// Energy of the adjoint image.
fn energy(operator: &dyn ForwardOperator, kspace: ArrayView3<'_, Complex32>) -> Result<f64> {
    let mut samples = kspace.into_dyn().as_standard_layout().into_owned();
    operator.range().check("orientation", "k-space", samples.shape())?;
    if let Some(weights) = operator.data_weights()? {
        samples.zip_mut_with(&weights, |sample, weight| *sample *= *weight);
    }
    let mut image = operator.domain().zeros();
    operator.adjoint(samples.view(), image.view_mut())?;
    Ok(image.iter().map(|value| f64::from(value.norm_sqr())).sum())
}
