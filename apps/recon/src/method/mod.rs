//! Methods: reconstructions described as data.

mod component;
mod condition_image;
mod data_scaling;
mod effect;
mod method;
mod read;

pub use component::Component;
pub use condition_image::ConditionImage;
pub use data_scaling::Intensity;
pub use data_scaling::Scale;
pub use data_scaling::Weights;
pub use method::Method;

/// The built-in methods by name, in the order in which they are listed.
pub const BUILT_IN: [(&str, &str); 16] = [
    ("svd-mrf", include_str!("../../methods/svd-mrf.json")),
    ("lsq", include_str!("../../methods/lsq.json")),
    ("lrtv", include_str!("../../methods/lrtv.json")),
    ("llr", include_str!("../../methods/llr.json")),
    ("wavelet", include_str!("../../methods/wavelet.json")),
    ("mmse", include_str!("../../methods/mmse.json")),
    ("unet", include_str!("../../methods/unet.json")),
    ("unet-cascade", include_str!("../../methods/unet-cascade.json")),
    ("pnp", include_str!("../../methods/pnp.json")),
    ("ddpm", include_str!("../../methods/ddpm.json")),
    ("mrf-diph-unconditional", include_str!("../../methods/mrf-diph-unconditional.json")),
    ("mrf-diph-conditional", include_str!("../../methods/mrf-diph-conditional.json")),
    ("mrf-diph-without-data", include_str!("../../methods/mrf-diph-without-data.json")),
    ("mrf-diph-without-bloch", include_str!("../../methods/mrf-diph-without-bloch.json")),
    ("posterior-unconditional", include_str!("../../methods/posterior-unconditional.json")),
    ("posterior-conditional", include_str!("../../methods/posterior-conditional.json")),
];
