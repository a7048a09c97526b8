//! Times networks for `benchmarks/networks.py`: reads lines `WORK BATCH CALLS` from standard input, and
//! answers each with the mean time of a call in milliseconds and the value it computed.
//!
//! Work is `dit-forward`, `dit-train` (SiT's structure at the size of the benchmark's arguments),
//! `mlp-forward` or `mlp-train`. The data are fixed; a training call is gradient and AdamW update.
#![allow(clippy::print_stdout, reason = "the benchmark reads it")]

use std::error::Error;
use std::time::Instant;

use pathline::field::Conditions;
use pathline::{At, Batch, Purpose, RowsMut, Samples, Seed, Shape, Times};
use pathline_nn::{
    Activation, AdamW, Dit, DitConfig, Memory, Mlp, MlpConfig, Network, Scratch, TrainingBatch,
};

fn network(kind: &str) -> Result<Box<dyn Network>, Box<dyn Error>> {
    let image = |side| Shape::new([if side == 28 { 1 } else { 4 }, side, side]);
    Ok(match kind {
        // The size of the embedded model.
        "small" => Box::new(Dit::new(&DitConfig::new(image(28)?, 10), Seed(1))?),
        // SiT-S/2 at half its depth, on 32 x 32 latents: 256 squares.
        "dit" => {
            let config =
                DitConfig { patch: 2, width: 384, heads: 6, ..DitConfig::new(image(32)?, 10) };
            Box::new(Dit::new(&config, Seed(1))?)
        }
        "mlp" => {
            let (shape, hidden) = (Shape::vector(2), vec![256; 3]);
            Box::new(Mlp::new(&MlpConfig { shape, hidden, activation: Activation::Silu }, Seed(1))?)
        }
        other => return Err(format!("no network {other}: small, dit, mlp").into()),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lines() {
        let line = line?;
        let [kind, work, batch, calls] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err("expected lines NETWORK WORK BATCH CALLS".into());
        };
        let (batch, calls): (usize, usize) = (batch.parse()?, calls.parse()?);
        println!("{}", time(&mut *network(kind)?, work, batch, calls)?);
    }
    Ok(())
}

/// The mean time of a call after one to warm up, and a value that depends on all of it.
fn time(
    network: &mut dyn Network,
    work: &str,
    batch: usize,
    calls: usize,
) -> Result<String, Box<dyn Error>> {
    let shape = network.shape().clone();
    let mut x = Batch::zeros(batch, shape.clone());
    Seed(1).normal(Purpose::Data, 0, 0, x.as_mut_slice());
    let mut out = Batch::zeros(batch, shape);
    let times: Vec<f64> = (0..batch).map(|i| (i as f64 + 0.5) / batch as f64).collect();
    let samples = Samples::first(batch);
    let at = At::new(samples, Times::Each(&times), x.rows())?;
    let mut scratch = Scratch::new();
    // No moving average: the peer keeps none.
    let optimiser = AdamW { ema: Vec::new(), ..AdamW::default() };
    let mut memory = Memory::new(network.parameters().as_slice(), 0);
    let mut gradient = vec![0.0; network.parameters().len()];
    let (mut start, mut value) = (Instant::now(), 0.0);
    for call in 0..=calls {
        if call == 1 {
            start = Instant::now();
        }
        value = match work {
            "forward" => {
                let rows = RowsMut::new(out.as_mut_slice(), x.width());
                network.forward(&at, &Conditions::None, rows, &mut scratch)?;
                f64::from(out.as_slice()[0])
            }
            _ => {
                let target = TrainingBatch::new(at.clone(), &Conditions::None, x.rows());
                let loss = network.gradient(&target, &mut gradient, &mut scratch)?;
                let parameters = network.parameter_values_mut();
                let steps = (call as u64 + 1, calls as u64 + 2);
                optimiser.update(steps, &gradient, parameters, &mut memory)?;
                loss
            }
        };
    }
    Ok(format!("{} {value}", start.elapsed().as_secs_f64() * 1e3 / calls as f64))
}
