//! What a component is created from beside its options.

use diph_core::{Error, FourierScale, ImageShape};
use diph_plugin_abi::{self as abi, NamedTensor, Str};
use serde::{Deserialize, Serialize};

use crate::ArrayData;
use crate::tensors::Input;

/// What was measured and how: named arrays and facts. `diph_plugin.h` has a table of their names, units and meanings.
///
/// The registry gives a component the arrays that it declares; the others do not cross the border.
#[derive(Clone, Debug, Default)]
pub struct Acquisition<'a> {
    arrays: Vec<NamedArray<'a>>,
    /// What is known of the acquisition beside its arrays.
    pub facts: Facts,
}

/// An array with the name by which a plugin asks for it, for example `trajectory`.
#[derive(Clone, Debug)]
pub struct NamedArray<'a> {
    /// Name of the array, by the table in `diph_plugin.h`.
    pub name: String,
    /// Values of the array.
    pub data: ArrayData<'a>,
}

impl<'a> Acquisition<'a> {
    /// Makes an acquisition of facts alone; [`with`](Self::with) adds arrays.
    pub fn new(facts: Facts) -> Self {
        Self { arrays: Vec::new(), facts }
    }

    /// Adds an array, owned or borrowed, or puts it in the place of the one of the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, data: impl Into<ArrayData<'a>>) -> Self {
        let (name, data) = (name.into(), data.into());
        self.arrays.retain(|array| array.name != name);
        self.arrays.push(NamedArray { name, data });
        self
    }

    /// The named arrays, in the order in which they were added.
    pub fn arrays(&self) -> &[NamedArray<'a>] {
        &self.arrays
    }

    /// Whether there is an array of this name.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.iter().any(|array| array.name == name)
    }

    /// Overwrites the values of all arrays, so that a component that reads one after `create` cannot go on unnoticed.
    pub(crate) fn poison(&mut self) {
        self.arrays.iter_mut().for_each(|array| array.data.poison());
    }

    /// The same without the array of this name.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.arrays.retain(|array| array.name != name);
        self
    }

    /// The form that crosses the border, with the arrays for which `wanted` holds, and with the image as the component takes
    /// it.
    pub(crate) fn raw(&self, image: Option<ImageShape>, wanted: impl Fn(&str) -> bool) -> RawAcquisition<'_> {
        let arrays: Vec<&NamedArray<'a>> = self.arrays.iter().filter(|array| wanted(&array.name)).collect();
        let inputs: Vec<Input<'_>> = arrays.iter().map(|array| Input::array(&array.data)).collect();
        let named = |(array, input): (&&NamedArray<'a>, &Input<'_>)| NamedTensor {
            name: Str::new(&array.name),
            tensor: input.raw(),
            ..NamedTensor::default()
        };
        let tensors: Vec<NamedTensor> = arrays.iter().zip(&inputs).map(named).collect();
        let facts = Facts { image, ..self.facts.clone() };
        let raw = abi::Acquisition { arrays: tensors.as_ptr(), array_count: tensors.len() as u64, ..facts.raw() };
        RawAcquisition { raw, _inputs: inputs, _tensors: tensors }
    }
}

/// A C struct with everything that it points into.
pub(crate) struct RawAcquisition<'a> {
    raw: abi::Acquisition,
    _inputs: Vec<Input<'a>>,
    _tensors: Vec<NamedTensor>,
}

impl RawAcquisition<'_> {
    /// The C struct, valid as long as `self`.
    pub(crate) fn pointer(&self) -> *const abi::Acquisition {
        &raw const self.raw
    }
}

/// Facts of an acquisition; `None` is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "FactsText", into = "FactsText")]
pub struct Facts {
    /// Spatial lengths of the image in pixels.
    pub image: Option<ImageShape>,
    /// Edge lengths of a voxel in m along (z, y, x); that along z does not count for a plane.
    pub voxel_size: Option<[f64; 3]>,
    /// The convention of the measured data for the factor in front of the transform.
    pub fourier_scale: Option<FourierScale>,
    /// Length of the leading axis of images.
    pub coefficients: Option<usize>,
    /// Number of receive coils.
    pub coils: Option<usize>,
    /// Number of frames (readouts) of the sequence.
    pub frames: Option<usize>,
    /// Number of k-space samples of a frame.
    pub samples: Option<usize>,
}

