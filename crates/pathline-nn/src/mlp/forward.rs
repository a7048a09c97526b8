//! Inference: some blocks of [`ROW_BLOCK`] rows through all layers together, so that they stay in cache and
//! each layer's weights are packed for all of them at once.

use pathline::kernels::{ROW_BLOCK, rows_at_once};
use pathline::{At, Error, RowsMut};
use rayon::prelude::*;

use super::Mlp;
use crate::network::check_forward;
use crate::scratch::{Cut, Part, Scratch, fewest_a_thread, warm};
use pathline::kernels::ProductPrecision;

/// Writes rows `from..from + rows` of `[x, t]`, and zeros into what is left of `into`.
pub(super) fn write_inputs(at: &At<'_>, from: usize, rows: usize, into: &mut [f32]) {
    let width = at.x.width();
    let (filled, padding) = into.split_at_mut(rows * (width + 1));
    for (i, row) in filled.chunks_exact_mut(width + 1).enumerate() {
        row[..width].copy_from_slice(at.x.row(from + i));
        row[width] = at.t.at(from + i) as f32;
    }
    padding.fill(0.0);
}

pub(super) fn run(
    mlp: &Mlp,
    at: &At<'_>,
    out: RowsMut<'_>,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    check_forward(mlp.width(), at, &out)?;
    let (rows, width) = (at.x.len(), mlp.width());
    let precision = scratch.precision();
    let block = rows_at_once(rows);
    let cut = Cut::new(rows, block);
    let fewest = fewest_a_thread(rows * mlp.parameters.len(), cut.parts);
    out.into_slice()
        .par_chunks_mut(cut.rows * width)
        .zip(scratch.parts(cut.parts))
        .with_min_len(fewest)
        .enumerate()
        .for_each(|(p, (out, part))| {
            for (b, some) in out.chunks_mut(block * width).enumerate() {
                forward_rows((mlp, precision), at, p * cut.rows + b * block, some, part);
            }
        });
    Ok(())
}

/// Some rows, padded to whole blocks, going back and forth between two buffers.
fn forward_rows(
    (mlp, precision): (&Mlp, ProductPrecision),
    at: &At<'_>,
    from: usize,
    out: &mut [f32],
    part: &mut Part,
) {
    let [here, there] = &mut part.delta;
    let (mut here, mut there) = (here, there);
    let rows = out.len() / mlp.width();
    let padded = rows.next_multiple_of(ROW_BLOCK);
    write_inputs(at, from, rows, warm(here, padded * (mlp.width() + 1)));
    for l in 0..mlp.layers.len() {
        let layer = mlp.linear(l, precision);
        let x = warm(here, padded * layer.inputs);
        layer.forward(padded, x, warm(there, padded * layer.outputs));
        std::mem::swap(&mut here, &mut there);
    }
    out.copy_from_slice(&here[..out.len()]);
}
