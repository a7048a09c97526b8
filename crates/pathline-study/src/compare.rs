//! `compare`: runs from the same seeds, side by side.
//!
//! Sample `i` of every run starts from the same noise, so runs are compared pair by pair: what the runs
//! share cancels. The first run is the baseline; every difference is "other less baseline". p-values are of
//! Wilcoxon's signed-rank test, and corrected (Holm) for all tests of one comparison; intervals are not.

mod page;
mod pairing;
mod perceptual;
mod quantities;
mod sets;
mod tables;

use pathline::Outcome;
use pathline::kernels::squared_distance;
use pathline::recording::Recording;
use pathline::statistics::{Estimate, holm, paired_difference, paired_effect, quantile, wilcoxon};

use crate::error::Error;
use crate::measure::mean;
use crate::progress::{Part, Progress};
use crate::sets::Beside;

pub use page::comparison_page;
pub use perceptual::Perceptual;
use quantities::{Known, Quantities};

/// Probability that intervals aim to hold.
const LEVEL: f64 = 0.95;

/// One run to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is called: its file, or its model and flags.
    pub name: String,
    /// The run.
    pub recording: Recording,
}

/// Runs side by side. Runs are named by their place, the baseline is run 0.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Comparison {
    /// Number of samples of each run.
    pub samples: usize,
    /// The data set, if samples were compared with one.
    pub data: Option<String>,
    /// The runs, the baseline first.
    pub runs: Vec<ComparedRun>,
    /// How far apart samples end, for each run but the baseline.
    pub distances: Vec<EndDistance>,
    /// Differences of what each sample has, run after run.
    pub differences: Vec<Difference>,
    /// Differences of the sets as wholes, run after run.
    pub sets: Vec<SetDifference>,
    /// What a reader must know of these numbers.
    pub notes: Vec<String>,
}

/// One run of a comparison.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ComparedRun {
    /// What it is called.
    pub name: String,
    /// Field evaluations of a sample.
    pub evaluations: u64,
    /// Whether the run came to its end.
    pub completed: bool,
}

/// `|x_A - x_B|` between the ends of paired samples.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EndDistance {
    /// The run that is compared with the baseline.
    pub run: usize,
    /// The mean over samples.
    pub mean: Estimate,
    /// The median.
    pub median: f64,
    /// The largest.
    pub largest: f64,
    /// How unlike the two images of each pair look, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perceptual: Option<Perceptual>,
}

/// A quantity that each sample has, in one run less the baseline.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// The run that is compared with the baseline.
    pub run: usize,
    /// What was measured.
    pub quantity: String,
    /// Pairs in which both values are finite.
    pub pairs: usize,
    /// Mean of the baseline.
    pub baseline: f64,
    /// Mean of the run.
    pub value: f64,
    /// Mean of run less baseline, with Student's interval.
    pub difference: Estimate,
    /// Cohen's `d_z`, that mean over the standard deviation of the differences. `None` where differences do
    /// not spread.
    pub effect: Option<Estimate>,
    /// Share of pairs in which the run's value is the larger.
    pub above: f64,
    /// Share of pairs in which it is the smaller.
    pub below: f64,
    /// p-value of Wilcoxon's signed-rank test; 1 where all pairs are equal.
    pub p_value: f64,
    /// The same, corrected for all tests of the comparison.
    pub p_adjusted: f64,
}

/// A measure of a set of samples, in one run less the baseline.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SetDifference {
    /// The run that is compared with the baseline.
    pub run: usize,
    /// What was measured.
    pub quantity: String,
    /// The baseline's.
    pub baseline: f64,
    /// The run's.
    pub value: f64,
    /// Run less baseline, with the interval of the paired jackknife over 19 blocks.
    pub difference: Estimate,
}

/// Compares runs with the first of them; with data, also how near to it samples end and how good they
/// are as sets.
///
/// Sets are compared on what [`Beside`] says.
///
/// # Errors
/// [`Error::Usage`] for fewer than two runs or samples, and for runs that are not paired: another shape, seed,
/// source, start or other samples; [`Error::Library`] for data of another shape.
///
/// # Examples
/// ```
/// use pathline::spec::from_json;
/// use pathline_study::{Files, Side, compare, sample};
/// let mut sides = Vec::new();
/// for solver in ["euler", "heun"] {
///     let spec = from_json("spec", &format!(r#"{{
///         "field": {{"kind": "ring", "modes": 8, "radius": 4, "std": 0.2}},
///         "run": {{"solver": {{"kind": "{solver}"}}, "stepping": {{"kind": "uniform", "steps": 10}}}},
///         "seed": 1, "samples": 50
///     }}"#))?;
///     let recording = sample(&spec, &Files, &mut ())?.recording;
///     sides.push(Side { name: solver.to_owned(), recording });
/// }
/// let found = compare(&sides, None, &mut ())?;
/// assert!(found.distances[0].mean.low > 0.0);
/// # Ok::<(), pathline_study::Error>(())
/// ```
pub fn compare(
    sides: &[Side],
    beside: Option<&Beside>,
    progress: &mut dyn Progress,
) -> Result<Comparison, Error> {
    let data = beside.map(|beside| &beside.data);
    let mut notes = pairing::check(sides)?;
    let end = sides.first().and_then(|side| side.recording.end());
    let classes = sides.iter().any(|side| side.recording.labels.is_some());
    let known = beside.zip(end).map(|(beside, end)| Known::new(beside, end.shape(), classes));
    let known = known.transpose()?;
    let mut quantities = Vec::with_capacity(sides.len());
    for (i, side) in sides.iter().enumerate() {
        progress.at(0.5 * i as f64 / sides.len() as f64, "measuring samples");
        quantities.push(quantities::of(side, known.as_ref(), &mut notes)?);
    }
    let mut differences = Vec::new();
    for run in 1..sides.len() {
        differences.extend(between(&quantities, run, &mut notes)?);
    }
    notes.extend(repeated(&quantities));
    let p_values: Vec<f64> = differences.iter().map(|d| d.p_value).collect();
    for (difference, adjusted) in differences.iter_mut().zip(holm(&p_values)?) {
        difference.p_adjusted = adjusted;
    }
    let sets = match beside {
        Some(beside) => {
            sets::compared(sides, beside, &mut notes, &mut Part::new(progress, 0.5, 1.0))?
        }
        None => Vec::new(),
    };
    let run = |side: &Side| ComparedRun {
        name: side.name.clone(),
        evaluations: side.recording.run.evaluations,
        completed: side.recording.run.outcome == Outcome::Completed {},
    };
    Ok(Comparison {
        samples: sides.first().map_or(0, |side| side.recording.samples.len()),
        data: data.map(|data| data.name.clone()),
        runs: sides.iter().map(run).collect(),
        distances: (1..sides.len()).filter_map(|run| end_distance(sides, run)).collect(),
        differences,
        sets,
        notes,
    })
}

