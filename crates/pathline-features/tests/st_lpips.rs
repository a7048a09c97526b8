//! ST-LPIPS against stlpips-pytorch, with weights by formula and, where they are at hand, its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{alone, checkpoint, extents, golden, image, numbers, timed, weights};
use pathline::{Batch, Shape};
use pathline_features::{StLpips, Tensors};

/// Weights by formula, with the blurs and the scaling that are no weights.
fn by_formula(name: &str) -> Tensors {
    let mut tensors = weights(&golden("st_lpips.json")[name]["formula"]["shapes"]);
    let blurs: &[(&str, usize)] = match name {
        "alex" => &[("slice1.1", 64), ("slice2.4", 64), ("slice3.8", 192)],
        _ => &[("slice2.5", 64), ("slice3.11", 128), ("slice4.19", 256), ("slice5.27", 512)],
    };
    for (at, channels) in blurs {
        let blur = [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0].map(|w: f32| w / 16.0);
        let blur = (vec![*channels, 1, 3, 3], blur.repeat(*channels));
        tensors.insert(format!("net.{at}.filt"), blur);
    }
    for (part, values) in [("shift", [-0.03, -0.088, -0.188]), ("scale", [0.458, 0.448, 0.45])] {
        tensors.insert(format!("scaling_layer.{part}"), (vec![1, 3, 1, 1], values.to_vec()));
    }
    tensors
}

#[test]
fn weights_by_formula_give_the_distances_of_the_package() {
    for name in ["alex", "vgg"] {
        let metric = StLpips::from_tensors(&by_formula(name)).unwrap();
        let wanted = &golden("st_lpips.json")[name]["formula"];
        let shape = extents(&wanted["shape"]);
        let found = metric.distances(&image(&shape, 0), &image(&shape, 1)).unwrap()[0];
        let wanted = wanted["distance"].as_f64().unwrap();
        eprintln!("{name}: {found:.7}, differs by {:.1e}", (found - wanted).abs());
        assert!((found - wanted).abs() < 1e-6);
    }
}

fn trunk(name: &str) -> Option<StLpips> {
    let tensors = checkpoint(&format!("{name}_shift_tolerant.pth"))?;
    let metric = StLpips::from_tensors(&tensors).unwrap();
    assert_eq!(metric.name(), format!("ST-LPIPS ({name})"));
    Some(metric)
}

fn photo(folder: &Path, name: &str) -> Batch {
    let photo = pathline_data::png::read(&folder.join(name)).unwrap().over_white();
    let (pixels, channels) = (photo.width * photo.height, photo.channels);
    let level = |i: usize| f32::from(photo.levels[i % pixels * channels + i / pixels]);
    let values = (0..pixels * channels).map(|i| level(i) / 127.5 - 1.0).collect();
    let shape = Shape::new([channels, photo.height, photo.width]).unwrap();
    Batch::from_vec(values, shape).unwrap()
}

#[test]
fn distances_of_levels_are_those_of_the_package() {
    for name in ["alex", "vgg"] {
        let Some(metric) = trunk(name) else { continue };
        for case in golden("st_lpips.json")[name]["levels"].as_array().unwrap() {
            let shape = extents(&case["shape"]);
            let (a, b) = (image(&shape, 0), image(&shape, 1));
            let found = metric.distances(&a, &b).unwrap()[0];
            let wanted = case["distance"].as_f64().unwrap();
            eprintln!("{name} {shape:?}: {found:.7}, differs by {:.1e}", (found - wanted).abs());
            assert!((found - wanted).abs() < 1e-6);
        }
    }
}

#[test]
fn distances_of_photographs_are_the_published_ones() {
    let shared = std::env::var_os("PATHLINE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("data/lpips-example");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no {}; set PATHLINE_SHARED to test photographs", folder.display());
        return;
    }
    let [reference, first, second] =
        ["ex_ref.png", "ex_p0.png", "ex_p1.png"].map(|name| photo(&folder, name));
    let mut twice = reference.clone();
    twice.append(&reference).unwrap();
    let mut both = first;
    both.append(&second).unwrap();
    for name in ["alex", "vgg"] {
        let Some(metric) = trunk(name) else { continue };
        let what = format!("{name}, two pairs");
        let found = alone(|| timed(&what, || metric.distances(&twice, &both).unwrap()));
        let wanted = numbers(&golden("st_lpips.json")[name]["photos"]);
        for (found, wanted) in found.iter().zip(wanted) {
            eprintln!("{name}: {found:.7}, differs by {:.1e}", (found - wanted).abs());
            assert!((found - wanted).abs() < 1e-6);
        }
        // Any batch, any number of threads, either order.
        assert_eq!(metric.distances(&reference, &second).unwrap()[0], found[1]);
        assert_eq!(metric.distances(&second, &reference).unwrap()[0], found[1]);
        assert_eq!(metric.distances(&second, &second).unwrap(), [0.0]);
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    for (name, least) in [("alex", 21), ("vgg", 18)] {
        let metric = StLpips::from_tensors(&by_formula(name)).unwrap();
        let enough = image(&[1, least, least], 0);
        assert_eq!(metric.distances(&enough, &enough).unwrap(), [0.0]);
        let small = image(&[1, least - 1, least], 0);
        let error = metric.distances(&small, &small).unwrap_err().to_string();
        assert!(error.contains("too small"), "{error}");
        assert!(metric.distances(&enough, &image(&[3, least, least], 0)).is_err());
        let none = Batch::zeros(0, enough.shape().clone());
        assert!(metric.distances(&enough, &none).is_err());
        assert!(metric.distances(&none, &none).unwrap().is_empty());
        let mut bad = enough.clone();
        bad.as_mut_slice()[1] = f32::NAN;
        assert!(metric.distances(&enough, &bad).unwrap_err().to_string().contains("not finite"));
    }
}

#[test]
fn weights_of_another_trunk_are_named() {
    let mut tensors = by_formula("alex");
    let error = |tensors: &Tensors| StLpips::from_tensors(tensors).unwrap_err().to_string();
    tensors.get_mut("net.slice2.4.filt").unwrap().1[3] = 0.5;
    assert!(error(&tensors).contains("net.slice2.4.filt"), "{}", error(&tensors));
    tensors.remove("net.slice2.4.filt");
    assert!(error(&tensors).contains("missing"), "{}", error(&tensors));
}
