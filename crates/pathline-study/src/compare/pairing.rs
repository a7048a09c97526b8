//! Whether runs are paired: sample `i` of each from the same start.

use serde_json::Value;

use super::{Side, tables};
use crate::error::Error;

/// Most runs of a comparison: as many as have a letter.
const MOST: usize = 26;

/// Fails unless every run is paired with the first; gives what remains to be said.
pub(super) fn check(sides: &[Side]) -> Result<Vec<String>, Error> {
    let Some((baseline, others)) = sides.split_first() else { return Err(too_few(0)) };
    if others.is_empty() {
        return Err(too_few(1));
    }
    if sides.len() > MOST {
        let problem = format!("{} are too many for one comparison", sides.len());
        return Err(Error::usage("runs", problem, format!("give at most {MOST}")));
    }
    let samples = baseline.recording.samples.len();
    if samples < 2 {
        let problem = format!("holds {samples} samples, and pairs need at least two");
        return Err(Error::usage(&baseline.name, problem, "draw more (-n)"));
    }
    let mut notes = Vec::new();
    for (i, other) in others.iter().enumerate() {
        paired(baseline, other)?;
        let letter = tables::letter(i + 1);
        let last = |side: &Side| side.recording.times.last().copied();
        if last(baseline) != last(other) {
            notes.push(format!(
                "{letter} ends at another time than A: where its samples end says little"
            ));
        }
        if [baseline, other].iter().any(|side| side.recording.run.spec.get("seed").is_none()) {
            let problem =
                "a recording does not say its seed; that the runs share it is taken on trust";
            notes.push(format!("A and {letter}: {problem}"));
        }
    }
    Ok(notes)
}

fn too_few(runs: usize) -> Error {
    let problem = format!("a comparison needs at least two, and there is {runs}");
    Error::usage("runs", problem, "name another recording or model, or give --run twice")
}

fn paired(a: &Side, b: &Side) -> Result<(), Error> {
    let differ = |what: &str, theirs: String, ours: String, remedy: &str| {
        let problem = format!("its {what} {theirs}, in {} {ours}", a.name);
        Err(Error::usage(&b.name, problem, remedy))
    };
    let shape = |side: &Side| side.recording.end().map(|end| end.shape().to_string());
    if shape(a) != shape(b) {
        let text = |side: &Side| shape(side).unwrap_or_else(|| "none".to_owned());
        return differ("samples have shape", text(b), text(a), "compare runs of one kind of model");
    }
    if a.recording.samples != b.recording.samples {
        let remedy = "record both with the same --samples and --first";
        return differ("samples are", indices(b), indices(a), remedy);
    }
    let of = |side: &Side, key: &str| side.recording.run.spec.get(key).cloned();
    if let (Some(ours), Some(theirs)) = (of(a, "seed"), of(b, "seed"))
        && ours != theirs
    {
        let remedy = "record both with the same --seed";
        return differ("seed is", theirs.to_string(), ours.to_string(), remedy);
    }
    let source = |side: &Side| {
        let source = of(side, "source");
        let text = |key: &str| Some(source.as_ref()?.get(key)?.as_str()?.to_owned());
        text("name").or_else(|| text("kind")).unwrap_or_else(|| "normal".to_owned())
    };
    if source(a) != source(b) {
        let remedy = "record both with the same --source";
        return differ("source is", source(b), source(a), remedy);
    }
    let start = |side: &Side| {
        let first = side.recording.times.first().copied()?;
        (first == 0.0).then(|| side.recording.states.first().cloned()).flatten()
    };
    match (start(a), start(b)) {
        (Some(x), Some(y)) if x != y => {
            let remedy = "record both with one version of Pathline and the same --seed";
            differ("samples start", "elsewhere".to_owned(), "from other noise".to_owned(), remedy)
        }
        _ => Ok(()),
    }
}

/// The indices of a side's samples in words.
fn indices(side: &Side) -> String {
    let samples = &side.recording.samples;
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return "none".to_owned();
    };
    let steady = samples.windows(2).all(|pair| pair[1] == pair[0] + 1);
    if steady {
        format!("{first} to {last}")
    } else {
        format!("{} of no steady index", samples.len())
    }
}

/// The seed that a run says it had.
pub(super) fn seed(side: &Side) -> Option<u64> {
    side.recording.run.spec.get("seed").and_then(Value::as_u64)
}
