//! A network as the Python code describes it.

use diph_diffusion::{BetaSchedule, DiffusionConfig, ModelConfig, Parametrisation, Variance};
use diph_network::UNetConfig;
use serde::Deserialize;

/// Arguments with which the Python code builds a network and its diffusion (guided-diffusion's names). -1 and empty texts
/// stand for defaults there.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Arguments")]
pub struct PythonModel(ModelConfig);

impl PythonModel {
    /// The Python code's model in Diph's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.0
    }
}

#[derive(Deserialize)]
struct Arguments {
    image_size: usize,
    ksvd: usize,
    use_condition: bool,
    learn_sigma: bool,
    num_channels: usize,
    #[serde(default)]
    channel_mult: String,
    num_res_blocks: usize,
    attention_resolutions: String,
    num_heads: usize,
    #[serde(default)]
    num_head_channels: Option<i64>,
    #[serde(default)]
    num_heads_upsample: Option<i64>,
    #[serde(default)]
    use_new_attention_order: bool,
    use_scale_shift_norm: bool,
    resblock_updown: bool,
    #[serde(default = "yes")]
    last_conv_k3: bool,
    diffusion_steps: usize,
    noise_schedule: BetaSchedule,
    #[serde(default)]
    predict_xstart: bool,
    #[serde(default)]
    rescale_timesteps: bool,
}

fn yes() -> bool {
    true
}

impl TryFrom<Arguments> for PythonModel {
    type Error = String;

    fn try_from(python: Arguments) -> Result<Self, String> {
        let channel_mult: Vec<f64> = list("channel_mult", &python.channel_mult)?;
        let unet = UNetConfig {
            image_size: python.image_size,
            coefficients: python.ksvd,
            patch: 1,
            conditional: python.use_condition,
            learn_sigma: python.learn_sigma,
            input_channels: None,
            output_channels: None,
            model_channels: python.num_channels,
            channel_mult: (!channel_mult.is_empty()).then_some(channel_mult),
            num_res_blocks: python.num_res_blocks,
            attention_resolutions: list("attention_resolutions", &python.attention_resolutions)?,
            num_heads: python.num_heads,
            num_head_channels: given(python.num_head_channels),
            num_heads_upsample: given(python.num_heads_upsample),
            use_new_attention_order: python.use_new_attention_order,
            use_scale_shift_norm: python.use_scale_shift_norm,
            resblock_updown: python.resblock_updown,
            conv_resample: true,
            last_kernel: if python.last_conv_k3 { 3 } else { 1 },
            dropout: 0.0,
        };
        let diffusion = DiffusionConfig {
            steps: python.diffusion_steps,
            schedule: python.noise_schedule,
            parametrisation: if python.predict_xstart { Parametrisation::X0 } else { Parametrisation::Epsilon },
            variance: if python.learn_sigma { Variance::LearnedRange } else { Variance::FixedLarge },
            rescale_timesteps: python.rescale_timesteps,
        };
        let config = ModelConfig { diffusion, ..ModelConfig::new(unet) };
        config.check().map_err(|error| error.to_string())?;
        Ok(Self(config))
    }
}

fn given(value: Option<i64>) -> Option<usize> {
    value.and_then(|value| usize::try_from(value).ok())
}

/// Numbers with commas between them.
fn list<T: std::str::FromStr>(name: &str, text: &str) -> Result<Vec<T>, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let number = |word: &str| word.parse().map_err(|_| format!("{name}: expected numbers as `16,8`, got `{text}`"));
    words.map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(attention: &str, heads: i64) -> Result<PythonModel, serde_json::Error> {
        serde_json::from_value(serde_json::json!({
            "image_size": 64, "num_channels": 32, "num_res_blocks": 1, "num_heads": 4, "num_heads_upsample": heads,
            "attention_resolutions": attention, "use_scale_shift_norm": true, "resblock_updown": true,
            "learn_sigma": true, "diffusion_steps": 1000, "noise_schedule": "linear", "ksvd": 5, "use_condition": true,
            "use_fp16": false
        }))
    }

    #[test]
    fn minus_one_and_empty_texts_are_defaults() {
        let model = model("16,8", -1).unwrap();
        let unet = &model.config().unet;
        assert_eq!((unet.attention_resolutions.as_slice(), unet.num_heads_upsample), ([16, 8].as_slice(), None));
        assert_eq!((unet.channel_mult.as_ref(), unet.last_kernel, unet.conditional), (None, 3, true));
        assert_eq!(model.config().diffusion.variance, Variance::LearnedRange);
    }

    #[test]
    fn what_makes_no_network_is_named() {
        let error = model("16,x", -1).unwrap_err().to_string();
        assert!(error.contains("attention_resolutions: expected numbers"), "{error}");
        let error = model("16,8", 7).unwrap_err().to_string();
        assert!(error.contains("num_heads"), "{error}");
    }
}
