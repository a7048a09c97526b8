//! Training examples for points: pairs of source and target, a time each, and the CondOT path.
//!
//! `x_t = (1 - t) x_0 + t x_1` and its velocity `u = x_1 - x_0`, with `t` drawn by a [clock](crate::Clock). Row `i` of step
//! `k` depends on nothing but the seed, `k` and `i` (and, under a coupling, on the rows of step `k`).
//!
//! # References
//! Lipman et al. (2023), "Flow matching for generative modeling", arXiv:2210.02747, section 4.1;
//! Liu et al. (2023), "Flow straight and fast", arXiv:2209.03003, equation 1.
//!
//! # Not to be confused with
//! The minibatch OT coupling, which is one choice of pairing; the path is straight with any.

use pathline::seed::Stream;
use pathline::{Batch, Error, Purpose, Seed, Shape};
use rayon::prelude::*;

/// Values of a source that are worth a thread of their own.
const WORTH_SHARING: usize = 1 << 14;

/// Says which target goes with which source: entry `i` is the row of the target (the second batch)
/// for row `i` of the source (the first). The number is that of the step, for couplings that draw.
pub type Pairing<'a> = dyn Fn(&Batch, &Batch, u64) -> Result<Vec<usize>, Error> + 'a;

/// Draws one source sample from its own stream.
pub type Drawn<'a> = dyn Fn(&mut Stream, &mut [f32]) + Sync + 'a;

/// Where source samples come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The standard normal distribution.
    Normal,
    /// Rows of a data set, drawn with replacement.
    Rows(&'a Batch),
    /// Any distribution that can be drawn.
    Drawn(&'a Drawn<'a>),
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Normal => f.write_str("Normal"),
            Self::Rows(rows) => write!(f, "Rows({} of {})", rows.len(), rows.shape()),
            Self::Drawn(_) => f.write_str("Drawn"),
        }
    }
}

/// What a flow is trained between.
#[derive(Clone, Copy)]
pub struct FlowData<'a> {
    /// The source distribution.
    pub source: Source<'a>,
    /// The target samples, drawn with replacement.
    pub target: &'a Batch,
    /// The coupling within a batch; `None` leaves source and target independent.
    pub pairing: Option<&'a Pairing<'a>>,
}

impl std::fmt::Debug for FlowData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowData")
            .field("source", &self.source)
            .field("targets", &self.target.len())
            .field("paired", &self.pairing.is_some())
            .finish()
    }
}

impl<'a> FlowData<'a> {
    /// From the standard normal distribution to `target`, independently coupled.
    #[must_use]
    pub fn from_noise(target: &'a Batch) -> Self {
        Self { source: Source::Normal, target, pairing: None }
    }

    /// Fails unless there are finite samples of this shape at both ends.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Invalid`] for no sample, [`Error::NonFinite`] naming the sample.
    pub fn check(&self, shape: &Shape) -> Result<(), Error> {
        check_samples("target samples", 1.0, self.target, shape)?;
        match self.source {
            Source::Rows(rows) => check_samples("source samples", 0.0, rows, shape),
            Source::Normal | Source::Drawn(_) => Ok(()),
        }
    }
}

fn check_samples(what: &'static str, t: f64, samples: &Batch, shape: &Shape) -> Result<(), Error> {
    Error::check_shape(what, shape, samples.shape())?;
    if samples.is_empty() {
        return Err(Error::invalid(what, "empty", "give at least one sample"));
    }
    match samples.as_slice().iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NonFinite {
            sample: (at / samples.width()) as u64,
            t,
            cause: "the data hold NaN or infinity there; remove or repair the sample",
        }),
    }
}

/// One batch of training examples, on buffers that are filled again each step.
#[derive(Debug)]
pub(crate) struct Examples {
    source: Batch,
    target: Batch,
    pub(crate) times: Vec<f64>,
    pub(crate) x: Batch,
    pub(crate) velocity: Batch,
}

impl Examples {
    pub(crate) fn new(rows: usize, shape: &Shape) -> Self {
        let zeros = || Batch::zeros(rows, shape.clone());
        let times = vec![0.0; rows];
        Self { source: zeros(), target: zeros(), times, x: zeros(), velocity: zeros() }
    }

    /// Fills everything for one step; `time` draws the times, row after row from one stream.
    pub(crate) fn draw(
        &mut self,
        data: &FlowData<'_>,
        seed: Seed,
        step: u64,
        time: &dyn Fn(&mut Stream) -> f64,
    ) -> Result<(), Error> {
        draw_source(&data.source, seed, step, &mut self.source);
        let width = self.target.width();
        let mut targets = seed.stream(Purpose::Target, 0, step);
        for row in self.target.as_mut_slice().chunks_exact_mut(width) {
            row.copy_from_slice(data.target.row(targets.below(data.target.len())));
        }
        let mut times = seed.stream(Purpose::Time, 0, step);
        self.times.fill_with(|| time(&mut times));
        match data.pairing {
            None => self.interpolate(|i| i),
            Some(pairing) => {
                let order = pairing(&self.source, &self.target, step)?;
                let rows = self.target.len();
                Error::check_count("rows of a pairing", rows, order.len())?;
                if let Some(&bad) = order.iter().find(|&&j| j >= rows) {
                    let remedy = format!("a batch has {rows} rows, counted from 0");
                    return Err(Error::invalid("row of a pairing", bad, remedy));
                }
                self.interpolate(|i| order[i]);
            }
        }
        Ok(())
    }

    /// The point of the path and its velocity for every row, paired with target row `of(i)`.
    fn interpolate(&mut self, of: impl Fn(usize) -> usize) {
        let width = self.x.width();
        let xs = self.x.as_mut_slice().chunks_exact_mut(width);
        let us = self.velocity.as_mut_slice().chunks_exact_mut(width);
        for (i, ((x, u), &t)) in xs.zip(us).zip(&self.times).enumerate() {
            let ends = self.source.row(i).iter().zip(self.target.row(of(i)));
            for ((x, u), (&x0, &x1)) in x.iter_mut().zip(u).zip(ends) {
                let (x0, x1) = (f64::from(x0), f64::from(x1));
                *x = ((1.0 - t) * x0 + t * x1) as f32;
                *u = (x1 - x0) as f32;
            }
        }
    }
}

/// Source row `i` comes from the stream of sample `i`, so rows may be drawn on any thread.
fn draw_source(source: &Source<'_>, seed: Seed, step: u64, into: &mut Batch) {
    let width = into.width();
    into.as_mut_slice()
        .par_chunks_exact_mut(width)
        .with_min_len((WORTH_SHARING / width).max(1))
        .enumerate()
        .for_each(|(i, row)| {
            let mut stream = seed.stream(Purpose::Source, i as u64, step);
            match source {
                Source::Normal => stream.fill_normal(row),
                Source::Rows(rows) => row.copy_from_slice(rows.row(stream.below(rows.len()))),
                Source::Drawn(draw) => draw(&mut stream, row),
            }
        });
}
