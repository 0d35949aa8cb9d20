//! Methods: reconstructions described as data.

mod component;
mod condition_image;
mod effect;
mod intensity;
mod method;
mod read;
mod scale;
mod weights;

pub use component::Component;
pub use condition_image::ConditionImage;
pub use intensity::Intensity;
pub use method::Method;
pub use scale::Scale;
pub use weights::Weights;

/// The built-in methods by name, in the order in which they are listed.
pub const BUILT_IN: [(&str, &str); 12] = [
    ("svd-mrf", include_str!("../../methods/svd-mrf.json")),
    ("lsq", include_str!("../../methods/lsq.json")),
    ("lrtv", include_str!("../../methods/lrtv.json")),
    ("llr", include_str!("../../methods/llr.json")),
    ("wavelet", include_str!("../../methods/wavelet.json")),
    ("mmse", include_str!("../../methods/mmse.json")),
    ("unet", include_str!("../../methods/unet.json")),
    ("ddpm", include_str!("../../methods/ddpm.json")),
    ("mrf-diph-unconditional", include_str!("../../methods/mrf-diph-unconditional.json")),
    ("mrf-diph-conditional", include_str!("../../methods/mrf-diph-conditional.json")),
    ("posterior-unconditional", include_str!("../../methods/posterior-unconditional.json")),
    ("posterior-conditional", include_str!("../../methods/posterior-conditional.json")),
];
