//! Images that known maps would give.

use diph_bloch::{Dictionary, Tissue};
use diph_core::{Error, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::{Array3, ArrayD, ArrayView2, ArrayViewMut2, Axis};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::ResponseTable;
use diph_recon::parameter_maps;

/// How maps become images.
pub enum SignalModel {
    /// The response of the exact (T1, T2) of every voxel: for acquisitions whose sequence is known.
    Exact(ResponseTable),
    /// The nearest entry of the dictionary, which is all that a data folder has.
    Nearest(Dictionary),
}

impl SignalModel {
    /// Number of coefficients.
    pub fn coefficients(&self) -> usize {
        match self {
            Self::Exact(table) => table.coefficients(),
            Self::Nearest(dictionary) => dictionary.coefficients(),
        }
    }

    /// The TSMI (coefficient, y, x) of maps of a plane. Voxels without PD give zeros.
    ///
    /// # Errors
    /// When the maps are of a volume, or a voxel with PD has a T1 or T2 that is not a positive number.
    pub fn tsmi(&self, maps: &QuantitativeMaps) -> Result<Array3<Complex32>> {
        match self {
            Self::Exact(table) => exact_tsmi(table, &PlaneMaps::of(maps)?),
            Self::Nearest(dictionary) => {
                let tsmi = dictionary.lookup_tsmi(&parameter_maps(maps))?;
                tsmi.into_dimensionality().map_err(|error| Error::external("signal model", error))
            }
        }
    }
}

/// T1, T2 and PD of a plane, (y, x).
pub(crate) struct PlaneMaps<'a> {
    pub t1: ArrayView2<'a, f32>,
    pub t2: ArrayView2<'a, f32>,
    pub pd: ArrayView2<'a, Complex32>,
}

impl<'a> PlaneMaps<'a> {
    /// The maps, which must be those of a plane.
    pub fn of(maps: &'a QuantitativeMaps) -> Result<Self> {
        Ok(Self { t1: plane(&maps.t1)?, t2: plane(&maps.t2)?, pd: plane(&maps.pd)? })
    }
}

fn plane<T>(map: &ArrayD<T>) -> Result<ArrayView2<'_, T>> {
    let refused = |_| Error::incompatible("signal model", "maps (y, x) of a plane", format!("{:?}", map.shape()));
    map.view().into_dimensionality().map_err(refused)
}

fn exact_tsmi(table: &ResponseTable, maps: &PlaneMaps<'_>) -> Result<Array3<Complex32>> {
    let (height, width) = maps.pd.dim();
    let mut tsmi = Array3::zeros((table.coefficients(), height, width));
    let rows: Vec<_> = tsmi.axis_iter_mut(Axis(1)).collect();
    let beyond: Vec<Vec<(usize, usize)>> =
        rows.into_par_iter().enumerate().map(|(y, row)| interpolate_row(table, maps, y, row)).collect();
    let beyond: Vec<(usize, usize)> = beyond.into_iter().flatten().collect();
    let tissue = |at: &(usize, usize)| Tissue::new(maps.t1[*at].into(), maps.t2[*at].into());
    let tissues: Vec<Tissue> = beyond.iter().map(tissue).collect();
    for ((y, x), response) in beyond.into_iter().zip(table.simulate(&tissues)?.outer_iter()) {
        for (k, value) in response.iter().enumerate() {
            tsmi[[k, y, x]] = maps.pd[[y, x]] * value;
        }
    }
    Ok(tsmi)
}

/// Fills a row (coefficient, x) of the image; gives the voxels (y, x) that the table does not reach.
fn interpolate_row(
    table: &ResponseTable,
    maps: &PlaneMaps<'_>,
    y: usize,
    mut row: ArrayViewMut2<'_, Complex32>,
) -> Vec<(usize, usize)> {
    let mut response = vec![0.0; table.coefficients()];
    let mut beyond = Vec::new();
    for (x, mut voxel) in row.axis_iter_mut(Axis(1)).enumerate() {
        let pd = maps.pd[[y, x]];
        if pd == Complex32::ZERO {
            continue;
        }
        if !table.interpolate(maps.t1[[y, x]], maps.t2[[y, x]], &mut response) {
            beyond.push((y, x));
            continue;
        }
        voxel.iter_mut().zip(&response).for_each(|(value, response)| *value = pd * response);
    }
    beyond
}

#[cfg(test)]
mod tests {
    use diph_bloch::simulate_tsmi;
    use diph_datasets::BrainPhantom;

    use super::*;
    use diph_recon::acquisition::DemoAcquisition;

    #[test]
    fn interpolated_images_are_the_exact_ones() {
        let DemoAcquisition { sequence, acquisition } = DemoAcquisition::new((64, 64), 5).unwrap();
        let basis = acquisition.dictionary.basis();
        let model = SignalModel::Exact(ResponseTable::new(&sequence, basis).unwrap());
        let mut maps = BrainPhantom { subject: 3, ..BrainPhantom::new(64, 64) }.render().unwrap().maps;
        // Beyond the table.
        (maps.t1[[32, 32]], maps.t2[[32, 32]]) = (9.0, 7.0);
        let found = model.tsmi(&maps).unwrap();
        let exact = simulate_tsmi(&parameter_maps(&maps), &sequence, basis).unwrap();
        for (found, exact) in found.outer_iter().zip(exact.outer_iter()) {
            let norm = |values: &mut dyn Iterator<Item = Complex32>| values.map(|value| value.norm_sqr()).sum::<f32>();
            let difference = norm(&mut found.iter().zip(&exact).map(|(a, b)| a - b));
            let error = (difference / norm(&mut exact.iter().copied())).sqrt();
            eprintln!("relative error of a coefficient: {error:.1e}");
            assert!(error < 1e-4, "{error}");
        }
    }
}
