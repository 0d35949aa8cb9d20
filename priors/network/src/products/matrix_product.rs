//! The matrix product of the `gemm-f32` crate behind a checked door. The `gemm` crate around it would bring the kernels of four
//! further element types, half a minute of compilation.

use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;

/// A matrix in borrowed memory: entry (r, c) is at `r * row_stride + c * column_stride`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix over values that lie row after row.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The same values with rows and columns swapped; nothing is copied.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Memory that a matrix reaches over.
fn extent(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    match (rows, columns) {
        (0, _) | (_, 0) => 0,
        _ => (rows - 1) * row_stride + (columns - 1) * column_stride + 1,
    }
}

/// `sum += factor * left * right` on the calling thread; `sum` has rows of `stride`.
///
/// # Panics
/// When the sizes do not fit each other or the memory.
pub fn add_product(sum: &mut [f32], stride: usize, left: Matrix<'_>, right: Matrix<'_>, factor: f32) {
    assert_eq!(left.columns, right.rows, "inner sizes");
    assert!(right.columns <= stride && sum.len() >= extent(left.rows, right.columns, stride, 1), "size of the sum");
    for matrix in [&left, &right] {
        let reach = extent(matrix.rows, matrix.columns, matrix.row_stride, matrix.column_stride);
        assert!(matrix.values.len() >= reach, "size of a factor");
    }
    // SAFETY: every entry that the sizes and strides reach lies inside of its slice (asserted above), `sum` is borrowed
    // mutably and so does not overlap the factors, and its rows do not overlap as a row is no longer than the stride.
    unsafe {
        // Its kernels want columns in memory's order: the rows of `sum` are handed over as columns of its transpose, which is
        // the product of the transposed factors in opposite order.
        get_gemm_fn()(
            right.columns,
            left.rows,
            left.columns,
            sum.as_mut_ptr(),
            stride as isize,
            1,
            true,
            right.values.as_ptr(),
            right.row_stride as isize,
            right.column_stride as isize,
            left.values.as_ptr(),
            left.row_stride as isize,
            left.column_stride as isize,
            1.0,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
