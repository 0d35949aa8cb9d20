//! A measurement in files that are named one by one: the flags that say how they are to be read.

use std::path::Path;

use clap::Args;
use diph_core::ImageShape;
use diph_datasets::{AxisOrder, Columns, FrameCounter, MeasurementFiles, PositionUnit};
use diph_formats::ArrayLocation;

/// Files in place of a data folder, and their conventions.
#[derive(Args, Debug)]
#[command(next_help_heading = "Measurements outside of a data folder")]
pub struct MeasuredFilesArgs {
    /// K-space instead of a data folder: ISMRMRD raw data with all that belongs to it, or an array (`.npy`, `.npz`, `.mat`, `.h5`, BART's
    /// `.cfl`); where a file holds several, FILE:KEY
    #[arg(long, value_name = "FILE[:KEY]", conflicts_with = "dataset")]
    pub kspace: Option<ArrayLocation>,
    /// Axes of the k-space, slowest first as numpy lists them: coil, frame, shot, sample, slice, or 1 for one that means nothing.
    /// Default: coil,frame,sample, of two axes frame,sample, of BART's files its own order. The shots of a frame become one readout
    #[arg(long, value_name = "NAMES", requires = "kspace")]
    pub kspace_axes: Option<AxisOrder>,
    /// Axes of the trajectory: frame, shot, sample, column, or 1. Default: frame,sample,column, of BART's files its own order.
    /// Complex positions kx + i ky have two columns, which come last
    #[arg(long, value_name = "NAMES", requires = "kspace")]
    pub trajectory_axes: Option<AxisOrder>,
    /// What the columns of the trajectory stand for, for example kx,-ky. Default: ky,kx or kz,ky,kx, of BART's files and of complex
    /// positions kx,ky
    #[arg(long, value_name = "COLUMNS", requires = "kspace", allow_hyphen_values = true)]
    pub trajectory_columns: Option<Columns>,
    /// Unit of the positions: cycles-per-pixel, radians (per pixel), grid (cycles per field of view), or 1/m. Default:
    /// cycles-per-pixel, of BART's files grid
    #[arg(long, value_name = "UNIT", requires = "kspace")]
    pub trajectory_unit: Option<PositionUnit>,
    /// Side of a voxel in mm, or sides DEPTHxHEIGHTxWIDTH, for positions in 1/m
    #[arg(long, value_name = "MM", requires = "kspace", value_parser = parse_voxel)]
    pub voxel_size: Option<Sides>,
    /// What tells the frames of ISMRMRD raw data apart: repetition, contrast, set, phase, segment, step-1, or readout where every
    /// readout is a frame. Default: the one of repetition, contrast, set and phase that counts
    #[arg(long, value_name = "COUNTER", requires = "kspace")]
    pub frame_counter: Option<FrameCounter>,
    /// Density compensation with the axes of the trajectory but its columns, or of one readout. Default: computed
    #[arg(long, value_name = "FILE[:KEY]", requires = "kspace")]
    pub density_compensation: Option<ArrayLocation>,
}

/// Sides of a voxel in metres.
#[derive(Clone, Debug, PartialEq)]
pub struct Sides(Vec<f64>);

impl MeasuredFilesArgs {
    /// The files, where k-space was named.
    pub fn files(&self, trajectory: Option<&Path>, image: Option<ImageShape>) -> Option<MeasurementFiles> {
        let kspace = self.kspace.clone()?;
        Some(MeasurementFiles {
            kspace,
            kspace_axes: self.kspace_axes.clone(),
            trajectory: trajectory.map(location),
            trajectory_axes: self.trajectory_axes.clone(),
            columns: self.trajectory_columns.clone(),
            unit: self.trajectory_unit,
            weights: self.density_compensation.clone(),
            frame_counter: self.frame_counter,
            image,
            voxel: self.voxel_size.as_ref().map(|sides| sides.0.clone()),
        })
    }
}

/// A path that may have a key behind it; one that is no text has none.
fn location(path: &Path) -> ArrayLocation {
    let parsed = path.to_str().and_then(|text| text.parse().ok());
    parsed.unwrap_or_else(|| ArrayLocation::of_file(path))
}

fn parse_voxel(text: &str) -> Result<Sides, String> {
    let side = |side: &str| match side.parse::<f64>() {
        Ok(side) if (0.01..=100.0).contains(&side) => Ok(side / 1000.0),
        _ => Err(format!("expected sides from 0.01 to 100 mm such as 1.2 or 3x1.2x1.2, got `{text}`")),
    };
    let sides = text.split('x').map(side).collect::<Result<Vec<f64>, String>>()?;
    match sides.len() {
        1..=3 => Ok(Sides(sides)),
        count => Err(format!("expected one to three sides, got {count}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_in_millimetres() {
        assert_eq!(parse_voxel("3x1.2x1.2"), Ok(Sides(vec![0.003, 0.0012, 0.0012])));
        for text in ["", "0", "x1", "1x1x1x1", "1mm"] {
            assert!(parse_voxel(text).is_err(), "{text}");
        }
    }
}
