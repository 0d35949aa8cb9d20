//! One method over many slices, and what it leaves behind: maps, images, metrics, provenance.

mod method_results;
mod observer;
mod python_results;
mod result_log;
mod results_folder;
mod resume;
mod sampling;
mod slice_coils;
mod slice_files;
mod slice_result;
mod step_log;
mod study;
mod study_run;

pub use method_results::MethodResults;
pub use observer::{FinishedSlice, LoggedStep, Notice, ReconstructedSlice, StudyObserver};
pub use python_results::PythonResults;
pub use result_log::ResultLog;
pub use results_folder::StoredSlice;
use results_folder::{ResultsFolder, RunConfiguration};
pub use slice_files::SliceFiles;
pub use slice_result::SliceResult;
pub use step_log::StepLog;
pub use study::Study;
pub use study_run::StudyRun;
