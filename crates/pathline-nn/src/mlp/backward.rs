//! The training loss and its gradient: forward with everything kept, then back, part by part.
//!
//! Each part of the batch sums its own gradient; the parts are added in order. The cut depends on
//! the batch size alone, so the sum has the same bytes for any number of threads.

use std::ops::Range;

use pathline::kernels::ROW_BLOCK;
use pathline::{At, Error, Rows, RowsMut};
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
    let at_once = scratch.parts_at_once(cut.parts);
    let parts = scratch.parts(at_once.min(cut.parts));
    let mut loss = 0.0;
    for first in (0..cut.parts).step_by(at_once) {
        let count = at_once.min(cut.parts - first);
        let parts = &mut parts[..count];
        let fewest = fewest_a_thread(rows * values, count);
        parts.par_iter_mut().with_min_len(fewest).enumerate().for_each(|(p, part)| {
            part.loss = 0.0;
            warm(&mut part.gradient, values).fill(0.0);
            let from = (first + p) * cut.rows;
            let end = (from + cut.rows).min(rows);
            for from in (from..end).step_by(together) {
                let range = from..end.min(from + together);
                let residual = |output: &[f32], delta: &mut [f32]| {
                    loss::residual(batch, range.clone(), output, delta)
                };
                part.loss +=
                    block((mlp, precision), (&batch.at, range.clone()), part, residual, None);
            }
        });
        sum_gradients(parts, first == 0, into);
        parts.iter().for_each(|part| loss += part.loss);
    }
    Ok(loss / (rows * mlp.width()) as f64)
}

/// Writes `J^T w` for the row `w` of `along` of every row into the same row of `out`; all have been checked.
pub(super) fn pullback(
    mlp: &Mlp,
    at: &At<'_>,
    along: Rows<'_>,
    out: RowsMut<'_>,
    scratch: &mut Scratch,
) {
    let (rows, width, values) = (at.x.len(), mlp.width(), mlp.parameters.len());
    // One by one: products of several rows have other bytes for other numbers of them.
    let (cut, precision) = (Cut::new(rows, 1), scratch.precision());
    let fewest = fewest_a_thread(rows * values, cut.parts);
    out.into_slice()
        .par_chunks_mut(cut.rows * width)
        .zip(scratch.parts(cut.parts))
        .with_min_len(fewest)
        .enumerate()
        .for_each(|(p, (out, part))| {
            // What the parameters get is nobody's.
            warm(&mut part.gradient, values);
            for (b, out) in out.chunks_mut(width).enumerate() {
                let row = p * cut.rows + b;
                let given = |_: &[f32], delta: &mut [f32]| {
                    delta.copy_from_slice(along.row(row));
                    0.0
                };
                block((mlp, precision), (at, row..row + 1), part, given, Some(out));
            }
        });
}

/// Adds the gradient of the rows `range` to a part, from what `residual` writes at their outputs (whose share of the
/// loss comes back), and writes the one at the states if asked to.
fn block(
    (mlp, precision): (&Mlp, ProductPrecision),
    (at, range): (&At<'_>, Range<usize>),
    part: &mut Part,
    residual: impl FnOnce(&[f32], &mut [f32]) -> f64,
    states: Option<&mut [f32]>,
) -> f64 {
    let (rows, width) = (range.len(), mlp.width());
    let last = mlp.layers.len();
    if part.saved.len() <= last {
        part.saved.resize_with(last + 1, Saved::default);
    }
    let inputs = warm(&mut part.saved[0].value, rows * (width + 1));
    write_inputs(at, range.start, rows, inputs);
    for l in 0..last {
        let layer = mlp.linear(l, precision);
        let (before, after) = part.saved.split_at_mut(l + 1);
        let Saved { value, slope } = &mut before[l];
        let len = rows * layer.outputs;
        let x = &value[..rows * layer.inputs];
        layer.forward_saving(rows, x, warm(&mut after[0].value, len), warm(slope, len));
    }
    let Part { saved, delta, gradient, .. } = part;
    let output = &saved[last].value[..rows * width];
    let loss = residual(output, warm(&mut delta[0], output.len()));
    let [here, there] = delta;
    let (mut here, mut there) = (here, there);
    for l in (0..last).rev() {
        let layer = mlp.linear(l, precision);
        let x = &saved[l].value[..rows * layer.inputs];
        let wanted = l > 0 || states.is_some();
        let dx = wanted.then(|| (0.0, warm(there, rows * layer.inputs)));
        let delta = &mut here[..rows * layer.outputs];
        layer.backward(rows, (x, &saved[l].slope), delta, places(&mlp.layers[l], gradient), dx);
        std::mem::swap(&mut here, &mut there);
    }
    if let Some(states) = states {
        // The last input is the time.
        let inputs = here.chunks_exact(width + 1);
        for (state, input) in states.chunks_exact_mut(width).zip(inputs) {
            state.copy_from_slice(&input[..width]);
        }
    }
    loss
}

/// The places of one layer in a part's gradient; bias and weight are neighbours in the arena.
fn places<'a>(layer: &Layer, gradient: &'a mut [f32]) -> LinearGradient<'a> {
    let (bias, rest) = gradient[layer.bias.start..].split_at_mut(layer.bias.len());
    LinearGradient { bias, weight: &mut rest[..layer.weight.len()] }
}
