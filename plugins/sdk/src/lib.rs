//! Write a Diph plugin in Rust: implement a trait of `diph-core`, describe it with [`Component`], export it with
//! [`export_plugin!`].
//!
//! The package's crate type is `["cdylib"]` alone. A plugin that is linked into a host as well is an ordinary library with
//! [`plugin!`], and a thin package of type `cdylib` exports it. A whole plugin:
//!
//! ```
//! use diph_plugin_sdk::core::{ForwardOperator, ImageShape, Result, Space, View, ViewMut};
//! use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, export_plugin};
//! use ndarray::{Array2, Ix2};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! /// Multiplies every pixel of a one-coefficient image by a gain.
//! struct Gain {
//!     gain: Array2<f32>,
//!     factor: f32,
//!     image: Space,
//! }
//!
//! impl Gain {
//!     fn apply(&self, role: &str, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
//!         let (x, out) = (self.image.slice("gain", role, &x)?, self.image.slice_mut("gain", "result", out)?);
//!         for ((out, x), gain) in out.iter_mut().zip(x).zip(&self.gain) {
//!             *out = *x * *gain * self.factor;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! impl ForwardOperator for Gain {
//!     fn name(&self) -> &str {
//!         "gain"
//!     }
//!     fn domain(&self) -> &Space {
//!         &self.image
//!     }
//!     fn range(&self) -> &Space {
//!         &self.image
//!     }
//!     fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
//!         self.apply("image", x, y)
//!     }
//!     fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
//!         self.apply("samples", y, x)
//!     }
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Options {
//!     /// Factor for all pixels.
//!     factor: f32,
//! }
//!
//! impl Component for Gain {
//!     const ID: &'static str = "example.gain";
//!     const NAME: &'static str = "Gain";
//!     const SUMMARY: &'static str = "Multiplies every pixel by a gain";
//!     const REQUIRES: Requirements = Requirements { arrays: &["gain"], ..Requirements::NONE };
//!     const EXAMPLE: &'static str =
//!         r#"{"options": {"factor": 2.0}, "arrays": {"gain": {"shape": [8, 9], "dtype": "f32", "low": 0.5, "high": 1.5}}}"#;
//!     type Options = Options;
//!     type Instance = Self;
//!
//!     fn create(options: Options, acquisition: &Acquisition<'_>, _host: &Host) -> Result<Self> {
//!         let gain = acquisition.required::<f32, Ix2>("gain")?;
//!         let image = Space::image(1, &ImageShape::plane(gain.nrows(), gain.ncols()));
//!         Ok(Self { gain, factor: options.factor, image })
//!     }
//! }
//!
//! export_plugin! { operator: Gain }
//! # fn main() {}
//! ```
//!
//! Every function that crosses the border catches panics and turns errors into a status and a message.

mod acquisition;
mod component;
mod estimator_shim;
mod export;
mod failure;
mod host;
mod maps;
mod operator_shim;
mod plugin;
mod prior_shim;
mod projector_shim;
mod registration;
mod tensors;

pub use acquisition::Acquisition;
pub use component::{Component, Requirements, Uses};
pub use diph_core as core;
pub use diph_plugin_abi as abi;
pub use host::{Host, LogLevel};
pub use ndarray;
pub use num_complex;
pub use plugin::Plugin;
pub use registration::Registration;
pub use tensors::Element;
