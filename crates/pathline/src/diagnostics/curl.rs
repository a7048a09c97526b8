//! How far a velocity field is from a gradient: the antisymmetric part of its Jacobian.
//!
//! From Gaussian sources drawn independently of the data, the exact field is a gradient,
//! `u = a_t grad log p_t + b_t x`, and so is any guidance of it by one scale: its Jacobian `J` is symmetric.
//! What a trained field has of an antisymmetric part is therefore error of the model, and no data are
//! needed to see it. With independent random signs `a` and `b`,
//!
//! ```text
//! E (a.J b - b.J a)^2 = |J - J^T|_F^2        E (a.J b + b.J a)^2 = |J + J^T|_F^2
//! share = |J - J^T|_F / sqrt(|J - J^T|_F^2 + |J + J^T|_F^2) = |antisymmetric part|_F / |J|_F
//! ```
//!
//! with sums of squares over states and probes under the roots: 0 for a gradient, 1 for a pure rotation,
//! `sqrt(1/2)` for a matrix of independent entries.
//!
//! Networks and exact fields give `J^T a` without differences ([`VelocityField::pullback`]): the one by going back
//! through their layers, the others by their formula. For other fields `J b` is a central difference at two
//! steps, combined as [`directional_derivative`] says. Either way there are two values of the same number, and
//! their difference is the floor below which a share means nothing.
//!
//! # References
//! Hutchinson (1990), "A stochastic estimator of the trace of the influence matrix" (random signs); the
//! kinetic energy paper (arXiv 2602.07928), Lemma 4.1 (exact fields are gradients); Richardson (1911).
//!
//! # Not to be confused with
//! The bending of a trajectory, which a gradient field has as well.

use crate::batch::{At, Batch};
use crate::error::Error;
use crate::field::{VelocityField, directional_derivative};
use crate::seed::{Purpose, Seed};
use crate::statistics::{Jackknife, JackknifeEstimate};

/// How a Jacobian is probed.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probing {
    /// Pairs of probes a state.
    pub pairs: usize,
    /// The smaller of the two steps of differences, for each element of a state; see
    /// [`directional_derivative`] on its size. Vector-Jacobian products need none.
    pub step: f64,
    /// Whether fields that give vector-Jacobian products ([`VelocityField::pullback`]) are asked for them; if not,
    /// and for all other fields, products are found by differences.
    pub vjp: bool,
    /// Probe `k` of a sample is from the stream `(seed, Probe, sample, k)`.
    pub seed: Seed,
}

impl Default for Probing {
    /// 4 pairs, by vector-Jacobian products where there are; else at a step of 1/256, for states and fields that
    /// change over a length of about 1.
    fn default() -> Self {
        Self { pairs: 4, step: 1.0 / 256.0, vjp: true, seed: Seed(0) }
    }
}

/// What the probes found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Curl {
    /// `|antisymmetric part|_F / |J|_F`, from 0 to 1, with a 95 % jackknife interval over states.
    pub share: JackknifeEstimate,
    /// Root mean square of `a.J b - b.J a`: an estimate of `|J - J^T|_F`.
    pub antisymmetric: f64,
    /// Root mean square of `a.J b + b.J a`: an estimate of `|J + J^T|_F`.
    pub symmetric: f64,
    /// The share that rounding would have (what two ways of summing the same products, or two steps of
    /// differences, disagree on): shares of this size are numerical error.
    pub floor: f64,
    /// Whether it was found by vector-Jacobian products, and not by differences.
    pub vjp: bool,
}

impl Curl {
    /// `|J - J^T|_F / |J + J^T|_F`; `None` for a pure rotation.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.symmetric > 0.0).then(|| self.antisymmetric / self.symmetric)
    }
}

/// Sums over probes of the squares of both parts, and of what two values of the first disagree on, at one state.
#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    antisymmetric: f64,
    symmetric: f64,
    disagreement: f64,
}

/// The antisymmetric share of the Jacobian of `field` at the states `at`; costs 3 products with the Jacobian a
/// pair, or 8 evaluations where the field has none.
///
/// # Errors
/// [`Error::Count`] when parts do not fit; [`Error::Invalid`] for fewer than two states, no probe, a step
/// that [`directional_derivative`] refuses where differences are taken, or a field that does not change with the state; whatever the
/// field raises.
///
/// # Examples
/// ```
/// use pathline::diagnostics::{Probing, curl};
/// use pathline::field::FunctionField;
/// use pathline::{At, Samples, Seed, Shape, Source, Times};
/// // Inwards at rate 2, and round at rate 1: the ratio of the two parts is 1/2.
/// let spiral = FunctionField::new(Shape::vector(2), "spiral", |_, x, u| {
///     u.copy_from_slice(&[-2.0 * x[0] - x[1], x[0] - 2.0 * x[1]]);
/// });
/// let x = Source::new(Seed(0), 200).noise(&Shape::vector(2));
/// let at = At::new(Samples::first(200), Times::Shared(0.5), x.rows())?;
/// let found = curl(&spiral, &at, &Probing::default())?;
/// assert!(found.share.estimate.contains(0.2_f64.sqrt()) && found.floor < 1e-4);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn curl(field: &dyn VelocityField, at: &At<'_>, probing: &Probing) -> Result<Curl, Error> {
    if probing.pairs == 0 {
        return Err(Error::invalid("pairs of probes", 0, "give at least one, such as 4"));
    }
    let (mut sums, mut vjp) = (vec![Squares::default(); at.x.len()], false);
    for pair in 0..probing.pairs {
        let [a, b] = probes(at, field, probing.seed, pair as u64)?;
        let products = if probing.vjp { by_vjp(field, at, [&a, &b])? } else { None };
        vjp = products.is_some();
        let found = match products {
            Some(found) => found,
            None => by_differences(field, at, [&a, &b], probing.step)?,
        };
        for (sum, [antisymmetric, symmetric, disagreement]) in sums.iter_mut().zip(found) {
            sum.antisymmetric += antisymmetric.powi(2);
            sum.symmetric += symmetric.powi(2);
            sum.disagreement += disagreement.powi(2);
        }
    }
    let share = |rows: &[usize]| {
        let [a, s, _] = total(&sums, rows);
        (a + s > 0.0).then(|| (a / (a + s)).sqrt())
    };
    let jackknife = Jackknife { blocks: sums.len().min(20), level: 0.95 };
    let share = jackknife.interval(sums.len(), share)?;
    let [a, s, d] = total(&sums, &(0..sums.len()).collect::<Vec<_>>());
    let count = (sums.len() * probing.pairs) as f64;
    Ok(Curl {
        share,
        antisymmetric: (a / count).sqrt(),
        symmetric: (s / count).sqrt(),
        floor: (d / (a + s)).sqrt(),
        vjp,
    })
}

