use super::*;
use crate::diffusion::{BetaSchedule, Parametrisation, SigmaData};
use crate::tensors_for_tests::{random, relative_error};

fn parametrisations() -> [Parametrisation; 5] {
    let [one, each] = [0.6.into(), vec![0.6].into()].map(|sigma_data| Parametrisation::Edm { sigma_data });
    [Parametrisation::Epsilon, Parametrisation::X0, Parametrisation::V, one, each]
}

fn diffusion(config: DiffusionConfig, respacing: &str) -> Result<GaussianDiffusion> {
    config.respaced(&respacing.parse()?)
}

/// Clean image, noise and x_t for three steps.
fn example(diffusion: &GaussianDiffusion, steps: &[usize]) -> Result<(Tensor, Tensor, Tensor)> {
    let shape = [steps.len(), 2, 3, 3];
    let (clean, noise) = (random(&shape, 1), random(&shape, 2));
    let noisy = diffusion.add_noise(&clean, steps, &noise)?;
    Ok((clean, noise, noisy))
}

#[test]
fn respacing_keeps_the_noise_levels() -> Result<()> {
    for schedule in [BetaSchedule::Linear, BetaSchedule::Cosine] {
        let config = DiffusionConfig { schedule, ..DiffusionConfig::default() };
        let all = config.diffusion()?;
        let few = diffusion(config, "ddim25")?;
        assert_eq!((all.steps().len(), few.steps().len()), (1000, 25));
        for step in few.steps() {
            assert_eq!(step.abar, all.steps()[step.timestep].abar);
        }
    }
    Ok(())
}

/// The variances of noise put in directly and step by step agree.
#[test]
fn posterior_is_consistent_with_the_forward_process() -> Result<()> {
    for step in &diffusion(DiffusionConfig::default(), "30")?.steps()[1..] {
        // x_{t-1} = a x_0 + b x_t + posterior noise has signal sqrt(abar_{t-1}) and variance 1 - abar_{t-1}.
        let (a, b) = (step.posterior_weight_of_clean(), step.posterior_weight_of_noisy());
        assert!((a + b * step.abar.sqrt() - step.previous_abar.sqrt()).abs() < 1e-12);
        let variance = b * b * (1.0 - step.abar) + step.posterior_variance;
        assert!((variance - (1.0 - step.previous_abar)).abs() < 1e-12);
    }
    Ok(())
}

#[test]
fn every_parametrisation_recovers_the_image_from_its_target() -> Result<()> {
    for parametrisation in parametrisations() {
        let name = format!("{parametrisation:?}");
        let diffusion = diffusion(DiffusionConfig { parametrisation, ..DiffusionConfig::default() }, "30")?;
        let steps = [1, 10, 20];
        let (clean, noise, noisy) = example(&diffusion, &steps)?;
        let target = diffusion.network_target(&clean, &noisy, &steps)?;
        let recovered = diffusion.clean_from_output(&target, &noisy, &steps)?;
        assert!(relative_error(&recovered, &clean) < 1e-4, "{name}");
        let recovered = diffusion.noise_from_clean(&clean, &noisy, &steps)?;
        assert!(relative_error(&recovered, &noise) < 1e-4);
    }
    Ok(())
}

#[test]
fn network_input_is_scaled_as_the_parametrisation_wants() -> Result<()> {
    let config = DiffusionConfig { rescale_timesteps: true, steps: 4000, ..DiffusionConfig::default() };
    let vp = config.diffusion()?;
    let (_, _, noisy) = example(&vp, &[400, 0])?;
    let (input, times) = vp.network_input(&noisy, &[400, 0])?;
    assert!(relative_error(&input, &noisy) < 1e-6);
    assert_eq!(times, [100.0, 0.0]);
    Ok(())
}

/// DDIM with eta 1 draws from the same distribution as DDPM with the small variance.
#[test]
fn ddim_with_full_noise_is_ddpm() -> Result<()> {
    let config = DiffusionConfig { variance: Variance::FixedSmall, ..DiffusionConfig::default() };
    let diffusion = diffusion(config, "30")?;
    let steps = [0, 1, 29];
    let (_, _, noisy) = example(&diffusion, &steps)?;
    let (output, noise) = (random(noisy.shape(), 3), random(noisy.shape(), 4));
    let prediction = diffusion.predict(&output, &noisy, &steps, true)?;
    let ddpm = diffusion.ddpm_step(&prediction, &steps, &noise)?;
    let ddim = diffusion.ddim_step(&prediction.clean, &noisy, &steps, 1.0, &noise)?;
    assert!(relative_error(&ddim, &ddpm) < 1e-4);
    Ok(())
}

/// With the true image known, a deterministic chain ends at the image.
#[test]
fn the_deterministic_chain_ends_at_the_image() -> Result<()> {
    let diffusion = diffusion(DiffusionConfig::default(), "10")?;
    let (clean, noise, mut x) = example(&diffusion, &[9])?;
    for step in (0..10).rev() {
        x = diffusion.ddim_step(&clean, &x, &[step], 0.0, &noise)?;
    }
    assert!(relative_error(&x, &clean) < 1e-5);
    Ok(())
}

#[test]
fn variances_are_those_of_their_names() -> Result<()> {
    for (variance, channels) in [(Variance::FixedSmall, 2), (Variance::FixedLarge, 2), (Variance::LearnedRange, 4)] {
        let diffusion = diffusion(DiffusionConfig { variance, ..DiffusionConfig::default() }, "30")?;
        let (_, _, noisy) = example(&diffusion, &[0, 7])?;
        let output = random(&[2, channels, 3, 3], 5);
        let log_variance = diffusion.predict(&output, &noisy, &[0, 7], false)?.log_variance;
        let got: Vec<&[f32]> = log_variance.values().chunks_exact(18).collect();
        let (first, step) = (diffusion.steps()[0], diffusion.steps()[7]);
        let expected = match variance {
            Variance::FixedSmall => [first.posterior_log_variance, step.posterior_log_variance],
            Variance::FixedLarge => [first.posterior_log_variance, step.beta.ln()],
            Variance::LearnedRange => {
                let share = (first_interpolation(&output)? + 1.0) / 2.0;
                let between =
                    |step: DiffusionStep| share * step.beta.ln() + (1.0 - share) * step.posterior_log_variance;
                [f64::from(got[0][0]), between(step)]
            }
        };
        for (got, expected) in got.iter().zip(expected) {
            assert!((f64::from(got[0]) - expected).abs() < 1e-5, "{variance:?}: {} {expected}", got[0]);
        }
    }
    Ok(())
}

/// The variance's interpolation at the first pixel of the second image.
fn first_interpolation(output: &Tensor) -> Result<f64> {
    Ok(output.channels(2, 1)?.values()[9].into())
}

#[test]
fn numbers_that_do_not_fit_are_errors() -> Result<()> {
    let diffusion = diffusion(DiffusionConfig::default(), "30")?;
    let (clean, noise, _) = example(&diffusion, &[0, 1])?;
    assert!(diffusion.add_noise(&clean, &[0], &noise).is_err());
    assert!(diffusion.add_noise(&clean, &[0, 30], &noise).unwrap_err().to_string().contains("an index below 30"));
    assert!(DiffusionConfig { steps: 10, ..DiffusionConfig::default() }.diffusion().is_err());
    for sigma_data in [0.0.into(), vec![1.0, f64::NAN].into(), SigmaData::default()] {
        let parametrisation = Parametrisation::Edm { sigma_data };
        assert!(DiffusionConfig { parametrisation, ..DiffusionConfig::default() }.check().is_err());
    }
    Ok(())
}
