//! The flow-matching loss by time, on draws that training never saw, and the radial gain beside it.
//!
//! Bin `b` of `n` holds times uniform over `[b/n, (b+1)/n)`. One number over all times hides that
//! errors at late times reach the samples undamped; the bins show where a field is bad. The loss does
//! not go to zero: what is left is the variance of `x_1 - x_0` given `x_t`, so compare fields on the
//! same draws, not with zero.
//!
//! The radial gain `g* = sum <v,u> / sum |v|^2` over a bin's draws does have a value to be compared
//! with: it is 1 for an exact field, whatever that variance, since then `E<v,u> = E|v|^2`. Its standard
//! error is that of a ratio of sums, `sqrt(n/(n-1) sum e_i^2) / sum |v|^2` with
//! `e_i = <v_i,u_i> - g* |v_i|^2`.
//!
//! # References
//! Lipman et al. (2023), "Flow matching for generative modeling", arXiv:2210.02747, theorem 2. For the
//! error of a ratio: Cochran (1977), "Sampling techniques", section 6.4.
//!
//! # Not to be confused with
//! The norm ratio `|v|/|u|`, which is below 1 for an exact field too.

use pathline::field::Conditions;
use pathline::kernels::{dot, squared_distance, squared_norm};
use pathline::seed::Stream;
use pathline::{At, Batch, Error, RowsMut, Samples, Seed, Shape, Times, VelocityField};

use crate::draw::FlowData;
use crate::examples::{Draw, Dropout, Examples};
use crate::field::NetworkField;
use crate::objective::Objective;
use crate::train::{MOST_ROWS, dropout};

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

/// The loss in one bin of time, and the radial gain.
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
    /// `g*`, the factor on the velocity that would fit best; `None` where the velocity is zero.
    #[serde(default)]
    pub gain: Option<f64>,
    /// Standard error of `g*` over draws.
    #[serde(default)]
    pub gain_standard_error: Option<f64>,
}

/// The loss of `field` in every bin of time, between the ends of `data`. Labels of the data are not
/// looked at: [`held_out_loss_given_labels`] does that.
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
    by_time(field.shape(), data, how, None, &|at, _, out| field.velocity(at, out))
}

/// [`held_out_loss`] of a network that is told the label of every draw. Where the data have no labels or
/// the network takes none, it is the same.
///
/// # Errors
/// As for [`held_out_loss`]; [`Error::Invalid`] for a label that the network does not know.
pub fn held_out_loss_given_labels(
    field: &NetworkField,
    data: &FlowData<'_>,
    how: &HeldOut,
) -> Result<Vec<BinLoss>, Error> {
    let labels = dropout(&**field.network(), data, 0.0)?;
    by_time(field.shape(), data, how, labels, &|at, conditions, out| match labels {
        None => field.velocity(at, out),
        Some(_) => field.velocity_given(at, conditions, out),
    })
}

/// The velocity of a field under conditions.
type Velocity<'a> = dyn Fn(&At<'_>, &Conditions, RowsMut<'_>) -> Result<(), Error> + 'a;

fn by_time(
    shape: &Shape,
    data: &FlowData<'_>,
    how: &HeldOut,
    labels: Option<Dropout>,
    field: &Velocity<'_>,
) -> Result<Vec<BinLoss>, Error> {
    if !(1..=MOST_ROWS).contains(&how.bins) || !(2..=MOST_ROWS).contains(&how.draws) {
        let value = format!("{} bins of {} draws", how.bins, how.draws);
        return Err(Error::invalid(
            "held-out loss",
            value,
            "give 1 bin of 2 draws at least, and neither above 2^24",
        ));
    }
    data.check(shape)?;
    let mut examples = Examples::new(how.draws, shape);
    let mut velocity = Batch::zeros(how.draws, shape.clone());
    let mut losses = Vec::with_capacity(how.bins);
    for bin in 0..how.bins {
        let edge = |i: usize| i as f64 / how.bins as f64;
        let (from, to) = (edge(bin), edge(bin + 1));
        let time = |stream: &mut Stream| from + (to - from) * stream.uniform();
        let (seed, step) = (how.seed, bin as u64);
        let objective = Objective::default();
        examples.draw(data, &Draw { seed, step, time: &time, mirror: false, labels, objective })?;
        let times = Times::Each(&examples.times);
        let at = At::new(Samples::first(how.draws), times, examples.x.rows())?;
        field(&at, &examples.conditions, velocity.rows_mut())?;
        losses.push(bin_loss(&examples, &velocity, (from, to))?);
    }
    Ok(losses)
}

fn bin_loss(
    examples: &Examples,
    velocity: &Batch,
    (from, to): (f64, f64),
) -> Result<BinLoss, Error> {
    let rows = velocity.len();
    let (mut errors, mut products) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for (i, (v, u)) in velocity.rows().iter().zip(examples.wanted.rows().iter()).enumerate() {
        let error = squared_distance(v, u) / v.len() as f64;
        if !error.is_finite() {
            let cause = "the field gave a velocity that is not finite; check its training";
            return Err(Error::NonFinite { sample: i as u64, t: examples.times[i], cause });
        }
        errors.push(error);
        products.push([dot(v, u), squared_norm(v)]);
    }
    let n = rows as f64;
    let loss = errors.iter().sum::<f64>() / n;
    let squares: f64 = errors.iter().map(|e| (e - loss) * (e - loss)).sum();
    let [vu, vv] = [0, 1].map(|j| products.iter().map(|product| product[j]).sum::<f64>());
    let gain = (vv > 0.0).then(|| vu / vv);
    let gain_standard_error = gain.map(|g| {
        let squares: f64 = products.iter().map(|[vu, vv]| (vu - g * vv).powi(2)).sum();
        (n / (n - 1.0) * squares).sqrt() / vv
    });
    let standard_error = (squares / (n - 1.0) / n).sqrt();
    Ok(BinLoss { from, to, loss, standard_error, gain, gain_standard_error })
}
