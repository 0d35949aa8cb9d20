//! What a result was made from: program, configuration, plugins and files.

mod file_hashes;
mod plugin_file;
mod provenance;

pub use file_hashes::FileHashes;
pub use file_hashes::InputFile;
pub(crate) use file_hashes::sha256;
pub use plugin_file::PluginFile;
pub use provenance::Provenance;
