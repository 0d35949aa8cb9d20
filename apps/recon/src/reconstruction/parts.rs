//! The parts of a method, created from plugins for one acquisition.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use diph_bloch::Dictionary;
use diph_coils::coil_images;
use diph_core::{
    Error, Estimator, ForwardOperator, ImageShape, NoiseSchedule, OperatorNorm, ParameterMaps, PhysicsProjector, Prior,
    Problem, Result, View,
};
use diph_plugin_host::{Provenance, Registry};
use ndarray::{ArrayD, ArrayView1, ArrayView3};
use num_complex::Complex32;
use serde_json::Value;

use super::Reconstructor;
use crate::acquisition::{Acquisition, CoilEstimate};
use crate::method::ConditionImage;
use crate::method::{Component, Method, Scale, Weights};
use crate::solver::{PriorUse, Solve};
use crate::{Blame, ReconError};

/// Operator, prior, projector and estimators of a method. Serves every slice of an acquisition.
pub struct Parts {
    operator: Arc<dyn ForwardOperator>,
    unweighted: Arc<dyn ForwardOperator>,
    /// With density compensation, where the condition image wants it.
    density_compensated: Option<Arc<dyn ForwardOperator>>,
    prior: Option<Box<dyn Prior>>,
    projector: Box<dyn PhysicsProjector>,
    estimator: Option<Box<dyn Estimator>>,
    refinement: Option<Box<dyn Estimator>>,
    /// Of the method that makes the condition image, where a method does.
    condition: Option<Box<Parts>>,
    /// Turns maps into signals; absent where the caller has made the parts.
    dictionary: Option<Dictionary>,
    provenance: Vec<Provenance>,
    norm: OnceLock<f64>,
}

impl Parts {
    /// Creates the parts that `method` names.
    ///
    /// # Errors
    /// When a plugin is missing, or refuses its options or arrays.
    pub fn create(registry: &Registry, method: &Method, acquisition: &Acquisition) -> Result<Self> {
        let unweighted = operator(registry, method, acquisition, false)?;
        let operator = match method.weights {
            Weights::None => unweighted.clone(),
            Weights::DensityCompensation => operator(registry, method, acquisition, true)?,
        };
        let density_compensated = match (&method.condition, method.weights) {
            (Some(ConditionImage::Adjoint), Weights::DensityCompensation) => Some(operator.clone()),
            (Some(ConditionImage::Adjoint), Weights::None) => {
                Some(self::operator(registry, method, acquisition, true)?)
            }
            _ => None,
        };
        let prior = match &method.prior {
            None => None,
            Some(prior) => {
                let options = Value::Object(prior.options.clone());
                Some(registry.create_prior(&prior.id, &options, &acquisition.for_parts(false))?)
            }
        };
        let options = Value::Object(method.projector.options.clone());
        let projector = registry.create_projector(&method.projector.id, &options, &acquisition.for_parts(false))?;
        let estimator = |component: &Option<Component>, check: fn(&dyn Estimator) -> Result<()>| -> Result<_> {
            let Some(component) = component else { return Ok(None) };
            let options = Value::Object(component.options.clone());
            let created = registry.create_estimator(&component.id, &options, &acquisition.for_parts(false))?;
            check(&*created)?;
            Ok(Some(created))
        };
        check_stages(method)?;
        let refinement = estimator(&method.refinement, check_refinement)?;
        let estimator = estimator(&method.estimator, check_estimator)?;
        let condition = match &method.condition {
            Some(ConditionImage::Method(other)) => Some(Box::new(Self::create(registry, other, acquisition)?)),
            _ => None,
        };
        let provenance = part_provenance(registry, method)?;
        Ok(Self {
            operator,
            unweighted,
            density_compensated,
            prior,
            projector,
            estimator,
            refinement,
            condition,
            dictionary: Some(acquisition.dictionary.clone()),
            provenance,
            norm: OnceLock::new(),
        })
    }

    /// Parts that the caller has made: operators, priors and projectors of a program's own, without a plugin. `operator` serves the
    /// reconstruction, `unweighted` is the same without data weights (the same `Arc` where there are none), for metrics.
    pub fn of(
        operator: Arc<dyn ForwardOperator>,
        unweighted: Arc<dyn ForwardOperator>,
        prior: Option<Box<dyn Prior>>,
        projector: Box<dyn PhysicsProjector>,
    ) -> Self {
        let (provenance, norm) = (Vec::new(), OnceLock::new());
        Self {
            operator,
            unweighted,
            density_compensated: None,
            prior,
            projector,
            estimator: None,
            refinement: None,
            condition: None,
            dictionary: None,
            provenance,
            norm,
        }
    }

