//! The dictionary: atoms are TSMI / PD at every distinct pair (T1, T2).

use std::collections::BTreeMap;

use diph_core::Parameter;
use diph_datasets::{DatasetFolder, DictionaryFile, QuantitativeMaps, SliceId};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, ArrayD, Axis};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::{RecoverError, Result};

/// Steps per second that T1 and T2 are rounded to: single precision in files is finer by far, grids are coarser.
const STEPS_PER_SECOND: f64 = 1e6;
/// Measured atoms that an interpolated one is made of.
const NEIGHBOURS: usize = 16;
/// Terms of a polynomial of second degree in two variables.
const TERMS: usize = 6;
/// One in so many measured atoms is left out once, to see how good interpolation is.
const LEFT_OUT: usize = 40;

/// T1 and T2 in steps.
type Key = (u64, u64);

/// Atoms of a dictionary, collected from maps and images.
#[derive(Default)]
pub struct AtomTable {
    /// For every pair that maps show: sums over voxels of conj(PD) TSMI and of |PD|^2, empty where there is no image.
    sums: BTreeMap<Key, (Vec<f64>, f64)>,
}

/// What was collected, all pairs filled.
pub struct Atoms {
    /// (atom, parameter): T1 and T2 in seconds, in order.
    pub lut: Array2<f64>,
    /// (atom, coefficient): compressed fingerprints for PD = 1.
    pub fingerprints: Array2<f64>,
    /// Atoms that come from an image.
    pub measured: usize,
    /// Median relative error of interpolation at measured atoms that were left out for it. `None` when there are too few atoms.
    pub interpolation_error: Option<f64>,
}

impl AtomTable {
    /// Reads the maps of all slices of the folder, and the images of those in `with_images`.
    ///
    /// # Errors
    /// [`RecoverError::Dataset`] when a file cannot be read, [`RecoverError::Slice`] when maps and image differ in size.
    pub fn read(folder: &DatasetFolder, with_images: &[SliceId], cut: usize) -> Result<Self> {
        let mut table = Self::default();
        for slice in folder.slices_with_maps()? {
            let maps = folder.maps(slice)?;
            match with_images.contains(&slice) {
                true => table.add_image(slice, &maps, &folder.reference_tsmi(slice, cut)?)?,
                false => table.add_maps(&maps),
            }
        }
        Ok(table)
    }

    /// Adds pairs (T1, T2) without images.
    pub fn add_maps(&mut self, maps: &QuantitativeMaps) {
        for voxel in voxels(maps) {
            self.sums.entry(voxel.key).or_default();
        }
    }

    /// Adds maps with their image (coefficient, [z,] y, x).
    ///
    /// # Errors
    /// [`RecoverError::Slice`] when they differ in size.
    pub fn add_image(&mut self, slice: SliceId, maps: &QuantitativeMaps, tsmi: &ArrayD<Complex32>) -> Result<()> {
        if tsmi.shape().get(1..) != Some(maps.pd.shape()) {
            return Err(RecoverError::Slice {
                slice,
                role: "TSMI (coefficient, y, x)",
                expected: format!("the size of the maps, {:?}", maps.pd.shape()),
                got: format!("{:?}", tsmi.shape()),
            });
        }
        let coefficients: Vec<Vec<Complex32>> =
            tsmi.outer_iter().map(|image| image.iter().copied().collect()).collect();
        for Voxel { index, key, pd } in voxels(maps) {
            let (sum, weight) = self.sums.entry(key).or_default();
            sum.resize(coefficients.len(), 0.0);
            *weight += f64::from(pd.norm_sqr());
            for (sum, image) in sum.iter_mut().zip(&coefficients) {
                *sum += f64::from((pd.conj() * image[index]).re);
            }
        }
        Ok(())
    }

    /// The atoms, those without an image interpolated by polynomials of second degree in the logarithms of T1 and T2, fitted to
    /// the nearest measured ones.
    ///
    /// # Errors
    /// [`RecoverError::Undetermined`] when there are fewer measured atoms than such a polynomial needs.
    pub fn atoms(self) -> Result<Atoms> {
        let measured: Vec<Measured> = self.sums.iter().filter_map(|(key, sums)| Measured::new(*key, sums)).collect();
        let Some(first) = measured.first() else {
            return Err(too_few(0));
        };
        let coefficients = first.fingerprint.len();
        let missing = self.sums.len() - measured.len();
        if missing > 0 && measured.len() < NEIGHBOURS {
            return Err(too_few(measured.len()));
        }
        let fill = |(key, sums): (&Key, &(Vec<f64>, f64))| match Measured::new(*key, sums) {
            Some(atom) => Ok(atom.fingerprint),
            None => interpolate(&measured, logarithms(*key), None),
        };
        let entries: Vec<(&Key, &(Vec<f64>, f64))> = self.sums.iter().collect();
        let rows: Vec<DVector<f64>> = entries.into_par_iter().map(fill).collect::<Result<_>>()?;
        let seconds = |steps: u64| steps as f64 / STEPS_PER_SECOND;
        let keys: Vec<Key> = self.sums.keys().copied().collect();
        Ok(Atoms {
            lut: Array2::from_shape_fn((rows.len(), 2), |(atom, parameter)| match parameter {
                0 => seconds(keys[atom].0),
                _ => seconds(keys[atom].1),
            }),
            fingerprints: Array2::from_shape_fn((rows.len(), coefficients), |(atom, k)| rows[atom][k]),
            measured: measured.len(),
            interpolation_error: interpolation_error(&measured)?,
        })
    }
}

