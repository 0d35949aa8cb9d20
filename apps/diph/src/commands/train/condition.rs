//! The condition image that `diph train --condition` names.

use std::path::{Path, PathBuf};

use diph_recon::ConditionImage;
use diph_recon::method::Method;

/// What a network is shown beside the noisy image.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Nothing.
    None,
    /// The image of a name.
    Name(String),
    /// The result of a method in a file.
    Method {
        /// Its file.
        file: PathBuf,
        /// Its name, which the network remembers.
        name: String,
    },
}

impl Condition {
    /// The name that the network remembers.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Name(name) | Self::Method { name, .. } => Some(name),
        }
    }

    /// The file of its method.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Method { file, .. } => Some(file),
            Self::None | Self::Name(_) => None,
        }
    }
}

/// Reads a name, `none` or the name of a method file.
///
/// # Errors
/// Saying what is no name and no readable method.
pub(super) fn parse_condition(text: &str) -> Result<Condition, String> {
    if text == "none" {
        return Ok(Condition::None);
    }
    if Path::new(text).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let method = Method::read(text, &[]).map_err(|error| error.to_string())?;
        return Ok(Condition::Method { file: text.into(), name: method.name });
    }
    text.parse().map(|condition: ConditionImage| Condition::Name(condition.to_string()))
}
