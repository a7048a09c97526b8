//! Times networks for the scripts in `benchmarks/`: answers a time in milliseconds and a value for each
//! line of words read.
//!
//! ```text
//! forward MODEL BATCH CALLS STATES OUT   mean time of a call; OUT gets what it computed
//! train MODEL BATCH CALLS STATES OUT     the same of gradient and AdamW update; the loss of the last
//! sample MODEL BATCH STEPS STATES OUT    Euler's steps from STATES, all together
//! ```
//! `forward-bf16` and `train-bf16` do the same by products in `bf16`.
//!
//! MODEL is a checkpoint, STATES and OUT are bare `f32` values, little-endian. Times of rows are spread
//! evenly over (0, 1). The last network stays in memory as it is, so that lines go on where others ended.
#![allow(clippy::print_stdout, reason = "the benchmark reads it")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use pathline::field::Conditions;
use pathline::kernels::ProductPrecision;
use pathline::solver::EULER;
use pathline::{At, Batch, Run, Samples, TimeGrid, Times, VelocityField, integrate};
use pathline_nn::{
    AdamW, Memory, Network, NetworkField, Scratch, TrainingBatch, network_from_bytes,
};

type Answer<T> = Result<T, Box<dyn Error>>;

fn main() -> Answer<()> {
    let mut last: Option<(String, Work)> = None;
    for line in std::io::stdin().lines() {
        let line = line?;
        let [kind, model, batch, calls, states, out] =
            line.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return Err("expected lines WORK MODEL BATCH CALLS STATES OUT".into());
        };
        let (batch, calls): (usize, usize) = (batch.parse()?, calls.parse()?);
        let key = [kind, model, states].join(" ");
        let (kind, precision) = match kind.strip_suffix("-bf16") {
            Some(kind) => (kind, ProductPrecision::Bf16),
            None => (kind, ProductPrecision::F32),
        };
        if last.as_ref().is_none_or(|(old, _)| *old != key) {
            last = Some((key, Work::new(model, states, (batch, precision))?));
        }
        let Some((_, work)) = &mut last else { continue };
        let (time, value) = match kind {
            "forward" => work.forward(calls)?,
            "train" => work.train(calls)?,
            "sample" => work.sample(calls)?,
            other => return Err(format!("no work {other}: forward, train, sample").into()),
        };
        let bytes = work.out.as_slice().iter().flat_map(|v| v.to_le_bytes());
        std::fs::write(out, bytes.collect::<Vec<u8>>())?;
        println!("{time:.9e} {value:.9e}");
    }
    Ok(())
}

/// A network with its data and all that a loop of calls keeps.
struct Work {
    /// For inference.
    field: NetworkField,
    /// For training.
    network: Box<dyn Network>,
    x: Batch,
    out: Batch,
    times: Vec<f64>,
    scratch: Scratch,
    memory: Memory,
    gradient: Vec<f32>,
    updates: u64,
}

impl Work {
    fn new(
        model: &str,
        states: &str,
        (batch, precision): (usize, ProductPrecision),
    ) -> Answer<Self> {
        let network = network_from_bytes(&std::fs::read(model)?)?;
        let bytes = std::fs::read(states)?;
        let values = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let x = Batch::from_vec(values, network.shape().clone())?;
        if x.len() != batch {
            return Err(format!("{} states in a batch of {batch}", x.len()).into());
        }
        Ok(Self {
            out: Batch::zeros(batch, x.shape().clone()),
            x,
            times: (0..batch).map(|i| (i as f64 + 0.5) / batch as f64).collect(),
            scratch: Scratch::in_precision(precision),
            memory: Memory::new(network.parameters().as_slice(), 0),
            gradient: vec![0.0; network.parameters().len()],
            updates: 0,
            field: NetworkField::new(Arc::from(network.duplicate())).in_precision(precision),
            network,
        })
    }

    fn forward(&mut self, calls: usize) -> Answer<(f64, f64)> {
        let at = At::new(Samples::first(self.x.len()), Times::Each(&self.times), self.x.rows())?;
        let start = Instant::now();
        for _ in 0..calls {
            self.field.velocity(&at, self.out.rows_mut())?;
        }
        Ok((milliseconds(start) / calls as f64, f64::from(self.out.as_slice()[0])))
    }

    /// The states are their own targets. No moving average: the peer keeps none.
    fn train(&mut self, calls: usize) -> Answer<(f64, f64)> {
        let optimiser = AdamW { ema: Vec::new(), ..AdamW::default() };
        let at = At::new(Samples::first(self.x.len()), Times::Each(&self.times), self.x.rows())?;
        let batch = TrainingBatch::new(at, &Conditions::None, self.x.rows());
        let mut loss = 0.0;
        let start = Instant::now();
        for _ in 0..calls {
            self.updates += 1;
            loss = self.network.gradient(&batch, &mut self.gradient, &mut self.scratch)?;
            let parameters = self.network.parameter_values_mut();
            let steps = (self.updates, u64::MAX);
            optimiser.update(steps, &self.gradient, parameters, &mut self.memory)?;
        }
        Ok((milliseconds(start) / calls as f64, loss))
    }

    fn sample(&mut self, steps: usize) -> Answer<(f64, f64)> {
        let run = Run::on(TimeGrid::uniform(steps)?, &EULER);
        let (from, samples) = (self.x.clone(), 0..self.x.len() as u64);
        let start = Instant::now();
        self.out = integrate(&self.field, from, samples, &run, &mut ())?.end;
        Ok((milliseconds(start), f64::from(self.out.as_slice()[0])))
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
