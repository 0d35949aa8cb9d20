//! A method file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Component, Intensity, Scale, Weights};
use crate::ConditionImage;
use crate::solver::Solver;

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
    /// The image that a conditional prior is shown beside the noisy one, under its own name and as `low_res`: a quick
    /// reconstruction, or the result of another method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionImage>,
    /// The physics: turns images into parameter maps. Solvers may put it into their loop, too.
    pub projector: Component,
    /// Makes the maps from the solver's image in place of the projector: a trained network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimator: Option<Component>,
    /// The solver.
    pub solver: Solver,
}

impl Method {
    /// Files that the parts are made from: every option that is the path of a file, such as the checkpoint of a network,
    /// and the configuration that lies beside a PyTorch state dict.
    pub fn files(&self) -> Vec<PathBuf> {
        let parts = [Some(&self.operator), self.prior.as_ref(), Some(&self.projector), self.estimator.as_ref()];
        let options = parts.into_iter().flatten().flat_map(|part| part.options.values());
        let mut named: BTreeSet<PathBuf> = options.filter_map(Value::as_str).map(PathBuf::from).collect();
        if let Some(ConditionImage::Method(other)) = &self.condition {
            named.extend(other.files());
        }
        let is_pytorch = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "pt" || ending == "pth");
        let beside = named.iter().filter(is_pytorch).map(|path| path.with_extension("json"));
        let files: BTreeSet<PathBuf> = beside.chain(named.iter().cloned()).filter(|path| path.is_file()).collect();
        files.into_iter().collect()
    }
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