/// `|x_A - x_B|` of each sample, between the ends of the baseline and of a run.
fn apart(sides: &[Side], run: usize) -> Vec<f64> {
    let end = |side: usize| sides.get(side).and_then(|side| side.recording.end());
    let (Some(a), Some(b)) = (end(0), end(run)) else { return Vec::new() };
    a.rows().iter().zip(b.rows().iter()).map(|(a, b)| squared_distance(a, b).sqrt()).collect()
}

fn end_distance(sides: &[Side], run: usize) -> Option<EndDistance> {
    let apart = apart(sides, run);
    Some(EndDistance {
        run,
        mean: mean(&apart)?,
        median: quantile(&apart, 0.5).ok()?,
        largest: apart.iter().fold(0.0, |a, &b| a.max(b)),
        perceptual: None,
    })
}

/// Says which quantities are the same numbers and tested once, for runs of which the same is to be said
/// together.
fn repeated(quantities: &[Quantities]) -> Vec<String> {
    let mut said: Vec<(String, String)> = Vec::new();
    let Some((baseline, others)) = quantities.split_first() else { return Vec::new() };
    for (i, other) in others.iter().enumerate() {
        let repeated = quantities::repeated(baseline, other);
        let texts: Vec<String> =
            repeated.iter().map(|(name, of)| format!("{name} is {of}")).collect();
        let (text, letter) = (texts.join(", "), tables::letter(i + 1));
        match said.iter_mut().find(|(earlier, _)| *earlier == text) {
            Some((_, letters)) => *letters += &format!(", {letter}"),
            None => said.push((text, format!("A, {letter}"))),
        }
    }
    let told = said.into_iter().filter(|(text, _)| !text.is_empty());
    told.map(|(text, letters)| format!("the same numbers in {letters}, tested once: {text}"))
        .collect()
}

/// The differences of one run from the baseline, not yet corrected.
fn between(
    quantities: &[Quantities],
    run: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    let (Some(baseline), Some(other)) = (quantities.first(), quantities.get(run)) else {
        return Ok(found);
    };
    let repeated = quantities::repeated(baseline, other);
    for (name, a) in baseline.iter().filter(|(name, _)| repeated.iter().all(|(r, _)| r != name)) {
        let Some((_, b)) = other.iter().find(|(theirs, _)| theirs == name) else { continue };
        let pairs = a.iter().zip(b).filter(|(a, b)| a.is_finite() && b.is_finite());
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
        let all = baseline.first().map_or(0, |(_, values)| values.len());
        if a.len() < all {
            let letter = tables::letter(run);
            notes.push(format!(
                "{name}, {letter}: {} of {all} pairs have a value that is not finite, and are left out",
                all - a.len()
            ));
        }
        if a.len() >= 2 {
            found.push(difference(run, name, &a, &b)?);
        }
    }
    Ok(found)
}

fn difference(run: usize, quantity: &str, a: &[f64], b: &[f64]) -> Result<Difference, Error> {
    let n = a.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let share = |larger: &[f64], smaller: &[f64]| {
        larger.iter().zip(smaller).filter(|(l, s)| l > s).count() as f64 / n
    };
    let test = wilcoxon(b, a)?;
    let none = Estimate { value: 0.0, low: 0.0, high: 0.0 };
    let p_value = test.map_or(1.0, |test| test.p_value);
    Ok(Difference {
        run,
        quantity: quantity.to_owned(),
        pairs: a.len(),
        baseline: mean(a),
        value: mean(b),
        difference: paired_difference(b, a, LEVEL)?,
        effect: if test.is_none() { Some(none) } else { paired_effect(b, a, LEVEL)? },
        above: share(b, a),
        below: share(a, b),
        p_value,
        p_adjusted: p_value,
    })
}
