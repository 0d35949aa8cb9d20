//! The annealed loop of a recorded run.

use diph_core::{
    AnnealedSettings, AnnealedSplitting, AnnealedState, Conditions, ForwardOperator, Iteration, NoiseSchedule,
    PhysicsProjector, PhysicsState, Prior, Problem,
};
use diph_diffusion::{DiffusionPrior, PriorOptions};
use diph_recon::{Acquisition, Blame, ReconError};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Meta, RecordedRun, Reference};

/// Condition image, key `tsmi_adjoint`.
const CONDITION: &str = "adjoint_tsmi_*.npz";
/// Noise of a chain, key `noise`: the last entry starts it, entry i is what is added after step i.
const NOISE: &str = "noise.npz";

/// The annealed loop of a recorded run: Diph's solver, network, operator and projector, with the recorded noise.
pub struct RecordedSampler {
    problem: Problem,
    prior: DiffusionPrior,
    projector: Box<dyn PhysicsProjector>,
    schedule: NoiseSchedule,
    condition: ArrayD<Complex32>,
    settings: AnnealedSettings,
    noise: Vec<ArrayD<Complex32>>,
    acquisition: Acquisition,
}

impl RecordedSampler {
    /// Files that the runs of a network are made from.
    pub fn files(network: &str) -> Vec<String> {
        let own = ["meta.json", NOISE, CONDITION, Reference::KSPACE];
        let mut files: Vec<String> = own.into_iter().chain(Reference::ACQUISITION).map(String::from).collect();
        files.push(Reference::checkpoint_file(network));
        files
    }

    /// Reads everything for a run.
    ///
    /// # Errors
    /// Naming the file and the key that cannot be used, or the part that failed.
    pub fn new(reference: &Reference<'_>, meta: &Meta, run: &RecordedRun) -> Result<Self, ReconError> {
        let folder = &reference.folder;
        let checkpoint = reference.checkpoint(meta, run.network())?;
        let prior = DiffusionPrior::new(&checkpoint, PriorOptions::default()).step("creating the prior")?;
        let steps = run.log.len();
        let schedule = prior.noise_schedule(steps).step("respacing the noise schedule")?;
        let schedule = schedule.ok_or("the prior has none").step("respacing the noise schedule")?;

        let condition = folder.image(CONDITION, "tsmi_adjoint")?;
        let acquisition = reference.acquisition(condition.shape())?;
        let noise = folder.channel_stack(NOISE, "noise", condition.shape())?;
        if noise.len() != steps + 1 {
            let message = format!("key `noise`: expected {} entries for {steps} steps, got {}", steps + 1, noise.len());
            return Err(ReconError::input(&folder.path(NOISE)?, message));
        }
        let condition = condition.mapv(|value| value / meta.cond_factor);

        let operator = reference.operator(&acquisition, true)?;
        let samples = reference.samples(&*operator)?;
        // The Python code does not normalise the operator.
        let problem = Problem::new(operator, 1.0, meta.ref_factor, samples.view()).step("preparing the data")?;
        let projector = reference.projector(&acquisition)?;
        Ok(Self { problem, prior, projector, schedule, condition, settings: run.settings(), noise, acquisition })
    }

    /// How the slice was measured.
    pub fn acquisition(&self) -> &Acquisition {
        &self.acquisition
    }

    /// The projector, whether it is in the loop or not.
    pub fn projector(&self) -> &dyn PhysicsProjector {
        &*self.projector
    }

    /// The operator with its weights.
    pub fn operator(&self) -> &dyn ForwardOperator {
        self.problem.operator()
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.schedule.entries.len()
    }

    /// gamma of the step with this index in the schedule.
    ///
    /// # Errors
    /// When the schedule has no such step.
    pub fn gamma(&self, index: usize) -> Result<f32, ReconError> {
        let entry = self.schedule.entries.get(index);
        let entry = entry.ok_or_else(|| format!("no step {index} of {}", self.steps())).step("looking up a step")?;
        self.settings.gamma(entry.sigma() as f32).ok_or("the physics is not in the loop").step("looking up gamma")
    }

    /// z, its dual and its maps in a state of this loop.
    ///
    /// # Errors
    /// When the state is that of another loop.
    pub fn physics(state: &AnnealedState) -> Result<&PhysicsState, ReconError> {
        state.physics.as_ref().ok_or("the physics is not in the loop").step("looking at a state")
    }

    /// The state before the first step, with the recorded noise.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn start(&self) -> Result<AnnealedState, ReconError> {
        let mut state = self.solver(&self.conditions()).start().step("starting the loop")?;
        if let Some(noise) = self.noise.last() {
            state.x_t.assign(noise);
        }
        Ok(state)
    }

    /// The next step, with the recorded noise.
    ///
    /// # Errors
    /// When a part fails.
    pub fn step(&self, state: &mut AnnealedState) -> Result<(), ReconError> {
        let index = self.steps().saturating_sub(state.step + 1);
        let noise = self.noise.get(index).ok_or("no noise is left").step("adding noise")?;
        self.solver(&self.conditions()).step_with_noise(state, |_| Ok(noise.clone())).step(&format!("step {index}"))?;
        Ok(())
    }

    fn conditions(&self) -> Conditions<'_> {
        Conditions::from([("low_res".into(), self.condition.view())])
    }

    fn solver<'s>(&'s self, conditions: &'s Conditions<'s>) -> AnnealedSplitting<'s> {
        AnnealedSplitting {
            problem: &self.problem,
            prior: &self.prior,
            projector: Some(&*self.projector),
            schedule: &self.schedule,
            conditions,
            settings: self.settings.clone(),
            // All noise is given.
            seed: 0,
        }
    }
}
