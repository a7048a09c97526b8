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
/// for row `i` of the source (the first). Then the labels of the targets, where they have any, and the number of
/// the step, for couplings that draw.
pub type Pairing<'a> =
    dyn Fn(&Batch, &Batch, Option<&[u32]>, u64) -> Result<Vec<usize>, Error> + 'a;

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
    /// The class of each target sample; it follows its sample through the pairing.
    pub labels: Option<&'a [u32]>,
    /// The rows of `target` that may be drawn; `None` for all of them. So a split of the data into
    /// rows to train on and rows held out copies none.
    pub rows: Option<&'a [usize]>,
    /// The coupling within a batch; `None` leaves source and target independent.
    pub pairing: Option<&'a Pairing<'a>>,
}

impl std::fmt::Debug for FlowData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowData")
            .field("source", &self.source)
            .field("targets", &self.len())
            .field("labelled", &self.labels.is_some())
            .field("paired", &self.pairing.is_some())
            .finish()
    }
}

impl<'a> FlowData<'a> {
    /// From the standard normal distribution to `target`, independently coupled and without labels.
    #[must_use]
    pub fn from_noise(target: &'a Batch) -> Self {
        Self { source: Source::Normal, target, labels: None, rows: None, pairing: None }
    }

    /// Number of target samples that may be drawn.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.map_or(self.target.len(), <[usize]>::len)
    }

    /// Whether there is no target sample to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fails unless there are finite samples of this shape at both ends, with a label each if any.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Count`] for another number of labels than of samples,
    /// [`Error::Invalid`] for no sample or a row that is not there, [`Error::NonFinite`] naming the
    /// sample.
    pub fn check(&self, shape: &Shape) -> Result<(), Error> {
        check_samples("target samples", 1.0, self.target, shape)?;
        if let Some(labels) = self.labels {
            Error::check_count("labels of the target", self.target.len(), labels.len())?;
        }
        let rows = self.rows.unwrap_or_default();
        if let Some(&bad) = rows.iter().find(|&&row| row >= self.target.len()) {
            let remedy = format!("there are {} target samples, counted from 0", self.target.len());
            return Err(Error::invalid("row of the target", bad, remedy));
        }
        if self.is_empty() {
            return Err(Error::invalid("target samples", "empty", "give at least one row"));
        }
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

/// Source row `i` comes from the stream of sample `i`, so rows may be drawn on any thread.
pub(crate) fn draw_source(source: &Source<'_>, seed: Seed, step: u64, into: &mut Batch) {
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
