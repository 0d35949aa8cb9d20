//! One file for each stage.

mod conjugate_gradients;
mod fingerprints;
mod matching;
mod network;
mod network_pair;
mod nufft;
mod sampler_steps;
mod schedule;
mod whole_run;

use std::collections::BTreeSet;
use std::path::Path;

use super::{ReferenceFolder, Stage};

use conjugate_gradients::ConjugateGradients;
use fingerprints::Fingerprints;
use matching::Matching;
use network::Network;
use network_pair::NetworkPair;
use nufft::Nufft;
use sampler_steps::SamplerSteps;
use schedule::Schedule;
use whole_run::WholeRun;

/// Inputs and outputs of a network by itself.
pub const PAIR: &str = "pair.npz";

/// Names of the networks of a folder.
const NETWORKS: [&str; 2] = ["conditional", "unconditional"];

/// The stages of a folder, in the order in which an error spreads. Those of a whole world are left out where there is a
/// `pair.npz` and no `meta.json`.
pub fn all(folder: &ReferenceFolder, model_config: Option<&Path>) -> Vec<Box<dyn Stage>> {
    let mut stages: Vec<Box<dyn Stage>> = Vec::new();
    let pair = folder.contains(PAIR);
    if !pair || folder.contains("meta.json") {
        stages.extend([Box::new(Schedule) as Box<dyn Stage>, Box::new(Fingerprints)]);
        stages.extend(NETWORKS.map(|name| Box::new(Network { name }) as Box<dyn Stage>));
        stages.extend([Box::new(Nufft) as Box<dyn Stage>, Box::new(ConjugateGradients), Box::new(Matching)]);
        stages.extend(step_tags(folder).into_iter().map(|tag| Box::new(SamplerSteps { tag }) as Box<dyn Stage>));
        stages.extend(run_tags(folder).into_iter().map(|tag| Box::new(WholeRun { tag }) as Box<dyn Stage>));
    }
    if pair {
        stages.push(Box::new(NetworkPair { model_config: model_config.map(Path::to_owned) }));
    }
    stages
}

/// Runs with recorded steps. A network without any gets a tag with `*`, whose file is then missing.
fn step_tags(folder: &ReferenceFolder) -> Vec<String> {
    let of_network = |network: &str| {
        let pattern = format!("steps_{network}_*.npz");
        let mut tags: Vec<String> = folder.matching(&pattern).map(|(_, rest)| format!("{network}_{rest}")).collect();
        if tags.is_empty() {
            tags.push(format!("{network}_*"));
        }
        tags
    };
    NETWORKS.into_iter().flat_map(of_network).collect()
}

/// Runs that `meta.json` lists and those that have a file.
fn run_tags(folder: &ReferenceFolder) -> BTreeSet<String> {
    let mut tags: BTreeSet<String> = folder.matching("mrfdiph_*.npz").map(|(_, tag)| tag.to_owned()).collect();
    // A `meta.json` that cannot be read is reported by the stages that need it.
    tags.extend(folder.meta().into_iter().flat_map(|meta| meta.runs).map(|run| run.tag));
    if tags.is_empty() {
        tags.extend(NETWORKS.map(|network| format!("{network}_*")));
    }
    tags
}
