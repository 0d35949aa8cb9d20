//! Memory for a plugin to read and to write, in which every fault of writing shows.

use std::ops::Range;

use diph_core::{Error, Result, View, ViewMut};
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn};
use num_complex::Complex32;

/// Numbers before and behind a tensor; a result is overrun by a few elements, by a page, or by a whole image.
const MARGIN: usize = 1 << 18;
/// Where tensors begin, in bytes: those that begin elsewhere would be lent to a plugin as copies, in which no fault shows.
const ALIGNMENT: usize = 64;
const UNTOUCHED: Complex32 = Complex32::new(-271.75, 314.25);
const UNWRITTEN: Complex32 = Complex32::new(f32::NAN, f32::NAN);

/// A tensor between two margins that must stay as they are: a result that holds NaN until it is written, or an input.
pub(crate) struct Guarded {
    memory: Vec<Complex32>,
    start: usize,
    shape: Vec<usize>,
}

impl Guarded {
    /// A result of this shape.
    pub(crate) fn new(shape: &[usize]) -> Self {
        let (length, slack) = (shape.iter().product::<usize>(), ALIGNMENT / size_of::<Complex32>());
        let mut memory = vec![UNTOUCHED; length + 2 * MARGIN + slack];
        let start = MARGIN + memory.as_ptr().align_offset(ALIGNMENT).min(slack);
        memory[start..start + length].fill(UNWRITTEN);
        Self { memory, start, shape: shape.to_vec() }
    }

    /// A copy of an input.
    pub(crate) fn lent(input: &ArrayD<Complex32>) -> Self {
        let mut own = Self::new(input.shape());
        let range = own.range();
        own.memory[range].iter_mut().zip(input).for_each(|(own, value)| *own = *value);
        own
    }

    fn range(&self) -> Range<usize> {
        self.start..self.start + self.shape.iter().product::<usize>()
    }

    /// The input.
    ///
    /// # Errors
    /// None that a shape of its own could cause.
    pub(crate) fn view(&self) -> Result<View<'_>> {
        ArrayViewD::from_shape(IxDyn(&self.shape), &self.memory[self.range()])
            .map_err(|error| Error::external("input", error))
    }

    /// The result.
    ///
    /// # Errors
    /// None that a shape of its own could cause.
    pub(crate) fn view_mut(&mut self) -> Result<ViewMut<'_>> {
        let range = self.range();
        ArrayViewMutD::from_shape(IxDyn(&self.shape), &mut self.memory[range])
            .map_err(|error| Error::external("result", error))
    }

    /// The result after the call.
    ///
    /// # Errors
    /// [`Error::External`] when something was written outside of it, saying where.
    pub(crate) fn finish(mut self, operation: &str) -> Result<ArrayD<Complex32>> {
        let Range { start, end } = self.range();
        let changed = |range: &[Complex32]| range.iter().position(|value| *value != UNTOUCHED);
        if let Some(index) = changed(&self.memory[end..]) {
            return Err(Error::external(
                operation,
                format!("it wrote beyond the end of its result, by element {index}"),
            ));
        }
        if self.memory[..start].iter().any(|value| *value != UNTOUCHED) {
            return Err(Error::external(operation, "it wrote before the beginning of its result"));
        }
        self.memory.truncate(end);
        self.memory.drain(..start);
        ArrayD::from_shape_vec(self.shape, self.memory).map_err(|error| Error::external("result", error))
    }

    /// Fails where the input, which a call was given to read, is no longer what it was.
    ///
    /// # Errors
    /// [`Error::External`] naming the operation.
    pub(crate) fn check_untouched(&self, operation: &str, before: &ArrayD<Complex32>) -> Result<()> {
        let bits = |value: &Complex32| (value.re.to_bits(), value.im.to_bits());
        match before.iter().map(bits).eq(self.memory[self.range()].iter().map(bits)) {
            true => Ok(()),
            false => Err(Error::external(operation, "it changed its input")),
        }
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
        for (at, said) in [(6 + 511, "by element 511"), (-1, "before the beginning")] {
            let mut outside = Guarded::new(&[2, 3]);
            let place = outside.start.checked_add_signed(at).unwrap();
            outside.memory[place] = Complex32::ONE;
            let error = outside.finish("lab.x: forward").unwrap_err().to_string();
            assert!(error.contains("lab.x: forward") && error.contains(said), "{error}");
        }
        assert!(Guarded::new(&[2]).finish("x").unwrap().iter().all(|value| value.re.is_nan()));
    }
    #[test]
    fn a_changed_input_is_found() {
        let input = ArrayD::from_elem(vec![2, 3], Complex32::ONE);
        let mut lent = Guarded::lent(&input);
        assert!(lent.view().unwrap().as_ptr().addr().is_multiple_of(ALIGNMENT));
        lent.check_untouched("lab.x: forward", &input).unwrap();
        lent.view_mut().unwrap()[[1, 2]] = -Complex32::ONE;
        assert!(lent.check_untouched("lab.x: forward", &input).is_err());
    }
}
