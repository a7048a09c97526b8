//! Specs: a run described as data. The command line parses them, recordings keep them.
//!
//! This is the only place that turns a name into a type. Unknown names and unknown keys are refused,
//! and the message lists what is known.

mod field;
mod gain;
mod run;
mod solver;
mod stepping;

pub use field::{ClassSpec, Data, FieldSpec, NoFiles, Resolver};
pub use gain::GainSpec;
pub use run::{BuiltRun, RunSpec, SampleSpec, SourceSpec};
pub use solver::SolverSpec;
pub use stepping::SteppingSpec;

use crate::error::Error;

/// Reads any spec from JSON text; `place` says where the text came from.
///
/// # Errors
/// [`Error::Spec`] naming the place, the line, and what is known there.
///
/// # Examples
/// ```
/// use pathline::spec::{SolverSpec, from_json};
/// let solver: SolverSpec = from_json("solver", r#"{"kind": "heun"}"#)?;
/// assert_eq!(solver.build().order(), 2);
/// assert!(from_json::<SolverSpec>("solver", r#"{"kind": "heun", "order": 5}"#).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
pub fn from_json<T: serde::de::DeserializeOwned>(place: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|e| Error::Spec { place: place.to_owned(), problem: e.to_string() })
}

/// The error for a name that is not among `known`.
pub(crate) fn unknown(place: &str, name: &str, known: &[&str]) -> Error {
    Error::Spec {
        place: place.to_owned(),
        problem: format!("unknown name `{name}`; known are {}", known.join(", ")),
    }
}
