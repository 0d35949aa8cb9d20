//! What reconstructions leave behind: maps, images, metrics, provenance, reports.

mod method_results;
mod python_results;
mod slice_files;
mod slice_result;
mod step_log;
mod step_report;
mod write;

pub use method_results::MethodResults;
pub use python_results::PythonResults;
pub use slice_files::SliceFiles;
pub use slice_result::SliceResult;
pub use step_log::StepLog;
pub use step_report::StepReport;
pub use write::{write_bytes, write_json};
