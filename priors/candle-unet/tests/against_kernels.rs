//! The kernels and the tape of diph-network against the modules, whose own gradients another test checks.

mod common;

use candle_core::Device;
use common::{Example, Reference, Result, SETTINGS, config, random, random_parameters, relative_error, values};
use diph_candle_unet::CandleNetwork;
use diph_network::{Error, ForwardMode, Network, ParameterState, Parameters, Precision, Tensor, UNet};

/// Largest error of an output relative to all of it, with products in f32 and in bfloat16.
const OUTPUT_ERRORS: [(Precision, f64); 2] = [(Precision::F32, 1e-5), (Precision::Bf16, 3e-2)];

/// As for outputs: largest error of the gradient by all parameters or by the image, and of that by one parameter.
const GRADIENT_ERRORS: [(Precision, f64, f64); 2] = [(Precision::F32, 1e-5, 1e-4), (Precision::Bf16, 3e-2, 1e-1)];

/// Share of the norm of the whole gradient that counts as the size of every part: some are zero but for rounding, that of a bias
/// before the normalisation of a single channel for example.
const SMALLEST_PART: f64 = 0.1;

#[test]
fn outputs_are_those_of_the_modules() -> Result {
    for changes in SETTINGS {
        let config = config(changes)?;
        let (parameters, example) = (random_parameters(&config)?, Example::new(&config));
        let expected = values(&Reference::new(&config, &parameters, &example)?.output()?)?;
        let check = |name: &str, network: &dyn Network, largest: f64| -> Result {
            let y = network.infer(&example.x, &example.timesteps, example.condition.as_ref())?;
            assert_eq!(y.shape(), example.weights.shape(), "{changes}: {name}");
            let error = relative_error(y.values(), &expected, 0.0);
            println!("{changes}: {name}: {error:.1e}");
            assert!(error < largest, "{changes}: {name}: {error}");
            Ok(())
        };
        check("candle in f32", &CandleNetwork::new(&config, &parameters, &Device::Cpu)?, 1e-5)?;
        for (precision, largest) in OUTPUT_ERRORS {
            let name = format!("kernels in {precision:?}");
            check(&name, &UNet::with_precision(&config, &parameters, precision)?, largest)?;
        }
    }
    Ok(())
}

/// By every parameter and by the image.
#[test]
fn gradients_on_the_tape_are_those_of_the_modules() -> Result {
    for changes in SETTINGS {
        let config = config(changes)?;
        let (parameters, example) = (random_parameters(&config)?, Example::new(&config));
        let (expected, expected_of_image) = Reference::new(&config, &parameters, &example)?.gradients()?;
        let states: Vec<ParameterState> = parameters
            .iter()
            .map(|(name, parameter)| ParameterState::new(name.into(), parameter.to_tensor(), 0))
            .collect();
        let weights = |_: &Tensor| Ok::<_, Error>(example.weights.clone());
        let condition = example.condition.as_ref();
        for (precision, largest, largest_of_one) in GRADIENT_ERRORS {
            let unet = UNet::with_precision(&config, &Parameters::of_states(&config, &states)?, precision)?;
            let mode = &mut ForwardMode::Inference;
            let mut gradients = unet.backward(&example.x, &example.timesteps, condition, mode, weights)?;
            let size = expected.values().flatten().map(|value| value * value).sum::<f64>().sqrt();
            let (mut worst, mut all) = ((0.0, ""), Vec::new());
            for state in &states {
                let name = &state.name;
                let gradient = gradients.take(&state.variable).ok_or_else(|| format!("{name} has no gradient"))?;
                let error = relative_error(&gradient, &expected[name], SMALLEST_PART * size);
                if error > worst.0 {
                    worst = (error, name);
                }
                all.extend_from_slice(&gradient);
            }
            let all_expected: Vec<f64> = expected.values().flatten().copied().collect();
            let error = relative_error(&all, &all_expected, 0.0);
            println!("{changes}: {precision:?}: {error:.1e}, {worst:?}");
            assert!(error < largest, "{changes}: {precision:?}: {error}");
            assert!(worst.0 < largest_of_one, "{changes}: {precision:?}: {worst:?}");
            for parameters in [&parameters, &Parameters::of_states(&config, &states)?] {
                let unet = UNet::with_precision(&config, parameters, precision)?;
                let gradient = unet.input_gradient(&example.x, &example.timesteps, condition, weights)?;
                assert_eq!(gradient.shape(), example.x.shape());
                let error = relative_error(gradient.values(), &expected_of_image, 0.0);
                println!("{changes}: {precision:?}: the image: {error:.1e}");
                assert!(error < largest, "{changes}: {precision:?}: the image: {error}");
            }
        }
    }
    Ok(())
}

#[test]
fn images_that_do_not_fit_are_refused_alike() -> Result {
    let config = config(r#"{ "conditional": true }"#)?;
    let parameters = random_parameters(&config)?;
    let networks: [Box<dyn Network>; 2] =
        [Box::new(UNet::new(&config, &parameters)?), Box::new(CandleNetwork::new(&config, &parameters, &Device::Cpu)?)];
    let x = random(&[1, 2, 8, 8], 10);
    let (odd, small) = (random(&[1, 2, 7, 8], 11), random(&[1, 1, 8, 8], 12));
    for network in networks {
        let refusal = |x: &Tensor, times: &[f32], condition: Option<&Tensor>| {
            network.infer(x, times, condition).map(|_| ()).expect_err("no such images").to_string()
        };
        assert!(refusal(&x, &[1.0], None).contains("an image (conditional network)"));
        assert!(refusal(&x, &[1.0, 2.0], Some(&x)).contains("[2, 2, y, x]"));
        assert!(refusal(&odd, &[1.0], Some(&odd)).contains("sizes that 2 divides"));
        assert!(refusal(&x, &[1.0], Some(&small)).contains("the shape of the image"));
    }
    Ok(())
}
