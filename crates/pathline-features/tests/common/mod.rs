//! Weights and images by formula (golden/formula.py makes the same ones), and files that may be absent.
#![allow(
    dead_code,
    clippy::print_stderr,
    reason = "not every test file needs all of them, and tests say what they measure"
)]

use std::path::PathBuf;

use pathline::{Batch, Shape};
use pathline_features::Tensors;
use serde_json::Value;

pub(crate) fn golden(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

pub(crate) fn extents(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|v| v as usize).collect()
}

/// `count` numbers in `[-1, 1)` from a hash of 32 bits.
fn uniform(count: usize, tag: u32) -> impl Iterator<Item = f64> {
    (0..count as u32).map(move |i| {
        let mut h = i.wrapping_mul(2_654_435_761).wrapping_add(tag.wrapping_mul(2_246_822_519));
        for _ in 0..2 {
            h = (h ^ (h >> 16)).wrapping_mul(0x045D_9F3B);
        }
        f64::from((h ^ (h >> 16)) >> 8) / 8_388_608.0 - 1.0
    })
}

/// Tensors of the names and shapes in `shapes`, numbered in the order of their names.
pub(crate) fn weights(shapes: &Value) -> Tensors {
    let mut names: Vec<&String> = shapes.as_object().unwrap().keys().collect();
    names.sort();
    let mut tensors = Tensors::new();
    for (tag, name) in names.into_iter().enumerate() {
        let shape = extents(&shapes[name]);
        let fan_in = shape[1..].iter().product::<usize>() as f64;
        let change = |u: f64| match name.rsplit('.').next().unwrap() {
            "running_var" => 1.0 + 0.3 * u,
            "running_mean" | "bias" => 0.1 * u,
            _ if shape.len() == 1 => 1.0 + 0.2 * u,
            _ => u * (6.0 / fan_in).sqrt(),
        };
        let values = uniform(shape.iter().product(), tag as u32).map(|u| change(u) as f32);
        let values = values.collect();
        tensors.insert(name.clone(), (shape, values));
    }
    tensors
}

/// The levels of image number `which`.
pub(crate) fn levels(shape: &[usize], which: usize) -> Vec<f32> {
    let mut found = Vec::new();
    for c in 0..shape[0] {
        for y in 0..shape[1] {
            for x in 0..shape[2] {
                found.push((((3 + c) * x + 5 * y + x * y / 7 + 40 * which) % 256) as f32);
            }
        }
    }
    found
}

/// The same image in `[-1, 1]`.
pub(crate) fn image(shape: &[usize], which: usize) -> Batch {
    let values = levels(shape, which).iter().map(|l| l / 127.5 - 1.0).collect();
    Batch::from_vec(values, Shape::new(shape).unwrap()).unwrap()
}

/// The largest difference, in parts of the largest number.
pub(crate) fn relative_difference(found: &[f32], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let differences = found.iter().zip(wanted).map(|(&f, w)| (f64::from(f) - w).abs());
    differences.fold(0.0, f64::max) / largest
}

/// The tensors of a file in the folder named by `PATHLINE_FEATURE_NETS`, if it is there.
pub(crate) fn checkpoint(name: &str) -> Option<Tensors> {
    let folder = std::env::var_os("PATHLINE_FEATURE_NETS").map(PathBuf::from);
    let Some(path) = folder.map(|folder| folder.join(name)).filter(|path| path.is_file()) else {
        eprintln!("SKIPPED: no {name}; set PATHLINE_FEATURE_NETS to a folder that holds it");
        return None;
    };
    let tensors = pathline_data::torch::state_dict(&path).unwrap().into_iter();
    Some(tensors.map(|(name, t)| (name, (t.shape().to_vec(), t.into_data()))).collect())
}

/// Says how long something took, on stderr.
pub(crate) fn timed<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let start = std::time::Instant::now();
    let result = work();
    eprintln!("{what}: {:.0} ms", 1e3 * start.elapsed().as_secs_f64());
    result
}

/// Runs on one thread.
pub(crate) fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}
