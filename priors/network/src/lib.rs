//! Networks: kernels, the tape, the UNet, its optimiser and its checkpoints.
//!
//! | type | what |
//! |---|---|
//! | [`UNet`], [`UNetConfig`], [`Parameters`] | the network of guided-diffusion, under the names of its state dicts |
//! | [`Network`] | a trained network, whatever runs it |
//! | [`NetworkCost`] | what running a network costs in products and memory |
//! | [`Tensor`], [`Parameter`], [`pixel_shuffle`] | numbers with a shape; numbers that are trained; space to depth |
//! | [`AdamW`], [`ParameterState`], [`GradientSum`] | the optimiser, and the moving averages of parameters |
//! | [`TrainingState`], [`TrainingStateFile`] | a training run on disk, written and read again |
//! | [`Checkpoint`], [`CheckpointConfig`] | weights with all that is known about them; safetensors and PyTorch files |
//!
//! Inference and training run on planes that a convolution reads as it needs them; in training a tape notes what wrote them and finds
//! the way back. All in f32 (convolutions may multiply in bfloat16, see [`Precision`]), threads from rayon, and sums in a fixed
//! order: the same input on the same processor gives the same bits, whatever the number of threads. Kernels run on the best
//! instruction set of the processor; the environment variable `DIPH_CPU` forces `portable`, `avx2`, `avx512` or `amx`.
//!
//! From below to above: `detection`, `products`, `convolution` with `normalisation`, `attention` and `resampling`, `tape`,
//! `feature_maps`, `unet` with `network`, `optimiser` and `checkpoint`. A room uses only what stands before it.
//!
//! A step of training with a loss of one's own, here the squared error of a network with 3 channels in and 1 out:
//!
//! ```
//! use diph_core::Rng;
//! use diph_network::{AdamW, Error, ForwardMode, GradientSum, ParameterState, Parameters, Tensor, UNet, UNetConfig};
//! use rand::SeedableRng;
//!
//! let config: UNetConfig = serde_json::from_str(
//!     r#"{ "image_size": 8, "coefficients": 1, "input_channels": 3, "output_channels": 1, "model_channels": 32,
//!          "channel_mult": [1], "num_res_blocks": 1 }"#,
//! )?;
//! let initial = Parameters::initialise(&config, &mut Rng::seed_from_u64(1))?;
//! // One moving average of each parameter.
//! let mut states: Vec<ParameterState> =
//!     initial.iter().map(|(name, parameter)| ParameterState::new(name.into(), parameter.to_tensor(), 1)).collect();
//! let unet = UNet::new(&config, &Parameters::of_states(&config, &states)?)?;
//!
//! let (x, target) = (Tensor::filled([2, 3, 8, 8], 0.5), Tensor::filled([2, 1, 8, 8], 1.0));
//! let mut losses = Vec::new();
//! for step in 0..3 {
//!     // A network that knows no time is told 0.
//!     let gradients = unet.backward(&x, &[0.0, 0.0], None, &mut ForwardMode::Inference, |output| {
//!         let difference = output.zip(&target, |output, target| output - target)?;
//!         let count = difference.values().len() as f32;
//!         losses.push(difference.values().iter().map(|value| value * value).sum::<f32>() / count);
//!         Ok::<_, Error>(difference.map(|value| 2.0 * value / count))
//!     })?;
//!     let mut sum = GradientSum::new(&states);
//!     sum.add(gradients);
//!     let gradients = sum.finish(unet.arena());
//!     AdamW::new(step, 1e-3, 0.0, [0.9, 0.999], 1.0, &[0.999]).update(&mut states, &gradients)?;
//! }
//! assert!(losses[2] < losses[0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attention;
mod checkpoint;
mod convolution;
mod detection;
mod error;
mod feature_maps;
mod network;
mod normalisation;
mod optimiser;
mod parameter;
mod pixel_shuffle;
mod products;
mod resampling;
mod tape;
mod tensor;
mod unet;

pub use checkpoint::{Checkpoint, CheckpointConfig, TrainingState, TrainingStateFile, WeightFormat};
pub use detection::check_cpu;
pub use error::{Error, Result};
pub use network::Network;
pub use optimiser::{AdamW, GradientSum, ParameterState, gradient_norm};
pub use parameter::Parameter;
pub use pixel_shuffle::{pixel_shuffle, pixel_unshuffle};
pub use products::precision::Precision;
pub use tape::{Arena, Buffer, Gradients};
pub use tensor::Tensor;
pub use unet::{ForwardMode, NetworkCost, Parameters, UNet, UNetConfig};
