//! What a reconstruction will need.

use diph_core::{AcquisitionShape, MemoryEstimate};
use diph_plugin_host::Registry;
use num_complex::Complex32;
use serde_json::{Map, Value};

use super::program_with_plugins;
use crate::acquisition::{Acquisition, announced};
use crate::method::ConditionImage;
use crate::method::{Component, Method, Weights};

/// What makes a reconstruction smaller.
const ADVICE: &str = "take a smaller image, fewer coils, frames or atoms, or a smaller network";

/// Images of the first sample of the posterior with its state, of another one, the sums over all, and maps in double precision.
const SAMPLES_IMAGES: usize = 30;
/// Copies of the measured samples: as read, as the solver scales them, and as they are handed on.
const KSPACE_COPIES: u64 = 3;

/// A reconstruction that is not there yet: a method and the lengths of its acquisition.
pub struct ReconstructionPlan<'a> {
    /// The method.
    pub method: &'a Method,
    /// Lengths of the acquisition.
    pub shape: AcquisitionShape,
    /// Atoms of the dictionary.
    pub atoms: usize,
    /// Parameters of an atom: T1, T2 and possibly B1.
    pub parameters: usize,
    /// Slices, the maps of which are kept to the end.
    pub slices: usize,
    /// Samples of the posterior.
    pub samples: usize,
}

impl<'a> ReconstructionPlan<'a> {
    /// The plan for an acquisition that has been read, with k-space of `coils` coils.
    pub fn new(method: &'a Method, acquisition: &Acquisition, coils: usize, slices: usize, samples: usize) -> Self {
        let dictionary = &acquisition.dictionary;
        let shape = AcquisitionShape { coils, has_coil_maps: coils > 1, ..acquisition.shape() };
        let (atoms, parameters) = (dictionary.len(), dictionary.parameters().len());
        Self { method, shape, atoms, parameters, slices, samples }
    }

    /// What to do when it cannot fit.
    pub fn advice(&self) -> &'static str {
        ADVICE
    }

    /// What it will need, and the parts of the method that nothing is known about.
    pub fn memory(&self, registry: &Registry) -> (MemoryEstimate, Vec<&'a str>) {
        let program = program_with_plugins().and(acquisition_memory(&self.shape, self.atoms, self.parameters));
        let (parts, mut unknown) = self.parts(registry);
        unknown.dedup();
        (program.and(self.kspace()).and(parts), unknown)
    }

    /// What parts and solver will need, those of the method that makes the condition image included, and the parts that nothing is
    /// known about.
    fn parts(&self, registry: &Registry) -> (MemoryEstimate, Vec<&'a str>) {
        let mut unknown = Vec::new();
        let mut estimate = MemoryEstimate::default();
        let mut solver = self.images();
        let mut ask = |part: &'a Component, is_weighted: bool, uses_normal: bool| {
            let shape = AcquisitionShape { is_weighted, ..self.shape };
            let acquisition = announced(&shape, self.atoms, self.parameters);
            let known = part_memory(registry, part, &acquisition, uses_normal);
            if known.is_none() {
                unknown.push(part.id.as_str());
            }
            known.unwrap_or_default()
        };
        for (is_weighted, uses_normal) in self.operators() {
            estimate = estimate.and(ask(&self.method.operator, is_weighted, uses_normal));
        }
        if let Some(prior) = &self.method.prior {
            // The prior works while the solver's images are there.
            let (kept, running) = ask(prior, false, false).split();
            estimate = estimate.and(kept);
            solver = solver.and(running);
        }
        estimate = estimate.and(ask(&self.method.projector, false, false));
        for estimator in self.method.estimator.iter().chain(&self.method.refinement) {
            estimate = estimate.and(ask(estimator, false, false));
        }
        if let Some(ConditionImage::Method(other)) = &self.method.condition {
            let (parts, others) = ReconstructionPlan { method: other, samples: 1, ..*self }.parts(registry);
            estimate = estimate.and(parts);
            unknown.extend(others);
        }
        // Kernels are set up before the solver starts.
        (estimate.and(solver.passing("images of the solver and activations of the network")), unknown)
    }

    /// Weights and use of the operators that are created.
    fn operators(&self) -> Vec<(bool, bool)> {
        let is_cg = matches!(self.method.condition, Some(ConditionImage::ConjugateGradient { .. }));
        match (self.method.weights, &self.method.condition) {
            (Weights::None, Some(ConditionImage::Adjoint)) => vec![(false, true), (true, true)],
            (Weights::None, _) => vec![(false, true)],
            (Weights::DensityCompensation, _) => vec![(false, is_cg), (true, true)],
        }
    }

    fn kspace(&self) -> MemoryEstimate {
        let kspace = MemoryEstimate::array::<Complex32>(&[self.shape.coils, self.shape.samples_per_coil()]);
        let maps = MemoryEstimate::array::<f32>(&[self.slices, self.parameters + 2, self.shape.pixels()]);
        MemoryEstimate::default()
            .kept("k-space", kspace.saturating_mul(KSPACE_COPIES))
            .kept("maps", maps)
            // As bytes and as numbers before and after the conversion; later predicted samples and weights take their place.
            .temporary("k-space of a file or of the result", kspace.saturating_mul(2))
    }

    /// What the solver holds.
    fn images(&self) -> MemoryEstimate {
        let image = MemoryEstimate::array::<Complex32>(&[self.shape.coefficients, self.shape.pixels()]);
        let images = self.method.solver.facts().images + if self.samples > 1 { SAMPLES_IMAGES } else { 0 };
        MemoryEstimate::default().kept("images", image.saturating_mul(images as u64))
    }
}

/// What the program holds of an acquisition, and copies on their way to a plugin.
pub fn acquisition_memory(shape: &AcquisitionShape, atoms: usize, parameters: usize) -> MemoryEstimate {
    let trajectory = MemoryEstimate::array::<f64>(&[shape.samples_per_coil(), shape.image.lengths().len()]);
    let weights = MemoryEstimate::array::<f32>(&[shape.samples_per_coil()]);
    let coils = if shape.has_coil_maps { shape.coils } else { 0 };
    let maps = MemoryEstimate::array::<Complex32>(&[coils, shape.pixels()]);
    let arrays = trajectory.saturating_add(weights).saturating_add(maps);
    MemoryEstimate::default()
        .kept("acquisition", arrays)
        .temporary("arrays on their way to an operator", arrays.saturating_mul(2))
        .and(diph_bloch::Dictionary::memory_estimate(atoms, shape.frames, shape.coefficients, parameters))
}

/// Operators that measure and go back, with and without weights; `None` where the plugin does not say.
pub fn measurement_memory(
    registry: &Registry,
    id: &str,
    shape: &AcquisitionShape,
    uses_normal: bool,
) -> Option<MemoryEstimate> {
    let component = Component { id: id.into(), options: Map::new() };
    let part = |is_weighted: bool, uses_normal: bool| {
        let acquisition = announced(&AcquisitionShape { is_weighted, ..*shape }, 0, 0);
        part_memory(registry, &component, &acquisition, uses_normal)
    };
    Some(part(false, uses_normal)?.and(part(true, false)?))
}

/// What a part says. What a plugin refuses here it refuses when it is created, with a better message.
fn part_memory(
    registry: &Registry,
    part: &Component,
    acquisition: &diph_plugin_host::Acquisition<'_>,
    uses_normal: bool,
) -> Option<MemoryEstimate> {
    let options = Value::Object(part.options.clone());
    registry.memory_estimate(&part.id, &options, acquisition, uses_normal).ok().flatten()
}
