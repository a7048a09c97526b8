//! Times the library for the scripts in `benchmarks/`: answers one line of numbers, times in milliseconds
//! first, for each line of words read.
//!
//! ```text
//! ot D X Y                         cost matrix, assignment, total cost
//! empirical D T DATA STATES OUT    velocity of every state; written to OUT
//! nearest D DATA QUERIES OUT       two nearest rows of each query; OUT has indices, then distances
//! loop STEPS START OUT             a step of a run that costs nothing but the run; its first energy
//! ```
//! Files are bare `f32` values, little-endian; each is read once, and never inside a timed part.
#![allow(clippy::print_stdout, reason = "the benchmark reads it")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use pathline::coupling::{assignment, squared_distances};
use pathline::diagnostics::{KineticEnergy, PowerCurve};
use pathline::field::{EmpiricalField, FunctionField};
use pathline::gain::Kts;
use pathline::neighbours::{Exclude, nearest};
use pathline::schedule::CondOt;
use pathline::solver::EULER;
use pathline::{
    At, Batch, Observer, Run, Samples, Shape, TimeGrid, Times, VelocityField, integrate,
};

type Answer<T> = Result<T, Box<dyn Error>>;

/// What was read or made before, by name.
#[derive(Default)]
struct Kept {
    batches: HashMap<String, Arc<Batch>>,
    fields: HashMap<String, Arc<EmpiricalField>>,
}

impl Kept {
    fn batch(&mut self, path: &str, shape: Shape) -> Answer<Arc<Batch>> {
        if let Some(batch) = self.batches.get(path) {
            return Ok(Arc::clone(batch));
        }
        let bytes = std::fs::read(path)?;
        let values = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let batch = Arc::new(Batch::from_vec(values, shape)?);
        self.batches.insert(path.to_owned(), Arc::clone(&batch));
        Ok(batch)
    }

    fn field(&mut self, path: &str, shape: Shape) -> Answer<Arc<EmpiricalField>> {
        if let Some(field) = self.fields.get(path) {
            return Ok(Arc::clone(field));
        }
        let data = self.batch(path, shape)?;
        let field = Arc::new(EmpiricalField::new(&data, Arc::new(CondOt))?);
        self.fields.insert(path.to_owned(), Arc::clone(&field));
        Ok(field)
    }
}

fn main() -> Answer<()> {
    let mut kept = Kept::default();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["ot", d, x, y] => ot(&mut kept, Shape::new([d.parse()?])?, [x, y])?,
            ["empirical", d, t, data, states, out] => {
                let shape = Shape::new([d.parse()?])?;
                empirical(&mut kept, shape, t.parse()?, [data, states, out])?
            }
            ["nearest", d, data, queries, out] => {
                neighbours(&mut kept, Shape::new([d.parse()?])?, [data, queries, out])?
            }
            ["loop", steps, start, out] => bare_loop(&mut kept, steps.parse()?, [start, out])?,
            _ => return Err(format!("no work `{line}`").into()),
        };
        let numbers: Vec<String> = answer.iter().map(|n| format!("{n:.9e}")).collect();
        println!("{}", numbers.join(" "));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn write(path: &str, values: impl IntoIterator<Item = f32>) -> Answer<()> {
    let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    Ok(std::fs::write(path, bytes)?)
}

fn ot(kept: &mut Kept, shape: Shape, [x, y]: [&str; 2]) -> Answer<Vec<f64>> {
    let (source, target) = (kept.batch(x, shape.clone())?, kept.batch(y, shape)?);
    let start = Instant::now();
    let cost = squared_distances(&source, &target)?;
    let (first, middle) = (milliseconds(start), Instant::now());
    let best = assignment(&cost, source.len())?;
    Ok(vec![first, milliseconds(middle), best.cost])
}

fn empirical(
    kept: &mut Kept,
    shape: Shape,
    t: f64,
    [data, states, out]: [&str; 3],
) -> Answer<Vec<f64>> {
    let (field, states) = (kept.field(data, shape.clone())?, kept.batch(states, shape)?);
    let at = At::new(Samples::first(states.len()), Times::Shared(t), states.rows())?;
    let mut velocity = Batch::zeros(states.len(), states.shape().clone());
    let start = Instant::now();
    field.velocity(&at, velocity.rows_mut())?;
    let time = milliseconds(start);
    write(out, velocity.into_vec())?;
    Ok(vec![time])
}

fn neighbours(kept: &mut Kept, shape: Shape, [data, queries, out]: [&str; 3]) -> Answer<Vec<f64>> {
    let (data, queries) = (kept.batch(data, shape.clone())?, kept.batch(queries, shape)?);
    let start = Instant::now();
    let found = nearest(&queries, &data, 2, Exclude::Nothing)?;
    let time = milliseconds(start);
    let indices = found.indices.iter().map(|&i| i as f32);
    write(out, indices.chain(found.distances.iter().map(|&d| d as f32)))?;
    Ok(vec![time])
}

/// Euler's steps, corrected and watched, on latents of Stable Diffusion 3; the field fills in a constant.
fn bare_loop(kept: &mut Kept, steps: usize, [start, out]: [&str; 2]) -> Answer<Vec<f64>> {
    let shape = Shape::new([16, 128, 128])?;
    let start = kept.batch(start, shape.clone())?;
    let field = FunctionField::new(shape, "constant", |_, _, v: &mut [f32]| v.fill(0.5));
    let kts =
        Kts { launch_strength: 0.01, landing_strength: 0.01, ..Kts::published() }.checked()?;
    let run = Run { gain: Some(&kts), ..Run::on(TimeGrid::uniform(steps)?, &EULER) };
    let (mut energy, mut power) = (KineticEnergy::new(), PowerCurve::default());
    let mut observers: [&mut dyn Observer; 2] = [&mut energy, &mut power];
    let (from, samples) = (Batch::clone(&start), 0..start.len() as u64);
    let begin = Instant::now();
    let trajectory = integrate(&field, from, samples, &run, &mut observers)?;
    let time = milliseconds(begin) / steps as f64;
    write(out, trajectory.end.into_vec())?;
    Ok(vec![time, energy.samples()[0].quadrature])
}
