//! Products of a vector with a network's Jacobian by its states, against differences; threads change no byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::diagnostics::{Probing, curl};
use pathline::field::{Conditions, Guided, directional_derivative};
use pathline::kernels::ProductPrecision;
use pathline::path::Prediction;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Source, Times, VelocityField};
use pathline_nn::{
    Activation, Dit, DitConfig, Mlp, MlpConfig, Network, NetworkField, Output, Tensors, UNet,
    UNetConfig,
};

const ROWS: usize = 37;

/// With weights that are not the ones it begins with, of which many are zero.
fn stirred(mut network: impl Network + 'static) -> Arc<dyn Network> {
    let values = network.parameter_values_mut();
    let mut noise = vec![0.0; values.len()];
    Seed(3).normal(Purpose::Data, 0, 0, &mut noise);
    values.iter_mut().zip(&noise).for_each(|(v, n)| *v += 0.1 * n);
    Arc::new(network)
}

fn networks() -> Vec<(&'static str, Arc<dyn Network>)> {
    let shape = Shape::new([1, 8, 8]).unwrap();
    let dit = DitConfig { width: 16, depth: 2, heads: 2, ..DitConfig::new(shape.clone(), 3) };
    let classes = Some(3);
    let unet =
        UNetConfig { model_channels: 32, classes, null_label: true, ..UNetConfig::new(shape) };
    let hidden = vec![32, 32];
    let mlp = MlpConfig { shape: Shape::vector(5), hidden, activation: Activation::Silu };
    vec![
        ("transformer", stirred(Dit::new(&dit, Seed(1)).unwrap())),
        ("U-Net", stirred(UNet::new(&unet, Seed(1)).unwrap())),
        ("perceptron", stirred(Mlp::new(&mlp, Seed(1)).unwrap())),
    ]
}

fn fields() -> Vec<(String, Arc<dyn VelocityField>)> {
    let mut fields: Vec<(String, Arc<dyn VelocityField>)> = Vec::new();
    for (name, network) in networks() {
        let of = |conditions| NetworkField::conditioned(Arc::clone(&network), conditions);
        fields.push((name.to_owned(), Arc::new(of(Conditions::None))));
        let target = Output { prediction: Prediction::Target, ..Output::default() };
        let predicting = of(Conditions::None).predicting(target);
        fields.push((format!("{name}, of the target"), Arc::new(predicting)));
        if network.classes() > 0 {
            let told = Arc::new(of(Conditions::Cycle([0, 2].into())));
            let guided = Guided::new(told, Arc::new(of(Conditions::None)), 2.0).unwrap();
            fields.push((format!("{name}, guided"), Arc::new(guided)));
        }
    }
    fields
}

fn noise(shape: &Shape, seed: u64) -> Batch {
    Source::new(Seed(seed), ROWS).noise(shape)
}

fn pulled(field: &dyn VelocityField, at: &At<'_>, along: &Batch) -> Batch {
    let mut out = Batch::zeros(ROWS, along.shape().clone());
    assert!(field.pullback(at, along.rows(), out.rows_mut()).unwrap());
    out
}

#[test]
fn a_product_with_the_jacobian_is_what_differences_say() {
    for (name, field) in fields() {
        let [x, w, b] = [4, 5, 6].map(|seed| noise(field.shape(), seed));
        let times: Vec<f64> = (0..ROWS).map(|i| (i as f64 + 0.5) / ROWS as f64 * 0.9).collect();
        let at =
            At::new(Samples::Range(7..7 + ROWS as u64), Times::Each(&times), x.rows()).unwrap();
        let back = pulled(&*field, &at, &w);
        let by =
            |a: &[f32], v: &[f64]| -> f64 { a.iter().zip(v).map(|(&a, v)| f64::from(a) * v).sum() };
        let slope = |step: f64| {
            let found = directional_derivative(&*field, &at, b.rows(), step).unwrap();
            let width = x.width();
            let rows = found.moved.chunks(width).zip(found.change.chunks(width)).enumerate();
            rows.map(|(i, (moved, change))| [by(w.row(i), change), by(back.row(i), moved)])
                .collect::<Vec<_>>()
        };
        let (mut apart, mut size) = (0.0, 0.0);
        for (fine, coarse) in slope(1.0 / 256.0).iter().zip(slope(1.0 / 128.0)) {
            let [change, pulled] = [0, 1].map(|k| (4.0 * fine[k] - coarse[k]) / 3.0);
            apart += (change - pulled).powi(2);
            size += change.powi(2);
        }
        assert!(apart < 1e-6 * size, "{name}: {apart} of {size}");
    }
}

/// `W^T silu(W x + w t)`: its Jacobian `W^T D W` is symmetric, though its code knows nothing of that.
fn gradient() -> NetworkField {
    let (d, h) = (6, 20);
    let first = noise(&Shape::vector(h * (d + 1)), 8).row(0).to_vec();
    let last = (0..d * h).map(|e| first[e % h * (d + 1) + e / h]).collect();
    let tensors = Tensors::from([
        ("net.0.weight".to_owned(), (vec![h, d + 1], first)),
        ("net.0.bias".to_owned(), (vec![h], vec![0.1; h])),
        ("net.2.weight".to_owned(), (vec![d, h], last)),
        ("net.2.bias".to_owned(), (vec![d], vec![0.0; d])),
    ]);
    NetworkField::new(Arc::new(Mlp::from_tensors(&tensors, Activation::Silu).unwrap()))
}

