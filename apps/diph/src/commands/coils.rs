//! `diph coils`: sensitivities of receive coils as a file.

use std::path::{Path, PathBuf};

use clap::Args;
use diph_coils::Compression;
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, SliceId};
use diph_formats::{AnyArray, OutputFile};
use diph_recon::acquisition::{
    AcquisitionSource, COIL_MAPS, CoilEstimate, EstimatedCoils, MeasurementSource, NoiseSource,
};
use diph_recon::slices::read_measurement;
use diph_recon::{Blame, ReconError};
use serde_json::json;

use super::{MeasuredFilesArgs, lossy, parse_image};
use crate::Context;
use crate::output::AppError;

/// Arguments of `diph coils`.
#[derive(Args, Debug)]
pub struct CoilsArgs {
    /// Data folder with k-space
    #[arg(long, value_name = "DIR", required_unless_present = "kspace")]
    pub dataset: Option<PathBuf>,
    /// Volume
    #[arg(long, default_value_t = 0)]
    pub vol: usize,
    /// Slice
    #[arg(long, default_value_t = 0)]
    pub slice: usize,
    /// How much of the sequence was kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, default_value_t = 3, value_parser = super::parse_cut)]
    pub cut: usize,
    /// Trajectory file instead of the folder's; with --kspace any array of positions
    #[arg(long, value_name = "FILE[:KEY]")]
    pub trajectory: Option<PathBuf>,
    /// Size of the image where the files do not tell it
    #[arg(long, value_name = "HEIGHTxWIDTH", value_parser = parse_image)]
    pub image_size: Option<ImageShape>,
    /// How sensitivities are estimated: espirit, which leaves out what has no signal, or walsh
    #[arg(long, value_name = "espirit|walsh", default_value = "espirit")]
    pub method: CoilEstimate,
    /// Noise to make the coils uncorrelated with, as in `diph recon`
    #[arg(long, value_name = "FILE[:KEY]|none")]
    pub noise: Option<NoiseSource>,
    /// Sensitivities of virtual coils: their number (8), or with a point the part of the energy that they hold (0.99)
    #[arg(long, value_name = "COILS|ENERGY")]
    pub coil_compression: Option<Compression>,
    /// The file to write: `.npy`, `.npz` or BART's `.cfl`
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace a file that holds something else
    #[arg(long)]
    pub force: bool,
    /// Files in place of the folder
    #[command(flatten)]
    pub files: MeasuredFilesArgs,
}

impl CoilsArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the flag or the file to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let found = match self.files.files(self.trajectory.as_deref(), self.image_size) {
            Some(files) => {
                let measurement = read_measurement(&files, context.memory)?;
                context.output.note_all(measurement.notes.iter().cloned());
                self.estimate(MeasurementSource::Files(&files, &measurement), measurement.image)?
            }
            None => {
                // Clap asks for one of the two.
                let root = self.dataset.clone().unwrap_or_default();
                let folder = DatasetFolder::open(&root).file(&root)?;
                self.estimate(MeasurementSource::Folder(&folder), None)?
            }
        };
        let shape = found.maps.shape().to_vec();
        self.write(AnyArray::Complex32(found.maps.into_dyn()))?;
        let result = json!({
            "out": lossy(&self.out), "method": self.method.to_string(), "shape": shape, "coils": found.coils,
            "energy": found.energy,
        });
        context.output.result(&result, || {
            let kept = found.energy.map(|energy| format!(", {:.2} % of the energy of {}", 100.0 * energy, found.coils));
            format!("{}: sensitivities of {} coils{}", self.out.display(), shape[0], kept.unwrap_or_default())
        })
    }

    fn estimate(&self, from: MeasurementSource<'_>, known: Option<ImageShape>) -> Result<EstimatedCoils, ReconError> {
        let id = SliceId::new(self.vol, self.slice);
        let source = AcquisitionSource {
            from,
            cut: self.cut,
            coefficients: 1,
            trajectory: self.trajectory.as_deref().filter(|_| from.folder().is_some()),
            dictionary: None,
            sequence: None,
            coils: None,
            noise: self.noise.as_ref(),
            compression: self.coil_compression,
        };
        let of_maps = || {
            let folder = from.folder()?;
            ImageShape::try_from(folder.maps(id).ok()?.lengths()).ok()
        };
        let image = self.image_size.or(known).or_else(of_maps).ok_or_else(|| {
            ReconError::setting("image_size", "expected HEIGHTxWIDTH, since the files do not tell it")
        })?;
        source.estimate_coils(id, image, self.method)
    }

    /// Everything is checked before anything is written.
    fn write(&self, maps: AnyArray) -> Result<(), ReconError> {
        let named = [self.dataset.as_deref(), self.trajectory.as_deref()].into_iter().flatten().map(PathBuf::from);
        let kspace = self.files.kspace.iter().flat_map(|location| location.files());
        let inputs: Vec<PathBuf> = named.chain(kspace).collect();
        let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
        let written = maps.to_files(&self.out, COIL_MAPS).file(&self.out)?;
        for (path, bytes) in &written {
            OutputFile::new(path, self.force, &inputs).and_then(|file| file.check(bytes)).file(path)?;
        }
        for (path, bytes) in &written {
            OutputFile::new(path, self.force, &inputs).and_then(|file| file.write(bytes)).file(path)?;
        }
        Ok(())
    }
}
