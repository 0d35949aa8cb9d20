//! Plugin with the priors of `diph-sparse`: `diph.total-variation`, `diph.locally-low-rank` and `diph.wavelet`.
//! They need no arrays.

use diph_core::Result;
use diph_plugin_sdk::{Arrays, Component, Host, export_plugin};
use diph_sparse::{
    LocallyLowRank, LocallyLowRankOptions, TotalVariation, TotalVariationOptions, Wavelet, WaveletOptions,
};

struct TotalVariationPrior;

impl Component for TotalVariationPrior {
    const ID: &'static str = "diph.total-variation";
    const NAME: &'static str = "Total variation";
    const SUMMARY: &'static str = "Isotropic total variation, joint over the coefficients";
    const EXAMPLE: &'static str = r#"{"options": {"iterations": 2000, "tolerance": 1e-4}, "image": [3, 17, 16]}"#;
    type Options = TotalVariationOptions;
    type Instance = TotalVariation;

    fn create(options: TotalVariationOptions, _arrays: &Arrays<'_>, host: &Host) -> Result<TotalVariation> {
        host.configure_rayon();
        TotalVariation::new(options)
    }
}

struct LocallyLowRankPrior;

impl Component for LocallyLowRankPrior {
    const ID: &'static str = "diph.locally-low-rank";
    const NAME: &'static str = "Locally low rank";
    const SUMMARY: &'static str = "Nuclear norm of blocks of pixels x coefficients";
    const EXAMPLE: &'static str = r#"{"options": {"block": 5, "shift": "none"}, "image": [3, 17, 16]}"#;
    type Options = LocallyLowRankOptions;
    type Instance = LocallyLowRank;

    fn create(options: LocallyLowRankOptions, _arrays: &Arrays<'_>, host: &Host) -> Result<LocallyLowRank> {
        host.configure_rayon();
        LocallyLowRank::new(options)
    }
}

struct WaveletPrior;

impl Component for WaveletPrior {
    const ID: &'static str = "diph.wavelet";
    const NAME: &'static str = "Wavelet";
    const SUMMARY: &'static str = "Soft thresholding in an orthogonal wavelet basis, joint over the coefficients";
    const EXAMPLE: &'static str = r#"{"options": {"levels": 3, "shift": "none"}, "image": [3, 17, 16]}"#;
    type Options = WaveletOptions;
    type Instance = Wavelet;

    fn create(options: WaveletOptions, _arrays: &Arrays<'_>, host: &Host) -> Result<Wavelet> {
        host.configure_rayon();
        Wavelet::new(options)
    }
}

export_plugin! {
    prior: TotalVariationPrior,
    prior: LocallyLowRankPrior,
    prior: WaveletPrior,
}
