//! The U-Net against torchcfm's, and its promises: same bytes in any batch and on any number of
//! threads, and errors that name what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::field::Conditions;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Times, VelocityField};
use pathline_nn::{
    FlowData, FlowTraining, Network, NetworkField, Scratch, Tensors, TrainingBatch, TrainingState,
    UNet, UNetConfig, network_from_bytes, network_to_bytes, train,
};
use safetensors::SafeTensors;

const SAMPLES: usize = 4;

/// Numbers in `[-1, 1)`, the same as in `golden/unet.py`.
fn hashed(count: usize, tag: u32) -> Vec<f32> {
    let one = |i: usize| {
        let x = (i as u32).wrapping_mul(0x9E37_79B9).wrapping_add(tag.wrapping_mul(0x85EB_CA6B));
        let x = (x ^ (x >> 16)).wrapping_mul(0x21F0_AAAD);
        let x = (x ^ (x >> 15)).wrapping_mul(0x735A_2D97);
        ((x ^ (x >> 15)) >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(one).collect()
}

/// The weights of `golden/unet.py`, given any network's names and shapes.
fn weights(of: &UNet) -> Tensors {
    let mut tensors = of.parameters().to_tensors();
    for (tag, (name, (shape, values))) in (0..).zip(&mut tensors) {
        *values = hashed(values.len(), tag);
        if shape.len() > 1 {
            let scale = (3.0 / (values.len() / shape[0]) as f64).sqrt() as f32;
            values.iter_mut().for_each(|v| *v *= scale);
        } else if name.contains(".norm.") || name.contains(".0.") && name.ends_with("weight") {
            values.iter_mut().for_each(|v| *v = 1.0 + 0.25 * *v);
        }
    }
    tensors
}

fn labelled() -> UNetConfig {
    UNetConfig {
        model_channels: 64,
        channel_mult: vec![1, 2],
        attention: vec![2],
        heads: 2,
        classes: Some(4),
        null_label: false,
        ..UNetConfig::new(Shape::new([3, 6, 10]).unwrap())
    }
}

fn deep() -> UNetConfig {
    UNetConfig {
        channel_mult: vec![1, 2, 1],
        res_blocks: 2,
        attention: vec![1, 4],
        head_width: Some(16),
        ..UNetConfig::new(Shape::new([1, 8, 12]).unwrap())
    }
}

/// One case of `golden/unet.py`.
struct Case {
    name: &'static str,
    network: UNet,
    conditions: Conditions,
    x: Batch,
    times: Vec<f64>,
}

impl Case {
    fn all() -> Vec<Self> {
        let case = |name, config: UNetConfig| {
            let network = UNet::new(&config, Seed(1)).unwrap();
            let network = UNet::from_config(&config, &weights(&network)).unwrap();
            let classes: Arc<[u32]> = (0..4).map(|i| i * 3 % 4).collect();
            let conditions =
                config.classes.map_or(Conditions::None, |_| Conditions::Cycle(classes));
            let elements = SAMPLES * config.shape.elements();
            let x = hashed(elements, 1000).iter().map(|x| 2.0 * x).collect();
            let x = Batch::from_vec(x, config.shape).unwrap();
            let times = hashed(SAMPLES, 1002).iter().map(|t| f64::from(t / 2.0 + 0.5)).collect();
            Self { name, network, conditions, x, times }
        };
        vec![case("labelled", labelled()), case("deep", deep())]
    }

    fn at(&self) -> At<'_> {
        At::new(Samples::first(SAMPLES), Times::Each(&self.times), self.x.rows()).unwrap()
    }
}

fn golden() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    std::fs::read(format!("{folder}/unet.safetensors")).unwrap()
}

fn values(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let (words, _) = file.tensor(name).unwrap().data().as_chunks::<4>();
    words.iter().map(|w| f32::from_le_bytes(*w)).collect()
}

fn worst(a: &[f32], b: &[f32], largest: f32) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs())) / largest
}

