//! A two-dimensional prior on volumes.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis};
use num_complex::Complex32;

use crate::{
    Error, ImageShape, NoiseSchedule, Prior, PriorContext, Result, SpatialAxes, View, ViewMut, lend_conditions,
};

/// The z axis of a volume (coefficient, z, y, x).
const PLANES: Axis = Axis(1);

/// Runs a prior of planes over the planes (coefficient, y, x) of a volume (coefficient, z, y, x), one after the other.
///
/// The prior sees the planes of the condition images, too. What it draws comes from the one generator of the context, in
/// the order of the planes, so that equal seeds give equal volumes. The penalty of a volume is the sum over its planes, of
/// which `denoise` is the proximal map where it is that of each plane. A plane goes through as it is.
pub struct PlaneWise {
    prior: Box<dyn Prior>,
}

impl PlaneWise {
    /// The prior in the form that takes images of this shape: itself where it does, over their planes where it takes
    /// planes only.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when the prior takes volumes only and the image is a plane.
    pub fn fitted(prior: Box<dyn Prior>, image: &ImageShape) -> Result<Box<dyn Prior>> {
        match prior.spatial_axes() {
            SpatialAxes::Two if image.is_volume() => Ok(Box::new(Self { prior })),
            axes => {
                axes.check(prior.name(), image)?;
                Ok(prior)
            }
        }
    }

    /// Condition images of one plane.
    fn conditions(
        &self,
        plane: usize,
        context: &PriorContext<'_>,
        planes: usize,
    ) -> Result<BTreeMap<String, ArrayD<Complex32>>> {
        let one = |(name, image): (&String, &View<'_>)| {
            if image.ndim() == 4 && image.len_of(PLANES) == planes {
                return Ok((name.clone(), contiguous(image.index_axis(PLANES, plane))));
            }
            let expected = format!("condition image `{name}` of {planes} planes (coefficient, z, y, x)");
            Err(Error::incompatible(self.prior.name(), expected, format!("an array of shape {:?}", image.shape())))
        };
        context.conditions.iter().map(one).collect()
    }
}

impl Prior for PlaneWise {
    fn name(&self) -> &str {
        self.prior.name()
    }

    fn spatial_axes(&self) -> SpatialAxes {
        SpatialAxes::Either
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        let (_, image) = ImageShape::split(self.name(), noisy.shape())?;
        if !image.is_volume() {
            return self.prior.denoise(noisy, sigma, clean, context);
        }
        if clean.shape() != noisy.shape() {
            let (expected, got) = (noisy.shape().to_vec(), clean.shape().to_vec());
            return Err(Error::Shape { operation: self.name().into(), role: "clean image".into(), expected, got });
        }
        let mut penalty = Some(0.0);
        for plane in 0..image.depth() {
            let noisy = contiguous(noisy.index_axis(PLANES, plane));
            let mut denoised = ArrayD::zeros(noisy.raw_dim());
            let conditions = self.conditions(plane, context, image.depth())?;
            let conditions = lend_conditions(&conditions);
            let mut context =
                PriorContext { schedule: context.schedule, conditions: &conditions, rng: &mut *context.rng };
            let of_plane = self.prior.denoise(noisy.view(), sigma, denoised.view_mut(), &mut context)?;
            penalty = penalty.zip(of_plane).map(|(sum, of_plane)| sum + of_plane);
            clean.index_axis_mut(PLANES, plane).assign(&denoised);
        }
        Ok(penalty)
    }

    fn noise_schedule(&self, steps: usize) -> Result<Option<NoiseSchedule>> {
        self.prior.noise_schedule(steps)
    }

    fn proximal_accuracy(&self) -> Option<f32> {
        self.prior.proximal_accuracy()
    }
}

