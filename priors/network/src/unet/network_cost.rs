//! What running a network costs, known without running it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use diph_core::{MemoryEstimate, Rng};
use rand::SeedableRng;

use super::counted_map::{CountedMap, Meter};
use super::feature_map::FeatureMap;
use super::forward_mode::ForwardMode;
use super::parameters::{Parameters, Shapes};
use super::unet::UNet;
use super::unet_config::{MOST_PIXELS, UNetConfig};
use crate::feature_maps::Rows;
use crate::products::precision::Precision;
use crate::{Result, Tensor};

/// The network that the speed of the processor is measured with: two thousand million products, so that it takes a few hundredths
/// of a second.
const YARDSTICK: &str = r#"{ "image_size": 64, "coefficients": 5, "model_channels": 64, "channel_mult": [1, 1],
    "num_res_blocks": 1, "attention_resolutions": [] }"#;

/// Work of so many operations is done within 20 seconds on any machine of today, so that a measurement would be a waste.
const UNMEASURED_OPERATIONS: f64 = 200e9;
/// Operations a second of the slowest such machine.
const SLOW_RATE: f64 = 10e9;

/// What running a network costs, counted by sending feature maps without values through the same layers.
///
/// ```
/// use diph_network::{NetworkCost, Precision, UNetConfig};
/// let config: UNetConfig = serde_json::from_str(r#"{ "image_size": 64, "coefficients": 5, "model_channels": 32 }"#)?;
/// let cost = NetworkCost::new(&config, 64, 1, Precision::F32)?;
/// assert_eq!(NetworkCost::new(&config, 128, 1, Precision::F32)?.parameters, cost.parameters);
/// assert!(cost.multiply_adds > 1_000_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkCost {
    /// Numbers in all weights.
    pub parameters: u64,
    /// Products that one forward pass adds up, in convolutions and attention; a product and its addition are two
    /// floating-point operations. Kernels that need fewer count as if they did not.
    pub multiply_adds: u64,
    /// Bytes of the weights in the kernels' order, which inference keeps beside the weights.
    pub packed_weights: u64,
    /// Bytes of the feature maps of inference.
    pub activations: u64,
    /// Bytes of image and condition on their way in, apart and joined, and of the output on its way out.
    pub images: u64,
    /// Bytes of all feature maps in memory, which the tape of a training step keeps.
    pub tape: u64,
    /// Bytes of those in the largest block.
    pub largest_block: u64,
    /// Bytes of what goes into the blocks: with the largest block, all that a step keeps when it computes activations twice.
    pub block_inputs: u64,
}

impl NetworkCost {
    /// Counts for `batch` images of `size` x `size` pixels.
    ///
    /// # Errors
    /// When the configuration makes no network, or the network does not take that size.
    pub fn new(config: &UNetConfig, size: usize, batch: usize, precision: Precision) -> Result<Self> {
        let mut shapes = Shapes::default();
        let unet = UNet::from_source(config, &mut shapes, precision)?;
        let parameters = shapes.shapes.values().map(|shape| shape.iter().product::<usize>() as u64).sum();
        let factor = config.size_factor()?;
        if size == 0 || size > MOST_PIXELS || !size.is_multiple_of(factor) {
            let expected = format!("a multiple of {factor} up to {MOST_PIXELS}");
            return Err(crate::Error::setting("image_size", expected, size));
        }
        let side = size / config.patch;
        let meter = Rc::new(RefCell::new(Meter::default()));
        let embedding = Rows::new(vec![0.0; 4 * config.model_channels], 4 * config.model_channels);
        let x = CountedMap::new([batch, config.in_channels(), side, side], &meter);
        let blocks = run(&unet, x, &embedding, &meter)?;
        let meter = meter.borrow();
        let bytes = |values: usize| (values * size_of::<f32>()) as u64;
        Ok(Self {
            parameters,
            multiply_adds: meter.multiply_adds,
            packed_weights: meter.packed_weights,
            activations: bytes(meter.arena),
            images: bytes(2 * batch * (config.in_channels() + config.out_channels()) * side * side),
            tape: bytes(meter.tape),
            largest_block: bytes(blocks.largest),
            block_inputs: bytes(blocks.inputs),
        })
    }