#[test]
fn the_output_is_that_of_torchcfm() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for case in Case::all() {
        let wanted = values(&file, &format!("{}.out", case.name));
        let field =
            NetworkField::conditioned(Arc::new(case.network.clone()), case.conditions.clone());
        let mut v = Batch::zeros(SAMPLES, case.x.shape().clone());
        field.velocity(&case.at(), v.rows_mut()).unwrap();
        let largest = wanted.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let error = worst(v.as_slice(), &wanted, largest);
        eprintln!("{}: {error:e}", case.name);
        assert!(error < 5e-6, "{}: {error:e}", case.name);
    }
}

#[test]
fn every_gradient_is_that_of_torchcfm() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for case in Case::all() {
        let out = values(&file, &format!("{}.out", case.name));
        // The loss 1/(n d) sum |out - target|^2 has the gradient `cotangent` at the output when the
        // target is out - cotangent n d / 2.
        let n = out.len() as f32;
        let target = out.iter().zip(hashed(out.len(), 1001)).map(|(out, c)| out - c * n / 2.0);
        let target = Batch::from_vec(target.collect(), case.x.shape().clone()).unwrap();
        let batch = TrainingBatch::new(case.at(), &case.conditions, target.rows());
        let parameters = case.network.parameters();
        let mut gradient = vec![f32::NAN; parameters.len()];
        case.network.gradient(&batch, &mut gradient, &mut Scratch::new()).unwrap();
        let mut over_all = 0.0_f32;
        for parameter in parameters.iter() {
            let found = &gradient[parameters.range(parameter.name).unwrap()];
            let found: Vec<f32> =
                found.iter().step_by(found.len().div_ceil(128)).copied().collect();
            let of =
                |what: &str| values(&file, &format!("{}.{what}.{}", case.name, parameter.name));
            // What comes before the norm of a group of one channel, the same for all pixels, has no
            // effect, and its gradient is rounding; all others are far above the floor.
            let error = worst(&found, &of("gradient"), of("largest")[0].max(0.1));
            over_all = over_all.max(error);
            assert!(error < 1e-4, "{}, {}: {error:e}", case.name, parameter.name);
        }
        eprintln!("{}: {over_all:e}", case.name);
        let gradients = |name: &&str| name.starts_with(&format!("{}.gradient.", case.name));
        let count = file.names().into_iter().map(AsRef::as_ref).filter(|n| gradients(n)).count();
        assert_eq!(count, parameters.iter().count());
    }
}

/// A network whose every parameter matters.
fn random(config: &UNetConfig) -> UNet {
    let network = UNet::new(config, Seed(1)).unwrap();
    UNet::from_config(config, &weights(&network)).unwrap()
}

#[test]
fn a_sample_has_the_same_bytes_in_any_batch_and_on_any_number_of_threads() {
    for shape in [[1, 28, 28], [3, 4, 12], [5, 8, 8]] {
        let config = UNetConfig {
            heads: 2,
            attention: vec![4],
            classes: Some(3),
            ..UNetConfig::new(Shape::new(shape).unwrap())
        };
        let labels: Arc<[u32]> = vec![0, 1, 2, 3, 1].into();
        let field = NetworkField::conditioned(Arc::new(random(&config)), Conditions::Cycle(labels));
        let samples = 19;
        let mut x = Batch::zeros(samples, config.shape.clone());
        Seed(3).normal(Purpose::Data, 0, 0, x.as_mut_slice());
        let mut times = vec![0.0; samples];
        let mut stream = Seed(4).stream(Purpose::Time, 0, 0);
        times.fill_with(|| stream.uniform());
        let run = |batch: usize, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut v = Batch::zeros(samples, config.shape.clone());
            let (w, mut from) = (x.width(), 0);
            pool.install(|| {
                for out in v.as_mut_slice().chunks_mut(batch * w) {
                    let n = out.len() / w;
                    let rows = pathline::Rows::new(&x.as_slice()[from * w..(from + n) * w], w);
                    let indices = Samples::Range(from as u64..(from + n) as u64);
                    let at = At::new(indices, Times::Each(&times[from..from + n]), rows).unwrap();
                    field.velocity(&at, pathline::RowsMut::new(out, w)).unwrap();
                    from += n;
                }
            });
            v.into_vec().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let whole = run(samples, 1);
        for (batch, threads) in [(samples, 2), (samples, 3), (1, 1), (2, 2), (7, 1)] {
            assert!(run(batch, threads) == whole, "{shape:?}, batch {batch}, {threads} threads");
        }
    }
}