impl Facts {
    /// Names of all facts, as requirements list them.
    pub const NAMES: [&'static str; 7] =
        ["image", "voxel_size", "fourier_scale", "coefficients", "coils", "frames", "samples"];

    /// Whether the fact of this name is known.
    pub fn knows(&self, name: &str) -> bool {
        match name {
            "image" => self.image.is_some(),
            "voxel_size" => self.voxel_size.is_some() && self.image.is_some(),
            "fourier_scale" => self.fourier_scale.is_some(),
            "coefficients" => self.coefficients.is_some(),
            "coils" => self.coils.is_some(),
            "frames" => self.frames.is_some(),
            "samples" => self.samples.is_some(),
            _ => false,
        }
    }

    fn raw(&self) -> abi::Acquisition {
        let length = |fact: Option<usize>| fact.unwrap_or(0) as u64;
        let mut raw = abi::Acquisition {
            fourier_scale: match self.fourier_scale {
                None => abi::Acquisition::FOURIER_UNKNOWN,
                Some(FourierScale::Unitary) => abi::Acquisition::FOURIER_UNITARY,
                Some(FourierScale::TwiceOversampled) => abi::Acquisition::FOURIER_TWICE_OVERSAMPLED,
            },
            coefficients: length(self.coefficients),
            coils: length(self.coils),
            frames: length(self.frames),
            samples: length(self.samples),
            ..abi::Acquisition::default()
        };
        if let Some(image) = &self.image {
            let axes = image.lengths().len();
            raw.image_ndim = axes as u32;
            raw.image.iter_mut().zip(image.lengths()).for_each(|(raw, length)| *raw = *length as u64);
            let voxel = self.voxel_size.unwrap_or_default();
            raw.voxel_size[..axes].copy_from_slice(&voxel[3 - axes..]);
        }
        raw
    }
}

/// Facts as they stand in the example of a descriptor.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct FactsText {
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voxel_size: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fourier_scale: Option<FourierScale>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coefficients: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coils: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<usize>,
}

impl TryFrom<FactsText> for Facts {
    type Error = Error;

    fn try_from(text: FactsText) -> Result<Self, Error> {
        let image = text.image.map(|lengths| ImageShape::try_from(&*lengths)).transpose()?;
        let voxel = |lengths: Vec<f64>| match *lengths {
            [y, x] => Ok([0.0, y, x]),
            [z, y, x] => Ok([z, y, x]),
            _ => Err(Error::parameter("facts", "voxel_size", "two or three lengths", lengths.len())),
        };
        Ok(Self {
            image,
            voxel_size: text.voxel_size.map(voxel).transpose()?,
            fourier_scale: text.fourier_scale,
            coefficients: text.coefficients,
            coils: text.coils,
            frames: text.frames,
            samples: text.samples,
        })
    }
}

impl From<Facts> for FactsText {
    fn from(facts: Facts) -> Self {
        let axes = facts.image.map_or(3, |image| image.lengths().len());
        Self {
            image: facts.image.map(|image| image.lengths().to_vec()),
            voxel_size: facts.voxel_size.map(|lengths| lengths[3 - axes..].to_vec()),
            fourier_scale: facts.fourier_scale,
            coefficients: facts.coefficients,
            coils: facts.coils,
            frames: facts.frames,
            samples: facts.samples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_json_and_cross_the_border() {
        let facts: Facts =
            serde_json::from_str(r#"{"image": [5, 6], "voxel_size": [0.001, 0.002], "fourier_scale": "unitary"}"#)
                .unwrap();
        let raw = facts.raw();
        assert_eq!((raw.image_ndim, raw.image, raw.voxel_size), (2, [5, 6, 0], [0.001, 0.002, 0.0]));
        assert_eq!((raw.fourier_scale, raw.coils), (abi::Acquisition::FOURIER_UNITARY, 0));
        assert_eq!(serde_json::from_value::<Facts>(serde_json::to_value(&facts).unwrap()).unwrap(), facts);
        for wrong in [r#"{"image": [5]}"#, r#"{"colour": 1}"#, r#"{"voxel_size": [1.0]}"#] {
            assert!(serde_json::from_str::<Facts>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_fact_has_a_name() {
        let all = Facts {
            image: Some(ImageShape::volume(2, 3, 4)),
            voxel_size: Some([1e-3; 3]),
            fourier_scale: Some(FourierScale::Unitary),
            coefficients: Some(1),
            coils: Some(1),
            frames: Some(1),
            samples: Some(1),
        };
        for name in Facts::NAMES {
            assert!(all.knows(name) && !Facts::default().knows(name), "{name}");
        }
        assert!(!all.knows("colour"));
    }
}