impl Atoms {
    /// The dictionary with these atoms and a basis (frame, coefficient).
    pub fn dictionary(&self, basis: Array2<f64>) -> DictionaryFile {
        let norms: Array1<f64> = self.fingerprints.map_axis(Axis(1), |row| row.dot(&row).sqrt());
        let mut d = self.fingerprints.clone();
        d.outer_iter_mut().zip(&norms).for_each(|(mut row, norm)| row /= *norm);
        DictionaryFile {
            parameters: ["T1", "T2"].map(|name| Parameter { name: name.into(), unit: "s".into() }).to_vec(),
            lut: self.lut.clone(),
            d,
            v: basis,
            norm_d: norms,
        }
    }
}

/// An atom that comes from an image.
struct Measured {
    place: [f64; 2],
    fingerprint: DVector<f64>,
}

impl Measured {
    fn new(key: Key, (sum, weight): &(Vec<f64>, f64)) -> Option<Self> {
        (*weight > 0.0).then(|| Self {
            place: logarithms(key),
            fingerprint: DVector::from_iterator(sum.len(), sum.iter().map(|sum| sum / weight)),
        })
    }
}

/// A voxel that holds something.
struct Voxel {
    /// Its place in the maps, read row by row.
    index: usize,
    key: Key,
    pd: Complex32,
}

/// Voxels whose PD, T1 and T2 are not 0.
fn voxels(maps: &QuantitativeMaps) -> impl Iterator<Item = Voxel> {
    let steps = |seconds: f32| (f64::from(seconds) * STEPS_PER_SECOND).round() as u64;
    let values = maps.pd.iter().zip(maps.t1.iter().zip(&maps.t2));
    let all =
        values.enumerate().map(move |(index, (pd, (t1, t2)))| Voxel { index, key: (steps(*t1), steps(*t2)), pd: *pd });
    all.filter(|voxel| voxel.pd.norm_sqr() > 0.0 && voxel.key.0 > 0 && voxel.key.1 > 0)
}

fn logarithms(key: Key) -> [f64; 2] {
    [(key.0 as f64).ln(), (key.1 as f64).ln()]
}

/// The fingerprint at a place from the nearest measured ones, without the one of index `left_out`.
fn interpolate(measured: &[Measured], place: [f64; 2], left_out: Option<usize>) -> Result<DVector<f64>> {
    let offset = |atom: &Measured| [atom.place[0] - place[0], atom.place[1] - place[1]];
    let square = |[a, b]: [f64; 2]| a * a + b * b;
    let mut near: Vec<(f64, &Measured)> = measured
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != left_out)
        .map(|(_, atom)| (square(offset(atom)), atom))
        .collect();
    let last = NEIGHBOURS.min(near.len()) - 1;
    near.select_nth_unstable_by(last, |a, b| a.0.total_cmp(&b.0));
    near.truncate(last + 1);
    // Neighbours weigh the less the farther they are; the farthest still counts a little.
    let reach = near.iter().map(|(distance, _)| *distance).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let weights: Vec<f64> = near.iter().map(|(distance, _)| (-2.0 * distance / reach).exp()).collect();
    let scale = reach.sqrt();
    let design = DMatrix::from_fn(near.len(), TERMS, |row, term| {
        let [a, b] = offset(near[row].1).map(|component| component / scale);
        weights[row] * [1.0, a, b, a * a, a * b, b * b][term]
    });
    let coefficients = near[0].1.fingerprint.len();
    let values = DMatrix::from_fn(near.len(), coefficients, |row, k| weights[row] * near[row].1.fingerprint[k]);
    // Neighbours on one line leave terms undetermined; the pseudo-inverse makes these zero.
    let solution = design
        .svd(true, true)
        .solve(&values, 1e-6)
        .map_err(|reason| RecoverError::Undetermined { step: "interpolating atoms", reason: reason.into() })?;
    Ok(solution.row(0).transpose())
}

/// Median relative error at atoms that were left out once.
fn interpolation_error(measured: &[Measured]) -> Result<Option<f64>> {
    if measured.len() <= NEIGHBOURS {
        return Ok(None);
    }
    let tested: Vec<usize> = (0..measured.len()).step_by(LEFT_OUT).collect();
    let error = |index: &usize| {
        let atom = &measured[*index];
        let made = interpolate(measured, atom.place, Some(*index))?;
        Ok((made - &atom.fingerprint).norm() / atom.fingerprint.norm())
    };
    let mut errors: Vec<f64> = tested.par_iter().map(error).collect::<Result<_>>()?;
    errors.sort_by(f64::total_cmp);
    Ok(errors.get(errors.len() / 2).copied())
}

fn too_few(found: usize) -> RecoverError {
    let reason = format!("expected at least {NEIGHBOURS} pairs (T1, T2) with an image, found {found}");
    RecoverError::Undetermined { step: "collecting atoms", reason }
}
