//! Images that known maps would give.

use diph_core::{Error, ParameterMaps, Result};
use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis};
use num_complex::Complex32;

use crate::{EpgFisp, Sequence, Tissue};

const OPERATION: &str = "simulate TSMI";

/// Tissues whose signals are held at once.
const CHUNK: usize = 4096;

/// The TSMI, (coefficient, y, x) or (coefficient, z, y, x), of a voxel-by-voxel EPG simulation with the exact values of the maps `T1` (s), `T2` (s) and, if
/// present, `B1`: `PD V^T s(T1, T2, B1)` with the amplitude as PD, the signal s of [`EpgFisp`] and the temporal basis V
/// (frame, coefficient). Equal voxels are simulated once. Voxels of amplitude 0 give zeros.
///
/// # Errors
/// When T1 or T2 is missing from the maps, shapes differ, the basis has another number of frames than the sequence, or a
/// value is not finite, or not positive where there is signal.
pub fn simulate_tsmi(
    maps: &ParameterMaps,
    sequence: &Sequence,
    basis: ArrayView2<'_, f32>,
) -> Result<ArrayD<Complex32>> {
    if basis.nrows() != sequence.frames() {
        return Err(Error::Shape {
            operation: OPERATION.into(),
            role: "temporal basis (frame, coefficient)".into(),
            expected: vec![sequence.frames(), basis.ncols()],
            got: basis.shape().to_vec(),
        });
    }
    if let Some(index) = basis.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite { operation: OPERATION.into(), role: "temporal basis".into(), index });
    }
    let image = maps.image(OPERATION)?;
    let maps = RelaxationMaps::of(OPERATION, maps)?;
    let (tissues, tissue_of_voxel) = distinct_tissues(&maps)?;
    let responses = responses(&tissues, sequence, basis)?;
    let mut tsmi = ArrayD::zeros(image.with_leading(basis.ncols()));
    for ((mut voxel, &amplitude), tissue) in
        tsmi.lanes_mut(Axis(0)).into_iter().zip(maps.amplitude).zip(tissue_of_voxel)
    {
        let Some(tissue) = tissue else { continue };
        voxel.zip_mut_with(&responses.row(tissue), |signal, &value| *signal = amplitude * value);
    }
    Ok(tsmi)
}

/// The maps that relaxation needs, checked for shape and finite values.
pub(crate) struct RelaxationMaps<'a> {
    pub(crate) t1: ArrayViewD<'a, f32>,
    pub(crate) t2: ArrayViewD<'a, f32>,
    pub(crate) b1: Option<ArrayViewD<'a, f32>>,
    pub(crate) amplitude: &'a ArrayD<Complex32>,
}

impl<'a> RelaxationMaps<'a> {
    pub(crate) fn of(operation: &str, maps: &'a ParameterMaps) -> Result<Self> {
        maps.image(operation)?;
        let not_finite = |role: &str, index| Error::NotFinite { operation: operation.into(), role: role.into(), index };
        if let Some(index) = maps.values.iter().position(|value| !value.is_finite()) {
            return Err(not_finite("parameter maps", index));
        }
        if let Some(index) = maps.amplitude.iter().position(|value| !value.is_finite()) {
            return Err(not_finite("amplitude map", index));
        }
        let named = |name: &str| {
            let position = maps.parameters.iter().position(|parameter| parameter.name == name)?;
            Some(maps.values.index_axis(Axis(0), position))
        };
        let needed = |name: &str| {
            let names: Vec<_> = maps.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            named(name)
                .ok_or_else(|| Error::incompatible(operation, format!("a map of {name}"), format!("maps of {names:?}")))
        };
        Ok(Self { t1: needed("T1")?, t2: needed("T2")?, b1: named("B1"), amplitude: &maps.amplitude })
    }
}

/// The different tissues of the voxels with signal, and which of them each voxel is.
fn distinct_tissues(maps: &RelaxationMaps<'_>) -> Result<(Vec<Tissue>, Vec<Option<usize>>)> {
    let mut values: Vec<[f32; 3]> = maps.t1.iter().zip(&maps.t2).map(|(t1, t2)| [*t1, *t2, 1.0]).collect();
    if let Some(b1) = &maps.b1 {
        values.iter_mut().zip(b1).for_each(|(values, b1)| values[2] = *b1);
    }
    let mut voxels: Vec<_> = maps
        .amplitude
        .iter()
        .zip(values)
        .enumerate()
        .filter(|(_, (amplitude, _))| **amplitude != Complex32::ZERO)
        .map(|(flat, (_, values))| (values.map(f32::to_bits), flat, values))
        .collect();
    voxels.sort_unstable_by_key(|&(bits, flat, _)| (bits, flat));
    let mut tissues = Vec::new();
    let mut tissue_of_voxel = vec![None; maps.amplitude.len()];
    let mut previous = None;
    for (bits, flat, [t1, t2, b1]) in voxels {
        if previous != Some(bits) {
            let tissue = Tissue { t1_s: t1.into(), t2_s: t2.into(), b1: b1.into() };
            tissue.check("simulate TSMI: voxel with signal", flat)?;
            tissues.push(tissue);
            previous = Some(bits);
        }
        tissue_of_voxel[flat] = Some(tissues.len() - 1);
    }
    Ok((tissues, tissue_of_voxel))
}

