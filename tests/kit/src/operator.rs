//! Laws of linear operators.

use diph_core::{ForwardOperator, Result};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::preconditioner::{RHOS, withdrawn};
use crate::probes::{distance, dot, finite, norm, normal, relative};
use crate::report::worst;
use crate::{Check, Limits, Report, preconditioner, same};

/// Random inputs that every law is tried on.
const DRAWS: u64 = 3;

/// Tries every law of a linear operator on random images drawn from `seed`.
pub fn check_operator(operator: &dyn ForwardOperator, seed: u64) -> Report {
    check_operator_within(operator, seed, &Limits::default())
}

/// As [`check_operator`], with other limits.
pub fn check_operator_within(operator: &dyn ForwardOperator, seed: u64, limits: &Limits) -> Report {
    let operator = Probe { operator, seed };
    let mut checks = vec![
        Check::new("adjointness", limits.adjointness, || worst(0..DRAWS, |draw| operator.adjointness(draw))),
        Check::new("linearity", limits.linearity, || worst(0..DRAWS, |draw| operator.linearity(draw))),
        Check::new("normal = adjoint of forward", limits.normal, || {
            worst(0..DRAWS, |draw| operator.normal_error(draw))
        }),
        Check::holds("finite results", || operator.finite()),
        Check::holds("a wrong shape is refused", || Ok(operator.refuses_wrong_shape())),
        Check::holds("data weights fit the range", || operator.weights_fit()),
    ];
    if operator.operator.regularised_inverse().is_some() {
        checks.push(Check::new("regularised inverse: residual", limits.inverse, || {
            worst(0..DRAWS, |draw| operator.inverse_residual(draw))
        }));
    }
    checks.extend(preconditioner::checks(operator.operator, seed, limits));
    checks.extend(same::checks(|| operator.everything()));
    Report { component: operator.operator.name().into(), checks }
}

struct Probe<'a> {
    operator: &'a dyn ForwardOperator,
    seed: u64,
}

impl Probe<'_> {
    fn image(&self, draw: u64) -> ArrayD<Complex32> {
        normal(&self.operator.domain().shape(), self.seed.wrapping_add(2 * draw))
    }

    fn samples(&self, draw: u64) -> ArrayD<Complex32> {
        normal(&self.operator.range().shape(), self.seed.wrapping_add(2 * draw + 1))
    }

    fn forward(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        // Outputs hold arbitrary values on entry: an operator that adds to them is caught.
        let mut y = self.operator.range().zeros();
        y.fill(Complex32::new(3.0, -2.0));
        self.operator.forward(x.view(), y.view_mut())?;
        Ok(y)
    }

    fn adjoint(&self, y: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let mut x = self.operator.domain().zeros();
        x.fill(Complex32::new(3.0, -2.0));
        self.operator.adjoint(y.view(), x.view_mut())?;
        Ok(x)
    }

    fn normal(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let mut out = self.operator.domain().zeros();
        out.fill(Complex32::new(3.0, -2.0));
        self.operator.normal(x.view(), out.view_mut())?;
        Ok(out)
    }

    /// `|<Ax, y> - <x, A^H y>| / (|Ax||y| + |x||A^H y|)`.
    fn adjointness(&self, draw: u64) -> Result<f64> {
        let (x, y) = (self.image(draw), self.samples(draw));
        let (ax, ahy) = (self.forward(&x)?, self.adjoint(&y)?);
        let scale = norm(&ax) * norm(&y) + norm(&x) * norm(&ahy);
        Ok(relative((dot(&ax, &y) - dot(&x, &ahy)).norm(), scale))
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
        worst(RHOS, |rho| {
            let mut x = ArrayD::from_elem(b.raw_dim(), Complex32::new(3.0, -2.0));
            let inverse = self.operator.regularised_inverse().ok_or_else(|| withdrawn(self.operator))?;
            inverse.solve(rho, b.view(), x.view_mut())?;
            let back = self.normal(&x)? + x.mapv(|value| value * rho);
            Ok(relative(distance(&back, &b), norm(&b)))
        })
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

    /// Results of all three maps, one after another.
    fn everything(&self) -> Result<ArrayD<Complex32>> {
        let x = self.image(0);
        let (y, back, normal) = (self.forward(&x)?, self.adjoint(&self.samples(0))?, self.normal(&x)?);
        let values: Vec<Complex32> = y.iter().chain(&back).chain(&normal).copied().collect();
        Ok(ndarray::Array1::from(values).into_dyn())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diph_core::{ImageShape, Preconditioner, RegularisedInverse, Space, View, ViewMut};

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
        SymbolShape,
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

        /// `A^H A = I` at every frequency.
        fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
            let shape = if self.fault == Fault::SymbolShape { [2, 2, 5, 3] } else { [2, 2, 3, 5] };
            let mut symbol = ArrayD::from_shape_fn(shape.to_vec(), |at| if at[0] == at[1] { 1.0 } else { 0.0 });
            if self.fault == Fault::Symbol {
                symbol[[1, 1, 0, 2]] = 1.1;
            }
            Ok(Some(symbol))
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
            (Fault::Symbol, "preconditioner: what its symbol says"),
            (Fault::SymbolShape, "preconditioner: what its symbol says"),
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
