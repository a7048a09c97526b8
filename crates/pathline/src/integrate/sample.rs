//! Sampling: draw the source, follow the field, chunk by chunk.

use super::{Run, integrate};
use crate::batch::Batch;
use crate::error::Error;
use crate::field::VelocityField;
use crate::observer::Observer;
use crate::seed::{Purpose, Seed};
use crate::trajectory::Trajectory;

/// Which samples to draw, and how many at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Root of the source noise.
    pub seed: Seed,
    /// Global index of the first sample.
    pub first: u64,
    /// Number of samples.
    pub count: usize,
    /// Samples in a chunk (0: all at once). Changes memory, never the bytes of a fixed-step run.
    pub chunk: usize,
}

impl Source {
    /// The most values (samples times elements) of one chunk: 16 GiB a copy.
    pub const MOST_VALUES: usize = 1 << 32;

    /// The size of a chunk, and the index after the last sample.
    fn bounds(&self, width: usize) -> Result<(usize, u64), Error> {
        let size = if self.chunk == 0 { self.count } else { self.chunk.min(self.count) };
        if size.checked_mul(width).is_none_or(|values| values > Self::MOST_VALUES) {
            let remedy = format!(
                "one chunk holds at most {} samples of this shape: draw more in chunks",
                Self::MOST_VALUES / width
            );
            return Err(Error::invalid("number of samples in a chunk", size, remedy));
        }
        let last = self.first.checked_add(self.count as u64).ok_or_else(|| {
            let value = format!("{} after {}", self.count, self.first);
            Error::invalid("number of samples", value, "sample indices end at 2^64 - 1")
        })?;
        Ok((size, last))
    }

    /// The first `count` samples of a seed, all at once.
    #[must_use]
    pub fn new(seed: Seed, count: usize) -> Self {
        Self { seed, first: 0, count, chunk: 0 }
    }

    /// Standard normal noise for samples `first..first + count`.
    #[must_use]
    pub fn noise(&self, shape: &crate::batch::Shape) -> Batch {
        let mut batch = Batch::zeros(self.count, shape.clone());
        let width = batch.width();
        for (i, row) in batch.as_mut_slice().chunks_exact_mut(width).enumerate() {
            self.seed.normal(Purpose::Source, self.first + i as u64, 0, row);
        }
        batch
    }
}

/// Draws standard normal sources and follows `field` from them.
///
/// # Errors
/// As [`integrate`]; [`Error::Invalid`] for a chunk of more than [`Source::MOST_VALUES`] values.
///
/// # Examples
/// ```
/// use pathline::field::FunctionField;
/// use pathline::{Run, Seed, Shape, Source, TimeGrid, sample, solver::EULER};
/// let field = FunctionField::new(Shape::vector(2), "still", |_, _, out| out.fill(0.0));
/// let run = Run::on(TimeGrid::uniform(5)?, &EULER);
/// let whole = sample(&field, &Source::new(Seed(1), 10), &run, &mut ())?;
/// let chunked = sample(&field, &Source { chunk: 3, ..Source::new(Seed(1), 10) }, &run, &mut ())?;
/// assert_eq!(whole.end, chunked.end);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn sample(
    field: &dyn VelocityField,
    source: &Source,
    run: &Run<'_>,
    observer: &mut dyn Observer,
) -> Result<Trajectory, Error> {
    let (size, last) = source.bounds(field.shape().elements())?;
    let mut part = Source { count: size, ..source.clone() };
    let mut whole: Option<Trajectory> = None;
    loop {
        let noise = part.noise(field.shape());
        let samples = part.first..part.first + part.count as u64;
        let stopped = samples.end;
        let chunk = integrate(field, noise, samples, run, observer)?;
        let completed = matches!(chunk.outcome, crate::trajectory::Outcome::Completed {});
        match &mut whole {
            None => whole = Some(chunk),
            Some(whole) if completed => whole.append(chunk)?,
            // The chunks before are whole; the samples of this one have not arrived.
            Some(whole) => whole.outcome = chunk.outcome,
        }
        match whole {
            Some(done) if stopped >= last || !completed => return Ok(done),
            _ => {}
        }
        part.first = stopped;
        part.count = size.min((last - stopped) as usize);
    }
}
