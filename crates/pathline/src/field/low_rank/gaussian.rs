//! One Gaussian whose covariance is low-rank plus isotropic.

use super::orthonormal::orthonormalise;
use super::principal::principal;
use crate::batch::Rows;
use crate::error::Error;
use crate::kernels::{add_doubles, dot_doubles, vectorised};
use crate::schedule::Coefficients;

/// How far the given directions may be from orthonormal.
const ORTHONORMAL: f64 = 1e-4;

/// `N(m, sum_j (sd_j^2 - s^2) u_j u_j^T + s^2 I)`: deviation `sd_j` along each of `q` orthonormal
/// directions `u_j`, and `s` along all others.
///
/// Without directions it is isotropic; with as many as there are coordinates it is a Gaussian of any
/// covariance, and `s` has no say.
///
/// # Examples
/// ```
/// use pathline::field::LowRankGaussian;
/// // Long along (3, 4) / 5, and thin across it.
/// let gaussian = LowRankGaussian::new([1.0, 0.0], [0.6, 0.8], [2.0], 0.1)?;
/// assert_eq!(gaussian.total_variance(), 2.0 * 2.0 + 0.1 * 0.1);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LowRankGaussian {
    mean: Vec<f64>,
    /// One a row.
    directions: Vec<f64>,
    std: Vec<f64>,
    residual: f64,
}

/// A state as one component sees it.
pub(super) struct Projected {
    /// `y = x - alpha m`.
    gap: Vec<f64>,
    /// `<u_j, y>`.
    along: Vec<f64>,
    /// `|y|^2 - sum_j <u_j, y>^2`.
    rest: f64,
}

impl LowRankGaussian {
    /// From a mean of `d` values, `q` directions of `d` values each (one after another), a deviation
    /// along each of them, and the deviation along all others.
    ///
    /// # Errors
    /// [`Error::Count`] when these disagree; [`Error::Invalid`] when there are more directions than
    /// coordinates or none of the latter, a number is not finite, a deviation is negative, or the
    /// directions are not orthonormal within `1e-4` (they are then made so exactly).
    pub fn new(
        mean: impl Into<Vec<f64>>,
        directions: impl Into<Vec<f64>>,
        std: impl Into<Vec<f64>>,
        residual: f64,
    ) -> Result<Self, Error> {
        let (mean, mut directions, std) = (mean.into(), directions.into(), std.into());
        let d = mean.len();
        if d == 0 || std.len() > d {
            let value = format!("{} in {d} dimensions", std.len());
            let remedy = "give a mean, and at most as many directions as it has values";
            return Err(Error::invalid("number of directions", value, remedy));
        }
        Error::check_count("values of the directions", std.len() * d, directions.len())?;
        if let Some(m) = mean.iter().chain(&directions).find(|m| !m.is_finite()) {
            return Err(Error::invalid(
                "mean or direction of a Gaussian",
                m,
                "give finite numbers",
            ));
        }
        if let Some(s) = std.iter().chain([&residual]).find(|s| !(s.is_finite() && **s >= 0.0)) {
            let remedy = "give finite numbers of at least 0";
            return Err(Error::invalid("standard deviation of a Gaussian", s, remedy));
        }
        let worst = unorthonormal(&directions, d);
        if worst > ORTHONORMAL {
            let remedy = "give orthonormal directions, one a row";
            return Err(Error::invalid("inner product of directions, off by", worst, remedy));
        }
        orthonormalise(&mut directions, d);
        Ok(Self { mean, directions, std, residual })
    }

    /// The Gaussian with the mean of the points, their `directions` leading principal directions and
    /// the variances along them, and the mean of all other variances as the residual one: the
    /// likeliest of its kind (probabilistic PCA, with `1/n` variances). No deviation is made smaller
    /// than `least_std`, so that the field can be kept smooth up to `t = 1`.
    ///
    /// With as many directions as coordinates this is the *moment-matched Gaussian*.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no point, a value is not finite (with its place), there are
    /// more directions than coordinates, or `least_std` is negative or not finite.
    pub fn fit(points: Rows<'_>, directions: usize, least_std: f64) -> Result<Self, Error> {
        if !(least_std >= 0.0 && least_std.is_finite()) {
            let remedy = "give a finite number of at least 0";
            return Err(Error::invalid("least standard deviation", least_std, remedy));
        }
        let found = principal(points, directions)?;
        let others = points.width() - directions;
        let explained: f64 = found.variances.iter().sum();
        let residual = if others == 0 { 0.0 } else { (found.total - explained) / others as f64 };
        let deviation = |variance: f64| variance.max(0.0).sqrt().max(least_std);
        let std: Vec<f64> = found.variances.iter().map(|&v| deviation(v)).collect();
        Self::new(found.mean, found.directions, std, deviation(residual))
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The directions, one after another, each of as many values as the mean.
    #[must_use]
    pub fn directions(&self) -> &[f64] {
        &self.directions
    }

    /// Standard deviations along the directions.
    #[must_use]
    pub fn std(&self) -> &[f64] {
        &self.std
    }

    /// Standard deviation along everything else.
    #[must_use]
    pub fn residual(&self) -> f64 {
        self.residual
    }

    /// The trace of the covariance.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        let others = (self.mean.len() - self.std.len()) as f64;
        self.std.iter().map(|s| s * s).sum::<f64>() + others * self.residual * self.residual
    }

