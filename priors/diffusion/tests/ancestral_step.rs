//! The solver's ancestral step against that of the diffusion process.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use diph_core::{AnnealedSettings, AnnealedSplitting, Identity, ImageShape, Iteration, Problem, Renoising, Rng, Space};
use diph_diffusion::{Checkpoint, DiffusionPrior, ModelConfig, PriorOptions, Respacing};
use diph_network::{ForwardMode, Parameters, Tensor, UNet};
use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;

const SIZE: usize = 16;

/// Real channels re_0, im_0, re_1, ... of an image.
fn channels(image: &ArrayD<Complex32>) -> diph_network::Result<Tensor> {
    let planes = image.outer_iter().flat_map(|plane| {
        let [re, im] = [|value: &Complex32| value.re, |value: &Complex32| value.im];
        plane.iter().map(re).chain(plane.iter().map(im)).collect::<Vec<f32>>()
    });
    Tensor::new([1, 2 * image.len_of(ndarray::Axis(0)), SIZE, SIZE], planes.collect())
}

#[test]
fn the_solver_takes_the_step_of_the_diffusion_process() -> Result<(), Box<dyn Error>> {
    let mut config: ModelConfig = serde_json::from_str(
        r#"{ "unet": { "image_size": 16, "coefficients": 2, "model_channels": 32, "channel_mult": [1, 1],
             "num_res_blocks": 1 } }"#,
    )?;
    config.diffusion.variance = diph_diffusion::Variance::FixedSmall;
    let parameters = Parameters::initialise(&config.unet, &mut Rng::seed_from_u64(1))?;
    let mut tensors = parameters.to_tensors();
    let last = tensors.get("out.2.weight").ok_or("no last convolution")?;
    let last = last.map(|value| value + 1e-2);
    tensors.insert("out.2.weight".into(), last);
    let parameters = Parameters::new(&config.unet, tensors)?;
    let unet = UNet::new(&config.unet, &parameters)?;
    let diffusion = config.diffusion.respaced(&Respacing::Sections(vec![8]))?;
    let prior =
        DiffusionPrior::new(&Checkpoint { config, parameters, notes: BTreeMap::new() }, PriorOptions::default())?;

    let identity = Arc::new(Identity::new(Space::image(2, &ImageShape::plane(SIZE, SIZE))));
    let problem = Problem::new(identity, 1.0, 1.0, ArrayD::zeros(vec![2, SIZE, SIZE]).view())?;
    let (schedule, conditions) = (diffusion.noise_schedule(), BTreeMap::new());
    let settings =
        AnnealedSettings { iterations: 8, renoising: Renoising::DdpmPosterior, ..AnnealedSettings::default() };
    let solver = AnnealedSplitting {
        problem: &problem,
        prior: &prior,
        projector: None,
        schedule: &schedule,
        conditions: &conditions,
        settings,
        seed: 3,
    };
    let mut state = solver.start()?;
    for index in (0..8).rev() {
        let x_t = channels(&state.x_t)?;
        let noise = solver.draw_noise(&mut Rng::seed_from_u64(index as u64));
        let (input, times) = diffusion.network_input(&x_t, &[index])?;
        let output = unet.forward(&input, &times, None, &mut ForwardMode::Inference)?;
        let prediction = diffusion.predict(&output, &x_t, &[index], false)?;
        let expected = diffusion.ddpm_step(&prediction, &[index], &channels(&noise)?)?;
        solver.step_with_noise(&mut state, |_| Ok(noise))?;
        let norm = |x: &Tensor| x.values().iter().map(|value| value * value).sum::<f32>().sqrt();
        let difference = norm(&channels(&state.x_t)?.zip(&expected, |got, expected| got - expected)?);
        let norm = norm(&expected);
        assert!(difference < 1e-4 * norm, "step {index}: {difference} of {norm}");
    }
    Ok(())
}
