//! Integration lag: by how much the samples of a run fall short of the spread that the path has at their time.
//!
//! With data of mean `m` and total variance `V = E|x_1 - m|^2` and a standard normal source in `d` dimensions, states
//! of the path at `t` lie about `alpha_t m` with mean square distance `alpha_t^2 V + sigma_t^2 d`, and so do the states
//! of an exactly followed exact field. The shortfall of a run there is
//! `1 - sqrt(mean |x_t - alpha_t m|^2 / (alpha_t^2 V + sigma_t^2 d))`: 0 for samples that arrive, above 0 for samples
//! that lag behind (too near to the mean), below 0 for samples that overshoot.
//!
//! At the end of a run it has two causes that it does not tell apart, the steps and the field: follow the field
//! with many more steps, and what is left is the field's.
//!
//! # References
//! "Velocity Deficit in Flow Matching" (2026), arXiv 2605.14819 (the lag, as a failure to arrive). The number
//! follows from the path's second moment: Lipman et al. (2023), arXiv 2210.02747, equation 10.
//!
//! # Not to be confused with
//! The norm ratio of the [deficit](super::deficit()), which is below 1 for an exact field that arrives. A lag says
//! nothing of where on the way to the data's law samples are in other respects: sets with the right spread may be
//! wrong in shape.

use crate::batch::Batch;
use crate::error::Error;
use crate::schedule::Schedule;
use crate::statistics::{Estimate, Jackknife};

/// Mean and total variance of data.
///
/// # Examples
/// ```
/// use pathline::diagnostics::DataSpread;
/// use pathline::{Batch, Shape};
/// let data = Batch::from_vec(vec![0.0, 4.0], Shape::vector(1))?;
/// assert_eq!(DataSpread::of(&data)?, DataSpread { mean: vec![2.0], variance: 4.0 });
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DataSpread {
    /// The mean of each coordinate.
    pub mean: Vec<f64>,
    /// `E|x - mean|^2`, over all coordinates.
    pub variance: f64,
}

impl DataSpread {
    /// Of a data set whose rows are equally likely.
    ///
    /// # Errors
    /// As [`DataSpread::weighted`].
    pub fn of(data: &Batch) -> Result<Self, Error> {
        Self::weighted(data, &vec![1.0; data.len()])
    }

    /// Of a data set whose row `i` is as likely as `weights[i]` says, such as one whose classes are drawn otherwise than
    /// they are in it.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of weights than of rows; [`Error::Invalid`] for weights that are negative, not
    /// finite or all zero.
    pub fn weighted(data: &Batch, weights: &[f64]) -> Result<Self, Error> {
        Error::check_count("weights of the data", data.len(), weights.len())?;
        let total: f64 = weights.iter().sum();
        let proper = weights.iter().all(|&w| w >= 0.0);
        if !(proper && total > 0.0 && total.is_finite()) {
            let remedy = "give weights that are not negative, and one that is positive";
            return Err(Error::invalid("weights of the data", total, remedy));
        }
        let mut mean = vec![0.0; data.width()];
        for (row, w) in data.rows().iter().zip(weights) {
            mean.iter_mut().zip(row).for_each(|(m, &x)| *m += w / total * f64::from(x));
        }
        let each = data.rows().iter().zip(weights);
        let variance = each.map(|(row, w)| w / total * squared_distance(row, &mean, 1.0)).sum();
        Ok(Self { mean, variance })
    }
}

/// The lag at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LagPoint {
    /// Time.
    pub t: f64,
    /// Root mean square distance that the path has from its mean.
    pub expected: f64,
    /// By which share the run's is less.
    pub shortfall: Estimate,
}

/// The lag of a run at each of some times, from its states there, with 95 % delete-block jackknife intervals over
/// samples. Times at which the path has no spread (the end, for data that are one point) are left out.
///
/// # Errors
/// [`Error::Count`] when widths differ; [`Error::Invalid`] for fewer than 20 samples (no interval could be given).
///
/// # Examples
/// ```
/// use pathline::diagnostics::{DataSpread, lag};
/// use pathline::schedule::CondOt;
/// use pathline::{Seed, Shape, Source};
/// // Samples that stay where they were, on the way to data of twice the spread.
/// let x = Source::new(Seed(1), 4000).noise(&Shape::vector(3));
/// let data = DataSpread { mean: vec![0.0; 3], variance: 12.0 };
/// let found = lag(&[(0.0, &x), (1.0, &x)], &data, &CondOt)?;
/// assert!(found[0].shortfall.contains(0.0) && found[1].shortfall.contains(0.5));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn lag(
    states: &[(f64, &Batch)],
    data: &DataSpread,
    schedule: &dyn Schedule,
) -> Result<Vec<LagPoint>, Error> {
    let mut found = Vec::with_capacity(states.len());
    for (t, states) in states {
        Error::check_count("coordinates of the states", data.mean.len(), states.width())?;
        if states.len() < 20 {
            let remedy = "use at least 20, better a thousand";
            return Err(Error::invalid("number of samples", states.len(), remedy));
        }
        let at = schedule.at(*t);
        let squares =
            at.alpha * at.alpha * data.variance + at.sigma * at.sigma * states.width() as f64;
        if squares <= 0.0 {
            continue;
        }
        let share = |row: &[f32]| squared_distance(row, &data.mean, at.alpha) / squares;
        let shares: Vec<f64> = states.rows().iter().map(share).collect();
        // Samples often have classes in turn; blocks must not follow the same turn.
        let shortfall = Jackknife { blocks: 19, level: 0.95 }.interval(shares.len(), |rows| {
            let mean = rows.iter().map(|&i| shares[i]).sum::<f64>() / rows.len() as f64;
            Some(1.0 - mean.sqrt())
        })?;
        found.push(LagPoint { t: *t, expected: squares.sqrt(), shortfall: shortfall.estimate });
    }
    Ok(found)
}

/// `|x - scale centre|^2`.
fn squared_distance(x: &[f32], centre: &[f64], scale: f64) -> f64 {
    x.iter().zip(centre).map(|(&x, c)| (f64::from(x) - scale * c).powi(2)).sum()
}
