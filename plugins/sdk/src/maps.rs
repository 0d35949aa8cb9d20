//! Parameters and parameter maps, as projectors and estimators hand them to the host.

use diph_core::{ImageShape, Parameter, ParameterMaps};
use diph_plugin_abi::{self as abi, Str, Tensor};
use num_complex::Complex32;

use crate::failure::Failure;
use crate::tensors::view_mut;

/// Parameters in the form that the host reads; the texts that it points to live as long.
pub(crate) struct Parameters {
    raw: Box<[abi::Parameter]>,
    own: Box<[Parameter]>,
}

impl Parameters {
    pub(crate) fn new(parameters: &[Parameter]) -> Self {
        let own: Box<[Parameter]> = parameters.into();
        let raw = own.iter().map(|p| abi::Parameter { name: Str::new(&p.name), unit: Str::new(&p.unit) }).collect();
        Self { raw, own }
    }

    /// The parameters as C descriptors, which the host borrows for the life of the instance.
    pub(crate) fn raw(&self) -> &[abi::Parameter] {
        &self.raw
    }

    /// Runs `fill` on maps of these parameters and copies them into the host's tensors; where the host wants no maps and both
    /// tensors are null, on none.
    ///
    /// # Safety
    /// `values` and `amplitude` are null or as the header describes them.
    pub(crate) unsafe fn write_maps(
        &self,
        values: *mut Tensor,
        amplitude: *mut Tensor,
        fill: impl FnOnce(Option<&mut ParameterMaps>) -> diph_core::Result<()>,
    ) -> Result<(), Failure> {
        if values.is_null() && amplitude.is_null() {
            return Ok(fill(None)?);
        }
        // SAFETY: by the caller's promise.
        let (mut values, mut amplitude) =
            unsafe { (view_mut::<f32>("values", values)?, view_mut::<Complex32>("amplitude", amplitude)?) };
        let Ok(image) = ImageShape::try_from(amplitude.shape()) else {
            return Err(Failure::shape(format!("amplitude: expected 2 or 3 axes, got {:?}", amplitude.shape())));
        };
        let expected = image.with_leading(self.own.len());
        if values.shape() != expected {
            return Err(Failure::shape(format!("values: expected {expected:?}, got {:?}", values.shape())));
        }
        let mut maps = ParameterMaps::zeros(self.own.to_vec(), &image);
        fill(Some(&mut maps))?;
        if maps.values.shape() != values.shape() || maps.amplitude.shape() != amplitude.shape() {
            return Err(Failure::shape("the component changed the shape of its maps"));
        }
        values.assign(&maps.values);
        amplitude.assign(&maps.amplitude);
        Ok(())
    }
}
