//! EfficientNet-Lite0 against PyTorch's operations, with weights by formula and, where they are at hand, its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

mod common;

use common::{
    alone, checkpoint, extents, golden, image, levels, numbers, relative_difference, timed, weights,
};
use pathline::{Batch, Shape};
use pathline_features::{EfficientNetLite0, FeatureNet, Tensors};
use serde_json::Value;

fn check(tensors: &Tensors, wanted: &Value, first: usize) {
    let net = EfficientNetLite0::from_tensors(tensors).unwrap();
    for (i, wanted) in wanted.as_array().unwrap().iter().enumerate() {
        let image = image(&extents(&wanted["shape"]), i + first);
        let what = "EfficientNet-Lite0, one image";
        let features = alone(|| timed(what, || net.features(&image).unwrap()));
        let scores = net.logits(&features).unwrap();
        let scores: Vec<f32> = scores.as_slice().iter().step_by(10).copied().collect();
        let differences = [
            relative_difference(features.as_slice(), &numbers(&wanted["features"])),
            relative_difference(&scores, &numbers(&wanted["every_tenth_score"])),
        ];
        eprintln!("features and scores differ by {differences:?} of the largest");
        assert!(differences.iter().all(|&d| d < 2e-5), "{differences:?}");
    }
}

#[test]
fn weights_by_formula_give_the_features_of_pytorch() {
    let golden = golden("efficientnet_lite0.json");
    check(&weights(&golden["shapes"]), &golden["formula"], 0);
}

#[test]
fn its_own_weights_give_the_features_of_pytorch() {
    if let Some(tensors) = checkpoint("efficientnet-lite0-57934424.pth") {
        check(&tensors, &golden("efficientnet_lite0.json")["real"], 0);
    }
}

fn net() -> FeatureNet {
    FeatureNet::from_tensors(&weights(&golden("efficientnet_lite0.json")["shapes"])).unwrap()
}

#[test]
fn an_image_has_the_same_bytes_in_any_batch_and_on_any_number_of_threads() {
    let (net, shape) = (net(), [1, 20, 24]);
    assert_eq!((net.name(), net.width()), ("EfficientNet-Lite0", 1280));
    let many = (0..5).flat_map(|i| levels(&shape, i)).map(|l| l / 127.5 - 1.0).collect();
    let many = Batch::from_vec(many, Shape::new(shape).unwrap()).unwrap();
    let whole = net.features(&many).unwrap();
    assert_eq!(alone(|| net.features(&many).unwrap()), whole);
    for i in 0..5 {
        let one = net.features(&many.select(&[i]).unwrap()).unwrap();
        assert_eq!(one.row(0), whole.row(i));
    }
    let FeatureNet::EfficientNetLite0(net) = net else { panic!("not recognised") };
    let scores = net.logits(&whole).unwrap();
    let last = net.logits(&whole.select(&[4]).unwrap()).unwrap();
    assert_eq!(last.row(0), scores.row(4));
}

#[test]
fn images_and_features_of_other_shapes_are_refused() {
    let net = net();
    let two_channels = Batch::zeros(1, Shape::new([2, 8, 8]).unwrap());
    assert!(net.features(&two_channels).is_err());
    let mut image = image(&[1, 8, 8], 0);
    assert!(net.features(&Batch::zeros(0, image.shape().clone())).unwrap().is_empty());
    image.as_mut_slice()[5] = f32::NAN;
    assert!(net.features(&image).unwrap_err().to_string().contains("not finite"));
    let FeatureNet::EfficientNetLite0(net) = net else { panic!("not recognised") };
    assert!(net.logits(&Batch::zeros(1, Shape::vector(7))).is_err());
}

#[test]
fn what_is_missing_is_named() {
    let mut tensors = weights(&golden("efficientnet_lite0.json")["shapes"]);
    tensors.remove("_blocks.3._bn1.running_var");
    let error = FeatureNet::from_tensors(&tensors).unwrap_err().to_string();
    assert_eq!(error, "tensor `_blocks.3._bn1.running_var`: missing, expected shape [144]");
    tensors.clear();
    tensors.insert("lin0.model.1.weight".into(), (vec![], vec![]));
    let error = FeatureNet::from_tensors(&tensors).unwrap_err().to_string();
    assert!(error.contains("perceptual distance"), "{error}");
}
