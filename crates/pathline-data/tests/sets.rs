//! Data sets from files of every kind, the embedded images and the point sets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking"
)]

mod common;

use std::path::Path;

use pathline::{Batch, Seed, Shape};
use pathline_data::atomic::write_new;
use pathline_data::{
    Array, Error, PointSet, Tensor, Values, fashion_mnist, idx, load, load_images, load_points,
    npy, png, safetensors,
};

use common::golden;

#[test]
fn archives_give_samples_and_labels() {
    let points = load_points(&golden("points.npz")).unwrap();
    assert_eq!(points.batch.as_slice(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!((points.labels, points.name.as_str()), (Some(vec![0, 1, 1]), "points"));
    let images = load_images(&golden("images.npz")).unwrap();
    assert_eq!(images.shape().extents(), [3, 2, 2]);
    let level = |i: u8| (f64::from(i) / 127.5 - 1.0) as f32;
    assert_eq!(images.batch.row(0)[..5], [0, 3, 6, 9, 1].map(level));
    assert!(
        load_points(&golden("images.npz")).unwrap_err().to_string().contains("load it as images")
    );
    assert!(
        load_images(&golden("points.npz")).unwrap_err().to_string().contains("load it as points")
    );
}

#[test]
fn a_value_that_is_not_finite_is_named_by_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let values = Values::F64(vec![0.0, 1.0, 2.0, f64::INFINITY]);
    npy::write(
        &path,
        &Array::new(vec![2, 2], values).unwrap(),
        pathline_data::atomic::Existing::Keep,
    )
    .unwrap();
    let error = load_points(&path).unwrap_err();
    assert!(error.to_string().contains("row 1, column 1 (from 0): the value is inf"), "{error}");
}

#[test]
fn labels_are_found_beside_images() {
    let folder = tempfile::tempdir().unwrap();
    let images = Array::new(vec![2, 1, 2], Values::U8(vec![0, 255, 0, 255])).unwrap();
    let path = folder.path().join("train-images-idx3-ubyte");
    write_new(&path, &idx::encode(&images, &path).unwrap()).unwrap();
    let set = load_images(&path).unwrap();
    assert_eq!((set.labels, set.batch.row(1)), (None, &[-1.0, 1.0][..]));
    let beside = folder.path().join("train-labels-idx1-ubyte");
    let labels = Array::new(vec![2], Values::U8(vec![4, 2])).unwrap();
    write_new(&beside, &idx::encode(&labels, &beside).unwrap()).unwrap();
    assert_eq!(load_images(&path).unwrap().labels, Some(vec![4, 2]));
    std::fs::write(
        &beside,
        idx::encode(&Array::new(vec![1], Values::U8(vec![4])).unwrap(), &beside).unwrap(),
    )
    .unwrap();
    assert!(load_images(&path).unwrap_err().to_string().contains("1 labels for 2 samples"));
}

#[test]
fn folders_of_images_are_read_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, level: f32, side: usize| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let shape = Shape::new([1, side, side]).unwrap();
        let batch = Batch::from_vec(vec![level; side * side], shape).unwrap();
        png::write_grid(&path, &batch, 1, pathline_data::atomic::Existing::Keep).unwrap();
    };
    assert!(load_images(folder.path()).unwrap_err().to_string().contains("no .png or .jpg file"));
    save("shoe/b.png", 1.0, 2);
    save("bag/z.PNG", -1.0, 2);
    save("shoe/a.png", -1.0, 2);
    let set = load_images(folder.path()).unwrap();
    assert_eq!(set.labels, Some(vec![0, 1, 1]));
    assert_eq!([0, 1, 2].map(|i| set.batch.row(i)[0]), [-1.0, -1.0, 1.0]);
    save("shoe/c.png", 0.0, 3);
    let error = load_images(folder.path()).unwrap_err().to_string();
    assert!(error.contains("c.png") && error.contains("one size"), "{error}");
}

#[test]
fn what_is_no_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none-claims-much.npy");
    let array = Array::new(vec![0, 1 << 40, 1 << 40, 3], Values::F32(vec![])).unwrap();
    npy::write(&none, &array, pathline_data::atomic::Existing::Keep).unwrap();
    assert!(matches!(load_images(&none), Err(Error::Invalid(_))));
    let path = folder.path().join("a.dat");
    std::fs::write(&path, b"what").unwrap();
    assert!(matches!(load_points(&path), Err(Error::Unsupported(_))));
    assert!(matches!(load_points(folder.path()), Err(Error::Unsupported(_))));
    assert!(matches!(load_points(&folder.path().join("none.npy")), Err(Error::Io { .. })));
}

