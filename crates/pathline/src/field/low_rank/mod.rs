//! The exact field of data that is a mixture of Gaussians of low-rank-plus-isotropic covariance:
//! a smooth field of real images whose every property is known.
//!
//! Component `k` has weight `w_k`, mean `m_k`, deviations `sd_kj` along orthonormal directions `u_kj` and
//! `s_k` along all others. Along a path its state has variance `alpha^2 s^2 + sigma^2` in each of these
//! directions, so `p_t(x) = sum_k w_k N(x; alpha m_k, alpha^2 C_k + sigma^2 I)` costs `q` inner products a
//! component. With `r_k(x)` the share of component `k` in `p_t(x)`, `y_k = x - alpha m_k`, and the rate
//! `a(s) = (alpha alpha' s^2 + sigma sigma') / (alpha^2 s^2 + sigma^2)`,
//!
//! ```text
//! u_t(x) = sum_k r_k ( alpha' m_k + a(s_k) y_k + sum_j (a(sd_kj) - a(s_k)) <u_kj, y_k> u_kj )
//! score  = sum_k r_k ( b(s_k) y_k + sum_j (b(sd_kj) - b(s_k)) <u_kj, y_k> u_kj ),
//!          b(s) = -1 / (alpha^2 s^2 + sigma^2)
//! ```
//!
//! All of it is computed in double precision, and rounded once.
//!
//! # References
//! Tipping and Bishop (1999), "Probabilistic principal component analysis" and "Mixtures of
//! probabilistic principal component analysers" (the model and its likeliest parameters); the
//! conditional mean of jointly Gaussian variables and Bayes' rule (textbook).
//!
//! # Not to be confused with
//! [`EmpiricalField`](super::EmpiricalField), which memorises the data this one is fitted to;
//! [`MixtureField`](super::MixtureField), the case without directions.

mod gaussian;
mod orthonormal;
mod principal;
mod pullback;
mod velocity;

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

pub use gaussian::LowRankGaussian;
pub use velocity::LowRankField;

use super::Conditions;
use crate::batch::{Batch, Shape};
use crate::error::Error;
use crate::schedule::Schedule;
use crate::seed::{Purpose, Seed};

/// The most values of one draw: 16 GiB.
const MOST_VALUES: usize = 1 << 32;

/// A mixture of [`LowRankGaussian`]s, each optionally of a class.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{Conditions, LowRankMixture};
/// use pathline::{Seed, Shape, Source, schedule::CondOt};
/// let points = Source::new(Seed(1), 600).noise(&Shape::vector(8));
/// let labels: Vec<u32> = (0..600).map(|i| i % 3).collect();
/// // Three Gaussians with two directions each, nowhere narrower than 0.05.
/// let mixture = LowRankMixture::fit_classes(&points, &labels, 2, 0.05)?;
/// let drawn = mixture.draw(Seed(2), 0..100, &Conditions::Shared(1))?;
/// assert!(drawn.components.iter().all(|&k| mixture.class(k) == Some(1)));
/// let field = mixture.along(Arc::new(CondOt));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LowRankMixture {
    shape: Shape,
    components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq)]
struct Component {
    weight: f64,
    gaussian: LowRankGaussian,
    class: Option<u32>,
}

/// Points drawn from a mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The points, one a sample.
    pub points: Batch,
    /// The component that each comes from.
    pub components: Vec<usize>,
}

impl LowRankMixture {
    /// Components with these weights (any positive scale), for samples of `shape`.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not as many weights as Gaussians, or a Gaussian has other
    /// coordinates than the shape; [`Error::Invalid`] when there is no component, or a weight is not
    /// positive and finite.
    pub fn new(
        shape: Shape,
        weights: &[f64],
        gaussians: Vec<LowRankGaussian>,
    ) -> Result<Self, Error> {
        Error::check_count("Gaussians of a mixture", weights.len(), gaussians.len())?;
        if weights.is_empty() {
            return Err(Error::invalid("number of components", 0, "give at least one component"));
        }
        let mut components = Vec::with_capacity(weights.len());
        for (&weight, gaussian) in weights.iter().zip(gaussians) {
            if !(weight > 0.0 && weight.is_finite()) {
                let remedy = "give finite weights above 0; leave out components without weight";
                return Err(Error::invalid("weight of a component", weight, remedy));
            }
            let width = gaussian.mean().len();
            Error::check_count("coordinates of a Gaussian", shape.elements(), width)?;
            components.push(Component { weight, gaussian, class: None });
        }
        Ok(Self { shape, components })
    }

    /// One Gaussian for all points, as [`LowRankGaussian::fit`].
    ///
    /// # Errors
    /// As [`LowRankGaussian::fit`].
    pub fn fit(points: &Batch, directions: usize, least_std: f64) -> Result<Self, Error> {
        let gaussian = LowRankGaussian::fit(points.rows(), directions, least_std)?;
        Self::new(points.shape().clone(), &[1.0], vec![gaussian])
    }

