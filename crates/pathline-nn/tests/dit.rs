//! The diffusion transformer against SiT itself, and its promises: same bytes in any batch and on any
//! number of threads, and errors that name what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use pathline::field::Conditions;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Times, VelocityField};
use pathline_nn::{
    Dit, DitConfig, Network, NetworkConfig, NetworkField, Scratch, Tensors, TrainingBatch,
    network_from_bytes, network_to_bytes,
};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

/// What SiT gave for random weights: see `golden/README.md`.
struct Golden {
    tensors: Tensors,
    labels: Arc<[u32]>,
}

impl Golden {
    fn load(patch: usize) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
        let bytes = std::fs::read(format!("{folder}/sit_tiny_patch{patch}.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let (mut tensors, mut labels) = (Tensors::new(), Vec::new());
        for (name, view) in file.iter() {
            if view.dtype() == Dtype::F32 {
                let (words, _) = view.data().as_chunks::<4>();
                let values = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
                tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
            } else {
                assert_eq!((name, view.dtype()), ("y", Dtype::I32));
                let (words, _) = view.data().as_chunks::<4>();
                labels = words.iter().map(|w| i32::from_le_bytes(*w) as u32).collect();
            }
        }
        Self { tensors, labels: labels.into() }
    }

    fn values(&self, name: &str) -> &[f32] {
        &self.tensors[name].1
    }

    /// Tensors whose names begin so, without it.
    fn under(&self, prefix: &str) -> Tensors {
        let strip = |(name, tensor): (&String, &(Vec<usize>, Vec<f32>))| {
            Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()))
        };
        self.tensors.iter().filter_map(strip).collect()
    }

    fn batch(&self, name: &str) -> Batch {
        let (shape, values) = &self.tensors[name];
        Batch::from_vec(values.clone(), Shape::new(&shape[1..]).unwrap()).unwrap()
    }

    fn network(&self) -> Dit {
        let weights = self.under("weight.");
        let heads = if weights["x_embedder.proj.bias"].0[0] == 24 { 3 } else { 4 };
        Dit::from_tensors(&weights, Some(heads), None).unwrap()
    }
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let difference = a.iter().zip(b).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    difference / largest.max(f32::MIN_POSITIVE)
}

#[test]
fn the_output_is_that_of_sit() {
    for patch in [2, 4] {
        let golden = Golden::load(patch);
        let (dit, x) = (golden.network(), golden.batch("x"));
        let times: Vec<f64> = golden.values("t").iter().map(|&t| f64::from(t)).collect();
        let field =
            NetworkField::conditioned(Arc::new(dit), Conditions::Cycle(golden.labels.clone()));
        let mut v = Batch::zeros(x.len(), x.shape().clone());
        let at = At::new(Samples::first(x.len()), Times::Each(&times), x.rows()).unwrap();
        field.velocity(&at, v.rows_mut()).unwrap();
        let error = worst(v.as_slice(), golden.values("out"));
        assert!(error < 2e-6, "patch {patch}: {error:e}");
    }
}

#[test]
fn every_gradient_is_that_of_sit() {
    for patch in [2, 4] {
        let golden = Golden::load(patch);
        let (dit, x) = (golden.network(), golden.batch("x"));
        let times: Vec<f64> = golden.values("t").iter().map(|&t| f64::from(t)).collect();
        let conditions = Conditions::Cycle(golden.labels.clone());
        // The loss 1/(n d) sum |out - target|^2 has the gradient `cotangent` at the output when the
        // target is out - cotangent n d / 2.
        let n = x.as_slice().len() as f32;
        let pull = |(out, cotangent): (&f32, &f32)| out - cotangent * n / 2.0;
        let target = golden.values("out").iter().zip(golden.values("cotangent")).map(pull);
        let target = Batch::from_vec(target.collect(), x.shape().clone()).unwrap();
        let at = At::new(Samples::first(x.len()), Times::Each(&times), x.rows()).unwrap();
        let batch = TrainingBatch::new(at, &conditions, target.rows());
        let mut gradient = vec![f32::NAN; dit.parameters().len()];
        dit.gradient(&batch, &mut gradient, &mut Scratch::new()).unwrap();
        let wanted = golden.under("grad.");
        assert_eq!(
            wanted.keys().filter(|name| *name != "pos_embed").count(),
            dit.parameters().iter().count()
        );
        for parameter in dit.parameters().iter() {
            let found = &gradient[dit.parameters().range(parameter.name).unwrap()];
            let error = worst(found, &wanted[parameter.name].1);
            assert!(error < 2e-5, "patch {patch}, {}: {error:e}", parameter.name);
        }
    }
}

/// A network whose every parameter matters, at odd sizes.
fn random(config: &DitConfig) -> Dit {
    let mut dit = Dit::new(config, Seed(1)).unwrap();
    let mut noise = vec![0.0; dit.parameters().len()];
    Seed(2).normal(Purpose::Data, 0, 0, &mut noise);
    for (value, noise) in dit.parameter_values_mut().iter_mut().zip(noise) {
        *value = 0.3 * noise;
    }
    dit
}

