//! The acquisition operator: forward, adjoint, normal.

use std::path::Path;

use diph_benches::{acquisition, noise};
use diph_core::{ForwardOperator, ImageShape};
use diph_formats::NpzWriter;
use diph_nufft::MrfOperator;
use ndarray::{ArrayD, ArrayView};
use num_complex::Complex32;
use serde::Deserialize;

use crate::{Result, Work};

/// Accuracy of the transform, that of the method files.
const EPS: f64 = 1e-4;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Forward,
    Adjoint,
    Normal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    kind: Kind,
    /// Whether samples are weighted by the density compensation.
    weighted: bool,
}

pub struct Transform {
    operator: MrfOperator,
    kind: Kind,
    input: ArrayD<Complex32>,
    output: ArrayD<Complex32>,
}

impl Transform {
    /// Writes `positions` (frame, sample, 2), `basis`, `weights`, `scale` (the factor in front of the sum) and `input`.
    pub fn new(folder: &Path, options: Options) -> Result<Self> {
        let mut acquisition = acquisition::options(EPS);
        if !options.weighted {
            acquisition.weights = None;
        }
        let scale = acquisition.normalisation.factor(&ImageShape::plane(acquisition.height, acquisition.width));
        let trajectory = &acquisition.trajectory;
        let positions = ArrayView::from_shape((trajectory.frames(), trajectory.samples(), 2), trajectory.as_slice())?;
        let mut problem = NpzWriter::new()
            .with("positions", positions)
            .with("basis", acquisition.basis.view())
            .with("scale", ndarray::aview0(&scale));
        if let Some(weights) = &acquisition.weights {
            problem = problem.with("weights", weights.view());
        }
        let operator = MrfOperator::new(acquisition)?;
        let (images, samples) = (operator.domain().shape(), operator.range().shape());
        let (input, output) = match options.kind {
            Kind::Forward => (noise(&images, 1), ArrayD::zeros(samples)),
            Kind::Adjoint => (noise(&samples, 2), ArrayD::zeros(images)),
            Kind::Normal => (noise(&images, 1), ArrayD::zeros(images)),
        };
        problem.with("input", input.view()).write(folder.join("problem.npz"))?;
        Ok(Self { operator, kind: options.kind, input, output })
    }
}

impl Work for Transform {
    fn run(&mut self) -> Result {
        let (input, output) = (self.input.view(), self.output.view_mut());
        match self.kind {
            Kind::Forward => self.operator.forward(input, output)?,
            Kind::Adjoint => self.operator.adjoint(input, output)?,
            Kind::Normal => self.operator.normal(input, output)?,
        }
        Ok(())
    }

    fn write(&self, path: &Path) -> Result {
        Ok(NpzWriter::new().with("output", self.output.view()).write(path)?)
    }
}
