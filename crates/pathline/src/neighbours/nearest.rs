//! The `k` nearest rows of a data set, exactly, by blocked matrix products.
//!
//! `|q - x|^2 = |q|^2 + |x|^2 - 2 <q, x>` in `f32`, one product for a block of queries and a block
//! of data, is only a sieve: a row stays a candidate while its distance, less a rigorous bound of
//! the rounding error, is not above the `k`-th smallest upper bound. Candidates are then measured
//! again in `f64` from the original values. So distances near zero are right, and the result does
//! not depend on block sizes, on the number of threads or on the matrix product.
//!
//! # References
//! Higham (2002), "Accuracy and Stability of Numerical Algorithms", section 3.1 (the error bound of
//! an inner product).

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::kernels::{Layout, product, squared_distance, squared_norm};

/// Queries of one product, and the unit of parallel work.
const QUERIES: usize = 128;
/// Data rows of one product: the block of products stays in the second-level cache.
const ROWS: usize = 1024;
/// Products tested at once.
const LANES: usize = 16;

/// Rows of the data that are not neighbours of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exclude {
    /// Every row may be a neighbour.
    #[default]
    Nothing,
    /// Query `i` is data row `i` (a set searched in itself), which is not its own neighbour.
    SameIndex,
}

impl Exclude {
    /// Rows of the data that one query may have as neighbours.
    pub(super) fn offered(self, queries: usize, data: usize) -> Result<usize, Error> {
        match self {
            Self::Nothing => Ok(data),
            Self::SameIndex if queries > data => {
                let remedy = format!("the first rows of the data, at most {data}");
                Err(Error::invalid("queries of a set searched in itself", queries, remedy))
            }
            Self::SameIndex => Ok(data.saturating_sub(1)),
        }
    }
}

/// The nearest rows of each query, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Neighbours of one query, `k`.
    pub k: usize,
    /// Data rows, `k` for each query, query after query; of equally near rows the lower first.
    pub indices: Vec<usize>,
    /// Euclidean distances, in the order of `indices`.
    pub distances: Vec<f64>,
}

/// The `k` nearest rows of `data` for each row of `queries`, by Euclidean distance.
///
/// # Errors
/// [`Error::Shape`] when the sample shapes differ; [`Error::Invalid`] when `k` is 0 or more than the
/// data offers, or when a value is not finite.
///
/// # Examples
/// ```
/// use pathline::neighbours::{Exclude, nearest};
/// use pathline::{Batch, Shape};
/// let line = Batch::from_vec(vec![0.0, 1.0, 3.0, 7.0], Shape::vector(1))?;
/// let found = nearest(&line, &line, 1, Exclude::SameIndex)?;
/// assert_eq!(found.indices, [1, 0, 1, 2]);
/// assert_eq!(found.distances, [1.0, 1.0, 2.0, 4.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn nearest(
    queries: &Batch,
    data: &Batch,
    k: usize,
    exclude: Exclude,
) -> Result<Neighbours, Error> {
    Error::check_shape("data samples", queries.shape(), data.shape())?;
    check_finite("query value", queries)?;
    check_finite("data value", data)?;
    let offered = exclude.offered(queries.len(), data.len())?;
    if k == 0 || k > offered {
        let remedy = format!("ask for 1 to {offered}, as many as the data offers");
        return Err(Error::invalid("number of neighbours", k, remedy));
    }
    let d = data.width();
    let sieve = Sieve::new(queries, data);
    let found: Vec<Vec<(f64, usize)>> =
        (0..queries.len().div_ceil(QUERIES))
            .into_par_iter()
            .flat_map_iter(|block| {
                let start = block * QUERIES;
                let rows = QUERIES.min(queries.len() - start);
                sieve.candidates(start, rows, d, (k, exclude)).into_iter().enumerate().map(
                    move |(i, candidates)| measured(queries.row(start + i), data, candidates, k),
                )
            })
            .collect();
    let (distances, indices) = found.into_iter().flatten().map(|(s, i)| (s.sqrt(), i)).unzip();
    Ok(Neighbours { k, indices, distances })
}

/// Fails on the first value that is infinite or not a number.
pub(super) fn check_finite(what: &'static str, batch: &Batch) -> Result<(), Error> {
    match batch.as_slice().iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::invalid(
            what,
            format!(
                "{} in row {}, column {}",
                batch.as_slice()[at],
                at / batch.width(),
                at % batch.width()
            ),
            "distances need finite values; remove the sample or mend where it came from",
        )),
    }
}

/// The `k` nearest candidates by squared distances in `f64`, ties by index.
fn measured(query: &[f32], data: &Batch, candidates: Vec<usize>, k: usize) -> Vec<(f64, usize)> {
    let measure = |i: usize| (squared_distance(query, data.row(i)), i);
    let mut all: Vec<(f64, usize)> = candidates.into_iter().map(measure).collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all
}

/// Queries and data, centred on the data's mean and scaled so that the largest norm is about 1.
struct Sieve {
    queries: Vec<f32>,
    data: Vec<f32>,
    query_norms: Vec<f32>,
    /// `|x|^2 (1 - error)`: what a lower bound of a squared distance begins with.
    low_norms: Vec<f32>,
    /// The relative error of a squared distance with respect to `|q|^2 + |x|^2`.
    error: f32,
}

/// Absolute slack for products that underflow (all norms are at most about 1).
const UNDERFLOW: f32 = 1e-30;

