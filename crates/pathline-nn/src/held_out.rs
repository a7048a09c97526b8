//! The flow-matching loss by time, on draws that training never saw.
//!
//! Bin `b` of `n` holds times uniform over `[b/n, (b+1)/n)`. One number over all times hides that
//! errors at late times reach the samples undamped; the bins show where a field is bad. The loss does
//! not go to zero: what is left is the variance of `x_1 - x_0` given `x_t`, so compare fields on the
//! same draws, not with zero.
//!
//! # References
//! Lipman et al. (2023), "Flow matching for generative modeling", arXiv:2210.02747, theorem 2.

use pathline::seed::Stream;
use pathline::{At, Batch, Error, Samples, Seed, Times, VelocityField};

use crate::draw::{Examples, FlowData};
use crate::train::MOST_ROWS;

/// How the held-out loss is measured.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeldOut {
    /// Equal bins of time, from 1 to 2^24; 10.
    pub bins: usize,
    /// Draws in each bin, from 2 to 2^24; 2048.
    pub draws: usize,
    /// Names every draw; give another seed than the training's.
    pub seed: Seed,
}

impl Default for HeldOut {
    fn default() -> Self {
        Self { bins: 10, draws: 2048, seed: Seed(u64::MAX) }
    }
}

/// The loss in one bin of time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BinLoss {
    /// Where the bin begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Mean of `|u_t(x_t) - (x_1 - x_0)|^2 / d`.
    pub loss: f64,
    /// Standard error of that mean over draws.
    pub standard_error: f64,
}

/// The loss of `field` in every bin of time, between the ends of `data`.
///
/// # Errors
/// [`Error::Invalid`] for a number of bins or draws out of its range; from [`FlowData::check`], the pairing and
/// the field; [`Error::NonFinite`] naming the draw whose velocity is not finite.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::{Batch, Seed, Shape};
/// use pathline_nn::{
///     Activation, FlowData, HeldOut, Mlp, MlpConfig, NetworkField, held_out_loss,
/// };
/// let (shape, hidden) = (Shape::vector(1), vec![4]);
/// let config = MlpConfig { shape: shape.clone(), hidden, activation: Activation::Relu };
/// let field = NetworkField::new(Arc::new(Mlp::new(&config, Seed(1))?));
/// let target = Batch::from_vec(vec![3.0], shape)?;
/// let by_time = held_out_loss(&field, &FlowData::from_noise(&target), &HeldOut::default())?;
/// assert_eq!(by_time.len(), 10);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn held_out_loss(
    field: &dyn VelocityField,
    data: &FlowData<'_>,
    how: &HeldOut,
) -> Result<Vec<BinLoss>, Error> {
    if !(1..=MOST_ROWS).contains(&how.bins) || !(2..=MOST_ROWS).contains(&how.draws) {
        let value = format!("{} bins of {} draws", how.bins, how.draws);
        return Err(Error::invalid(
            "held-out loss",
            value,
            "give 1 bin of 2 draws at least, and neither above 2^24",
        ));
    }
    data.check(field.shape())?;
    let mut examples = Examples::new(how.draws, field.shape());
    let mut velocity = Batch::zeros(how.draws, field.shape().clone());
    let mut losses = Vec::with_capacity(how.bins);
    for bin in 0..how.bins {
        let edge = |i: usize| i as f64 / how.bins as f64;
        let (from, to) = (edge(bin), edge(bin + 1));
        let time = |stream: &mut Stream| from + (to - from) * stream.uniform();
        examples.draw(data, how.seed, bin as u64, &time)?;
        let times = Times::Each(&examples.times);
        let at = At::new(Samples::first(how.draws), times, examples.x.rows())?;
        field.velocity(&at, velocity.rows_mut())?;
        let (loss, standard_error) = mean_square(&examples, &velocity)?;
        losses.push(BinLoss { from, to, loss, standard_error });
    }
    Ok(losses)
}

/// The mean over rows of the squared error per element, and its standard error.
fn mean_square(examples: &Examples, velocity: &Batch) -> Result<(f64, f64), Error> {
    let rows = velocity.len();
    let mut errors = Vec::with_capacity(rows);
    for (i, (v, u)) in velocity.rows().iter().zip(examples.velocity.rows().iter()).enumerate() {
        let error = pathline::kernels::squared_distance(v, u) / v.len() as f64;
        if !error.is_finite() {
            let cause = "the field gave a velocity that is not finite; check its training";
            return Err(Error::NonFinite { sample: i as u64, t: examples.times[i], cause });
        }
        errors.push(error);
    }
    let mean = errors.iter().sum::<f64>() / rows as f64;
    let squares: f64 = errors.iter().map(|e| (e - mean) * (e - mean)).sum();
    Ok((mean, (squares / (rows - 1) as f64 / rows as f64).sqrt()))
}
