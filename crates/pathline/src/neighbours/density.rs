//! Density at a point from the distance to its `k`-th neighbour.
//!
//! `log p(x) = log k - log n - log V_d - d log r_k(x)`, with `V_d = pi^(d/2) / Gamma(d/2 + 1)` the
//! volume of the unit ball, `n` the number of data rows searched and `r_k` the distance to the
//! `k`-th nearest of them.
//!
//! # References
//! Loftsgaarden and Quesenberry (1965), "A nonparametric estimate of a multivariate density
//! function"; as the density of the energy-density relation in arXiv 2602.07928.

use super::nearest::{Exclude, nearest};
use crate::batch::Batch;
use crate::error::Error;

/// The log density of `data` at each row of `queries`, in nats.
///
/// Where `k` rows of the data coincide with the query, `r_k = 0` and the estimate is plus infinity:
/// ranks survive that, means do not.
///
/// # Errors
/// As [`nearest`].
///
/// # Examples
/// ```
/// use pathline::neighbours::{Exclude, knn_log_density};
/// use pathline::{Batch, Shape};
/// let data = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(1))?;
/// let at = Batch::from_vec(vec![0.5], Shape::vector(1))?;
/// // Two of four rows within 0.5: (2 / 4) / (2 * 0.5).
/// let log_p = knn_log_density(&at, &data, 2, Exclude::Nothing)?;
/// assert!((log_p[0] - 0.5_f64.ln()).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn knn_log_density(
    queries: &Batch,
    data: &Batch,
    k: usize,
    exclude: Exclude,
) -> Result<Vec<f64>, Error> {
    let found = nearest(queries, data, k, exclude)?;
    let n = exclude.offered(queries.len(), data.len())? as f64;
    let d = data.width() as f64;
    let log_ball = 0.5 * d * libm::log(std::f64::consts::PI) - libm::lgamma(0.5 * d + 1.0);
    let constant = libm::log(k as f64) - libm::log(n) - log_ball;
    Ok(found.distances.chunks_exact(k).map(|r| constant - d * libm::log(r[k - 1])).collect())
}
