//! The exact field of a finite data set: what flow matching would learn with unlimited capacity.
//!
//! For data `x_1 .. x_n` the state has density `p_t(x) = 1/n sum_i N(x; alpha x_i, sigma^2 I)`. With
//! the posterior weights `w_i(x) = softmax_i( -|x - alpha x_i|^2 / (2 sigma^2) )` and the posterior
//! mean `D = sum_i w_i x_i`, the velocity is the one that points to `D`:
//! `u_t(x) = velocity_from_target(D)`, on the straight-line schedule `(D - x) / (1 - t)`.
//!
//! It is a gradient field, and by Lemma 4.1 below the same as `velocity_from_score(grad log p_t)`.
//! At `t = 1` it divides by zero.
//!
//! # References
//! Bertrand et al. (2025), "On the Closed-Form of Flow Matching" (arXiv 2506.03719); the kinetic
//! energy paper (arXiv 2602.07928), section 4, Lemma 4.1.
//!
//! # Not to be confused with
//! A trained network, which smooths between the data; this field memorises them.

mod atoms;
mod pullback;
mod softmax;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use self::atoms::{Atoms, Group};
use self::softmax::{Answer, Query};
use super::{Conditions, FieldRecord, VelocityField, check, check_pullback};
use crate::batch::{At, Batch, Rows, RowsMut, Shape};
use crate::error::Error;
use crate::kernels::rows_at_once;
use crate::path::Prediction;
use crate::schedule::Schedule;

/// What one state says about the data it may be going to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// `log p_t(x)`, natural logarithm, of the density the weights come from (the class's own under
    /// a condition).
    pub log_density: f64,
    /// The largest weight, in `(0, 1]`; near 1 the state is committed to one data point.
    pub max_weight: f64,
    /// The data point that has it, as a row of the data the field was made from.
    pub heaviest: usize,
    /// Entropy of the weights in nats, from 0 to `ln n`.
    pub entropy: f64,
}

/// The closed-form velocity field over a data set, optionally class-conditional.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::{Batch, Shape, field::{Conditions, EmpiricalField}, schedule::CondOt};
/// let points = Batch::from_vec(vec![-1.0, 0.0, 1.0, 0.0], Shape::vector(2))?;
/// let field = EmpiricalField::with_classes(&points, &[0, 1], Arc::new(CondOt))?;
/// let right = field.conditioned(Conditions::Shared(1))?;
/// assert!(field.conditioned(Conditions::Shared(2)).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EmpiricalField {
    atoms: Arc<Atoms>,
    schedule: Arc<dyn Schedule>,
    conditions: Conditions,
}

/// Some rows that share a group of data.
struct Job<'a> {
    group: &'a Group,
    queries: Vec<Query<'a>>,
}

impl EmpiricalField {
    /// The marginal field over `data`, from `N(0, I)` along `schedule`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no data, or a value is not finite (with its row and column).
    pub fn new(data: &Batch, schedule: Arc<dyn Schedule>) -> Result<Self, Error> {
        let atoms = Arc::new(Atoms::new(data, None)?);
        Ok(Self { atoms, schedule, conditions: Conditions::None })
    }

    /// The marginal field over `data` whose row `i` has class `labels[i]`, ready for
    /// [`EmpiricalField::conditioned`].
    ///
    /// # Errors
    /// As [`EmpiricalField::new`]; [`Error::Count`] when there are not as many labels as rows.
    pub fn with_classes(
        data: &Batch,
        labels: &[u32],
        schedule: Arc<dyn Schedule>,
    ) -> Result<Self, Error> {
        let atoms = Arc::new(Atoms::new(data, Some(labels))?);
        Ok(Self { atoms, schedule, conditions: Conditions::None })
    }

    /// The field in which samples with a condition see only the data of their class. The data are
    /// shared, not copied.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a condition names a class without data.
    pub fn conditioned(&self, conditions: Conditions) -> Result<Self, Error> {
        for class in conditions.classes() {
            self.atoms.group(Some(class))?;
        }
        Ok(Self { conditions, ..self.clone() })
    }