    /// Floating-point operations of a forward pass.
    pub fn operations(&self) -> f64 {
        2.0 * self.multiply_adds as f64
    }

    /// What a network needs that only denoises: its weights, and what it takes to run.
    pub fn inference_memory(&self) -> MemoryEstimate {
        self.weights_memory().and(self.running_memory())
    }

    /// The weights, and once more as they are read.
    pub fn weights_memory(&self) -> MemoryEstimate {
        let weights = self.parameters * size_of::<f32>() as u64;
        MemoryEstimate::default().kept("network weights", weights).temporary("reading of the network", weights)
    }

    /// What is there from the first run on: weights for the kernels and activations.
    pub fn running_memory(&self) -> MemoryEstimate {
        MemoryEstimate::default()
            .kept("network weights for the kernels", self.packed_weights)
            .kept("network activations", self.activations.saturating_add(self.images))
    }

    /// About how long so many forward passes take on this machine. Long work is reckoned from a short measurement of the
    /// machine, short work (less than 200 GFLOP) from the speed of a slow one: an upper bound.
    ///
    /// # Errors
    /// When the network of the measurement fails.
    pub fn duration(&self, passes: f64, precision: Precision) -> Result<Duration> {
        let operations = passes * self.operations();
        let rate = if operations < UNMEASURED_OPERATIONS { SLOW_RATE } else { Self::measured_rate(precision)? };
        Ok(Duration::try_from_secs_f64(operations / rate).unwrap_or(Duration::MAX))
    }

    /// Products and additions that this machine does in a second in a small network, on all threads, from two short runs.
    ///
    /// # Errors
    /// When the network fails.
    fn measured_rate(precision: Precision) -> Result<f64> {
        let config: UNetConfig = serde_json::from_str(YARDSTICK)
            .map_err(|error| crate::Error::setting("yardstick", "a configuration of a network", error))?;
        let parameters = Parameters::initialise(&config, &mut Rng::seed_from_u64(0))?;
        let unet = UNet::with_precision(&config, &parameters, precision)?;
        let x = Tensor::filled([1, config.image_channels(), config.image_size, config.image_size], 1.0);
        // The first run brings the weights into order.
        let mut seconds = f64::INFINITY;
        for run in 0..3 {
            let begin = Instant::now();
            unet.forward(&x, &[1.0], None, &mut ForwardMode::Inference)?;
            if run > 0 {
                seconds = begin.elapsed().as_secs_f64().min(seconds);
            }
        }
        let cost = Self::new(&config, config.image_size, 1, precision)?;
        Ok(cost.operations() / seconds.max(1e-9))
    }
}

/// Values of a network's blocks.
#[derive(Default)]
struct Blocks {
    largest: usize,
    inputs: usize,
}

