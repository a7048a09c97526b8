//! The training loss of a block of rows, and its gradient by the network's output.
//!
//! For outputs `o_i` and wanted outputs `y_i` of `d` elements, with the batch's factors `w_i`, `m_i`:
//!
//! ```text
//! L        = 1/(n d) sum_i ( w_i |o_i - y_i|^2 + m_i (|o_i| - |y_i|)^2 )
//! dL/do_i  = 2/(n d) ( w_i (o_i - y_i) + m_i (1 - |y_i|/|o_i|) o_i )
//! ```
//!
//! At `o_i = 0`, where the second term has no gradient, it is given the value 0.

use std::ops::Range;

use pathline::{Error, kernels};

use crate::network::TrainingBatch;

/// Fails unless the batch has a target for each row, its factors if any, and at least one row.
pub(crate) fn check(batch: &TrainingBatch<'_>, width: usize) -> Result<(), Error> {
    let rows = batch.at.x.len();
    Error::check_count("target velocities", rows, batch.target.len())?;
    Error::check_count("elements of a target velocity", width, batch.target.width())?;
    let given = |factors: Option<&[f64]>| factors.map_or(rows, <[f64]>::len);
    Error::check_count("weights of a training batch", rows, given(batch.weights))?;
    Error::check_count("magnitude factors of a training batch", rows, given(batch.magnitudes))?;
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
    let scale = 2.0 / (batch.at.x.len() * width) as f64;
    let rows = delta.chunks_exact_mut(width).zip(output.chunks_exact(width));
    let mut sum = 0.0;
    for (i, (delta, output)) in range.zip(rows) {
        let target = batch.target.row(i);
        let weight = batch.weights.map_or(1.0, |weights| weights[i]);
        let factor = (scale * weight) as f32;
        let mut squares = 0.0;
        for ((d, o), target) in delta.iter_mut().zip(output).zip(target) {
            let error = o - target;
            squares += f64::from(error) * f64::from(error);
            *d = factor * error;
        }
        sum += weight * squares;
        if let Some(magnitudes) = batch.magnitudes {
            sum += magnitude(magnitudes[i], scale, (output, target), delta);
        }
    }
    sum
}

/// Adds the gradient of `m (|o| - |y|)^2` to a row's; gives the term.
fn magnitude(m: f64, scale: f64, (output, target): (&[f32], &[f32]), delta: &mut [f32]) -> f64 {
    let norm = kernels::squared_norm(output).sqrt();
    let excess = norm - kernels::squared_norm(target).sqrt();
    if norm > 0.0 {
        let factor = scale * m * excess / norm;
        for (d, &o) in delta.iter_mut().zip(output) {
            *d += (factor * f64::from(o)) as f32;
        }
    }
    m * excess * excess
}
