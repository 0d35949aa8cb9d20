//! What is written to memory pixel by pixel: maps that waited, and what is too rare to be part of a convolution's reading.

use rayon::prelude::*;

use super::planes::Planes;
use super::rows::Rows;
use crate::tape::{Buffer, Gradients, Slot, Step};
use crate::{Error, Result};

/// What is done to the values of a map on their way to memory.
enum Change {
    /// Nothing.
    Copy,
    /// Each is multiplied with a number of its own.
    Scaled(Buffer),
    /// Each channel of each image gets a number added.
    Shifted(Rows),
    /// The result has, at each place, the value from another.
    Gathered(Vec<usize>),
}

struct Written {
    x: Planes,
    change: Change,
    output: Slot,
}

impl Planes {
    /// A map in memory that an operation has written, noted on the tape when there is one.
    pub(super) fn noted<S: Step + 'static>(
        &self,
        values: Buffer,
        shape: [usize; 4],
        step: impl FnOnce(Slot) -> S,
    ) -> Self {
        let output = self.output(values, shape);
        if let (Some(tape), Some(slot)) = (self.tape(), output.slot()) {
            tape.record(step(slot));
        }
        output
    }

    /// The map in memory, with all done that waited.
    pub(super) fn written(&self) -> Self {
        let values = self.copied();
        self.noted(values, self.shape(), |output| Written { x: self.off_tape(), change: Change::Copy, output })
    }

    /// Every value times its own factor, for dropout.
    ///
    /// # Errors
    /// When there is another number of factors.
    pub fn scaled(&self, factors: &[f32]) -> Result<Self> {
        let mut values = self.copied();
        if factors.len() != values.len() {
            return Err(Error::shape("scaling", format!("{} factors", values.len()), &[factors.len()]));
        }
        let mut kept = self.arena().buffer(factors.len());
        kept.copy_from_slice(factors);
        values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        Ok(self.noted(values, self.shape(), |output| Written {
            x: self.off_tape(),
            change: Change::Scaled(kept),
            output,
        }))
    }

    /// Every channel of every image plus a number, (batch, channel).
    ///
    /// # Errors
    /// When there is another number of numbers.
    pub fn shifted(&self, shift: &Rows) -> Result<Self> {
        let shape = self.shape();
        if shift.shape() != shape[..2] {
            return Err(Error::shape("shift", format!("a shape of {:?}", &shape[..2]), &shift.shape()));
        }
        let mut values = self.copied();
        let planes = values.par_chunks_mut((shape[2] * shape[3]).max(1)).zip(shift.values());
        planes.for_each(|(plane, shift)| plane.iter_mut().for_each(|value| *value += shift));
        let change = Change::Shifted(shift.clone());
        Ok(self.noted(values, shape, |output| Written { x: self.off_tape(), change, output }))
    }

    /// A map of another shape, which has at each place the value that this map has at the place of that number.
    ///
    /// # Errors
    /// When there are not as many places as the shape has, or one lies outside of this map.
    pub fn gathered(&self, shape: [usize; 4], places: Vec<usize>) -> Result<Self> {
        let from = self.copied();
        let mut values = self.arena().buffer(shape.iter().product());
        if places.len() != values.len() || places.iter().any(|place| *place >= from.len()) {
            let expected = format!("{} places below {}", values.len(), from.len());
            return Err(Error::shape("gathering", expected, &[places.len()]));
        }
        values.iter_mut().zip(&places).for_each(|(value, place)| *value = from[*place]);
        let change = Change::Gathered(places);
        Ok(self.noted(values, shape, |output| Written { x: self.off_tape(), change, output }))
    }

    fn copied(&self) -> Buffer {
        let mut values = self.arena().buffer(self.shape().iter().product());
        self.write(&mut values);
        values
    }
}

impl Step for Written {
    fn backward(self: Box<Self>, _: &mut Gradients) -> Result<()> {
        let Some(mut gradient) = self.output.take() else { return Ok(()) };
        let x = &self.x;
        match self.change {
            Change::Copy => x.carry_back(gradient),
            Change::Scaled(factors) => {
                gradient.iter_mut().zip(&*factors).for_each(|(gradient, factor)| *gradient *= factor);
                x.carry_back(gradient);
            }
            Change::Shifted(shift) => {
                let [.., height, width] = x.shape();
                shift.add_gradient(gradient.chunks((height * width).max(1)).map(|plane| plane.iter().sum()).collect());
                x.carry_back(gradient);
            }
            Change::Gathered(places) => {
                let mut of_x = x.arena().zeros(x.shape().iter().product());
                places.iter().zip(&*gradient).for_each(|(place, gradient)| of_x[*place] += gradient);
                x.carry_back(of_x);
            }
        }
        Ok(())
    }
}
