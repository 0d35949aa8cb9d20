use std::collections::BTreeMap;

use rand::SeedableRng;

use diph_core::Rng;

use super::{ForwardMode, Parameters, UNet, UNetConfig};
use crate::tensor::testing::{random, relative_error};
use crate::{ParameterState, Precision, Result, Tensor};

/// Two levels of 32 and 64 channels on images of 8 x 8, with changes.
fn config(changes: &str) -> UNetConfig {
    let mut settings: serde_json::Value = serde_json::from_str(
        r#"{ "image_size": 8, "coefficients": 1, "model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1,
             "num_heads": 2 }"#,
    )
    .expect("JSON");
    let changes: BTreeMap<String, serde_json::Value> = serde_json::from_str(changes).expect("JSON");
    for (name, value) in changes {
        settings[name] = value;
    }
    serde_json::from_value(settings).expect("a configuration")
}

/// Parameters that are all random, so that blocks which start at zero do something.
fn random_parameters(config: &UNetConfig) -> Result<Parameters> {
    let tensors = Parameters::shapes(config)?.into_iter().enumerate().map(|(seed, (name, shape))| {
        let fan_in: usize = shape[1..].iter().product();
        (name, random(&shape, seed as u64).map(|value| value / (fan_in as f32).sqrt()))
    });
    Parameters::new(config, tensors.collect())
}

fn run(config: &UNetConfig, size: usize) -> Result<Tensor> {
    let unet = UNet::new(config, &random_parameters(config)?)?;
    let x = random(&[2, 2, size, size], 1);
    let condition = config.conditional.then(|| random(&[2, 2, size, size], 2));
    unet.forward(&x, &[3.0, 741.0], condition.as_ref(), &mut ForwardMode::Inference)
}

