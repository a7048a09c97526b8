//! The FID Inception-v3 against pytorch-fid's, both with weights by formula.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use common::{alone, golden, image, numbers, relative_difference, timed, weights};
use pathline_features::{FeatureNet, Resizing, Tensors};

#[test]
fn features_are_those_of_pytorch_fid() {
    let golden = golden("inception.json");
    let FeatureNet::Inception(net) = FeatureNet::from_tensors(&weights(&golden["shapes"])).unwrap()
    else {
        panic!("not recognised")
    };
    let same = image(&[3, 299, 299], 0);
    let found = alone(|| timed("Inception, one image", || net.features(&same).unwrap()));
    assert_eq!(found.shape().extents(), [2048]);
    let mut differences =
        vec![relative_difference(found.as_slice(), &numbers(&golden["same_size"]))];

    let every_eighth = |image, how| {
        let found = net.clone().with_resizing(how).features(&image).unwrap();
        found.as_slice().iter().step_by(8).copied().collect::<Vec<f32>>()
    };
    for (how, image) in [
        (Resizing::AntialiasedBicubic, image(&[3, 35, 40], 1)),
        (Resizing::HalfPixelBilinear, image(&[1, 28, 28], 2)),
    ] {
        let wanted = numbers(&golden["every_eighth_of"][format!("{how:?}")]);
        differences.push(relative_difference(&every_eighth(image, how), &wanted));
    }
    eprintln!("features differ by {differences:?} of the largest");
    assert!(differences.iter().all(|&d| d < 2e-5), "{differences:?}");
}

#[test]
fn what_is_missing_or_another_network_is_named() {
    let mut tensors = weights(&golden("inception.json")["shapes"]);
    let message = |tensors: &Tensors| FeatureNet::from_tensors(tensors).unwrap_err().to_string();

    tensors.insert("fc.bias".into(), (vec![1000], vec![0.0; 1000]));
    assert!(message(&tensors).contains("another Inception-v3"), "{}", message(&tensors));
    tensors.insert("fc.bias".into(), (vec![1008], vec![0.0; 1008]));
    assert_eq!(FeatureNet::from_tensors(&tensors).unwrap().name(), "Inception-v3 (FID)");
    tensors.insert("AuxLogits.fc.bias".into(), (vec![1008], vec![0.0; 1008]));
    assert!(message(&tensors).contains("AuxLogits.fc.bias"));
    tensors.remove("AuxLogits.fc.bias");

    let name = "Mixed_6c.branch7x7dbl_3.conv.weight";
    let (shape, values) = tensors.remove(name).unwrap();
    let missing = format!("tensor `{name}`: missing, expected shape [160, 160, 1, 7]");
    assert_eq!(message(&tensors), missing);
    tensors.insert(name.into(), (vec![160, 160, 7, 1], values));
    assert!(message(&tensors).contains("found [160, 160, 7, 1]"), "{shape:?}");
}
