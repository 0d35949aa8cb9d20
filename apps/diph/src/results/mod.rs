//! What reconstructions leave behind: maps, images, metrics, provenance, reports.

mod method_results;
mod slice_files;
mod slice_result;
mod write;

pub use method_results::MethodResults;
pub use slice_files::SliceFiles;
pub use slice_result::SliceResult;
pub use write::{write_bytes, write_json};
