//! Recovered acquisitions beside the ones that made the measurement.

use std::f64::consts::TAU;
use std::path::Path;

use diph_core::{ForwardOperator, FourierScale, Rng};
use diph_datasets::{
    DatasetFolder, DictionaryFile, NoiseLevel, NoiseParts, QuantitativeMaps, SliceId, TrajectoryFile,
    add_measurement_noise,
};
use diph_gaussian::principal_angles;
use diph_nufft::{MrfOperator, MrfOptions, SpiralOptions, Trajectory};
use diph_recover::{RecoverError, recover};
use ndarray::{Array2, Array3, ArrayD, Axis, IxDyn};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};

const CUT: usize = 3;

/// Root mean square distance of positions in cycles per field of view.
fn position_error(found: &TrajectoryFile, truth: &Array3<f64>, field_of_view: f64) -> f64 {
    let frames = found.positions.len_of(Axis(0));
    let truth = truth.slice(ndarray::s![..frames, .., ..]);
    let square: f64 = found.positions.iter().zip(&truth).map(|(a, b)| ((a - b) * field_of_view).powi(2)).sum();
    (square / (truth.len() / 2) as f64).sqrt()
}

/// Angles in degrees between the subspaces, smallest first.
fn angles(found: &DictionaryFile, truth: &Array2<f64>) -> Vec<f64> {
    let single = |basis: &Array2<f64>| basis.mapv(|value| value as f32);
    principal_angles(single(&found.v).view(), single(truth).view()).unwrap()
}

/// A small world: three slices of 32 x 32 pixels, three coefficients, 60 frames of 160 samples.
struct World {
    folder: DatasetFolder,
    trajectory: Trajectory,
    basis: Array2<f64>,
    _temporary: tempfile::TempDir,
}

const SIZE: usize = 32;
const FRAMES: usize = 60;

/// The fingerprint of a tissue in this world: smooth in T1 and T2, not physics.
fn fingerprint(t1: f32, t2: f32) -> [f32; 3] {
    [1.0 + 0.3 * t1.ln(), 0.6 - 0.2 * t2.ln(), 0.4 * (t1.ln() * t2.ln()).sin() + 0.2]
}

impl World {
    fn new(noise: f64) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DatasetFolder::new(temporary.path());
        let mut rng = Rng::seed_from_u64(3);
        let spiral = SpiralOptions { samples: 160, turns: 1.5, density_exponent: 2.0, rotation: 2.1, max_radius: 0.45 };
        let trajectory = Trajectory::spiral(FRAMES, &spiral).unwrap();
        let basis = Array2::from_shape_fn((FRAMES, 3), |(t, k)| {
            let phase = TAU * (t as f64 + 0.5) / FRAMES as f64 / 2.0 * (k + 1) as f64;
            (2.0 / FRAMES as f64).sqrt() * phase.cos()
        });
        let mut options = MrfOptions::new(trajectory.clone(), basis.mapv(|value| value as f32), SIZE, SIZE);
        options.normalisation = FourierScale::TwiceOversampled;
        let operator = MrfOperator::new(options).unwrap();
        for slice in 0..4 {
            let id = SliceId::new(0, slice);
            let mut shape = || Array2::from_shape_fn((4, 4), |_| rng.random_range(0..6) as f32).into_dyn();
            let (coarse_t1, coarse_t2) = (shape(), shape());
            let at = |coarse: &ArrayD<f32>, i: &IxDyn| coarse[[i[0] / 8, i[1] / 8]];
            let image = IxDyn(&[SIZE, SIZE]);
            let t1 = ArrayD::from_shape_fn(image.clone(), |i| 0.4 + 0.2 * at(&coarse_t1, &i));
            let t2 = ArrayD::from_shape_fn(image.clone(), |i| 0.04 + 0.02 * at(&coarse_t2, &i));
            let pd =
                ArrayD::from_shape_fn(image, |_| Complex32::new(0.5 + rng.random::<f32>(), rng.random::<f32>() - 0.5));
            let tsmi = ArrayD::from_shape_fn(IxDyn(&[3, SIZE, SIZE]), |i| {
                pd[[i[1], i[2]]] * fingerprint(t1[[i[1], i[2]]], t2[[i[1], i[2]]])[i[0]]
            });
            folder.write_maps(id, &QuantitativeMaps::new(t1, t2, pd).unwrap()).unwrap();
            // One slice has maps only: its new pairs (T1, T2) have to be interpolated.
            if slice == 3 {
                continue;
            }
            let mut kspace = ArrayD::from_elem(operator.range().shape(), Complex32::default());
            operator.forward(tsmi.view(), kspace.view_mut()).unwrap();
            let level = NoiseLevel::StandardDeviation(noise);
            add_measurement_noise(kspace.view_mut(), level, NoiseParts::Complex, &mut rng).unwrap();
            folder.write_reference_tsmi(id, CUT, &tsmi).unwrap();
            folder.write_kspace(id, CUT, &kspace.into_dimensionality().unwrap()).unwrap();
        }
        Self { folder, trajectory, basis, _temporary: temporary }
    }

    fn positions(&self) -> Array3<f64> {
        let (frames, samples) = (self.trajectory.frames(), self.trajectory.samples());
        Array3::from_shape_vec((frames, samples, 2), self.trajectory.as_slice().to_vec()).unwrap()
    }
}

