//! Fashion-MNIST: a balanced sample, embedded, so that there are real images without a download; and
//! the digests by which a whole set on disk is known to be the published one.
//!
//! The whole set is read like any IDX files ([`load_images`](crate::load_images)). Files of the usual
//! names in a folder called `fashion-mnist` (such as the one that Debian's package
//! `dataset-fashion-mnist` installs) must be the published ones to the last bit.
//!
//! The sample:
//! The first images of each class in file order, interleaved: image `i` has label `i % 10`, so
//! every prefix of a multiple of ten is balanced. 2000 images of the training set and 500 of the
//! test set (the floor that generated images are measured against). Copyright 2017 Zalando SE, MIT
//! licence: `assets/FASHION-MNIST-LICENSE.txt`; made by `assets/make_sample.py`.
//!
//! # References
//! Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset for benchmarking machine
//! learning algorithms", arXiv:1708.07747.

use std::path::Path;

use crate::array::Array;
use crate::dataset::DataSet;
use crate::error::{Error, Fault, Place};
use crate::{idx, load, sha256};

/// The files of the whole set, without `.gz`, and the SHA-256 of what they unpack to.
const FILES: [(&str, &str); 4] = [
    ("train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    ("train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    ("t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    ("t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
];

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

/// Fails if a file that is called like one of the whole set holds anything else.
pub(crate) fn verify(array: &Array, path: &Path) -> Result<(), Error> {
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let name = part(path.file_name());
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let known = FILES.iter().find(|(file, _)| *file == name);
    let Some((_, wanted)) =
        known.filter(|_| part(path.parent().and_then(Path::file_name)) == "fashion-mnist")
    else {
        return Ok(());
    };
    let found = sha256::hex(&idx::encode(array, path)?);
    if found == *wanted {
        return Ok(());
    }
    let problem = format!("is not the published file: SHA-256 {found}, not {wanted}");
    let remedy = "fetch it again, or call the folder otherwise if these are other images";
    Err(Error::Malformed(Fault::new(path, Place::File, problem, remedy)))
}

fn set(name: &str, images: &[u8], labels: &[u8]) -> Result<DataSet, Error> {
    let path = Path::new(name);
    let images = idx::decode(images.to_vec(), path)?;
    let labels = idx::decode(labels.to_vec(), path)?;
    load::images_from(images, Some(&labels), path)
}
