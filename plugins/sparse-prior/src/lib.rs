//! Plugin with the priors of `diph-sparse`: `diph.total-variation`, `diph.locally-low-rank` and `diph.wavelet`.
//! They need no arrays.

use diph_core::{MemoryEstimate, Result, SpatialAxes};
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, Uses, plugin};
use diph_sparse::{
    LocallyLowRank, LocallyLowRankOptions, TotalVariation, TotalVariationOptions, Wavelet, WaveletOptions,
};
use num_complex::Complex32;

/// No arrays; the facts are for the estimate of memory.
const PLANES: Requirements =
    Requirements { optional_facts: &["image", "coefficients"], spatial_axes: SpatialAxes::Two, ..Requirements::NONE };

/// What so many complex images of the acquisition take while the prior runs.
fn images(name: &str, images: u64, shapes: &Acquisition<'_>) -> Result<Option<MemoryEstimate>> {
    let image = MemoryEstimate::array::<Complex32>(&[shapes.coefficients()?, shapes.image()?.pixels()]);
    Ok(Some(MemoryEstimate::default().temporary(name, image.saturating_mul(images))))
}

/// The component `diph.total-variation`, a [`TotalVariation`] prior.
pub struct TotalVariationPrior;

impl Component for TotalVariationPrior {
    const ID: &'static str = "diph.total-variation";
    const NAME: &'static str = "Total variation";
    const SUMMARY: &'static str = "Isotropic total variation, joint over the coefficients";
    const REQUIRES: Requirements = Requirements { spatial_axes: SpatialAxes::Either, ..PLANES };
    const EXAMPLE: &'static str = r#"{"options": {"iterations": 2000, "tolerance": 1e-4}, "facts": {"image": [17, 16], "coefficients": 3}, "image": [3, 17, 16]}"#;
    type Options = TotalVariationOptions;
    type Instance = TotalVariation;

    fn create(options: TotalVariationOptions, _acquisition: &Acquisition<'_>, _host: &Host) -> Result<TotalVariation> {
        TotalVariation::new(options)
    }

    fn memory(_: TotalVariationOptions, shapes: &Acquisition<'_>, _: Uses) -> Result<Option<MemoryEstimate>> {
        // Dual variables along two directions, twice for the acceleration; of a volume along three, three times, beside the
        // image as it came and as it is.
        let count = if shapes.image()?.is_volume() { 11 } else { 5 };
        images("total variation", count, shapes)
    }
}

/// The component `diph.locally-low-rank`, a [`LocallyLowRank`] prior.
pub struct LocallyLowRankPrior;

impl Component for LocallyLowRankPrior {
    const ID: &'static str = "diph.locally-low-rank";
    const NAME: &'static str = "Locally low rank";
    const SUMMARY: &'static str = "Nuclear norm of blocks of pixels x coefficients";
    const REQUIRES: Requirements = PLANES;
    const EXAMPLE: &'static str = r#"{"options": {"block": 5, "shift": "none"}, "facts": {"image": [17, 16], "coefficients": 3}, "image": [3, 17, 16]}"#;
    type Options = LocallyLowRankOptions;
    type Instance = LocallyLowRank;

    fn create(options: LocallyLowRankOptions, _acquisition: &Acquisition<'_>, _host: &Host) -> Result<LocallyLowRank> {
        LocallyLowRank::new(options)
    }

    fn memory(_: LocallyLowRankOptions, shapes: &Acquisition<'_>, _: Uses) -> Result<Option<MemoryEstimate>> {
        images("prior", 3, shapes)
    }
}

/// The component `diph.wavelet`, a [`Wavelet`] prior.
pub struct WaveletPrior;

impl Component for WaveletPrior {
    const ID: &'static str = "diph.wavelet";
    const NAME: &'static str = "Wavelet";
    const SUMMARY: &'static str = "Soft thresholding in an orthogonal wavelet basis, joint over the coefficients";
    const REQUIRES: Requirements = PLANES;
    const EXAMPLE: &'static str = r#"{"options": {"levels": 3, "shift": "none"}, "facts": {"image": [17, 16], "coefficients": 3}, "image": [3, 17, 16]}"#;
    type Options = WaveletOptions;
    type Instance = Wavelet;

    fn create(options: WaveletOptions, _acquisition: &Acquisition<'_>, _host: &Host) -> Result<Wavelet> {
        Wavelet::new(options)
    }

    fn memory(_: WaveletOptions, shapes: &Acquisition<'_>, _: Uses) -> Result<Option<MemoryEstimate>> {
        images("prior", 3, shapes)
    }
}

plugin! {
    prior: TotalVariationPrior,
    prior: LocallyLowRankPrior,
    prior: WaveletPrior,
}
