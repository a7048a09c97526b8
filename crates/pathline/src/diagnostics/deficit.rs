//! The velocity deficit of a field on held-out pairs, and the radial error that it is mistaken for.
//!
//! At a time `t`, over pairs `(x_0, x_1)` with `u = d_alpha x_1 + d_sigma x_0` and `v = v(t, x_t)`:
//! - norm ratio `sqrt(sum |v|^2 / sum |u|^2)`: below 1 for *every* field that predicts a mean, the exact
//!   one included, because `|E[u|x]| <= E[|u| |x]`. This is the "deficit". It is not an error;
//! - cosine `sum <v,u> / sqrt(sum |v|^2 sum |u|^2)`, pooled: equal to the ratio for an exact field;
//! - radial gain `g* = sum <v,u> / sum |v|^2`, the factor on `v` that fits `u` best. It is **1 for an
//!   exact field whatever its variance**, since `E<v,u> = E|v|^2`; so `1 - g*` is the radial error;
//! - residual `mean |v - u|^2`: the loss, of which `mean |u|^2 - mean |v|^2` is irreducible where the
//!   field is exact.
//!
//! # References
//! "Velocity Deficit in Flow Matching" (2026), arXiv 2605.14819 (ratio). The gain follows from the
//! orthogonality of a conditional mean and its residual.
//!
//! # Not to be confused with
//! The "ideal gain" `|u|^2 / <v,u>` of an independent probe, which is above 1 for an exact field:
//! scaling by it would overshoot.

use std::ops::Range;

use crate::batch::{At, Batch, Samples, Times};
use crate::error::Error;
use crate::field::VelocityField;
use crate::kernels::{dot, squared_distance, squared_norm};
use crate::path::{conditional_velocities, path_states};
use crate::schedule::Schedule;
use crate::statistics::{Estimate, Jackknife};

/// Held-out pairs: sources and targets that the field was not fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a> {
    /// Source samples.
    pub source: &'a Batch,
    /// Target samples, one a source.
    pub target: &'a Batch,
    /// Global index of the first pair: conditional fields look labels up by it.
    pub first: u64,
}

impl Pairs<'_> {
    /// Fails unless sources and targets are as many, and states of this field.
    fn check(&self, field: &dyn VelocityField) -> Result<(), Error> {
        Error::check_shape("source of the pairs", field.shape(), self.source.shape())?;
        Error::check_shape("target of the pairs", field.shape(), self.target.shape())?;
        Error::check_count("targets of the pairs", self.source.len(), self.target.len())
    }
}

/// The deficit at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DeficitPoint {
    /// Time.
    pub t: f64,
    /// `sqrt(sum |v|^2 / sum |u|^2)`.
    pub ratio: Estimate,
    /// `sum <v,u> / sqrt(sum |v|^2 sum |u|^2)`.
    pub cosine: f64,
    /// `g* = sum <v,u> / sum |v|^2`.
    pub gain: Estimate,
    /// `mean |v - u|^2`.
    pub residual: f64,
}

/// The deficit of `field` at each of `times`, with 95 % delete-block jackknife intervals over pairs.
///
/// # Errors
/// [`Error::Count`] and [`Error::Shape`] when the pairs do not fit; [`Error::Invalid`] for fewer than
/// 20 pairs (no interval could be given) or a velocity that is zero everywhere; whatever the field
/// raises.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::diagnostics::{Pairs, deficit};
/// use pathline::field::{Gaussian, GaussianField};
/// use pathline::schedule::CondOt;
/// use pathline::{Seed, Shape, Source};
/// let shape = Shape::vector(2);
/// let data = Gaussian::isotropic(vec![0.0, 0.0], 1.0)?;
/// let field = GaussianField::new(shape.clone(), data, Arc::new(CondOt))?;
/// let source = Source::new(Seed(1), 2000).noise(&shape);
/// let target = Source::new(Seed(2), 2000).noise(&shape);
/// let pairs = Pairs { source: &source, target: &target, first: 0 };
/// let at_start = deficit(&field, &CondOt, pairs, &[0.0])?[0];
/// // Half the squared velocity is missing, and yet the field is exact.
/// assert!((at_start.ratio.value - 0.5_f64.sqrt()).abs() < 0.05);
/// assert!(at_start.gain.contains(1.0));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn deficit(
    field: &dyn VelocityField,
    schedule: &dyn Schedule,
    pairs: Pairs<'_>,
    times: &[f64],
) -> Result<Vec<DeficitPoint>, Error> {
    pairs.check(field)?;
    if pairs.source.len() < 20 {
        let remedy = "use at least 20, better a thousand";
        return Err(Error::invalid("number of held-out pairs", pairs.source.len(), remedy));
    }
    times.iter().map(|&t| deficit_at(field, schedule, pairs, t)).collect()
}

