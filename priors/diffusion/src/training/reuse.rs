//! Samples in use, and what is drawn from them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use diph_core::Rng;
use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SampleSource, TrainingSample};
use crate::{Error, Result};

/// Uses every image several times, with other noise, cut out elsewhere, and turned: where measuring an image and making its
/// condition takes longer than learning from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reuse {
    /// Images in use at a time, once there are so many; a run begins with a quarter of them.
    #[serde(default = "default_pool")]
    pub pool: u64,
    /// How often an image is drawn on average before it makes room for a new one.
    #[serde(default = "default_uses")]
    pub uses: u64,
}

fn default_pool() -> u64 {
    160
}

fn default_uses() -> u64 {
    12
}

impl Reuse {
    /// Numbers of the images that are in use at a step.
    fn in_use(self, step: u64, batch: u64) -> Range<u64> {
        let end = (self.pool / 4).max(batch) + step * batch / self.uses.max(1);
        end.saturating_sub(self.pool)..end
    }
}

/// The images of a run.
#[derive(Default)]
pub(super) struct Images {
    kept: BTreeMap<u64, Arc<TrainingSample>>,
}

impl Images {
    /// The images of step number `step`, one for each number of its batch.
    ///
    /// Without reuse, image n is number n of the source. With it, it is one of those in use; the missing ones are made.
    pub fn of_step(
        &mut self,
        reuse: Option<Reuse>,
        source: &dyn SampleSource,
        (step, batch): (u64, u64),
        rng_of: impl Fn(u64) -> Rng + Sync,
    ) -> Result<Vec<(u64, Arc<TrainingSample>)>> {
        let numbers: Vec<u64> = (step * batch..(step + 1) * batch).collect();
        let Some(reuse) = reuse else {
            // All first, so that of several faults the first is reported, whichever thread found one.
            let made: Vec<Result<_>> =
                numbers.into_par_iter().map(|number| Ok((number, Arc::new(source.sample(number)?)))).collect();
            return made.into_iter().collect();
        };
        let in_use = reuse.in_use(step, batch);
        self.kept.retain(|number, _| in_use.contains(number));
        let missing: Vec<u64> = in_use.clone().filter(|number| !self.kept.contains_key(number)).collect();
        let made: Vec<Result<TrainingSample>> = missing.par_iter().map(|number| source.sample(*number)).collect();
        for (number, sample) in missing.into_iter().zip(made) {
            self.kept.insert(number, Arc::new(sample?));
        }
        let draw = |number: u64| {
            let drawn = rng_of(number).random_range(in_use.clone());
            let sample = self.kept.get(&drawn).cloned();
            sample
                .map(|sample| (number, sample))
                .ok_or_else(|| Error::setting("training image", format!("number {drawn} among those in use"), "none"))
        };
        numbers.into_iter().map(draw).collect()
    }
}