#[test]
fn a_small_world_comes_back_with_the_errors_that_are_reported() {
    // About a hundredth of the signal at the centre of k-space.
    let world = World::new(3e-2);
    let found = recover(&world.folder, CUT, &|| false).unwrap();
    let report = &found.report;
    let positions = position_error(&found.trajectory, &world.positions(), SIZE as f64);
    let angles = angles(&found.dictionary, &world.basis);
    eprintln!("positions {positions:.4} / field of view, basis {angles:?} degrees, {report:?}");
    assert!((report.noise / 3e-2 - 1.0).abs() < 0.1, "noise {}", report.noise);
    assert!(positions < 0.05 && positions < 3.0 * report.position_error, "positions {positions}");
    assert!((report.rotation - 2.1).abs() < 1e-4, "rotation {}", report.rotation);
    assert!(angles[2] < 5.0, "angles {angles:?}");
    for (k, expected) in report.basis_errors.iter().enumerate() {
        let difference = &found.dictionary.v.column(k) - &world.basis.column(k);
        let error = difference.dot(&difference).sqrt();
        assert!(error < 2.0 * expected + 1e-3, "column {k}: {error} where {expected} is reported");
    }
    let dictionary = &found.dictionary;
    assert_eq!(report.measured_atoms + report.interpolated_atoms, dictionary.lut.nrows());
    assert!(report.interpolated_atoms > 0);
    for (atom, tissue) in dictionary.lut.outer_iter().enumerate() {
        let exact = fingerprint(tissue[0] as f32, tissue[1] as f32);
        for (k, exact) in exact.iter().enumerate() {
            let value = dictionary.d[[atom, k]] * dictionary.norm_d[atom];
            assert!((value - f64::from(*exact)).abs() < 0.05, "{tissue}: coefficient {k} is {value}, not {exact}");
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let empty = recover(&DatasetFolder::new(temporary.path()), CUT, &|| false);
    assert!(matches!(empty, Err(RecoverError::NoSlices { cut: CUT, .. })));
    let world = World::new(3e-2);
    assert!(matches!(recover(&world.folder, CUT, &|| true), Err(RecoverError::Cancelled)));
}

/// The public slices of the study, beside the acquisition that was recovered from them independently.
#[test]
fn the_public_slices_give_the_acquisition_that_is_known() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/Deli-CS");
    if !path.join("acquisition").is_dir() {
        eprintln!("skipped: the in-vivo Deli-CS slices are not present");
        return;
    }
    let folder = DatasetFolder::new(path);
    let found = recover(&folder, CUT, &|| false).unwrap();
    let (trajectory, dictionary) = (folder.trajectory().unwrap(), folder.dictionary(CUT).unwrap());
    let positions = position_error(&found.trajectory, &trajectory.positions, 230.0);
    let angles = angles(&found.dictionary, &dictionary.v);
    eprintln!("positions {positions:.4} / field of view, basis {angles:?} degrees, {:?}", found.report);
    assert!(positions < 0.1, "positions {positions}");
    assert!(angles[0] < 1.0, "angles {angles:?}");
    assert_eq!(found.dictionary.lut, dictionary.lut);
    let fingerprints = |file: &DictionaryFile| &file.d * &file.norm_d.view().insert_axis(Axis(1));
    let (ours, known) = (fingerprints(&found.dictionary), fingerprints(&dictionary));
    let mut errors: Vec<f64> = ours
        .outer_iter()
        .zip(known.outer_iter())
        .map(|(a, b)| ((&a - &b).dot(&(&a - &b)) / b.dot(&b)).sqrt())
        .collect();
    errors.sort_by(f64::total_cmp);
    eprintln!(
        "atoms: median {:.1e}, 99 % {:.1e}, worst {:.1e}",
        errors[errors.len() / 2],
        errors[errors.len() * 99 / 100],
        errors[errors.len() - 1]
    );
    assert!(errors[errors.len() / 2] < 1e-6 && errors[errors.len() - 1] < 0.05);
}
