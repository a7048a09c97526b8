//! One batch of training examples, on buffers that are filled again at each step.
//!
//! A row is drawn from named streams: the source from (source, row, step), the target's row number
//! from stream 0 of (target, step), whether it is mirrored from stream 1, whether its label is dropped
//! from stream 2, and its time from (time, step). Each stream gives one row after another, so the
//! first rows of a batch do not depend on how many follow.

use std::ops::Range;
use std::sync::Arc;

use pathline::field::Conditions;
use pathline::seed::Stream;
use pathline::{At, Batch, Error, Purpose, Rows, Samples, Seed, Shape, Times};

use crate::draw::{FlowData, draw_source};
use crate::network::TrainingBatch;
use crate::objective::Objective;
use crate::output::Output;

/// Streams of the purpose `Target` within a step.
const ROWS: u64 = 0;
const MIRRORED: u64 = 1;
const DROPPED: u64 = 2;

/// How the examples of one step are drawn.
pub(crate) struct Draw<'a> {
    pub(crate) seed: Seed,
    pub(crate) step: u64,
    /// Draws one time.
    pub(crate) time: &'a dyn Fn(&mut Stream) -> f64,
    /// Whether half of the targets are mirrored.
    pub(crate) mirror: bool,
    /// What becomes of labels; `None` leaves them out.
    pub(crate) labels: Option<Dropout>,
    /// What the network is asked for.
    pub(crate) objective: Objective,
}

/// A label becomes `null` with this probability.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    pub(crate) probability: f64,
    pub(crate) null: u32,
}

/// One batch of training examples.
#[derive(Debug)]
pub(crate) struct Examples {
    source: Batch,
    target: Batch,
    picked: Vec<usize>,
    /// The labels of the picked targets, for a pairing that looks at them.
    labels: Vec<u32>,
    pub(crate) times: Vec<f64>,
    pub(crate) x: Batch,
    /// The wanted outputs: velocities, unless the objective says otherwise.
    pub(crate) wanted: Batch,
    pub(crate) conditions: Conditions,
    /// Factors on the terms of each row's loss; empty where there are none.
    weights: Vec<f64>,
    magnitudes: Vec<f64>,
}

