//! The claims ledger: what the sources say of flow models, measured again with the controls that such
//! claims need.
//!
//! One file a claim. Each fixes its endpoint and the smallest effect of interest as constants, measures
//! named [settings](Setting) into columns of raw numbers, and turns columns into [findings](Finding). What
//! follows from findings (Holm's correction over the whole ledger, decisions, verdicts) is the same code
//! for all, so that a verdict can be recomputed by anyone from the kept numbers.
//!
//! ```text
//! measure(Lab) ──► Evidence (kept as JSON, setting by setting) ──► find ──► Findings
//!                                                  all claims together ──► adjust ──► conclude ──► pages
//! ```

mod along_training;
mod between_thirds;
mod corrected_steps;
mod curl;
mod dominance_slope;
mod energy_density;
mod evidence;
mod extreme_energy;
mod falsifier;
mod features;
mod finding;
mod folder;
mod kernel_distance;
mod lab;
mod ladder;
mod ledger;
mod magnitude_loss;
mod memorising;
mod one_quantity;
mod pages;
mod scale_shapes;
mod semantics;
mod shaping;
mod terminal_power;
mod trained;
mod verdict;

pub use evidence::{Columns, Effort, Evidence, Missing, Setting};
pub use finding::{Decision, Finding, Role, Says};
pub use folder::Folder;
pub use lab::{DataSources, Keep, Lab};
pub use ledger::{Entry, Ledger, Order, judge, measure_claim};
pub use pages::{index_page, ledger_report, markdown_page};
pub use verdict::{Verdict, conclude};

use crate::error::Error;

/// One claim of the ledger.
pub struct Claim {
    /// Its number in the ledger.
    pub number: u32,
    /// The name of its page.
    pub slug: &'static str,
    /// The claim in one sentence.
    pub title: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// What decides it, and the smallest effect of interest: fixed before the run.
    pub endpoint: &'static str,
    /// What could fool the measurement, and what was done about it.
    pub controls: &'static [&'static str],
    /// What the numbers mean, written once they were in.
    pub remark: &'static str,
    /// How many settings it has, to tell how far a measurement has come.
    pub settings: usize,
    /// Measures it.
    pub measure: fn(&mut Lab<'_>) -> Result<(), Error>,
    /// Reads findings from its numbers.
    pub find: fn(&Evidence) -> Result<Vec<Finding>, Error>,
}

/// Every claim that can be measured so far, by number.
pub const CLAIMS: [&Claim; 12] = [
    &energy_density::CLAIM,
    &semantics::CLAIM,
    &extreme_energy::CLAIM,
    &shaping::CLAIM,
    &corrected_steps::CLAIM,
    &scale_shapes::CLAIM,
    &magnitude_loss::CLAIM,
    &falsifier::CLAIM,
    &one_quantity::CLAIM,
    &terminal_power::CLAIM,
    &dominance_slope::CLAIM,
    &curl::CLAIM,
];
