//! The backward pass with less memory: activations are computed a second time, block by block (Chen et al. 2016).

use candle_core::{Tensor, Var};

use diph_core::Rng;

use super::block::Block;
use super::forward_mode::ForwardMode;
use super::unet::UNet;
use crate::ops::{Gradients, Planes, Tape};
use crate::{Error, Result};

/// What is kept of a block's forward pass: enough to run it again.
struct Visit<'a> {
    block: &'a Block,
    input: Planes,
    /// What comes beside the input from the way down, and the number of the block that it comes from.
    skip: Option<(usize, Planes)>,
    /// The generator of the dropout as the block found it.
    dropout: Rng,
}

/// Gradients of a loss with respect to what went into a block.
struct InputGradients {
    input: Option<Tensor>,
    skip: Option<Tensor>,
    embedding: Option<Tensor>,
}

impl UNet {
    /// The gradients of `loss(output)`, equal to those of [`UNet::backward`] in training up to rounding.
    ///
    /// Only the inputs of the blocks are kept, and the activations of one block at a time. `collect` is called several times,
    /// with the gradients of other parameters each time.
    ///
    /// # Errors
    /// As [`UNet::backward`], and what `collect` returns.
    pub fn backward_with_recomputation<E: From<Error>>(
        &self,
        x: &Tensor,
        timesteps: &[f32],
        condition: Option<&Tensor>,
        dropout: &mut Rng,
        loss: impl FnOnce(&Tensor) -> Result<Tensor, E>,
        mut collect: impl FnMut(Gradients) -> Result<()>,
    ) -> Result<(), E> {
        let x = self.input(x, timesteps, condition)?;
        let tracked_embedding = self.embedding(timesteps)?;
        let embedding = tracked_embedding.detach();
        let (visits, last) = self.visits(Planes::new(&x, self.arena()).map_err(Error::from)?, &embedding, dropout)?;

        let tape = Tape::default();
        let last = last.on_tape(&tape);
        let gradients = self.backward_from(&self.head(&last)?, &tape, loss)?;
        let mut gradient = last.gradient().map_err(Error::from)?;
        collect(gradients)?;
        drop(last);

        let mut skip_gradients: Vec<Option<Tensor>> = vec![None; self.input_blocks.len()];
        let mut embedding_gradient = None;
        for (number, visit) in visits.into_iter().enumerate().rev() {
            if let Some(skip) = skip_gradients.get_mut(number) {
                gradient = sum(gradient, skip.take())?;
            }
            let Some(output_gradient) = gradient.take() else {
                continue;
            };
            let skip_number = visit.skip.as_ref().map(|(number, _)| *number);
            let inputs = visit.backward(&embedding, &output_gradient, &mut collect)?;
            if let Some(number) = skip_number {
                skip_gradients[number] = inputs.skip;
            }
            embedding_gradient = sum(embedding_gradient, inputs.embedding)?;
            gradient = inputs.input;
        }
        match embedding_gradient {
            Some(gradient) => {
                let mut gradients = Gradients::new(self.arena());
                let number = (tracked_embedding * gradient).and_then(|product| product.sum_all());
                gradients.add_store(number.and_then(|number| number.backward()).map_err(Error::from)?);
                Ok(collect(gradients)?)
            }
            None => Ok(()),
        }
    }

    /// Runs all blocks, in the order of [`UNet::forward`]. Returns what to keep of each and the last one's output.
    fn visits(&self, x: Planes, embedding: &Tensor, dropout: &mut Rng) -> Result<(Vec<Visit<'_>>, Planes)> {
        let mut visits: Vec<Visit<'_>> = Vec::new();
        let mut h = x;
        let mut skips: Vec<(usize, Planes)> = Vec::with_capacity(self.input_blocks.len());
        let way_down = self.input_blocks.iter().enumerate().map(|(number, block)| (block, Some(number)));
        let rest = std::iter::once(&self.middle_block).chain(&self.output_blocks).map(|block| (block, None));
        for (position, (block, number)) in way_down.chain(rest).enumerate() {
            let skip = if position > self.input_blocks.len() { skips.pop() } else { None };
            let visit = Visit { block, input: h, skip, dropout: dropout.clone() };
            let skip = visit.skip.as_ref().map(|(_, skip)| skip);
            h = run(block, &visit.input, skip, embedding, dropout)?.settled();
            visits.push(visit);
            skips.extend(number.map(|number| (number, h.clone())));
        }
        Ok((visits, h))
    }
}

impl Visit<'_> {
    /// Runs the block again and goes back through it.
    fn backward(
        self,
        embedding: &Tensor,
        output_gradient: &Tensor,
        collect: &mut impl FnMut(Gradients) -> Result<()>,
    ) -> Result<InputGradients> {
        let tape = Tape::default();
        let input = self.input.on_tape(&tape);
        let skip = self.skip.map(|(_, skip)| skip.on_tape(&tape));
        let embedding = Var::from_tensor(embedding)?;
        let mut dropout = self.dropout;
        let output = run(self.block, &input, skip.as_ref(), &embedding, &mut dropout)?;
        let mut gradients = tape.backward(&output, output_gradient)?;
        let of_skip = skip.map(|skip| skip.gradient()).transpose()?.flatten();
        let of_embedding = gradients.take_tensor(&embedding)?;
        collect(gradients)?;
        Ok(InputGradients { input: input.gradient()?, skip: of_skip, embedding: of_embedding })
    }
}

fn run(block: &Block, input: &Planes, skip: Option<&Planes>, embedding: &Tensor, dropout: &mut Rng) -> Result<Planes> {
    let mode = &mut ForwardMode::Training(dropout);
    match skip {
        Some(skip) => block.forward(&input.joined(skip)?, embedding, mode),
        None => block.forward(input, embedding, mode),
    }
}

fn sum(a: Option<Tensor>, b: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some((a + b)?),
        (a, b) => a.or(b),
    })
}
