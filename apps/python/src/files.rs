//! Maps as files and pictures.

use std::path::PathBuf;

use diph_datasets::QuantitativeMaps;
use diph_formats::NiftiVolume;
use diph_recon::{Blame, write_bytes};
use diph_render::{MapWindows, MapsView, maps_figure, visible_voxels};
use num_complex::Complex32;
use numpy::{PyReadonlyArray3, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::failure::OrRaise;

/// Writes a volume (z, y, x) of voxels (x, y, z) in mm.
#[pyfunction]
pub fn write_nifti(
    path: PathBuf,
    values: PyReadonlyArray3<'_, f32>,
    voxel_mm: [f64; 3],
    description: &str,
) -> PyResult<()> {
    let volume = NiftiVolume { values: values.as_array().to_owned(), voxel_mm, affine: None };
    let bytes = volume.to_bytes(&path, description).file(&path).or_raise()?;
    write_bytes(&path, &bytes).or_raise()
}

/// A picture of maps, of a volume its middle plane.
#[pyfunction]
pub fn maps_png<'py>(
    py: Python<'py>,
    t1: PyReadonlyArrayDyn<'py, f32>,
    t2: PyReadonlyArrayDyn<'py, f32>,
    pd: PyReadonlyArrayDyn<'py, Complex32>,
    title: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let [t1, t2] = [t1, t2].map(|map| map.as_array().to_owned());
    let maps = QuantitativeMaps::new(t1, t2, pd.as_array().to_owned());
    let maps = maps.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let png = py.detach(|| {
        let view = MapsView::of_maps(&maps)?;
        let visible = visible_voxels(view.pd);
        maps_figure(title, view, None, visible.view(), MapWindows::default())?.to_png()
    });
    Ok(PyBytes::new(py, &png.or_raise()?))
}
