//! Dictionary matching.

use diph_core::{ImageShape, ParameterMaps};
use ndarray::{ArrayD, Axis, Ix2, Ix3};
use num_complex::Complex32;

use crate::atoms::Atoms;
use crate::relative_error::{relative_error_real, relative_error_within};
use crate::{Comparison, Reference, Stage};
use diph_recon::{Blame, ReconError};

const FILE: &str = "dictionary_match_pair.npz";
/// Single precision.
const TOLERANCE: f64 = 2.5e-7;

/// The projector plugin: atoms voxel by voxel, projected image and maps. Ties are no failures.
pub struct Matching;

impl Stage for Matching {
    fn name(&self) -> String {
        "matching".into()
    }

    fn files(&self) -> Vec<String> {
        [FILE].into_iter().chain(Reference::ACQUISITION).map(String::from).collect()
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let folder = &reference.folder;
        let x = folder.image(FILE, "x")?;
        let acquisition = reference.acquisition(x.shape())?;
        let [height, width] = acquisition.image.plane_lengths();
        let projector = reference.projector(&acquisition)?;
        let mut z = ArrayD::zeros(x.raw_dim());
        let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), &ImageShape::plane(height, width));
        projector.project(x.view(), z.view_mut(), Some(&mut maps)).step("matching")?;

        let index = folder.array::<i64, Ix2>(FILE, "index", "(y, x)")?;
        folder.check_shape(FILE, "index", &[height, width], index.shape())?;
        let atoms = Atoms::new(&acquisition.dictionary);
        let theirs: Vec<Option<usize>> = index.iter().map(|index| usize::try_from(*index).ok()).collect();
        let ours = atoms.of_maps(&maps);
        let same: Vec<bool> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours == theirs).collect();
        let flips = atoms.flips(&x, &ours, &theirs);
        let (ties, wrong) =
            (flips.iter().filter(|flip| flip.is_tie()).count(), flips.iter().filter(|flip| !flip.is_tie()));

        let counted = Comparison::count("voxels with a worse or better atom", wrong.count(), 0)
            .with_note(format!("{} of {} voxels have another atom, {ties} of them by a tie", flips.len(), same.len()))
            .with_flips(flips);
        let expected = folder.complex(FILE, "z", x.shape())?;
        let image = relative_error_within(&expected, &z, &same);
        let mut comparisons = vec![counted, Comparison::error("z, same atoms", image, TOLERANCE)];

        let expected = folder.array::<f32, Ix3>(FILE, "qmaps", "(T1 T2 RePD ImPD, y, x)")?;
        folder.check_shape(FILE, "qmaps", &[4, height, width], expected.shape())?;
        for (row, name) in [(0, "T1"), (1, "T2")] {
            let kept = |values: Vec<f32>| kept(values, &same);
            let theirs = kept(expected.index_axis(Axis(0), row).iter().copied().collect());
            let ours = kept(maps.parameter(name).step("matching")?.iter().copied().collect());
            comparisons.push(Comparison::error(
                format!("{name}, same atoms"),
                relative_error_real(&theirs, &ours),
                TOLERANCE,
            ));
        }
        let plane = |row| expected.index_axis(Axis(0), row);
        let density = ndarray::Zip::from(plane(2)).and(plane(3)).map_collect(|re, im| Complex32::new(*re, *im));
        let error = relative_error_within(&density.into_dyn(), &maps.amplitude, &same);
        comparisons.push(Comparison::error("PD, same atoms", error, TOLERANCE));
        Ok(comparisons)
    }
}

fn kept(values: Vec<f32>, keep: &[bool]) -> Vec<f32> {
    values.into_iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| value).collect()
}
