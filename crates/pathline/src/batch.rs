//! `n` states of one shape, and the views of them that fields and solvers work on.

use std::fmt;
use std::ops::Range;

use crate::error::Error;

/// The shape of one sample: `[2]` for a point of the plane, `[1, 28, 28]` for a small image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Shape(Vec<usize>);

impl TryFrom<Vec<usize>> for Shape {
    type Error = Error;

    /// As [`Shape::new`]: what is read from a file is checked like anything else.
    fn try_from(extents: Vec<usize>) -> Result<Self, Error> {
        Self::new(extents)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(shape: Shape) -> Self {
        shape.0
    }
}

impl Shape {
    /// A shape from its extents. An empty list is a scalar sample of one element.
    ///
    /// # Errors
    /// [`Error::Invalid`] when an extent is zero or the product overflows.
    pub fn new(extents: impl Into<Vec<usize>>) -> Result<Self, Error> {
        let extents = extents.into();
        let elements = extents.iter().try_fold(1_usize, |n, &e| n.checked_mul(e));
        match elements {
            Some(n) if n > 0 => Ok(Self(extents)),
            _ => Err(Error::invalid(
                "sample shape",
                format!("{extents:?}"),
                "every extent must be at least 1, and their product must fit in memory",
            )),
        }
    }

    /// The shape of a point with `dimension` coordinates; zero counts as one.
    #[must_use]
    pub fn vector(dimension: usize) -> Self {
        Self(vec![dimension.max(1)])
    }

    /// The number of elements of one sample, `d`.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.iter().product()
    }

    /// The extents.
    #[must_use]
    pub fn extents(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// `n` samples of one [`Shape`], row-major and contiguous, in `f32`.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    shape: Shape,
    data: Vec<f32>,
}

impl Batch {
    /// `rows` samples, all zero.
    #[must_use]
    pub fn zeros(rows: usize, shape: Shape) -> Self {
        let data = vec![0.0; rows * shape.elements()];
        Self { shape, data }
    }

    /// A batch over existing values, row after row.
    ///
    /// # Errors
    /// [`Error::Count`] when the values do not fill whole rows.
    ///
    /// # Examples
    /// ```
    /// use pathline::{Batch, Shape};
    /// let points = Batch::from_vec(vec![0.0, 1.0, 2.0, 3.0], Shape::vector(2))?;
    /// assert_eq!(points.len(), 2);
    /// assert_eq!(points.row(1), &[2.0, 3.0]);
    /// # Ok::<(), pathline::Error>(())
    /// ```
    pub fn from_vec(data: Vec<f32>, shape: Shape) -> Result<Self, Error> {
        let width = shape.elements();
        let whole = data.len() / width * width;
        Error::check_count("values in a batch (a whole number of rows)", whole, data.len())?;
        Ok(Self { shape, data })
    }

    /// Number of samples, `n`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.shape.elements()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Elements of one sample, `d`.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.elements()
    }

    /// The shape of one sample.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Sample `i` as a slice of `d` values.
    ///
    /// # Panics
    /// When `i` is not below [`Batch::len`], like a slice.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f32] {
        let w = self.width();
        &self.data[i * w..(i + 1) * w]
    }

    /// All values, row after row.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All values, writable.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The values, without the shape.
    #[must_use]
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }

    /// A view of all rows.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows { data: &self.data, width: self.width() }
    }

    /// A writable view of all rows.
    pub fn rows_mut(&mut self) -> RowsMut<'_> {
        let width = self.width();
        RowsMut { data: &mut self.data, width }
    }

    /// The rows named by `indices`, in that order (a row may be named more than once).
    ///
    /// # Errors
    /// [`Error::Invalid`] when an index is out of range.
    pub fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        let mut data = Vec::with_capacity(indices.len() * self.width());
        for &i in indices {
            if i >= self.len() {
                let remedy = format!("the batch has {} rows, counted from 0", self.len());
                return Err(Error::invalid("row index", i, remedy));
            }
            data.extend_from_slice(self.row(i));
        }
        Ok(Self { shape: self.shape.clone(), data })
    }

    /// Adds the rows of `other` below these.
    ///
    /// # Errors
    /// [`Error::Shape`] when the sample shapes differ.
    pub fn append(&mut self, other: &Self) -> Result<(), Error> {
        Error::check_shape("batch to append", &self.shape, &other.shape)?;
        self.data.extend_from_slice(&other.data);
        Ok(())
    }

    /// The same values with another sample shape of as many elements.
    ///
    /// # Errors
    /// [`Error::Shape`] when the element counts differ.
    pub fn reshaped(self, shape: Shape) -> Result<Self, Error> {
        if shape.elements() == self.shape.elements() {
            Ok(Self { shape, data: self.data })
        } else {
            Err(Error::Shape { what: "new sample shape", expected: self.shape, found: shape })
        }
    }
}

