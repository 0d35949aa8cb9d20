//! The architecture of a network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::normalisation::GROUPS;
use crate::{Error, Result, Tensor};

/// Longest side of an image in pixels: beyond any scan, and small enough that no product of lengths overflows.
pub(crate) const MOST_PIXELS: usize = 1 << 14;

/// Every switch of the UNet. The names are those of guided-diffusion (Dhariwal & Nichol 2021) where it has them.
///
/// ```
/// use diph_network::UNetConfig;
/// let config: UNetConfig = serde_json::from_str(r#"{ "image_size": 224, "coefficients": 5 }"#)?;
/// assert_eq!(config.multipliers()?, [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UNetConfig {
    /// Height and width of the images, in pixels.
    pub image_size: usize,
    /// Complex coefficients of an image, K: 2 K real channels.
    pub coefficients: usize,
    /// Space-to-depth factor in front, 1, 2 or 4: the UNet proper sees images of `image_size / patch` with `patch^2` times
    /// the channels. `attention_resolutions` and the default of `channel_mult` are about that size.
    #[serde(default = "default::one")]
    pub patch: usize,
    /// Whether a condition image of the same shape (`low_res`) is concatenated to the input.
    #[serde(default)]
    pub conditional: bool,
    /// Whether the output has a second half: the interpolation of the variance.
    #[serde(default)]
    pub learn_sigma: bool,
    /// Real channels of the network's input, where it is no image of K complex coefficients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_channels: Option<usize>,
    /// Real channels of the network's output, where it is no image of K complex coefficients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_channels: Option<usize>,
    /// Channels of the first level.
    #[serde(default = "default::model_channels")]
    pub model_channels: usize,
    /// Channels of each level as multiples of `model_channels`; by default from the image size, see
    /// [`UNetConfig::multipliers`].
    #[serde(default)]
    pub channel_mult: Option<Vec<f64>>,
    /// Residual blocks of each level on the way down; one more on the way up.
    #[serde(default = "default::num_res_blocks")]
    pub num_res_blocks: usize,
    /// Sizes of the feature maps that get attention.
    #[serde(default)]
    pub attention_resolutions: Vec<usize>,
    /// Heads of an attention, unless `num_head_channels` is given.
    #[serde(default = "default::num_heads")]
    pub num_heads: usize,
    /// Channels of a head; the number of heads follows.
    #[serde(default)]
    pub num_head_channels: Option<usize>,
    /// Heads on the way up, `num_heads` by default.
    #[serde(default)]
    pub num_heads_upsample: Option<usize>,
    /// Channels of `qkv` sorted by q, k, v before the heads, instead of by head before q, k, v.
    #[serde(default)]
    pub use_new_attention_order: bool,
    /// Whether the timestep scales and shifts inside of the second normalisation, instead of being added before it.
    #[serde(default = "default::yes")]
    pub use_scale_shift_norm: bool,
    /// Whether resampling happens inside residual blocks.
    #[serde(default = "default::yes")]
    pub resblock_updown: bool,
    /// Whether resampling outside of residual blocks is followed by (up) or is (down) a convolution.
    #[serde(default = "default::yes")]
    pub conv_resample: bool,
    /// Kernel of the last convolution, 3 or 1.
    #[serde(default = "default::three")]
    pub last_kernel: usize,
    /// Share of activations that training drops.
    #[serde(default)]
    pub dropout: f32,
}

mod default {
    pub fn one() -> usize {
        1
    }
    pub fn three() -> usize {
        3
    }
    pub fn model_channels() -> usize {
        128
    }
    pub fn num_res_blocks() -> usize {
        2
    }
    pub fn num_heads() -> usize {
        4
    }
    pub fn yes() -> bool {
        true
    }
}

impl UNetConfig {
    /// Channels of each level as multiples of `model_channels`: `channel_mult`, or by the size that the UNet sees.
    ///
    /// # Errors
    /// When `channel_mult` is absent and there is no rule for the size.
    pub fn multipliers(&self) -> Result<Vec<f64>> {
        if let Some(multipliers) = &self.channel_mult {
            return Ok(multipliers.clone());
        }
        let multipliers: &[f64] = match self.inner_size() {
            512 => &[0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0],
            224 | 256 => &[1.0, 1.0, 2.0, 2.0, 4.0, 4.0],
            128 => &[1.0, 1.0, 2.0, 3.0, 4.0],
            64 => &[1.0, 2.0, 3.0, 4.0],
            size => {
                let expected = "image_size / patch to be 64, 128, 224, 256 or 512, or an explicit list";
                return Err(Error::setting("channel_mult", expected, format!("none and a size of {size}")));
            }
        };
        Ok(multipliers.to_vec())
    }

