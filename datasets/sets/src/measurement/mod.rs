//! A measurement from files that a user names one by one, in the conventions of other programs.

mod axis_order;
mod measurement;
mod measurement_files;
mod noise_scan;
mod plain_arrays;
mod position_unit;
mod pulseq_trajectory;
mod scanner_file;

pub use axis_order::AxisOrder;
pub use measurement::Measurement;
pub use measurement_files::MeasurementFiles;
pub use noise_scan::read_noise;
pub use position_unit::{Columns, PositionUnit};
pub use pulseq_trajectory::{is_pulseq, read_pulseq};
pub use scanner_file::FrameCounter;