#[test]
fn the_embedded_images_are_balanced_in_every_prefix() {
    for (set, n) in [(fashion_mnist::train(), 2000), (fashion_mnist::held_out(), 500)] {
        let set = set.unwrap();
        assert_eq!((set.batch.len(), set.shape().extents()), (n, &[1, 28, 28][..]));
        let labels = set.labels.unwrap();
        assert!(labels.iter().enumerate().all(|(i, &l)| l as usize == i % 10));
        let (low, high) =
            set.batch.as_slice().iter().fold((0.0_f32, 0.0_f32), |(a, b), &v| (a.min(v), b.max(v)));
        assert_eq!((low, high), (-1.0, 1.0));
    }
    assert!(fashion_mnist::LICENCE.contains("Zalando SE"));
    assert_eq!(fashion_mnist::train().unwrap().name, "fashion-mnist");
    let (train, test) = (fashion_mnist::train().unwrap(), fashion_mnist::held_out().unwrap());
    let overlap = test.batch.rows().iter().any(|t| train.batch.rows().iter().any(|r| r == t));
    assert!(!overlap, "a held-out image is among the training images");
}

#[test]
fn points_depend_on_seed_and_index_alone() {
    for set in PointSet::ALL {
        let long = set.data_set(300, Seed(3));
        let short = set.data_set(20, Seed(3));
        assert_eq!(long.batch.as_slice()[..40], *short.batch.as_slice());
        assert_ne!(set.generate(20, Seed(4)), short.batch);
        assert_eq!(set.name().parse::<PointSet>().unwrap(), set);
        let quoted = format!("\"{set}\"");
        assert_eq!(serde_json::to_string(&set).unwrap(), quoted);
        assert_eq!(serde_json::from_str::<PointSet>(&quoted).unwrap(), set);
        assert!(set.generate(0, Seed(0)).is_empty());
    }
    assert!("circle".parse::<PointSet>().unwrap_err().to_string().contains("sandwich"));
}

/// Mean, variance and number of the points of one label, in one coordinate.
fn moments(set: PointSet, label: u32, axis: usize) -> (f64, f64, f64) {
    let points = set.data_set(20_000, Seed(1));
    let labels = points.labels.unwrap();
    let rows = points.batch.rows().iter().zip(labels).filter(|(_, l)| *l == label);
    let values: Vec<f64> = rows.map(|(row, _)| f64::from(row[axis])).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n, n)
}

#[test]
fn sets_have_the_moments_of_their_definitions() {
    // (set, label, axis, share, mean, variance), in closed form.
    let pi = std::f64::consts::PI;
    let half = 0.5_f64.sqrt() * 5.0;
    let sin = 0.5 - 4.0 / (pi * pi);
    for (set, label, axis, share, mean, variance) in [
        (PointSet::Moons, 0, 1, 0.5, 2.0 / pi, sin + 0.01),
        (PointSet::Moons, 1, 0, 0.5, 1.0, 0.51),
        (PointSet::TorchcfmMoons, 1, 1, 0.5, 0.5 - 6.0 / pi, 9.0 * (sin + 0.04)),
        (PointSet::EightGaussians, 1, 0, 0.125, half, 0.1_f64.sqrt()),
        (PointSet::EightGaussians, 6, 1, 0.125, -5.0, 0.1_f64.sqrt()),
        (PointSet::Checkerboard, 0, 0, 0.125, -3.0, 1.0 / 3.0),
        (PointSet::Checkerboard, 5, 1, 0.125, 3.0, 1.0 / 3.0),
        (PointSet::DenseSparse, 0, 0, 0.85, -1.5, 0.0225),
        (PointSet::DenseSparse, 1, 1, 0.15, 0.0, 0.36),
        (PointSet::MultiscaleClusters, 3, 0, 0.25, 2.0, 0.36),
        (PointSet::MultiscaleClusters, 1, 1, 0.25, -2.0, 0.0225),
        (PointSet::Sandwich, 2, 1, 0.1, 0.0, 0.09),
        (PointSet::Sandwich, 0, 0, 0.45, 0.0, 4.0 / 3.0),
    ] {
        let (found_mean, found_variance, n) = moments(set, label, axis);
        let five = 5.0 / n.sqrt();
        assert!((found_mean - mean).abs() < five * variance.sqrt(), "{set} mean {found_mean}");
        assert!((found_variance / variance - 1.0).abs() < 1.5 * five, "{set} var {found_variance}");
        let sigma = (20_000.0_f64 * share * (1.0 - share)).sqrt();
        assert!((n - 20_000.0 * share).abs() < 5.0 * sigma, "{set} share {n}");
    }
}

