//! Measuring a claim, and judging all claims together.

use super::evidence::{Effort, Evidence, Missing};
use super::finding::{Finding, adjust};
use super::lab::{DataSources, Keep, Lab};
use super::verdict::{Verdict, conclude};
use super::{CLAIMS, Claim};
use crate::error::Error;
use crate::progress::Progress;

/// How claims are to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// How much work.
    pub effort: Effort,
    /// Root of all randomness.
    pub seed: u64,
    /// Where data sets are.
    pub sources: DataSources,
}

/// One claim with its verdict.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Entry {
    /// The claim's number.
    pub number: u32,
    /// The name of its page.
    pub slug: &'static str,
    /// The claim.
    pub title: &'static str,
    /// What is left of it.
    pub verdict: Verdict,
    /// Its numbers.
    pub findings: Vec<Finding>,
    /// What was not measured.
    pub missing: Vec<Missing>,
    /// How much work the numbers are from.
    pub effort: Effort,
}

/// All claims that were judged together.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Ledger {
    /// The claims, by number.
    pub entries: Vec<Entry>,
}

/// The claim of this number.
pub(super) fn claim(number: u32) -> Result<&'static Claim, Error> {
    CLAIMS.into_iter().find(|c| c.number == number).ok_or_else(|| {
        let known = CLAIMS.map(|c| c.number.to_string()).join(", ");
        let problem = format!("there is no claim {number} that can be measured");
        Error::usage("claims", problem, format!("known are {known}"))
    })
}

/// Measures one claim, or goes on with what was kept of it; `keep` gets the evidence after every setting.
///
/// # Errors
/// [`Error::Usage`] for an unknown claim, or kept evidence of another claim, effort, seed or version;
/// whatever the measurement raises.
pub fn measure_claim(
    number: u32,
    order: &Order,
    kept: Option<Evidence>,
    keep: &mut Keep<'_>,
    progress: &mut dyn Progress,
) -> Result<Evidence, Error> {
    let claim = claim(number)?;
    let fresh = Evidence {
        claim: number,
        effort: order.effort,
        seed: order.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: Vec::new(),
        missing: Vec::new(),
    };
    let begun = kept.unwrap_or_else(|| fresh.clone());
    let of = |e: &Evidence| (e.claim, e.effort, e.seed, e.version.clone());
    if of(&begun) != of(&fresh) {
        let problem = format!(
            "the kept numbers are of claim {}, effort {:?}, seed {}, version {}",
            begun.claim, begun.effort, begun.seed, begun.version
        );
        let remedy = "give another --out, or remove the file to measure anew";
        return Err(Error::usage(format!("claim {number}"), problem, remedy));
    }
    let mut lab = Lab::new(begun, &order.sources, claim.settings, keep, progress);
    (claim.measure)(&mut lab)?;
    Ok(lab.into_evidence())
}

/// Judges claims from their numbers: findings, Holm's correction over all primary findings, verdicts.
///
/// # Errors
/// [`Error::Usage`] for evidence of an unknown claim or with columns that are not there.
pub fn judge(evidence: &[Evidence]) -> Result<Ledger, Error> {
    let mut entries = Vec::with_capacity(evidence.len());
    for evidence in evidence {
        let claim = claim(evidence.claim)?;
        entries.push(Entry {
            number: claim.number,
            slug: claim.slug,
            title: claim.title,
            verdict: Verdict::Undecided,
            findings: (claim.find)(evidence)?,
            missing: evidence.missing.clone(),
            effort: evidence.effort,
        });
    }
    entries.sort_by_key(|e| e.number);
    adjust(&mut entries.iter_mut().flat_map(|e| &mut e.findings).collect::<Vec<_>>())?;
    for entry in &mut entries {
        entry.verdict = conclude(&entry.findings);
    }
    Ok(Ledger { entries })
}