    /// `m + C^(1/2) z`, in place of the noise `z`.
    pub(super) fn colour(&self, z: &mut [f64]) {
        let d = self.mean.len();
        let along: Vec<f64> = self.directions.chunks_exact(d).map(|u| dot_doubles(u, z)).collect();
        z.iter_mut().zip(&self.mean).for_each(|(z, m)| *z = m + self.residual * *z);
        for ((u, a), s) in self.directions.chunks_exact(d).zip(along).zip(&self.std) {
            add_doubles(z, (s - self.residual) * a, u);
        }
    }

    /// Every deviation that some direction has.
    pub(super) fn deviations(&self) -> impl Iterator<Item = f64> + '_ {
        let residual = (self.std.len() < self.mean.len()).then_some(self.residual);
        self.std.iter().copied().chain(residual)
    }

    /// Its numbers as bytes, for a fingerprint.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let vectors = self.mean.iter().chain(&self.directions).chain(&self.std);
        vectors.copied().chain([self.residual])
    }

    pub(super) fn project(&self, x: &[f32], alpha: f64) -> Projected {
        let gap: Vec<f64> =
            x.iter().zip(&self.mean).map(|(&x, m)| f64::from(x) - alpha * m).collect();
        let mut along = vec![0.0; self.std.len()];
        let squares = vectorised(
            #[inline(always)]
            || {
                // Loops, since what `for_each` calls might not be inlined.
                for (along, u) in along.iter_mut().zip(self.directions.chunks_exact(gap.len())) {
                    *along = dot_doubles(u, &gap);
                }
                dot_doubles(&gap, &gap)
            },
        );
        let explained: f64 = along.iter().map(|a| a * a).sum();
        Projected { gap, along, rest: (squares - explained).max(0.0) }
    }

    /// `log N(x; alpha m, alpha^2 C + sigma^2 I)`; not finite where that has no density.
    pub(super) fn log_density(&self, c: &Coefficients, p: &Projected) -> f64 {
        let term = |squares: f64, s: f64| {
            let variance = variance(c, s);
            squares / variance + (std::f64::consts::TAU * variance).ln()
        };
        let along: f64 = p.along.iter().zip(&self.std).map(|(a, &s)| term(a * a, s)).sum();
        let others = (self.mean.len() - self.std.len()) as f64;
        let rest = if others > 0.0 { others * term(p.rest / others, self.residual) } else { 0.0 };
        -0.5 * (along + rest)
    }

    /// Adds `weight (offset m + slope(s) y + sum_j (slope(sd_j) - slope(s)) <u_j, y> u_j)` to `out`.
    pub(super) fn add(
        &self,
        weight: f64,
        (offset, slope): (f64, &dyn Fn(f64) -> f64),
        p: &Projected,
        out: &mut [f64],
    ) {
        let others = self.std.len() < self.mean.len();
        let base = if others { slope(self.residual) } else { 0.0 };
        let factors: Vec<f64> =
            self.std.iter().zip(&p.along).map(|(&s, a)| weight * (slope(s) - base) * a).collect();
        vectorised(
            #[inline(always)]
            || {
                add_doubles(out, weight * offset, &self.mean);
                add_doubles(out, weight * base, &p.gap);
                for (&f, u) in factors.iter().zip(self.directions.chunks_exact(self.mean.len())) {
                    add_doubles(out, f, u);
                }
            },
        );
    }
}

/// The variance of `x_t` along a direction in which the data have deviation `s`.
pub(super) fn variance(c: &Coefficients, s: f64) -> f64 {
    c.alpha * c.alpha * s * s + c.sigma * c.sigma
}

/// The largest distance of an inner product from what orthonormal rows have.
fn unorthonormal(rows: &[f64], d: usize) -> f64 {
    let wanted = |i: usize, j: usize| f64::from(u8::from(i == j));
    let rows: Vec<&[f64]> = rows.chunks_exact(d).collect();
    let pairs = rows.iter().enumerate().flat_map(|(i, a)| {
        rows[..=i].iter().enumerate().map(move |(j, b)| (dot_doubles(a, b) - wanted(i, j)).abs())
    });
    pairs.fold(0.0, f64::max)
}
