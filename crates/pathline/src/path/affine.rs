//! The affine path of a pair: `x_t = alpha_t x_1 + sigma_t x_0` and its velocity
//! `u_t = alpha_t' x_1 + sigma_t' x_0`.
//!
//! # References
//! Lipman et al. (2024), "Flow Matching Guide and Code", on affine conditional flows.
//!
//! # Not to be confused with
//! The marginal velocity field, which is the mean of `u_t` over all pairs that pass through a point.

use rayon::prelude::*;

use crate::batch::{Rows, RowsMut, Times};
use crate::error::Error;
use crate::kernels::ROW_BLOCK;
use crate::schedule::{Coefficients, Schedule};

/// `x_t = alpha x_1 + sigma x_0` for one pair; as many elements as the shortest slice has.
pub fn path_state(c: &Coefficients, x0: &[f32], x1: &[f32], out: &mut [f32]) {
    combine(c.sigma, x0, c.alpha, x1, out);
}

/// `u_t = alpha' x_1 + sigma' x_0` for one pair; as many elements as the shortest slice has.
pub fn conditional_velocity(c: &Coefficients, x0: &[f32], x1: &[f32], out: &mut [f32]) {
    combine(c.d_sigma, x0, c.d_alpha, x1, out);
}

fn combine(a: f64, x: &[f32], b: f64, y: &[f32], out: &mut [f32]) {
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = (a * f64::from(x) + b * f64::from(y)) as f32;
    }
}

/// [`path_state`] for every pair of a batch, at a shared time or one a row.
///
/// # Errors
/// [`Error::Count`] when row counts, widths or times disagree.
///
/// # Examples
/// ```
/// use pathline::{Batch, Shape, Times, path::path_states, schedule::CondOt};
/// let noise = Batch::from_vec(vec![0.0, 4.0], Shape::vector(2))?;
/// let data = Batch::from_vec(vec![4.0, 0.0], Shape::vector(2))?;
/// let mut x = Batch::zeros(1, Shape::vector(2));
/// path_states(&CondOt, Times::Shared(0.25), noise.rows(), data.rows(), x.rows_mut())?;
/// assert_eq!(x.row(0), &[1.0, 3.0]);
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn path_states(
    schedule: &dyn Schedule,
    t: Times<'_>,
    x0: Rows<'_>,
    x1: Rows<'_>,
    out: RowsMut<'_>,
) -> Result<(), Error> {
    each_pair(t, x0, x1, out, |t, x0, x1, out| {
        path_state(&schedule.at(t), x0, x1, out);
        Ok(())
    })
}

/// [`conditional_velocity`] for every pair of a batch, at a shared time or one a row.
///
/// # Errors
/// [`Error::Count`] when row counts, widths or times disagree; [`Error::Singular`] where the
/// schedule's derivative is infinite.
pub fn conditional_velocities(
    schedule: &dyn Schedule,
    t: Times<'_>,
    x0: Rows<'_>,
    x1: Rows<'_>,
    out: RowsMut<'_>,
) -> Result<(), Error> {
    each_pair(t, x0, x1, out, |t, x0, x1, out| {
        let c = schedule.at(t);
        if !(c.d_alpha.is_finite() && c.d_sigma.is_finite()) {
            let remedy = "the schedule changes infinitely fast there: keep training times and runs \
                          away from this end";
            return Err(Error::Singular { what: "the conditional velocity", t, remedy });
        }
        conditional_velocity(&c, x0, x1, out);
        Ok(())
    })
}

fn each_pair(
    t: Times<'_>,
    x0: Rows<'_>,
    x1: Rows<'_>,
    mut out: RowsMut<'_>,
    pair: impl Fn(f64, &[f32], &[f32], &mut [f32]) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let width = x0.width();
    Error::check_count("elements of a target", width, x1.width())?;
    Error::check_count("elements of a path state", width, out.width())?;
    Error::check_count("target rows", x0.len(), x1.len())?;
    Error::check_count("path rows", x0.len(), out.len())?;
    if let Times::Each(ts) = t {
        Error::check_count("times", x0.len(), ts.len())?;
    }
    let block = |(b, out): (usize, &mut [f32])| {
        out.chunks_exact_mut(width).enumerate().find_map(|(i, out)| {
            let i = b * ROW_BLOCK + i;
            pair(t.at(i), x0.row(i), x1.row(i), out).err()
        })
    };
    let blocks = out.as_mut_slice().par_chunks_mut(ROW_BLOCK * width).enumerate();
    blocks.find_map_first(block).map_or(Ok(()), Err)
}
