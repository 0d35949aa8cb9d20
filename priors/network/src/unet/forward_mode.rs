//! How a network is run: inference, or training with or without computing activations twice.

use diph_core::Rng;
use rand::RngExt;

use super::blocks::Block;
use super::feature_map::FeatureMap;
use super::unet::UNet;
use crate::feature_maps::{Planes, Rows};
use crate::tape::{Gradients, Tape};
use crate::{Error, Result, Tensor};

/// How a network is run.
pub enum ForwardMode<'a> {
    /// Without dropout.
    Inference,
    /// With dropout, drawn from this generator.
    Training(&'a mut Rng),
}

impl ForwardMode<'_> {
    /// Sets a share of the values to zero and scales the others up, in training only.
    pub(crate) fn dropout<M: FeatureMap>(&mut self, x: M, share: f32) -> Result<M> {
        let Self::Training(rng) = self else {
            return Ok(x);
        };
        if share == 0.0 {
            return Ok(x);
        }
        let kept = 1.0 / (1.0 - share);
        let count: usize = x.shape().iter().product();
        let factors: Vec<f32> = (0..count).map(|_| if rng.random::<f32>() < share { 0.0 } else { kept }).collect();
        x.scaled(&factors)
    }
}

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
    embedding: Option<Vec<f32>>,
}

impl UNet {
    /// The gradients of a loss, equal to those of [`UNet::backward`] in training up to rounding.
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
        loss_gradient: impl FnOnce(&Tensor) -> Result<Tensor, E>,
        mut collect: impl FnMut(Gradients) -> Result<()>,
    ) -> Result<(), E> {
        let x = self.input(x, timesteps, condition)?;
        let embedding_tape = Tape::default();
        let embedding = self.embedding(timesteps, Some(&embedding_tape))?;
        let (visits, last) = self.visits(Planes::new(&x, self.arena())?, &embedding.off_tape(), dropout)?;

        let tape = Tape::default();
        let last = last.on_tape(&tape);
        let gradients = self.backward_from(&self.head(&last)?, &tape, loss_gradient)?;
        let mut gradient = last.gradient();
        collect(gradients)?;
        drop(last);

        let mut skip_gradients: Vec<Option<Tensor>> = vec![None; self.input_blocks.len()];
        let mut embedding_gradient: Option<Vec<f32>> = None;
        for (number, visit) in visits.into_iter().enumerate().rev() {
            if let Some(skip) = skip_gradients.get_mut(number) {
                gradient = sum(gradient, skip.take())?;
            }
            let Some(output_gradient) = gradient.take() else {
                continue;
            };
            let skip_number = visit.skip.as_ref().map(|(number, _)| *number);
            let inputs = visit.backward(self, &embedding, &output_gradient, &mut collect)?;
            if let Some(number) = skip_number {
                skip_gradients[number] = inputs.skip;
            }
            embedding_gradient = match (embedding_gradient, inputs.embedding) {
                (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a + b).collect()),
                (a, b) => a.or(b),
            };
            gradient = inputs.input;
        }
        let Some(gradient) = embedding_gradient else { return Ok(()) };
        embedding.add_gradient(gradient);
        let mut gradients = Gradients::new(self.arena());
        embedding_tape.backward(&mut gradients)?;
        Ok(collect(gradients)?)
    }

    /// Runs all blocks, in the order of [`UNet::forward`]. Returns what to keep of each and the last one's output.
    fn visits(&self, x: Planes, embedding: &Rows, dropout: &mut Rng) -> Result<(Vec<Visit<'_>>, Planes)> {
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
        unet: &UNet,
        embedding: &Rows,
        output_gradient: &Tensor,
        collect: &mut impl FnMut(Gradients) -> Result<()>,
    ) -> Result<InputGradients> {
        let tape = Tape::default();
        let input = self.input.on_tape(&tape);
        let skip = self.skip.map(|(_, skip)| skip.on_tape(&tape));
        let embedding = embedding.off_tape().on_tape(&tape);
        let mut dropout = self.dropout;
        let output = run(self.block, &input, skip.as_ref(), &embedding, &mut dropout)?;
        let gradients = unet.back(&output, &tape, output_gradient)?;
        let of_skip = skip.and_then(|skip| skip.gradient());
        collect(gradients)?;
        Ok(InputGradients { input: input.gradient(), skip: of_skip, embedding: embedding.take_gradient() })
    }
}

fn run(block: &Block, input: &Planes, skip: Option<&Planes>, embedding: &Rows, dropout: &mut Rng) -> Result<Planes> {
    let mode = &mut ForwardMode::Training(dropout);
    match skip {
        Some(skip) => block.forward(&input.joined(skip)?, embedding, mode),
        None => block.forward(input, embedding, mode),
    }
}

fn sum(a: Option<Tensor>, b: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some(a.zip(&b, |a, b| a + b)?),
        (a, b) => a.or(b),
    })
}
