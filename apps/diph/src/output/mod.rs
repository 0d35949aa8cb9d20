//! What a run says to its user and to other programs: progress, results, errors, exit codes and provenance.

mod app_error;
mod bar;
mod blame;
mod cancel;
mod exit;
mod mode;
mod output;
mod provenance;
mod table;

pub use app_error::AppError;
pub use bar::Bar;
pub use blame::Blame;
pub use cancel::Cancel;
pub use exit::Exit;
pub use mode::Mode;
pub use output::Output;
pub use provenance::{InputFile, PluginFile, Provenance};
pub use table::Table;
