//! Synthetic sets of points in the plane.
//!
//! Point `i` depends on (set, seed, `i`) and nothing else: a longer set begins with the shorter
//! one, and any share of it can be made anywhere.

use std::fmt;
use std::str::FromStr;

use pathline::{Batch, Purpose, Seed, Shape};
use serde::{Deserialize, Serialize};

use crate::dataset::DataSet;

mod sets;

/// A set of points in the plane, by name.
///
/// # Examples
/// ```
/// use pathline::Seed;
/// use pathline_data::PointSet;
/// let set: PointSet = "eight-gaussians".parse()?;
/// let (long, short) = (set.generate(100, Seed(0)), set.generate(10, Seed(0)));
/// assert_eq!(long.as_slice()[..20], *short.as_slice());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PointSet {
    /// Two interleaving half circles of radius 1, about `(0, 0)` and `(1, 0.5)`, with normal noise
    /// of standard deviation 0.1. Labels: the half circle.
    Moons,
    /// The moons that the torchcfm examples train on: noise 0.2, then `3 x - 1` in both
    /// coordinates. Labels: the half circle.
    TorchcfmMoons,
    /// Eight Gaussians on a circle of radius 5, as in the torchcfm examples (their source). Those
    /// set `var = 0.1` but use its square root as covariance, so the standard deviation in each
    /// coordinate is `0.1^(1/4) = 0.562`; it is the same here. Labels: the Gaussian.
    EightGaussians,
    /// Eight of the sixteen squares of side 2 in `[-4, 4]^2`, evenly filled. Labels: the square.
    Checkerboard,
    /// Two Archimedean spirals of one and a half turns out to radius 3, a half turn apart, with
    /// normal noise of standard deviation 0.05. Labels: the arm.
    Spiral,
    /// A dense and a sparse Gaussian: 85 % about `(-1.5, 0)` with standard deviation 0.15, 15 %
    /// about `(1.5, 0)` with 0.6. The name is that of the kinetic path energy study (arXiv:2602.07928),
    /// whose generator is not public: this definition is our own. Labels: 0 dense, 1 sparse.
    DenseSparse,
    /// Four Gaussians of equal mass at `(-2, -2)`, `(2, -2)`, `(-2, 2)`, `(2, 2)` with standard
    /// deviations 0.05, 0.15, 0.3, 0.6. Name from the kinetic path energy study, definition our
    /// own. Labels: the Gaussian.
    MultiscaleClusters,
    /// Two dense horizontal strips around a sparse one: 45 % each with `y` about -1 and 1, standard
    /// deviation 0.05, and 10 % with `y` about 0, standard deviation 0.3; `x` uniform in `[-2, 2]`.
    /// Name from the kinetic path energy study, definition our own. Labels: 0 lower, 1 upper,
    /// 2 middle.
    Sandwich,
}

impl PointSet {
    /// Every set.
    pub const ALL: [Self; 8] = [
        Self::Moons,
        Self::TorchcfmMoons,
        Self::EightGaussians,
        Self::Checkerboard,
        Self::Spiral,
        Self::DenseSparse,
        Self::MultiscaleClusters,
        Self::Sandwich,
    ];

    /// The name, as in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Moons => "moons",
            Self::TorchcfmMoons => "torchcfm-moons",
            Self::EightGaussians => "eight-gaussians",
            Self::Checkerboard => "checkerboard",
            Self::Spiral => "spiral",
            Self::DenseSparse => "dense-sparse",
            Self::MultiscaleClusters => "multiscale-clusters",
            Self::Sandwich => "sandwich",
        }
    }

    /// The first `n` points.
    #[must_use]
    pub fn generate(self, n: usize, seed: Seed) -> Batch {
        self.data_set(n, seed).batch
    }

    /// Points `first..first + n`, without those before them.
    ///
    /// # Examples
    /// ```
    /// use pathline::Seed;
    /// use pathline_data::PointSet;
    /// let whole = PointSet::Moons.generate(10, Seed(0));
    /// assert_eq!(PointSet::Moons.share(8, 2, Seed(0)).row(1), whole.row(9));
    /// ```
    #[must_use]
    pub fn share(self, first: u64, n: usize, seed: Seed) -> Batch {
        self.labelled(first, n, seed).batch
    }

    /// The first `n` points with their labels.
    #[must_use]
    pub fn data_set(self, n: usize, seed: Seed) -> DataSet {
        self.labelled(0, n, seed)
    }

    fn labelled(self, first: u64, n: usize, seed: Seed) -> DataSet {
        let mut batch = Batch::zeros(n, Shape::vector(2));
        let mut rows = batch.rows_mut();
        let labels = (0..n).map(|i| {
            // The set's number takes the place of the step, so that sets share no noise.
            let mut stream = seed.stream(Purpose::Data, first.wrapping_add(i as u64), self as u64);
            let (point, label) = sets::point(self, &mut stream);
            rows.row(i).copy_from_slice(&point.map(|v| v as f32));
            label
        });
        let labels = Some(labels.collect());
        DataSet { batch, labels, name: self.name().into(), scaled: false }
    }
}

impl fmt::Display for PointSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PointSet {
    type Err = pathline::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|set| set.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            pathline::Error::invalid("point set", name, format!("choose one of {names}"))
        })
    }
}
