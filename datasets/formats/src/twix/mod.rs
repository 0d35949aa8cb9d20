//! Raw data of Siemens scanners (twix, `.dat`): software VB with one measurement in a file, and VD or VE with several.
//!
//! The format is not published. Layouts are those that the MIT-licensed `twixtools` reads and writes (Ehses).

mod line;
mod protocol;
mod twix_file;

pub use twix_file::TwixFile;