/// What one pair adds to the sums at a time, for statistics that [`deficit`] does not give, such as the interval of
/// a mean of `g*` over times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairProducts {
    /// `<v,u>`.
    pub vu: f64,
    /// `|v|^2`.
    pub vv: f64,
    /// `|u|^2`.
    pub uu: f64,
    /// `|v - u|^2`.
    pub residual: f64,
}

/// The products of each pair at one time.
///
/// # Errors
/// [`Error::Count`] and [`Error::Shape`] when the pairs do not fit; whatever the field raises.
pub fn pair_products(
    field: &dyn VelocityField,
    schedule: &dyn Schedule,
    pairs: Pairs<'_>,
    t: f64,
) -> Result<Vec<PairProducts>, Error> {
    pairs.check(field)?;
    let n = pairs.source.len();
    let mut x = Batch::zeros(n, pairs.source.shape().clone());
    let mut u = x.clone();
    let mut v = x.clone();
    let (x0, x1) = (pairs.source.rows(), pairs.target.rows());
    path_states(schedule, Times::Shared(t), x0, x1, x.rows_mut())?;
    conditional_velocities(schedule, Times::Shared(t), x0, x1, u.rows_mut())?;
    let samples: Range<u64> = pairs.first..pairs.first + n as u64;
    let at = At { samples: Samples::Range(samples), t: Times::Shared(t), x: x.rows() };
    field.velocity(&at, v.rows_mut())?;
    let products = |i: usize| PairProducts {
        vu: dot(v.row(i), u.row(i)),
        vv: squared_norm(v.row(i)),
        uu: squared_norm(u.row(i)),
        residual: squared_distance(v.row(i), u.row(i)),
    };
    Ok((0..n).map(products).collect())
}

fn deficit_at(
    field: &dyn VelocityField,
    schedule: &dyn Schedule,
    pairs: Pairs<'_>,
    t: f64,
) -> Result<DeficitPoint, Error> {
    let each = pair_products(field, schedule, pairs, t)?;
    let n = each.len();
    let sums = |rows: &[usize]| {
        rows.iter()
            .map(|&i| &each[i])
            .fold([0.0; 3], |s, p| [s[0] + p.vu, s[1] + p.vv, s[2] + p.uu])
    };
    let divided = |a: f64, b: f64| (b > 0.0).then_some(a / b);
    // Pairs often come class by class in turn; blocks must not follow the same turn.
    let jackknife = Jackknife { blocks: 19, level: 0.95 };
    let gain = jackknife.interval(n, |rows| {
        let [vu, vv, _] = sums(rows);
        divided(vu, vv)
    })?;
    let ratio = jackknife.interval(n, |rows| {
        let [_, vv, uu] = sums(rows);
        divided(vv, uu).map(f64::sqrt)
    })?;
    let [vu, vv, uu] = sums(&(0..n).collect::<Vec<_>>());
    let residual: f64 = each.iter().map(|p| p.residual).sum();
    Ok(DeficitPoint {
        t,
        ratio: ratio.estimate,
        cosine: vu / (vv * uu).sqrt(),
        gain: gain.estimate,
        residual: residual / n as f64,
    })
}
