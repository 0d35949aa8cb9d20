//! The coils of a slice: prepared, and their sensitivities estimated where none are known.

use diph_coils::{coil_images, mix};
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
            return self.parts_with(acquisition, maps, input).map(Some);
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
        let step = format!("estimating coil sensitivities of {}", input.id);
        let single = Parts::density_compensated_operator(self.registry, self.method, acquisition).step(&step)?;
        let images = coil_images(&*single, kspace.view()).step(&step)?;
        let estimate = match self.source.coils {
            Some(CoilSource::Estimated(estimate)) => *estimate,
            _ => CoilEstimate::default(),
        };
        let maps = estimate.of_images(images.view()).step(&step)?;
        if maps.iter().all(|value| *value == Complex32::ZERO) {
            let message =
                format!("{estimate} finds no sensitivity in {}: take another estimate, or maps from a file", input.id);
            return Err(ReconError::setting("coils", message));
        }
        self.parts_with(acquisition, maps.into_dyn(), input).map(Some)
    }

    fn parts_with(
        &self,
        acquisition: &Acquisition,
        coil_maps: ArrayD<Complex32>,
        input: &SliceInput,
    ) -> Result<Parts, ReconError> {
        let acquisition = Acquisition { coil_maps: Some(coil_maps), ..acquisition.clone() };
        let step = format!("preparing the coils of {}", input.id);
        Parts::create(self.registry, self.method, &acquisition).step(&step)
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