#[test]
fn the_checkerboard_is_one() {
    let points = PointSet::Checkerboard.generate(5000, Seed(2));
    for p in points.rows().iter() {
        let square = p.iter().map(|v| ((v + 4.0) / 2.0).floor() as i32).sum::<i32>();
        assert!(square % 2 == 0 && p.iter().all(|v| v.abs() <= 4.0), "{p:?}");
    }
}

#[test]
fn a_folder_of_idx_files_is_their_training_images() {
    let folder = tempfile::tempdir().unwrap();
    let put = |dir: &str, name: &str, array: Array| {
        let path = folder.path().join(dir).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_new(&path, &idx::encode(&array, &path).unwrap()).unwrap();
    };
    let images = Array::new(vec![2, 1, 2], Values::U8(vec![0, 255, 0, 255])).unwrap();
    let labels = Array::new(vec![2], Values::U8(vec![4, 2])).unwrap();
    for dir in ["other", "fashion-mnist"] {
        put(dir, "train-images-idx3-ubyte", images.clone());
        put(dir, "train-labels-idx1-ubyte", labels.clone());
    }
    let set = load(&folder.path().join("other")).unwrap();
    assert_eq!((set.classes(), set.labels, set.scaled), (5, Some(vec![4, 2]), true));
    // What is called like the published set must be the published set.
    let error = load(&folder.path().join("fashion-mnist")).unwrap_err().to_string();
    assert!(error.contains("not the published file: SHA-256"), "{error}");
}

#[test]
fn latents_come_as_they_were_stored_with_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..16_u8).map(|v| f32::from(v) * 100.0).collect();
    let tensor = |shape: &[usize], values: &[f32]| Tensor::new(shape.to_vec(), values.to_vec());
    let x = tensor(&[2, 2, 2, 2], &values).unwrap();
    let y = tensor(&[2], &[1.0, 0.0]).unwrap();
    let save = |name: &str, tensors: &[(&str, &Tensor)]| {
        let path = folder.path().join(name);
        let tensors = tensors.iter().map(|(name, t)| ((*name).to_owned(), (*t).clone())).collect();
        write_new(&path, &safetensors::encode(&tensors, None)).unwrap();
        load(&path)
    };
    let set = save("a.safetensors", &[("latents", &x), ("labels", &y)]).unwrap();
    assert_eq!((set.shape().extents(), set.scaled), (&[2, 2, 2][..], false));
    assert_eq!((set.batch.as_slice(), set.labels), (&values[..], Some(vec![1, 0])));
    assert_eq!(save("b.safetensors", &[("encoded", &x)]).unwrap().batch.len(), 2);
    let error = save("c.safetensors", &[("p", &x), ("q", &x)]).unwrap_err().to_string();
    assert!(error.contains("[p, q]"), "{error}");
    // Arrays of NumPy have their labels beside them.
    let put = |name: &str, array: Array| {
        npy::write(&folder.path().join(name), &array, pathline_data::atomic::Existing::Keep)
            .unwrap();
    };
    put("images.npy", Array::new(vec![2, 2, 2, 2], Values::F32(values)).unwrap());
    put("labels.npy", Array::new(vec![2], Values::I64(vec![3, 4])).unwrap());
    assert_eq!(load(&folder.path().join("images.npy")).unwrap().labels, Some(vec![3, 4]));
}

#[test]
fn the_whole_of_fashion_mnist_is_the_published_one() {
    let folder = std::env::var_os("PATHLINE_FASHION_MNIST");
    let folder = folder.unwrap_or_else(|| "/usr/share/datasets/fashion-mnist".into());
    let folder = Path::new(&folder);
    if !folder.is_dir() {
        assert!(std::env::var_os("PATHLINE_REQUIRE_DATA").is_none(), "no {}", folder.display());
        eprintln!("SKIPPED: no folder of Fashion-MNIST; name it in PATHLINE_FASHION_MNIST");
        return;
    }
    let set = load(folder).unwrap();
    assert_eq!((set.batch.len(), set.classes(), set.scaled), (60_000, 10, true));
    // The first images of each class are those of the embedded sample.
    let sample = fashion_mnist::train().unwrap();
    let labels = set.labels.unwrap();
    let first = labels.iter().position(|&label| label == 0).unwrap();
    assert_eq!(set.batch.row(first), sample.batch.row(0));
}
