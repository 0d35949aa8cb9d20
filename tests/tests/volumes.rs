//! A volume from undersampled Cartesian samples of three axes: least squares, total variation of planes, and of the volume.

use std::collections::BTreeMap;
use std::sync::Arc;

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions, CartesianSampling};
use diph_core::{
    Fista, FistaSettings, ForwardOperator, FourierScale, ImageShape, LeastSquares, LeastSquaresSettings, PlaneWise,
    Prior, Problem, Rng, SpatialAxes, metrics,
};
use diph_datasets::BrainPhantom;
use diph_sparse::{TotalVariation, TotalVariationOptions};
use ndarray::{Array2, ArrayD, Axis, stack};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

const IMAGE: [usize; 3] = [8, 48, 48];
const FRAMES: usize = 12;
/// Lines of the 384 that a frame acquires.
const LINES: usize = 24;
const NOISE: f32 = 0.05;

/// Two coefficient images of a brain of cubic voxels, of values around 1: PD, and PD weighted by T1.
fn brain() -> ArrayD<Complex32> {
    let [depth, height, width] = IMAGE;
    let maps = BrainPhantom::new(height, width).render_volume(depth).unwrap();
    let density = maps.pd.mapv(|pd| pd * 80.0);
    let weighted = ndarray::Zip::from(&density).and(&maps.t1).map_collect(|pd, t1| pd * (-t1).exp());
    stack(Axis(0), &[density.view(), weighted.view()]).unwrap()
}

fn operator() -> CartesianOperator {
    let image = ImageShape::volume(IMAGE[0], IMAGE[1], IMAGE[2]);
    let trajectory = CartesianSampling::new(FRAMES, &image).unwrap().variable_density(LINES, 8, 1).unwrap();
    // Orthonormal over the frames.
    let scale = (FRAMES as f32).sqrt().recip();
    let basis = Array2::from_shape_fn((FRAMES, 2), |(frame, k)| if k == 1 && frame % 2 == 1 { -scale } else { scale });
    let arrays = CartesianArrays { trajectory: trajectory.view(), basis: basis.view(), coil_maps: None, weights: None };
    CartesianOperator::new(arrays, &CartesianOptions { image, normalisation: FourierScale::Unitary }).unwrap()
}

fn measured(operator: &CartesianOperator, truth: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut samples = operator.range().zeros();
    operator.forward(truth.view(), samples.view_mut()).unwrap();
    let mut rng = Rng::seed_from_u64(3);
    // The sum of uniform draws: close to normal.
    let mut normal = || NOISE * (0..12).map(|_| rng.random_range(-0.5f32..0.5)).sum::<f32>();
    samples.mapv_inplace(|value| value + Complex32::new(normal(), normal()));
    samples
}

fn fista(problem: &Problem, prior: &dyn Prior, lambda: f32) -> ArrayD<Complex32> {
    let settings = FistaSettings { iterations: 60, lambda, ..FistaSettings::default() };
    let solver = Fista { problem, prior, settings, conditions: &BTreeMap::new(), seed: 0 };
    solver.solve(&mut []).unwrap().state.x
}

#[test]
fn total_variation_of_the_volume_is_best() {
    let (truth, operator) = (brain(), operator());
    let samples = measured(&operator, &truth);
    let image = ImageShape::volume(IMAGE[0], IMAGE[1], IMAGE[2]);
    let norm = diph_core::OperatorNorm::new(&operator).estimate().unwrap();
    let problem = Problem::new(Arc::new(operator), norm, 1.0, samples.view()).unwrap();
    let error = |x: &ArrayD<Complex32>| {
        assert_eq!(x.shape(), truth.shape());
        metrics::nrmse(truth.as_slice().unwrap(), x.as_slice().unwrap())
    };
    let settings = LeastSquaresSettings { iterations: 15, ..LeastSquaresSettings::default() };
    let least_squares = error(&LeastSquares { problem: &problem, settings }.solve(&mut []).unwrap().state.cg.solution);

    let variation = || TotalVariation::new(TotalVariationOptions { iterations: 40, ..Default::default() }).unwrap();
    // Each at its best weight of these, so that none is ahead by the choice of weight.
    let best = |prior: &dyn Prior| {
        let errors = [1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2].map(|lambda| error(&fista(&problem, prior, lambda)));
        println!("{}: {errors:.4?}", prior.name());
        errors.into_iter().fold(f64::INFINITY, f64::min)
    };
    let volume = best(&variation());
    let planes = best(&*PlaneWise::fitted(Box::new(OfPlanes(variation())), &image).unwrap());
    println!("NRMSE: least squares {least_squares:.4}, planes {planes:.4}, volume {volume:.4}");
    assert!(planes < 0.9 * least_squares, "{planes} for {least_squares}");
    assert!(volume < 0.97 * planes, "{volume} for {planes}");
}

/// Total variation that takes planes only.
struct OfPlanes(TotalVariation);

impl Prior for OfPlanes {
    fn name(&self) -> &str {
        "total-variation of planes"
    }

    fn spatial_axes(&self) -> SpatialAxes {
        SpatialAxes::Two
    }

    fn denoise(
        &self,
        noisy: diph_core::View<'_>,
        sigma: f32,
        clean: diph_core::ViewMut<'_>,
        context: &mut diph_core::PriorContext<'_>,
    ) -> diph_core::Result<Option<f64>> {
        self.0.denoise(noisy, sigma, clean, context)
    }
}
