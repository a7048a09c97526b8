//! Samples with their labels and a name: what training, measuring and the exact fields start from.

use std::path::Path;

use pathline::{Batch, Shape};

use crate::error::{Error, Fault, Place};

/// Samples, a class for each where there are classes, and where they came from.
///
/// # Examples
/// ```
/// use pathline::Seed;
/// use pathline_data::PointSet;
/// let set = PointSet::Moons.data_set(100, Seed(1));
/// assert_eq!((set.batch.len(), set.name.as_str()), (100, "moons"));
/// assert_eq!(set.labels.map(|l| l.len()), Some(100));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// The samples; every value is finite.
    pub batch: Batch,
    /// The class of each sample.
    pub labels: Option<Vec<u32>>,
    /// The file's name without its extension, or the name of the built-in set.
    pub name: String,
    /// Whether the values are levels 0 to 255 of unsigned bytes, scaled as `level / 127.5 - 1`. Other
    /// values are as they were read.
    pub scaled: bool,
}

impl DataSet {
    /// A data set whose values are finite and whose labels are as many as its samples; `path` is
    /// where they came from.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no sample, a value that is not finite (with its row and column), or
    /// another number of labels than of samples.
    pub fn new(batch: Batch, labels: Option<Vec<u32>>, path: &Path) -> Result<Self, Error> {
        let invalid = |place, problem: String, remedy: &str| {
            Err(Error::Invalid(Fault::new(path, place, problem, remedy)))
        };
        if batch.is_empty() {
            return invalid(Place::File, "no sample".into(), "give at least one");
        }
        if let Some(at) = batch.as_slice().iter().position(|v| !v.is_finite()) {
            let (row, column) = ((at / batch.width()) as u64, (at % batch.width()) as u64);
            let problem = format!("the value is {}", batch.as_slice()[at]);
            return invalid(Place::Value { row, column }, problem, "remove or replace that row");
        }
        if let Some(labels) = &labels
            && labels.len() != batch.len()
        {
            let problem = format!("{} labels for {} samples", labels.len(), batch.len());
            return invalid(Place::File, problem, "give one label a sample");
        }
        Ok(Self { batch, labels, name: stem(path), scaled: false })
    }

    /// How many classes the labels name: one more than the largest, or 0 without labels.
    #[must_use]
    pub fn classes(&self) -> usize {
        let largest = self.labels.iter().flatten().max();
        largest.map_or(0, |&largest| largest as usize + 1)
    }

    /// The shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.batch.shape()
    }
}

/// The file's name up to its first dot.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    if stem.is_empty() { "data".into() } else { stem.into() }
}

/// A batch of rows of one shape read from `path`.
pub(crate) fn batch(data: Vec<f32>, extents: &[usize], path: &Path) -> Result<Batch, Error> {
    let made = Shape::new(extents).and_then(|shape| Batch::from_vec(data, shape));
    made.map_err(|e| {
        let remedy = "give samples of one shape, none of its extents zero";
        Error::Invalid(Fault::new(path, Place::File, e.to_string(), remedy))
    })
}