/// Every switch, with the tensor that shows it.
#[test]
fn switches_have_the_tensors_of_guided_diffusion() -> Result<()> {
    for (changes, tensor, shape) in [
        (r#"{}"#, "input_blocks.0.0.weight", vec![32, 2, 3, 3]),
        (r#"{}"#, "time_embed.0.weight", vec![128, 32]),
        (r#"{}"#, "time_embed.2.bias", vec![128]),
        (r#"{}"#, "input_blocks.2.0.in_layers.2.weight", vec![32, 32, 3, 3]),
        (r#"{}"#, "input_blocks.3.0.skip_connection.weight", vec![64, 32, 1, 1]),
        (r#"{}"#, "input_blocks.1.0.emb_layers.1.weight", vec![64, 128]),
        (r#"{}"#, "middle_block.1.qkv.weight", vec![192, 64, 1]),
        (r#"{}"#, "output_blocks.1.1.out_layers.3.weight", vec![64, 64, 3, 3]),
        (r#"{}"#, "output_blocks.3.0.in_layers.0.weight", vec![64]),
        (r#"{}"#, "out.2.weight", vec![2, 32, 3, 3]),
        (r#"{ "conditional": true }"#, "input_blocks.0.0.weight", vec![32, 4, 3, 3]),
        (r#"{ "learn_sigma": true }"#, "out.2.weight", vec![4, 32, 3, 3]),
        (r#"{ "last_kernel": 1 }"#, "out.2.weight", vec![2, 32, 1, 1]),
        (r#"{ "patch": 2 }"#, "out.2.weight", vec![8, 32, 3, 3]),
        (r#"{ "use_scale_shift_norm": false }"#, "input_blocks.1.0.emb_layers.1.weight", vec![32, 128]),
        (r#"{ "resblock_updown": false }"#, "input_blocks.2.0.op.weight", vec![32, 32, 3, 3]),
        (r#"{ "resblock_updown": false }"#, "output_blocks.1.1.conv.weight", vec![64, 64, 3, 3]),
        (r#"{ "attention_resolutions": [8] }"#, "input_blocks.1.1.proj_out.weight", vec![32, 32, 1]),
        (r#"{ "attention_resolutions": [4] }"#, "output_blocks.1.2.in_layers.2.weight", vec![64, 64, 3, 3]),
        (r#"{ "num_res_blocks": 2 }"#, "output_blocks.5.0.in_layers.0.bias", vec![64]),
    ] {
        let shapes = Parameters::shapes(&config(changes))?;
        assert_eq!(shapes.get(tensor), Some(&shape), "{changes}: {tensor}");
    }
    let without_conv = Parameters::shapes(&config(r#"{ "resblock_updown": false, "conv_resample": false }"#))?;
    assert!(without_conv.keys().all(|name| !name.contains(".op.") && !name.starts_with("output_blocks.1.1")));
    Ok(())
}

#[test]
fn every_switch_runs_and_keeps_the_size() -> Result<()> {
    for (changes, channels) in [
        (r#"{ "conditional": true, "learn_sigma": true }"#, 4),
        (r#"{ "patch": 2, "conditional": true }"#, 2),
        (r#"{ "patch": 4, "learn_sigma": true }"#, 4),
        (r#"{ "resblock_updown": false, "last_kernel": 1 }"#, 2),
        (r#"{ "resblock_updown": false, "conv_resample": false, "use_scale_shift_norm": false }"#, 2),
        (r#"{ "attention_resolutions": [8, 4], "num_head_channels": 16, "num_heads_upsample": 4 }"#, 2),
        (r#"{ "attention_resolutions": [4], "use_new_attention_order": true }"#, 2),
    ] {
        let y = run(&config(changes), 8)?;
        assert_eq!(y.shape(), [2, channels, 8, 8], "{changes}");
        assert!(y.values().iter().all(|value| value.is_finite()), "{changes}");
    }
    Ok(())
}

/// With the rows of `qkv` sorted accordingly, both orders are the same network.
#[test]
fn attention_orders_differ_in_the_order_of_rows_only() -> Result<()> {
    let (legacy, new) = (config("{}"), config(r#"{ "use_new_attention_order": true }"#));
    let parameters = random_parameters(&legacy)?;
    let mut tensors = parameters.to_tensors();
    for name in ["middle_block.1.qkv.weight", "middle_block.1.qkv.bias"] {
        // Two heads of 32 channels: rows by head, then q, k, v, become rows by q, k, v, then head.
        let tensor = &tensors[name];
        let rows: Vec<&[f32]> = tensor.values().chunks(tensor.values().len() / 192).collect();
        let row = |index: usize| rows[(index / 32 % 2 * 3 + index / 64) * 32 + index % 32];
        let sorted = Tensor::new(tensor.shape(), (0..192).flat_map(row).copied().collect())?;
        tensors.insert(name.into(), sorted);
    }
    let sorted = Parameters::new(&new, tensors)?;
    let x = random(&[1, 2, 8, 8], 3);
    let forward = |config: &UNetConfig, parameters: &Parameters| {
        UNet::new(config, parameters)?.forward(&x, &[5.0], None, &mut ForwardMode::Inference)
    };
    let (new, legacy) = (forward(&new, &sorted)?, forward(&legacy, &parameters)?);
    assert!(relative_error(new.values(), legacy.values()) < 1e-6);
    Ok(())
}

#[test]
fn an_untrained_network_gives_zero() -> Result<()> {
    let config = config("{}");
    let parameters = Parameters::initialise(&config, &mut Rng::seed_from_u64(1))?;
    let y = UNet::new(&config, &parameters)?.forward(
        &random(&[1, 2, 8, 8], 4),
        &[9.0],
        None,
        &mut ForwardMode::Inference,
    )?;
    assert!(y.values().iter().all(|value| *value == 0.0));
    Ok(())
}

fn states(parameters: &Parameters) -> Vec<ParameterState> {
    parameters.iter().map(|(name, parameter)| ParameterState::new(name.into(), parameter.to_tensor(), 0)).collect()
}

/// Every parameter gets a gradient, and it predicts what a small step does; the second run finds used memory in the arena.
#[test]
fn the_whole_network_is_differentiable() -> Result<()> {
    for changes in [
        r#"{ "conditional": true, "attention_resolutions": [4], "patch": 2, "image_size": 16, "num_res_blocks": 2 }"#,
        r#"{ "resblock_updown": false, "use_scale_shift_norm": false, "dropout": 0.3, "learn_sigma": true }"#,
        r#"{ "resblock_updown": false, "conv_resample": false, "use_new_attention_order": true, "last_kernel": 1 }"#,
        r#"{ "input_channels": 3, "output_channels": 5 }"#,
    ] {
        let config = config(changes);
        let parameters = random_parameters(&config)?;
        let size = config.image_size;
        let outputs = config.out_channels() / config.patch.pow(2);
        let x = random(&[2, config.image_channels(), size, size], 6);
        let weights = random(&[2, outputs, size, size], 8);
        let condition = config.conditional.then(|| random(x.shape(), 7));
        let loss = |parameters: &Parameters| -> Result<f64> {
            let mode = &mut ForwardMode::Training(&mut Rng::seed_from_u64(3));
            let y = UNet::new(&config, parameters)?.forward(&x, &[100.0, 7.0], condition.as_ref(), mode)?;
            Ok(y.values().iter().zip(weights.values()).map(|(y, weight)| f64::from(*y) * f64::from(*weight)).sum())
        };
        let states = states(&parameters);
        let unet = UNet::new(&config, &Parameters::of_states(&config, &states)?)?;
        let mut first: Option<Vec<Tensor>> = None;
        for _ in 0..2 {
            let mode = &mut ForwardMode::Training(&mut Rng::seed_from_u64(3));
            let weights = |_: &Tensor| Ok::<_, crate::Error>(weights.clone());
            let mut gradients = unet.backward(&x, &[100.0, 7.0], condition.as_ref(), mode, weights)?;
            let take = |state: &ParameterState| {
                gradients.take_tensor(&state.variable).unwrap_or_else(|| panic!("{} has no gradient", state.name))
            };
            let gradients: Vec<Tensor> = states.iter().map(take).collect();
            assert!(first.as_ref().is_none_or(|first| *first == gradients), "{changes}: used memory");
            first = Some(gradients);
        }
        let gradients = first.unwrap_or_default();
        let directions: BTreeMap<String, Tensor> = states
            .iter()
            .enumerate()
            .map(|(seed, state)| (state.name.clone(), random(state.variable.shape(), 1000 + seed as u64)))
            .collect();
        let products = states.iter().zip(&gradients).flat_map(|(state, gradient)| {
            gradient.values().iter().zip(directions[&state.name].values()).map(|(g, d)| f64::from(*g) * f64::from(*d))
        });
        let derivative: f64 = products.sum();
        let moved = |step: f32| -> Result<f64> {
            let tensors = parameters.to_tensors().into_iter().map(|(name, tensor)| {
                let moved = tensor.zip(&directions[&name], |value, direction| value + step * direction)?;
                Ok((name, moved))
            });
            loss(&Parameters::new(&config, tensors.collect::<Result<_>>()?)?)
        };
        let central = |step: f32| -> Result<f64> { Ok((moved(step)? - moved(-step)?) / f64::from(2.0 * step)) };
        let expected = (4.0 * central(1e-3)? - central(2e-3)?) / 3.0;
        assert!((derivative / expected - 1.0).abs() < 1e-2, "{changes}: {derivative}, finite difference {expected}");
    }
    Ok(())
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_of_the_gradients() -> Result<()> {
    let config = config(r#"{ "attention_resolutions": [4] }"#);
    let states = states(&random_parameters(&config)?);
    let x = random(&[2, 2, 8, 8], 6);
    for precision in [Precision::F32, Precision::Bf16] {
        let run = |threads: usize| -> Result<Vec<Vec<f32>>> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let parameters = Parameters::of_states(&config, &states)?;
                let unet = UNet::with_precision(&config, &parameters, precision)?;
                let loss = |y: &Tensor| Ok::<_, crate::Error>(y.map(|value| 2.0 * value));
                let mut gradients = unet.backward(&x, &[1.0, 2.0], None, &mut ForwardMode::Inference, loss)?;
                let take = |state: &ParameterState| gradients.take(&state.variable).map(|it| it.to_vec());
                Ok(states.iter().map(take).map(Option::unwrap_or_default).collect())
            })
        };
        assert!(run(1)? == run(3)?, "{precision:?}");
    }
    Ok(())
}

#[test]
fn dropout_is_for_training_and_follows_its_generator() -> Result<()> {
    let config = config(r#"{ "dropout": 0.5 }"#);
    let unet = UNet::new(&config, &random_parameters(&config)?)?;
    let x = random(&[1, 2, 8, 8], 9);
    let train = |seed: u64| unet.forward(&x, &[1.0], None, &mut ForwardMode::Training(&mut Rng::seed_from_u64(seed)));
    let inference = unet.forward(&x, &[1.0], None, &mut ForwardMode::Inference)?;
    let (first, other) = (train(1)?, train(2)?);
    assert_eq!(first, train(1)?);
    assert!(relative_error(first.values(), other.values()) > 1e-3);
    assert!(relative_error(first.values(), inference.values()) > 1e-3);
    Ok(())
}

#[test]
fn inputs_that_do_not_fit_are_errors() -> Result<()> {
    let config = config(r#"{ "conditional": true }"#);
    let unet = UNet::new(&config, &random_parameters(&config)?)?;
    let x = random(&[1, 2, 8, 8], 10);
    let attempt = |x: &Tensor, times: &[f32], condition: Option<&Tensor>| {
        unet.forward(x, times, condition, &mut ForwardMode::Inference).map(|_| ()).unwrap_err().to_string()
    };
    assert!(attempt(&x, &[1.0], None).contains("an image (conditional network)"));
    assert!(attempt(&x, &[1.0, 2.0], Some(&x)).contains("[2, 2, y, x]"));
    assert!(attempt(&random(&[1, 2, 7, 8], 11), &[1.0], Some(&x)).contains("sizes that 2 divides"));
    assert!(attempt(&x, &[1.0], Some(&random(&[1, 1, 8, 8], 12))).contains("the shape of the image"));
    Ok(())
}
