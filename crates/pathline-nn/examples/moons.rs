//! Trains a perceptron from eight Gaussians to two moons and says how long a step took:
//! `cargo run --release -p pathline-nn --example moons [width] [hidden layers] [batch] [steps]`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use pathline::seed::Stream;
use pathline::{Batch, Error, Purpose, Seed, Shape};
use pathline_nn::{
    Activation, FlowData, FlowTraining, HeldOut, Mlp, MlpConfig, NetworkField, Source,
    TrainingState, held_out_loss, train,
};

/// Two interleaved half circles with a little noise.
fn moons(n: usize) -> Result<Batch, Error> {
    let mut points = Vec::with_capacity(2 * n);
    for i in 0..n {
        let mut stream = Seed(1).stream(Purpose::Data, i as u64, 0);
        let angle = std::f64::consts::PI * stream.uniform();
        let (a, b) = stream.normal_pair();
        let (x, y) = if i % 2 == 0 {
            (angle.cos(), angle.sin())
        } else {
            (1.0 - angle.cos(), 0.5 - angle.sin())
        };
        points.extend([3.0 * (x + 0.05 * a) - 1.0, 3.0 * (y + 0.05 * b) - 1.0].map(|v| v as f32));
    }
    Batch::from_vec(points, Shape::vector(2))
}

/// Eight small Gaussians on a circle of radius 5.
fn eight_gaussians(stream: &mut Stream, row: &mut [f32]) {
    let angle = std::f64::consts::TAU * stream.below(8) as f64 / 8.0;
    let (a, b) = stream.normal_pair();
    row[0] = (5.0 * angle.cos() + 0.3 * a) as f32;
    row[1] = (5.0 * angle.sin() + 0.3 * b) as f32;
}

fn main() -> Result<(), Error> {
    let given: Vec<usize> = std::env::args().skip(1).flat_map(|a| a.parse()).collect();
    let number = |i: usize, default| given.get(i).copied().unwrap_or(default);
    let hidden = vec![number(0, 64); number(1, 3)];
    let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Selu };
    let (batch, steps) = (number(2, 256), number(3, 3000) as u64);
    let training = FlowTraining { steps, batch, ..FlowTraining::default() };
    let mut state = TrainingState::new(Box::new(Mlp::new(&config, Seed(0))?), training)?;
    let target = moons(8000)?;
    let data =
        FlowData { source: Source::Drawn(&eight_gaussians), ..FlowData::from_noise(&target) };
    let start = Instant::now();
    train(&mut state, &data, &mut |progress| {
        if progress.step % 500 == 0 {
            println!("step {:5}  loss {:.4}", progress.step, progress.loss);
        }
        ControlFlow::Continue(())
    })?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{:.2} s, {:.3} ms a step", seconds, 1e3 * seconds / steps as f64);
    let field = NetworkField::new(Arc::from(state.averaged(0)?));
    for bin in held_out_loss(&field, &data, &HeldOut::default())? {
        println!(
            "t {:.1} to {:.1}  loss {:.3} ± {:.3}",
            bin.from, bin.to, bin.loss, bin.standard_error
        );
    }
    Ok(())
}
