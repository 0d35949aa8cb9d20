//! Laws of preconditioners.

use std::f64::consts::TAU;

use diph_core::{Error, ForwardOperator, Result};
use ndarray::{ArrayD, Axis};
use num_complex::{Complex32, Complex64};

use crate::probes::{distance, dot, norm, normal, relative};
use crate::report::worst;
use crate::{Check, Limits};

/// Random inputs that every law is tried on.
const DRAWS: u64 = 3;
/// Regularisations to try.
pub(crate) const RHOS: [f32; 2] = [0.1, 2.0];

/// The laws of an operator's preconditioner; none where it has none.
pub(crate) fn checks(operator: &dyn ForwardOperator, seed: u64, limits: &Limits) -> Vec<Check> {
    if operator.preconditioner().is_none() {
        return Vec::new();
    }
    let probe = Probe { operator, seed };
    vec![
        Check::new("preconditioner: Hermitian", limits.adjointness, || worst(0..DRAWS, |draw| probe.asymmetry(draw))),
        Check::holds("preconditioner: positive", || probe.positive()),
        Check::new("preconditioner: linear", limits.linearity, || worst(0..DRAWS, |draw| probe.non_linearity(draw))),
        Check::new("preconditioner: what its symbol says", limits.inverse, || {
            worst(0..DRAWS, |draw| probe.symbol_error(draw))
        }),
    ]
}

/// The error of an operator that takes back an extension that it had.
pub(crate) fn withdrawn(operator: &dyn ForwardOperator) -> Error {
    Error::external(operator.name(), "what the operator had is gone")
}

struct Probe<'a> {
    operator: &'a dyn ForwardOperator,
    seed: u64,
}

impl Probe<'_> {
    fn image(&self, draw: u64) -> ArrayD<Complex32> {
        normal(&self.operator.domain().shape(), self.seed.wrapping_add(2 * draw))
    }

    fn apply(&self, rho: f32, r: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        // Outputs hold arbitrary values on entry.
        let mut z = ArrayD::from_elem(r.raw_dim(), Complex32::new(3.0, -2.0));
        let preconditioner = self.operator.preconditioner().ok_or_else(|| withdrawn(self.operator))?;
        preconditioner.apply(rho, r.view(), z.view_mut())?;
        Ok(z)
    }

    /// `|<M r, s> - <r, M s>| / (|M r||s| + |r||M s|)`.
    fn asymmetry(&self, draw: u64) -> Result<f64> {
        let (r, s) = (self.image(draw), self.image(draw + DRAWS));
        let (mr, ms) = (self.apply(RHOS[0], &r)?, self.apply(RHOS[0], &s)?);
        Ok(relative((dot(&mr, &s) - dot(&r, &ms)).norm(), norm(&mr) * norm(&s) + norm(&r) * norm(&ms)))
    }

    /// `<r, M r> > 0` for every draw.
    fn positive(&self) -> Result<bool> {
        (0..DRAWS).try_fold(true, |all, draw| {
            let r = self.image(draw);
            Ok(all && dot(&r, &self.apply(RHOS[0], &r)?).re > 0.0)
        })
    }

    /// `|M(a r + s) - a M r - M s| / (|a M r| + |M s|)` for a complex a.
    fn non_linearity(&self, draw: u64) -> Result<f64> {
        let a = Complex32::new(0.6, -1.3);
        let (r, s) = (self.image(draw), self.image(draw + DRAWS));
        let (mr, ms) = (self.apply(RHOS[1], &r)?.mapv(|value| a * value), self.apply(RHOS[1], &s)?);
        let together = self.apply(RHOS[1], &(r.mapv(|value| a * value) + &s))?;
        Ok(relative(distance(&together, &(&mr + &ms)), norm(&mr) + norm(&ms)))
    }

    /// `|c (C + rho I) F M r - F r| / |F r|` with the symbol C, the discrete Fourier transform F and the factor c that fits best;
    /// 0 without a symbol, infinite for one of another shape.
    fn symbol_error(&self, draw: u64) -> Result<f64> {
        let preconditioner = self.operator.preconditioner().ok_or_else(|| withdrawn(self.operator))?;
        let Some(symbol) = preconditioner.symbol()? else { return Ok(0.0) };
        let r = self.image(draw);
        let coefficients = r.shape()[0];
        if symbol.shape() != [&[coefficients], r.shape()].concat() {
            return Ok(f64::INFINITY);
        }
        worst(RHOS, |rho| {
            let (spectrum, image) = (fourier(&self.apply(rho, &r)?), fourier(&r));
            let mut back = spectrum.mapv(|value| value * f64::from(rho));
            for (k, mut out) in back.outer_iter_mut().enumerate() {
                for (l, part) in spectrum.outer_iter().enumerate() {
                    let entries = symbol.index_axis(Axis(0), k);
                    let entries = entries.index_axis(Axis(0), l);
                    out.iter_mut().zip(&part).zip(&entries).for_each(|((out, z), c)| *out += z * f64::from(*c));
                }
            }
            let inner: f64 = back.iter().zip(&image).map(|(a, b)| (a.conj() * b).re).sum();
            let square: f64 = back.iter().map(Complex64::norm_sqr).sum();
            let factor = if square > 0.0 { inner / square } else { 0.0 };
            let difference: f64 = back.iter().zip(&image).map(|(a, b)| (a * factor - b).norm_sqr()).sum();
            let size: f64 = image.iter().map(Complex64::norm_sqr).sum();
            Ok(relative(difference.sqrt(), size.sqrt()))
        })
    }
}

/// The discrete Fourier transform over all axes but the leading one, by its definition: what is checked is small.
fn fourier(image: &ArrayD<Complex32>) -> ArrayD<Complex64> {
    let mut out = image.mapv(|value| Complex64::new(f64::from(value.re), f64::from(value.im)));
    for axis in 1..out.ndim() {
        let length = out.len_of(Axis(axis));
        let turn = |steps: usize| Complex64::cis(-TAU * (steps % length) as f64 / length as f64);
        for mut lane in out.lanes_mut(Axis(axis)) {
            let values = lane.to_vec();
            for (frequency, out) in lane.iter_mut().enumerate() {
                *out = values.iter().enumerate().map(|(at, value)| value * turn(frequency * at)).sum();
            }
        }
    }
    out
}
