//! The coils of a slice: prepared, and their sensitivities estimated where none are known.

use diph_coils::mix;
use ndarray::ArrayD;
use num_complex::Complex32;

use super::{Notice, Study, StudyObserver};
use crate::acquisition::{Acquisition, CoilEstimate, CoilPreparation, CoilSource};
use crate::reconstruction::Parts;
use crate::slices::SliceInput;
use crate::{Blame, ReconError};

impl Study<'_> {
    /// Prepares the coils of a slice. Where that changes them, or there are several without known sensitivities, the slice gets parts of
    /// its own.
    pub(super) fn parts_of_slice(
        &self,
        input: &mut SliceInput,
        acquisition: &Acquisition,
        preparation: &CoilPreparation,
        observer: &mut dyn StudyObserver,
    ) -> Result<Option<Parts>, ReconError> {
        if let Some(maps) = self.prepare_coils(input, acquisition, preparation, observer)? {
            let acquisition = Acquisition { coil_maps: Some(maps), ..acquisition.clone() };
            return self.parts_of(&acquisition, input).map(Some);
        }
        if acquisition.coil_maps.is_some() {
            return Ok(None);
        }
        let coils = input.kspace.as_ref().map_or(1, |kspace| kspace.dim().0);
        let Some(kspace) = input.kspace.as_ref().filter(|_| coils > 1) else {
            if let Some(CoilSource::Estimated(_)) = self.source.coils {
                observer.notice(&Notice::OneCoil(input.id));
            }
            return Ok(None);
        };
        if acquisition.image.is_volume() {
            let message = format!(
                "expected a file of sensitivities (coil, z, y, x) of the {coils} coils of {}: they are estimated for planes only",
                input.id
            );
            return Err(ReconError::setting("coils", message));
        }
        observer.notice(&Notice::EstimatingCoils { id: input.id, coils });
        let estimate = match self.source.coils {
            Some(CoilSource::Estimated(estimate)) => *estimate,
            _ => CoilEstimate::default(),
        };
        let acquisition =
            Parts::with_estimated_coils(self.registry, self.method, acquisition, kspace.view(), estimate)?;
        self.parts_of(&acquisition, input).map(Some)
    }

    fn parts_of(&self, acquisition: &Acquisition, input: &SliceInput) -> Result<Parts, ReconError> {
        let step = format!("preparing the coils of {}", input.id);
        Parts::create(self.registry, self.method, acquisition).step(&step)
    }

    /// Prepares the coils, and mixes known sensitivities in the same way.
    fn prepare_coils(
        &self,
        input: &mut SliceInput,
        acquisition: &Acquisition,
        preparation: &CoilPreparation,
        observer: &mut dyn StudyObserver,
    ) -> Result<Option<ArrayD<Complex32>>, ReconError> {
        if preparation.is_empty() {
            return Ok(None);
        }
        let Some(kspace) = &mut input.kspace else {
            let setting = if preparation.whitening.is_some() { "noise" } else { "coil_compression" };
            let message = format!("has no effect on {}, whose k-space is simulated; leave it out", input.id);
            return Err(ReconError::setting(setting, message));
        };
        let coils = kspace.dim().0;
        let prepared = preparation.apply(kspace.view())?;
        *kspace = prepared.kspace;
        if let Some(energy) = prepared.energy {
            let kept = kspace.dim().0;
            observer.notice(&Notice::VirtualCoils { id: input.id, coils, kept, energy });
        }
        let mixed = acquisition.coil_maps.as_ref().map(|maps| mix(prepared.matrix.view(), maps.view()));
        mixed.transpose().step(&format!("preparing the coils of {}", input.id))
    }
}
