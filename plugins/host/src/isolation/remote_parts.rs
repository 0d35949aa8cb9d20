//! Operators, priors, projectors and estimators in the process of a worker. They refuse what does not fit before it goes there, and
//! check what comes back, as parts in the host's own process do.

use std::collections::BTreeMap;

use diph_core::{
    Error, Estimator, ForwardOperator, GaussianRoot, ImageShape, NoiseSchedule, Parameter, ParameterMaps,
    PhysicsProjector, Preconditioner, Prior, PriorContext, RegularisedInverse, Result, Space, SpatialAxes, View,
    ViewMut,
};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::RemotePart;
use super::message::{Answer, Call, Context, Generator, Map, PartFacts, TensorForm, entry, schedule_entry};
use super::remote_part::{bytes, bytes_of_mut, check_finite, not_contiguous, space, values_mut};
use crate::estimator::{check_results, wanted};
use crate::requirements::{axes_from, axes_numbers};

/// An operator in the process of a worker.
pub(crate) struct RemoteOperator {
    part: RemotePart,
    domain: Space,
    range: Space,
    has_inverse: bool,
    has_preconditioner: bool,
}

impl RemoteOperator {
    pub(crate) fn new(part: RemotePart) -> Result<Self> {
        let Some(PartFacts::Operator { domain, range, has_inverse, has_preconditioner }) = part.facts() else {
            return Err(part.nonsense());
        };
        let (has_inverse, has_preconditioner) = (*has_inverse, *has_preconditioner);
        let (Some(domain), Some(range)) = (space(domain), space(range)) else { return Err(part.nonsense()) };
        Ok(Self { part, domain, range, has_inverse, has_preconditioner })
    }

    fn map(&self, name: &str, map: Map, from: (&Space, View<'_>), to: (&Space, ViewMut<'_>)) -> Result<()> {
        let operation = self.part.operation(name);
        from.0.check(&operation, "input", from.1.shape())?;
        to.0.check(&operation, "result", to.1.shape())?;
        let forms = [TensorForm::complex(from.1.shape()), TensorForm::complex(to.1.shape())];
        let result = values_mut(&operation, "result", to.1)?;
        let inputs = [bytes(&operation, "input", &from.1)?];
        self.part.run(name, Call::Map(map), &forms, &inputs, vec![bytes_of_mut(result)])?;
        check_finite(&operation, "result", result)
    }

    /// Real values that the part may have.
    fn reals(&self, name: &str, call: Call, shape: Vec<usize>) -> Result<Option<ArrayD<f32>>> {
        let mut values = vec![0f32; shape.iter().product()];
        let forms = [TensorForm::real(&shape)];
        match self.part.call(name, call, &forms, &[], vec![bytes_of_mut(&mut values)])? {
            Answer::Present(true) => {}
            Answer::Present(false) => return Ok(None),
            _ => return Err(self.part.nonsense()),
        }
        let operation = self.part.operation(name);
        check_finite(&operation, "values", &values)?;
        ArrayD::from_shape_vec(shape, values).map(Some).map_err(|error| Error::external(operation, error))
    }
}

impl ForwardOperator for RemoteOperator {
    fn name(&self) -> &str {
        &self.part.id
    }

    fn domain(&self) -> &Space {
        &self.domain
    }

    fn range(&self) -> &Space {
        &self.range
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.map("forward", Map::Forward, (&self.domain, x), (&self.range, y))
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.map("adjoint", Map::Adjoint, (&self.range, y), (&self.domain, x))
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        self.map("normal", Map::Normal, (&self.domain, x), (&self.domain, out))
    }

    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        self.has_inverse.then_some(self as &dyn RegularisedInverse)
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        self.has_preconditioner.then_some(self as &dyn Preconditioner)
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        self.reals("data weights", Call::DataWeights, self.range.shape())
    }
}

impl RegularisedInverse for RemoteOperator {
    fn solve(&self, rho: f32, b: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.map("regularised inverse", Map::Inverse { rho }, (&self.domain, b), (&self.domain, x))
    }
}

