//! The acquisition of `diph demo`.

use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_core::{ImageShape, Result};
use diph_nufft::{SpiralOptions, Trajectory, density};

use super::Acquisition;
use super::positions;

/// The acquisition that needs no file: what `diph demo` measures with, and what `diph train` takes by default.
pub struct DemoAcquisition {
    /// The Deli-CS sequence, cut to 200 frames.
    pub sequence: Sequence,
    /// One arm of a spiral per frame, and a dictionary for the brain.
    pub acquisition: Acquisition,
}

impl DemoAcquisition {
    /// 200 frames: the undersampling that the built-in methods are tuned for.
    pub const CUT: usize = 3;

    /// The acquisition of images of a size (height, width) with a number of coefficients.
    ///
    /// # Errors
    /// When there are no or more coefficients than frames.
    pub fn new((height, width): (usize, usize), coefficients: usize) -> Result<Self> {
        let sequence = Sequence::deli_cs().truncated(Sequence::CUTS[Self::CUT])?;
        let dictionary = Dictionary::simulate(&sequence, &DictionaryGrid::brain(), coefficients)?;
        let trajectory = Trajectory::spiral(sequence.frames(), &SpiralOptions::default())?;
        let acquisition = Acquisition {
            density_compensation: density::by_area(&trajectory),
            trajectory: positions(&trajectory),
            dictionary,
            coil_maps: None,
            image: ImageShape::plane(height, width),
        };
        Ok(Self { sequence, acquisition })
    }
}