#[test]
fn a_network_that_is_a_gradient_is_found_to_be_one() {
    let field = gradient();
    let x = noise(field.shape(), 4);
    let at = At::new(Samples::first(ROWS), Times::Shared(0.4), x.rows()).unwrap();
    let found = curl(&field, &at, &Probing::default()).unwrap();
    assert!(found.vjp && found.share.estimate.value < 1e-6, "{found:?}");
    assert!(found.symmetric > 1.0);
}

#[test]
fn a_row_has_the_same_bytes_whatever_other_rows_there_are() {
    for (name, field) in fields() {
        let [x, w] = [4, 5].map(|seed| noise(field.shape(), seed));
        let times: Vec<f64> = (0..ROWS).map(|i| i as f64 / 40.0).collect();
        let part = |rows: std::ops::Range<usize>| {
            let some: Vec<usize> = rows.clone().collect();
            let [x, w] = [&x, &w].map(|all| all.select(&some).unwrap());
            let samples = Samples::Range(rows.start as u64..rows.end as u64);
            let at = At::new(samples, Times::Each(&times[rows]), x.rows()).unwrap();
            let mut out = Batch::zeros(x.len(), x.shape().clone());
            assert!(field.pullback(&at, w.rows(), out.rows_mut()).unwrap());
            out.as_slice().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let (all, width) = (part(0..ROWS), x.width());
        for rows in [0..1, 2..ROWS, 4..6] {
            assert_eq!(part(rows.clone()), all[rows.start * width..rows.end * width], "{name}");
        }
    }
}

/// More parameters than are packed ahead of all samples, and products in `bf16`.
#[test]
fn large_networks_and_rounded_products_go_back_as_well() {
    let shape = Shape::new([1, 8, 8]).unwrap();
    let config = UNetConfig { model_channels: 64, ..UNetConfig::new(shape.clone()) };
    let network = stirred(UNet::new(&config, Seed(1)).unwrap());
    assert!(network.parameters().len() > 1 << 21);
    let [x, w, b] = [4, 5, 6].map(|seed| noise(&shape, seed).select(&[0, 1, 2]).unwrap());
    let at = At::new(Samples::first(3), Times::Shared(0.4), x.rows()).unwrap();
    let inner = |precision: ProductPrecision| {
        let field = NetworkField::new(Arc::clone(&network)).in_precision(precision);
        let mut out = Batch::zeros(3, shape.clone());
        assert!(field.pullback(&at, w.rows(), out.rows_mut()).unwrap());
        out
    };
    let (single, half) = (inner(ProductPrecision::F32), inner(ProductPrecision::Bf16));
    let field = NetworkField::new(Arc::clone(&network));
    let found = directional_derivative(&field, &at, b.rows(), 1.0 / 256.0).unwrap();
    let dot =
        |a: &[f32], v: &[f64]| -> f64 { a.iter().zip(v).map(|(&a, v)| f64::from(a) * v).sum() };
    let (there, back) = (dot(w.as_slice(), &found.change), dot(single.as_slice(), &found.moved));
    assert!((there - back).abs() < 2e-3 * there.abs(), "{there} {back}");
    let norm = |v: &[f32]| v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let apart: Vec<f32> =
        single.as_slice().iter().zip(half.as_slice()).map(|(a, b)| a - b).collect();
    let share = norm(&apart) / norm(single.as_slice());
    assert!(share > 0.0 && share < 0.05, "{share}");
}

#[test]
fn threads_change_no_byte_and_neither_does_what_came_before() {
    for (name, field) in fields() {
        let [x, w] = [4, 5].map(|seed| noise(field.shape(), seed));
        let at = At::new(Samples::first(ROWS), Times::Shared(0.3), x.rows()).unwrap();
        let first = pulled(&*field, &at, &w);
        let mut velocity = Batch::zeros(ROWS, field.shape().clone());
        field.velocity(&at, velocity.rows_mut()).unwrap();
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again = pool.install(|| pulled(&*field, &at, &w));
            let bits = |b: &Batch| b.as_slice().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&again), bits(&first), "{name} on {threads} threads");
        }
    }
}

/// Hides a field's products with its Jacobian.
struct Hidden(Arc<dyn VelocityField>);

impl VelocityField for Hidden {
    fn shape(&self) -> &Shape {
        self.0.shape()
    }

    fn velocity(&self, at: &At<'_>, out: pathline::RowsMut<'_>) -> Result<(), pathline::Error> {
        self.0.velocity(at, out)
    }

    fn record(&self) -> pathline::field::FieldRecord {
        self.0.record()
    }
}

#[test]
fn curl_is_the_same_by_products_and_by_differences() {
    for (name, field) in fields() {
        let x = noise(field.shape(), 4);
        let at = At::new(Samples::first(ROWS), Times::Shared(0.4), x.rows()).unwrap();
        let probing = Probing::default();
        let by_products = curl(&*field, &at, &probing).unwrap();
        let by_differences = curl(&Hidden(Arc::clone(&field)), &at, &probing).unwrap();
        let [a, b] = [by_products, by_differences].map(|found| found.share.estimate.value);
        assert!((a - b).abs() < 2e-3 * b, "{name}: {a} {b}");
        assert!(by_products.floor < 1e-5 && by_products.floor > 0.0, "{name}: {by_products:?}");
        assert!(by_products.floor < by_differences.floor, "{name}");
        assert!(by_products.vjp && !by_differences.vjp);
        let told = Probing { vjp: false, ..probing };
        assert_eq!(curl(&*field, &at, &told).unwrap(), by_differences, "{name}");
    }
}
