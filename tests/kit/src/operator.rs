//! Laws of linear operators.

use diph_core::{Error, ForwardOperator, Result, Rng, View, ViewMut};
use ndarray::{ArrayD, Axis, Dimension};
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};

use crate::guarded::Guarded;
use crate::laws::Laws;
use crate::random::{distance, dot, finite, norm, normal, relative};
use crate::{Limits, Report, Unwatched, Watch, same};

const DRAWS: u64 = 3;
/// Complex numbers of a space, beyond which trying laws would fill the memory.
const LARGEST: f64 = 16e6;
/// Regularisations to try.
const RHOS: [f32; 2] = [0.1, 2.0];

/// Tries every law of a linear operator on random images drawn from `seed`.
pub fn check_operator(operator: &dyn ForwardOperator, seed: u64) -> Report {
    watch_operator(operator, seed, &mut Unwatched)
}

/// As [`check_operator`]; `watch` hears of every law.
pub fn watch_operator(operator: &dyn ForwardOperator, seed: u64, watch: &mut dyn Watch) -> Report {
    let (operator, limits) = (Probe { operator, seed }, Limits::default());
    let mut laws = Laws::new(watch);
    laws.measure("small enough to try", LARGEST, || Ok(operator.numbers()));
    if operator.numbers() > LARGEST {
        return laws.report(operator.operator.name());
    }
    laws.holds("finite results", || operator.finite());
    laws.holds("zeros give zeros", || operator.zeros());
    laws.explained("adjointness", limits.adjointness, || operator.adjointness());
    laws.measure("linearity", limits.linearity, || worst(|draw| operator.linearity(draw)));
    laws.measure("normal = adjoint of forward", limits.normal, || worst(|draw| operator.normal_error(draw)));
    laws.holds("a wrong shape is refused", || Ok(operator.refuses_wrong_shape()));
    laws.holds("data weights fit the range", || operator.weights_fit());
    if operator.operator.regularised_inverse().is_some() {
        laws.measure("regularised inverse: residual", limits.inverse, || worst(|draw| operator.inverse_residual(draw)));
    }
    if operator.operator.preconditioner().is_some() {
        laws.measure("preconditioner: Hermitian", limits.adjointness, || worst(|draw| operator.asymmetry(draw)));
        laws.holds("preconditioner: positive", || operator.positive());
        laws.measure("preconditioner: linear", limits.linearity, || {
            worst(|draw| operator.preconditioner_linearity(draw))
        });
        laws.measure("preconditioner: symbol = diagonal of normal", limits.normal, || {
            worst(|draw| operator.symbol_error(draw))
        });
    }
    let draw = |input| (operator.image(input), operator.samples(input));
    same::checks(&mut laws, draw, |(image, samples)| operator.everything(image, samples));
    laws.report(operator.operator.name())
}

struct Probe<'a> {
    operator: &'a dyn ForwardOperator,
    seed: u64,
}

/// Largest error of several draws; a NaN stays one.
fn worst(error: impl Fn(u64) -> Result<f64>) -> Result<f64> {
    (0..DRAWS).try_fold(0f64, |worst, draw| {
        let error = error(draw)?;
        Ok(if error > worst || error.is_nan() { error } else { worst })
    })
}