impl Sieve {
    fn new(queries: &Batch, data: &Batch) -> Self {
        let d = data.width();
        let mut mean = vec![0.0_f64; d];
        for row in data.rows().iter() {
            for (m, &v) in mean.iter_mut().zip(row) {
                *m += f64::from(v) / data.len() as f64;
            }
        }
        let norm2 = |row: &[f32]| -> f64 {
            row.iter().zip(&mean).map(|(&v, m)| (f64::from(v) - m) * (f64::from(v) - m)).sum()
        };
        let all = queries.as_slice().par_chunks(d).chain(data.as_slice().par_chunks(d));
        let largest = all.map(norm2).reduce(|| 0.0, f64::max).sqrt();
        let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
        let centre = |batch: &Batch| -> Vec<f32> {
            let mut out = vec![0.0; batch.as_slice().len()];
            out.par_chunks_mut(d).zip(batch.as_slice().par_chunks(d)).for_each(|(out, row)| {
                for ((o, &v), m) in out.iter_mut().zip(row).zip(&mean) {
                    *o = ((f64::from(v) - m) * scale) as f32;
                }
            });
            out
        };
        let norms = |rows: &[f32]| -> Vec<f32> {
            rows.par_chunks(d).map(|row| squared_norm(row) as f32).collect()
        };
        let (queries, data) = (centre(queries), centre(data));
        // d roundings of the inner product, and room for those of centring, norms and sums. Above
        // four million values a sample the bound would be useless, and is far from what blocked
        // sums do.
        let error = ((d + 32) as f32 * f32::EPSILON * 0.5).min(0.25);
        let low_norms = norms(&data).iter().map(|x2| x2 * (1.0 - error)).collect();
        Self { query_norms: norms(&queries), low_norms, queries, data, error }
    }

    /// For `rows` queries from `start` on, the data rows that may be among the `k` nearest.
    fn candidates(
        &self,
        start: usize,
        rows: usize,
        d: usize,
        (k, exclude): (usize, Exclude),
    ) -> Vec<Vec<usize>> {
        let queries = &self.queries[start * d..(start + rows) * d];
        let slack = |q2: f32| 2.0 * self.error * q2 + UNDERFLOW;
        let relative = 2.01 * self.error / (1.0 - self.error);
        let mut kept: Vec<Kept> = self.query_norms[start..start + rows]
            .iter()
            .map(|&q2| Kept::new(k, slack(q2), relative))
            .collect();
        let mut products = vec![0.0; rows * ROWS];
        for (block, data) in self.data.chunks(ROWS * d).enumerate() {
            let n = data.len() / d;
            let first = block * ROWS;
            let products = &mut products[..rows * n];
            product([rows, n, d], queries, data, Layout::Transposed, 0.0, products);
            let norms = &self.low_norms[first..first + n];
            for (i, (row, kept)) in products.chunks_exact(n).zip(&mut kept).enumerate() {
                let skip = (exclude == Exclude::SameIndex).then_some(start + i);
                kept.take(row, norms, first, skip);
            }
        }
        kept.into_iter().map(Kept::finish).collect()
    }
}

/// The candidates of one query so far.
///
/// Heights are squared distances less `|q|^2`: the same for all rows of a query, it changes no order.
struct Kept {
    k: usize,
    /// The part of the error bound that comes from the query.
    slack: f32,
    /// The part that comes from a data row, relative to its lowered squared norm.
    relative: f32,
    /// No row with a lower bound above this can be among the `k` nearest.
    limit: f32,
    /// Length at which candidates are sifted again.
    full: usize,
    /// Lower bound, upper bound and index.
    rows: Vec<(f32, f32, usize)>,
}

impl Kept {
    fn new(k: usize, slack: f32, relative: f32) -> Self {
        let full = 4 * k + 64;
        Self { k, slack, relative, limit: f32::INFINITY, full, rows: Vec::with_capacity(full) }
    }

    fn take(&mut self, products: &[f32], norms: &[f32], first: usize, skip: Option<usize>) {
        let chunks = products.chunks(LANES).zip(norms.chunks(LANES));
        for (chunk, (products, norms)) in chunks.enumerate() {
            let low = |(&p, &x2): (&f32, &f32)| x2 - 2.0 * p;
            let pairs = products.iter().zip(norms);
            let hits = pairs.clone().fold(0_u32, |n, pair| n + u32::from(low(pair) <= self.limit));
            if hits == 0 {
                continue;
            }
            for (l, (p, x2)) in pairs.enumerate() {
                let (low, index) = (low((p, x2)), first + chunk * LANES + l);
                if low <= self.limit && skip != Some(index) {
                    self.rows.push((low, low + self.relative * x2 + self.slack, index));
                }
            }
            if self.rows.len() >= self.full {
                self.sift();
            }
        }
    }

    /// Lowers the limit to the `k`-th smallest upper bound, and drops what lies above it.
    fn sift(&mut self) {
        if self.rows.len() >= self.k {
            let (_, kth, _) =
                self.rows.select_nth_unstable_by(self.k - 1, |a, b| a.1.total_cmp(&b.1));
            self.limit = self.limit.min(kth.1);
            let limit = self.limit;
            self.rows.retain(|row| row.0 <= limit);
        }
        // Many rows at one distance cannot be told apart here: let the list grow with them.
        self.full = self.full.max(2 * self.rows.len());
    }

    fn finish(mut self) -> Vec<usize> {
        self.sift();
        self.rows.into_iter().map(|row| row.2).collect()
    }
}
