//! The matrix product of the `gemm` crate behind a checked door.

use gemm::Parallelism;

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
    /// Row after row.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Rows and columns swapped.
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
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            sum.as_mut_ptr(),
            1,
            stride as isize,
            true,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