    /// The same parts with a prior that the caller has made, in place of the method's.
    #[must_use]
    pub fn with_prior(self, prior: Box<dyn Prior>) -> Self {
        Self { prior: Some(prior), ..self }
    }

    /// The operator of the method with density compensation, whatever its own weights: for estimates from adjoint images.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn density_compensated_operator(
        registry: &Registry,
        method: &Method,
        acquisition: &Acquisition,
    ) -> Result<Arc<dyn ForwardOperator>> {
        operator(registry, method, acquisition, true)
    }

    /// The acquisition with coil sensitivities that are estimated from k-space (coil, frame, sample) of a plane.
    ///
    /// # Errors
    /// When the operator of the method cannot be made or fails, and naming the setting `coils` when the estimate is zero everywhere.
    pub fn with_estimated_coils(
        registry: &Registry,
        method: &Method,
        acquisition: &Acquisition,
        kspace: ArrayView3<'_, Complex32>,
        estimate: CoilEstimate,
    ) -> std::result::Result<Acquisition, ReconError> {
        const STEP: &str = "estimating coil sensitivities";
        let single = Self::density_compensated_operator(registry, method, acquisition).step(STEP)?;
        let images = coil_images(&*single, kspace).step(STEP)?;
        let maps = estimate.of_images(images.view()).step(STEP)?;
        if maps.iter().all(|value| *value == Complex32::ZERO) {
            let message = format!("{estimate} finds no sensitivity: take another estimate, or maps from a file");
            return Err(ReconError::setting("coils", message));
        }
        Ok(Acquisition { coil_maps: Some(maps.into_dyn()), ..acquisition.clone() })
    }

    /// The operator of the reconstruction, with the method's weights.
    pub fn operator(&self) -> &Arc<dyn ForwardOperator> {
        &self.operator
    }

    /// The operator without weights, for simulation and metrics.
    pub fn unweighted(&self) -> &dyn ForwardOperator {
        &*self.unweighted
    }

    /// The image that the prior is shown beside the noisy one. `measured` is the measurement with the operator of the
    /// reconstruction, unscaled; where the image is made with other weights or by another method, it is made from the
    /// `samples`.
    ///
    /// # Errors
    /// As [`ConditionImage::compute`], and those of the other method.
    pub fn condition(
        &self,
        image: &ConditionImage,
        measured: &Problem,
        samples: View<'_>,
    ) -> Result<ArrayD<Complex32>> {
        if let (ConditionImage::Method(method), Some(parts)) = (image, &self.condition) {
            return parts.physical_image(method, samples);
        }
        let operator = match image.is_density_compensated() {
            true => self.density_compensated.as_ref().unwrap_or(&self.operator),
            false => &self.unweighted,
        };
        if Arc::ptr_eq(operator, &self.operator) {
            return image.compute(measured);
        }
        image.compute(&Problem::unscaled(operator.clone(), samples)?)
    }

    /// The TSMI `(coefficient, [z,] y, x)` that `method` finds in `samples` (coil, frame, sample), in the units of the
    /// measurement; where its maps come from an estimator, the signal of those maps.
    ///
    /// # Errors
    /// Those of the parts, and of settings that make no sense.
    pub fn physical_image(&self, method: &Method, samples: View<'_>) -> Result<ArrayD<Complex32>> {
        // Its only random numbers are those of annealed methods; the image of a condition is the same for every sample.
        const SEED: u64 = 0;
        let found = Reconstructor::new(method, self, samples)?.run(SEED, &mut |_| Ok(ControlFlow::Continue(())))?;
        match self.estimator {
            Some(_) => self.signal(&found.maps),
            None => Ok(found.tsmi),
        }
    }

    /// The TSMI of maps: in every voxel the response of the dictionary's nearest entry.
    ///
    /// # Errors
    /// As [`Dictionary::lookup_tsmi`], and when the caller has made the parts, without a dictionary.
    pub fn signal(&self, maps: &ParameterMaps) -> Result<ArrayD<Complex32>> {
        match &self.dictionary {
            Some(dictionary) => dictionary.lookup_tsmi(maps),
            None => {
                Err(Error::incompatible("signal of maps", "parts of an acquisition with a dictionary", "other parts"))
            }
        }
    }

    /// Least and largest T1 and T2 of the dictionary, in seconds; `None` where the caller has made the parts.
    pub fn ranges(&self) -> Option<[[f32; 2]; 2]> {
        let lut = self.dictionary.as_ref()?.lut();
        let range = |times: ArrayView1<'_, f32>| {
            [
                times.fold(f32::INFINITY, |least, time| least.min(*time)),
                times.fold(0.0, |most: f32, time| most.max(*time)),
            ]
        };
        Some([range(lut.column(0)), range(lut.column(1))])
    }

    /// The image prior, where the method has one.
    pub fn prior(&self) -> Option<&dyn Prior> {
        self.prior.as_deref()
    }

    /// The noise levels that the prior has for a run of this solver; `None` where the run anneals no noise.
    ///
    /// # Errors
    /// Those of the prior, and when the solver needs a prior, or one with noise levels, and there is none, or uses none and
    /// there is one.
    pub fn noise_schedule(&self, solver: &dyn Solve) -> Result<Option<NoiseSchedule>> {
        let facts = solver.facts();
        let refused = |expected: &str, got: &str| {
            let operation = format!("solver `{}`", facts.name);
            Err(Error::parameter(operation, "prior", expected, got))
        };
        match (facts.prior, self.prior()) {
            (PriorUse::Unused, None) | (PriorUse::Needed, Some(_)) => Ok(None),
            (PriorUse::Unused, Some(prior)) => refused("none, because this solver uses none", prior.name()),
            (PriorUse::Needed | PriorUse::Annealed, None) => refused("a prior", "none"),
            (PriorUse::Annealed, Some(prior)) => match prior.noise_schedule(facts.iterations)? {
                None => refused("a prior with a noise schedule", prior.name()),
                schedule => Ok(schedule),
            },
        }
    }

    /// The physics projector of the method, for example dictionary matching.
    pub fn projector(&self) -> &dyn PhysicsProjector {
        &*self.projector
    }

    /// The maps that the method's estimator makes of an image in the units of the measurement; `None` where the method has
    /// none, so that the projector's maps count.
    ///
    /// # Errors
    /// Those of the estimator.
    pub fn estimate(&self, image: &ArrayD<Complex32>) -> Result<Option<ParameterMaps>> {
        self.estimator.as_ref().map(|estimator| estimated(&**estimator, image, image)).transpose()
    }

    /// Whether a second estimator [refines](Self::refine) the maps of the first.
    pub fn has_refinement(&self) -> bool {
        self.refinement.is_some()
    }

    /// The maps that the method's second estimator makes of an image and of what the first one's maps leave unexplained in
    /// the data, `residual`, both in the units of the measurement; `None` where the method has none.
    ///
    /// # Errors
    /// Those of the estimator.
    pub fn refine(&self, image: &ArrayD<Complex32>, residual: &ArrayD<Complex32>) -> Result<Option<ParameterMaps>> {
        self.refinement.as_ref().map(|estimator| estimated(&**estimator, image, residual)).transpose()
    }

    /// The nearest physical signals of an image, and their parameter maps.
    ///
    /// # Errors
    /// Those of the projector.
    pub fn project(&self, image: &ArrayD<Complex32>) -> Result<(ArrayD<Complex32>, ParameterMaps)> {
        let (_, shape) = ImageShape::split("projection", image.shape())?;
        let mut projected = ArrayD::zeros(image.shape());
        let mut maps = ParameterMaps::zeros(self.projector.parameters().to_vec(), &shape);
        self.projector.project(image.view(), projected.view_mut(), Some(&mut maps))?;
        Ok((projected, maps))
    }

    /// Files that the parts came from.
    pub fn provenance(&self) -> &[Provenance] {
        &self.provenance
    }

    /// What the operator is normalised with: estimated once and only where the scale asks for it.
    ///
    /// # Errors
    /// Those of the operator.
    pub fn operator_norm(&self, scale: Scale) -> Result<f64> {
        if scale == Scale::Reference {
            return Ok(1.0);
        }
        if let Some(norm) = self.norm.get() {
            return Ok(*norm);
        }
        let norm = OperatorNorm::new(&*self.operator).estimate()?;
        Ok(*self.norm.get_or_init(|| norm))
    }
}

