//! Layered configuration: a JSON base, overrides on top, then typed and checked.

mod config_error;
mod difference;
mod load;
mod overrides;
mod read_json;

pub use config_error::{ConfigError, Origin};
pub use difference::first_difference;
pub use load::load;
pub use overrides::Override;
pub use read_json::{parse_json, read_json};
