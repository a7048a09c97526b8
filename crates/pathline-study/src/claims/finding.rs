//! What a claim's numbers say: estimates, what the claim says of them, and the decision between the two.

use pathline::statistics::{Estimate, JackknifeEstimate, holm, student_tail};

use crate::error::Error;

/// Probability of error that a decision may have, over all primary findings of the ledger together.
const LEVEL: f64 = 0.05;

/// What a claim says of a number. The bound is the smallest effect of interest, fixed before the run.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// This, give or take.
    Near {
        /// The value.
        value: f64,
        /// By how much it may be off and still be called that.
        within: f64,
    },
}

impl std::fmt::Display for Says {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = pathline_view::number;
        match *self {
            Self::AtLeast(bound) => write!(f, "at least {}", number(bound)),
            Self::AtMost(bound) => write!(f, "at most {}", number(bound)),
            Self::Near { value, within } => write!(f, "{} ± {}", number(value), number(within)),
        }
    }
}

/// What a finding is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Decides the claim.
    Primary,
    /// What would have to fail if the effect were the claim's own: where it says the same, the claim is
    /// confounded.
    Control,
    /// Said beside it.
    Secondary,
}

/// Whether a number is as the claim says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Its interval lies within what the claim says.
    Yes,
    /// Its interval lies outside.
    No,
    /// Neither: more samples are needed.
    Open,
}

/// One number that a claim is judged by.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Finding {
    /// Where it was measured.
    pub setting: String,
    /// What it is.
    pub what: String,
    /// What it is for.
    pub role: Role,
    /// The number with its 95 % interval.
    pub estimate: Estimate,
    /// Its standard error, and the degrees of freedom that it is known with.
    pub error: Option<(f64, f64)>,
    /// What the claim says of it.
    pub says: Option<Says>,
    /// Two-sided p-value of the side of the bound that it is on, adjusted by Holm's method over all primary
    /// findings that were judged together.
    pub adjusted_p: Option<f64>,
    /// Two-sided p-value of a rank test that the number is the effect of, by itself: said, never decided by.
    pub test_p: Option<f64>,
    /// Whether it is as the claim says.
    pub decision: Option<Decision>,
}

impl Finding {
    /// A number with its jackknife.
    #[must_use]
    pub fn new(
        setting: &str,
        what: impl Into<String>,
        role: Role,
        (found, degrees): (JackknifeEstimate, f64),
    ) -> Self {
        Self {
            setting: setting.to_owned(),
            what: what.into(),
            role,
            estimate: found.estimate,
            error: Some((found.standard_error, degrees)),
            says: None,
            adjusted_p: None,
            test_p: None,
            decision: None,
        }
    }

    /// A number with an interval of another kind, such as Wilson's.
    #[must_use]
    pub fn with_interval(setting: &str, what: impl Into<String>, estimate: Estimate) -> Self {
        Self {
            setting: setting.to_owned(),
            what: what.into(),
            role: Role::Secondary,
            estimate,
            error: None,
            says: None,
            adjusted_p: None,
            test_p: None,
            decision: None,
        }
    }

    /// A number without an interval: said, never decided by.
    #[must_use]
    pub fn plain(setting: &str, what: impl Into<String>, value: f64) -> Self {
        Self::with_interval(setting, what, Estimate { value, low: value, high: value })
    }

    /// The same with the p-value of the rank test that it is the effect of.
    #[must_use]
    pub(super) fn tested(self, p: f64) -> Self {
        Self { test_p: Some(p), ..self }
    }

    /// The same with what the claim says of it, and the decision that follows by itself.
    #[must_use]
    pub fn saying(mut self, says: Says) -> Self {
        self.says = Some(says);
        self.decision = Some(decide(&self.estimate, says));
        self
    }

