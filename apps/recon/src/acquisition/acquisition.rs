//! How slices were measured.

use diph_bloch::Dictionary;
use diph_core::{AcquisitionShape, ImageShape};
use diph_plugin_host::NamedArray;
use ndarray::{Array2, Array3};
use num_complex::Complex32;
use serde_json::{Map, Value};

/// Everything that operator and projector are made from.
#[derive(Clone)]
pub struct Acquisition {
    /// (frame, sample, 2): (ky, kx) in cycles per pixel.
    pub trajectory: Array3<f64>,
    /// (frame, sample): weights for density compensation.
    pub density_compensation: Array2<f32>,
    /// Bloch responses and temporal basis.
    pub dictionary: Dictionary,
    /// Coil sensitivities (coil, y, x); absent for a single coil that sees everything.
    pub coil_maps: Option<Array3<Complex32>>,
    /// Image (height, width) in pixels.
    pub image_size: (usize, usize),
}

impl Acquisition {
    /// Lengths of everything: with weights, and one coil where there are no sensitivities.
    pub fn shape(&self) -> AcquisitionShape {
        let (frames, samples) = self.density_compensation.dim();
        AcquisitionShape {
            image: ImageShape::plane(self.image_size.0, self.image_size.1),
            coefficients: self.dictionary.coefficients(),
            frames,
            samples,
            coils: self.coil_maps.as_ref().map_or(1, |maps| maps.dim().0),
            has_coil_maps: self.coil_maps.is_some(),
            is_weighted: true,
        }
    }

    /// Arrays for an operator plugin, under the names that all operators share.
    pub fn operator_arrays(&self, weighted: bool) -> Vec<NamedArray> {
        let mut arrays = vec![
            NamedArray::new("trajectory", self.trajectory.clone()),
            NamedArray::new("basis", self.dictionary.basis().to_owned()),
        ];
        if weighted {
            arrays.push(NamedArray::new("weights", self.density_compensation.clone()));
        }
        if let Some(maps) = &self.coil_maps {
            arrays.push(NamedArray::new("coil_maps", maps.clone()));
        }
        arrays
    }

    /// Options of an operator: those of the method, the size of the image, and the scale of the files' k-space, unless
    /// the method has its own.
    pub fn operator_options(&self, options: &Map<String, Value>) -> Value {
        let mut options = options.clone();
        options.insert("image".into(), serde_json::json!([self.image_size.0, self.image_size.1]));
        options.entry("normalisation").or_insert("twice_oversampled".into());
        Value::Object(options)
    }

    /// Arrays for a projector plugin, under the names that all projectors share.
    pub fn projector_arrays(&self) -> Vec<NamedArray> {
        vec![
            NamedArray::new("atoms", self.dictionary.atoms().to_owned()),
            NamedArray::new("norms", self.dictionary.norms().to_owned()),
            NamedArray::new("lut", self.dictionary.lut().to_owned()),
        ]
    }
}
