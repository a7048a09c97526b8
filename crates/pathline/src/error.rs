//! What can go wrong, as data. Every message names the place and the remedy.

use crate::batch::Shape;

/// A boxed foreign error, as a [`VelocityField`](crate::field::VelocityField) outside this crate
/// may raise.
pub type Foreign = Box<dyn std::error::Error + Send + Sync>;

/// Any failure of the library.
///
/// Errors are for what cannot go on. How a run *ended* (completed, stopped by an observer, out of
/// budget) is an [`Outcome`](crate::trajectory::Outcome), and keeps its trajectory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes that must agree do not.
    #[error("{what}: expected shape {expected}, found {found}")]
    Shape {
        /// What was being checked.
        what: &'static str,
        /// The shape that was needed.
        expected: Shape,
        /// The shape that was given.
        found: Shape,
    },
    /// Two counts that must agree do not.
    #[error("{what}: expected {expected}, found {found}")]
    Count {
        /// What was being counted.
        what: &'static str,
        /// The count that was needed.
        expected: usize,
        /// The count that was given.
        found: usize,
    },
    /// An argument outside its range.
    #[error("{what} is {value}: {remedy}")]
    Invalid {
        /// The argument.
        what: &'static str,
        /// Its value, as text.
        value: String,
        /// What to give instead.
        remedy: String,
    },
    /// A quantity that does not exist at this time (a division by zero in the formula).
    #[error("{what} is not defined at t = {t}: {remedy}")]
    Singular {
        /// The quantity.
        what: &'static str,
        /// The time.
        t: f64,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A state or a velocity that is infinite or not a number.
    #[error("sample {sample} stopped being finite at t = {t}: {cause}")]
    NonFinite {
        /// Global index of the sample.
        sample: u64,
        /// Time at which it was seen.
        t: f64,
        /// The likely cause, and what to do.
        cause: &'static str,
    },
    /// A spec that names nothing we know, or does not fit together.
    #[error("{place}: {problem}")]
    Spec {
        /// Where in the spec.
        place: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Bytes that are not a recording.
    #[error("not a Pathline recording: {0}")]
    Recording(String),
    /// A failure inside a field that this library did not make.
    #[error(transparent)]
    Field(#[from] Foreign),
}

impl Error {
    /// An [`Error::Invalid`] from anything printable.
    pub fn invalid(
        what: &'static str,
        value: impl std::fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Invalid { what, value: value.to_string(), remedy: remedy.into() }
    }

    /// Fails unless two counts agree.
    ///
    /// # Errors
    /// [`Error::Count`] when they differ.
    pub fn check_count(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::Count { what, expected, found }) }
    }

    /// Fails unless two shapes agree.
    ///
    /// # Errors
    /// [`Error::Shape`] when they differ.
    pub fn check_shape(what: &'static str, expected: &Shape, found: &Shape) -> Result<(), Self> {
        if expected == found {
            Ok(())
        } else {
            Err(Self::Shape { what, expected: expected.clone(), found: found.clone() })
        }
    }
}
