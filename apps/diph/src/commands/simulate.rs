//! `diph simulate`: a data folder out of maps or a phantom.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{ArgGroup, Args, ValueEnum};
use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_cartesian::CartesianSampling;
use diph_coils::birdcage;
use diph_core::{AcquisitionShape, ImageShape, MemoryEstimate};
use diph_datasets::{
    BrainPhantom, DatasetFolder, MASK_THRESHOLD, NoiseLevel, NoiseParts, QuantitativeMaps, REFERENCE_NOISE, SliceId,
};
use diph_formats::{check_not_input, check_writable_folder};
use diph_nufft::{SpiralOptions, Trajectory};
use diph_plugin_host::Registry;
use diph_recon::acquisition::{Acquisition, AcquisitionSource, SequenceSource, positions, read_dictionary};
use diph_recon::memory::{SimulationPlan, files};
use diph_recon::slices::{Selection, select};
use diph_recon::{Blame, CARTESIAN_OPERATOR, DEFAULT_OPERATOR, ReconError, Simulation};
use ndarray::{Array2, Array3, ArrayD, Axis};
use num_complex::Complex32;
use serde_json::json;

use super::{check_coefficients, counted, lossy, parse_image, print_estimate};
use crate::Context;
use crate::output::{AppError, BlameFlag};

/// Arguments of `diph simulate`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("source").required(true).args(["maps", "phantom"]))]
pub struct SimulateArgs {
    /// Data folder with `qmaps` to measure; its trajectory and dictionary serve where none is given
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,
    /// Measure procedural brains of this size instead: slices, or volumes of cubic voxels
    #[arg(long, value_name = "[DEPTHx]HEIGHTxWIDTH", value_parser = parse_image)]
    pub phantom: Option<ImageShape>,
    /// Volumes: subjects of the phantom, or volumes of the folder (-1 for all)
    #[arg(long, default_value = "0", allow_hyphen_values = true)]
    pub vols: Selection,
    /// Slices of each volume, for example 0-4; the phantom spreads them from vertex to base (-1 for all of the folder)
    #[arg(long, default_value = "0", allow_hyphen_values = true)]
    pub slices: Selection,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Sequence: fisp, deli-cs, a JSON file, or a Pulseq sequence (`.seq`) (default: deli-cs, unless there is a dictionary)
    #[arg(long, value_name = "NAME|FILE")]
    pub sequence: Option<SequenceSource>,
    /// Dictionary file; without a sequence, images are looked up in it
    #[arg(long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Trajectory: spiral, radial, centre-out, cartesian, or a file (default: spiral, of a volume cartesian)
    #[arg(long, value_name = "NAME|FILE")]
    pub trajectory: Option<TrajectorySource>,
    /// Samples of a readout of a spiral, radial or centre-out trajectory (default: 920)
    #[arg(long, value_parser = parse_samples)]
    pub samples: Option<usize>,
    /// Phase-encoding lines that a frame of the cartesian trajectory reads, drawn anew for each frame, more of them near the
    /// centre (default: one in 16)
    #[arg(long, value_name = "N")]
    pub lines: Option<NonZero<usize>>,
    /// How much of the sequence is kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, default_value_t = 3, value_parser = super::parse_cut)]
    pub cut: usize,
    /// Coefficients of the temporal subspace
    #[arg(long, default_value_t = 5)]
    pub coefficients: usize,
    /// Receive coils, simulated as a birdcage; 1 sees everything alike
    #[arg(long, default_value_t = 1)]
    pub coils: usize,
    /// Standard deviation of the noise per complex sample (default: 3e-4)
    #[arg(long, value_name = "STD", value_parser = parse_noise)]
    pub noise: Option<f64>,
    /// Signal-to-noise ratio in decibels instead
    #[arg(long, value_name = "DB", conflicts_with = "noise", allow_hyphen_values = true, value_parser = parse_snr)]
    pub snr: Option<f64>,
    /// Which parts of a sample get noise; real reproduces the Python code's files
    #[arg(long, value_enum, default_value = "complex")]
    pub noise_parts: Parts,
    /// Seed of the noise and of the lines
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Operator that measures (default: diph.mrf-nufft; of a volume or along the cartesian trajectory diph.cartesian)
    #[arg(long, value_name = "ID")]
    pub operator: Option<String>,
    /// Replace files in the folder that no simulation wrote, such as measured k-space
    #[arg(long)]
    pub force: bool,
    /// Say how much memory it would need, and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// Which parts of a sample get noise.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Parts {
    /// Both: what a receiver measures
    Complex,
    /// The real part only
    Real,
}