impl Preconditioner for RemoteOperator {
    fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()> {
        self.map("preconditioner", Map::Precondition { rho }, (&self.domain, r), (&self.domain, z))
    }

    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        let domain = self.domain.shape();
        self.reals("preconditioner: symbol", Call::Symbol, [&domain[..1], &domain].concat())
    }
}

/// A prior in the process of a worker.
pub(crate) struct RemotePrior {
    part: RemotePart,
    spatial_axes: SpatialAxes,
    proximal_accuracy: Option<f32>,
}

impl RemotePrior {
    pub(crate) fn new(part: RemotePart) -> Result<Self> {
        let Some(PartFacts::Prior { spatial_axes, proximal_accuracy }) = part.facts() else {
            return Err(part.nonsense());
        };
        let (axes, proximal_accuracy) = (axes_from(spatial_axes), *proximal_accuracy);
        let Some(spatial_axes) = axes else { return Err(part.nonsense()) };
        Ok(Self { part, spatial_axes, proximal_accuracy })
    }

    /// Denoises images together; the penalty is that of a single one.
    fn run(
        &self,
        noisy: &[View<'_>],
        sigma: f32,
        clean: Vec<ViewMut<'_>>,
        contexts: &mut [&mut PriorContext<'_>],
    ) -> Result<Option<f64>> {
        let function = "denoise";
        let operation = self.part.operation(function);
        for (noisy, clean) in noisy.iter().zip(&clean) {
            let (_, image) = ImageShape::split(&operation, noisy.shape())?;
            self.spatial_axes.check(&operation, &image)?;
            if noisy.shape() != clean.shape() {
                let (expected, got) = (noisy.shape().to_vec(), clean.shape().to_vec());
                return Err(Error::Shape { operation, role: "result".into(), expected, got });
            }
        }
        if !(sigma >= 0.0 && sigma.is_finite()) {
            return Err(Error::parameter(operation, "sigma", "a number that is not negative", sigma));
        }
        // Results come last in memory.
        let mut inputs = Vec::new();
        let mut forms = Vec::new();
        let conditions = contexts.iter().flat_map(|context| context.conditions.iter());
        let images = noisy.iter().map(|image| ("noisy image", image));
        for (role, image) in images.chain(conditions.map(|(name, image)| (name.as_str(), image))) {
            forms.push(TensorForm::complex(image.shape()));
            inputs.push(bytes(&operation, role, image)?);
        }
        forms.extend(clean.iter().map(|image| TensorForm::complex(image.shape())));
        let mut results: Vec<&mut [Complex32]> =
            clean.into_iter().map(|image| values_mut(&operation, "result", image)).collect::<Result<_>>()?;
        let context = |context: &&mut PriorContext<'_>| Context {
            schedule: context.schedule.as_ref().map(entry),
            conditions: context.conditions.keys().cloned().collect(),
            generator: Generator::of(context.rng),
        };
        let call = Call::Denoise { sigma, contexts: contexts.iter().map(context).collect() };
        let outputs = results.iter_mut().map(|values| bytes_of_mut(values)).collect();
        let Answer::Denoised(penalty, generators) = self.part.call(function, call, &forms, &inputs, outputs)? else {
            return Err(self.part.nonsense());
        };
        results.iter().try_for_each(|values| check_finite(&operation, "result", values))?;
        if generators.len() != contexts.len() {
            return Err(self.part.nonsense());
        }
        for (context, generator) in contexts.iter_mut().zip(generators) {
            *context.rng = generator.restore();
        }
        Ok(penalty)
    }
}

impl Prior for RemotePrior {
    fn name(&self) -> &str {
        &self.part.id
    }

    fn spatial_axes(&self) -> SpatialAxes {
        self.spatial_axes
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        self.run(&[noisy], sigma, vec![clean], &mut [context])
    }

