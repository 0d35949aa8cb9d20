//! What a study tells while it works.

use std::fmt;
use std::path::Path;

use diph_core::{Breakdown, MemoryEstimate, ParameterMaps};
use diph_datasets::{ResultLogRow, SliceId};

use crate::provenance::Provenance;
use crate::reconstruction::{BetterOrientation, Posterior, Reconstruction, Step};
use crate::slices::Truth;
use crate::uncertainty::Uncertainty;
use crate::{Method, ReconError};

/// Hears how a study goes. Every method does nothing unless it is overridden.
pub trait StudyObserver {
    /// Hears something that a person may want to know.
    fn notice(&mut self, _notice: &Notice) {}

    /// Hears that the solver begins; `label` names method, slice and, where there are several, the sample.
    fn sample_begins(&mut self, _label: &str) {}

    /// Hears of a step of the solver.
    fn step(&mut self, _step: &Step<'_>) {}

    /// Hears of a step that was measured for the log of the results ([`Study::log_results`](super::Study::log_results)).
    ///
    /// # Errors
    /// Whatever keeps the observer from its work; it ends the study.
    fn logged(&mut self, _step: &LoggedStep<'_>) -> Result<(), ReconError> {
        Ok(())
    }

    /// Hears that a slice is reconstructed. Its `metrics.json` is written afterwards, so that a folder with metrics also holds
    /// what the observer has put there.
    ///
    /// # Errors
    /// Whatever keeps the observer from its work; it ends the study.
    fn reconstructed(&mut self, _slice: &ReconstructedSlice<'_>) -> Result<(), ReconError> {
        Ok(())
    }
}

/// An observer for those who want nothing but the result.
impl StudyObserver for () {}

/// Something that a person may want to know. `Display` says it in a line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A part does not say how much memory it needs.
    UnknownMemory {
        /// Id of the part.
        part: String,
    },
    /// What a method will need.
    Memory {
        /// The method.
        method: String,
        /// What it will need.
        estimate: MemoryEstimate,
    },
    /// The network will take long; a line that says how long.
    LongRun(String),
    /// A slice has no k-space; it was simulated from its maps.
    SimulatedKspace(SliceId),
    /// Coil sensitivities are estimated from the slice itself.
    EstimatingCoils {
        /// The slice.
        id: SliceId,
        /// Number of coils.
        coils: usize,
    },
    /// An estimate of sensitivities was asked for, and there is one coil only.
    OneCoil(SliceId),
    /// Virtual coils take the place of those that there are.
    VirtualCoils {
        /// The slice.
        id: SliceId,
        /// Number of coils.
        coils: usize,
        /// Number of virtual coils.
        kept: usize,
        /// The part of the energy that the virtual coils hold.
        energy: f64,
    },
    /// Another convention of the trajectory fits the coil sensitivities better.
    Orientation(BetterOrientation),
    /// The method has a calibration that does not hold here: deviations are those of the samples.
    NotCalibrated {
        /// The method.
        method: String,
        /// Why not.
        reason: String,
    },
    /// A slice failed, and the next is worked on; a line that says why.
    SliceFailed(String),
    /// The solver broke down.
    BrokeDown {
        /// Method, slice and sample.
        label: String,
        /// Steps before it broke down.
        steps: usize,
        /// Why.
        reason: Breakdown,
    },
}

impl Notice {
    /// Whether it may spoil the result, rather than being of interest only.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::OneCoil(_)
                | Self::BrokeDown { .. }
                | Self::NotCalibrated { .. }
                | Self::SimulatedKspace(_)
                | Self::SliceFailed(_)
                | Self::Orientation(_)
        )
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMemory { part } => {
                write!(f, "{part}: does not say how much memory it needs; not in the estimate")
            }
            Self::Memory { method, estimate } => write!(f, "{method}: memory about {estimate}"),
            Self::LongRun(line) | Self::SliceFailed(line) => f.write_str(line),
            Self::Orientation(better) => better.fmt(f),
            Self::SimulatedKspace(id) => {
                write!(f, "{id}: no k-space in the folder; simulated it from the reference maps")
            }
            Self::EstimatingCoils { id, coils } => write!(f, "{id}: estimating the sensitivities of {coils} coils"),
            Self::VirtualCoils { id, coils, kept, energy } => {
                write!(f, "{id}: {kept} virtual coils hold {:.2} % of the energy of {coils}", 100.0 * energy)
            }
            Self::OneCoil(id) => write!(f, "{id}: one coil, so that there is no sensitivity to estimate"),
            Self::NotCalibrated { method, reason } => {
                write!(
                    f,
                    "{method}: its calibration does not hold here, for {reason}; deviations are those of the samples"
                )
            }
            Self::BrokeDown { label, steps, reason } => {
                write!(f, "{label}: broke down after {steps} steps ({reason:?})")
            }
        }
    }
}

/// A step that was measured for the log of the results.
pub struct LoggedStep<'a> {
    /// The slice.
    pub id: SliceId,
    /// Folder of the slice's results.
    pub folder: &'a Path,
    /// The step; the state of its annealed run is there.
    pub step: &'a Step<'a>,
    /// What is known to be true of the slice.
    pub truth: Option<&'a Truth>,
    /// What was measured.
    pub row: &'a ResultLogRow,
}

/// A slice that is reconstructed, and not yet complete on the disk.
pub struct ReconstructedSlice<'a> {
    /// The slice.
    pub id: SliceId,
    /// Folder of the slice's results.
    pub folder: &'a Path,
    /// The method.
    pub method: &'a Method,
    /// What is known to be true of the slice.
    pub truth: Option<&'a Truth>,
    /// The result: the estimate of the posterior, where there are several samples.
    pub reconstruction: &'a Reconstruction,
    /// Samples of the posterior that were drawn; one, unless more were asked for.
    pub samples: usize,
    /// What several samples agree on and where they differ.
    pub posterior: Option<&'a Posterior>,
    /// Which voxels to trust, and how sure the maps are.
    pub uncertainty: &'a Uncertainty,
    /// The same in a line.
    pub summary: &'a str,
}

/// What is worth showing of a finished slice.
pub struct FinishedSlice {
    /// Which slice.
    pub id: SliceId,
    /// Maps of the result.
    pub maps: ParameterMaps,
    /// `provenance.json`.
    pub provenance: Provenance,
    /// How sure the maps are and how much of the head is to be trusted, in a line.
    pub summary: String,
}