fn config(shape: [usize; 3], patch: usize, width: usize, heads: usize) -> DitConfig {
    let shape = Shape::new(shape).unwrap();
    DitConfig { patch, width, heads, depth: 2, ..DitConfig::new(shape, 3) }
}

#[test]
fn a_sample_has_the_same_bytes_in_any_batch_and_on_any_number_of_threads() {
    // One square, seven channels, few squares, 49 squares, 70: every way of padding.
    for config in [
        config([1, 4, 4], 4, 8, 2),
        config([7, 2, 6], 2, 12, 3),
        config([1, 28, 28], 4, 68, 2),
        config([2, 10, 14], 2, 128, 4),
    ] {
        let shape = config.shape.clone();
        let field = Arc::new(random(&config));
        let labels: Arc<[u32]> = vec![0, 1, 2, 3, 1].into();
        let field = NetworkField::conditioned(field, Conditions::Cycle(labels));
        let mut x = Batch::zeros(67, shape.clone());
        Seed(3).normal(Purpose::Data, 0, 0, x.as_mut_slice());
        let mut times = vec![0.0; 67];
        let mut stream = Seed(4).stream(Purpose::Time, 0, 0);
        times.fill_with(|| stream.uniform());
        let run = |batch: usize, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut v = Batch::zeros(67, shape.clone());
            let (w, mut from) = (x.width(), 0);
            pool.install(|| {
                for out in v.as_mut_slice().chunks_mut(batch * w) {
                    let n = out.len() / w;
                    let rows = pathline::Rows::new(&x.as_slice()[from * w..(from + n) * w], w);
                    let samples = Samples::Range(from as u64..(from + n) as u64);
                    let at = At::new(samples, Times::Each(&times[from..from + n]), rows).unwrap();
                    field.velocity(&at, pathline::RowsMut::new(out, w)).unwrap();
                    from += n;
                }
            });
            v.into_vec().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let whole = run(67, 1);
        for (batch, threads) in [(67, 2), (67, 3), (1, 1), (2, 2), (7, 1), (23, 2)] {
            assert!(run(batch, threads) == whole, "{config:?}, batch {batch}, {threads} threads");
        }
    }
}

