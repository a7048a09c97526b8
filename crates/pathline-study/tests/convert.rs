//! Checkpoints of other programs, by the names of their tensors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pathline_data::{Tensor, safetensors};
use pathline_nn::{Network, NetworkConfig, network_from_bytes};
use pathline_study::{Hints, Precision, convert, read_network, read_network_with};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[test]
fn a_checkpoint_of_sit_gives_the_average_of_its_weights() {
    let hints = Hints { heads: Some(3), shape: None };
    let (network, _) = read_network_with(&golden("sit_tiny.pt"), &hints).unwrap();
    let NetworkConfig::Dit(config) = network.config() else { panic!("no transformer") };
    assert_eq!((config.patch, config.width, config.depth, config.classes), (4, 24, 2, 10));
    assert_eq!((config.shape.extents(), config.learned_variance), (&[1, 28, 28][..], false));
    let weights = golden("../../../pathline-nn/tests/golden/sit_tiny_patch4.safetensors");
    let weights = safetensors::read(&weights).unwrap().tensors;
    for parameter in network.parameters().iter() {
        assert_eq!(parameter.values, weights[&format!("weight.{}", parameter.name)].data());
    }
}

#[test]
fn what_a_checkpoint_leaves_open_is_asked_for() {
    let message = read_network(&golden("sit_tiny.pt")).err().unwrap().to_string();
    assert!(message.contains("heads") && message.contains("sit_tiny.pt"), "{message}");
    let unet = golden("../../../pathline-nn/tests/golden/unet.safetensors");
    let message = read_network(&unet).err().unwrap().to_string();
    assert!(message.contains("unet.safetensors"), "{message}");
}

#[test]
fn a_converted_checkpoint_needs_no_hints_and_halves_once() {
    let folder = tempfile::tempdir().unwrap();
    let hints = Hints { heads: Some(3), shape: None };
    let single = convert(&golden("sit_tiny.pt"), &hints, Precision::Single).unwrap();
    let path = folder.path().join("sit.safetensors");
    std::fs::write(&path, &single.bytes).unwrap();
    assert_eq!(read_network(&path).unwrap().0.config(), single.network);
    let half = convert(&path, &Hints::default(), Precision::Half).unwrap();
    assert!(half.bytes.len() * 3 < single.bytes.len() * 2);
    let (whole, rounded) =
        (network_from_bytes(&single.bytes).unwrap(), network_from_bytes(&half.bytes).unwrap());
    for (a, b) in whole.parameters().as_slice().iter().zip(rounded.parameters().as_slice()) {
        // Half of the last of 11 bits, or of the smallest number.
        assert!((a - b).abs() <= a.abs() / 2048.0 + 6e-8, "{a} {b}");
    }
}

/// The weights of the tiny SiT by their names, as its `state_dict` has them.
fn weights() -> BTreeMap<String, Tensor> {
    let path = golden("../../../pathline-nn/tests/golden/sit_tiny_patch4.safetensors");
    let all = safetensors::read(&path).unwrap().tensors.into_iter();
    all.filter_map(|(name, t)| Some((name.strip_prefix("weight.")?.to_owned(), t))).collect()
}

/// The network in a file of tensors, or what is said of it.
fn loaded(tensors: &BTreeMap<String, Tensor>) -> Result<Box<dyn Network>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.safetensors");
    std::fs::write(&path, safetensors::encode(tensors, None)).unwrap();
    let hints = Hints { heads: Some(3), shape: None };
    let found = read_network_with(&path, &hints);
    found.map(|(network, _)| network).map_err(|e| e.to_string())
}

fn named(prefix: &str, tensors: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    tensors.iter().map(|(name, t)| (format!("{prefix}{name}"), t.clone())).collect()
}

#[test]
fn weights_load_from_under_model_alone_and_from_inside_a_wrapper() {
    let weights = weights();
    for prefix in [
        "",
        "model.",
        "module.",
        "model.module.",
        "ema.module.",
        "model._orig_mod.",
        "_orig_mod.module.",
        "module._orig_mod.",
    ] {
        let mut tensors = named(prefix, &weights);
        if prefix.starts_with("model.") {
            // What else a training script saves beside it.
            tensors.insert("opt.state.0.exp_avg".into(), Tensor::new(vec![1], vec![0.5]).unwrap());
        }
        let network = loaded(&tensors).unwrap_or_else(|e| panic!("{prefix}: {e}"));
        assert_eq!(network.parameters().iter().count() + 1, weights.len());
        for parameter in network.parameters().iter() {
            assert_eq!(parameter.values, weights[parameter.name].data(), "{prefix}");
        }
    }
}

#[test]
fn what_a_wrapped_checkpoint_lacks_is_named_by_the_name_the_network_knows() {
    let weights = weights();
    let (lost, kept) = ("blocks.1.mlp.fc2.bias", "blocks.0.mlp.fc2.bias");
    for prefix in ["model.", "module.", "model.module."] {
        let whole = named(prefix, &weights);
        let at = |name: &str| format!("{prefix}{name}");
        let said = |tensors: &BTreeMap<String, Tensor>, what: [&str; 2]| {
            let message = loaded(tensors).err().expect("a damaged checkpoint was loaded");
            let file = message.contains("foreign.safetensors");
            assert!(file && what.iter().all(|w| message.contains(w)), "{prefix}: {message}");
        };
        let mut tensors = whole.clone();
        tensors.remove(&at(lost));
        said(&tensors, [&format!("`{lost}`"), "missing"]);
        let mut tensors = whole.clone();
        tensors.insert(at(kept), Tensor::new(vec![2, 12], vec![0.0; 24]).unwrap());
        said(&tensors, [&format!("`{kept}`"), "expected shape [24], found [2, 12]"]);
        let mut tensors = whole.clone();
        tensors.insert(at("blocks.1.attn.q_norm.weight"), whole[&at(kept)].clone());
        said(&tensors, ["`blocks.1.attn.q_norm.weight`", "not part of this network"]);
    }
    // An average that lacks a tensor is not filled up from the weights beside it.
    let mut both = named("ema.module.", &weights);
    both.remove(&format!("ema.module.{lost}"));
    both.extend(named("model.module.", &weights));
    assert!(loaded(&both).err().unwrap().contains(lost));
}