/// Compressed responses (tissue, coefficient).
fn responses(tissues: &[Tissue], sequence: &Sequence, basis: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
    let epg = EpgFisp::new(sequence.clone());
    let basis = basis.mapv(f64::from);
    let mut responses = Array2::zeros((tissues.len(), basis.ncols()));
    for (chunk, mut rows) in tissues.chunks(CHUNK).zip(responses.axis_chunks_iter_mut(Axis(0), CHUNK)) {
        rows.assign(&epg.simulate(chunk)?.dot(&basis).mapv(|value| value as f32));
    }
    Ok(responses)
}

#[cfg(test)]
mod tests {
    use diph_core::ImageShape;
    use ndarray::Array1;

    use super::*;
    use crate::{Dictionary, DictionaryGrid};

    fn maps(grid: &DictionaryGrid) -> ParameterMaps {
        let lut = grid.lut();
        let mut maps = ParameterMaps::zeros(grid.parameters(), &ImageShape::plane(2, lut.nrows()));
        for y in 0..2 {
            for (x, row) in lut.outer_iter().enumerate() {
                maps.values.slice_mut(ndarray::s![.., y, x]).assign(&row);
                maps.amplitude[[y, x]] = Complex32::new(x as f32, -1.0 - y as f32);
            }
        }
        maps.amplitude[[1, 2]] = Complex32::ZERO;
        maps
    }

    #[test]
    fn exact_and_looked_up_images_agree_on_the_grid() {
        let sequence = Sequence::fisp_cut(4).expect("a cut");
        let grid = DictionaryGrid::product(&[0.3, 0.9, 2.0], &[0.03, 0.1], &[]).expect("valid");
        let dictionary = Dictionary::simulate(&sequence, &grid, 3).expect("simulates");
        let maps = maps(&grid);
        let exact = simulate_tsmi(&maps, &sequence, dictionary.basis()).expect("simulates");
        let looked_up = dictionary.lookup_tsmi(&maps).expect("looks up");
        for (a, b) in exact.iter().zip(&looked_up) {
            assert!((a - b).norm() < 1e-5, "{a} {b}");
        }
        assert!(exact.slice(ndarray::s![.., 1, 2]).iter().all(|value| *value == Complex32::ZERO));
        assert!(exact.slice(ndarray::s![.., 0, 1]).iter().any(|value| value.norm() > 0.1));
    }

    #[test]
    fn a_b1_map_changes_the_image() {
        let sequence = Sequence::fisp_cut(4).expect("a cut");
        let grid = DictionaryGrid::product(&[0.9], &[0.1], &[0.8, 1.0]).expect("valid");
        let basis = Array2::from_diag(&Array1::<f32>::ones(100));
        let mut maps = ParameterMaps::zeros(grid.parameters(), &ImageShape::plane(1, 2));
        maps.values.slice_mut(ndarray::s![.., 0, ..]).assign(&grid.lut().t());
        maps.amplitude.fill(Complex32::ONE);
        let tsmi = simulate_tsmi(&maps, &sequence, basis.view()).expect("simulates");
        let signals = EpgFisp::new(sequence).simulate(grid.tissues()).expect("simulates");
        for x in 0..2 {
            for frame in 0..100 {
                assert!((f64::from(tsmi[[frame, 0, x]].re) - signals[[x, frame]]).abs() < 1e-6);
            }
        }
        assert!((tsmi[[50, 0, 0]] - tsmi[[50, 0, 1]]).norm() > 1e-3);
    }

    #[test]
    fn bad_maps_are_refused() {
        let sequence = Sequence::fisp_cut(4).expect("a cut");
        let grid = DictionaryGrid::product(&[0.3, 0.9], &[0.03, 0.1], &[]).expect("valid");
        let basis = Array2::<f32>::ones((100, 2));
        let broken = |change: fn(&mut ParameterMaps)| {
            let mut maps = maps(&grid);
            change(&mut maps);
            simulate_tsmi(&maps, &sequence, basis.view()).expect_err("bad maps")
        };
        assert!(matches!(broken(|maps| maps.values[[0, 0, 0]] = f32::NAN), Error::NotFinite { .. }));
        assert!(matches!(broken(|maps| maps.values[[1, 0, 0]] = 0.0), Error::Parameter { .. }));
        assert!(matches!(broken(|maps| maps.amplitude = ArrayD::zeros(vec![1, 1])), Error::Shape { .. }));
        assert!(matches!(broken(|maps| maps.parameters[1].name = "T9".into()), Error::Incompatible { .. }));
        let short = basis.slice(ndarray::s![..99, ..]);
        assert!(matches!(simulate_tsmi(&maps(&grid), &sequence, short), Err(Error::Shape { .. })));
    }
}
