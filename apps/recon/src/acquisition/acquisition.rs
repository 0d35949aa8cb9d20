//! How slices were measured.

use diph_bloch::Dictionary;
use diph_core::{AcquisitionShape, FourierScale, ImageShape};
use diph_plugin_host::{Acquisition as PartsAcquisition, ArrayData, ElementType, Facts};
use ndarray::{Array2, Array3, ArrayD, Axis};
use num_complex::Complex32;

/// Everything that operator and projector are made from.
#[derive(Clone)]
pub struct Acquisition {
    /// (frame, sample, 2): (ky, kx) in cycles per pixel; of a volume (frame, sample, 3): (kz, ky, kx).
    pub trajectory: Array3<f64>,
    /// (frame, sample): weights for density compensation.
    pub density_compensation: Array2<f32>,
    /// Bloch responses and temporal basis.
    pub dictionary: Dictionary,
    /// Coil sensitivities (coil, [z,] y, x); absent for a single coil that sees everything.
    pub coil_maps: Option<ArrayD<Complex32>>,
    /// Spatial lengths of the image: a plane or a volume.
    pub image: ImageShape,
}

impl Acquisition {
    /// Lengths of everything: with weights, and one coil where there are no sensitivities.
    pub fn shape(&self) -> AcquisitionShape {
        let (frames, samples) = self.density_compensation.dim();
        AcquisitionShape {
            image: self.image,
            coefficients: self.dictionary.coefficients(),
            frames,
            samples,
            coils: self.known_coils().unwrap_or(1),
            has_coil_maps: self.coil_maps.is_some(),
            is_weighted: true,
        }
    }

    /// Number of coils, where their sensitivities are known.
    pub fn known_coils(&self) -> Option<usize> {
        self.coil_maps.as_ref().map(|maps| maps.len_of(Axis(0)))
    }

    /// What parts are created from, with data weights or without.
    pub fn for_parts(&self, weighted: bool) -> PartsAcquisition<'_> {
        let acquisition = PartsAcquisition::new(facts(&self.shape()))
            .with("trajectory", self.trajectory.view())
            .with("basis", self.dictionary.basis())
            .with("atoms", self.dictionary.atoms())
            .with("norms", self.dictionary.norms())
            .with("lut", self.dictionary.lut());
        let acquisition = match weighted {
            true => acquisition.with("weights", self.density_compensation.view()),
            false => acquisition,
        };
        match &self.coil_maps {
            Some(maps) => acquisition.with("coil_maps", maps.view()),
            None => acquisition,
        }
    }
}

/// The acquisition of these lengths as parts see it before it is there, for their estimates of memory.
pub fn announced(shape: &AcquisitionShape, atoms: usize, parameters: usize) -> PartsAcquisition<'static> {
    let AcquisitionShape { coefficients, frames, samples, .. } = *shape;
    let array = |element, lengths: &[usize]| ArrayData::Announced(element, lengths.to_vec());
    let acquisition = PartsAcquisition::new(facts(shape))
        .with("trajectory", array(ElementType::F64, &[frames, samples, shape.image.lengths().len()]))
        .with("basis", array(ElementType::F32, &[frames, coefficients]))
        .with("atoms", array(ElementType::F32, &[atoms, coefficients]))
        .with("norms", array(ElementType::F32, &[atoms]))
        .with("lut", array(ElementType::F32, &[atoms, parameters]));
    let acquisition = match shape.is_weighted {
        true => acquisition.with("weights", array(ElementType::F32, &[frames, samples])),
        false => acquisition,
    };
    match shape.has_coil_maps {
        true => acquisition.with("coil_maps", array(ElementType::C64, &shape.image.with_leading(shape.coils))),
        false => acquisition,
    }
}

/// What the files say: k-space comes in the convention of the Python MRF-DiPh code.
fn facts(shape: &AcquisitionShape) -> Facts {
    Facts {
        image: Some(shape.image),
        voxel_size: None,
        fourier_scale: Some(FourierScale::TwiceOversampled),
        coefficients: Some(shape.coefficients),
        coils: Some(shape.coils),
        frames: Some(shape.frames),
        samples: Some(shape.samples),
    }
}
