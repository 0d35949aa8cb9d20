use diph_core::{Error, ImageShape, Parameter, ParameterMaps, PhysicsProjector};
use ndarray::{Array1, Array2, Array3, ArrayD, IxDyn};
use num_complex::Complex32;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::{DictionaryGrid, Sequence};

fn matcher_of(rows: &Array2<f32>) -> DictionaryMatcher {
    let count = rows.nrows();
    let lut = Array2::from_shape_fn((count, 2), |(row, column)| (row + 1) as f32 * [1.0, 0.1][column]);
    let basis = Array2::ones((1, rows.ncols()));
    let dictionary =
        Dictionary::from_compressed(lut.view(), rows.view(), basis.view(), Array1::ones(count).view(), rows.ncols());
    DictionaryMatcher::new(dictionary.expect("valid"))
}

fn brain_like() -> DictionaryMatcher {
    let t1: Vec<f64> = (0..70).map(|i| 0.05 * 1.065f64.powi(i)).collect();
    let t2: Vec<f64> = (0..60).map(|i| 0.008 * 1.08f64.powi(i)).collect();
    let grid = DictionaryGrid::product(&t1, &t2, &[]).expect("valid");
    DictionaryMatcher::new(Dictionary::simulate(&Sequence::fisp_cut(4).expect("a cut"), &grid, 5).expect("simulates"))
}

/// An image whose left part is noise and whose right part is responses, more noisy from row to row.
fn noisy_image(matcher: &DictionaryMatcher, height: usize, width: usize) -> ArrayD<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let atoms = matcher.dictionary().atoms();
    let mut image = Array3::zeros((matcher.coefficients(), height, width));
    for y in 0..height {
        let noise = 10f32.powf(-7.0 + 7.0 * y as f32 / height as f32);
        for x in 0..width {
            let atom = atoms.row(rng.random_range(0..matcher.dictionary().len()));
            let amplitude =
                if x < width / 3 { Complex32::ZERO } else { Complex32::from_polar(1.0, rng.random_range(0.0..6.3)) };
            for (k, &d) in atom.iter().enumerate() {
                let n = Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
                image[[k, y, x]] = amplitude * d + n * noise;
            }
        }
    }
    image.into_dyn()
}

fn assert_same(matcher: &DictionaryMatcher, image: &ArrayD<Complex32>) -> Matches {
    let tree = matcher.match_image(image.view(), None).expect("matches");
    let plain = matcher.match_brute_force(image.view()).expect("matches");
    let differing: Vec<_> = (0..tree.atom.len()).filter(|&voxel| tree.atom[voxel] != plain.atom[voxel]).collect();
    assert!(differing.is_empty(), "voxels {differing:?} differ");
    assert_eq!(tree.response, plain.response);
    tree
}

#[test]
fn the_tree_finds_the_brute_force_atom_with_few_evaluations() {
    let matcher = brain_like();
    let matches = assert_same(&matcher, &noisy_image(&matcher, 70, 60));
    assert_eq!(matches.statistics.voxels, 70 * 60);
    assert!(matches.statistics.evaluations_per_voxel() < 0.25 * matcher.dictionary().len() as f64);
}

#[test]
fn the_search_score_is_the_plain_one() {
    let matcher = brain_like();
    let image = noisy_image(&matcher, 12, 10);
    let matches = matcher.match_image(image.view(), None).expect("matches");
    let atoms = matcher.dictionary().atoms();
    for voxel in 0..120 {
        let score = |atom: usize| {
            let product: Complex64 = (0..5)
                .map(|k| image[[k, voxel / 10, voxel % 10]])
                .zip(atoms.row(atom))
                .map(|(x, &d)| Complex64::new(x.re.into(), x.im.into()) * f64::from(d))
                .sum();
            product.norm()
        };
        let best = (0..atoms.nrows()).map(score).fold(0.0, f64::max);
        let found = matches.atom[voxel] as usize;
        assert!((score(found) - best).abs() <= 1e-14 * best);
        assert!((f64::from(matches.response[voxel].norm()) - best).abs() <= 1e-6 * best);
    }
}

