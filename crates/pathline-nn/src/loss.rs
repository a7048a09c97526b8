//! The training loss of a block of rows, and its gradient by the network's output.
//!
//! `L = 1/(n d) sum_i |o_i - y_i|^2` for outputs `o_i` and targets `y_i` of `d` elements.

use std::ops::Range;

use pathline::Error;

use crate::network::TrainingBatch;

/// Fails unless the batch has a target for each row and at least one row.
pub(crate) fn check(batch: &TrainingBatch<'_>, width: usize) -> Result<(), Error> {
    let rows = batch.at.x.len();
    Error::check_count("target velocities", rows, batch.target.len())?;
    Error::check_count("elements of a target velocity", width, batch.target.width())?;
    if rows == 0 {
        return Err(Error::invalid("training batch", "empty", "give at least one row"));
    }
    Ok(())
}

/// Writes `dL/do` of the batch's rows `range` into `delta`; gives their share of `L` times `n d`.
pub(crate) fn residual(
    batch: &TrainingBatch<'_>,
    range: Range<usize>,
    output: &[f32],
    delta: &mut [f32],
) -> f64 {
    let width = batch.target.width();
    let scale = (2.0 / (batch.at.x.len() * width) as f64) as f32;
    let target = &batch.target.as_slice()[range.start * width..range.end * width];
    let mut sum = 0.0;
    for ((d, o), target) in delta.iter_mut().zip(output).zip(target) {
        let error = o - target;
        sum += f64::from(error) * f64::from(error);
        *d = scale * error;
    }
    sum
}