/// A built-in trajectory or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrajectorySource {
    /// Variable-density spiral.
    Spiral,
    /// Golden-angle diameters.
    Radial,
    /// Golden-angle spokes from the centre.
    CentreOut,
    /// Lines of the image's grid.
    Cartesian,
    /// A file.
    File(PathBuf),
}

impl FromStr for TrajectorySource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "spiral" => Self::Spiral,
            "radial" => Self::Radial,
            "centre-out" => Self::CentreOut,
            "cartesian" => Self::Cartesian,
            path => Self::File(path.into()),
        })
    }
}

impl SimulateArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the flag, the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let slices = self.selected()?;
        if !self.dry_run {
            check_not_input(&self.out, self.inputs()).file(&self.out)?;
            check_writable_folder(&self.out).file(&self.out)?;
        }
        let image = self.image(&slices)?;
        self.check_trajectory(&image)?;
        let sequence = self.read_sequence()?;
        let frames = sequence.as_ref().map_or(Sequence::CUTS[self.cut], Sequence::frames);
        check_coefficients(self.coefficients, frames)?;
        let registry = context.registry()?;
        let estimate = self.plan(&registry, image, sequence.as_ref());
        context.memory.check(&format!("simulating {image} pixels"), &estimate, SimulationPlan::ADVICE)?;
        if self.dry_run {
            return print_estimate(context, &estimate);
        }
        let acquisition = self.acquisition(context, image, sequence.as_ref())?;
        let folder = DatasetFolder::new(&self.out);
        let mut simulation = Simulation::new(&registry, self.operator(&image), &folder, self.cut, &acquisition)?;
        simulation.sequence = sequence.as_ref();
        simulation.noise = match (self.snr, self.noise) {
            (Some(snr), _) => NoiseLevel::SnrDb(snr),
            (None, Some(deviation)) => NoiseLevel::StandardDeviation(deviation),
            (None, None) => REFERENCE_NOISE,
        };
        simulation.noise_parts = match self.noise_parts {
            Parts::Complex => NoiseParts::Complex,
            Parts::Real => NoiseParts::RealOnly,
        };
        simulation.seed = self.seed;
        simulation.force = self.force;
        context.cancel.check()?;
        self.check_maps(&slices, &image)?;
        let mut run = simulation.begin(&slices)?;
        let bar = context.output.bar("simulating", slices.len());
        for id in &slices {
            context.cancel.check()?;
            bar.message(id.to_string());
            run.write_slice(*id, &self.read_maps(*id, slices.len())?)?;
            bar.step();
        }
        drop(bar);
        run.finish()?;
        let result = json!({ "folder": lossy(&self.out), "slices": slices.len(), "cut": self.cut });
        context.output.result(&result, || format!("{} in {}", counted(slices.len()), self.out.display()))
    }

    /// Folders and files that are read.
    fn inputs(&self) -> impl Iterator<Item = &Path> {
        let trajectory = match &self.trajectory {
            Some(TrajectorySource::File(path)) => Some(path.as_path()),
            _ => None,
        };
        let sequence = match &self.sequence {
            Some(SequenceSource::File(path)) => Some(path.as_path()),
            _ => None,
        };
        [self.maps.as_deref(), self.dictionary.as_deref(), trajectory, sequence].into_iter().flatten()
    }

    /// What it will need. The lengths of files are those that the flags say, or the usual ones: they are not read for this.
    fn plan(&self, registry: &Registry, image: ImageShape, sequence: Option<&Sequence>) -> MemoryEstimate {
        let plan = SimulationPlan {
            operator: self.operator(&image),
            shape: AcquisitionShape {
                image,
                coefficients: self.coefficients,
                frames: sequence.map_or(Sequence::CUTS[self.cut], Sequence::frames),
                samples: self.samples_of_frame(&image),
                coils: self.coils,
                has_coil_maps: self.coils > 1,
                is_weighted: true,
            },
            atoms: DictionaryGrid::BRAIN_ATOMS,
            parameters: 2,
            simulates_dictionary: self.dictionary.is_none() && sequence.is_some(),
        };
        let trajectory = match &self.trajectory {
            Some(TrajectorySource::File(path)) => Some(path.as_path()),
            _ => None,
        };
        plan.memory(registry).and(files(self.dictionary.as_deref().into_iter().chain(trajectory)))
    }

    fn selected(&self) -> Result<Vec<SliceId>, AppError> {
        let Some(root) = &self.maps else {
            let of_vol = |vol| self.slices.named().map(move |slice| SliceId::new(vol, slice));
            let slices: Vec<SliceId> = self.vols.named().flat_map(of_vol).collect();
            return match slices.is_empty() {
                true => Err(AppError::usage("--vols, --slices", "a phantom has no end: name volumes and slices")),
                false => Ok(slices),
            };
        };
        let folder = DatasetFolder::open(root).file(root)?;
        let present = folder.slices_with_maps().file(root)?;
        let place = format!("with maps in {}", root.display());
        let slices = select(&present, (&self.vols, "vols"), (&self.slices, "slices"), &place)?;
        match slices.is_empty() {
            true => Err(ReconError::input(root, "expected slices with maps (`qmaps`), found none").into()),
            false => Ok(slices),
        }
    }

    fn image(&self, slices: &[SliceId]) -> Result<ImageShape, AppError> {
        match self.phantom {
            Some(image) => Ok(image),
            None => Ok(ImageShape::try_from(self.read_maps(slices[0], slices.len())?.lengths()).step("reading maps")?),
        }
    }

    /// Whether lines of the image's grid are read, which need no file.
    fn is_cartesian(&self, image: &ImageShape) -> bool {
        match &self.trajectory {
            Some(source) => *source == TrajectorySource::Cartesian,
            None => self.maps.is_none() && image.is_volume(),
        }
    }

    fn operator(&self, image: &ImageShape) -> &str {
        let on_grid = image.is_volume() || self.is_cartesian(image);
        self.operator.as_deref().unwrap_or(if on_grid { CARTESIAN_OPERATOR } else { DEFAULT_OPERATOR })
    }

    /// Lines of k-space that a frame of the Cartesian trajectory reads, of all that there are.
    fn lines(&self, image: &ImageShape) -> usize {
        let all = image.pixels() / image.plane_lengths()[1];
        self.lines.map_or((all / 16).max(1), NonZero::get)
    }

    fn samples_of_frame(&self, image: &ImageShape) -> usize {
        match self.is_cartesian(image) {
            true => self.lines(image).saturating_mul(image.plane_lengths()[1]),
            false => self.samples.unwrap_or(SpiralOptions::default().samples),
        }
    }

    /// Fails on a trajectory that cannot measure the image, and on a length that it has no use for.
    fn check_trajectory(&self, image: &ImageShape) -> Result<(), AppError> {
        let is_cartesian = self.is_cartesian(image);
        let is_planar = matches!(
            self.trajectory,
            Some(TrajectorySource::Spiral | TrajectorySource::Radial | TrajectorySource::CentreOut)
        );
        if is_planar && image.is_volume() {
            let message =
                format!("lies in a plane; take cartesian, or a file with positions (kz, ky, kx), for {image}");
            return Err(AppError::usage("--trajectory", message));
        }
        if self.lines.is_some() && !is_cartesian {
            return Err(AppError::usage("--lines", "has no effect but on --trajectory cartesian; leave it out"));
        }
        if self.samples.is_some() && is_cartesian {
            let message = "has no effect: a line of the grid has as many samples as the image columns; take --lines";
            return Err(AppError::usage("--samples", message));
        }
        Ok(())
    }

    fn read_maps(&self, id: SliceId, count: usize) -> Result<QuantitativeMaps, AppError> {
        if let Some(root) = &self.maps {
            let folder = DatasetFolder::new(root);
            return Ok(folder.maps(id).file(&folder.maps_path(id))?);
        }
        let Some(image) = self.phantom else {
            return Err(AppError::usage("--maps, --phantom", "expected one of them, got neither"));
        };
        let [height, width] = image.plane_lengths();
        let phantom = BrainPhantom {
            subject: id.vol as u64,
            slice_position: slice_position(id.slice, self.slices.named().max().unwrap_or(0), count),
            ..BrainPhantom::new(height, width)
        };
        match image.is_volume() {
            true => phantom.render_volume(image.depth()).flag("--phantom"),
            false => phantom.render().map(|slice| slice.maps).flag("--phantom"),
        }
    }

    /// Fails on maps that cannot be measured, before what an earlier simulation wrote is replaced.
    fn check_maps(&self, slices: &[SliceId], image: &ImageShape) -> Result<(), AppError> {
        let Some(root) = &self.maps else { return Ok(()) };
        let folder = DatasetFolder::new(root);
        for id in slices {
            let (path, maps) = (folder.maps_path(*id), self.read_maps(*id, slices.len())?);
            if maps.lengths() != image.lengths() {
                let got = maps.lengths();
                let message = format!("expected maps of {image} pixels like the first slice, got {got:?}");
                return Err(ReconError::input(&path, message).into());
            }
            if !maps.mask(MASK_THRESHOLD).iter().any(|inside| *inside) {
                let message = format!("the mask is empty: no voxel has |PD| above {MASK_THRESHOLD}");
                return Err(ReconError::input(&path, message).into());
            }
        }
        Ok(())
    }

    fn read_sequence(&self) -> Result<Option<Sequence>, AppError> {
        let frames = Sequence::CUTS[self.cut];
        match (&self.sequence, &self.dictionary, &self.maps) {
            (Some(source), _, _) => Ok(Some(source.read(frames)?)),
            (None, None, None) => Ok(Some(SequenceSource::DeliCs.read(frames)?)),
            (None, _, _) => Ok(None),
        }
    }

    fn acquisition(
        &self,
        context: &Context,
        image: ImageShape,
        sequence: Option<&Sequence>,
    ) -> Result<Acquisition, AppError> {
        let folder = DatasetFolder::new(self.maps.as_deref().unwrap_or(Path::new("")));
        let own_dictionary = || folder.dictionary_path(self.cut).file(folder.root());
        let dictionary = match (&self.dictionary, sequence) {
            (Some(path), _) => read_dictionary(path, self.coefficients)?,
            (None, Some(sequence)) => {
                let (grid, is_cancelled) = (DictionaryGrid::brain(), || context.cancel.is_cancelled());
                Dictionary::simulate_unless(&is_cancelled, sequence, &grid, self.coefficients).flag("--sequence")?
            }
            (None, None) => read_dictionary(&own_dictionary()?, self.coefficients)?,
        };
        let frames = dictionary.frames();
        let (trajectory, density_compensation) = self.trajectory(&folder, frames, &image)?;
        let coil_maps = match self.coils {
            1 => None,
            coils => Some(sensitivities(coils, &image).flag("--coils")?),
        };
        Ok(Acquisition { trajectory, density_compensation, dictionary, coil_maps, image })
    }

    fn trajectory(
        &self,
        folder: &DatasetFolder,
        frames: usize,
        image: &ImageShape,
    ) -> Result<(Array3<f64>, Array2<f32>), AppError> {
        let file = |path: Option<&Path>| {
            let source = AcquisitionSource { trajectory: path, ..AcquisitionSource::of_folder(folder, self.cut) };
            Ok(source.read_trajectory(frames, image)?)
        };
        let from_file = match &self.trajectory {
            Some(TrajectorySource::File(path)) => Some(Some(path.as_path())),
            None if self.maps.is_some() => Some(None),
            _ => None,
        };
        match (from_file, self.samples) {
            (Some(path), None) => return file(path),
            (Some(_), Some(_)) => {
                let message = "has no effect: the readouts of a trajectory file are as long as they are; leave it out, or \
                               name a built-in --trajectory";
                return Err(AppError::usage("--samples", message));
            }
            (None, _) => (),
        }
        if self.is_cartesian(image) {
            return self.lines_of_grid(frames, image);
        }
        let samples = self.samples.unwrap_or(SpiralOptions::default().samples);
        let trajectory = match &self.trajectory {
            Some(TrajectorySource::Radial) => Trajectory::golden_angle_radial(frames, samples),
            Some(TrajectorySource::CentreOut) => Trajectory::centre_out_radial(frames, samples),
            _ => Trajectory::spiral(frames, &SpiralOptions { samples, ..SpiralOptions::default() }),
        };
        let trajectory = trajectory.flag("--samples")?;
        // Readouts are rotations of each other, so the first one's weights serve all.
        let weights = diph_nufft::density::by_area(&trajectory);
        let shared = Array2::from_shape_fn(weights.dim(), |(_, sample)| weights[[0, sample]]);
        Ok((positions(&trajectory), shared))
    }

    /// Random lines of the image's grid, a quarter of them the same around the centre in all frames. Every sample stands for a
    /// cell of the grid, so that all weigh the same.
    fn lines_of_grid(&self, frames: usize, image: &ImageShape) -> Result<(Array3<f64>, Array2<f32>), AppError> {
        let sampling = CartesianSampling::new(frames, image).flag("--trajectory")?;
        let lines = self.lines(image);
        let positions = sampling.variable_density(lines, lines / 4, self.seed).flag("--lines")?;
        let weights = Array2::ones((frames, positions.len_of(Axis(1))));
        Ok((positions, weights))
    }
}

