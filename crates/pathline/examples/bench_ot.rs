//! Times the minibatch OT coupling for `benchmarks/minibatch_ot.py`.
//!
//! Answers one line for each line read: `n d` gives two times in milliseconds, of the cost matrix
//! and of the assignment, and the total cost, for Gaussian batches made beforehand.
#![allow(clippy::print_stdout, reason = "an example talks on stdout")]

use std::io::{BufRead, Write};
use std::time::Instant;

use pathline::coupling::{assignment, squared_distances};
use pathline::{Batch, Error, Purpose, Seed, Shape};

fn gaussian(n: usize, d: usize, purpose: Purpose) -> Result<Batch, Error> {
    let mut batch = Batch::zeros(n, Shape::new([d])?);
    Seed(1).normal(purpose, 0, 0, batch.as_mut_slice());
    Ok(batch)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut made: Option<(usize, usize, Batch, Batch)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut sizes = line.split_whitespace().map(str::parse::<usize>);
        let (Some(n), Some(d)) = (sizes.next(), sizes.next()) else { break };
        let (n, d) = (n?, d?);
        let (source, target) = match made.take() {
            Some((m, e, source, target)) if (m, e) == (n, d) => (source, target),
            _ => (gaussian(n, d, Purpose::Source)?, gaussian(n, d, Purpose::Target)?),
        };
        let start = Instant::now();
        let cost = squared_distances(&source, &target)?;
        let middle = Instant::now();
        let best = assignment(&cost, n)?;
        let milliseconds = |t: std::time::Duration| t.as_secs_f64() * 1e3;
        let (first, second) = (middle - start, middle.elapsed());
        println!("{:.3} {:.3} {:.6e}", milliseconds(first), milliseconds(second), best.cost);
        std::io::stdout().flush()?;
        made = Some((n, d, source, target));
    }
    Ok(())
}
