//! AdamW with decoupled weight decay and moving averages of the parameters, in one pass.
//!
//! With the gradient `g`, clipped to a global norm of at most `clip`, at update `k = 1, 2, ...`:
//!
//! ```text
//! m = b1 m + (1 - b1) g          v = b2 v + (1 - b2) g^2
//! p = (1 - rate decay) p - rate (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps)
//! e = d e + (1 - d) p            d = min(ema, k / (k + 9))
//! ```
//!
//! The average's decay warms up, so that a short run's average does not remember its random start.
//! Every value is updated by itself and norms are summed over fixed pieces, so that the number of
//! threads changes no byte.
//!
//! # References
//! Loshchilov and Hutter (2019), "Decoupled weight decay regularization", arXiv:1711.05101,
//! algorithm 2. Polyak and Juditsky (1992) for averaging; Pascanu et al. (2013), arXiv:1211.5063,
//! section 3.2, for clipping by norm.
//!
//! # Not to be confused with
//! Adam with an L2 penalty, where the decay passes through the moments.

use pathline::{Error, kernels};
use rayon::prelude::*;

use crate::rate::LearningRate;

/// Values that are updated, or whose squares are summed, as one piece of work.
const PIECE: usize = 1 << 16;
/// Pieces whose squares are summed by several threads: handing over fewer costs more than it saves.
const WORTH_SHARING: usize = 4;

/// The settings of AdamW and of the averages.
///
/// # Examples
/// ```
/// use pathline_nn::{AdamW, LearningRate};
/// let rate = LearningRate { peak: 2e-3, ..LearningRate::default() };
/// let optimiser = AdamW { learning_rate: rate, clip: Some(1.0), ..AdamW::default() };
/// assert!(optimiser.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamW {
    /// The size of a step, by update.
    pub learning_rate: LearningRate,
    /// `b1` in `[0, 1)`; 0.9.
    pub beta1: f64,
    /// `b2` in `[0, 1)`; 0.999.
    pub beta2: f64,
    /// `eps > 0`; 1e-8.
    pub epsilon: f64,
    /// Decoupled weight decay, at least 0; 0.
    pub weight_decay: f64,
    /// Largest global norm of a gradient, positive; none.
    pub clip: Option<f64>,
    /// Decays of the moving averages, each in `[0, 1)`; one of 0.999.
    pub ema: Vec<f64>,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            learning_rate: LearningRate::default(),
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip: None,
            ema: vec![0.999],
        }
    }
}

impl AdamW {
    /// Fails unless every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting.
    pub fn check(&self) -> Result<(), Error> {
        let share = |what, value: f64| match value {
            v if (0.0..1.0).contains(&v) => Ok(()),
            v => Err(Error::invalid(what, v, "must be at least 0 and below 1")),
        };
        share("beta1 of AdamW", self.beta1)?;
        share("beta2 of AdamW", self.beta2)?;
        self.ema.iter().try_for_each(|&decay| share("decay of a moving average", decay))?;
        let positive = |what, value: f64| match value {
            v if v > 0.0 && v.is_finite() => Ok(()),
            v => Err(Error::invalid(what, v, "must be positive and finite")),
        };
        // As it is used: a double that rounds to zero in single precision divides zero by zero.
        positive("epsilon of AdamW", f64::from(self.epsilon as f32))?;
        self.clip.map_or(Ok(()), |clip| positive("largest gradient norm", clip))?;
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            let remedy = "must be at least 0 and finite";
            return Err(Error::invalid("weight decay", self.weight_decay, remedy));
        }
        self.learning_rate.check()
    }

    /// One update of `parameters` by `gradient`; `k` counts from 1 and `total` is the last.
    ///
    /// # Errors
    /// [`Error::Count`] when the arenas differ in length. [`Error::Invalid`] when the gradient is not
    /// finite; nothing has changed then.
    pub fn update(
        &self,
        (k, total): (u64, u64),
        gradient: &[f32],
        parameters: &mut [f32],
        memory: &mut Memory,
    ) -> Result<Applied, Error> {
        Error::check_count("values of a gradient", parameters.len(), gradient.len())?;
        Error::check_count("values of an optimiser's memory", parameters.len(), memory.length)?;
        Error::check_count("moving averages", self.ema.len(), memory.averages)?;
        let norm = norm(gradient);
        if !norm.is_finite() {
            let remedy = format!("stopped before update {k}: lower the learning rate, or set clip");
            return Err(Error::invalid("gradient norm", norm, remedy));
        }
        let rate = self.learning_rate.at(k, total);
        let numbers = Numbers::new(self, k, rate, norm);
        let blocks = memory.values.par_chunks_mut(PIECE * (2 + self.ema.len()));
        parameters
            .par_chunks_mut(PIECE)
            .zip(gradient.par_chunks(PIECE))
            .zip(blocks)
            .for_each(|((p, g), block)| self.update_piece(&numbers, k, g, p, block));
        Ok(Applied { gradient_norm: norm, learning_rate: rate })
    }

    fn update_piece(&self, by: &Numbers, k: u64, g: &[f32], p: &mut [f32], block: &mut [f32]) {
        let (moments, averages) = block.split_at_mut(2 * p.len());
        let (m, v) = moments.split_at_mut(p.len());
        kernels::vectorised(
            #[inline(always)]
            || {
                for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                    let g = by.clip * g;
                    *m += by.new1 * (g - *m);
                    *v += by.new2 * (g * g - *v);
                    let step = by.rate * *m / ((by.unbias2 * *v).sqrt() + by.epsilon);
                    *p = by.keep * *p - step;
                }
                for (average, decay) in averages.chunks_exact_mut(p.len()).zip(&self.ema) {
                    let new = (1.0 - decay.min(k as f64 / (k as f64 + 9.0))) as f32;
                    for (e, p) in average.iter_mut().zip(&*p) {
                        *e += new * (p - *e);
                    }
                }
            },
        );
    }
}

