//! Data sets from whatever file holds them, told apart by how it begins and by its name.
//!
//! | file | samples | labels |
//! |---|---|---|
//! | `.npz` | array `x`, `images`, `latents`, `data` or `arr_0` | array `y` or `labels` |
//! | `.safetensors` | tensor of one of those names, or the only one | tensor `y` or `labels` |
//! | `.npy` | the array | the file beside it with `labels` in its name for `images`, if there is one |
//! | IDX, plain or gzipped | the array | the same |
//! | folder with `train-images-idx3-ubyte` | that file's | its labels file's |
//! | `.csv`, `.tsv`, `.txt` | the rows | a column `label` or `class` |
//! | folder of `.png`, `.jpg`, `.jpeg` | the images in order of their names | the subfolder, where images lie in subfolders |
//!
//! Images of unsigned bytes (levels) are scaled to `[-1, 1]` as `level / 127.5 - 1`; arrays of floats are
//! left as they are, so latents come as they were stored. A value that is not finite is refused with its row and column.

use std::path::{Path, PathBuf};

use crate::array::{Array, Tensor, Values};
use crate::csv;
use crate::dataset::{DataSet, batch};
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};
use crate::{fashion_mnist, idx, npy, npz, safetensors};

mod folder;

const SAMPLE_KEYS: [&str; 5] = ["x", "images", "latents", "data", "arr_0"];
const LABEL_KEYS: [&str; 2] = ["y", "labels"];

/// The images of a folder of IDX files.
const TRAIN_IMAGES: [&str; 2] = ["train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"];

/// Reads whatever is there: images from a folder or an array of three or four extents, points from
/// anything else.
///
/// # Errors
/// As [`load_points`] and [`load_images`].
pub fn load(path: &Path) -> Result<DataSet, Error> {
    if path.is_dir() {
        return load_images(path);
    }
    match contents(path)? {
        Contents::Table(set) => Ok(set),
        Contents::Arrays(samples, labels) if samples.shape().len() < 3 => {
            points_from(samples, labels.as_ref(), path)
        }
        Contents::Arrays(samples, labels) => images_from(samples, labels.as_ref(), path),
    }
}

/// Reads points: an array `[n, d]` (or `[n]`, then `d = 1`) or a table.
///
/// # Errors
/// [`Error::Io`] when a file cannot be read, the errors of its format, and [`Error::Invalid`] when
/// what it holds are no points, or not finite.
///
/// # Examples
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("walk.csv");
/// std::fs::write(&path, "0 1\n2 3\n4 5\n")?;
/// let set = pathline_data::load_points(&path)?;
/// assert_eq!((set.batch.len(), set.name.as_str()), (3, "walk"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_points(path: &Path) -> Result<DataSet, Error> {
    match contents(path)? {
        Contents::Table(set) => Ok(set),
        Contents::Arrays(samples, labels) => points_from(samples, labels.as_ref(), path),
    }
}

/// Reads images: an array `[n, h, w]`, `[n, c, h, w]` or `[n, h, w, c]`, or a folder of PNG and JPEG files;
/// samples have shape `[c, h, w]`.
///
/// Channels are taken to be last when the last extent is 1 or 3 and the second is not.
///
/// # Errors
/// As [`load_points`], for images.
pub fn load_images(path: &Path) -> Result<DataSet, Error> {
    if path.is_dir() {
        let idx = TRAIN_IMAGES.map(|name| path.join(name)).into_iter().find(|p| p.is_file());
        return idx.map_or_else(|| folder::read(path), |idx| load_images(&idx));
    }
    match contents(path)? {
        Contents::Arrays(samples, labels) => images_from(samples, labels.as_ref(), path),
        Contents::Table(_) => Err(invalid(path, "a table, not images", "load it as points")),
    }
}

enum Contents {
    Table(DataSet),
    Arrays(Array, Option<Array>),
}

