//! A method file.

use serde::{Deserialize, Serialize};

use super::{Component, Intensity, Scale, Solver, Weights};

/// A reconstruction as data: which parts, out of which plugins, joined by which solver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Name in tables and file names.
    pub name: String,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// The acquisition operator.
    pub operator: Component,
    /// Data weights of the reconstruction.
    pub weights: Weights,
    /// What a regularisation weight is relative to.
    pub scale: Scale,
    /// The image value that counts as 1.
    pub intensity: Intensity,
    /// The image prior.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Component>,
    /// The physics: turns images into parameter maps.
    pub projector: Component,
    /// Whether the projector takes part in every step, or only at the end.
    pub physics_in_loop: bool,
    /// The solver.
    pub solver: Solver,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::BUILT_IN;

    #[test]
    fn every_built_in_method_reads_and_bears_its_name() {
        for (name, text) in BUILT_IN {
            let method: Method = serde_json::from_str(text).unwrap();
            assert_eq!(method.name, name);
            let again: Method = serde_json::from_str(&serde_json::to_string(&method).unwrap()).unwrap();
            assert_eq!(again, method);
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let text = BUILT_IN[0].1.replace("\"weights\"", "\"wieghts\": 1, \"weights\"");
        assert!(serde_json::from_str::<Method>(&text).unwrap_err().to_string().contains("wieghts"));
        let text = BUILT_IN[2].1.replace("\"lambda\"", "\"lamda\"");
        assert!(serde_json::from_str::<Method>(&text).unwrap_err().to_string().contains("lamda"));
    }
}