/// What an update did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Applied {
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// The learning rate used.
    pub learning_rate: f64,
}

/// The scalars of one update, worked out in `f64`.
struct Numbers {
    clip: f32,
    new1: f32,
    new2: f32,
    rate: f32,
    unbias2: f32,
    epsilon: f32,
    keep: f32,
}

impl Numbers {
    fn new(of: &AdamW, k: u64, rate: f64, norm: f64) -> Self {
        let clip = of.clip.map_or(1.0, |most| (most / norm).min(1.0));
        Self {
            clip: clip as f32,
            new1: (1.0 - of.beta1) as f32,
            new2: (1.0 - of.beta2) as f32,
            rate: (rate / (1.0 - of.beta1.powf(k as f64))) as f32,
            unbias2: (1.0 / (1.0 - of.beta2.powf(k as f64))) as f32,
            epsilon: of.epsilon as f32,
            keep: (1.0 - rate * of.weight_decay) as f32,
        }
    }
}

/// The Euclidean norm, summed over fixed pieces in order, some of them at a time so that nothing is allocated.
fn norm(gradient: &[f32]) -> f64 {
    let mut squares = [0.0; 256];
    let mut sum = 0.0;
    for some in gradient.chunks(squares.len() * PIECE) {
        let squares = &mut squares[..some.len().div_ceil(PIECE)];
        let add = |(g, square): (&[f32], &mut f64)| *square = kernels::squared_norm(g);
        if squares.len() < WORTH_SHARING {
            some.chunks(PIECE).zip(&mut *squares).for_each(add);
        } else {
            some.par_chunks(PIECE).zip(&mut *squares).for_each(add);
        }
        squares.iter().for_each(|square| sum += square);
    }
    sum.sqrt()
}

/// What AdamW remembers: both moments and every average, a piece of the arena at a time, so that
/// one pass touches one stretch of memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    values: Vec<f32>,
    length: usize,
    averages: usize,
}

/// One of the arenas in a [`Memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The average of gradients, `m`.
    First,
    /// The average of squared gradients, `v`.
    Second,
    /// The moving average of the parameters by place in [`AdamW::ema`].
    Average(usize),
}

impl Memory {
    /// Moments of zero, and `averages` averages that begin at `parameters`.
    #[must_use]
    pub fn new(parameters: &[f32], averages: usize) -> Self {
        let length = parameters.len();
        let mut memory = Self { values: vec![0.0; length * (2 + averages)], length, averages };
        (0..averages).for_each(|i| memory.set(Slot::Average(i), parameters));
        memory
    }

    /// Number of moving averages.
    #[must_use]
    pub fn averages(&self) -> usize {
        self.averages
    }

    fn place(&self, slot: Slot) -> Option<usize> {
        match slot {
            Slot::First => Some(0),
            Slot::Second => Some(1),
            Slot::Average(i) => (i < self.averages).then_some(2 + i),
        }
    }

    /// A copy of one arena; `None` when there is no such average.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<Vec<f32>> {
        let (place, slots) = (self.place(slot)?, 2 + self.averages);
        let mut out = Vec::with_capacity(self.length);
        for block in self.values.chunks(PIECE * slots) {
            let piece = block.len() / slots;
            out.extend_from_slice(&block[place * piece..(place + 1) * piece]);
        }
        Some(out)
    }

    /// Writes one arena; a slot that is not there, or too few values, change nothing beyond.
    pub(crate) fn set(&mut self, slot: Slot, arena: &[f32]) {
        let slots = 2 + self.averages;
        let Some(place) = self.place(slot) else { return };
        for (block, arena) in self.values.chunks_mut(PIECE * slots).zip(arena.chunks(PIECE)) {
            let piece = block.len() / slots;
            block[place * piece..][..arena.len()].copy_from_slice(arena);
        }
    }
}
