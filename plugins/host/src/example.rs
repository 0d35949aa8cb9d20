//! Small instances for checkers.

use std::collections::BTreeMap;

use diph_core::{ImageShape, Result, Rng};
use ndarray::{ArrayD, IxDyn};
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::{ArrayData, NamedArray};

/// From which a checker makes a small instance of a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Options to create it with.
    pub options: serde_json::Value,
    /// Arrays to create it with, by name.
    #[serde(default)]
    pub arrays: BTreeMap<String, ExampleArray>,
    /// Condition images to try a prior with, by name; of type `c64`.
    #[serde(default)]
    pub conditions: BTreeMap<String, ExampleArray>,
    /// Shape (coefficient, y, x) or (coefficient, z, y, x) of an image to try a prior or a projector on.
    #[serde(default = "default_image")]
    pub image: Vec<usize>,
}

/// An array that is drawn uniformly from [low, high); integers include `high`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleArray {
    /// Axis lengths, slowest first.
    pub shape: Vec<usize>,
    /// Element type, such as `f32`.
    pub dtype: ExampleType,
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// Only `low`, `low + step`, ... below `high` are drawn, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
}

/// Element type of an [`ExampleArray`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExampleType {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Complex of two 32-bit floats.
    C64,
    /// Complex of two 64-bit floats.
    C128,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 8-bit unsigned integer.
    U8,
}

fn default_image() -> Vec<usize> {
    vec![2, 16, 16]
}

impl Example {
    /// Spatial lengths of [`image`](Self::image).
    ///
    /// # Errors
    /// When it is neither the shape of a plane nor that of a volume.
    pub fn image_shape(&self) -> Result<ImageShape> {
        Ok(ImageShape::split("example", &self.image)?.1)
    }

    /// The arrays, drawn from a generator seeded with `seed`.
    ///
    /// # Errors
    /// When a shape is absurdly large.
    pub fn draw(&self, seed: u64) -> Result<Vec<NamedArray>> {
        let mut rng = Rng::seed_from_u64(seed);
        self.arrays.iter().map(|(name, array)| Ok(NamedArray::new(name, array.draw(name, &mut rng)?))).collect()
    }

    /// The condition images, drawn from a generator seeded with `seed`.
    ///
    /// # Errors
    /// When a shape is absurdly large, or the type is not `c64`.
    pub fn draw_conditions(&self, seed: u64) -> Result<BTreeMap<String, ArrayD<Complex32>>> {
        let mut rng = Rng::seed_from_u64(seed);
        let draw = |(name, array): (&String, &ExampleArray)| match array.draw(name, &mut rng)? {
            ArrayData::C64(image) => Ok((name.clone(), image)),
            _ => Err(diph_core::Error::parameter("example", format!("condition `{name}`"), "dtype c64", "another")),
        };
        self.conditions.iter().map(draw).collect()
    }
}

impl ExampleArray {
    fn draw(&self, name: &str, rng: &mut Rng) -> Result<ArrayData> {
        const LARGEST: usize = 1 << 24;
        let length = self.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        if length.is_none_or(|length| length > LARGEST) {
            let expected = format!("at most {LARGEST} elements");
            return Err(diph_core::Error::parameter(
                "example",
                format!("array `{name}`"),
                expected,
                format!("{:?}", self.shape),
            ));
        }
        if !(self.low <= self.high
            && self.low.is_finite()
            && self.high.is_finite()
            && self.step.is_none_or(|step| step > 0.0))
        {
            let got = format!("{} and {}, step {:?}", self.low, self.high, self.step);
            let expected = "finite low <= high and a positive step";
            return Err(diph_core::Error::parameter("example", format!("array `{name}`"), expected, got));
        }
        let mut real = || {
            let above = (self.high - self.low) * rng.random::<f64>();
            self.low + self.step.map_or(above, |step| step * (above / step).floor())
        };
        Ok(match self.dtype {
            ExampleType::F32 => self.fill(|| real() as f32).into(),
            ExampleType::F64 => self.fill(real).into(),
            ExampleType::C64 => self.fill(|| Complex32::new(real() as f32, real() as f32)).into(),
            ExampleType::C128 => self.fill(|| Complex64::new(real(), real())).into(),
            ExampleType::I32 => self.fill(|| rng.random_range(self.low as i32..=self.high as i32)).into(),
            ExampleType::I64 => self.fill(|| rng.random_range(self.low as i64..=self.high as i64)).into(),
            ExampleType::U8 => self.fill(|| rng.random_range(self.low as u8..=self.high as u8)).into(),
        })
    }

    fn fill<T>(&self, mut value: impl FnMut() -> T) -> ArrayD<T> {
        ArrayD::from_shape_simple_fn(IxDyn(&self.shape), &mut value)
    }
}