/// A plane of its own: those of a volume are not C-contiguous, as the coefficients lie outside.
fn contiguous(plane: View<'_>) -> ArrayD<Complex32> {
    plane.as_standard_layout().into_owned()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::Rng;
    use crate::algebra::test_operators::random_complex;

    /// Adds a draw and the mean of the condition to a plane. Keeps its penalty to itself where the second is set.
    struct Restless(SpatialAxes, bool);

    impl Prior for Restless {
        fn name(&self) -> &str {
            "restless"
        }

        fn spatial_axes(&self) -> SpatialAxes {
            self.0
        }

        fn denoise(
            &self,
            noisy: View<'_>,
            sigma: f32,
            mut clean: ViewMut<'_>,
            context: &mut PriorContext<'_>,
        ) -> Result<Option<f64>> {
            assert!(noisy.is_standard_layout() && noisy.ndim() == 3);
            let shift = context.rng.random_range(0.0f32..sigma) + context.conditions["low_res"][[0, 0, 0]].re;
            clean.zip_mut_with(&noisy, |clean, noisy| *clean = noisy + shift);
            Ok((!self.1).then(|| f64::from(clean[[0, 0, 0]].re)))
        }
    }

    fn denoise(
        prior: &dyn Prior,
        noisy: &ArrayD<Complex32>,
        condition: ArrayD<Complex32>,
    ) -> Result<(Vec<Complex32>, Option<f64>)> {
        let conditions = BTreeMap::from([("low_res".to_string(), condition)]);
        let mut rng = Rng::seed_from_u64(5);
        let mut context = PriorContext { schedule: None, conditions: &lend_conditions(&conditions), rng: &mut rng };
        let mut clean = ArrayD::zeros(noisy.raw_dim());
        let penalty = prior.denoise(noisy.view(), 0.5, clean.view_mut(), &mut context)?;
        Ok((clean.into_iter().collect(), penalty))
    }

    #[test]
    fn planes_go_through_in_their_order() {
        let volume = ImageShape::volume(3, 4, 5);
        let prior = PlaneWise::fitted(Box::new(Restless(SpatialAxes::Two, false)), &volume).unwrap();
        let noisy = random_complex(&[2, 3, 4, 5], 1);
        let condition = random_complex(&[1, 3, 2, 2], 2);
        let (clean, penalty) = denoise(&*prior, &noisy, condition.clone()).unwrap();
        let mut rng = Rng::seed_from_u64(5);
        let shifts: Vec<f32> = (0..3).map(|z| rng.random_range(0.0f32..0.5) + condition[[0, z, 0, 0]].re).collect();
        for ((index, noisy), clean) in noisy.indexed_iter().zip(&clean) {
            assert_eq!(*clean, noisy + shifts[index[1]]);
        }
        let sum: f64 = (0..3).map(|z| f64::from(clean[z * 4 * 5].re)).sum();
        assert_eq!(penalty, Some(sum));
        let silent = PlaneWise::fitted(Box::new(Restless(SpatialAxes::Two, true)), &volume).unwrap();
        assert_eq!(denoise(&*silent, &noisy, condition).unwrap(), (clean, None));
    }

    #[test]
    fn a_volume_of_one_plane_is_that_plane() {
        let wrapped = PlaneWise { prior: Box::new(Restless(SpatialAxes::Two, false)) };
        let (plane, condition) = (random_complex(&[2, 4, 5], 1), random_complex(&[1, 4, 5], 2));
        let volume = |image: &ArrayD<Complex32>| image.clone().insert_axis(PLANES);
        let expected = denoise(&wrapped, &plane, condition.clone()).unwrap();
        assert_eq!(denoise(&wrapped, &volume(&plane), volume(&condition)).unwrap(), expected);
        let error = denoise(&wrapped, &volume(&plane), condition).unwrap_err().to_string();
        assert!(error.contains("condition image `low_res` of 1 planes"), "{error}");
    }

    #[test]
    fn priors_that_take_the_image_stay_as_they_are() {
        let (plane, volume) = (ImageShape::plane(4, 5), ImageShape::volume(3, 4, 5));
        let fitted =
            |axes, image| PlaneWise::fitted(Box::new(Restless(axes, false)), image).map(|prior| prior.spatial_axes());
        assert_eq!(fitted(SpatialAxes::Two, &plane).unwrap(), SpatialAxes::Two);
        assert_eq!(fitted(SpatialAxes::Three, &volume).unwrap(), SpatialAxes::Three);
        assert_eq!(fitted(SpatialAxes::Two, &volume).unwrap(), SpatialAxes::Either);
        assert!(matches!(fitted(SpatialAxes::Three, &plane), Err(Error::Incompatible { .. })));
    }
}
