//! The training loss and its gradient: forward with everything kept, then back, part by part.
//!
//! Each part of the batch sums its own gradient; the parts are added in order. The cut depends on
//! the batch size alone, so the sum has the same bytes for any number of threads.

use std::ops::Range;

use pathline::Error;
use pathline::kernels::ROW_BLOCK;
use rayon::prelude::*;

use super::forward::write_inputs;
use super::{Layer, Mlp};
use crate::loss;
use crate::network::TrainingBatch;
use crate::ops::linear::LinearGradient;
use crate::scratch::{Cut, Part, Saved, Scratch, fewest_a_thread, sum_gradients, warm};
use pathline::kernels::ProductPrecision;

/// Rows that go forward and back together: many, since the weight gradient's product sums over rows and
/// is slow for few of them, but not so many of a small batch that threads would stand idle.
fn rows_together(batch: usize) -> usize {
    if batch < 8 * ROW_BLOCK { 2 * ROW_BLOCK } else { 4 * ROW_BLOCK }
}

pub(super) fn run(
    mlp: &Mlp,
    batch: &TrainingBatch<'_>,
    into: &mut [f32],
    scratch: &mut Scratch,
) -> Result<f64, Error> {
    let (rows, values) = (batch.at.x.len(), mlp.parameters.len());
    loss::check(batch, mlp.width(), (values, into.len()))?;
    let together = rows_together(rows);
    let (cut, precision) = (Cut::new(rows, together), scratch.precision());
    let parts = scratch.parts(cut.parts);
    let fewest = fewest_a_thread(rows * values, cut.parts);
    parts.par_iter_mut().with_min_len(fewest).enumerate().for_each(|(p, part)| {
        part.loss = 0.0;
        warm(&mut part.gradient, values).fill(0.0);
        let end = ((p + 1) * cut.rows).min(rows);
        for from in (p * cut.rows..end).step_by(together) {
            block((mlp, precision), batch, from..end.min(from + together), part);
        }
    });
    sum_gradients(parts, into);
    Ok(parts.iter().map(|part| part.loss).sum::<f64>() / (rows * mlp.width()) as f64)
}

/// Adds the loss and the gradient of the rows `range` to a part.
fn block(
    (mlp, precision): (&Mlp, ProductPrecision),
    batch: &TrainingBatch<'_>,
    range: Range<usize>,
    part: &mut Part,
) {
    let (rows, width) = (range.len(), mlp.width());
    let last = mlp.layers.len();
    if part.saved.len() <= last {
        part.saved.resize_with(last + 1, Saved::default);
    }
    let inputs = warm(&mut part.saved[0].value, rows * (width + 1));
    write_inputs(&batch.at, range.start, rows, inputs);
    for l in 0..last {
        let layer = mlp.linear(l, precision);
        let (before, after) = part.saved.split_at_mut(l + 1);
        let Saved { value, slope } = &mut before[l];
        let len = rows * layer.outputs;
        let x = &value[..rows * layer.inputs];
        layer.forward_saving(rows, x, warm(&mut after[0].value, len), warm(slope, len));
    }
    let Part { saved, delta, gradient, loss } = part;
    let output = &saved[last].value[..rows * width];
    *loss += loss::residual(batch, range, output, warm(&mut delta[0], output.len()));
    let [here, there] = delta;
    let (mut here, mut there) = (here, there);
    for l in (0..last).rev() {
        let layer = mlp.linear(l, precision);
        let x = &saved[l].value[..rows * layer.inputs];
        let dx = (l > 0).then(|| (0.0, warm(there, rows * layer.inputs)));
        let delta = &mut here[..rows * layer.outputs];
        layer.backward(rows, (x, &saved[l].slope), delta, places(&mlp.layers[l], gradient), dx);
        std::mem::swap(&mut here, &mut there);
    }
}

/// The places of one layer in a part's gradient; bias and weight are neighbours in the arena.
fn places<'a>(layer: &Layer, gradient: &'a mut [f32]) -> LinearGradient<'a> {
    let (bias, rest) = gradient[layer.bias.start..].split_at_mut(layer.bias.len());
    LinearGradient { bias, weight: &mut rest[..layer.weight.len()] }
}
