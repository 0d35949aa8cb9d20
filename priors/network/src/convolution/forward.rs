//! The forward pass of convolutions, by the method that suits the weight.

use rayon::prelude::*;

use crate::convolution::geometry::Conv2dGeometry;
use crate::convolution::packed_weight::Method;
use crate::convolution::plane_source::PlaneSource;
use crate::convolution::task::{Convolution, Task};
use crate::convolution::{amx_convolution, direct, winograd_convolution};

/// Sums that a task holds, in values: with a block of the input and its weights they fill most of a second-level cache.
const TASK_SUMS: usize = 1 << 17;

impl Convolution<'_> {
    /// Writes `sum_{input, tap} weight x + bias + residual` into all of `y`, (batch, output, y, x).
    ///
    /// The order of every sum is the same whatever the number of threads.
    pub fn run(&self, x: &dyn PlaneSource, y: &mut [f32]) {
        if y.is_empty() {
            return;
        }
        self.tasks(y).into_par_iter().with_max_len(1).for_each(|task| match (self.weight.amx(), self.weight.method) {
            (Some(weight), _) => amx_convolution::run_task(self, weight, x, task),
            (None, Method::Direct) => direct::run_task(self, x, task),
            (None, Method::Winograd) => winograd_convolution::run_task(self, x, task),
        });
    }

    /// Cuts the output into strips whose sums stay in the cache, as many as keep all threads equally busy. Small images are cut by
    /// outputs instead, so that threads share the reading of the weights.
    fn tasks<'a>(&self, y: &'a mut [f32]) -> Vec<Task<'a>> {
        let Conv2dGeometry { batch, outputs, height, width, .. } = self.geometry;
        let threads = rayon::current_num_threads();
        let (rows, unit) = match self.weight.method {
            Method::Direct => ((TASK_SUMS / (outputs * self.geometry.row())).max(1), 1),
            Method::Winograd => (winograd_convolution::strip_rows(&self.geometry), 2),
        };
        let strips = height.div_ceil(rows);
        let (strips, groups) = match batch * strips < threads {
            true => (strips, threads.div_ceil(batch * strips)),
            false if batch % threads == 0 => (strips, 1),
            false => (strips.next_multiple_of(threads), 1),
        };
        let rows = height.div_ceil(strips).next_multiple_of(unit);
        let strips = height.div_ceil(rows);
        let group = outputs.div_ceil(groups).next_multiple_of(self.weight.tile_outputs());
        let groups = outputs.div_ceil(group);
        let mut tasks: Vec<Task<'a>> = Vec::with_capacity(batch * strips * groups);
        for index in 0..batch * strips * groups {
            let (image, strip, first_output) =
                (index / (strips * groups), index / groups % strips, index % groups * group);
            tasks.push(Task { image, first_row: strip * rows, first_output, planes: Vec::with_capacity(group) });
        }
        for (index, plane) in y.chunks_exact_mut(self.geometry.pixels()).enumerate() {
            let (image, output) = (index / outputs, index % outputs);
            for (strip, plane) in plane.chunks_mut(rows * width).enumerate() {
                tasks[(image * strips + strip) * groups + output / group].planes.push(plane);
            }
        }
        tasks
    }
}
