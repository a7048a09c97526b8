//! Couplings as data.

use std::str::FromStr;
use std::sync::Arc;

use super::{ConditionAware, Independent, LabelledCoupling, MinibatchOt, Sinkhorn};
use crate::error::Error;

/// Names, as they are written on a command line.
const KNOWN: &str = "independent, minibatch-ot, sinkhorn[:reg], condition-aware, or JSON such as \
                     {\"kind\": \"minibatch-ot\"}";

/// A coupling as data.
///
/// # Examples
/// ```
/// use pathline::coupling::CouplingSpec;
/// let spec: CouplingSpec = serde_json::from_str(r#"{"kind": "minibatch-ot"}"#)?;
/// assert_eq!(spec.build().name(), "minibatch-ot");
/// assert_eq!("minibatch-ot".parse::<CouplingSpec>()?, spec);
/// assert!(serde_json::from_str::<CouplingSpec>(r#"{"kind": "independent", "reg": 1}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CouplingSpec {
    /// [`Independent`]: row `i` with row `i`.
    Independent {},
    /// [`MinibatchOt`]: the permutation of least total squared distance.
    MinibatchOt {},
    /// [`ConditionAware`]: that permutation within each label. Needs targets with labels.
    ConditionAware {},
    /// [`Sinkhorn`]: targets drawn from the entropic plan.
    Sinkhorn {
        /// See [`Sinkhorn::reg`].
        #[serde(default = "default_reg")]
        reg: f64,
        /// See [`Sinkhorn::relative`].
        #[serde(default = "default_relative")]
        relative: bool,
        /// See [`Sinkhorn::iterations`].
        #[serde(default = "default_iterations")]
        iterations: usize,
        /// See [`Sinkhorn::tolerance`].
        #[serde(default = "default_tolerance")]
        tolerance: f64,
    },
}

fn default_reg() -> f64 {
    Sinkhorn::default().reg
}

fn default_relative() -> bool {
    Sinkhorn::default().relative
}

fn default_iterations() -> usize {
    Sinkhorn::default().iterations
}

fn default_tolerance() -> f64 {
    Sinkhorn::default().tolerance
}

impl CouplingSpec {
    /// The coupling that this names.
    #[must_use]
    pub fn build(&self) -> Arc<dyn LabelledCoupling> {
        match *self {
            Self::Independent {} => Arc::new(Independent),
            Self::MinibatchOt {} => Arc::new(MinibatchOt),
            Self::ConditionAware {} => Arc::new(ConditionAware(MinibatchOt)),
            Self::Sinkhorn { reg, relative, iterations, tolerance } => {
                let allow_unconverged = false;
                Arc::new(Sinkhorn { reg, relative, iterations, tolerance, allow_unconverged })
            }
        }
    }

    /// Whether targets must have labels.
    #[must_use]
    pub fn needs_labels(&self) -> bool {
        matches!(self, Self::ConditionAware {})
    }
}

impl FromStr for CouplingSpec {
    type Err = Error;

    /// From `name`, `sinkhorn:reg` or JSON.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Error::Spec { place: "coupling".to_owned(), problem };
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|e| wrong(e.to_string()));
        }
        let sinkhorn = |reg| Self::Sinkhorn {
            reg,
            relative: default_relative(),
            iterations: default_iterations(),
            tolerance: default_tolerance(),
        };
        Ok(match text.split_once(':').unwrap_or((text, "")) {
            ("independent", "") => Self::Independent {},
            ("minibatch-ot", "") => Self::MinibatchOt {},
            ("condition-aware", "") => Self::ConditionAware {},
            ("sinkhorn", "") => sinkhorn(default_reg()),
            ("sinkhorn", reg) => {
                let reg = reg.parse().map_err(|_| wrong(format!("`{text}` ends in no number")))?;
                sinkhorn(reg)
            }
            _ => return Err(wrong(format!("unknown coupling `{text}`; known are {KNOWN}"))),
        })
    }
}
