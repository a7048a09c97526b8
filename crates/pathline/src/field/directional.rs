//! How a field changes from state to state: directional derivatives by central differences.
//!
//! `J b` is about `(u(x + h b) - u(x - h b)) / (2 h)` with an error of `h^2 / 6` times the third derivative,
//! plus the rounding of 32-bit states and velocities, of about `6e-8 |u| / h`. States are rounded
//! first and the direction that they *really* moved along comes back with the change, so that
//! rounding of states is no error: a linear field gives `J` times that direction to the rounding of
//! its velocities, at any step.
//!
//! At a step of 1/256 of the length over which the field changes, either error is below `1e-5` of `|J b|`
//! once two steps have been combined as Richardson does, `(4 D(h) - D(2 h)) / 3`. Whoever combines takes
//! the difference of the two as what the result may be off by.
//!
//! # References
//! Richardson (1911), "The approximate arithmetical solution by finite differences of physical
//! problems".

use super::VelocityField;
use crate::batch::{At, Batch, Rows};
use crate::error::Error;

/// How a field changes along a direction, for every row; both `rows x elements`, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivative {
    /// The direction that the states moved along, `(x_+ - x_-) / (2 h)`.
    pub moved: Vec<f64>,
    /// The change of the velocity, `(u(x_+) - u(x_-)) / (2 h)`: the Jacobian times `moved`.
    pub change: Vec<f64>,
}

/// The central difference of `field` along one direction a row, `step` times its length to either side.
///
/// # Errors
/// [`Error::Count`] when directions and states disagree; [`Error::Invalid`] when the step is not
/// positive and finite, or so small that a state does not move along its direction; whatever the
/// field raises.
///
/// # Examples
/// ```
/// use pathline::field::{FunctionField, directional_derivative};
/// use pathline::{At, Batch, Samples, Shape, Times};
/// let square = FunctionField::new(Shape::vector(1), "square", |_, x, u| u[0] = x[0] * x[0]);
/// let x = Batch::from_vec(vec![3.0], Shape::vector(1))?;
/// let along = Batch::from_vec(vec![1.0], Shape::vector(1))?;
/// let at = At::new(Samples::first(1), Times::Shared(0.5), x.rows())?;
/// let found = directional_derivative(&square, &at, along.rows(), 0.125)?;
/// assert_eq!((found.moved[0], found.change[0]), (1.0, 6.0));
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn directional_derivative(
    field: &dyn VelocityField,
    at: &At<'_>,
    direction: Rows<'_>,
    step: f64,
) -> Result<Derivative, Error> {
    Error::check_count("directions", at.x.len(), direction.len())?;
    Error::check_count("elements of a direction", at.x.width(), direction.width())?;
    Error::check_count("elements of a state", field.shape().elements(), at.x.width())?;
    if !(step > 0.0 && step.is_finite()) {
        let remedy = "give a positive number, such as 1/256 of the length over which the field \
                      changes";
        return Err(Error::invalid("step of a difference", step, remedy));
    }
    let (ahead, u_ahead) = evaluate(field, at, direction, step)?;
    let (behind, u_behind) = evaluate(field, at, direction, -step)?;
    let difference = |a: &Batch, b: &Batch| -> Vec<f64> {
        let pairs = a.as_slice().iter().zip(b.as_slice());
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)) / (2.0 * step)).collect()
    };
    let moved = difference(&ahead, &behind);
    let rows = direction.iter().zip(moved.chunks_exact(direction.width()));
    let zero = |v: &f64| *v == 0.0;
    for (along, moved) in rows {
        if moved.iter().all(zero) && along.iter().any(|&v| v != 0.0) {
            let remedy = "it is lost in the rounding of 32-bit states: take a larger one";
            return Err(Error::invalid("step of a difference", step, remedy));
        }
    }
    Ok(Derivative { moved, change: difference(&u_ahead, &u_behind) })
}

/// The states `x + step direction`, and the velocities there.
fn evaluate(
    field: &dyn VelocityField,
    at: &At<'_>,
    direction: Rows<'_>,
    step: f64,
) -> Result<(Batch, Batch), Error> {
    let pairs = at.x.as_slice().iter().zip(direction.as_slice());
    let moved = pairs.map(|(&x, &b)| (f64::from(x) + step * f64::from(b)) as f32).collect();
    let x = Batch::from_vec(moved, field.shape().clone())?;
    let mut u = Batch::zeros(x.len(), field.shape().clone());
    let at = At { samples: at.samples.clone(), t: at.t, x: x.rows() };
    field.velocity(&at, u.rows_mut())?;
    Ok((x, u))
}
