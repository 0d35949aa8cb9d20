//! A picture of the report.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A picture with its caption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What is to be seen; also read out to those who do not see it.
    pub caption: String,
    /// A PNG file.
    pub png: Vec<u8>,
}

impl Picture {
    /// The file as an address that needs no other file.
    pub(super) fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }
}