#[test]
fn a_guess_changes_the_work_and_not_the_result() {
    let matcher = brain_like();
    let image = noisy_image(&matcher, 30, 40);
    let plain = matcher.match_image(image.view(), None).expect("matches");
    let warm = matcher.match_image(image.view(), Some(&plain.atom)).expect("matches");
    assert_eq!((&warm.atom, &warm.response), (&plain.atom, &plain.response));
    assert!(warm.statistics.atom_evaluations < plain.statistics.atom_evaluations);
    let wrong: Vec<u32> = (0..1200).map(|voxel| if voxel % 3 == 0 { Matches::NO_ATOM } else { voxel * 7919 }).collect();
    let misled = matcher.match_image(image.view(), Some(&wrong)).expect("matches");
    assert_eq!(misled.atom, plain.atom);
    assert!(matches!(matcher.match_image(image.view(), Some(&wrong[1..])), Err(Error::Shape { .. })));
}

#[test]
fn of_equal_atoms_the_first_wins() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let distinct = Array2::from_shape_simple_fn((90, 3), || rng.random_range(-1.0f32..1.0));
    // Every atom three times, the second time with the other sign.
    let rows = Array2::from_shape_fn((270, 3), |(row, k)| {
        let sign = if (90..180).contains(&row) { -1.0 } else { 1.0 };
        sign * distinct[[row % 90, k]]
    });
    let matcher = matcher_of(&rows);
    let matches = assert_same(&matcher, &noisy_image(&matcher, 20, 30));
    assert!(matches.atom.iter().all(|&atom| atom < 90));
    // The axes, voxels right between them and voxels across all of them.
    let axes = matcher_of(&Array2::from_shape_fn((40, 4), |(row, k)| if k == row % 3 { 1.0 } else { 0.0 }));
    let voxels = [[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, -1.0, 0.0], [0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 0.0, 1.0]];
    let image = ArrayD::from_shape_fn(IxDyn(&[4, 1, 4]), |index| Complex32::new(0.0, voxels[index[2]][index[0]]));
    assert_eq!(assert_same(&axes, &image).atom, [0, 1, 2, 0]);
}

#[test]
fn voxels_of_any_size_match_alike() {
    let matcher = brain_like();
    let image = noisy_image(&matcher, 8, 9);
    let reference = assert_same(&matcher, &image);
    for exponent in [-100, -60, 60, 100] {
        let scaled = image.mapv(|value| value * 2f32.powi(exponent));
        assert_eq!(assert_same(&matcher, &scaled).atom, reference.atom, "2^{exponent}");
    }
    // Far below the smallest normal number, where only a few bits are left.
    assert_same(&matcher, &image.mapv(|value| value * 1e-20 * 1e-21));
}

#[test]
fn any_number_of_coefficients_and_atoms() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for (count, coefficients) in [(1, 1), (2, 2), (17, 1), (300, 2), (5000, 3), (700, 8), (600, 13)] {
        let rows = Array2::from_shape_simple_fn((count, coefficients), || rng.random_range(-1.0f32..1.0));
        let matcher = matcher_of(&rows);
        assert_same(&matcher, &noisy_image(&matcher, 9, 11));
    }
}

#[test]
fn projection_writes_image_and_maps() {
    let matcher = brain_like();
    let mut image = noisy_image(&matcher, 6, 7);
    image.slice_mut(ndarray::s![.., 2, 3]).fill(Complex32::ZERO);
    let mut z = image.clone();
    let mut maps = ParameterMaps::zeros(matcher.parameters().to_vec(), &ImageShape::plane(6, 7));
    matcher.project(image.view(), z.view_mut(), Some(&mut maps)).expect("projects");
    let dictionary = matcher.dictionary();
    let matches = matcher.match_image(image.view(), None).expect("matches");
    for (voxel, &atom) in matches.atom.iter().enumerate() {
        let (y, x) = (voxel / 7, voxel % 7);
        if (y, x) == (2, 3) {
            assert_eq!(atom, Matches::NO_ATOM);
            assert!(z.slice(ndarray::s![.., y, x]).iter().all(|value| *value == Complex32::ZERO));
            assert_eq!((maps.values[[0, y, x]], maps.amplitude[[y, x]]), (0.0, Complex32::ZERO));
            continue;
        }
        let atom = atom as usize;
        assert_eq!(maps.values[[0, y, x]], dictionary.lut()[[atom, 0]]);
        assert_eq!(maps.values[[1, y, x]], dictionary.lut()[[atom, 1]]);
        for k in 0..5 {
            let expected = maps.amplitude[[y, x]] * dictionary.norms()[atom] * dictionary.atoms()[[atom, k]];
            assert!(
                (z[[k, y, x]] - expected).norm() <= 1e-6 * maps.amplitude[[y, x]].norm() * dictionary.norms()[atom]
            );
        }
    }
    // Projecting again changes nothing but rounding.
    let mut again = z.clone();
    matcher.project(z.view(), again.view_mut(), None).expect("projects");
    assert!(z.iter().zip(&again).all(|(a, b)| (a - b).norm() <= 1e-5 * (1.0 + a.norm())));
}

