//! Velocity fields `u_t(x)`: what is integrated. One file a field; wrappers change a field as a
//! function.
//!
//! A field is pure: the same (t, x, sample index) always gives the same velocity. What acts on the
//! *run* instead (a gain, an intervention, an observer) is not a field.

mod clock_shifted;
mod counted;
mod density;
mod directional;
mod empirical;
mod function;
mod gaussian;
mod guided;
mod low_rank;
mod mixture;
mod rescheduled;
mod reversed;
mod rows;
mod source_scaled;
mod switched;

pub use clock_shifted::ClockShifted;
pub use counted::Counted;
pub use density::MarginalDensity;
pub use directional::{Derivative, directional_derivative};
pub use empirical::{EmpiricalField, Posterior};
pub use function::FunctionField;
pub use gaussian::{Gaussian, GaussianField};
pub use guided::Guided;
pub use low_rank::{Drawn, LowRankField, LowRankGaussian, LowRankMixture};
pub use mixture::{GaussianMixture, MixtureField};
pub use rescheduled::Rescheduled;
pub use reversed::Reversed;
pub use source_scaled::SourceScaled;
pub use switched::{SwitchTimes, Switched};

use std::sync::Arc;

use crate::batch::{At, Rows, RowsMut, Shape, Times};
use crate::error::Error;

/// `u_t(x)` on `R^d`, for `t` in `[0, 1]` from source to target.
///
/// Held as `Arc<dyn VelocityField>`. An implementation must be pure and must give each row the same
/// bytes whatever other rows are asked for in the same call
/// ([`kernels::rows_times`](crate::kernels::rows_times) does).
pub trait VelocityField: Send + Sync {
    /// The shape of one state.
    fn shape(&self) -> &Shape;

    /// Writes `u_t(x)` for every row of `at.x` into the same row of `out`.
    ///
    /// # Errors
    /// Any [`Error`]; wrong row counts or widths must give an error, never a panic.
    fn velocity(&self, at: &At<'_>, out: RowsMut<'_>) -> Result<(), Error>;

    /// Writes `J^T w` for every row `w` of `along` into the same row of `out`, with the Jacobian
    /// `J = du_t/dx` at the row's state: a vector-Jacobian product (VJP), without differences. Says whether the
    /// field has one (the default is none, and a wrapper has one where what it wraps has); where not, nothing is written, and
    /// [`directional_derivative`] is the way. A row has the same bytes whatever other rows are asked for.
    ///
    /// # Errors
    /// As [`velocity`](Self::velocity); [`Error::Count`] when `along` has other rows or widths.
    fn pullback(&self, at: &At<'_>, along: Rows<'_>, out: RowsMut<'_>) -> Result<bool, Error> {
        let _ = (at, along, out);
        Ok(false)
    }

    /// What this field is, as data, down through what it wraps.
    fn record(&self) -> FieldRecord;

    /// Whether the formula divides by zero at `t = 1`, so that no stage of a solver may be
    /// evaluated there. Wrappers pass on what they wrap.
    fn singular_at_target(&self) -> bool {
        false
    }

    /// Whether the formula divides by zero at `t = 0`. Wrappers pass on what they wrap.
    fn singular_at_source(&self) -> bool {
        false
    }
}

/// A field as data: its name, its numbers, what it wraps, and where it comes from.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FieldRecord {
    /// The field's name in specs.
    pub name: String,
    /// Its parameters, by name.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The fields it wraps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<FieldRecord>,
}

impl FieldRecord {
    /// A record without parameters.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), parameters: serde_json::Map::new(), inner: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a [`fingerprint`] of the numbers that the field is made of, so that records of different
    /// fields differ however many numbers there are.
    #[must_use]
    pub fn with_fingerprint(self, bytes: impl IntoIterator<Item = u8>) -> Self {
        self.with("fingerprint", format!("{:016x}", fingerprint(bytes)))
    }

    /// Adds a wrapped field.
    #[must_use]
    pub fn around(mut self, inner: &dyn VelocityField) -> Self {
        self.inner.push(inner.record());
        self
    }
}

/// 64-bit FNV-1a over bytes: tells data apart that differ by accident, not by malice.
pub fn fingerprint(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// The class a field is conditioned on, looked up by global sample index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Conditions {
    /// No condition: the marginal field.
    #[default]
    None,
    /// Every sample has this class.
    Shared(u32),
    /// Sample `i` has class `classes[i % classes.len()]`.
    Cycle(Arc<[u32]>),
}

impl Conditions {
    /// The class of a sample, if any.
    #[must_use]
    pub fn of(&self, sample: u64) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Shared(class) => Some(*class),
            Self::Cycle(classes) if classes.is_empty() => None,
            Self::Cycle(classes) => Some(classes[(sample % classes.len() as u64) as usize]),
        }
    }

    /// The different classes that occur, in ascending order.
    #[must_use]
    pub fn classes(&self) -> Vec<u32> {
        match self {
            Self::None => Vec::new(),
            Self::Shared(class) => vec![*class],
            Self::Cycle(classes) => {
                let mut classes = classes.to_vec();
                classes.sort_unstable();
                classes.dedup();
                classes
            }
        }
    }

    /// What they are, in words short enough for a record.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Shared(class) => format!("class {class}"),
            Self::Cycle(classes) if classes.len() <= 16 => format!("cycle {classes:?}"),
            Self::Cycle(classes) => format!("cycle of {} classes", classes.len()),
        }
    }
}

/// Fails unless rows, output and the field's width agree: the first line of every field.
///
/// # Errors
/// [`Error::Count`] naming what disagrees.
pub fn check(shape: &Shape, at: &At<'_>, out: &RowsMut<'_>) -> Result<(), Error> {
    Error::check_count("elements of a state", shape.elements(), at.x.width())?;
    Error::check_count("elements of a velocity", shape.elements(), out.width())?;
    Error::check_count("velocity rows", at.x.len(), out.len())?;
    if let Times::Each(ts) = at.t {
        Error::check_count("times", at.x.len(), ts.len())?;
    }
    Error::check_count("sample indices", at.x.len(), at.samples.len())
}

/// Asks of the same states at other times.
fn at_times<T>(at: &At<'_>, told: impl Fn(f64) -> f64, ask: impl FnOnce(&At<'_>) -> T) -> T {
    let each: Vec<f64>;
    let t = match at.t {
        Times::Shared(t) => Times::Shared(told(t)),
        Times::Each(ts) => {
            each = ts.iter().copied().map(told).collect();
            Times::Each(&each)
        }
    };
    ask(&At { samples: at.samples.clone(), t, x: at.x })
}

/// [`check`] for [`VelocityField::pullback`].
///
/// # Errors
/// [`Error::Count`] naming what disagrees.
pub fn check_pullback(
    shape: &Shape,
    at: &At<'_>,
    along: Rows<'_>,
    out: &RowsMut<'_>,
) -> Result<(), Error> {
    Error::check_count("vectors to pull back", at.x.len(), along.len())?;
    Error::check_count("elements of a vector to pull back", shape.elements(), along.width())?;
    check(shape, at, out)
}
