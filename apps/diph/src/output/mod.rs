//! What a run says to its user and to other programs: progress, results, errors and exit codes.

mod app_error;
mod bar;
mod exit;
mod interrupt;
mod mode;
mod output;
mod table;

pub use app_error::{AppError, BlameFlag};
pub use bar::Bar;
pub use exit::Exit;
pub use interrupt::cancel_on_ctrl_c;
pub use mode::Mode;
pub use output::Output;
pub use table::Table;
