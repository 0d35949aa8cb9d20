//! What a result was made from: program, configuration, plugins and files.

mod file_hashes;
mod input_file;
mod plugin_file;
mod provenance;

pub use file_hashes::FileHashes;
pub(crate) use file_hashes::sha256;
pub use input_file::InputFile;
pub use plugin_file::PluginFile;
pub use provenance::Provenance;