#[test]
fn keeps_the_laws_of_a_projector() {
    for matcher in
        [brain_like(), matcher_of(&Array2::from_shape_fn((9, 3), |(row, k)| 1.0 + (row * (k + 2) % 7) as f32))]
    {
        for size in [ImageShape::plane(9, 10), ImageShape::volume(3, 4, 5)] {
            let report = diph_test_kit::check_projector(&matcher, &size, 5);
            assert!(report.passed(), "{report}");
        }
    }
}

#[test]
fn bad_input_is_refused() {
    let matcher = brain_like();
    let image = noisy_image(&matcher, 4, 5);
    let project = |x: &ArrayD<Complex32>, z: &mut ArrayD<Complex32>, maps: Option<&mut ParameterMaps>| {
        matcher.project(x.view(), z.view_mut(), maps)
    };
    let mut z = image.clone();
    let mut bad = image.clone();
    bad[[3, 1, 2]] = Complex32::new(0.0, f32::NAN);
    assert!(matches!(project(&bad, &mut z, None), Err(Error::NotFinite { index: 67, .. })));
    assert!(matches!(project(&ArrayD::zeros(IxDyn(&[4, 4, 5])), &mut z, None), Err(Error::Shape { .. })));
    assert!(matches!(project(&ArrayD::zeros(IxDyn(&[5, 4])), &mut z, None), Err(Error::Incompatible { .. })));
    assert!(matches!(project(&image, &mut ArrayD::zeros(IxDyn(&[5, 5, 4])), None), Err(Error::Shape { .. })));
    let mut small = ParameterMaps::zeros(matcher.parameters().to_vec(), &ImageShape::plane(4, 4));
    assert!(matches!(project(&image, &mut z, Some(&mut small)), Err(Error::Shape { .. })));
    let other = vec![Parameter { name: "T9".into(), unit: "s".into() }];
    let mut foreign = ParameterMaps::zeros(other, &ImageShape::plane(4, 5));
    assert!(matches!(project(&image, &mut z, Some(&mut foreign)), Err(Error::Incompatible { .. })));
    let transposed = image.view().reversed_axes();
    let square = transposed.slice_axis(ndarray::Axis(0), ndarray::Slice::from(..5));
    assert!(matches!(matcher.match_image(square, None), Err(Error::NotContiguous { .. })));
    let matches = Matches { atom: vec![9999], response: vec![Complex32::ONE], statistics: Default::default() };
    assert!(matcher.write(&matches, ArrayD::zeros(IxDyn(&[5, 1, 1])).view_mut(), None).is_err());
    let empty = ArrayD::zeros(IxDyn(&[5, 0, 3]));
    assert!(matcher.match_image(empty.view(), None).expect("nothing to match").atom.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn tree_and_brute_force_agree_on_clustered_atoms(
        seed in 0u64..1000, count in 1usize..1500, coefficients in 2usize..6, spread in -7i32..1,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // One cluster, as narrow as rounding or as wide as the sphere: many near ties.
        let rows = Array2::from_shape_fn((count, coefficients), |(_, k)| {
            let centre = if k == 0 { 1.0 } else { 0.3 };
            centre + 10f32.powi(spread) * rng.random_range(-1.0f32..1.0)
        });
        let matcher = matcher_of(&rows);
        assert_same(&matcher, &noisy_image(&matcher, 5, 6));
    }
}
