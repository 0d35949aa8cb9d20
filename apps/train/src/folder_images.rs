//! Which files of a data folder are the images.

use serde::{Deserialize, Serialize};

/// Which files of a data folder are the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderImages {
    /// `qmaps`, from which images are simulated
    #[default]
    Maps,
    /// `reference_tsmi`, images as they are
    Tsmi,
}