fn total(sums: &[Squares], rows: &[usize]) -> [f64; 3] {
    rows.iter()
        .map(|&i| &sums[i])
        .fold([0.0; 3], |t, s| [t[0] + s.antisymmetric, t[1] + s.symmetric, t[2] + s.disagreement])
}

/// Two independent vectors of random signs for each state.
fn probes(
    at: &At<'_>,
    field: &dyn VelocityField,
    seed: Seed,
    pair: u64,
) -> Result<[Batch; 2], Error> {
    Error::check_count("sample indices", at.x.len(), at.samples.len())?;
    Error::check_count("elements of a state", field.shape().elements(), at.x.width())?;
    let mut both = [(); 2].map(|()| Batch::zeros(at.x.len(), field.shape().clone()));
    for i in 0..at.x.len() {
        let mut stream = seed.stream(Purpose::Probe, at.samples.at(i), pair);
        for batch in &mut both {
            for v in batch.rows_mut().row(i) {
                *v = if stream.uniform() < 0.5 { -1.0 } else { 1.0 };
            }
        }
    }
    Ok(both)
}

/// `[a.J b - b.J a, a.J b + b.J a]` of every row by vector-Jacobian products, and by how much the first differs
/// from `a.J a - b.J b - (a + b).J (a - b)`, which is the same but for rounding; `None` for a field without such
/// products.
fn by_vjp(
    field: &dyn VelocityField,
    at: &At<'_>,
    [a, b]: [&Batch; 2],
) -> Result<Option<Vec<[f64; 3]>>, Error> {
    let mut both = a.clone();
    both.as_mut_slice().iter_mut().zip(b.as_slice()).for_each(|(a, b)| *a += b);
    let mut found = [(); 3].map(|()| Batch::zeros(at.x.len(), field.shape().clone()));
    for (along, found) in [a, b, &both].into_iter().zip(&mut found) {
        if !field.pullback(at, along.rows(), found.rows_mut())? {
            return Ok(None);
        }
    }
    let inner = |x: &Batch, y: &Batch, i: usize| -> f64 {
        x.row(i).iter().zip(y.row(i)).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
    };
    let [ja, jb, jboth] = &found;
    let row = |i: usize| {
        let (there, back) = (inner(ja, b, i), inner(jb, a, i));
        let again = inner(ja, a, i) - inner(jb, b, i) - inner(jboth, a, i) + inner(jboth, b, i);
        [there - back, there + back, there - back - again]
    };
    Ok(Some((0..at.x.len()).map(row).collect()))
}

/// The same by differences at two steps, combined, and what the two disagree on.
fn by_differences(
    field: &dyn VelocityField,
    at: &At<'_>,
    probes: [&Batch; 2],
    step: f64,
) -> Result<Vec<[f64; 3]>, Error> {
    let fine = parts(field, at, probes, step)?;
    let coarse = parts(field, at, probes, 2.0 * step)?;
    let row = |(fine, coarse): ([f64; 2], [f64; 2])| {
        let combined = |i: usize| (4.0 * fine[i] - coarse[i]) / 3.0;
        [combined(0), combined(1), fine[0] - coarse[0]]
    };
    Ok(fine.into_iter().zip(coarse).map(row).collect())
}

/// `[a.J b - b.J a, a.J b + b.J a]` of every row at one step.
fn parts(
    field: &dyn VelocityField,
    at: &At<'_>,
    [a, b]: [&Batch; 2],
    step: f64,
) -> Result<Vec<[f64; 2]>, Error> {
    let along_a = directional_derivative(field, at, a.rows(), step)?;
    let along_b = directional_derivative(field, at, b.rows(), step)?;
    let width = at.x.width();
    let inner = |x: &[f64], y: &[f64], i: usize| -> f64 {
        let (x, y) = (&x[i * width..][..width], &y[i * width..][..width]);
        x.iter().zip(y).map(|(x, y)| x * y).sum()
    };
    let row = |i: usize| {
        // The directions really moved along, so that rounding of states is not taken for curl.
        let there = inner(&along_a.moved, &along_b.change, i);
        let back = inner(&along_b.moved, &along_a.change, i);
        [there - back, there + back]
    };
    Ok((0..at.x.len()).map(row).collect())
}