/// Sensitivities (coil, \[z,\] y, x) of a birdcage, whose rungs run along z, so that all planes of a volume have the same.
fn sensitivities(coils: usize, image: &ImageShape) -> diph_core::Result<ArrayD<Complex32>> {
    let [height, width] = image.plane_lengths();
    let of_plane = birdcage(coils, height, width)?;
    if !image.is_volume() {
        return Ok(of_plane.into_dyn());
    }
    let shape = image.with_leading(coils);
    Ok(ArrayD::from_shape_fn(shape, |at| of_plane[[at[0], at[2], at[3]]]))
}

fn parse_samples(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(samples @ 2..=1_000_000) => Ok(samples),
        _ => Err("expected 2 to 1000000 samples".into()),
    }
}

fn parse_snr(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(decibels) if decibels.is_finite() => Ok(decibels),
        _ => Err("expected a finite number of decibels".into()),
    }
}

fn parse_noise(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(deviation) if deviation.is_finite() && deviation >= 0.0 => Ok(deviation),
        _ => Err("expected a finite number of at least 0".into()),
    }
}

/// Slices are spread over the brain; a single one goes through the basal ganglia.
fn slice_position(slice: usize, last: usize, count: usize) -> f32 {
    match (last, count) {
        (0, _) | (_, 1) => 0.5,
        (last, _) => 0.25 + 0.5 * slice as f32 / last as f32,
    }
}
