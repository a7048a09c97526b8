//! How the density of data is estimated where it is compared with something.

use pathline::Batch;
use pathline::neighbours::{Bandwidth, Exclude, kernel_log_density, knn_log_density};
use pathline::statistics::PrincipalComponents;

use crate::error::Error;

/// An estimate of the density of data at points, in the space that they are in or in the first principal components of
/// the data there.
///
/// # Examples
/// ```
/// use pathline::neighbours::Bandwidth;
/// use pathline_study::{DensityEstimate, DensityRule};
/// let rule = DensityRule::Kernel(Bandwidth::Scott);
/// let estimate = DensityEstimate { rule, components: Some(50) };
/// assert_eq!(estimate.to_string(), "by Gaussian bumps of Scott's width in 50 principal components");
/// assert_eq!(DensityEstimate::default().to_string(), "by the 10th neighbour");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityEstimate {
    /// The rule.
    pub rule: DensityRule,
    /// Principal components of the data in which distances are taken; `None` for all of their space. Widths of bumps
    /// mean little in hundreds of dimensions, and more in tens of components.
    pub components: Option<usize>,
}

/// What a density is estimated by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DensityRule {
    /// The distance to the `k`-th nearest point.
    Nearest(usize),
    /// A Gaussian bump on each point.
    Kernel(Bandwidth),
}

impl Default for DensityEstimate {
    /// By the tenth neighbour, in all of the space.
    fn default() -> Self {
        Self { rule: DensityRule::Nearest(10), components: None }
    }
}

impl DensityEstimate {
    /// Fewest points of data that it can be had from.
    pub(crate) fn fewest(&self) -> usize {
        match self.rule {
            DensityRule::Nearest(k) => k + 1,
            DensityRule::Kernel(_) => 2,
        }
    }

    /// The log density of `data` at each of `points`, in nats.
    pub(crate) fn log_density(&self, points: &Batch, data: &Batch) -> Result<Vec<f64>, Error> {
        let Some(components) = self.components.filter(|&c| c < data.width()) else {
            return self.in_place(points, data);
        };
        let components = PrincipalComponents::of(data, components)?;
        self.in_place(&components.project(points)?, &components.project(data)?)
    }

    fn in_place(&self, points: &Batch, data: &Batch) -> Result<Vec<f64>, Error> {
        Ok(match self.rule {
            DensityRule::Nearest(k) => knn_log_density(points, data, k, Exclude::Nothing)?,
            DensityRule::Kernel(width) => {
                kernel_log_density(points, data, width, Exclude::Nothing)?
            }
        })
    }
}

impl std::fmt::Display for DensityEstimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rule {
            DensityRule::Nearest(1) => write!(f, "by the nearest neighbour"),
            DensityRule::Nearest(2) => write!(f, "by the 2nd neighbour"),
            DensityRule::Nearest(3) => write!(f, "by the 3rd neighbour"),
            DensityRule::Nearest(k) => write!(f, "by the {k}th neighbour"),
            DensityRule::Kernel(Bandwidth::Scott) => {
                write!(f, "by Gaussian bumps of Scott's width")
            }
            DensityRule::Kernel(Bandwidth::Silverman) => {
                write!(f, "by Gaussian bumps of Silverman's width")
            }
            DensityRule::Kernel(Bandwidth::Median) => {
                write!(f, "by Gaussian bumps as wide as the median distance")
            }
            DensityRule::Kernel(Bandwidth::Fixed { width }) => {
                write!(f, "by Gaussian bumps of width {width}")
            }
        }?;
        self.components.map_or(Ok(()), |n| write!(f, " in {n} principal components"))
    }
}
