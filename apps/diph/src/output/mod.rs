//! What a run says to its user and to other programs: progress, results, errors, exit codes and provenance.

mod app_error;
mod bar;
mod blame;
mod cancel;
mod exit;
mod file_hashes;
mod input_file;
mod mode;
mod output;
mod plugin_file;
mod provenance;
mod table;

pub use app_error::AppError;
pub use bar::Bar;
pub use blame::Blame;
pub use cancel::Cancel;
pub use exit::Exit;
pub use file_hashes::FileHashes;
pub use input_file::InputFile;
pub use mode::Mode;
pub use output::Output;
pub use plugin_file::PluginFile;
pub use provenance::Provenance;
pub use table::Table;
