//! Gains as data.

use crate::error::Error;
use crate::gain::{Constant, Curve, Gain, GainRule, Kts, Landing, Launch, Ssc, SscShape, Window};
use crate::integrate::Stepping;
use crate::time_grid::TimeGrid;

/// A gain, as data.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GainSpec {
    /// The scale schedule corrector.
    Ssc {
        /// How the excess decays.
        #[serde(default = "default_shape")]
        shape: SscShape,
        /// Its area on the grid that is used.
        #[serde(default = "default_area")]
        area: f64,
    },
    /// Kinetic trajectory shaping.
    Kts {
        /// Strength of the launch, `a0`.
        #[serde(default)]
        launch_strength: f64,
        /// Strength of the landing, `b0`.
        #[serde(default)]
        landing_strength: f64,
        /// Where launch ends and landing begins.
        #[serde(default = "default_tau")]
        tau: f64,
        /// Rate of the exponential shapes.
        #[serde(default = "default_rate")]
        rate: f64,
        /// Shape of the launch.
        #[serde(default)]
        launch: Launch,
        /// Shape of the landing.
        #[serde(default)]
        landing: Landing,
        /// How the factor enters a step.
        #[serde(default)]
        rule: GainRule,
        /// Whether a negative factor is allowed.
        #[serde(default)]
        allow_negative: bool,
    },
    /// The same factor at all times.
    Constant {
        /// The factor.
        factor: f64,
    },
    /// A constant excess between two times, none elsewhere.
    Window {
        /// Where it begins.
        from: f64,
        /// Where it ends.
        to: f64,
        /// The area of the excess on the grid that is used.
        area: f64,
    },
    /// A measured gain: straight lines through points `[t, factor]`.
    Curve {
        /// The points, in ascending order of time.
        points: Vec<[f64; 2]>,
    },
}

fn default_shape() -> SscShape {
    SscShape::QuadIn
}

fn default_area() -> f64 {
    0.05
}

fn default_tau() -> f64 {
    Kts::published().tau
}

fn default_rate() -> f64 {
    Kts::published().rate
}

impl GainSpec {
    /// The gain for a run that steps like this. An adaptive run has no grid beforehand: areas are
    /// then those of 1000 equal steps, which is the integral to three digits.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the number that is out of range.
    pub fn build(&self, stepping: &Stepping) -> Result<Box<dyn Gain>, Error> {
        let grid = || match stepping {
            Stepping::Grid(grid) => Ok(grid.clone()),
            Stepping::Adaptive(how) => TimeGrid::uniform(1000)?.between(how.start, how.end),
        };
        match *self {
            Self::Constant { factor } => Ok(Box::new(Constant::new(factor)?)),
            Self::Ssc { shape, area } => Ok(Box::new(Ssc::on(&grid()?, shape, area)?)),
            Self::Window { from, to, area } => Ok(Box::new(Window::on(&grid()?, from, to, area)?)),
            Self::Curve { ref points } => Ok(Box::new(Curve::new(points.clone())?)),
            Self::Kts {
                launch_strength,
                landing_strength,
                tau,
                rate,
                launch,
                landing,
                rule,
                allow_negative,
            } => {
                let kts = Kts {
                    launch_strength,
                    landing_strength,
                    tau,
                    rate,
                    launch,
                    landing,
                    rule,
                    allow_negative,
                };
                Ok(Box::new(kts.checked()?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::from_json;

    #[test]
    fn defaults_are_the_published_ones() {
        let stepping = Stepping::Grid(TimeGrid::uniform(20).unwrap());
        let kts: GainSpec =
            from_json("t", r#"{"kind":"kts","launch_strength":0.01,"landing_strength":0.01}"#)
                .unwrap();
        assert_eq!(kts.build(&stepping).unwrap().at(0.0), 1.01);
        let ssc: GainSpec = from_json("t", r#"{"kind":"ssc"}"#).unwrap();
        assert_eq!(ssc, GainSpec::Ssc { shape: SscShape::QuadIn, area: 0.05 });
        assert!(from_json::<GainSpec>("t", r#"{"kind":"ssc","areas":1}"#).is_err());
        let strong: GainSpec = from_json("t", r#"{"kind":"kts","landing_strength":0.1}"#).unwrap();
        assert!(strong.build(&stepping).is_err());
    }

    #[test]
    fn windows_and_curves_are_gains_like_others() {
        let stepping = Stepping::Grid(TimeGrid::uniform(20).unwrap());
        let at = |text: &str, t: f64| {
            from_json::<GainSpec>("t", text).unwrap().build(&stepping).unwrap().at(t)
        };
        let window = r#"{"kind":"window","from":0.2,"to":0.4,"area":0.02}"#;
        assert!((at(window, 0.3) - 1.1).abs() < 1e-9 && at(window, 0.6) == 1.0);
        let curve = r#"{"kind":"curve","points":[[0,1],[1,1.2]]}"#;
        assert!((at(curve, 0.5) - 1.1).abs() < 1e-9);
        let empty: GainSpec = from_json("t", r#"{"kind":"curve","points":[]}"#).unwrap();
        assert!(empty.build(&stepping).is_err());
    }
}