    /// The p-value of the side of the bound that the estimate is on.
    fn p_value(&self) -> Option<f64> {
        let ((error, degrees), says) = (self.error?, self.says?);
        let beyond = |bound: f64| match (self.estimate.value - bound).abs() {
            gap if error > 0.0 => 2.0 * student_tail(gap / error, degrees),
            gap if gap > 0.0 => 0.0,
            _ => 1.0,
        };
        Some(
            match says {
                Says::AtLeast(bound) | Says::AtMost(bound) => beyond(bound),
                Says::Near { value, within } => {
                    let (low, high) = (beyond(value - within), beyond(value + within));
                    // Inside: both bounds must be far. Outside: the nearer one must be.
                    let inside = (self.estimate.value - value).abs() <= within;
                    if inside || self.estimate.value > value {
                        high.max(if inside { low } else { 0.0 })
                    } else {
                        low
                    }
                }
            }
            .min(1.0),
        )
    }
}

fn decide(estimate: &Estimate, says: Says) -> Decision {
    let (inside, outside) = match says {
        Says::AtLeast(bound) => (estimate.low >= bound, estimate.high < bound),
        Says::AtMost(bound) => (estimate.high <= bound, estimate.low > bound),
        Says::Near { value, within } => (
            estimate.low >= value - within && estimate.high <= value + within,
            estimate.low > value + within || estimate.high < value - within,
        ),
    };
    match (inside, outside) {
        (true, _) => Decision::Yes,
        (_, true) => Decision::No,
        _ => Decision::Open,
    }
}

/// Adjusts the primary findings of all claims together; one whose adjusted p-value is above 5 % is open.
///
/// # Errors
/// None is expected.
pub(super) fn adjust(findings: &mut [&mut Finding]) -> Result<(), Error> {
    let tested: Vec<usize> = (0..findings.len())
        .filter(|&i| findings[i].role == Role::Primary && findings[i].p_value().is_some())
        .collect();
    let p: Vec<f64> = tested.iter().filter_map(|&i| findings[i].p_value()).collect();
    for (&i, adjusted) in tested.iter().zip(holm(&p)?) {
        findings[i].adjusted_p = Some(adjusted);
        if adjusted > LEVEL {
            findings[i].decision = Some(Decision::Open);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(value: f64, error: f64, says: Says) -> Finding {
        let half = 2.1 * error;
        let estimate = Estimate { value, low: value - half, high: value + half };
        let found = JackknifeEstimate { estimate, standard_error: error, bias: 0.0 };
        Finding::new("s", "w", Role::Primary, (found, 18.0)).saying(says)
    }

    #[test]
    fn intervals_decide() {
        let cases = [
            (-0.3, 0.05, Says::AtMost(-0.1), Decision::Yes),
            (-0.1, 0.05, Says::AtMost(-0.1), Decision::Open),
            (0.3, 0.05, Says::AtMost(-0.1), Decision::No),
            (0.3, 0.05, Says::AtLeast(0.1), Decision::Yes),
            (2.0, 0.01, Says::Near { value: 2.0, within: 0.1 }, Decision::Yes),
            (2.0, 0.10, Says::Near { value: 2.0, within: 0.1 }, Decision::Open),
            (3.0, 0.10, Says::Near { value: 2.0, within: 0.1 }, Decision::No),
            (1.0, 0.10, Says::Near { value: 2.0, within: 0.1 }, Decision::No),
        ];
        for (value, error, says, wanted) in cases {
            let found = finding(value, error, says);
            assert_eq!(found.decision, Some(wanted), "{value} {says}");
            // The p-value agrees with the interval: both are two-sided at 5 %.
            assert_eq!(found.p_value().unwrap() < 0.05, wanted != Decision::Open, "{value} {says}");
        }
    }

    #[test]
    fn many_weak_findings_are_open_together() {
        // p of about .03 each: decided alone, open among eight.
        let one = finding(0.0235, 0.01, Says::AtLeast(0.0));
        assert_eq!(one.decision, Some(Decision::Yes));
        let mut all = vec![one; 8];
        adjust(&mut all.iter_mut().collect::<Vec<_>>()).unwrap();
        assert!(all.iter().all(|f| f.decision == Some(Decision::Open)));
        let mut exact = [finding(1.0, 0.0, Says::Near { value: 1.0, within: 0.1 })];
        adjust(&mut exact.iter_mut().collect::<Vec<_>>()).unwrap();
        assert_eq!((exact[0].decision, exact[0].adjusted_p), (Some(Decision::Yes), Some(0.0)));
    }
}
