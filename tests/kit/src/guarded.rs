//! Memory for a plugin to write, in which every fault of writing shows.

use diph_core::{Error, Result, ViewMut};
use ndarray::{ArrayD, ArrayViewMutD, IxDyn};
use num_complex::Complex32;

/// Numbers before and behind a result; a result is overrun by a few elements, by a page, or by a whole image.
const MARGIN: usize = 1 << 18;
const UNTOUCHED: Complex32 = Complex32::new(-271.828_18, 314.159_27);
const UNWRITTEN: Complex32 = Complex32::new(f32::NAN, f32::NAN);

/// A result that holds NaN until it is written, between two margins that must stay as they are.
pub(crate) struct Guarded {
    memory: Vec<Complex32>,
    shape: Vec<usize>,
}

impl Guarded {
    pub(crate) fn new(shape: &[usize]) -> Self {
        let length: usize = shape.iter().product();
        let mut memory = vec![UNTOUCHED; length + 2 * MARGIN];
        memory[MARGIN..MARGIN + length].fill(UNWRITTEN);
        Self { memory, shape: shape.to_vec() }
    }

    fn length(&self) -> usize {
        self.memory.len() - 2 * MARGIN
    }

    /// The result.
    ///
    /// # Errors
    /// None that a shape of its own could cause.
    pub(crate) fn view_mut(&mut self) -> Result<ViewMut<'_>> {
        let range = MARGIN..MARGIN + self.length();
        ArrayViewMutD::from_shape(IxDyn(&self.shape), &mut self.memory[range])
            .map_err(|error| Error::external("result", error))
    }

    /// The result after the call.
    ///
    /// # Errors
    /// [`Error::External`] when something was written outside of it, saying where.
    pub(crate) fn finish(mut self, operation: &str) -> Result<ArrayD<Complex32>> {
        let end = MARGIN + self.length();
        let changed = |range: &[Complex32]| range.iter().position(|value| *value != UNTOUCHED);
        if let Some(index) = changed(&self.memory[end..]) {
            return Err(Error::external(
                operation,
                format!("it wrote beyond the end of its result, by element {index}"),
            ));
        }
        if self.memory[..MARGIN].iter().any(|value| *value != UNTOUCHED) {
            return Err(Error::external(operation, "it wrote before the beginning of its result"));
        }
        self.memory.truncate(end);
        self.memory.drain(..MARGIN);
        ArrayD::from_shape_vec(self.shape, self.memory).map_err(|error| Error::external("result", error))
    }
}

/// Fails where `now`, which a call was given to read, is no longer what it was.
///
/// # Errors
/// [`Error::External`] naming the operation.
pub(crate) fn check_untouched(operation: &str, before: &ArrayD<Complex32>, now: &ArrayD<Complex32>) -> Result<()> {
    let bits = |value: &Complex32| (value.re.to_bits(), value.im.to_bits());
    match before.iter().map(bits).eq(now.iter().map(bits)) {
        true => Ok(()),
        false => Err(Error::external(operation, "it changed its input")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_outside_is_found() {
        let mut inside = Guarded::new(&[2, 3]);
        inside.view_mut().unwrap().fill(Complex32::ONE);
        assert!(inside.finish("x").unwrap().iter().all(|value| *value == Complex32::ONE));
        for (at, said) in [(MARGIN + 6 + 511, "by element 511"), (MARGIN - 1, "before the beginning")] {
            let mut outside = Guarded::new(&[2, 3]);
            outside.memory[at] = Complex32::ONE;
            let error = outside.finish("lab.x: forward").unwrap_err().to_string();
            assert!(error.contains("lab.x: forward") && error.contains(said), "{error}");
        }
        assert!(Guarded::new(&[2]).finish("x").unwrap().iter().all(|value| value.re.is_nan()));
    }
}