/// Where the parts of a method come from, each part once.
///
/// # Errors
/// When a plugin is missing.
pub fn part_provenance(registry: &Registry, method: &Method) -> Result<Vec<Provenance>> {
    let mut found: Vec<Provenance> = Vec::new();
    for part in method.parts() {
        if found.iter().all(|known| known.id != part.id) {
            found.push(registry.provenance(&part.id)?);
        }
    }
    Ok(found)
}

/// How the name of the input ends that is the image of what earlier maps leave unexplained in the data.
const RESIDUAL: &str = "residual";

/// The maps of an estimator, which gets the `residual` under the input's name that says so and the `image` under any other.
fn estimated(
    estimator: &dyn Estimator,
    image: &ArrayD<Complex32>,
    residual: &ArrayD<Complex32>,
) -> Result<ParameterMaps> {
    let (_, shape) = ImageShape::split("estimation", image.shape())?;
    let of_name = |name: &String| if name.ends_with(RESIDUAL) { residual.clone() } else { image.clone() };
    let images = estimator.inputs().iter().map(|name| (name.clone(), of_name(name))).collect();
    let mut maps = ParameterMaps::zeros(estimator.parameters().to_vec(), &shape);
    estimator.estimate(&images, None, Some(&mut maps))?;
    Ok(maps)
}

