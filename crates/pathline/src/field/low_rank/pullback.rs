//! The Jacobian of the exact field of a low-rank mixture, times a vector.
//!
//! With the share `r_k` of a component in the density, its own velocity `u_k`, the gradient `g_k` of its log
//! density, and the symmetric matrix `R_k` by which its own velocity changes,
//!
//! ```text
//! J = sum_k r_k ( R_k + (u_k - u) g_k^T ),    u = sum_k r_k u_k
//! ```

use super::Component;
use super::gaussian::variance;
use crate::error::Error;
use crate::field::gaussian::{no_rate, rate};
use crate::field::rows::Row;
use crate::schedule::Coefficients;

/// `J^T along` at a state, from the components that have a share in its density.
pub(super) fn pull_back(
    components: &[(f64, &Component)],
    row: &Row<'_>,
    c: &Coefficients,
    along: &[f32],
) -> Result<Vec<f64>, Error> {
    let width = row.x.len();
    let turn = |s: f64| rate(c, s);
    let steep = |s: f64| -1.0 / variance(c, s);
    let mut mean = vec![0.0; width];
    let mut own = Vec::with_capacity(components.len());
    for &(share, component) in components {
        let gaussian = &component.gaussian;
        if gaussian.deviations().map(turn).any(|v| !v.is_finite()) {
            return Err(no_rate(row.t));
        }
        let projected = gaussian.project(row.x, c.alpha);
        let (mut velocity, mut score) = (vec![0.0; width], vec![0.0; width]);
        gaussian.add(1.0, (c.d_alpha, &turn), &projected, &mut velocity);
        gaussian.add(1.0, (0.0, &steep), &projected, &mut score);
        mean.iter_mut().zip(&velocity).for_each(|(m, u)| *m += share * u);
        own.push((velocity, score));
    }
    let mut sum = vec![0.0; width];
    for (&(share, component), (velocity, score)) in components.iter().zip(&own) {
        let apart = velocity.iter().zip(&mean).map(|(u, m)| u - m);
        let inner: f64 = apart.zip(along).map(|(d, &w)| d * f64::from(w)).sum();
        sum.iter_mut().zip(score).for_each(|(s, g)| *s += share * inner * g);
        // The vector itself in place of a state's distance from the mean.
        let along = component.gaussian.project(along, 0.0);
        component.gaussian.add(share, (0.0, &turn), &along, &mut sum);
    }
    Ok(sum)
}