#[test]
fn a_gradient_has_the_same_bytes_on_any_number_of_threads() {
    let config = UNetConfig::new(Shape::new([1, 8, 8]).unwrap());
    let network = random(&config);
    let mut x = Batch::zeros(37, config.shape.clone());
    Seed(3).normal(Purpose::Data, 0, 0, x.as_mut_slice());
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let at = At::new(Samples::first(37), Times::Shared(0.3), x.rows()).unwrap();
        let batch = TrainingBatch::new(at, &Conditions::None, x.rows());
        let mut gradient = vec![0.0; network.parameters().len()];
        let mut scratch = Scratch::new();
        let mut loss = 0.0;
        // A second time on warm buffers.
        for _ in 0..2 {
            loss = pool.install(|| network.gradient(&batch, &mut gradient, &mut scratch).unwrap());
        }
        (loss.to_bits(), gradient.iter().map(|g| g.to_bits()).collect::<Vec<_>>())
    };
    let one = run(1);
    assert!(run(2) == one && run(5) == one);
}

#[test]
fn a_fresh_network_begins_as_zero_and_files_bring_it_back() {
    let config = UNetConfig { classes: Some(2), ..UNetConfig::new(Shape::new([1, 4, 4]).unwrap()) };
    let fresh = UNet::new(&config, Seed(5)).unwrap();
    let x = Batch::from_vec(hashed(16, 1), config.shape.clone()).unwrap();
    let mut v = Batch::zeros(1, config.shape.clone());
    let at = At::new(Samples::first(1), Times::Shared(0.4), x.rows()).unwrap();
    NetworkField::new(Arc::new(fresh)).velocity(&at, v.rows_mut()).unwrap();
    assert!(v.as_slice().iter().all(|v| *v == 0.0));
    let network = random(&config);
    let back = network_from_bytes(&network_to_bytes(&network).unwrap()).unwrap();
    assert_eq!(back.config(), network.config());
    assert_eq!(back.parameters(), network.parameters());
}

#[test]
fn a_checkpoint_says_what_network_it_is_of() {
    for config in [
        labelled(),
        UNetConfig { head_width: None, heads: 2, null_label: false, ..deep() },
        UNetConfig { null_label: false, ..UNetConfig::new(Shape::new([2, 8, 4]).unwrap()) },
    ] {
        let network = random(&config);
        let tensors = network.parameters().to_tensors();
        let found = UNet::from_tensors(&tensors, &config.shape, config.heads).unwrap();
        assert_eq!(found.config(), network.config());
        let mut missing = tensors.clone();
        missing.remove("middle_block.1.qkv.weight");
        let load = |tensors: &Tensors| {
            let network = UNet::from_tensors(tensors, &config.shape, config.heads);
            network.map(|_| ()).unwrap_err().to_string()
        };
        assert!(load(&missing).contains("middle_block.1.qkv.weight"));
        let mut extra = tensors.clone();
        extra.insert("output_blocks.99.0.conv.bias".into(), (vec![1], vec![0.0]));
        assert!(load(&extra).contains("output_blocks.99.0.conv.bias"));
        let mut wrong = tensors;
        wrong.insert("out.2.bias".into(), (vec![9], vec![0.0; 9]));
        assert!(load(&wrong).contains("expected shape"));
        assert!(load(&Tensors::new()).contains("UNetModel"));
    }
}

#[test]
fn training_tells_it_the_labels_of_the_data() {
    let config = UNetConfig { classes: Some(3), ..UNetConfig::new(Shape::new([1, 4, 4]).unwrap()) };
    let network = random(&config);
    assert_eq!(
        (network.classes(), random(&UNetConfig::new(config.shape.clone())).classes()),
        (3, 0)
    );
    let table = network.parameters().get("label_emb.weight").unwrap();
    let (width, before) = (table.shape[1], table.values.to_vec());
    let mut images = Batch::zeros(4, config.shape.clone());
    Seed(5).normal(Purpose::Data, 0, 0, images.as_mut_slice());
    // No image of class 1, and no label dropped: neither its row nor that of the null label is learnt.
    let data = FlowData { labels: Some(&[0, 2, 2, 0]), ..FlowData::from_noise(&images) };
    let training =
        FlowTraining { steps: 3, batch: 8, label_dropout: 0.0, ..FlowTraining::default() };
    let mut state = TrainingState::new(Box::new(network), training).unwrap();
    train(&mut state, &data, &mut |_| ControlFlow::Continue(())).unwrap();
    let after = state.network().parameters().get("label_emb.weight").unwrap().values;
    let moved = after.chunks(width).zip(before.chunks(width)).map(|(a, b)| a != b);
    assert_eq!(moved.collect::<Vec<_>>(), [true, false, true, false]);
}