impl Probe<'_> {
    /// Complex numbers of its larger space.
    fn numbers(&self) -> f64 {
        self.operator.domain().len().max(self.operator.range().len()) as f64
    }

    fn image(&self, draw: u64) -> ArrayD<Complex32> {
        normal(&self.operator.domain().shape(), self.seed.wrapping_add(2 * draw))
    }

    fn samples(&self, draw: u64) -> ArrayD<Complex32> {
        normal(&self.operator.range().shape(), self.seed.wrapping_add(2 * draw + 1))
    }

    fn forward(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let (operator, shape) = (self.operator, self.operator.range().shape());
        self.call("forward", x, &shape, |x, y| operator.forward(x, y))
    }

    fn adjoint(&self, y: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let (operator, shape) = (self.operator, self.operator.domain().shape());
        self.call("adjoint", y, &shape, |y, x| operator.adjoint(y, x))
    }

    fn normal(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let (operator, shape) = (self.operator, self.operator.domain().shape());
        self.call("normal", x, &shape, |x, out| operator.normal(x, out))
    }

    /// One call, in which the result is guarded and the input must stay as it is.
    fn call(
        &self,
        name: &str,
        input: &ArrayD<Complex32>,
        shape: &[usize],
        map: impl FnOnce(View<'_>, ViewMut<'_>) -> Result<()>,
    ) -> Result<ArrayD<Complex32>> {
        let operation = format!("{}: {name}", self.operator.name());
        let (lent, mut result) = (Guarded::lent(input), Guarded::new(shape));
        map(lent.view()?, result.view_mut()?)?;
        lent.check_untouched(&operation, input)?;
        result.finish(&operation)
    }

    fn zeros(&self) -> Result<bool> {
        let (x, y) = (self.operator.domain().zeros(), self.operator.range().zeros());
        let results = [self.forward(&x)?, self.adjoint(&y)?, self.normal(&x)?];
        Ok(results.iter().flatten().all(|value| *value == Complex32::ZERO))
    }

    /// Largest `|<Ax, y> - <x, A^H y>| / (|Ax||y| + |x||A^H y|)`, and the likely cause.
    fn adjointness(&self) -> Result<(f64, Option<String>)> {
        let mut all = Vec::new();
        for draw in 0..DRAWS {
            let (x, y) = (self.image(draw), self.samples(draw));
            let (ax, ahy) = (self.forward(&x)?, self.adjoint(&y)?);
            let scale = norm(&ax) * norm(&y) + norm(&x) * norm(&ahy);
            let (left, right) = (dot(&ax, &y), dot(&x, &ahy));
            all.push((left, right, relative((left - right).norm(), scale)));
        }
        let error = all.iter().fold(0f64, |worst, (.., e)| if *e > worst || e.is_nan() { *e } else { worst });
        Ok((error, Some(self.cause(&all)?)))
    }

    /// What most likely makes `<Ax, y>` differ from `<x, A^H y>`.
    fn cause(&self, products: &[(Complex64, Complex64, f64)]) -> Result<String> {
        let ratios: Vec<Complex64> = products.iter().map(|(left, right, _)| left / right).collect();
        let first = ratios[0];
        let said = format!("<Ax, y> / <x, A^H y> = {:.4}{:+.4}i in the first draw", first.re, first.im);
        let constant = ratios.iter().all(|ratio| (ratio - first).norm() < 1e-3 * first.norm());
        if constant && first.im.abs() < 1e-3 * first.re.abs() {
            return Ok(format!("{said}, the same in every draw: the adjoint lacks a factor of {:.4}", first.re));
        }
        if constant {
            return Ok(format!("{said}, the same in every draw: a complex factor is not conjugated in the adjoint"));
        }
        if let Some((axis, steps)) = self.shift()? {
            return Ok(format!("{said}: the adjoint is shifted by {steps} along axis {axis} of the image"));
        }
        // Random images: the products of a wrong conjugation have nothing to do with each other.
        Ok(format!("{said}, another one in every draw: a conjugate, a transposition or an index differs"))
    }

    /// Whether the adjoint of `A x` peaks one step away from where it should: correlates `A^H A u` with shifted `u`.
    fn shift(&self) -> Result<Option<(usize, isize)>> {
        let x = self.image(0);
        let back = self.adjoint(&self.forward(&x)?)?;
        let here = dot(&x, &back).norm();
        let moved = |axis: usize, steps: isize| {
            let length = x.shape()[axis] as isize;
            let mut shifted = x.clone();
            for (mut to, index) in shifted.axis_iter_mut(Axis(axis)).zip(0..) {
                to.assign(&x.index_axis(Axis(axis), (index - steps).rem_euclid(length) as usize));
            }
            dot(&shifted, &back).norm()
        };
        let candidates = (1..x.ndim()).flat_map(|axis| [(axis, 1), (axis, -1)]);
        let best = candidates.map(|(axis, steps)| (moved(axis, steps), axis, steps)).max_by(|a, b| a.0.total_cmp(&b.0));
        Ok(best.filter(|(found, ..)| *found > 2.0 * here).map(|(_, axis, steps)| (axis, steps)))
    }

    /// `|A(a x + u) - a A x - A u| / (|a A x| + |A u|)` for a complex a.
    fn linearity(&self, draw: u64) -> Result<f64> {
        let a = Complex32::new(0.6, -1.3);
        let (x, u) = (self.image(draw), self.image(draw + DRAWS));
        let (ax, au) = (self.forward(&x)?.mapv(|value| a * value), self.forward(&u)?);
        let together = self.forward(&(x.mapv(|value| a * value) + &u))?;
        Ok(relative(distance(&together, &(&ax + &au)), norm(&ax) + norm(&au)))
    }

    fn normal_error(&self, draw: u64) -> Result<f64> {
        let x = self.image(draw);
        let composed = self.adjoint(&self.forward(&x)?)?;
        Ok(relative(distance(&self.normal(&x)?, &composed), norm(&composed)))
    }

    /// `|(A^H A + rho I) x - b| / |b|` with x from the regularised inverse.
    fn inverse_residual(&self, draw: u64) -> Result<f64> {
        let b = self.image(draw);
        RHOS.iter().try_fold(0f64, |worst, rho| {
            let mut x = ArrayD::from_elem(b.raw_dim(), Complex32::new(3.0, -2.0));
            let inverse = self.operator.regularised_inverse().ok_or_else(|| self.withdrawn())?;
            inverse.solve(*rho, b.view(), x.view_mut())?;
            let back = self.normal(&x)? + x.mapv(|value| value * *rho);
            let error = relative(distance(&back, &b), norm(&b));
            Ok(if error > worst || error.is_nan() { error } else { worst })
        })
    }

    fn precondition(&self, rho: f32, r: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let mut z = ArrayD::from_elem(r.raw_dim(), Complex32::new(3.0, -2.0));
        let preconditioner = self.operator.preconditioner().ok_or_else(|| self.withdrawn())?;
        preconditioner.apply(rho, r.view(), z.view_mut())?;
        Ok(z)
    }

    fn withdrawn(&self) -> Error {
        Error::external(self.operator.name(), "what the operator had is gone")
    }

    /// `|<M r, s> - <r, M s>| / (|M r||s| + |r||M s|)`.
    fn asymmetry(&self, draw: u64) -> Result<f64> {
        let (r, s) = (self.image(draw), self.image(draw + DRAWS));
        let (mr, ms) = (self.precondition(RHOS[0], &r)?, self.precondition(RHOS[0], &s)?);
        Ok(relative((dot(&mr, &s) - dot(&r, &ms)).norm(), norm(&mr) * norm(&s) + norm(&r) * norm(&ms)))
    }

    /// `<r, M r> > 0` for every draw.
    fn positive(&self) -> Result<bool> {
        (0..DRAWS).try_fold(true, |all, draw| {
            let r = self.image(draw);
            Ok(all && dot(&r, &self.precondition(RHOS[0], &r)?).re > 0.0)
        })
    }

    /// `|M(a r + s) - a M r - M s| / (|a M r| + |M s|)` for a complex a.
    fn preconditioner_linearity(&self, draw: u64) -> Result<f64> {
        let a = Complex32::new(0.6, -1.3);
        let (r, s) = (self.image(draw), self.image(draw + DRAWS));
        let (mr, ms) = (self.precondition(RHOS[1], &r)?.mapv(|value| a * value), self.precondition(RHOS[1], &s)?);
        let together = self.precondition(RHOS[1], &(r.mapv(|value| a * value) + &s))?;
        Ok(relative(distance(&together, &(&mr + &ms)), norm(&mr) + norm(&ms)))
    }

    /// `|C_jl(k) - <f_k e_j, A^H A f_k e_l>|` over all j, relative to `|A^H A f_k e_l|`, with the symbol C, for a random frequency k
    /// and coefficient l; 0 without a symbol, infinite for one of another shape.
    fn symbol_error(&self, draw: u64) -> Result<f64> {
        let preconditioner = self.operator.preconditioner().ok_or_else(|| self.withdrawn())?;
        let Some(symbol) = preconditioner.symbol()? else { return Ok(0.0) };
        let domain = self.operator.domain().shape();
        if symbol.shape() != [&domain[..1], &domain].concat() {
            return Ok(f64::INFINITY);
        }
        let mut rng = Rng::seed_from_u64(self.seed.wrapping_add(draw));
        let place: Vec<usize> = domain.iter().map(|length| rng.random_range(0..*length)).collect();
        let (l, frequency) = (place[0], &place[1..]);
        let pixels: usize = domain[1..].iter().product();
        let image = ArrayD::from_shape_fn(domain.as_slice(), |index| {
            let index = index.slice();
            let turns: f64 = (index[1..].iter().zip(frequency).zip(&domain[1..]))
                .map(|((r, k), length)| (r * k % length) as f64 / *length as f64)
                .sum();
            let value = Complex64::from_polar(1.0 / (pixels as f64).sqrt(), std::f64::consts::TAU * turns);
            if index[0] == l { Complex32::new(value.re as f32, value.im as f32) } else { Complex32::ZERO }
        });
        let harmonic = image.index_axis(Axis(0), l).to_owned();
        let seen = self.normal(&image)?;
        let error = |(j, part): (usize, View<'_>)| {
            let entry: Vec<usize> = [&[j, l], frequency].concat();
            (dot(&harmonic, &part.to_owned()) - f64::from(symbol[&entry[..]])).norm()
        };
        let largest = seen.outer_iter().enumerate().map(error).fold(0.0, f64::max);
        Ok(relative(largest, norm(&seen)))
    }

    fn finite(&self) -> Result<bool> {
        let x = self.image(0);
        Ok(finite(&self.forward(&x)?) && finite(&self.adjoint(&self.samples(0))?) && finite(&self.normal(&x)?))
    }

    fn refuses_wrong_shape(&self) -> bool {
        let mut shape = self.operator.domain().shape();
        shape.push(2);
        let wrong = ArrayD::zeros(shape);
        self.operator.forward(wrong.view(), self.operator.range().zeros().view_mut()).is_err()
    }

    fn weights_fit(&self) -> Result<bool> {
        let Some(roots) = self.operator.data_weights()? else { return Ok(true) };
        Ok(roots.shape() == self.operator.range().shape() && roots.iter().all(|root| root.is_finite() && *root >= 0.0))
    }

    /// Results of all three maps, one after another. Without guards, which take longer than a small operator: threads would
    /// hardly ever be inside of it at once.
    fn everything(&self, x: &ArrayD<Complex32>, samples: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let operator = self.operator;
        let (mut y, mut back, mut normal) =
            (operator.range().zeros(), operator.domain().zeros(), operator.domain().zeros());
        operator.forward(x.view(), y.view_mut())?;
        operator.adjoint(samples.view(), back.view_mut())?;
        operator.normal(x.view(), normal.view_mut())?;
        let values: Vec<Complex32> = y.iter().chain(&back).chain(&normal).copied().collect();
        Ok(ndarray::Array1::from(values).into_dyn())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diph_core::{ImageShape, Preconditioner, RegularisedInverse, Space};

    use super::*;
    use crate::{dense_difference, dense_matrix};

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        Adjoint,
        NotLinear,
        Normal,
        NotANumber,
        AnyShape,
        Weights,
        Inverse,
        NotHermitian,
        NotPositive,
        NotLinearPreconditioner,
        Symbol,
        Forgetful,
        Shared,
    }

    /// Multiplies by i and reverses, with a fault.
    struct Reverse {
        image: Space,
        fault: Fault,
        calls: AtomicUsize,
        running: AtomicUsize,
    }

    impl Reverse {
        fn new(fault: Fault) -> Self {
            Self {
                image: Space::image(2, &ImageShape::plane(3, 5)),
                fault,
                calls: AtomicUsize::new(0),
                running: AtomicUsize::new(0),
            }
        }

        fn apply(&self, factor: Complex32, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
            if self.fault != Fault::AnyShape {
                self.image.check("reverse", "input", x.shape())?;
            }
            let running = self.running.fetch_add(1, Ordering::SeqCst);
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            let values: Vec<Complex32> = x.iter().copied().collect();
            for (out, value) in y.iter_mut().zip(values.iter().rev()) {
                *out = factor * value;
                match self.fault {
                    Fault::NotLinear => *out += value * value.norm() * 0.01,
                    Fault::NotANumber => out.re = f32::NAN,
                    Fault::Forgetful => *out *= 1.0 + call as f32 * 1e-3,
                    _ => {}
                }
            }
            if self.fault == Fault::Shared {
                // Stands for scratch memory that several threads write to at once.
                std::thread::sleep(std::time::Duration::from_millis(5));
                y.mapv_inplace(|value| value * (1.0 + running as f32));
            }
            self.running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    }

    impl ForwardOperator for Reverse {
        fn name(&self) -> &str {
            "reverse"
        }

        fn domain(&self) -> &Space {
            &self.image
        }

        fn range(&self) -> &Space {
            &self.image
        }

        fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
            self.apply(Complex32::I, x, y)
        }

        fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
            let sign = if self.fault == Fault::Adjoint { 1.0 } else { -1.0 };
            self.apply(Complex32::I * sign, y, x)
        }

        fn normal(&self, x: View<'_>, mut out: ViewMut<'_>) -> Result<()> {
            self.image.check("reverse: normal", "image", x.shape())?;
            out.assign(&x);
            if self.fault == Fault::Normal {
                out.mapv_inplace(|value| value * 1.01);
            }
            Ok(())
        }

        fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
            Some(self)
        }

        fn preconditioner(&self) -> Option<&dyn Preconditioner> {
            Some(self)
        }

        fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
            Ok((self.fault == Fault::Weights).then(|| ArrayD::ones(vec![3])))
        }
    }

    impl RegularisedInverse for Reverse {
        fn solve(&self, rho: f32, b: View<'_>, mut x: ViewMut<'_>) -> Result<()> {
            x.assign(&b);
            let factor = if self.fault == Fault::Inverse { 1.001 } else { 1.0 };
            x.mapv_inplace(|value| value * (factor / (1.0 + rho)));
            Ok(())
        }
    }

    impl Preconditioner for Reverse {
        fn apply(&self, rho: f32, r: View<'_>, mut z: ViewMut<'_>) -> Result<()> {
            z.assign(&r);
            let factor = match self.fault {
                Fault::NotHermitian => Complex32::new(1.0, 0.1),
                Fault::NotPositive => Complex32::from(-1.0),
                _ => Complex32::ONE,
            };
            let bend = if self.fault == Fault::NotLinearPreconditioner { 0.01 } else { 0.0 };
            z.mapv_inplace(|value| factor * value * ((1.0 + bend * value.norm()) / (1.0 + rho)));
            Ok(())
        }

        /// That of the identity.
        fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
            let diagonal = if self.fault == Fault::Symbol { 1.001 } else { 1.0 };
            let entry = |index: ndarray::IxDyn| if index[0] == index[1] { diagonal } else { 0.0 };
            Ok(Some(ArrayD::from_shape_fn(vec![2, 2, 3, 5], entry)))
        }
    }

    #[test]
    fn a_lawful_operator_passes() {
        let report = check_operator(&Reverse::new(Fault::None), 1);
        assert!(report.passed(), "{report}");
    }

    #[test]
    fn every_law_catches_its_fault() {
        for (fault, law) in [
            (Fault::Adjoint, "adjointness"),
            (Fault::NotLinear, "linearity"),
            (Fault::Normal, "normal = adjoint of forward"),
            (Fault::NotANumber, "finite results"),
            (Fault::AnyShape, "a wrong shape is refused"),
            (Fault::Weights, "data weights fit the range"),
            (Fault::Inverse, "regularised inverse: residual"),
            (Fault::NotHermitian, "preconditioner: Hermitian"),
            (Fault::NotPositive, "preconditioner: positive"),
            (Fault::NotLinearPreconditioner, "preconditioner: linear"),
            (Fault::Symbol, "preconditioner: symbol = diagonal of normal"),
            (Fault::Forgetful, "determinism"),
            (Fault::Shared, "thread safety"),
        ] {
            let report = check_operator(&Reverse::new(fault), 1);
            assert!(report.breaks(law), "{law} holds:\n{report}");
        }
    }

    #[test]
    fn the_matrix_is_the_operator() {
        let operator = Reverse::new(Fault::None);
        let mut expected = dense_matrix(&operator).unwrap();
        assert_eq!(expected[(29, 0)], Complex32::I);
        assert_eq!(expected.iter().filter(|value| value.norm() > 0.0).count(), 30);
        assert_eq!(dense_difference(&operator, &expected).unwrap(), 0.0);
        expected[(3, 4)].re = 0.5;
        assert_eq!(dense_difference(&operator, &expected).unwrap(), 0.5);
    }
}
