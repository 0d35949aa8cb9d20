//! Bloch responses in an SVD subspace.

mod lookup;
pub(crate) mod simulate;

use diph_core::{Error, Parameter, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::dictionary_grid::relaxation_parameters;

const OPERATION: &str = "dictionary";

/// Bloch responses in an SVD subspace (McGivney et al. 2014).
///
/// A voxel with the parameters of atom j and the complex amplitude PD has the coefficients `PD n_j d_j`: `d_j` is the
/// atom of unit norm, `n_j` the norm of the compressed response to an equilibrium magnetisation of 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    parameters: Vec<Parameter>,
    lut: Array2<f32>,
    atoms: Array2<f32>,
    norms: Array1<f32>,
    basis: Array2<f32>,
}

impl Dictionary {
    /// A dictionary from the arrays of the Python code's `.mat` layout:
    ///
    /// - `lut` (atom, parameter): T1 (s), T2 (s) and possibly B1;
    /// - `d` (atom, at least `coefficients`): coefficients of the normalised responses;
    /// - `v` (frame, at least `coefficients`): temporal basis;
    /// - `norm_d` (atom): norms of the responses.
    ///
    /// The first `coefficients` columns of `d`, times `norm_d`, are the responses: their norms become `n_j`, their
    /// directions `d_j`. T2 > T1 is allowed here, such tables exist.
    ///
    /// # Errors
    /// [`Error::Shape`] when the lengths do not fit, [`Error::NotFinite`] for a NaN or an infinity, [`Error::Parameter`] when there is
    /// no atom, coefficient or frame, or an atom has no signal at all.
    pub fn from_compressed(
        lut: ArrayView2<'_, f32>,
        d: ArrayView2<'_, f32>,
        v: ArrayView2<'_, f32>,
        norm_d: ArrayView1<'_, f32>,
        coefficients: usize,
    ) -> Result<Self> {
        let count = lut.nrows();
        if !(2..=3).contains(&lut.ncols()) {
            return Err(shape("lut (atom, T1 T2 or T1 T2 B1)", vec![count, 2], lut.shape()));
        }
        if count == 0 || coefficients == 0 || v.nrows() == 0 {
            let got = format!("{count} atoms, {coefficients} coefficients, {} frames", v.nrows());
            return Err(Error::parameter(OPERATION, "size", "at least one atom, coefficient and frame", got));
        }
        if d.nrows() != count || d.ncols() < coefficients {
            return Err(shape("D (atom, at least the coefficients)", vec![count, coefficients], d.shape()));
        }
        if v.ncols() < coefficients {
            return Err(shape("V (frame, at least the coefficients)", vec![v.nrows(), coefficients], v.shape()));
        }
        if norm_d.len() != count {
            return Err(shape("normD (atom)", vec![count], norm_d.shape()));
        }
        finite("lut", lut.iter())?;
        finite("D", d.iter())?;
        finite("V", v.iter())?;
        finite("normD", norm_d.iter())?;

        let columns = ndarray::s![.., ..coefficients];
        let mut atoms = d.slice(columns).as_standard_layout().into_owned();
        let mut norms = Array1::zeros(count);
        for (index, mut atom) in atoms.axis_iter_mut(Axis(0)).enumerate() {
            let scale = f64::from(norm_d[index]);
            let length = atom.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
            let norm = (length * scale.abs()) as f32;
            if !(norm.is_normal() && length.is_normal()) {
                let expected = "a response that is not zero; leave such atoms out of the table";
                return Err(Error::parameter(OPERATION, format!("norm of atom {index}"), expected, norm));
            }
            norms[index] = norm;
            let factor = scale.signum() / length;
            atom.mapv_inplace(|value| (f64::from(value) * factor) as f32);
        }
        Ok(Self {
            parameters: relaxation_parameters(lut.ncols() == 3),
            lut: lut.as_standard_layout().into_owned(),
            atoms,
            norms,
            basis: v.slice(columns).as_standard_layout().into_owned(),
        })
    }

    /// Names and units of the columns of [`lut`](Self::lut).
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Parameters of every atom (atom, parameter).
    pub fn lut(&self) -> ArrayView2<'_, f32> {
        self.lut.view()
    }

    /// Atoms `d_j` of unit norm (atom, coefficient). In the `.mat` layout they are `D`.
    pub fn atoms(&self) -> ArrayView2<'_, f32> {
        self.atoms.view()
    }

    /// Norms `n_j` of the compressed responses (atom). In the `.mat` layout they are `normD`.
    pub fn norms(&self) -> ArrayView1<'_, f32> {
        self.norms.view()
    }

    /// Temporal basis V (frame, coefficient).
    pub fn basis(&self) -> ArrayView2<'_, f32> {
        self.basis.view()
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.norms.len()
    }

    /// Whether there is no atom; never so for a dictionary that was made by this crate.
    pub fn is_empty(&self) -> bool {
        self.norms.is_empty()
    }

    /// Number of coefficients, K.
    pub fn coefficients(&self) -> usize {
        self.atoms.ncols()
    }

    /// Number of frames of the sequence.
    pub fn frames(&self) -> usize {
        self.basis.nrows()
    }
}

fn shape(role: &str, expected: Vec<usize>, got: &[usize]) -> Error {
    Error::Shape { operation: OPERATION.into(), role: role.into(), expected, got: got.to_vec() }
}

fn finite<'a>(role: &str, mut values: impl Iterator<Item = &'a f32>) -> Result<()> {
    match values.position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { operation: OPERATION.into(), role: role.into(), index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
