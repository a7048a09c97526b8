//! A field that counts how often it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FieldRecord, VelocityField};
use crate::batch::{At, Rows, RowsMut, Shape};
use crate::error::Error;

/// Passes every evaluation on and counts calls and rows.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use pathline::field::{Counted, FunctionField};
/// use pathline::Shape;
/// let still = FunctionField::new(Shape::vector(1), "still", |_, _: &[f32], u: &mut [f32]| u.fill(0.0));
/// let counted = Counted::new(Arc::new(still));
/// assert_eq!((counted.calls(), counted.rows()), (0, 0));
/// ```
pub struct Counted {
    inner: Arc<dyn VelocityField>,
    calls: AtomicU64,
    rows: AtomicU64,
}

impl Counted {
    /// Counts evaluations of `inner`, from zero.
    #[must_use]
    pub fn new(inner: Arc<dyn VelocityField>) -> Self {
        Self { inner, calls: AtomicU64::new(0), rows: AtomicU64::new(0) }
    }

    /// Evaluations so far, whatever their number of rows.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Rows evaluated so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

impl VelocityField for Counted {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(at.x.len() as u64, Ordering::Relaxed);
        self.inner.velocity(at, out)
    }

    /// The product of what is counted; no evaluation.
    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        self.inner.pullback(at, along, out)
    }

    /// The record of what is counted: counting does not change a field.
    fn record(&self) -> FieldRecord {
        self.inner.record()
    }

    fn singular_at_target(&self) -> bool {
        self.inner.singular_at_target()
    }

    fn singular_at_source(&self) -> bool {
        self.inner.singular_at_source()
    }
}
