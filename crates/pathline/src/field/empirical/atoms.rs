//! The data, grouped by class so that a class is a contiguous range of rows.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::squared_norm;

/// Data points with what their softmax needs.
#[derive(Debug)]
pub(super) struct Atoms {
    /// The points, class after class, within a class in the order given.
    pub(super) data: Batch,
    /// Row of the given data that each point was.
    pub(super) order: Vec<usize>,
    whole: Group,
    by_class: BTreeMap<u32, Group>,
}

/// A range of the points. What is kept for it depends on nothing outside the range, so a class
/// gives the same bytes as a data set that holds that class alone.
#[derive(Debug)]
pub(super) struct Group {
    /// Rows of [`Atoms::data`].
    pub(super) range: Range<usize>,
    /// Mean of the points.
    pub(super) centre: Vec<f64>,
    /// `|x_i - centre|^2 / 2` for each point of the range.
    pub(super) half_norms: Vec<f64>,
    /// Largest `|x_i|`.
    pub(super) radius: f64,
    /// Largest `|x_i - centre|^2`.
    pub(super) spread: f64,
}

impl Atoms {
    pub(super) fn new(data: &Batch, labels: Option<&[u32]>) -> Result<Self, Error> {
        if data.is_empty() {
            let remedy = "give at least one data point";
            return Err(Error::invalid("number of data points", 0, remedy));
        }
        if let Some(at) = data.as_slice().iter().position(|v| !v.is_finite()) {
            let (row, column) = (at / data.width(), at % data.width());
            let value = format!("{} in row {row}, column {column}", data.row(row)[column]);
            let remedy = "data must be finite: remove or repair this row (both counted from 0)";
            return Err(Error::invalid("data value", value, remedy));
        }
        let mut order: Vec<usize> = (0..data.len()).collect();
        let Some(labels) = labels else {
            let whole = Group::new(data, 0..data.len());
            return Ok(Self { data: data.clone(), order, whole, by_class: BTreeMap::new() });
        };
        Error::check_count("labels of the data", data.len(), labels.len())?;
        order.sort_by_key(|&i| labels[i]);
        let data = data.select(&order)?;
        let mut by_class = BTreeMap::new();
        let mut start = 0;
        for run in order.chunk_by(|&i, &j| labels[i] == labels[j]) {
            let range = start..start + run.len();
            start = range.end;
            by_class.insert(labels[run[0]], Group::new(&data, range));
        }
        let whole = Group::new(&data, 0..data.len());
        Ok(Self { data, order, whole, by_class })
    }

    /// The points of a class, or all of them.
    pub(super) fn group(&self, class: Option<u32>) -> Result<&Group, Error> {
        let Some(class) = class else { return Ok(&self.whole) };
        self.by_class.get(&class).ok_or_else(|| {
            let remedy = if self.by_class.is_empty() {
                "the data have no labels: give them when the field is made"
            } else {
                "no data point has this class: name one that occurs"
            };
            Error::invalid("class", class, remedy)
        })
    }

    /// Number of classes.
    pub(super) fn classes(&self) -> usize {
        self.by_class.len()
    }
}

impl Group {
    fn new(data: &Batch, range: Range<usize>) -> Self {
        let width = data.width();
        let points = &data.as_slice()[range.start * width..range.end * width];
        let mut centre = vec![0.0_f64; width];
        for point in points.chunks_exact(width) {
            centre.iter_mut().zip(point).for_each(|(c, &x)| *c += f64::from(x));
        }
        centre.iter_mut().for_each(|c| *c /= range.len() as f64);
        let half_norm = |point: &[f32]| {
            let squares = point.iter().zip(&centre).map(|(&x, c)| (f64::from(x) - c).powi(2));
            0.5 * squares.sum::<f64>()
        };
        let half_norms: Vec<f64> = points.par_chunks_exact(width).map(half_norm).collect();
        let spread = 2.0 * half_norms.iter().copied().fold(0.0, f64::max);
        let radius = points.chunks_exact(width).map(squared_norm).fold(0.0, f64::max).sqrt();
        Self { range, centre, half_norms, radius, spread }
    }
}
