//! Mean, total variance and leading principal directions of points, divided by `n`: those of
//! [`PrincipalComponents`], and as many as are asked for even where points spread in fewer.
//!
//! # References
//! Tipping and Bishop (1999), "Probabilistic principal component analysis", section 3.2 (the likeliest
//! variances divide by `n`).

use super::orthonormal::orthonormalise;
use crate::batch::{Batch, Rows, Shape};
use crate::error::Error;
use crate::statistics::PrincipalComponents;

/// What is known of points up to second order.
pub(super) struct Principal {
    pub(super) mean: Vec<f64>,
    /// Unit vectors, one a row, largest variance first.
    pub(super) directions: Vec<f64>,
    /// Variances along them.
    pub(super) variances: Vec<f64>,
    /// Sum of all `d` variances.
    pub(super) total: f64,
}

/// The `q` leading principal directions of at least one finite point.
pub(super) fn principal(points: Rows<'_>, q: usize) -> Result<Principal, Error> {
    let (n, d) = (points.len(), points.width());
    if q > d {
        let remedy = format!("a point has {d} values, and so at most as many directions");
        return Err(Error::invalid("number of principal directions", q, remedy));
    }
    if points.is_empty() {
        return Err(Error::invalid("number of data points", 0, "give at least one data point"));
    }
    if let Some(at) = points.as_slice().iter().position(|v| !v.is_finite()) {
        let value = format!("{} in row {}, column {}", points.as_slice()[at], at / d, at % d);
        let remedy = "data must be finite: remove or repair this row (both counted from 0)";
        return Err(Error::invalid("data value", value, remedy));
    }
    let found = q.min(n - 1);
    let (mean, mut directions, mut variances, total) = if found == 0 {
        let mean = mean(points);
        let total = total_variance(points, &mean);
        (mean, Vec::new(), Vec::new(), total)
    } else {
        let batch = Batch::from_vec(points.as_slice().to_vec(), Shape::vector(d))?;
        let components = PrincipalComponents::of(&batch, found)?;
        let share = (n - 1) as f64 / n as f64;
        let directions = (0..found).flat_map(|j| components.direction(j).to_vec()).collect();
        let variances = components.variances().iter().map(|v| v * share).collect();
        (components.mean().to_vec(), directions, variances, components.total_variance() * share)
    };
    // Points spread in no more directions than there are points less one: the others are any.
    directions.resize(q * d, 0.0);
    variances.resize(q, 0.0);
    orthonormalise(&mut directions, d);
    Ok(Principal { mean, directions, variances, total })
}

fn mean(points: Rows<'_>) -> Vec<f64> {
    let mut mean = vec![0.0_f64; points.width()];
    for point in points.iter() {
        mean.iter_mut().zip(point).for_each(|(m, &x)| *m += f64::from(x));
    }
    mean.iter().map(|m| m / points.len() as f64).collect()
}

fn total_variance(points: Rows<'_>, mean: &[f64]) -> f64 {
    let square = |(&x, m): (&f32, &f64)| (f64::from(x) - m).powi(2);
    let sum: f64 = points.iter().map(|p| p.iter().zip(mean).map(square).sum::<f64>()).sum();
    sum / points.len() as f64
}
