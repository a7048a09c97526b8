//! A network of more parameters than are packed ahead of all blocks of a call: each layer packs in its block,
//! and a sample's bytes depend on nothing but itself all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::field::Conditions;
use pathline::kernels::{ProductPrecision, dot};
use pathline::solver::HEUN;
use pathline::{At, Batch, Purpose, Run, Samples, Seed, Shape, TimeGrid, Times, integrate};
use pathline_nn::{Network, NetworkField, Scratch, TrainingBatch, UNet, UNetConfig};

/// Three parts in training, and as many blocks (of eight) in inference; the last of one sample.
const ROWS: usize = 17;

/// Convolutions of every way there is: 1 and 64 channels, strides 1 and 2.
fn network() -> UNet {
    let shape = Shape::new([1, 4, 8]).unwrap();
    let config = UNetConfig { model_channels: 64, classes: Some(3), ..UNetConfig::new(shape) };
    let mut network = UNet::new(&config, Seed(1)).unwrap();
    assert!(network.parameters().len() > 1 << 21, "what is tested is not reached");
    let values = network.parameter_values_mut();
    let mut noise = vec![0.0; values.len()];
    Seed(2).normal(Purpose::Data, 0, 0, &mut noise);
    values.iter_mut().zip(&noise).for_each(|(v, n)| *v += 0.02 * n);
    network
}

fn noise(shape: &Shape, tag: u64) -> Batch {
    let mut batch = Batch::zeros(ROWS, shape.clone());
    Seed(3).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

fn classes() -> Conditions {
    Conditions::Cycle([0, 2, 1, 2].into())
}

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn a_sampling_run_has_the_same_bytes_for_any_split_and_on_any_number_of_threads() {
    let network: Arc<dyn Network> = Arc::new(network());
    let x = noise(network.shape(), 0);
    let run = Run::on(TimeGrid::uniform(1).unwrap(), &HEUN);
    for precision in [ProductPrecision::F32, ProductPrecision::Bf16] {
        let sampled = |cuts: &[usize], threads: usize| {
            on(threads, || {
                let field = NetworkField::conditioned(Arc::clone(&network), classes());
                let field = field.in_precision(precision);
                let ends = cuts.windows(2).flat_map(|ends| {
                    let (from, to) = (ends[0], ends[1]);
                    let x = x.select(&(from..to).collect::<Vec<_>>()).unwrap();
                    let samples = from as u64..to as u64;
                    let ends = integrate(&field, x, samples, &run, &mut ()).unwrap();
                    bits(ends.end.as_slice())
                });
                ends.collect::<Vec<_>>()
            })
        };
        let one = sampled(&[0, ROWS], 1);
        for (cuts, threads) in [
            (&[0, ROWS][..], 2),
            (&[0, ROWS], 3),
            (&[0, 1, 9, ROWS], 2),
            (&[0, 2, ROWS - 1, ROWS], 3),
        ] {
            assert!(sampled(cuts, threads) == one, "{precision:?}, {cuts:?}, {threads} threads");
        }
    }
}

/// The loss and its gradient, the last of some that are found on the same buffers.
fn gradient(
    network: &UNet,
    (threads, times_over): (usize, usize),
    precision: ProductPrecision,
) -> (f64, Vec<f32>) {
    let [x, target] = [1, 2].map(|tag| noise(network.shape(), tag));
    let times: Vec<f64> = (0..ROWS).map(|i| (i as f64 + 0.5) / ROWS as f64).collect();
    let mut gradient = vec![f32::NAN; network.parameters().len()];
    let loss = on(threads, || {
        let (mut scratch, classes) = (Scratch::in_precision(precision), classes());
        let mut once = || {
            let at = At::new(Samples::first(ROWS), Times::Each(&times), x.rows()).unwrap();
            let batch = TrainingBatch::new(at, &classes, target.rows());
            network.gradient(&batch, &mut gradient, &mut scratch).unwrap()
        };
        (1..times_over).for_each(|_| _ = once());
        once()
    });
    (loss, gradient)
}

#[test]
fn a_gradient_has_the_same_bytes_on_any_number_of_threads() {
    let network = network();
    for precision in [ProductPrecision::F32, ProductPrecision::Bf16] {
        let (loss, one) = gradient(&network, (1, 1), precision);
        for threads in [2, 3] {
            let (again, other) = gradient(&network, (threads, 2), precision);
            assert!(again.to_bits() == loss.to_bits() && bits(&other) == bits(&one), "{threads}");
        }
    }
}

#[test]
fn a_gradient_is_the_slope_of_the_loss() {
    let mut network = network();
    let (_, slope) = gradient(&network, (2, 1), ProductPrecision::F32);
    let mut direction = vec![0.0; slope.len()];
    Seed(4).normal(Purpose::Data, 0, 0, &mut direction);
    let start = network.parameters().as_slice().to_vec();
    let mut at = |step: f32| {
        let values = network.parameter_values_mut().iter_mut();
        for ((value, start), d) in values.zip(&start).zip(&direction) {
            *value = start + step * d;
        }
        gradient(&network, (2, 1), ProductPrecision::F32).0
    };
    // The fourth-order difference.
    let h = 2e-4;
    let (near, far) = (at(h) - at(-h), at(2.0 * h) - at(-2.0 * h));
    let (found, along) = ((8.0 * near - far) / (12.0 * f64::from(h)), dot(&slope, &direction));
    assert!((found - along).abs() < 2e-3 * along.abs(), "{found} {along}");
}