/// Fails on an estimator that wants another image than the solver's, or makes no maps of T1 and T2.
fn check_estimator(estimator: &dyn Estimator) -> Result<()> {
    match estimator.inputs() {
        [only] if !only.ends_with(RESIDUAL) => check_maps(estimator),
        inputs => {
            let expected = "an estimator of one image, that of the solver (one that sees a residual too is the method's `refinement`)";
            let part = format!("estimator `{}`", estimator.name());
            Err(Error::incompatible(part, expected, format!("one of {inputs:?}")))
        }
    }
}

/// Fails on a second estimator that does not see the solver's image and the residual's, or makes no maps of T1 and T2.
fn check_refinement(estimator: &dyn Estimator) -> Result<()> {
    match estimator.inputs() {
        [a, b] if a.ends_with(RESIDUAL) != b.ends_with(RESIDUAL) => check_maps(estimator),
        inputs => {
            let expected = "an estimator of two images, that of the solver and one whose name ends with `residual`";
            let part = format!("refinement `{}`", estimator.name());
            Err(Error::incompatible(part, expected, format!("one of {inputs:?}")))
        }
    }
}

/// Fails on a refinement without maps that it could refine, or behind a solver that cannot say what they leave unexplained.
fn check_stages(method: &Method) -> Result<()> {
    let refused = |expected: &str, got: &str| Err(Error::parameter(&*method.name, "refinement", expected, got));
    match (&method.refinement, &method.estimator) {
        (Some(_), None) => refused("an `estimator` whose maps it refines", "none"),
        (Some(_), Some(_)) if !method.solver.is_linear() => {
            refused("a linear solver, such as `posterior-mean`", method.solver.facts().name)
        }
        _ => Ok(()),
    }
}

/// Fails on an estimator that makes no maps of T1 and T2.
fn check_maps(estimator: &dyn Estimator) -> Result<()> {
    let names: Vec<&str> = estimator.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    match ["T1", "T2"].iter().all(|name| names.contains(name)) {
        true => Ok(()),
        false => {
            let part = format!("estimator `{}`", estimator.name());
            Err(Error::incompatible(part, "an estimator of maps of T1 and T2", format!("one of {names:?}")))
        }
    }
}

fn operator(
    registry: &Registry,
    method: &Method,
    acquisition: &Acquisition,
    weighted: bool,
) -> Result<Arc<dyn ForwardOperator>> {
    let options = Value::Object(method.operator.options.clone());
    Ok(registry.create_operator(&method.operator.id, &options, &acquisition.for_parts(weighted))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refinement_needs_maps_and_a_linear_solver() {
        let checked = |changes: &[&str]| {
            let changes: Vec<_> = changes.iter().map(|change| change.parse().unwrap()).collect();
            check_stages(&Method::read("unet-cascade", &changes).unwrap()).map_err(|error| error.to_string())
        };
        checked(&[]).unwrap();
        checked(&["estimator=null", "refinement=null"]).unwrap();
        assert!(checked(&["estimator=null"]).unwrap_err().contains("`estimator`"));
        let other = r#"solver={"least-squares": {}}"#;
        assert!(checked(&[other]).unwrap_err().contains("linear solver"));
    }
}
