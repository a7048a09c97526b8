//! The Jacobian of the exact field of a data set, times a vector.
//!
//! The posterior mean `D` changes with the state by the posterior covariance, `dD/dx = alpha / sigma^2 Cov`, so with
//! the velocity `a x + b D`
//!
//! ```text
//! J^T w = a w + b alpha / sigma^2 sum_i w_i (x_i - D) <x_i - D, w>
//! ```
//!
//! Everything is in double precision, from squared distances: exact, and for checks rather than for long runs.

use super::atoms::Group;
use super::softmax::Query;
use crate::batch::Batch;
use crate::error::Error;
use crate::path::Prediction;

/// Points whose exponent is this far below the largest add nothing to single precision.
const CUT: f64 = 60.0;

/// `J^T along` at a state.
pub(super) fn pull_back(
    data: &Batch,
    group: &Group,
    query: &Query<'_>,
    along: &[f32],
) -> Result<Vec<f32>, Error> {
    let c = &query.c;
    let linear = c.convert(Prediction::Target, Prediction::Velocity, query.t)?;
    let weights = weights(data, group, query);
    let mut mean = vec![0.0; query.x.len()];
    for &(i, w) in &weights {
        mean.iter_mut().zip(data.row(i)).for_each(|(m, &x)| *m += w * f64::from(x));
    }
    let mut spread = vec![0.0; query.x.len()];
    for &(i, weight) in &weights {
        let apart = || data.row(i).iter().zip(&mean).map(|(&x, m)| f64::from(x) - m);
        let inner: f64 = apart().zip(along).map(|(d, &w)| d * f64::from(w)).sum();
        spread.iter_mut().zip(apart()).for_each(|(s, d)| *s += weight * inner * d);
    }
    let factor = linear.value * c.alpha / (c.sigma * c.sigma);
    let value = |(&w, s): (&f32, &f64)| (linear.state * f64::from(w) + factor * s) as f32;
    Ok(along.iter().zip(&spread).map(value).collect())
}

/// The points that count at a state, with their posterior weights.
fn weights(data: &Batch, group: &Group, query: &Query<'_>) -> Vec<(usize, f64)> {
    let c = &query.c;
    let exponent = |i: usize| {
        let gap = |(&x, &y): (&f32, &f32)| (f64::from(x) - c.alpha * f64::from(y)).powi(2);
        let squares: f64 = query.x.iter().zip(data.row(i)).map(gap).sum();
        (i, -0.5 * squares / (c.sigma * c.sigma))
    };
    let mut weights: Vec<(usize, f64)> = group.range.clone().map(exponent).collect();
    let top = weights.iter().map(|(_, l)| *l).fold(f64::NEG_INFINITY, f64::max);
    weights.retain(|(_, l)| *l >= top - CUT);
    weights.iter_mut().for_each(|(_, l)| *l = (*l - top).exp());
    let total: f64 = weights.iter().map(|(_, w)| w).sum();
    weights.iter_mut().for_each(|(_, w)| *w /= total);
    weights
}
