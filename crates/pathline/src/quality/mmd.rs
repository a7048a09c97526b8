//! The squared maximum mean discrepancy with a Gaussian kernel, unbiased.
//!
//! `MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)` with `k(x, y) = exp(-|x - y|^2 / (2 h^2))`, the first two means
//! over different points. It is 0 on average for equal distributions, and may come out below 0. It sees
//! differences of about the size `h`; the median distance is the usual choice, as
//! [`Bandwidth::Median`](crate::neighbours::Bandwidth::Median) gives it.
//!
//! # References
//! Gretton et al. (2012), "A kernel two-sample test", equation 3 and section 8.
//!
//! # Not to be confused with
//! [`kid`](super::kid), the same statistic with a cubic kernel, by which image models are compared.

use rayon::prelude::*;

use super::check_pair;
use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::squared_distance;

/// `MMD^2` of two sets with a Gaussian kernel of this bandwidth.
///
/// # Errors
/// [`Error::Count`] when the widths differ; [`Error::Invalid`] for fewer than two points, values that are not
/// finite, and a bandwidth that is not positive.
///
/// # Examples
/// ```
/// use pathline::quality::gaussian_mmd;
/// use pathline::{Batch, Shape};
/// let points = |v: Vec<f32>| Batch::from_vec(v, Shape::vector(1));
/// let far = gaussian_mmd(&points(vec![0.0, 0.0])?, &points(vec![9.0, 9.0])?, 1.0)?;
/// assert!((far - 2.0).abs() < 1e-12);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn gaussian_mmd(a: &Batch, b: &Batch, bandwidth: f64) -> Result<f64, Error> {
    check_pair(a, b, 2)?;
    if !(bandwidth > 0.0 && bandwidth.is_finite()) {
        return Err(Error::invalid("bandwidth of a kernel", bandwidth, "must be positive, finite"));
    }
    let kernel =
        |x: &[f32], y: &[f32]| libm::exp(-squared_distance(x, y) / (2.0 * bandwidth * bandwidth));
    // Summed row by row in their order, so that threads change no bit.
    let mean = |x: &Batch, y: &Batch, same: bool| -> f64 {
        let row = |i: usize| -> f64 {
            let others = (0..y.len()).filter(|&j| !same || j != i);
            others.map(|j| kernel(x.row(i), y.row(j))).sum()
        };
        let rows: Vec<f64> = (0..x.len()).into_par_iter().map(row).collect();
        let pairs = x.len() as f64 * (y.len() - usize::from(same)) as f64;
        rows.iter().sum::<f64>() / pairs
    };
    Ok(mean(a, a, true) + mean(b, b, true) - 2.0 * mean(a, b, false))
}