    /// One Gaussian for each class that occurs, in ascending order of classes, with the share of its
    /// points as its weight, as [`LowRankGaussian::fit`].
    ///
    /// # Errors
    /// As [`LowRankGaussian::fit`]; [`Error::Count`] when there are not as many labels as points.
    pub fn fit_classes(
        points: &Batch,
        labels: &[u32],
        directions: usize,
        least_std: f64,
    ) -> Result<Self, Error> {
        Error::check_count("labels of the data", points.len(), labels.len())?;
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let members = |class: u32| -> Vec<usize> {
            (0..labels.len()).filter(|&i| labels[i] == class).collect()
        };
        let members: Vec<Vec<usize>> = classes.iter().map(|&class| members(class)).collect();
        let weights: Vec<f64> =
            members.iter().map(|rows| rows.len() as f64 / labels.len() as f64).collect();
        let fit = |rows: &Vec<usize>| {
            LowRankGaussian::fit(points.select(rows)?.rows(), directions, least_std)
        };
        let gaussians = members.par_iter().map(fit).collect::<Result<Vec<_>, _>>()?;
        Self::new(points.shape().clone(), &weights, gaussians)?.with_classes(&classes)
    }

    /// The same mixture with a class for each component.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not as many classes as components.
    pub fn with_classes(mut self, classes: &[u32]) -> Result<Self, Error> {
        Error::check_count("classes of a mixture", self.components.len(), classes.len())?;
        for (component, &class) in self.components.iter_mut().zip(classes) {
            component.class = Some(class);
        }
        Ok(self)
    }

    /// The Gaussian of each component.
    pub fn gaussians(&self) -> impl Iterator<Item = &LowRankGaussian> {
        self.components.iter().map(|k| &k.gaussian)
    }

    /// The class of component `k`, if it has one.
    #[must_use]
    pub fn class(&self, k: usize) -> Option<u32> {
        self.components.get(k).and_then(|k| k.class)
    }

    /// Exact draws from the mixture, or from the components of the class that `conditions` give a
    /// sample. Sample `i` is `m + C^(1/2) z` with component and `z` from the stream `(seed, Data, i, 0)`, so
    /// that it is the same point however the samples are cut into parts.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a condition names a class that no component has, or there are more
    /// than `2^32` values to draw.
    pub fn draw(
        &self,
        seed: Seed,
        samples: Range<u64>,
        conditions: &Conditions,
    ) -> Result<Drawn, Error> {
        self.check(conditions)?;
        let rows = usize::try_from(samples.end.saturating_sub(samples.start)).unwrap_or(usize::MAX);
        let width = self.shape.elements();
        if rows.checked_mul(width).is_none_or(|values| values > MOST_VALUES) {
            let remedy = format!("draw at most {} at once", MOST_VALUES / width);
            return Err(Error::invalid("number of samples to draw", rows, remedy));
        }
        let mut points = Batch::zeros(rows, self.shape.clone());
        let draw = |(i, out): (usize, &mut [f32])| {
            let sample = samples.start + i as u64;
            let mut stream = seed.stream(Purpose::Data, sample, 0);
            let k = self.pick(conditions.of(sample), stream.uniform());
            let mut z: Vec<f64> = Vec::with_capacity(width + 1);
            while z.len() < width {
                let (a, b) = stream.normal_pair();
                z.extend([a, b]);
            }
            z.truncate(width);
            self.components[k].gaussian.colour(&mut z);
            out.iter_mut().zip(&z).for_each(|(out, &z)| *out = z as f32);
            k
        };
        let parts = points.as_mut_slice().par_chunks_exact_mut(width).enumerate();
        let components = parts.map(draw).collect();
        Ok(Drawn { points, components })
    }

    /// The exact field from `N(0, I)` to this mixture along `schedule`, without conditions.
    #[must_use]
    pub fn along(self, schedule: Arc<dyn Schedule>) -> LowRankField {
        LowRankField::new(Arc::new(self), schedule)
    }

    /// The components of a class, or all, with their places.
    fn seen(&self, class: Option<u32>) -> impl Iterator<Item = (usize, &Component)> {
        let all = self.components.iter().enumerate();
        all.filter(move |(_, k)| class.is_none() || k.class == class)
    }

    /// The component at a share of the weight, from 0 to 1.
    fn pick(&self, class: Option<u32>, share: f64) -> usize {
        let total: f64 = self.seen(class).map(|(_, k)| k.weight).sum();
        let mut left = share * total;
        let mut last = 0;
        for (place, k) in self.seen(class) {
            last = place;
            left -= k.weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }

    fn check(&self, conditions: &Conditions) -> Result<(), Error> {
        let has = |class| self.components.iter().any(|k| k.class == Some(class));
        match conditions.classes().into_iter().find(|&class| !has(class)) {
            None => Ok(()),
            Some(class) => {
                let remedy = "no component has this class: name one that occurs";
                Err(Error::invalid("class", class, remedy))
            }
        }
    }
}
