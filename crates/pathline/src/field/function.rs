//! A field from a closure: any formula, one row at a time.

use super::rows::each_row;
use super::{FieldRecord, VelocityField};
use crate::batch::{At, RowsMut, Shape};
use crate::error::Error;

/// A velocity field given by a function of `(t, x)` that writes `u_t(x)`.
///
/// The function must be pure: it is called once a row, from several threads.
///
/// # Examples
/// ```
/// use pathline::{At, Batch, Samples, Shape, Times, VelocityField, field::FunctionField};
/// // u_t(x) = -x
/// let field = FunctionField::new(Shape::vector(2), "decay", |_t, x: &[f32], u: &mut [f32]| {
///     u.iter_mut().zip(x).for_each(|(u, x)| *u = -x);
/// });
/// let x = Batch::from_vec(vec![1.0, 2.0], Shape::vector(2))?;
/// let mut u = Batch::zeros(1, Shape::vector(2));
/// field.velocity(&At::new(Samples::first(1), Times::Shared(0.0), x.rows())?, u.rows_mut())?;
/// assert_eq!(u.row(0), &[-1.0, -2.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FunctionField<F> {
    shape: Shape,
    name: String,
    function: F,
}

impl<F: Fn(f64, &[f32], &mut [f32]) + Send + Sync> FunctionField<F> {
    /// The field of `function` on states of `shape`; `name` is what records call it.
    pub fn new(shape: Shape, name: impl Into<String>, function: F) -> Self {
        Self { shape, name: name.into(), function }
    }
}

impl<F: Fn(f64, &[f32], &mut [f32]) + Send + Sync> VelocityField for FunctionField<F> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error> {
        each_row(&self.shape, at, out, |row, out| {
            (self.function)(row.t, row.x, out);
            Ok(())
        })
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("function").with("function", self.name.clone())
    }
}
