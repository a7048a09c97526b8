//! `sample`: follow a field from its source, keep what was seen.

use std::ops::{ControlFlow, Range};

use pathline::diagnostics::{Energy, KineticEnergy, PowerCurve, PowerPoint};
use pathline::observer::{Advance, Begin};
use pathline::recording::Recording;
use pathline::spec::{ClassSpec, FieldSpec, SampleSpec};
use pathline::{Observer, Save, Stepping, Trajectory, VelocityField, integrate};

use crate::error::Error;
use crate::files::Files;
use crate::progress::Progress;

/// Values held at once by a chunk of samples: about 64 MB of states for each stage.
const CHUNK_VALUES: usize = 1 << 24;

/// Most bytes of results that are kept in memory. Writing them takes about twice as many again.
const LARGEST_RESULT: f64 = 8e9;

/// A finished run.
pub struct Sampled {
    /// The run as data, with the energies of every sample.
    pub recording: Recording,
    /// The trajectory.
    pub trajectory: Trajectory,
    /// Energies, one a sample.
    pub energy: Vec<Energy>,
    /// Power over time; empty for adaptive runs of several chunks.
    pub power: Vec<PowerPoint>,
    /// The spec as it was run.
    pub spec: SampleSpec,
    /// What was done that was not asked for.
    pub notes: Vec<String>,
}

/// Runs a spec.
///
/// A field that is singular at `t = 1` gets Euler's step at the end if the solver would evaluate it
/// there; the spec that was run, and a note, say so.
///
/// # Errors
/// As [`integrate()`], and whatever finding the field raises.
///
/// # Examples
/// ```
/// use pathline::spec::from_json;
/// use pathline_study::{Files, sample};
/// let spec = from_json("spec", r#"{
///     "field": {"kind": "ring", "modes": 8, "radius": 4, "std": 0.2},
///     "run": {"solver": {"kind": "heun"}, "stepping": {"kind": "uniform", "steps": 10}},
///     "seed": 1, "samples": 5
/// }"#)?;
/// assert_eq!(sample(&spec, &Files, &mut ())?.energy.len(), 5);
/// # Ok::<(), pathline_study::Error>(())
/// ```
pub fn sample(
    spec: &SampleSpec,
    files: &Files,
    progress: &mut dyn Progress,
) -> Result<Sampled, Error> {
    sample_field(&*spec.field.build(files)?, spec, files, progress)
}

/// As [`sample()`], on the field of the spec, where it has been built already: a field over a data set
/// is read once, however often it is asked for its shape.
///
/// # Errors
/// As [`integrate()`], and whatever finding the source raises.
pub fn sample_field(
    field: &dyn VelocityField,
    spec: &SampleSpec,
    files: &Files,
    progress: &mut dyn Progress,
) -> Result<Sampled, Error> {
    let (mut spec, mut notes) = (spec.clone(), Vec::new());
    let mut built = spec.run.build()?;
    let reaches_end = built.stepping.span().1 >= 1.0;
    let fixed = matches!(built.stepping, Stepping::Grid(_));
    if field.singular_at_target() && reaches_end && fixed && built.solver.evaluates_at_end() {
        spec.run.solver = spec.run.solver.with_last_euler();
        built = spec.run.build()?;
        notes.push("the field is singular at t = 1: the last step is Euler's".to_owned());
    }
    check_size(&spec, field.shape().elements(), &built.stepping)?;
    let (mut energy, mut power) = (KineticEnergy::new(), PowerCurve::default());
    let mut steps = Steps { progress, chunks: 1, chunk: 0, steps: None, done: 0 };
    let all = spec.source(0);
    let size = if fixed { (CHUNK_VALUES / field.shape().elements()).max(64) } else { all.count };
    let size = size.min(all.count).max(1);
    steps.chunks = all.count.div_ceil(size).max(1);
    let mut whole: Option<Trajectory> = None;
    let mut first = all.first;
    loop {
        let left = (all.first + all.count as u64 - first) as usize;
        let part = pathline::Source { first, count: size.min(left), ..all.clone() };
        let start = files.start(&spec.source, &part, field.shape())?;
        let samples = part.first..part.first + part.count as u64;
        first = samples.end;
        let mut observers: [&mut dyn Observer; 3] = [&mut energy, &mut power, &mut steps];
        let chunk = integrate(field, start, samples, &built.run(), &mut observers)?;
        match &mut whole {
            None => whole = Some(chunk),
            Some(whole) => whole.append(chunk)?,
        }
        if left <= size {
            break;
        }
    }
    let Some(trajectory) = whole else {
        return Err(Error::usage("samples", "none were drawn", "ask for at least one"));
    };
    let record = serde_json::to_value(&spec).unwrap_or_default();
    let mut recording = Recording::new(&trajectory, field.record(), record);
    recording.labels = told(&spec.field, trajectory.samples.clone());
    for (name, value) in ENERGIES {
        recording.diagnostics.insert(name.to_owned(), energy.samples().iter().map(value).collect());
    }
    let energy = energy.samples().to_vec();
    Ok(Sampled { recording, trajectory, energy, power: power.points(), spec, notes })
}