/// A read-only view of rows.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    data: &'a [f32],
    width: usize,
}

impl<'a> Rows<'a> {
    /// A view over `data`, cut into rows of `width`; a remainder is left out.
    #[must_use]
    pub fn new(data: &'a [f32], width: usize) -> Self {
        let width = width.max(1);
        Self { data: &data[..data.len() / width * width], width }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Elements of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Row `i`.
    ///
    /// # Panics
    /// When `i` is not below [`Rows::len`], like a slice.
    #[must_use]
    pub fn row(&self, i: usize) -> &'a [f32] {
        &self.data[i * self.width..(i + 1) * self.width]
    }

    /// Row after row.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, f32> {
        self.data.chunks_exact(self.width)
    }

    /// All values.
    #[must_use]
    pub fn as_slice(&self) -> &'a [f32] {
        self.data
    }
}

/// A writable view of rows.
#[derive(Debug)]
pub struct RowsMut<'a> {
    data: &'a mut [f32],
    width: usize,
}

impl<'a> RowsMut<'a> {
    /// A view over `data`, cut into rows of `width`; a remainder is left out.
    #[must_use]
    pub fn new(data: &'a mut [f32], width: usize) -> Self {
        let width = width.max(1);
        let whole = data.len() / width * width;
        Self { data: &mut data[..whole], width }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Elements of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Row `i`, writable.
    ///
    /// # Panics
    /// When `i` is not below [`RowsMut::len`], like a slice.
    pub fn row(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.width..(i + 1) * self.width]
    }

    /// All values, writable.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.data
    }

    /// The values, for as long as the view was made for.
    #[must_use]
    pub fn into_slice(self) -> &'a mut [f32] {
        self.data
    }

    /// A shorter-lived view of the same rows.
    pub fn reborrow(&mut self) -> RowsMut<'_> {
        RowsMut { data: self.data, width: self.width }
    }
}

/// The global indices of the rows at hand.
///
/// Labels, noise, probes and records are looked up by this index, so that a chunk, a shard or the
/// active rows of an adaptive step give what the whole batch would have given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples<'a> {
    /// Consecutive samples.
    Range(Range<u64>),
    /// Any samples.
    List(&'a [u64]),
}

impl Samples<'_> {
    /// The first `n` samples.
    #[must_use]
    pub fn first(n: usize) -> Samples<'static> {
        Samples::Range(0..n as u64)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Range(r) => usize::try_from(r.end.saturating_sub(r.start)).unwrap_or(usize::MAX),
            Self::List(l) => l.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The global index of row `i`.
    ///
    /// # Panics
    /// When `i` is out of a list's range, like a slice.
    #[must_use]
    pub fn at(&self, i: usize) -> u64 {
        match self {
            Self::Range(r) => r.start + i as u64,
            Self::List(l) => l[i],
        }
    }

    /// Every index in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.len()).map(|i| self.at(i))
    }
}

/// One time for all rows, or one for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Times<'a> {
    /// All rows are at this time.
    Shared(f64),
    /// Row `i` is at `t[i]` (training batches and held-out probes).
    Each(&'a [f64]),
}

impl Times<'_> {
    /// The time of row `i`.
    ///
    /// # Panics
    /// When `i` is out of range of a list, like a slice.
    #[must_use]
    pub fn at(&self, i: usize) -> f64 {
        match self {
            Self::Shared(t) => *t,
            Self::Each(ts) => ts[i],
        }
    }
}

/// Where a field is evaluated: who the rows are, when, and what they hold.
#[derive(Debug, Clone)]
pub struct At<'a> {
    /// Global sample indices, one a row.
    pub samples: Samples<'a>,
    /// Time or times, in `[0, 1]` from source to target.
    pub t: Times<'a>,
    /// The states.
    pub x: Rows<'a>,
}

impl<'a> At<'a> {
    /// A point of evaluation whose parts agree.
    ///
    /// # Errors
    /// [`Error::Count`] when the samples or the times are not as many as the rows.
    pub fn new(samples: Samples<'a>, t: Times<'a>, x: Rows<'a>) -> Result<Self, Error> {
        Error::check_count("sample indices", x.len(), samples.len())?;
        if let Times::Each(ts) = t {
            Error::check_count("times", x.len(), ts.len())?;
        }
        Ok(Self { samples, t, x })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_from_a_file_is_checked() {
        let read = |text: &str| serde_json::from_str::<Shape>(text);
        let image = read("[1, 28, 28]").unwrap();
        assert_eq!(image.elements(), 784);
        assert_eq!(serde_json::to_string(&image).unwrap(), "[1,28,28]");
        for bad in ["[0]", "[2, 0]", "[4294967296, 4294967296]", "[-1]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
