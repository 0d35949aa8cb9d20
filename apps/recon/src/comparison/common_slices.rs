//! What can be compared when not every method has every slice.

use std::collections::BTreeSet;

use diph_datasets::SliceId;

use crate::FailedSlice;
use crate::study::{MethodResults, SliceResult};

/// The results that have slices at all, each with the slices that all of them have, and the slices that are left out by that: means
/// over different slices do not compare.
pub fn common_slices(results: &[MethodResults]) -> (Vec<MethodResults>, Vec<SliceId>) {
    let ids = |results: &MethodResults| results.slices.iter().map(SliceResult::id).collect::<BTreeSet<SliceId>>();
    let with_slices: Vec<(&MethodResults, BTreeSet<SliceId>)> =
        results.iter().filter(|results| !results.slices.is_empty()).map(|results| (results, ids(results))).collect();
    let all: BTreeSet<SliceId> = with_slices.iter().flat_map(|(_, ids)| ids).copied().collect();
    let (common, left_out): (Vec<SliceId>, Vec<SliceId>) =
        all.into_iter().partition(|id| with_slices.iter().all(|(_, ids)| ids.contains(id)));
    let restricted = |results: &MethodResults| {
        let slices = results.slices.iter().filter(|slice| common.contains(&slice.id()));
        MethodResults::new(&results.method, slices.cloned().collect())
    };
    (with_slices.iter().map(|(results, _)| restricted(results)).collect(), left_out)
}

/// Sentences about the slices that no mean is over, and about those that failed, each with its reason; none where all are there.
pub fn missing_slices(left_out: &[String], failed: &[FailedSlice]) -> Vec<String> {
    let left_out = (!left_out.is_empty()).then(|| {
        format!(
            "Only slices that are finished everywhere are compared. Left out: {}; what is finished of them is in the folders of the \
             methods.",
            left_out.join(", ")
        )
    });
    let failed = failed.iter().map(|slice| format!("Failed: {} {}: {}", slice.method, slice.slice, slice.reason));
    left_out.into_iter().chain(failed).collect()
}
