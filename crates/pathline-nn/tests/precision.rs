//! Networks whose products multiply in `bf16`: near those in `f32`, and as independent of batch and threads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they measured"
)]

use pathline::field::Conditions;
use pathline::kernels::ProductPrecision;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Times};
use pathline_nn::{Dit, Mlp, Network, NetworkConfig, Scratch, TrainingBatch, UNet};

const ROWS: usize = 9;

/// A network of each kind, none of whose parameters is zero.
fn networks() -> Vec<Box<dyn Network>> {
    let configs = [
        r#"{"kind": "mlp", "shape": [40], "hidden": [70, 33], "activation": "silu"}"#,
        r#"{"kind": "dit", "shape": [1, 12, 8], "patch": 4, "width": 48, "depth": 2, "heads": 3, "classes": 3}"#,
        r#"{"kind": "unet", "shape": [1, 10, 6], "model_channels": 32, "channel_mult": [1, 2], "res_blocks": 1,
            "attention": [2], "classes": 3}"#,
    ];
    configs
        .map(|text| {
            let config: NetworkConfig = serde_json::from_str(text).unwrap();
            let mut network = start(&config);
            let mut noise = vec![0.0; network.parameters().len()];
            Seed(3).normal(Purpose::Data, 0, 0, &mut noise);
            for (value, noise) in network.parameter_values_mut().iter_mut().zip(noise) {
                *value += 0.05 * noise;
            }
            network
        })
        .into()
}

fn start(config: &NetworkConfig) -> Box<dyn Network> {
    match config {
        NetworkConfig::Mlp(config) => Box::new(Mlp::new(config, Seed(2)).unwrap()),
        NetworkConfig::Dit(config) => Box::new(Dit::new(config, Seed(2)).unwrap()),
        NetworkConfig::Unet(config) => Box::new(UNet::new(config, Seed(2)).unwrap()),
        other => panic!("no network of this kind here: {other:?}"),
    }
}

fn noise(shape: &Shape, tag: u64) -> Batch {
    let mut batch = Batch::zeros(ROWS, shape.clone());
    Seed(4).normal(Purpose::Data, tag, 0, batch.as_mut_slice());
    batch
}

fn conditions(network: &dyn Network) -> Conditions {
    if network.classes() == 0 { Conditions::None } else { Conditions::Cycle([0, 1, 2].into()) }
}

/// The velocities of some rows, and the gradient of a loss over them.
fn found(
    network: &dyn Network,
    rows: std::ops::Range<usize>,
    precision: ProductPrecision,
) -> [Vec<f32>; 2] {
    let some: Vec<usize> = rows.clone().collect();
    let [x, target] = [1, 2].map(|tag| noise(network.shape(), tag).select(&some).unwrap());
    let times: Vec<f64> = rows.clone().map(|i| 0.1 + 0.09 * i as f64).collect();
    let samples = Samples::Range(rows.start as u64..rows.end as u64);
    let at = At::new(samples, Times::Each(&times), x.rows()).unwrap();
    let conditions = conditions(network);
    let mut scratch = Scratch::in_precision(precision);
    let mut out = Batch::zeros(rows.len(), network.shape().clone());
    network.forward(&at, &conditions, out.rows_mut(), &mut scratch).unwrap();
    let mut gradient = vec![0.0; network.parameters().len()];
    let batch = TrainingBatch::new(at, &conditions, target.rows());
    network.gradient(&batch, &mut gradient, &mut scratch).unwrap();
    [out.as_slice().to_vec(), gradient]
}

/// The length of the difference, as a share of the length.
fn gap(exact: &[f32], near: &[f32]) -> f64 {
    let length = |terms: &mut dyn Iterator<Item = f32>| {
        terms.map(|x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
    };
    let apart = length(&mut exact.iter().zip(near).map(|(a, b)| a - b));
    apart / length(&mut exact.iter().copied())
}

#[test]
fn bf16_is_near_f32_and_not_the_same() {
    for network in networks() {
        let [exact, near] =
            [ProductPrecision::F32, ProductPrecision::Bf16].map(|p| found(&*network, 0..ROWS, p));
        for (what, exact, near) in
            [("velocity", &exact[0], &near[0]), ("gradient", &exact[1], &near[1])]
        {
            let gap = gap(exact, near);
            eprintln!("{:?}: {what} {gap:.4}", network.config());
            assert!(gap > 1e-5 && gap < 0.02, "{what}: {gap} in {:?}", network.config());
        }
    }
}

#[test]
fn bytes_in_bf16_depend_neither_on_the_batch_nor_on_threads() {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    for network in networks() {
        let of = |rows| found(&*network, rows, ProductPrecision::Bf16);
        let [all, gradient] = pool(1).install(|| of(0..ROWS));
        assert!(pool(3).install(|| of(0..ROWS)) == [all.clone(), gradient]);
        let width = network.shape().elements();
        for rows in [0..1, 2..ROWS, 4..6] {
            assert!(of(rows.clone())[0] == all[rows.start * width..rows.end * width], "{rows:?}");
        }
    }
}
