//! Checkpoints of other programs, by the names of their tensors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::path::{Path, PathBuf};

use pathline_data::safetensors;
use pathline_nn::{NetworkConfig, network_from_bytes};
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
