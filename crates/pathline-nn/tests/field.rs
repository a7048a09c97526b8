//! A network field gives a row the same bytes in any company, on any number of threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::{At, Batch, Purpose, Rows, RowsMut, Samples, Seed, Shape, Times, VelocityField};
use pathline_nn::{Activation, Mlp, MlpConfig, NetworkField};

fn field(hidden: &[usize]) -> NetworkField {
    let hidden = hidden.to_vec();
    let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Selu };
    NetworkField::new(Arc::new(Mlp::new(&config, Seed(5)).unwrap()))
}

fn states(n: usize) -> Batch {
    let mut x = Batch::zeros(n, Shape::vector(2));
    Seed(9).normal(Purpose::Source, 0, 0, x.as_mut_slice());
    x
}

/// The velocities of `x`, asked for in batches of `batch`.
fn by(field: &NetworkField, x: &Batch, times: Option<&[f64]>, batch: usize) -> Vec<u32> {
    let mut out = vec![0.0; x.as_slice().len()];
    let parts = x.as_slice().chunks(2 * batch).zip(out.chunks_mut(2 * batch));
    for (i, (rows, out)) in parts.enumerate() {
        let (start, n) = (i * batch, rows.len() / 2);
        let t = times.map_or(Times::Shared(0.37), |t| Times::Each(&t[start..start + n]));
        let samples = Samples::Range(start as u64..(start + n) as u64);
        let at = At::new(samples, t, Rows::new(rows, 2)).unwrap();
        field.velocity(&at, RowsMut::new(out, 2)).unwrap();
    }
    out.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn batches_and_threads_change_no_byte() {
    let x = states(2500);
    let times: Vec<f64> = (0..2500_u32).map(|i| f64::from(i) / 2500.0).collect();
    // Above and below the size at which work is shared between threads.
    for hidden in [&[16][..], &[64, 64, 64], &[128, 256]] {
        let field = field(hidden);
        for times in [None, Some(&times[..])] {
            let whole = by(&field, &x, times, 2500);
            for threads in [1, 2] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for batch in [1, 2, 7, 511, 2500] {
                    let parts = pool.install(|| by(&field, &x, times, batch));
                    assert!(parts == whole, "{hidden:?}, batch {batch}, {threads} threads");
                }
            }
        }
    }
}

#[test]
fn calls_from_several_threads_at_once_agree() {
    let (field, x) = (field(&[64, 64]), states(300));
    let wanted = by(&field, &x, None, 300);
    std::thread::scope(|scope| {
        for batch in [3, 50, 300] {
            let (field, x, wanted) = (&field, &x, &wanted);
            scope.spawn(move || assert!(by(field, x, None, batch) == *wanted));
        }
    });
}

#[test]
fn a_network_with_known_weights_gives_the_formula() {
    let mut tensors = pathline_nn::Tensors::new();
    tensors.insert("net.0.weight".into(), (vec![1, 3], vec![1.0, 0.0, 2.0]));
    tensors.insert("net.0.bias".into(), (vec![1], vec![-0.5]));
    tensors.insert("net.2.weight".into(), (vec![2, 1], vec![3.0, -1.0]));
    tensors.insert("net.2.bias".into(), (vec![2], vec![0.25, 0.0]));
    let field = NetworkField::new(Arc::new(Mlp::from_tensors(&tensors, Activation::Relu).unwrap()));
    let x = Batch::from_vec(vec![1.0, 9.0, -4.0, 9.0], Shape::vector(2)).unwrap();
    let mut v = Batch::zeros(2, Shape::vector(2));
    let at = At::new(Samples::first(2), Times::Shared(0.5), x.rows()).unwrap();
    field.velocity(&at, v.rows_mut()).unwrap();
    // h = relu(x_1 + 2 t - 0.5): 1.5 and 0.
    assert_eq!(v.as_slice(), &[4.75, -1.5, 0.25, 0.0]);
}

#[test]
fn wrong_widths_and_counts_are_errors() {
    let field = field(&[8]);
    let (x, times) = (states(4), [0.5; 3]);
    let ask = |rows: &[f32], width, t, samples, out: usize, out_width| {
        let at = At { samples: Samples::first(samples), t, x: Rows::new(rows, width) };
        field.velocity(&at, RowsMut::new(&mut vec![0.0; out], out_width)).is_err()
    };
    let x = x.as_slice();
    let half = Times::Shared(0.5);
    assert!(!ask(x, 2, half, 4, 8, 2));
    assert!(!ask(&[], 2, half, 0, 0, 2));
    assert!(ask(x, 4, half, 2, 8, 4));
    assert!(ask(x, 2, half, 3, 8, 2));
    assert!(ask(x, 2, half, 4, 6, 2));
    assert!(ask(x, 2, half, 4, 12, 3));
    assert!(ask(x, 2, Times::Each(&times), 4, 8, 2));
}

#[test]
fn a_network_that_knows_no_class_refuses_one() {
    let config =
        MlpConfig { shape: Shape::vector(2), hidden: vec![8], activation: Activation::Selu };
    let network = Arc::new(Mlp::new(&config, Seed(5)).unwrap());
    let field = NetworkField::conditioned(network, pathline::field::Conditions::Shared(3));
    let (x, mut out) = (states(2), states(2));
    let at = At::new(Samples::first(2), Times::Shared(0.5), x.rows()).unwrap();
    let message = field.velocity(&at, out.rows_mut()).unwrap_err().to_string();
    assert!(message.contains("class"), "{message}");
}
