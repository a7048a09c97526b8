//! Solvers by name.

use std::str::FromStr;

use super::unknown;
use crate::error::Error;
use crate::solver::{DOPRI5, EULER, ExplicitRungeKutta, HEUN, LastEuler, MIDPOINT, RK4, Solver};

/// A solver as data. Every variant is a struct variant: serde lets extra keys of an internally tagged
/// unit variant pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SolverSpec {
    /// Euler's method, order 1.
    Euler {},
    /// The explicit midpoint rule, order 2.
    Midpoint {},
    /// Heun's method, order 2.
    Heun {
        /// Take Euler's step where a step ends at 1.
        #[serde(default, skip_serializing_if = "is_false")]
        last_euler: bool,
    },
    /// The classic Runge-Kutta method, order 4.
    Rk4 {
        /// Take Euler's step where a step ends at 1.
        #[serde(default, skip_serializing_if = "is_false")]
        last_euler: bool,
    },
    /// Dormand and Prince's pair, order 5; the only adaptive one.
    Dopri5 {
        /// Take Euler's step where a step ends at 1 (fixed grids only).
        #[serde(default, skip_serializing_if = "is_false")]
        last_euler: bool,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl SolverSpec {
    /// Every solver's name.
    pub const NAMES: [&str; 5] = ["euler", "midpoint", "heun", "rk4", "dopri5"];

    fn parts(self) -> (&'static ExplicitRungeKutta, bool) {
        match self {
            Self::Euler {} => (&EULER, false),
            Self::Midpoint {} => (&MIDPOINT, false),
            Self::Heun { last_euler } => (&HEUN, last_euler),
            Self::Rk4 { last_euler } => (&RK4, last_euler),
            Self::Dopri5 { last_euler } => (&DOPRI5, last_euler),
        }
    }

    /// The solver.
    #[must_use]
    pub fn build(self) -> Box<dyn Solver> {
        match self.parts() {
            (method, true) => Box::new(LastEuler { inner: method }),
            (method, false) => Box::new(*method),
        }
    }

    /// The same solver, taking Euler's step where a step ends at 1 if it would otherwise evaluate the
    /// field there.
    #[must_use]
    pub fn with_last_euler(self) -> Self {
        match self {
            Self::Euler {} | Self::Midpoint {} => self,
            Self::Heun { .. } => Self::Heun { last_euler: true },
            Self::Rk4 { .. } => Self::Rk4 { last_euler: true },
            Self::Dopri5 { .. } => Self::Dopri5 { last_euler: true },
        }
    }
}

impl FromStr for SolverSpec {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "euler" => Ok(Self::Euler {}),
            "midpoint" => Ok(Self::Midpoint {}),
            "heun" => Ok(Self::Heun { last_euler: false }),
            "rk4" => Ok(Self::Rk4 { last_euler: false }),
            "dopri5" => Ok(Self::Dopri5 { last_euler: false }),
            _ => Err(unknown("solver", name, &Self::NAMES)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::from_json;

    #[test]
    fn names_build_what_they_say() {
        for name in SolverSpec::NAMES {
            let spec: SolverSpec = name.parse().unwrap();
            assert_eq!(spec.build().name(), name);
            assert!(!spec.with_last_euler().build().evaluates_at_end());
            let json = serde_json::to_string(&spec).unwrap();
            assert_eq!(from_json::<SolverSpec>("test", &json).unwrap(), spec);
        }
    }

    #[test]
    fn unknown_names_and_keys_are_refused_with_the_known_ones() {
        let message = "hoin".parse::<SolverSpec>().unwrap_err().to_string();
        assert!(message.contains("hoin") && message.contains("midpoint"), "{message}");
        for text in [r#"{"kind":"euler","order":5}"#, r#"{"kind":"hoin"}"#, "{}", "[]"] {
            assert!(from_json::<SolverSpec>("test", text).is_err(), "{text}");
        }
        let error = from_json::<SolverSpec>("test", r#"{"kind":"hoin"}"#).unwrap_err().to_string();
        assert!(error.contains("dopri5"), "{error}");
    }
}
