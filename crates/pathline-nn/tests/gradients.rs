//! The gradient of every parameter against central differences of a network in double precision.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use pathline::field::Conditions;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Times};
use pathline_nn::{Activation, Mlp, MlpConfig, Network, Scratch, TrainingBatch};

fn activate(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Selu if z > 0.0 => 1.050_700_987_355_480_5 * z,
        Activation::Selu => 1.050_700_987_355_480_5 * 1.673_263_242_354_377_2 * z.exp_m1(),
        Activation::Silu => z / (1.0 + (-z).exp()),
        Activation::Gelu => {
            let w = (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044_715 * z.powi(3));
            0.5 * z * (1.0 + w.tanh())
        }
        Activation::GeluErf => 0.5 * z * libm::erfc(-z / std::f64::consts::SQRT_2),
        Activation::Relu => z.max(0.0),
        Activation::Tanh => z.tanh(),
        other => panic!("no reference for {other:?}"),
    }
}

/// The rows of a test: inputs `[x, t]` and wanted velocities.
struct Rows {
    x: Batch,
    times: Vec<f64>,
    target: Batch,
}

fn rows(n: usize, width: usize) -> Rows {
    let draw = |tag| {
        let mut batch = Batch::zeros(n, Shape::vector(width));
        Seed(tag).normal(Purpose::Data, 0, 0, batch.as_mut_slice());
        batch
    };
    let mut stream = Seed(3).stream(Purpose::Time, 0, 0);
    // Times that a single-precision number holds exactly: the network sees them so.
    let times = (0..n).map(|_| f64::from(stream.uniform() as f32)).collect();
    Rows { x: draw(1), times, target: draw(2) }
}

/// Layers as (inputs, outputs, offset of the bias, offset of the weight) in the arena.
fn layout(mlp: &Mlp) -> Vec<[usize; 4]> {
    let parameters = mlp.parameters();
    let mut layers = Vec::new();
    while let Some(weight) = parameters.get(&format!("net.{}.weight", 2 * layers.len())) {
        let bias = parameters.range(&format!("net.{}.bias", 2 * layers.len())).unwrap().start;
        let start = parameters.range(weight.name).unwrap().start;
        layers.push([weight.shape[1], weight.shape[0], bias, start]);
    }
    layers
}

/// The training loss in double precision, one multiplication at a time.
fn loss(layers: &[[usize; 4]], values: &[f64], activation: Activation, rows: &Rows) -> f64 {
    let mut sum = 0.0;
    for i in 0..rows.x.len() {
        let mut h: Vec<f64> = rows.x.row(i).iter().map(|&x| f64::from(x)).collect();
        h.push(rows.times[i]);
        for (l, &[inputs, outputs, bias, weight]) in layers.iter().enumerate() {
            let z = |j: usize| {
                let row = &values[weight + j * inputs..][..inputs];
                values[bias + j] + row.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>()
            };
            let last = l + 1 == layers.len();
            h = (0..outputs)
                .map(|j| if last { z(j) } else { activate(activation, z(j)) })
                .collect();
        }
        let target = rows.target.row(i);
        sum += h.iter().zip(target).map(|(v, &u)| (v - f64::from(u)).powi(2)).sum::<f64>();
    }
    sum / rows.target.as_slice().len() as f64
}

fn check(width: usize, hidden: &[usize], n: usize, activation: Activation) {
    let config = MlpConfig { shape: Shape::vector(width), hidden: hidden.to_vec(), activation };
    let mlp = Mlp::new(&config, Seed(5)).unwrap();
    let rows = rows(n, width);
    let at = At::new(Samples::first(n), Times::Each(&rows.times), rows.x.rows()).unwrap();
    let batch = TrainingBatch::new(at, &Conditions::None, rows.target.rows());
    let mut gradient = vec![f32::NAN; mlp.parameters().len()];
    let found = mlp.gradient(&batch, &mut gradient, &mut Scratch::new()).unwrap();
    let layers = layout(&mlp);
    let mut values: Vec<f64> = mlp.parameters().as_slice().iter().map(|&v| v.into()).collect();
    let exact = loss(&layers, &values, activation, &rows);
    assert!((found - exact).abs() < 2e-6 * exact, "loss {found} {exact}");
    let largest = gradient.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
    // In double precision a step of 1e-5 leaves about 1e-10; the rest is f32 rounding of sums of up
    // to n * 33 terms, measured below 1e-6 of the largest entry.
    let near = 3e-6 * f64::from(largest) + 1e-8;
    for p in 0..values.len() {
        let (here, h) = (values[p], 1e-5);
        let mut moved = |by: f64| {
            values[p] = here + by;
            let loss = loss(&layers, &values, activation, &rows);
            values[p] = here;
            loss
        };
        let slope = (moved(h) - moved(-h)) / (2.0 * h);
        let error = (f64::from(gradient[p]) - slope).abs();
        assert!(error < near, "{activation:?} {hidden:?} n {n}, parameter {p}: {error:e}");
    }
}

#[test]
fn every_parameter_of_small_networks() {
    for activation in Activation::ALL {
        for n in [1, 65] {
            check(1, &[1], n, activation);
            check(2, &[7, 1], n, activation);
            check(3, &[7, 7, 7], n, activation);
        }
    }
}

#[test]
fn every_parameter_of_a_wider_network_and_of_a_linear_one() {
    check(2, &[33, 7], 65, Activation::Selu);
    check(7, &[33], 65, Activation::Gelu);
    check(2, &[33, 33], 1, Activation::Silu);
    check(2, &[], 65, Activation::Selu);
}

#[test]
fn several_parts_with_a_remainder() {
    // 300 rows are three parts of 128, 128 and 44.
    check(2, &[7, 5], 300, Activation::Silu);
}

#[test]
fn a_used_scratch_changes_no_byte_and_neither_do_threads() {
    let gradient = |threads: usize, width: usize, n: usize, scratch: &mut Scratch| {
        let hidden = vec![width, width];
        let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Selu };
        let mlp = Mlp::new(&config, Seed(5)).unwrap();
        let rows = rows(n, 2);
        let at = At::new(Samples::first(n), Times::Each(&rows.times), rows.x.rows()).unwrap();
        let batch = TrainingBatch::new(at, &Conditions::None, rows.target.rows());
        let mut gradient = vec![0.0; mlp.parameters().len()];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let loss = pool.install(|| mlp.gradient(&batch, &mut gradient, scratch)).unwrap();
        (loss.to_bits(), gradient.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let mut used = Scratch::new();
    for (width, n) in [(128, 700), (33, 257), (300, 65), (7, 1)] {
        let fresh = gradient(1, width, n, &mut Scratch::new());
        assert!(fresh == gradient(2, width, n, &mut used), "width {width}, {n} rows");
        assert!(fresh == gradient(3, width, n, &mut used), "width {width}, {n} rows");
    }
}
