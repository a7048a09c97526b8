//! Resized images against Pillow, PyTorch and a direct sum.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use common::{extents, golden, levels, numbers, relative_difference};
use pathline::{Batch, Shape};
use pathline_features::{Resizing, resize};

#[test]
fn images_are_those_of_pillow_and_pytorch() {
    let mut largest = 0.0_f64;
    for case in golden("resize.json")["cases"].as_array().unwrap() {
        let (shape, to) = (extents(&case["shape"]), extents(&case["to"]));
        let image = Batch::from_vec(levels(&shape, 0), Shape::new(&*shape).unwrap()).unwrap();
        for (how, name) in [
            (Resizing::AntialiasedBicubic, "bicubic"),
            (Resizing::HalfPixelBilinear, "half_pixel"),
            (Resizing::CornerBilinear, "corner"),
        ] {
            let found = resize(&image, [to[0], to[1]], how).unwrap();
            assert_eq!(found.shape().extents(), [shape[0], to[0], to[1]]);
            let difference = relative_difference(found.as_slice(), &numbers(&case[name]));
            assert!(difference < 2e-6, "{name} {shape:?} {to:?}: {difference:e}");
            largest = largest.max(difference);
        }
    }
    eprintln!("resizing differs by {largest:.1e} of the largest level");
}
