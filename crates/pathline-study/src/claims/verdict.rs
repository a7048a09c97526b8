//! Verdicts: what is left of a claim once its numbers and controls are in.

use super::finding::{Decision, Finding, Role};

/// What the ledger says of a claim. Always of what was measured here, never of all models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As claimed, wherever it was measured.
    Holds,
    /// As claimed in some settings and not in others.
    HoldsInPart,
    /// Not as claimed, wherever it was measured.
    DoesNotHoldHere,
    /// The effect is there, and a control without the claimed cause shows it too.
    WasConfounded,
    /// The intervals are too wide to say.
    Undecided,
    /// What it takes to test it is not here.
    NotTestableHere,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::HoldsInPart => "holds in part",
            Self::DoesNotHoldHere => "does not hold here",
            Self::WasConfounded => "was confounded",
            Self::Undecided => "undecided (underpowered)",
            Self::NotTestableHere => "not testable here",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}

/// The verdict of a claim's findings:
/// - no primary finding: not testable here;
/// - a control shows what the claim says, and no primary finding does: confounded. Where a primary finding does, too,
///   the effect is there whatever it comes from, and the page of the claim says that a control shows it as well;
/// - all primary findings as claimed: holds; none, and none open: does not hold here;
/// - some as claimed and some not: in part; otherwise undecided.
#[must_use]
pub fn conclude(findings: &[Finding]) -> Verdict {
    let count = |role: Role, decision: Decision| {
        findings.iter().filter(|f| f.role == role && f.decision == Some(decision)).count()
    };
    let [yes, no, open] =
        [Decision::Yes, Decision::No, Decision::Open].map(|d| count(Role::Primary, d));
    let confounded = count(Role::Control, Decision::Yes) > 0;
    match (yes, no, open) {
        (0, 0, 0) => Verdict::NotTestableHere,
        (0, ..) if confounded => Verdict::WasConfounded,
        (_, 0, 0) => Verdict::Holds,
        (0, _, 0) => Verdict::DoesNotHoldHere,
        (1.., 1.., _) => Verdict::HoldsInPart,
        _ => Verdict::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(role: Role, decision: Decision) -> Finding {
        Finding { role, decision: Some(decision), ..Finding::plain("s", "w", 0.0) }
    }

    #[test]
    fn every_verdict_can_come_out() {
        use Decision::{No, Open, Yes};
        let verdict = |primary: &[Decision], control: &[Decision]| {
            let primary = primary.iter().map(|&d| finding(Role::Primary, d));
            let control = control.iter().map(|&d| finding(Role::Control, d));
            conclude(&primary.chain(control).collect::<Vec<_>>())
        };
        assert_eq!(verdict(&[], &[Yes]), Verdict::NotTestableHere);
        assert_eq!(verdict(&[Yes, Yes], &[No]), Verdict::Holds);
        assert_eq!(verdict(&[Yes, No], &[]), Verdict::HoldsInPart);
        assert_eq!(verdict(&[No, No], &[No]), Verdict::DoesNotHoldHere);
        assert_eq!(verdict(&[No, Open], &[]), Verdict::Undecided);
        assert_eq!(verdict(&[Yes, Open], &[]), Verdict::Undecided);
        assert_eq!(verdict(&[No, Open], &[Yes]), Verdict::WasConfounded);
    }
}