impl Examples {
    pub(crate) fn new(rows: usize, shape: &Shape) -> Self {
        let zeros = || Batch::zeros(rows, shape.clone());
        Self {
            source: zeros(),
            target: zeros(),
            picked: vec![0; rows],
            labels: Vec::new(),
            times: vec![0.0; rows],
            x: zeros(),
            wanted: zeros(),
            conditions: Conditions::None,
            weights: Vec::new(),
            magnitudes: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Fills everything for one step.
    pub(crate) fn draw(&mut self, data: &FlowData<'_>, how: &Draw<'_>) -> Result<(), Error> {
        let (seed, step) = (how.seed, how.step);
        draw_source(&data.source, seed, step, &mut self.source);
        self.draw_targets(data, how);
        let mut times = seed.stream(Purpose::Time, 0, step);
        self.times.fill_with(|| how.objective.output.moved((how.time)(&mut times)));
        let order = match data.pairing {
            None => None,
            Some(pairing) => {
                self.labels.clear();
                if let Some(all) = data.labels {
                    self.labels.extend(self.picked.iter().map(|&i| all[i]));
                }
                let labels = data.labels.map(|_| &self.labels[..]);
                let order = pairing(&self.source, &self.target, labels, step)?;
                Some(checked(order, self.len())?)
            }
        };
        let of = |i: usize| order.as_ref().map_or(i, |order| order[i]);
        self.interpolate(how.objective.output, of);
        self.label(data, how, of);
        self.weigh(&how.objective);
        Ok(())
    }

    fn draw_targets(&mut self, data: &FlowData<'_>, how: &Draw<'_>) {
        let mut stream = how.seed.stream(Purpose::Target, ROWS, how.step);
        let mut mirrored = how.seed.stream(Purpose::Target, MIRRORED, how.step);
        let across = self.target.shape().extents().last().copied().unwrap_or(1);
        let width = self.target.width();
        let rows = self.target.as_mut_slice().chunks_exact_mut(width);
        for (row, picked) in rows.zip(&mut self.picked) {
            let drawn = stream.below(data.len());
            *picked = data.rows.map_or(drawn, |rows| rows[drawn]);
            row.copy_from_slice(data.target.row(*picked));
            if how.mirror && mirrored.below(2) == 1 {
                row.chunks_exact_mut(across).for_each(<[f32]>::reverse);
            }
        }
    }

    /// The point of the path and the wanted output for every row, paired with target row `of(i)`.
    fn interpolate(&mut self, output: Output, of: impl Fn(usize) -> usize) {
        let width = self.x.width();
        let xs = self.x.as_mut_slice().chunks_exact_mut(width);
        let wanted = self.wanted.as_mut_slice().chunks_exact_mut(width);
        for (i, ((x, y), &t)) in xs.zip(wanted).zip(&self.times).enumerate() {
            let ends = self.source.row(i).iter().zip(self.target.row(of(i)));
            for ((x, y), (&x0, &x1)) in x.iter_mut().zip(y).zip(ends) {
                let (x0, x1) = (f64::from(x0), f64::from(x1));
                *x = ((1.0 - t) * x0 + t * x1) as f32;
                *y = output.wanted(t, (x0, x1)) as f32;
            }
        }
    }

    /// The class of every row, in the buffer of the last step.
    fn label(&mut self, data: &FlowData<'_>, how: &Draw<'_>, of: impl Fn(usize) -> usize) {
        let (Some(labels), Some(dropout)) = (data.labels, how.labels) else {
            self.conditions = Conditions::None;
            return;
        };
        if !matches!(self.conditions, Conditions::Cycle(_)) {
            self.conditions = Conditions::Cycle(vec![0; self.picked.len()].into());
        }
        if let Conditions::Cycle(classes) = &mut self.conditions {
            let mut dropped = how.seed.stream(Purpose::Target, DROPPED, how.step);
            for (i, class) in Arc::make_mut(classes).iter_mut().enumerate() {
                let drop = dropped.uniform() < dropout.probability;
                *class = if drop { dropout.null } else { labels[self.picked[of(i)]] };
            }
        }
    }

    /// What an error of every row costs, by its time.
    fn weigh(&mut self, objective: &Objective) {
        self.weights.clear();
        self.magnitudes.clear();
        if !objective.weighting.is_uniform() {
            let weight = |&t: &f64| objective.weighting.at(t, objective.output);
            self.weights.extend(self.times.iter().map(weight));
        }
        if let Some(magnitude) = objective.magnitude {
            let width = self.x.width();
            self.magnitudes.extend(self.times.iter().map(|&t| magnitude.factor(t, width)));
        }
    }

    /// The rows `range` to learn from.
    pub(crate) fn part(&self, range: Range<usize>) -> TrainingBatch<'_> {
        let width = self.x.width();
        let values = range.start * width..range.end * width;
        let at = At {
            samples: Samples::Range(range.start as u64..range.end as u64),
            t: Times::Each(&self.times[range.clone()]),
            x: Rows::new(&self.x.as_slice()[values.clone()], width),
        };
        let target = Rows::new(&self.wanted.as_slice()[values], width);
        let weights = self.weights.get(range.clone());
        let magnitudes = self.magnitudes.get(range);
        TrainingBatch { at, conditions: &self.conditions, target, weights, magnitudes }
    }
}

fn checked(order: Vec<usize>, rows: usize) -> Result<Vec<usize>, Error> {
    Error::check_count("rows of a pairing", rows, order.len())?;
    match order.iter().find(|&&j| j >= rows) {
        None => Ok(order),
        Some(&bad) => {
            let remedy = format!("a batch has {rows} rows, counted from 0");
            Err(Error::invalid("row of a pairing", bad, remedy))
        }
    }
}
