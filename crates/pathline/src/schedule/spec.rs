//! Schedules as data: what a config file says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CondOt, Cosine, LinearVp, Polynomial, Schedule, Vp};
use crate::error::Error;

/// A schedule by name, with its numbers; unknown names and keys are refused.
///
/// Every variant has braces, since extra keys beside a variant without them would be let through.
///
/// # Examples
/// ```
/// use pathline::schedule::ScheduleSpec;
/// let spec: ScheduleSpec = serde_json::from_str(r#"{"kind": "vp", "beta_max": 10}"#)?;
/// assert_eq!(spec, ScheduleSpec::Vp { beta_min: 0.1, beta_max: 10.0 });
/// assert_eq!(spec.build()?.name(), "vp");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ScheduleSpec {
    /// [`CondOt`]: `alpha = t`, `sigma = 1 - t`.
    CondOt {},
    /// [`Cosine`]: `alpha = sin(pi t / 2)`, `sigma = cos(pi t / 2)`; also written `gvp`.
    #[serde(alias = "gvp")]
    Cosine {},
    /// [`LinearVp`]: `alpha = t`, `sigma = sqrt(1 - t^2)`.
    LinearVp {},
    /// [`Polynomial`]: `alpha = t^n`, `sigma = 1 - t^n`.
    Polynomial {
        /// The exponent `n`, at least 1.
        exponent: f64,
    },
    /// [`Vp`]: the variance-preserving diffusion schedule.
    Vp {
        /// Noise rate at the target; 0.1 unless given.
        #[serde(default = "beta_min")]
        beta_min: f64,
        /// Noise rate at the source; 20 unless given.
        #[serde(default = "beta_max")]
        beta_max: f64,
    },
}

fn beta_min() -> f64 {
    0.1
}

fn beta_max() -> f64 {
    20.0
}

impl Default for ScheduleSpec {
    /// The straight-line schedule.
    fn default() -> Self {
        Self::CondOt {}
    }
}

impl ScheduleSpec {
    /// The schedule it names.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a number is outside its range.
    pub fn build(&self) -> Result<Arc<dyn Schedule>, Error> {
        Ok(match *self {
            Self::CondOt {} => Arc::new(CondOt),
            Self::Cosine {} => Arc::new(Cosine),
            Self::LinearVp {} => Arc::new(LinearVp),
            Self::Polynomial { exponent } => Arc::new(Polynomial::new(exponent)?),
            Self::Vp { beta_min, beta_max } => Arc::new(Vp::new(beta_min, beta_max)?),
        })
    }
}
