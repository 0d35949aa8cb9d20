use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use rand::SeedableRng;

use diph_core::Rng;

use super::{ForwardMode, Parameters, UNet, UNetConfig};
use crate::Result;
use crate::ops::Precision;
use crate::ops::gradient_check::{random, relative_error};

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
        let tensor = (random(&shape, seed as u64) * (1.0 / (fan_in as f64).sqrt()))?;
        Ok((name, tensor))
    });
    let tensors = tensors.collect::<Result<_>>()?;
    Parameters::new(config, tensors)
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
        assert_eq!(y.dims(), [2, channels, 8, 8], "{changes}");
        assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|value| value.is_finite()), "{changes}");
    }
    Ok(())
}

/// With the rows of `qkv` sorted accordingly, both orders are the same network.
#[test]
fn attention_orders_differ_in_the_order_of_rows_only() -> Result<()> {
    let (legacy, new) = (config("{}"), config(r#"{ "use_new_attention_order": true }"#));
    let parameters = random_parameters(&legacy)?;
    let mut tensors = parameters.tensors().clone();
    for name in ["middle_block.1.qkv.weight", "middle_block.1.qkv.bias"] {
        let tensor = &tensors[name];
        let mut shape = vec![2, 3, 32];
        shape.extend(&tensor.dims()[1..]);
        let sorted = tensor.reshape(shape)?.transpose(0, 1)?.reshape(tensor.shape())?;
        tensors.insert(name.into(), sorted);
    }
    let sorted = Parameters::new(&new, tensors)?;
    let x = random(&[1, 2, 8, 8], 3);
    let forward = |config: &UNetConfig, parameters: &Parameters| {
        UNet::new(config, parameters)?.forward(&x, &[5.0], None, &mut ForwardMode::Inference)
    };
    assert!(relative_error(&forward(&new, &sorted)?, &forward(&legacy, &parameters)?)? < 1e-6);
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
    assert_eq!(y.abs()?.sum_all()?.to_scalar::<f32>()?, 0.0);
    Ok(())
}

fn norm(x: &Tensor) -> Result<f32> {
    Ok(x.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt())
}

fn variables(parameters: &Parameters) -> Result<BTreeMap<String, Var>> {
    parameters.tensors().iter().map(|(name, tensor)| Ok((name.clone(), Var::from_tensor(tensor)?))).collect()
}

fn tracked(config: &UNetConfig, variables: &BTreeMap<String, Var>) -> Result<Parameters> {
    Parameters::new(
        config,
        variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect(),
    )
}

/// Constants run on planes of an arena, variables on tensors: the same network. The second run finds used memory in the arena.
#[test]
fn planes_and_tensors_give_the_same_output() -> Result<()> {
    for changes in [
        r#"{ "conditional": true, "attention_resolutions": [4], "patch": 2, "image_size": 16 }"#,
        r#"{ "resblock_updown": false, "use_scale_shift_norm": false, "learn_sigma": true, "image_size": 24 }"#,
    ] {
        let config = config(changes);
        let parameters = random_parameters(&config)?;
        let size = config.image_size;
        let x = random(&[2, 2, size, size], 6);
        let condition = config.conditional.then(|| random(&[2, 2, size, size], 7));
        let run = |unet: &UNet| unet.forward(&x, &[100.0, 3.0], condition.as_ref(), &mut ForwardMode::Inference);
        let expected = run(&UNet::new(&config, &tracked(&config, &variables(&parameters)?)?)?)?;
        let unet = UNet::new(&config, &parameters)?;
        for _ in 0..2 {
            let error = norm(&(run(&unet)? - &expected)?)? / norm(&expected)?;
            assert!(error < 1e-5, "{changes}: {error}");
        }
    }
    Ok(())
}

/// Every parameter gets a gradient, and it predicts what a small step does.
#[test]
fn the_whole_network_is_differentiable() -> Result<()> {
    for changes in [
        r#"{ "conditional": true, "attention_resolutions": [4], "patch": 2, "image_size": 16 }"#,
        r#"{ "resblock_updown": false, "use_scale_shift_norm": false }"#,
    ] {
        let config = config(changes);
        let parameters = random_parameters(&config)?;
        let size = config.image_size;
        let (x, weights) = (random(&[1, 2, size, size], 6), random(&[1, 2, size, size], 8));
        let condition = config.conditional.then(|| random(&[1, 2, size, size], 7));
        let loss = |parameters: &Parameters| -> Result<Tensor> {
            let unet = UNet::new(&config, parameters)?;
            let y = unet.forward(&x, &[100.0], condition.as_ref(), &mut ForwardMode::Inference)?;
            Ok((y * &weights)?.sum_all()?)
        };
        let variables = variables(&parameters)?;
        let gradients = loss(&tracked(&config, &variables)?)?.backward()?;
        let directions = variables.iter().enumerate().map(|(seed, (name, variable))| {
            assert!(gradients.get(variable).is_some(), "{name} has no gradient");
            (name.clone(), random(variable.dims(), 1000 + seed as u64))
        });
        let directions: BTreeMap<String, Tensor> = directions.collect();
        let mut derivative = 0.0;
        for (name, direction) in &directions {
            let gradient = gradients.get(&variables[name]).expect("checked above");
            derivative += f64::from((gradient * direction)?.sum_all()?.to_scalar::<f32>()?);
        }
        let moved = |step: f64| -> Result<f64> {
            let tensors = parameters
                .tensors()
                .iter()
                .map(|(name, tensor)| Ok((name.clone(), (tensor + (&directions[name] * step)?)?)));
            let tensors = tensors.collect::<Result<_>>()?;
            Ok(loss(&Parameters::new(&config, tensors)?)?.to_scalar::<f32>()?.into())
        };
        let central = |step: f64| -> Result<f64> { Ok((moved(step)? - moved(-step)?) / (2.0 * step)) };
        let expected = (4.0 * central(1e-3)? - central(2e-3)?) / 3.0;
        assert!((derivative / expected - 1.0).abs() < 1e-2, "{changes}: {derivative}, finite difference {expected}");
    }
    Ok(())
}

/// Our own way back against candle's through the graph, and a second time on used memory.
#[test]
fn backward_finds_the_gradients_of_the_graph() -> Result<()> {
    for changes in [
        r#"{ "conditional": true, "attention_resolutions": [4], "patch": 2, "image_size": 16, "num_res_blocks": 2 }"#,
        r#"{ "resblock_updown": false, "use_scale_shift_norm": false, "dropout": 0.3 }"#,
        r#"{ "resblock_updown": false, "conv_resample": false, "use_new_attention_order": true, "last_kernel": 1 }"#,
    ] {
        let config = config(changes);
        let variables = variables(&random_parameters(&config)?)?;
        let unet = UNet::new(&config, &tracked(&config, &variables)?)?;
        let size = config.image_size;
        let (x, weights) = (random(&[2, 2, size, size], 6), random(&[2, 2, size, size], 8));
        let condition = config.conditional.then(|| random(&[2, 2, size, size], 7));
        let loss = |y: &Tensor| -> Result<Tensor> { Ok((y * &weights)?.sum_all()?) };
        let mut rng = Rng::seed_from_u64(3);
        let mode = &mut ForwardMode::Training(&mut rng);
        let expected = loss(&unet.forward(&x, &[100.0, 7.0], condition.as_ref(), mode)?)?.backward()?;
        for _ in 0..2 {
            let mut rng = Rng::seed_from_u64(3);
            let mode = &mut ForwardMode::Training(&mut rng);
            let mut gradients = unet.backward(&x, &[100.0, 7.0], condition.as_ref(), mode, loss)?;
            for (name, variable) in &variables {
                let gradient = gradients.take_tensor(variable)?.unwrap_or_else(|| panic!("{name} has no gradient"));
                let Some(expected) = expected.get(variable) else { panic!("{name} has no gradient in candle") };
                // Some gradients are zero but for rounding: a bias before the normalisation of a single channel.
                let error = norm(&(gradient - expected)?)? / (norm(expected)? + 0.1);
                assert!(error < 1e-3, "{changes}: {name}: {error}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_of_the_gradients() -> Result<()> {
    let config = config(r#"{ "attention_resolutions": [4] }"#);
    let variables = variables(&random_parameters(&config)?)?;
    let x = random(&[2, 2, 8, 8], 6);
    for precision in [Precision::F32, Precision::Bf16] {
        let run = |threads: usize| -> Result<Vec<Vec<f32>>> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let unet = UNet::with_precision(&config, &tracked(&config, &variables)?, precision)?;
                let loss = |y: &Tensor| -> Result<Tensor> { Ok(y.sqr()?.sum_all()?) };
                let mut gradients = unet.backward(&x, &[1.0, 2.0], None, &mut ForwardMode::Inference, loss)?;
                variables
                    .values()
                    .map(|variable| Ok(gradients.take(variable)?.map(|it| it.to_vec()).unwrap_or_default()))
                    .collect()
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
    assert_eq!(relative_error(&train(1)?, &train(1)?)?, 0.0);
    assert!(relative_error(&train(1)?, &train(2)?)? > 1e-3);
    assert!(relative_error(&train(1)?, &inference)? > 1e-3);
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