fn contents(path: &Path) -> Result<Contents, Error> {
    let bytes = read_capped(path, MAX_FILE)?;
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if bytes.starts_with(npy::MAGIC) {
        let samples = npy::decode(&bytes, path)?;
        let labels = labels_beside(path).map(|beside| npy::read(&beside)).transpose()?;
        return Ok(Contents::Arrays(samples, labels));
    }
    if extension == "safetensors" {
        let mut tensors = safetensors::decode(&bytes, path)?.tensors;
        // The bytes are as large as the tensors.
        drop(bytes);
        let labels = LABEL_KEYS.iter().find_map(|&key| tensors.remove(key)).and_then(array);
        let named = SAMPLE_KEYS.iter().find_map(|&key| tensors.remove(key));
        let only = if tensors.len() == 1 { tensors.pop_first().map(|(_, t)| t) } else { None };
        let Some(samples) = named.or(only).and_then(array) else {
            let names: Vec<_> = tensors.into_keys().collect();
            let problem = format!("no tensor of samples among [{}]", names.join(", "));
            return Err(invalid(path, problem, "name it x, images, latents or data"));
        };
        return Ok(Contents::Arrays(samples, labels));
    }
    if bytes.starts_with(b"PK\x03\x04") || extension == "npz" {
        let mut arrays = npz::decode(&bytes, path)?;
        let labels = LABEL_KEYS.iter().find_map(|&key| arrays.remove(key));
        let Some(samples) = SAMPLE_KEYS.iter().find_map(|&key| arrays.remove(key)) else {
            let names: Vec<_> = arrays.into_keys().collect();
            let problem = format!("no array of samples among [{}]", names.join(", "));
            return Err(invalid(path, problem, "name it x, images, latents, data or arr_0"));
        };
        return Ok(Contents::Arrays(samples, labels));
    }
    if idx::is_idx(&bytes) || bytes.starts_with(&[0x1f, 0x8b]) {
        let samples = idx::decode(bytes, path)?;
        let beside = labels_beside(path);
        let labels = beside.as_ref().map(|beside| idx::read(beside)).transpose()?;
        fashion_mnist::verify(&samples, path)?;
        if let (Some(labels), Some(beside)) = (&labels, &beside) {
            fashion_mnist::verify(labels, beside)?;
        }
        return Ok(Contents::Arrays(samples, labels));
    }
    if matches!(extension.as_str(), "csv" | "tsv" | "txt") {
        return Ok(Contents::Table(csv::decode(&bytes, path)?));
    }
    if bytes.starts_with(b"PAR1") {
        let remedy = "turn it into .npz with crates/pathline-data/scripts/parquet_to_npz.py";
        return Err(Error::Unsupported(Fault::new(path, Place::File, "a Parquet file", remedy)));
    }
    let remedy =
        "give .npz, .npy, .safetensors, .csv, an IDX file or a folder of .png or .jpg files";
    Err(Error::Unsupported(Fault::new(path, Place::File, "no format that is known", remedy)))
}

fn array(tensor: Tensor) -> Option<Array> {
    Array::new(tensor.shape().to_vec(), Values::F32(tensor.into_data()))
}

/// The labels file that goes with a file of images by the usual names, if it is there.
fn labels_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    if labels == name {
        return None;
    }
    let unpacked = labels.strip_suffix(".gz").map(str::to_owned);
    let packed = format!("{labels}.gz");
    let candidates = [Some(labels), unpacked, Some(packed)];
    candidates.into_iter().flatten().map(|n| path.with_file_name(n)).find(|p| p.is_file())
}

fn points_from(samples: Array, labels: Option<&Array>, path: &Path) -> Result<DataSet, Error> {
    let width = match *samples.shape() {
        [_] => 1,
        [_, d] => d,
        ref other => {
            let problem = format!("an array of shape {other:?}, points are [n, d]");
            return Err(invalid(path, problem, "load it as images, or reshape it"));
        }
    };
    let labels = labels.map(|l| classes(l, path)).transpose()?;
    DataSet::new(batch(samples.into_values().into_f32(), &[width], path)?, labels, path)
}

/// Images from an array, scaled where it holds unsigned bytes.
pub(crate) fn images_from(
    samples: Array,
    labels: Option<&Array>,
    path: &Path,
) -> Result<DataSet, Error> {
    let (extents, channels_last) = match *samples.shape() {
        [_, h, w] => ([1, h, w], false),
        [_, c, h, w @ (1 | 3)] if !matches!(c, 1 | 3) => ([w, c, h], true),
        [_, c, h, w] => ([c, h, w], false),
        ref other => {
            let problem = format!("an array of shape {other:?}, images are [n, c, h, w]");
            return Err(invalid(path, problem, "load it as points, or reshape it"));
        }
    };
    let (values, levels) = match samples.into_values() {
        Values::U8(levels) => (scaled(&levels), true),
        other => (other.into_f32(), false),
    };
    let values = if channels_last { planar(&values, extents) } else { values };
    let labels = labels.map(|l| classes(l, path)).transpose()?;
    let set = DataSet::new(batch(values, &extents, path)?, labels, path)?;
    Ok(DataSet { scaled: levels, ..set })
}

/// Levels 0 to 255 as values in `[-1, 1]`.
pub(crate) fn scaled(levels: &[u8]) -> Vec<f32> {
    levels.iter().map(|&level| (f64::from(level) / 127.5 - 1.0) as f32).collect()
}

/// Images with interleaved channels, made channel after channel.
pub(crate) fn planar(values: &[f32], [channels, height, width]: [usize; 3]) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    // An array of no image may claim any size.
    let size = height.saturating_mul(width).saturating_mul(channels).max(1);
    for image in values.chunks_exact(size) {
        for channel in 0..channels {
            out.extend(image.iter().skip(channel).step_by(channels));
        }
    }
    out
}

fn classes(labels: &Array, path: &Path) -> Result<Vec<u32>, Error> {
    if !matches!(labels.shape(), [_] | [_, 1]) {
        let problem = format!("labels of shape {:?}", labels.shape());
        return Err(invalid(path, problem, "give one label a sample, of shape [n]"));
    }
    labels.labels().map_err(|i| {
        let problem = format!("label {i} is no class");
        invalid(path, problem, "classes are whole numbers 0, 1, 2, ...")
    })
}

fn invalid(path: &Path, problem: impl Into<String>, remedy: &str) -> Error {
    Error::Invalid(Fault::new(path, Place::File, problem, remedy))
}
