//! A balanced sample of Fashion-MNIST, embedded: real images without a download.
//!
//! The first images of each class in file order, interleaved: image `i` has label `i % 10`, so
//! every prefix of a multiple of ten is balanced. 2000 images of the training set and 500 of the
//! test set (the floor that generated images are measured against). Copyright 2017 Zalando SE, MIT
//! licence: `assets/FASHION-MNIST-LICENSE.txt`; made by `assets/make_sample.py`.
//!
//! # References
//! Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset for benchmarking machine
//! learning algorithms", arXiv:1708.07747.

use std::path::Path;

use crate::dataset::DataSet;
use crate::error::Error;
use crate::{idx, load};

/// The names of the classes, in the order of the labels.
pub const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// The licence of the images, which whoever passes them on must pass on too.
pub const LICENCE: &str = include_str!("../assets/FASHION-MNIST-LICENSE.txt");

/// 2000 training images, 200 a class, of shape `[1, 28, 28]` with values in `[-1, 1]`.
///
/// # Errors
/// As [`idx::decode`]; never for the files this crate comes with.
///
/// # Examples
/// ```
/// let set = pathline_data::fashion_mnist::train()?;
/// assert_eq!(set.batch.len(), 2000);
/// assert_eq!(set.batch.shape().extents(), [1, 28, 28]);
/// # Ok::<(), pathline_data::Error>(())
/// ```
pub fn train() -> Result<DataSet, Error> {
    set(
        "fashion-mnist",
        include_bytes!("../assets/fashion-mnist-train-images.idx.gz"),
        include_bytes!("../assets/fashion-mnist-train-labels.idx.gz"),
    )
}

/// 500 images of the test set, 50 a class, which no training has seen.
///
/// # Errors
/// As [`idx::decode`]; never for the files this crate comes with.
pub fn held_out() -> Result<DataSet, Error> {
    set(
        "fashion-mnist-test",
        include_bytes!("../assets/fashion-mnist-test-images.idx.gz"),
        include_bytes!("../assets/fashion-mnist-test-labels.idx.gz"),
    )
}

fn set(name: &str, images: &[u8], labels: &[u8]) -> Result<DataSet, Error> {
    let path = Path::new(name);
    let images = idx::decode(images.to_vec(), path)?;
    let labels = idx::decode(labels.to_vec(), path)?;
    load::images_from(images, Some(&labels), path)
}
