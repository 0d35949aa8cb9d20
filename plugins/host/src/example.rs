//! Small instances for checkers.

use std::collections::BTreeMap;

use diph_core::{ImageShape, Result, Rng};
use ndarray::{Array1, ArrayD, IxDyn, s};
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::tensors::ALIGNMENT;
use crate::{Acquisition, ArrayData, ElementType, Facts};

/// From which a checker makes a small instance of a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Options to create it with.
    pub options: serde_json::Value,
    /// Facts to create it with.
    #[serde(default)]
    pub facts: Facts,
    /// Arrays to create it with, by name.
    #[serde(default)]
    pub arrays: BTreeMap<String, ExampleArray>,
    /// Condition images to try a prior with, by name; of type `c64`.
    #[serde(default)]
    pub conditions: BTreeMap<String, ExampleArray>,
    /// Shape (coefficient, y, x) or (coefficient, z, y, x) of an image to try a prior, projector or estimator on.
    #[serde(default = "default_image")]
    pub image: Vec<usize>,
}

/// An array that is drawn uniformly from [low, high); integers include `high`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleArray {
    /// Lengths of the axes, that which changes slowest in memory first.
    pub shape: Vec<usize>,
    /// Element type, such as `f32`.
    pub dtype: ElementType,
    /// Smallest value that is drawn.
    pub low: f64,
    /// Largest value that is drawn.
    pub high: f64,
    /// Only `low`, `low + step`, ... below `high` are drawn, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
}

fn default_image() -> Vec<usize> {
    vec![2, 16, 16]
}

impl Example {
    /// Spatial lengths of [`image`](Self::image).
    ///
    /// # Errors
    /// [`Error::Incompatible`](diph_core::Error::Incompatible) when it is neither the shape of a plane nor that of a volume.
    pub fn image_shape(&self) -> Result<ImageShape> {
        Ok(ImageShape::split("example", &self.image)?.1)
    }

    /// The acquisition, with arrays drawn from a generator seeded with `seed`.
    ///
    /// # Errors
    /// [`Error::Parameter`](diph_core::Error::Parameter) when a shape is absurdly large.
    pub fn draw(&self, seed: u64) -> Result<Acquisition<'static>> {
        let mut rng = Rng::seed_from_u64(seed);
        self.arrays.iter().try_fold(Acquisition::new(self.facts.clone()), |acquisition, (name, array)| {
            Ok(acquisition.with(name, array.draw(name, &mut rng)?))
        })
    }

    /// The acquisition of shapes alone, for estimates of memory.
    pub fn announce(&self) -> Acquisition<'static> {
        self.arrays.iter().fold(Acquisition::new(self.facts.clone()), |acquisition, (name, array)| {
            acquisition.with(name, ArrayData::Announced(array.dtype, array.shape.clone()))
        })
    }

    /// The condition images, drawn from a generator seeded with `seed`.
    ///
    /// # Errors
    /// [`Error::Parameter`](diph_core::Error::Parameter) when a shape is absurdly large, or the type is not `c64`.
    pub fn draw_conditions(&self, seed: u64) -> Result<BTreeMap<String, ArrayD<Complex32>>> {
        let mut rng = Rng::seed_from_u64(seed);
        let draw = |(name, array): (&String, &ExampleArray)| match array.draw(name, &mut rng)? {
            ArrayData::C64(image) => Ok((name.clone(), image.into_owned())),
            _ => Err(diph_core::Error::parameter("example", format!("condition `{name}`"), "dtype c64", "another")),
        };
        self.conditions.iter().map(draw).collect()
    }
}

/// An image of this shape, drawn uniformly from [-1, 1) in both parts by a generator seeded with `seed`.
///
/// # Errors
/// [`Error::Parameter`](diph_core::Error::Parameter) when the shape is absurdly large.
pub fn draw_image(shape: &[usize], seed: u64) -> Result<ArrayD<Complex32>> {
    let image = ExampleArray { shape: shape.to_vec(), dtype: ElementType::C64, low: -1.0, high: 1.0, step: None };
    match image.draw("image", &mut Rng::seed_from_u64(seed))? {
        ArrayData::C64(image) => Ok(image.into_owned()),
        _ => Err(diph_core::Error::external("example", "an image that is not complex")),
    }
}

impl ExampleArray {
    fn draw(&self, name: &str, rng: &mut Rng) -> Result<ArrayData<'static>> {
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
            ElementType::F32 => self.fill(|| real() as f32).into(),
            ElementType::F64 => self.fill(real).into(),
            ElementType::C64 => self.fill(|| Complex32::new(real() as f32, real() as f32)).into(),
            ElementType::C128 => self.fill(|| Complex64::new(real(), real())).into(),
            ElementType::I32 => self.fill(|| rng.random_range(self.low as i32..=self.high as i32)).into(),
            ElementType::I64 => self.fill(|| rng.random_range(self.low as i64..=self.high as i64)).into(),
            ElementType::U8 => self.fill(|| rng.random_range(self.low as u8..=self.high as u8)).into(),
        })
    }

    /// Aligned, so that the plugin sees this memory itself, and not a copy of it, when its values are overwritten.
    fn fill<T: Clone + Default>(&self, mut value: impl FnMut() -> T) -> ArrayD<T> {
        let (length, slack) = (self.shape.iter().product::<usize>(), ALIGNMENT / size_of::<T>());
        let memory = Array1::from_elem(length + slack, T::default());
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(slack);
        let array = memory.slice_move(s![start..start + length]).into_shape_with_order(IxDyn(&self.shape));
        let mut array = array.unwrap_or_else(|_| ArrayD::from_elem(IxDyn(&self.shape), T::default()));
        array.iter_mut().for_each(|place| *place = value());
        array
    }
}
