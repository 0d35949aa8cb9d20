//! How good reconstructed maps and images are: over the reference mask, over the whole head, and class by class of voxels.

mod certainty;
mod evaluation;
mod map_errors;
mod voxel_class;
mod whole_head;

pub use certainty::{Certainty, RegionCertainty};
pub use evaluation::Evaluation;
pub(crate) use evaluation::flat;
pub use map_errors::{ClassErrors, LEAST_VOXELS, MapErrors, RegionErrors, Regions, VoxelErrors};
pub use voxel_class::VoxelClass;
pub use whole_head::whole_head;
