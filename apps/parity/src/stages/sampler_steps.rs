//! Single steps of the annealed loop.

use diph_core::{ImageShape, ParameterMaps, PhysicsProjector, PhysicsState};
use diph_formats::NpzFile;
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::atoms::Atoms;
use crate::recorded_run::network_of;
use crate::relative_error::{relative_error, relative_error_within};
use crate::{Comparison, RecordedSampler, Reference, Stage};
use diph_recon::{Blame, ReconError};

/// What a step may differ by, about twice what it differs by. The data step differs by the accuracy of the Python code's
/// transform, and decides between atoms that fit nearly equally well.
struct Tolerances {
    /// Of the network's predicted image. Winograd's convolutions, where they are used, err three times as much as plain ones.
    prediction: f64,
    x_hat: f64,
    z: f64,
    v: f64,
    x_t: f64,
    /// Share of voxels that may have another atom.
    flips: f64,
}

/// While there is noise, the data decide.
const NOISY: Tolerances = Tolerances { prediction: 4e-5, x_hat: 1e-3, z: 5e-4, v: 2.5e-3, x_t: 3e-5, flips: 0.01 };
/// In the last steps the prior and the physics do.
const CLEAN: Tolerances = Tolerances { prediction: 8e-6, x_hat: 2e-5, z: 1e-5, v: 6e-5, x_t: 1e-5, flips: 1e-3 };
/// Number of the last steps.
const LAST_STEPS: usize = 2;

/// Single steps of a run from their recorded states, with the recorded noise and Diph's own network.
pub struct SamplerSteps {
    /// Name of the run in its files.
    pub tag: String,
}

impl SamplerSteps {
    fn file(&self) -> String {
        format!("steps_{}.npz", self.tag)
    }

    fn compare_step(
        &self,
        reference: &Reference<'_>,
        sampler: &RecordedSampler,
        index: usize,
    ) -> Result<Vec<Comparison>, ReconError> {
        let (folder, file) = (&reference.folder, self.file());
        let mut state = sampler.start()?;
        let shape = state.x_t.shape().to_vec();
        let image = |name: &str| folder.complex(&file, &format!("step{index}_{name}"), &shape);
        let channels = |name: &str| folder.channels(&file, &format!("step{index}_{name}"), &shape);
        state.step = sampler
            .steps()
            .checked_sub(index + 1)
            .ok_or_else(|| format!("step{index}: expected a step below {}", sampler.steps()))
            .file(&folder.path(&file)?)?;
        state.x_t = channels("in_x_t")?;
        state.x_hat = image("in_x_hat_prev")?;
        let dual = image("in_v")?;
        if let Some(physics) = &mut state.physics {
            physics.z = image("in_z")?;
            physics.v = dual.clone();
        }
        sampler.step(&mut state)?;
        let physics = RecordedSampler::physics(&state)?;

        let z = image("out_z")?;
        let mut matched = dual / Complex32::from(sampler.gamma(index)?);
        matched += &state.x_hat;
        let (flips, same) = self.atoms(sampler, physics, &matched, &z)?;
        let label = |what: &str| format!("step {index}: {what}");
        let error = |what: &str, error, tolerance| Comparison::error(label(what), error, tolerance);
        let tolerances = if index < LAST_STEPS { CLEAN } else { NOISY };
        let limit = (same.len() as f64 * tolerances.flips) as usize;
        Ok(vec![
            error("x_tilde", relative_error(&image("out_x_tilda")?, &state.x_tilde), tolerances.prediction),
            error("x_hat", relative_error(&image("out_x_hat")?, &state.x_hat), tolerances.x_hat),
            Comparison::count(label("voxels with another atom"), flips.len(), limit).with_flips(flips),
            error("z, same atoms", relative_error_within(&z, &physics.z, &same), tolerances.z),
            error("v, same atoms", relative_error_within(&image("out_v")?, &physics.v, &same), tolerances.v),
            error("x_t, same atoms", relative_error_within(&channels("out_x_t")?, &state.x_t, &same), tolerances.x_t),
        ])
    }

    /// Voxels whose atom differs, and for every voxel whether it does not. `matched` is what Diph matched.
    fn atoms(
        &self,
        sampler: &RecordedSampler,
        physics: &PhysicsState,
        matched: &ArrayD<Complex32>,
        their_z: &ArrayD<Complex32>,
    ) -> Result<(Vec<crate::AtomFlip>, Vec<bool>), ReconError> {
        let [height, width] = sampler.acquisition().image.plane_lengths();
        let projector: &dyn PhysicsProjector = sampler.projector();
        // A projected image holds multiples of atoms, so that matching it again finds them.
        let mut again = ArrayD::zeros(their_z.raw_dim());
        let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), &ImageShape::plane(height, width));
        projector.project(their_z.view(), again.view_mut(), Some(&mut maps)).step("matching")?;
        let atoms = Atoms::new(&sampler.acquisition().dictionary);
        let theirs = atoms.of_maps(&maps);
        let ours = physics.maps.as_ref().map_or_else(|| theirs.clone(), |maps| atoms.of_maps(maps));
        let same = ours.iter().zip(&theirs).map(|(ours, theirs)| ours == theirs).collect();
        Ok((atoms.flips(matched, &ours, &theirs), same))
    }
}

impl Stage for SamplerSteps {
    fn name(&self) -> String {
        format!("sampler steps, {}", self.tag)
    }

    fn files(&self) -> Vec<String> {
        let mut files = RecordedSampler::files(network_of(&self.tag));
        files.push(self.file());
        files
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let meta = reference.folder.meta()?;
        let sampler = RecordedSampler::new(reference, &meta, meta.run(&self.tag)?)?;
        let path = reference.folder.path(&self.file())?;
        let npz = NpzFile::open(&path).file(&path)?;
        let index = |key: &String| key.strip_prefix("step")?.strip_suffix("_in_x_t")?.parse::<usize>().ok();
        let mut steps: Vec<usize> = npz.keys().iter().filter_map(index).collect();
        if steps.is_empty() {
            return Err(ReconError::input(&path, format!("expected keys stepI_in_x_t, found {:?}", npz.keys())));
        }
        steps.sort_unstable_by(|a, b| b.cmp(a));
        let mut comparisons = Vec::new();
        for index in steps {
            reference.cancel.check()?;
            comparisons.extend(self.compare_step(reference, &sampler, index)?);
        }
        Ok(comparisons)
    }
}