/// Fails where the results of a run would not fit into [`LARGEST_RESULT`], or its samples have no
/// index: running out of memory hours later would end the process without a word.
fn check_size(spec: &SampleSpec, elements: usize, stepping: &Stepping) -> Result<(), Error> {
    if spec.samples == 0 {
        return Err(Error::usage("samples", "none were asked for", "ask for at least one"));
    }
    if spec.first.checked_add(spec.samples as u64).is_none() {
        let problem =
            format!("{} samples from index {} on have no index", spec.samples, spec.first);
        return Err(Error::usage("first sample", problem, "use a smaller --first"));
    }
    let steps = match stepping {
        Stepping::Grid(grid) => grid.len(),
        // How many there will be is not known; a run of this many is a long one.
        Stepping::Adaptive(_) => 1000,
    };
    let states = match spec.run.save {
        Save::End => 1,
        Save::Every(n) => 2 + steps / n.max(1),
    };
    let bytes_each = 4.0 * elements as f64 * states as f64 + 8.0 * 2.0 * ENERGIES.len() as f64;
    let bytes = bytes_each * spec.samples as f64;
    if bytes > LARGEST_RESULT {
        let problem = format!(
            "{} samples with {states} saved states each take {:.0} GB",
            spec.samples,
            bytes / 1e9
        );
        let remedy = format!(
            "at most {:.0} GB are kept in memory: draw fewer, save fewer states (--save-every), or draw \
             shards with --first",
            LARGEST_RESULT / 1e9
        );
        return Err(Error::usage("samples", problem, remedy));
    }
    Ok(())
}

/// One energy under its name in recordings.
type Named = (&'static str, fn(&Energy) -> f64);

/// The energies of a recording, by name.
const ENERGIES: [Named; 12] = [
    ("energy.left", |e| e.left),
    ("energy.left_raw", |e| e.left_raw),
    ("energy.early", |e| e.early),
    ("energy.late", |e| e.late),
    ("energy.early_raw", |e| e.early_raw),
    ("energy.late_raw", |e| e.late_raw),
    ("energy.quadrature", |e| e.quadrature),
    ("energy.quadrature_raw", |e| e.quadrature_raw),
    ("energy.chord", |e| e.chord),
    ("energy.bending", |e| e.bending),
    ("length.path", |e| e.path_length),
    ("length.chord", |e| e.chord_length),
];

/// The class each of these samples is drawn in, where the field has classes: after a switch, the last one.
pub(crate) fn told(field: &FieldSpec, samples: Range<u64>) -> Option<Vec<u32>> {
    match field {
        FieldSpec::Empirical { class, .. }
        | FieldSpec::LowRank { class, .. }
        | FieldSpec::Network { class, .. }
            if *class != (ClassSpec::Any {}) =>
        {
            let conditions = class.build();
            samples.map(|i| conditions.of(i)).collect()
        }
        FieldSpec::Switched { after, .. } => told(after, samples),
        FieldSpec::Guided { conditional, .. } => told(conditional, samples),
        FieldSpec::Rescheduled { field, .. }
        | FieldSpec::SourceScaled { field, .. }
        | FieldSpec::ClockShifted { field, .. } => told(field, samples),
        _ => None,
    }
}

/// Tells progress after every step.
struct Steps<'a> {
    progress: &'a mut dyn Progress,
    chunks: usize,
    chunk: usize,
    steps: Option<usize>,
    done: usize,
}

impl Observer for Steps<'_> {
    fn begin(&mut self, begin: &Begin<'_>) -> Result<(), pathline::Error> {
        self.steps = begin.steps;
        self.done = 0;
        Ok(())
    }

    fn step(&mut self, advance: &Advance<'_>) -> Result<ControlFlow<()>, pathline::Error> {
        self.done += 1;
        let within = match self.steps {
            Some(steps) => self.done as f64 / steps.max(1) as f64,
            None => advance.end.clamp(0.0, 1.0),
        };
        self.progress.at((self.chunk as f64 + within) / self.chunks as f64, "sampling");
        Ok(ControlFlow::Continue(()))
    }

    fn finish(&mut self, _: &Trajectory) -> Result<(), pathline::Error> {
        self.chunk += 1;
        Ok(())
    }
}