    fn denoise_batch(
        &self,
        noisy: &[View<'_>],
        sigma: f32,
        clean: &mut [ViewMut<'_>],
        contexts: &mut [PriorContext<'_>],
    ) -> Result<()> {
        if noisy.len() != clean.len() || noisy.len() != contexts.len() {
            let got = format!("{} results and {} contexts", clean.len(), contexts.len());
            let operation = self.part.operation("denoise (batch)");
            return Err(Error::incompatible(operation, format!("a batch of {}", noisy.len()), got));
        }
        let clean = clean.iter_mut().map(|image| image.view_mut()).collect();
        self.run(noisy, sigma, clean, &mut contexts.iter_mut().collect::<Vec<_>>()).map(drop)
    }

    fn noise_schedule(&self, steps: usize) -> Result<Option<NoiseSchedule>> {
        match self.part.call("noise schedule", Call::NoiseSchedule { steps }, &[], &[], Vec::new())? {
            Answer::Schedule(entries) => {
                let entries = entries.map(|entries| entries.into_iter().map(schedule_entry).collect());
                Ok(entries.map(|entries| NoiseSchedule { entries }))
            }
            _ => Err(self.part.nonsense()),
        }
    }

    fn proximal_accuracy(&self) -> Option<f32> {
        self.proximal_accuracy
    }

    fn gaussian_root(&self, coefficients: usize, image: &ImageShape) -> Result<Option<GaussianRoot>> {
        let (name, shape) = ("Gaussian root", [&[coefficients, coefficients], image.lengths()].concat());
        let mut values = vec![0f32; shape.iter().product()];
        let call = Call::GaussianRoot { coefficients, image: image.lengths().to_vec() };
        let forms = [TensorForm::real(&shape)];
        let Answer::Root(ratio) = self.part.call(name, call, &forms, &[], vec![bytes_of_mut(&mut values)])? else {
            return Err(self.part.nonsense());
        };
        let Some(energy_ratio) = ratio else { return Ok(None) };
        let operation = self.part.operation(name);
        check_finite(&operation, "matrices", &values)?;
        let matrices = ArrayD::from_shape_vec(shape, values).map_err(|error| Error::external(operation, error))?;
        Ok(Some(GaussianRoot { matrices, energy_ratio }))
    }
}

/// A projector in the process of a worker.
pub(crate) struct RemoteProjector {
    part: RemotePart,
    coefficients: usize,
    parameters: Vec<Parameter>,
}

impl RemoteProjector {
    pub(crate) fn new(part: RemotePart) -> Result<Self> {
        let Some(PartFacts::Projector { coefficients, parameters }) = part.facts() else { return Err(part.nonsense()) };
        let (coefficients, parameters) = (*coefficients, parameters.clone());
        Ok(Self { part, coefficients, parameters })
    }
}

impl PhysicsProjector for RemoteProjector {
    fn name(&self) -> &str {
        &self.part.id
    }

    fn coefficients(&self) -> usize {
        self.coefficients
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn project(&self, x: View<'_>, z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()> {
        let operation = self.part.operation("project");
        let (_, image) = ImageShape::split(&operation, x.shape())?;
        let space = Space::image(self.coefficients, &image);
        space.check(&operation, "image", x.shape())?;
        space.check(&operation, "result", z.shape())?;
        let mut forms = vec![TensorForm::complex(x.shape()), TensorForm::complex(z.shape())];
        let inputs = [bytes(&operation, "image", &x)?];
        let result = values_mut(&operation, "result", z)?;
        let call = Call::Project { maps: maps.is_some() };
        let mut maps = maps.map(|maps| MapValues::new(&operation, maps, &self.parameters, &image)).transpose()?;
        let mut outputs = vec![bytes_of_mut(result)];
        if let Some(maps) = &mut maps {
            forms.extend(maps.forms.clone());
            outputs.extend(maps.outputs());
        }
        self.part.run("project", call, &forms, &inputs, outputs)?;
        check_finite(&operation, "result", result)?;
        maps.map_or(Ok(()), |maps| maps.check(&operation))
    }
}

/// An estimator in the process of a worker.
pub(crate) struct RemoteEstimator {
    part: RemotePart,
    inputs: Vec<String>,
    parameters: Vec<Parameter>,
}

impl RemoteEstimator {
    pub(crate) fn new(part: RemotePart) -> Result<Self> {
        let Some(PartFacts::Estimator { inputs, parameters }) = part.facts() else { return Err(part.nonsense()) };
        let (inputs, parameters) = (inputs.clone(), parameters.clone());
        if inputs.is_empty() {
            return Err(part.nonsense());
        }
        Ok(Self { part, inputs, parameters })
    }
}

impl Estimator for RemoteEstimator {
    fn name(&self) -> &str {
        &self.part.id
    }

    fn inputs(&self) -> &[String] {
        &self.inputs
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn estimate(
        &self,
        images: &BTreeMap<String, ArrayD<Complex32>>,
        image: Option<ViewMut<'_>>,
        maps: Option<&mut ParameterMaps>,
    ) -> Result<()> {
        let operation = self.part.operation("estimate");
        let wanted = wanted(&operation, &self.inputs, images)?;
        let shape = wanted[0].shape();
        let spatial = check_results(&operation, shape, image.as_ref().map(|image| image.shape()), maps.is_some())?;
        let call = Call::Estimate { image: image.is_some(), maps: maps.is_some() };
        let mut forms = vec![TensorForm::complex(shape); wanted.len() + usize::from(image.is_some())];
        let inputs: Vec<&[u8]> =
            wanted.iter().map(|image| bytes(&operation, "image", &image.view())).collect::<Result<_>>()?;
        let mut result = image.map(|image| values_mut(&operation, "result", image)).transpose()?;
        let mut maps = maps.map(|maps| MapValues::new(&operation, maps, &self.parameters, &spatial)).transpose()?;
        let mut outputs: Vec<&mut [u8]> = result.iter_mut().map(|values| bytes_of_mut(values)).collect();
        if let Some(maps) = &mut maps {
            forms.extend(maps.forms.clone());
            outputs.extend(maps.outputs());
        }
        self.part.run("estimate", call, &forms, &inputs, outputs)?;
        result.map_or(Ok(()), |values| check_finite(&operation, "result", values))?;
        maps.map_or(Ok(()), |maps| maps.check(&operation))
    }
}

/// The numbers of parameter maps, to be written.
struct MapValues<'a> {
    values: &'a mut [f32],
    amplitude: &'a mut [Complex32],
    forms: [TensorForm; 2],
}

impl<'a> MapValues<'a> {
    fn new(operation: &str, maps: &'a mut ParameterMaps, parameters: &[Parameter], image: &ImageShape) -> Result<Self> {
        maps.check(operation, image)?;
        if maps.parameters.len() != parameters.len() {
            let (expected, got) = (format!("maps of {} parameters", parameters.len()), maps.parameters.len());
            return Err(Error::incompatible(operation, expected, got));
        }
        let forms = [TensorForm::real(maps.values.shape()), TensorForm::complex(maps.amplitude.shape())];
        let values = maps.values.as_slice_mut().ok_or_else(|| not_contiguous(operation, "parameter maps"))?;
        let amplitude = maps.amplitude.as_slice_mut().ok_or_else(|| not_contiguous(operation, "amplitude map"))?;
        Ok(Self { values, amplitude, forms })
    }

    fn outputs(&mut self) -> [&mut [u8]; 2] {
        [bytes_of_mut(self.values), bytes_of_mut(self.amplitude)]
    }

    fn check(self, operation: &str) -> Result<()> {
        check_finite(operation, "parameter maps", self.values)?;
        check_finite(operation, "amplitude map", self.amplitude)
    }
}

/// Spatial axes of a part as they go over the wire.
pub(crate) fn axes_of(prior: &dyn Prior) -> Vec<u32> {
    axes_numbers(&prior.spatial_axes()).to_vec()
}