    /// Channels of each level.
    ///
    /// # Errors
    /// As [`UNetConfig::multipliers`].
    pub fn level_channels(&self) -> Result<Vec<usize>> {
        Ok(self.multipliers()?.iter().map(|multiplier| (multiplier * self.model_channels as f64) as usize).collect())
    }

    /// Height and width that the UNet proper sees.
    pub fn inner_size(&self) -> usize {
        self.image_size / self.patch.max(1)
    }

    /// What divides the height and width of every image that the network takes: patch and levels.
    ///
    /// # Errors
    /// As [`UNetConfig::multipliers`].
    pub fn size_factor(&self) -> Result<usize> {
        Ok(self.patch << self.multipliers()?.len().saturating_sub(1))
    }

    /// Real channels of an input image: 2 K, or [`UNetConfig::input_channels`].
    pub fn image_channels(&self) -> usize {
        self.input_channels.unwrap_or(2 * self.coefficients)
    }

    /// Input channels of the UNet proper.
    pub fn in_channels(&self) -> usize {
        self.image_channels() * self.patch * self.patch * if self.conditional { 2 } else { 1 }
    }

    /// Output channels of the UNet proper.
    pub fn out_channels(&self) -> usize {
        let channels = self.output_channels.unwrap_or(self.image_channels());
        channels * self.patch * self.patch * if self.learn_sigma { 2 } else { 1 }
    }

    /// Whether feature maps at this downsampling factor get attention.
    pub fn has_attention(&self, downsampling: usize) -> bool {
        self.attention_resolutions.iter().any(|resolution| self.inner_size() / resolution == downsampling)
    }

    /// Heads of an attention over `channels`, on the way down and in the middle or on the way up.
    pub fn heads(&self, channels: usize, up: bool) -> usize {
        match (self.num_head_channels, up) {
            (Some(head_channels), _) => channels / head_channels,
            (None, true) => self.num_heads_upsample.unwrap_or(self.num_heads),
            (None, false) => self.num_heads,
        }
    }