/// The order of [`UNet::forward`], block by block.
fn run(unet: &UNet, x: CountedMap, embedding: &Rows, meter: &Rc<RefCell<Meter>>) -> Result<Blocks> {
    let mut blocks = Blocks::default();
    let mut mode = ForwardMode::Inference;
    let (mut h, mut skips) = (x, Vec::new());
    let way_down = unet.input_blocks.len();
    let all = unet.input_blocks.iter().chain([&unet.middle_block]).chain(&unet.output_blocks);
    for (position, block) in all.enumerate() {
        let before = meter.borrow().tape;
        if position > way_down
            && let Some(skip) = skips.pop()
        {
            h = h.joined(&skip)?;
        }
        blocks.inputs += h.shape().iter().product::<usize>();
        h = block.forward(&h, embedding, &mut mode)?;
        if position < way_down {
            skips.push(h.clone());
        }
        blocks.largest = blocks.largest.max(meter.borrow().tape - before);
    }
    unet.head(&h)?;
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> UNetConfig {
        serde_json::from_str(json).unwrap()
    }

    /// One level, one block: every layer by hand.
    #[test]
    fn a_small_network_is_counted_by_hand() {
        let config = config(
            r#"{ "image_size": 8, "coefficients": 2, "model_channels": 32, "channel_mult": [1], "num_res_blocks": 1,
                "num_heads": 2 }"#,
        );
        let cost = NetworkCost::new(&config, 8, 1, Precision::F32).unwrap();
        let pixels = 64;
        let conv3 = |inputs: u64, outputs: u64| 9 * inputs * outputs * pixels;
        let conv1 = |inputs: u64, outputs: u64| inputs * outputs * pixels;
        let res = |inputs, skip| conv3(inputs, 32) + conv3(32, 32) + if skip { conv1(inputs, 32) } else { 0 };
        let attention = conv1(32, 96) + 2 * 32 * pixels * pixels + conv1(32, 32);
        // In: a convolution and a block; middle: block, attention, block; out: two blocks with the skips beside; the head.
        let by_hand = conv3(4, 32) + attention + res(32, false) + 2 * res(32, false) + 2 * res(64, true) + conv3(32, 4);
        assert_eq!(cost.multiply_adds, by_hand);
        let parameters = Parameters::initialise(&config, &mut Rng::seed_from_u64(0)).unwrap();
        assert_eq!(cost.parameters, parameters.count() as u64);
    }

    /// The size of the published networks: 138 M parameters, 434 GFLOP.
    #[test]
    fn the_published_size_costs_what_is_known_of_it() {
        let config = config(
            r#"{ "image_size": 224, "coefficients": 5, "model_channels": 128, "num_heads": 4, "learn_sigma": true,
                "attention_resolutions": [28, 14, 7] }"#,
        );
        let cost = NetworkCost::new(&config, 224, 1, Precision::F32).unwrap();
        assert_eq!(cost.parameters / 1_000_000, 138);
        assert!((cost.operations() / 434e9 - 1.0).abs() < 0.01, "{}", cost.operations());
        let twice = NetworkCost::new(&config, 224, 2, Precision::F32).unwrap();
        assert_eq!((twice.multiply_adds, twice.tape), (2 * cost.multiply_adds, 2 * cost.tape));
        assert_eq!(twice.packed_weights, cost.packed_weights);
        assert!(cost.activations < cost.tape && cost.block_inputs < cost.tape && cost.largest_block < cost.tape);
    }

    #[test]
    fn the_arena_of_a_real_run_is_as_large() {
        for more in ["", r#", "patch": 2, "resblock_updown": false"#, r#", "use_new_attention_order": true"#] {
            let config = config(&format!(
                r#"{{ "image_size": 32, "coefficients": 2, "model_channels": 32, "channel_mult": [1, 2, 2],
                    "num_res_blocks": 2, "attention_resolutions": [8] {more} }}"#
            ));
            let parameters = Parameters::initialise(&config, &mut Rng::seed_from_u64(0)).unwrap();
            let unet = UNet::new(&config, &parameters).unwrap();
            let x = Tensor::filled([1, 4, 32, 32], 1.0);
            unet.forward(&x, &[1.0], None, &mut ForwardMode::Inference).unwrap();
            let cost = NetworkCost::new(&config, 32, 1, Precision::F32).unwrap();
            let real = unet.arena_bytes();
            assert!(real.abs_diff(cost.activations) * 20 <= real, "{more}: {real} against {}", cost.activations);
        }
    }

    #[test]
    fn sizes_that_the_network_does_not_take_are_refused() {
        let config = config(r#"{ "image_size": 64, "coefficients": 2, "model_channels": 32 }"#);
        for size in [0, 60, 1 << 32] {
            assert!(NetworkCost::new(&config, size, 1, Precision::F32).is_err());
        }
    }

    #[test]
    fn long_work_is_reckoned_by_the_speed_of_the_machine_and_short_work_by_a_slow_one() {
        let config = config(r#"{ "image_size": 64, "coefficients": 2, "model_channels": 32 }"#);
        let cost = NetworkCost::new(&config, 64, 1, Precision::F32).unwrap();
        let seconds = |passes| cost.duration(passes, Precision::F32).unwrap().as_secs_f64();
        assert!((seconds(1.0) / (cost.operations() / SLOW_RATE) - 1.0).abs() < 1e-6);
        let many = 2.0 * UNMEASURED_OPERATIONS / cost.operations();
        assert!(seconds(many) > 0.0 && seconds(many) < 1e4, "{}", seconds(many));
    }
}
