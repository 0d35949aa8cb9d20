//! From a sequence and a grid to a dictionary.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use diph_core::{Error, Result};
use nalgebra::{DMatrix, DMatrixView, Dyn, SymmetricEigen};
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::{Dictionary, OPERATION};
use crate::{DictionaryGrid, EpgFisp, Sequence, Tissue};

/// Tissues whose signals are held at once: signals of the whole dictionary would fill gigabytes.
pub(crate) const CHUNK: usize = 512;

/// How often an eigendecomposition asks whether it is still wanted.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Partial Gram matrices. A fixed number, so that the sum does not depend on the number of threads.
pub(crate) const PARTS: usize = 8;

impl Dictionary {
    /// Simulates the responses of `grid` to `sequence` by EPG and compresses them to `coefficients` (K).
    ///
    /// The basis V (frame, K) holds the first K right singular vectors of the normalised responses, from the eigenvectors
    /// of their Gram matrix in double precision. The sign of each is such that its entry of largest magnitude (the first of
    /// equals) is positive. Signals are simulated twice rather than kept.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `coefficients` is 0 or more than the frames, or a tissue gives no signal in the subspace.
    pub fn simulate(sequence: &Sequence, grid: &DictionaryGrid, coefficients: usize) -> Result<Self> {
        Self::simulate_unless(&|| false, sequence, grid, coefficients)
    }

    /// [`simulate`](Self::simulate), given up between blocks of tissues as soon as `is_cancelled` says so.
    ///
    /// # Errors
    /// Those of [`simulate`](Self::simulate), and [`Error::Cancelled`].
    pub fn simulate_unless(
        is_cancelled: &(dyn Fn() -> bool + Sync),
        sequence: &Sequence,
        grid: &DictionaryGrid,
        coefficients: usize,
    ) -> Result<Self> {
        let frames = sequence.frames();
        if coefficients == 0 || coefficients > frames {
            let expected = format!("1 to the number of frames, {frames}");
            return Err(Error::parameter(OPERATION, "coefficients", expected, coefficients));
        }
        let epg = EpgFisp::new(sequence.clone());
        let basis = leading_eigenvectors(gram(&epg, grid.tissues(), is_cancelled)?, coefficients, is_cancelled)?;
        let (responses, norms) = compress(&epg, grid.tissues(), &basis, is_cancelled)?;
        let v = Array2::from_shape_fn((frames, coefficients), |(frame, k)| basis[(frame, k)] as f32);
        Self::from_compressed(grid.lut().view(), responses.view(), v.view(), norms.view(), coefficients)
    }
}

/// Norm of every signal (a row of `frames`).
fn row_norms(signals: &[f64], frames: usize) -> impl Iterator<Item = f64> {
    signals.chunks_exact(frames).map(|row| row.iter().map(|value| value * value).sum::<f64>().sqrt())
}

/// Gram matrix (frame, frame) of the normalised signals.
fn gram(epg: &EpgFisp, tissues: &[Tissue], is_cancelled: &(dyn Fn() -> bool + Sync)) -> Result<DMatrix<f64>> {
    let frames = epg.sequence().frames();
    let part_len = tissues.len().div_ceil(PARTS).max(1);
    let parts = tissues
        .par_chunks(part_len)
        .map(|part| {
            let mut sum = DMatrix::zeros(frames, frames);
            for chunk in part.chunks(CHUNK) {
                check(is_cancelled)?;
                let mut signals = vec![0.0; chunk.len() * frames];
                epg.simulate_into(chunk, &mut signals);
                let scales: Vec<f64> = row_norms(&signals, frames).map(reciprocal_or_zero).collect();
                for (row, scale) in signals.chunks_exact_mut(frames).zip(scales) {
                    row.iter_mut().for_each(|value| *value *= scale);
                }
                // Rows of a C-ordered array are the columns of nalgebra's.
                let columns = DMatrixView::from_slice(&signals, frames, chunk.len());
                sum.gemm(1.0, &columns, &columns.transpose(), 1.0);
            }
            Ok(sum)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(parts.into_iter().fold(DMatrix::zeros(frames, frames), |sum, part| sum + part))
}

fn check(is_cancelled: &(dyn Fn() -> bool + Sync)) -> Result<()> {
    if is_cancelled() { Err(Error::Cancelled { operation: OPERATION.into() }) } else { Ok(()) }
}

/// A signal of zeros has no direction and no part in the basis.
fn reciprocal_or_zero(norm: f64) -> f64 {
    if norm > 0.0 { norm.recip() } else { 0.0 }
}

/// Eigenvectors of the `count` largest eigenvalues, each with a positive entry of largest magnitude.
fn leading_eigenvectors(
    gram: DMatrix<f64>,
    count: usize,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<DMatrix<f64>> {
    let eigen = eigendecomposition(gram, is_cancelled)?;
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]).then(i.cmp(&j)));
    let columns: Vec<_> = order
        .into_iter()
        .take(count)
        .map(|index| {
            let vector = eigen.eigenvectors.column(index);
            let sign = vector[vector.iamax()].signum();
            vector * sign
        })
        .collect();
    Ok(DMatrix::from_columns(&columns))
}

/// All eigenvectors, in a thread of its own: the decomposition takes minutes for thousands of frames and cannot be stopped on the
/// way. When it is cancelled, the thread is left to itself; it holds nothing but its matrix.
fn eigendecomposition(
    gram: DMatrix<f64>,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<SymmetricEigen<f64, Dyn>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // Nobody waits for the result any more when sending fails.
    let work = move || drop(sender.send(SymmetricEigen::new(gram)));
    std::thread::Builder::new().spawn(work).map_err(|error| Error::external(OPERATION, error))?;
    loop {
        match receiver.recv_timeout(ASKED_EVERY) {
            Ok(eigen) => return Ok(eigen),
            Err(RecvTimeoutError::Timeout) => check(is_cancelled)?,
            Err(error) => return Err(Error::external("eigendecomposition", error)),
        }
    }
}

/// Coefficients of the normalised signals (atom, coefficient) and norms of the signals.
fn compress(
    epg: &EpgFisp,
    tissues: &[Tissue],
    basis: &DMatrix<f64>,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(Array2<f32>, Array1<f32>)> {
    let frames = epg.sequence().frames();
    let chunks = tissues
        .par_chunks(CHUNK)
        .map(|chunk| {
            check(is_cancelled)?;
            let mut signals = vec![0.0; chunk.len() * frames];
            epg.simulate_into(chunk, &mut signals);
            let columns = DMatrixView::from_slice(&signals, frames, chunk.len());
            let mut coefficients = basis.tr_mul(&columns);
            let norms: Vec<f64> = row_norms(&signals, frames).collect();
            for (mut column, &norm) in coefficients.column_iter_mut().zip(&norms) {
                column *= reciprocal_or_zero(norm);
            }
            Ok((norms.into_iter().map(|norm| norm as f32).collect(), coefficients))
        })
        .collect::<Result<Vec<(Vec<f32>, DMatrix<f64>)>>>()?;
    let mut responses = Array2::zeros((tissues.len(), basis.ncols()));
    let columns = chunks.iter().flat_map(|(_, coefficients)| coefficients.column_iter());
    for (mut row, column) in responses.outer_iter_mut().zip(columns) {
        row.iter_mut().zip(column.iter()).for_each(|(value, &coefficient)| *value = coefficient as f32);
    }
    Ok((responses, chunks.into_iter().flat_map(|(norms, _)| norms).collect()))
}