    /// Fails on settings that make no network.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the setting.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [
            ("image_size", self.image_size),
            ("coefficients", self.coefficients),
            ("input_channels", self.input_channels.unwrap_or(1)),
            ("output_channels", self.output_channels.unwrap_or(1)),
            ("model_channels", self.model_channels),
            ("num_res_blocks", self.num_res_blocks),
            ("num_heads", self.num_heads),
            ("num_head_channels", self.num_head_channels.unwrap_or(1)),
            ("num_heads_upsample", self.num_heads_upsample.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(Error::setting(name, "at least 1", value));
            }
        }
        if self.image_size > MOST_PIXELS {
            return Err(Error::setting("image_size", format!("at most {MOST_PIXELS}"), self.image_size));
        }
        if !matches!(self.patch, 1 | 2 | 4) {
            return Err(Error::setting("patch", "1, 2 or 4", self.patch));
        }
        if !matches!(self.last_kernel, 1 | 3) {
            return Err(Error::setting("last_kernel", "1 or 3", self.last_kernel));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::setting("dropout", "a number from 0 to below 1", self.dropout));
        }
        if let Some(zero) = self.attention_resolutions.iter().find(|size| **size == 0 || **size > self.inner_size()) {
            let expected = format!("sizes of feature maps, 1 to {}", self.inner_size());
            return Err(Error::setting("attention_resolutions", expected, zero));
        }
        self.check_levels()
    }

    /// Fails on images, timesteps and conditions that the network does not take: `x` must be (batch, channel, y, x) with one timestep
    /// for each image, and `condition` of the same shape where the network is conditional.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name `network input` or `network condition`.
    pub fn check_input(&self, x: &Tensor, timesteps: &[f32], condition: Option<&Tensor>) -> Result<()> {
        let factor = self.size_factor()?;
        let (images, channels) = (timesteps.len(), self.image_channels());
        let fits = match *x.shape() {
            [batch, got, height, width] => {
                let sizes = height.min(width) > 0 && height.is_multiple_of(factor) && width.is_multiple_of(factor);
                batch == images && got == channels && sizes
            }
            _ => false,
        };
        if !fits {
            let expected = format!("[{images}, {channels}, y, x] with sizes that {factor} divides");
            return Err(Error::setting("network input", expected, format!("{:?}", x.shape())));
        }
        let (expected, got) = match (self.conditional, condition) {
            (false, None) => return Ok(()),
            (true, Some(condition)) if condition.shape() == x.shape() => return Ok(()),
            (true, Some(condition)) => {
                (format!("the shape of the image, {:?}", x.shape()), format!("{:?}", condition.shape()))
            }
            (true, None) => ("an image (conditional network)".into(), "none".into()),
            (false, Some(_)) => ("none (unconditional network)".into(), "an image".into()),
        };
        Err(Error::setting("network condition", expected, got))
    }

    fn check_levels(&self) -> Result<()> {
        let levels = self.level_channels()?;
        if levels.is_empty() || levels.len() > 16 {
            return Err(Error::setting("channel_mult", "1 to 16 levels", levels.len()));
        }
        if let Some(channels) = levels.iter().find(|channels| **channels == 0 || **channels % GROUPS != 0) {
            let expected = format!("multiples of {GROUPS} channels on every level");
            return Err(Error::setting("channel_mult", expected, format!("{channels} channels")));
        }
        let factor = self.size_factor()?;
        if !self.image_size.is_multiple_of(factor) {
            let expected = format!("a multiple of {factor} (patch and {} levels)", levels.len());
            return Err(Error::setting("image_size", expected, self.image_size));
        }
        for (level, channels) in levels.iter().enumerate() {
            // The middle block has attention in any case.
            if !self.has_attention(1 << level) && level + 1 < levels.len() {
                continue;
            }
            for up in [false, true] {
                let heads = self.heads(*channels, up);
                if heads == 0 || channels % heads != 0 || self.num_head_channels.is_some_and(|c| c * heads != *channels)
                {
                    let expected = format!("a number of heads that divides {channels} channels");
                    return Err(Error::setting("num_heads or num_head_channels", expected, heads));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> UNetConfig {
        serde_json::from_str(json).expect("a configuration")
    }

    #[test]
    fn sizes_have_the_multipliers_of_the_python_code() -> Result<()> {
        let sizes = [
            (64, vec![1.0, 2.0, 3.0, 4.0]),
            (128, vec![1.0, 1.0, 2.0, 3.0, 4.0]),
            (224, vec![1.0, 1.0, 2.0, 2.0, 4.0, 4.0]),
            (256, vec![1.0, 1.0, 2.0, 2.0, 4.0, 4.0]),
            (512, vec![0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0]),
        ];
        for (size, expected) in sizes {
            let config = config(&format!(r#"{{ "image_size": {size}, "coefficients": 5 }}"#));
            assert_eq!(config.multipliers()?, expected);
        }
        Ok(())
    }

    #[test]
    fn unknown_settings_are_refused() {
        let error = serde_json::from_str::<UNetConfig>(r#"{ "image_size": 64, "coefficients": 5, "chanels": 3 }"#);
        assert!(error.unwrap_err().to_string().contains("unknown field `chanels`"));
    }

    #[test]
    fn settings_that_make_no_network_are_named() {
        for (json, name) in [
            (r#"{ "image_size": 96, "coefficients": 5 }"#, "channel_mult"),
            (r#"{ "image_size": 68, "coefficients": 5, "channel_mult": [1, 2, 2, 2] }"#, "image_size"),
            (r#"{ "image_size": 64, "coefficients": 5, "model_channels": 48 }"#, "channel_mult"),
            (r#"{ "image_size": 64, "coefficients": 0 }"#, "coefficients"),
            (r#"{ "image_size": 64, "coefficients": 5, "patch": 3 }"#, "patch"),
            (r#"{ "image_size": 64, "coefficients": 5, "num_heads": 3, "num_head_channels": 7 }"#, "num_head"),
            (r#"{ "image_size": 64, "coefficients": 5, "attention_resolutions": [0] }"#, "attention_resolutions"),
            (r#"{ "image_size": 64, "coefficients": 5, "dropout": 1.0 }"#, "dropout"),
            (r#"{ "image_size": 64, "coefficients": 5, "last_kernel": 5 }"#, "last_kernel"),
        ] {
            let message = config(json).check().unwrap_err().to_string();
            assert!(message.contains(name), "{json}: {message}");
        }
    }
}