#[test]
fn conditions_that_a_network_cannot_know_are_refused() {
    let ask = |config: &UNetConfig, conditions: Conditions| {
        let field = NetworkField::conditioned(Arc::new(random(config)), conditions);
        let x = Batch::zeros(1, config.shape.clone());
        let mut v = Batch::zeros(1, config.shape.clone());
        let at = At::new(Samples::first(1), Times::Shared(0.5), x.rows()).unwrap();
        field.velocity(&at, v.rows_mut()).map_err(|e| e.to_string())
    };
    let plain = UNetConfig::new(Shape::new([1, 4, 4]).unwrap());
    assert!(ask(&plain, Conditions::None).is_ok());
    assert!(ask(&plain, Conditions::Shared(0)).unwrap_err().contains("without conditions"));
    let told = UNetConfig { classes: Some(4), ..plain.clone() };
    for conditions in [Conditions::None, Conditions::Shared(4), Conditions::Shared(0)] {
        assert!(ask(&told, conditions).is_ok());
    }
    assert!(ask(&told, Conditions::Shared(5)).unwrap_err().contains("4 classes"));
    let strict = UNetConfig { null_label: false, ..told };
    assert!(ask(&strict, Conditions::Shared(3)).is_ok());
    for conditions in [Conditions::None, Conditions::Shared(4), Conditions::Cycle([].into())] {
        assert!(ask(&strict, conditions).unwrap_err().contains("no null label"));
    }
}

#[test]
fn impossible_configs_are_named() {
    let good = UNetConfig::new(Shape::new([1, 8, 8]).unwrap());
    for (config, word) in [
        (UNetConfig { shape: Shape::vector(64), ..good.clone() }, "channels, height, width"),
        (UNetConfig { shape: Shape::new([1, 6, 8]).unwrap(), ..good.clone() }, "multiples of 4"),
        (UNetConfig { model_channels: 48, ..good.clone() }, "multiple of 32"),
        (UNetConfig { model_channels: usize::MAX - 31, ..good.clone() }, "multiple of 32"),
        (UNetConfig { channel_mult: vec![], ..good.clone() }, "levels"),
        (UNetConfig { channel_mult: vec![1; 64], ..good.clone() }, "levels"),
        (UNetConfig { channel_mult: vec![1, 0], ..good.clone() }, "levels"),
        (UNetConfig { channel_mult: vec![1, 1], ..good.clone() }, "cancel time and class"),
        (UNetConfig { res_blocks: 0, ..good.clone() }, "res_blocks"),
        (UNetConfig { heads: 3, ..good.clone() }, "heads"),
        (UNetConfig { heads: 0, ..good.clone() }, "heads"),
        (UNetConfig { head_width: Some(48), ..good.clone() }, "heads"),
        (UNetConfig { head_width: Some(0), ..good.clone() }, "heads"),
        (UNetConfig { classes: Some(0), ..good.clone() }, "classes"),
        (UNetConfig { classes: Some(usize::MAX), ..good.clone() }, "classes"),
        (UNetConfig { model_channels: 8192, channel_mult: vec![64], ..good.clone() }, "parameters"),
    ] {
        let message = UNet::new(&config, Seed(1)).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("U-Net") && message.contains(word), "{config:?}: {message}");
    }
    let text =
        r#"{"shape": [1, 8, 8], "model_channels": 32, "channel_mult": [1], "res_blocks": 1}"#;
    let config: UNetConfig = serde_json::from_str(text).unwrap();
    assert!(config.null_label && config.heads == 1);
    assert!(serde_json::from_str::<UNetConfig>(&text.replace("res_", "ses_")).is_err());
}
