//! Row by row, in parallel, over blocks of a fixed size.

use rayon::prelude::*;

use super::{check, check_pullback};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;
use crate::kernels::ROW_BLOCK;

/// Who a row is, when, and where: what a row's velocity may depend on.
pub(super) struct Row<'a> {
    /// Row of the request.
    pub(super) index: usize,
    /// Global sample index.
    pub(super) sample: u64,
    /// Time.
    pub(super) t: f64,
    /// State.
    pub(super) x: &'a [f32],
}

/// [`each_row`] for [`VelocityField::pullback`](super::VelocityField::pullback): every row with its vector.
pub(super) fn each_vector(
    shape: &Shape,
    at: &At<'_>,
    along: Rows<'_>,
    out: RowsMut<'_>,
    pullback: impl Fn(&Row<'_>, &[f32], &mut [f32]) -> Result<(), Error> + Sync,
) -> Result<bool, Error> {
    check_pullback(shape, at, along, &out)?;
    each_row(shape, at, out, |row, out| pullback(row, along.row(row.index), out))?;
    Ok(true)
}

/// Checks the request, then computes every row on its own. Of several failing rows the first one's
/// error is returned, whatever thread met its own first.
pub(super) fn each_row(
    shape: &Shape,
    at: &At<'_>,
    mut out: RowsMut<'_>,
    velocity: impl Fn(&Row<'_>, &mut [f32]) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    check(shape, at, &out)?;
    let width = shape.elements();
    let block = |(b, out): (usize, &mut [f32])| {
        out.chunks_exact_mut(width).enumerate().find_map(|(i, out)| {
            let i = b * ROW_BLOCK + i;
            let row = Row { index: i, sample: at.samples.at(i), t: at.t.at(i), x: at.x.row(i) };
            velocity(&row, out).err()
        })
    };
    let blocks = out.as_mut_slice().par_chunks_mut(ROW_BLOCK * width).enumerate();
    blocks.find_map_first(block).map_or(Ok(()), Err)
}