    /// Number of data points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.atoms.data.len()
    }

    /// Whether there is no data point; never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.atoms.data.is_empty()
    }

    /// Data point `i`, a row of the data the field was made from; `None` when there are fewer.
    #[must_use]
    pub fn point(&self, i: usize) -> Option<&[f32]> {
        let place = self.atoms.order.iter().position(|&row| row == i)?;
        Some(self.atoms.data.row(place))
    }

    /// The schedule that the field goes along.
    #[must_use]
    pub fn schedule(&self) -> &dyn Schedule {
        &*self.schedule
    }

    /// Writes the exact value of any prediction (velocity, target, source or score) for every row.
    ///
    /// # Errors
    /// [`Error::Count`] when rows or widths disagree; [`Error::Singular`] where `sigma_t = 0`, and
    /// where the schedule does not define the prediction.
    pub fn predict(
        &self,
        prediction: Prediction,
        at: &At<'_>,
        mut out: RowsMut<'_>,
    ) -> Result<(), Error> {
        check(self.shape(), at, &out)?;
        let finish = |query: &Query<'_>, answer: &Answer| {
            let linear = query.c.convert(Prediction::Target, prediction, query.t)?;
            let value = |(&x, d): (&f32, &f64)| linear.state * f64::from(x) + linear.value * d;
            Ok(query.x.iter().zip(&answer.mean).map(|pair| value(pair) as f32).collect::<Vec<_>>())
        };
        for (row, values) in self.each(at, true, finish)? {
            out.row(row).copy_from_slice(&values);
        }
        Ok(())
    }

    /// The posterior over the data at every row.
    ///
    /// # Errors
    /// [`Error::Count`] when rows or widths disagree; [`Error::Singular`] where `sigma_t = 0`.
    pub fn posterior(&self, at: &At<'_>) -> Result<Vec<Posterior>, Error> {
        Error::check_count("elements of a state", self.shape().elements(), at.x.width())?;
        At::new(at.samples.clone(), at.t, at.x)?;
        let finish = |query: &Query<'_>, answer: &Answer| {
            let variance = std::f64::consts::TAU * query.c.sigma * query.c.sigma;
            let volume = 0.5 * query.x.len() as f64 * variance.ln();
            Ok(Posterior {
                log_density: answer.log_sum - (answer.atoms as f64).ln() - volume,
                max_weight: answer.max_weight,
                heaviest: self.atoms.order.get(answer.heaviest).copied().unwrap_or(0),
                entropy: answer.entropy,
            })
        };
        let mut rows = self.each(at, false, finish)?;
        rows.sort_unstable_by_key(|(row, _)| *row);
        Ok(rows.into_iter().map(|(_, posterior)| posterior).collect())
    }

    /// Computes `finish` for every row, by blocks of rows that share their data.
    fn each<T: Send>(
        &self,
        at: &At<'_>,
        with_mean: bool,
        finish: impl Fn(&Query<'_>, &Answer) -> Result<T, Error> + Sync,
    ) -> Result<Vec<(usize, T)>, Error> {
        let answer = |job: &Job<'_>| {
            let answers = softmax::answer(&self.atoms.data, job.group, &job.queries, with_mean);
            let rows = job.queries.iter().zip(&answers);
            rows.map(|(query, answer)| Ok((query.row, finish(query, answer)?))).collect()
        };
        let blocks: Vec<Result<Vec<(usize, T)>, Error>> =
            self.jobs(at)?.par_iter().map(answer).collect();
        let mut all = Vec::with_capacity(at.x.len());
        for block in blocks {
            all.extend(block?);
        }
        Ok(all)
    }

    fn jobs<'a>(&'a self, at: &At<'a>) -> Result<Vec<Job<'a>>, Error> {
        let mut by_class: BTreeMap<Option<u32>, Vec<Query<'a>>> = BTreeMap::new();
        for (row, x) in at.x.iter().enumerate() {
            let t = at.t.at(row);
            let c = self.schedule.at(t);
            if !t.is_finite() || x.iter().any(|v| !v.is_finite()) {
                let cause = "the empirical field was asked for the velocity of such a state";
                return Err(Error::NonFinite { sample: at.samples.at(row), t, cause });
            }
            if c.sigma <= 0.0 {
                let remedy = "all noise is gone there: end before t = 1, or use a solver whose last \
                              step does not evaluate at 1 (euler)";
                return Err(Error::Singular { what: "the empirical field", t, remedy });
            }
            let class = self.conditions.of(at.samples.at(row));
            by_class.entry(class).or_default().push(Query { row, t, c, x });
        }
        let mut jobs = Vec::new();
        for (class, queries) in by_class {
            let group = self.atoms.group(class)?;
            let blocks = queries.chunks(rows_at_once(queries.len()));
            jobs.extend(blocks.map(|queries| Job { group, queries: queries.to_vec() }));
        }
        Ok(jobs)
    }
}

impl VelocityField for EmpiricalField {
    fn shape(&self) -> &Shape {
        self.atoms.data.shape()
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.predict(Prediction::Velocity, at, out)
    }

    fn pullback(&self, at: &At<'_>, along: Rows<'_>, mut out: RowsMut<'_>) -> Result<bool, Error> {
        check_pullback(self.shape(), at, along, &out)?;
        let jobs = self.jobs(at)?;
        let queries =
            jobs.par_iter().flat_map(|job| job.queries.par_iter().map(|q| (job.group, q)));
        let rows = queries.map(|(group, query)| {
            let row = pullback::pull_back(&self.atoms.data, group, query, along.row(query.row))?;
            Ok((query.row, row))
        });
        for (i, row) in rows.collect::<Result<Vec<_>, Error>>()? {
            out.row(i).copy_from_slice(&row);
        }
        Ok(true)
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("empirical")
            .with("schedule", format!("{:?}", self.schedule))
            .with("points", self.len())
            .with("classes", self.atoms.classes())
            .with("conditions", self.conditions.describe())
            .with_fingerprint(self.atoms.data.as_slice().iter().flat_map(|v| v.to_le_bytes()))
    }

    fn singular_at_target(&self) -> bool {
        self.schedule.at(1.0).sigma <= 0.0
    }
}
