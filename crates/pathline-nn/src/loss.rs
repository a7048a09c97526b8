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

use crate::graph::Graph;
use crate::network::{TrainingBatch, check_call};
use crate::scratch::Scratch;

/// Fails unless the batch's states and targets are `width` long, each row has its time, index and factors
/// if any, there is a row, and the gradient has as many `values` as there are parameters.
pub(crate) fn check(
    batch: &TrainingBatch<'_>,
    width: usize,
    (parameters, values): (usize, usize),
) -> Result<(), Error> {
    check_call(width, &batch.at)?;
    let rows = batch.at.x.len();
    Error::check_count("target velocities", rows, batch.target.len())?;
    Error::check_count("elements of a target velocity", width, batch.target.width())?;
    Error::check_count("values of a gradient", parameters, values)?;
    let given = |factors: Option<&[f64]>| factors.map_or(rows, <[f64]>::len);
    Error::check_count("weights of a training batch", rows, given(batch.weights))?;
    Error::check_count("magnitude factors of a training batch", rows, given(batch.magnitudes))?;
    if rows == 0 {
        return Err(Error::invalid("training batch", "empty", "give at least one row"));
    }
    Ok(())
}

/// `L` of a checked batch and its gradient by every parameter of a graph, written over `into`.
pub(crate) fn of_graph(
    graph: &Graph,
    parameters: &[f32],
    batch: &TrainingBatch<'_>,
    (into, scratch): (&mut [f32], &mut Scratch),
) -> f64 {
    let rows = (&batch.at, batch.conditions);
    let residual = |range: Range<usize>, output: &[f32], delta: &mut [f32]| {
        residual(batch, range, output, delta)
    };
    let sum = graph.gradient(parameters, rows, &residual, into, scratch);
    sum / (batch.at.x.len() * batch.target.width()) as f64
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

#[cfg(test)]
mod tests {
    use super::*;
    use pathline::field::Conditions;
    use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Times};

    fn draw(rows: usize, width: usize, tag: u64) -> Batch {
        let mut batch = Batch::zeros(rows, Shape::vector(width));
        Seed(tag).normal(Purpose::Data, 0, 0, batch.as_mut_slice());
        batch
    }

    /// The formula at the head of this file, in double precision.
    fn direct(batch: &TrainingBatch<'_>, outputs: &[f64]) -> f64 {
        let (n, d) = (batch.at.x.len(), batch.target.width());
        let norm = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mut sum = 0.0;
        for (i, o) in outputs.chunks(d).enumerate() {
            let y: Vec<f64> = batch.target.row(i).iter().map(|&v| f64::from(v)).collect();
            let error: Vec<f64> = o.iter().zip(&y).map(|(o, y)| o - y).collect();
            sum += batch.weights.map_or(1.0, |w| w[i]) * norm(&error).powi(2);
            sum += batch.magnitudes.map_or(0.0, |m| m[i]) * (norm(o) - norm(&y)).powi(2);
        }
        sum / (n * d) as f64
    }

    #[test]
    fn the_gradient_is_that_of_the_formula_in_double_precision() {
        let (n, d) = (7, 5);
        let (x, y) = (draw(n, d, 1), draw(n, d, 2));
        let weights: Vec<f64> = (0..n).map(|i| 0.3 + i as f64).collect();
        let magnitudes: Vec<f64> = (0..n).map(|i| 2.0 / (1.0 + i as f64)).collect();
        for (w, m) in
            [(None, None), (Some(&weights[..]), None), (Some(&weights), Some(&magnitudes))]
        {
            let at = At::new(Samples::first(n), Times::Shared(0.5), x.rows()).unwrap();
            let batch = TrainingBatch {
                weights: w,
                magnitudes: m.map(|m| &m[..]),
                ..TrainingBatch::new(at, &Conditions::None, y.rows())
            };
            check(&batch, d, (0, 0)).unwrap();
            let mut outputs: Vec<f64> =
                draw(n, d, 3).as_slice().iter().map(|&v| v.into()).collect();
            let single: Vec<f32> = outputs.iter().map(|&v| v as f32).collect();
            let mut delta = vec![0.0; n * d];
            // In two blocks, as networks do.
            let mut sum = residual(&batch, 0..3, &single[..3 * d], &mut delta[..3 * d]);
            sum += residual(&batch, 3..n, &single[3 * d..], &mut delta[3 * d..]);
            let whole = direct(&batch, &outputs);
            assert!((sum / (n * d) as f64 - whole).abs() < 1e-6 * whole);
            for i in 0..n * d {
                let (value, h) = (outputs[i], 1e-5);
                outputs[i] = value + h;
                let above = direct(&batch, &outputs);
                outputs[i] = value - h;
                let slope = (above - direct(&batch, &outputs)) / (2.0 * h);
                outputs[i] = value;
                let found = f64::from(delta[i]);
                assert!((slope - found).abs() < 1e-6 + 1e-5 * slope.abs(), "{slope} {found}");
            }
        }
    }

    /// With mean velocities `v` and `u = v + e`, `e` at a right angle to `v` and of one length, the
    /// gain on `v` that minimises the loss is (1 + L/rho)/(1 + L).
    #[test]
    fn the_magnitude_term_moves_the_best_gain_to_where_it_is_said_to() {
        let d = 16;
        for (rho, l) in [(0.89_f64, 0.2), (0.89, 0.2 * 16.0), (0.5, 0.1), (1.0, 0.3)] {
            let mut v = vec![0.0_f32; 2 * d];
            let mut u = v.clone();
            for (row, sign) in [(0, 1.0), (1, -1.0)] {
                v[row * d] = 2.0;
                u[row * d] = 2.0;
                u[row * d + 1] = (sign * 2.0 * (1.0 / (rho * rho) - 1.0).sqrt()) as f32;
            }
            let u = Batch::from_vec(u, Shape::vector(d)).unwrap();
            let at = At::new(Samples::first(2), Times::Shared(0.0), u.rows()).unwrap();
            let batch = TrainingBatch {
                magnitudes: Some(&[l, l]),
                ..TrainingBatch::new(at, &Conditions::None, u.rows())
            };
            // The loss is a parabola in the gain: its slope at two gains gives where it is zero.
            let slope = |gain: f32| {
                let output: Vec<f32> = v.iter().map(|v| gain * v).collect();
                let mut delta = vec![0.0; 2 * d];
                residual(&batch, 0..2, &output, &mut delta);
                kernels::dot(&delta, &v)
            };
            let (a, b) = (slope(0.5), slope(1.5));
            let best = 0.5 - a / (b - a);
            let wanted = (1.0 + l / rho) / (1.0 + l);
            assert!((best - wanted).abs() < 1e-5, "{best} {wanted}");
        }
    }

    #[test]
    fn a_velocity_of_zero_has_a_finite_gradient() {
        let y = draw(1, 3, 2);
        let at = At::new(Samples::first(1), Times::Shared(0.0), y.rows()).unwrap();
        let batch = TrainingBatch {
            magnitudes: Some(&[1.0]),
            ..TrainingBatch::new(at, &Conditions::None, y.rows())
        };
        let mut delta = [0.0; 3];
        assert!(residual(&batch, 0..1, &[0.0; 3], &mut delta).is_finite());
        assert!(delta.iter().all(|d| d.is_finite()));
        let short = TrainingBatch { weights: Some(&[]), ..batch };
        assert!(check(&short, 3, (0, 0)).is_err());
    }
}