#[test]
fn a_gradient_has_the_same_bytes_on_any_number_of_threads_and_in_any_groups() {
    let config = config([1, 12, 12], 4, 16, 2);
    let dit = random(&config);
    let mut x = Batch::zeros(37, config.shape.clone());
    Seed(3).normal(Purpose::Data, 0, 0, x.as_mut_slice());
    let run = |threads: usize, groups: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let at = At::new(Samples::first(37), Times::Shared(0.3), x.rows()).unwrap();
        let batch = TrainingBatch::new(at, &Conditions::Shared(2), x.rows());
        let mut gradient = vec![0.0; dit.parameters().len()];
        let mut scratch = Scratch::new().in_groups(groups);
        let mut loss = 0.0;
        // A second time on warm buffers.
        for _ in 0..2 {
            loss = pool.install(|| dit.gradient(&batch, &mut gradient, &mut scratch).unwrap());
        }
        (loss.to_bits(), gradient.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let one = run(1, 1);
    for (threads, groups) in [(2, 1), (5, 1), (1, 2), (2, 3), (3, 37)] {
        assert!(run(threads, groups) == one, "{threads} threads, {groups} groups");
    }
}

#[test]
fn gradients_match_differences_at_odd_sizes() {
    for config in [config([1, 4, 4], 4, 8, 2), config([7, 3, 1], 1, 12, 3)] {
        for rows in [1, 5] {
            let mut dit = random(&config);
            let draw = |tag| {
                let mut batch = Batch::zeros(rows, config.shape.clone());
                Seed(tag).normal(Purpose::Data, 0, 0, batch.as_mut_slice());
                batch
            };
            let (x, target) = (draw(5), draw(6));
            let times: Vec<f64> = (0..rows).map(|i| 0.1 + 0.17 * i as f64).collect();
            let conditions = Conditions::Cycle(vec![0, 2, 3].into());
            let mut scratch = Scratch::new();
            let mut evaluate = |dit: &Dit| {
                let at = At::new(Samples::first(rows), Times::Each(&times), x.rows()).unwrap();
                let batch = TrainingBatch::new(at, &conditions, target.rows());
                let mut gradient = vec![0.0; dit.parameters().len()];
                let loss = dit.gradient(&batch, &mut gradient, &mut scratch).unwrap();
                (loss, gradient)
            };
            let (_, gradient) = evaluate(&dit);
            // Along random directions: every parameter takes part in each.
            for tag in 0..6 {
                let mut direction = vec![0.0; gradient.len()];
                Seed(10 + tag).normal(Purpose::Data, 0, 0, &mut direction);
                let start = dit.parameters().as_slice().to_vec();
                let mut loss_at = |step: f32| {
                    let moved = start.iter().zip(&direction).map(|(v, d)| v + step * d);
                    let moved: Vec<f32> = moved.collect();
                    dit.parameter_values_mut().copy_from_slice(&moved);
                    evaluate(&dit).0
                };
                let h = 2e-3;
                let near = loss_at(h) - loss_at(-h);
                let far = loss_at(2.0 * h) - loss_at(-2.0 * h);
                // The fourth-order difference.
                let slope = (8.0 * near - far) / (12.0 * f64::from(h));
                dit.parameter_values_mut().copy_from_slice(&start);
                let along: f64 = pathline::kernels::dot(&gradient, &direction);
                let size = pathline::kernels::squared_norm(&gradient).sqrt();
                assert!((slope - along).abs() < 2e-3 * size, "{config:?}: {slope} {along}");
            }
        }
    }
}

#[test]
fn files_bring_the_network_back() {
    let dit = random(&config([1, 8, 8], 4, 16, 2));
    let back = network_from_bytes(&network_to_bytes(&dit).unwrap()).unwrap();
    assert_eq!(back.config(), dit.config());
    assert_eq!(back.parameters().as_slice(), dit.parameters().as_slice());
}

#[test]
fn what_is_wrong_is_named() {
    let good = config([1, 8, 8], 4, 16, 2);
    let bad = [
        DitConfig { patch: 3, ..good.clone() },
        DitConfig { patch: 0, ..good.clone() },
        DitConfig { heads: 3, ..good.clone() },
        DitConfig { width: 18, ..good.clone() },
        DitConfig { width: usize::MAX - 3, heads: 1, ..good.clone() },
        DitConfig { depth: 0, ..good.clone() },
        DitConfig { depth: usize::MAX, ..good.clone() },
        DitConfig { mlp_ratio: 1 << 63, ..good.clone() },
        DitConfig { classes: usize::MAX, ..good.clone() },
        DitConfig { shape: Shape::vector(64), ..good.clone() },
    ];
    for config in bad {
        let message = Dit::new(&config, Seed(1)).unwrap_err().to_string();
        assert!(message.contains("diffusion transformer"), "{message}");
    }
    let golden = Golden::load(2);
    let load =
        |tensors: &Tensors| Dit::from_tensors(tensors, Some(4), None).unwrap_err().to_string();
    let mut tensors = golden.under("weight.");
    let positions = tensors.get_mut("pos_embed").unwrap();
    positions.1[5] += 0.01;
    assert!(load(&tensors).contains("pos_embed"));
    let mut tensors = golden.under("weight.");
    tensors.remove("blocks.1.mlp.fc2.bias");
    assert!(load(&tensors).contains("blocks.1.mlp.fc2.bias"));
    let mut tensors = golden.under("weight.");
    tensors.insert("blocks.9.mlp.fc2.bias".into(), (vec![1], vec![0.0]));
    assert!(load(&tensors).contains("blocks.9.mlp.fc2.bias"));
    let unknown = Dit::from_tensors(&golden.under("weight."), None, None).unwrap_err().to_string();
    assert!(unknown.contains("heads"), "{unknown}");
    let field = NetworkField::conditioned(Arc::new(golden.network()), Conditions::Shared(11));
    let x = golden.batch("x");
    let mut v = Batch::zeros(x.len(), x.shape().clone());
    let at = At::new(Samples::first(x.len()), Times::Shared(0.5), x.rows()).unwrap();
    let message = field.velocity(&at, v.rows_mut()).unwrap_err().to_string();
    assert!(message.contains("10 classes"), "{message}");
}

#[test]
fn a_checkpoint_of_other_than_squares_needs_the_shape() {
    let shape = Shape::new([1, 8, 12]).unwrap();
    let config = DitConfig { width: 8, depth: 1, heads: 2, ..DitConfig::new(shape.clone(), 3) };
    let mut tensors = Dit::new(&config, Seed(1)).unwrap().parameters().to_tensors();
    // Two lines of three squares; for column and line the sines, then the cosines, of two angles.
    let mut positions = Vec::new();
    for (line, column) in (0..2).flat_map(|line| (0..3).map(move |column| (line, column))) {
        for place in [column, line] {
            let angles = [f64::from(place), f64::from(place) / 100.0];
            positions.extend(angles.map(|angle| angle.sin() as f32));
            positions.extend(angles.map(|angle| angle.cos() as f32));
        }
    }
    tensors.insert("pos_embed".into(), (vec![1, 6, 8], positions));
    let message = Dit::from_tensors(&tensors, Some(2), None).unwrap_err().to_string();
    assert!(message.contains("pos_embed") && message.contains("shape"), "{message}");
    let told = Dit::from_tensors(&tensors, Some(2), Some(&shape)).unwrap();
    assert_eq!(told.config(), NetworkConfig::Dit(config));
    let turned = Shape::new([1, 12, 8]).unwrap();
    assert!(Dit::from_tensors(&tensors, Some(2), Some(&turned)).is_err());
}
