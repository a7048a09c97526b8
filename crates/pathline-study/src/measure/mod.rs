//! `measure`: what a recording, or a field, says about its trajectories.

mod arrival;
mod beside_data;
mod density_relation;
mod distances;
mod dominance;
mod memorised;
mod page;
mod radial_error;
mod rank_figures;
mod rank_relation;
mod recognition;
mod rotation;
mod set_quality;

use pathline::diagnostics::{DeficitPoint, LagPoint, PowerPoint};
use pathline::kernels::{squared_distance, squared_norm};
use pathline::recording::Recording;
use pathline::spec::SampleSpec;
use pathline::statistics::Estimate;
use pathline::{Batch, Save, Seed, Shape, Stepping};
use pathline_data::DataSet;

pub use density_relation::DensityRelation;
pub use distances::Distances;
pub use dominance::Committed;
pub use memorised::{Closest, Memorised};
pub use page::measurement_page;
pub use recognition::Recognition;
pub use rotation::Rotation;
pub use set_quality::SetQuality;

pub(crate) use density_relation::{from_mean, null_energy};
pub(crate) use distances::Further;
pub(crate) use memorised::share;
pub(crate) use rank_relation::spearman;

use density_relation::{Costs, density_relation};

use crate::error::Error;
use crate::files::Files;
use crate::progress::{Part, Progress};
use crate::sample::{Sampled, sample_field};
use crate::sets::Beside;

/// Saved states of a run that is measured, about.
const STATES: usize = 12;
/// Most bytes of them: beyond it only the end is kept, and what needs states is left out.
const MOST_BYTES: usize = 1 << 30;

/// What was measured. Means over samples come with 95 % jackknife intervals.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measurement {
    /// What was measured.
    pub subject: String,
    /// Number of samples.
    pub samples: usize,
    /// Field evaluations of a sample.
    pub evaluations: u64,
    /// Mean of each diagnostic that every sample has: energies, lengths.
    pub means: Vec<(String, Estimate)>,
    /// Mean of path length over chord length.
    pub straightness: Option<Estimate>,
    /// Mean share of the energy that is bending.
    pub bending_share: Option<Estimate>,
    /// Energy of every sample (left Riemann, effective), for pictures.
    pub energies: Vec<f64>,
    /// Chord and bending of every sample, for pictures.
    pub chord_and_bending: Vec<[f64; 2]>,
    /// Power over time; empty when only a recording was measured.
    pub power: Vec<PowerPoint>,
    /// Memorisation against a data set.
    pub memorisation: Option<Memorised>,
    /// The samples as a set, against a data set.
    #[serde(default)]
    pub quality: Option<SetQuality>,
    /// Whether the samples show the classes that were asked for, where they have classes and data and judge know them.
    #[serde(default)]
    pub recognition: Option<Recognition>,
    /// Energy and the density of a data set: by distances between states and, where there are any, between their
    /// features.
    #[serde(default)]
    pub density: Vec<DensityRelation>,
    /// Commitment to points of a data set along the way.
    #[serde(default)]
    pub dominance: Option<Committed>,
    /// The antisymmetric part of the field's Jacobian along the way; empty when only a recording was measured.
    #[serde(default)]
    pub rotation: Vec<Rotation>,
    /// By how much samples fall short of the spread of their path, at each saved state.
    #[serde(default)]
    pub lag: Vec<LagPoint>,
    /// Velocity deficit on pairs of noise and data: of the conditional field, where the run was guided.
    pub deficit: Vec<DeficitPoint>,
}

/// Measures a recording. Energies that it does not hold are taken from its saved states: for an Euler
/// run that saved every step the two are the same.
///
/// # Errors
/// [`Error::Usage`] for a recording without samples, or data of another shape.
pub fn measure(
    recording: &Recording,
    subject: &str,
    beside: Option<&Beside>,
) -> Result<Measurement, Error> {
    let Some(end) = recording.end().filter(|end| !end.is_empty()) else {
        return Err(Error::usage(subject, "the recording holds no sample", "record at least one"));
    };
    let mut each = recording.diagnostics.clone();
    if !each.contains_key("energy.left") && recording.states.len() > 1 {
        from_states(recording, &mut each);
    }
    let column = |name: &str| each.get(name).cloned().unwrap_or_default();
    let (chord, bending) = (column("energy.chord"), column("energy.bending"));
    let (path, straight) = (column("length.path"), column("length.chord"));
    let ratio = |a: &[f64], b: &[f64]| -> Option<Estimate> {
        let values: Vec<f64> = a.iter().zip(b).map(|(a, b)| a / b).collect();
        if values.iter().all(|v| v.is_finite()) { mean(&values) } else { None }
    };
    let energies = column("energy.left");
    let against = match beside {
        Some(beside) => Against::new(recording, end, [&energies, &bending], beside)?,
        None => Against::default(),
    };
    Ok(Measurement {
        subject: subject.to_owned(),
        samples: end.len(),
        evaluations: recording.run.evaluations,
        means: each.iter().filter_map(|(n, v)| Some((n.clone(), mean(v)?))).collect(),
        straightness: ratio(&path, &straight),
        bending_share: ratio(&bending, &column("energy.quadrature")),
        energies,
        chord_and_bending: chord.iter().zip(&bending).map(|(&c, &b)| [c, b]).collect(),
        power: Vec::new(),
        memorisation: against.memorisation,
        quality: against.quality,
        recognition: against.recognition,
        density: against.density,
        dominance: against.dominance,
        lag: against.lag,
        rotation: Vec::new(),
        deficit: Vec::new(),
    })
}

/// What needs data.
#[derive(Default)]
struct Against {
    memorisation: Option<Memorised>,
    quality: Option<SetQuality>,
    recognition: Option<Recognition>,
    density: Vec<DensityRelation>,
    dominance: Option<Committed>,
    lag: Vec<LagPoint>,
}

impl Against {
    fn new(
        recording: &Recording,
        end: &Batch,
        [energy, bending]: [&[f64]; 2],
        beside: &Beside,
    ) -> Result<Self, Error> {
        let data = &beside.data;
        let (points, name) = (in_shape(&data.batch, end.shape(), data)?, &data.name);
        let held_out = beside.held_out.as_ref();
        let held_out = held_out
            .map(|held| Ok::<_, Error>((in_shape(&held.batch, end.shape(), held)?, &*held.name)))
            .transpose()?;
        let held_out = held_out.as_ref().map(|(points, name)| (points, *name));
        let memorised = memorised::memorised((end, &recording.samples), (&points, name), held_out)?;
        let from_noise =
            recording.run.spec.pointer("/source/kind").is_some_and(|kind| kind == "normal");
        let dominance =
            if from_noise { dominance::committed(recording, &points, name)? } else { None };
        let lag = if from_noise {
            arrival::arrival(recording, &points, data.labels.as_deref())?
        } else {
            Vec::new()
        };
        let null = if from_noise { null_energy(end, Seed(0)) } else { Vec::new() };
        let square = |batch: &Batch| batch.rows().iter().map(squared_norm).collect::<Vec<_>>();
        let noise = recording.states.first().filter(|_| recording.times.first() == Some(&0.0));
        let given = [
            ("|x1|\u{b2}", square(end)),
            ("|x1 \u{2212} mean|\u{b2}", from_mean(end, &points)),
            ("|x0|\u{b2}", noise.map(square).unwrap_or_default()),
            ("chord", recording.diagnostics.get("energy.chord").cloned().unwrap_or_default()),
        ];
        let labels = recording.labels.as_deref();
        let estimate = beside.density;
        let costs = &Costs { energy, bending, null: &null, estimate, given: &given, labels };
        let mut density = Vec::new();
        density.extend(density_relation(end, costs, (end, &points), [name, "the states"])?);
        let seen = beside.see(end, &points)?;
        if let Some(seen) = seen.as_ref().filter(|seen| !seen.plain) {
            let (both, called) = ((&seen.generated, &seen.real), [name.as_str(), &seen.on]);
            density.extend(density_relation(end, costs, both, called)?);
        }
        let recognition = match &seen {
            Some(seen) => recognition::recognition(costs, seen)?,
            None => None,
        };
        Ok(Self {
            memorisation: Some(memorised),
            quality: seen.map(|seen| set_quality::set_quality(&seen, name)).transpose()?,
            recognition,
            density,
            dominance,
            lag,
        })
    }
}

/// Samples a field and measures the run, and the antisymmetric part of the field's Jacobian along it. With data,
/// also its memorisation, its quality as a set, how energy goes with density, how far states are committed to a
/// point and, where it starts from noise, how far samples lag behind their path and the velocity deficit on pairs of
/// noise and data (held-out data, where there are some).
///
/// # Errors
/// As [`sample`](crate::sample()) and [`measure`].
pub fn measure_field(
    spec: &SampleSpec,
    subject: &str,
    beside: Option<&Beside>,
    progress: &mut dyn Progress,
) -> Result<(Sampled, Measurement), Error> {
    let field = spec.field.build(&Files)?;
    let spec = &with_states(spec, field.shape())?;
    let sampled = sample_field(&*field, spec, &Files, &mut Part::new(progress, 0.0, 0.7))?;
    progress.at(0.7, "measuring");
    let mut measured = measure(&sampled.recording, subject, beside)?;
    measured.power.clone_from(&sampled.power);
    progress.at(0.9, "probing the field");
    let exact = spec.field.in_f32();
    let field = if exact == spec.field { field } else { exact.build(&Files)? };
    measured.rotation = rotation::rotation(&*field, &sampled.recording)?;
    let normal = spec.source == pathline::spec::SourceSpec::Normal {};
    if let Some(beside) = beside.filter(|_| normal) {
        measured.deficit = radial_error::radial_error((&field, &exact), spec.seed, beside)?;
    }
    progress.at(1.0, "measuring");
    Ok((sampled, measured))
}

/// The spec with states saved on the way, where nothing was asked for and they fit into memory.
fn with_states(spec: &SampleSpec, shape: &Shape) -> Result<SampleSpec, Error> {
    let mut spec = spec.clone();
    let bytes = STATES * size_of::<f32>() * shape.elements();
    if spec.run.save == Save::End && bytes.saturating_mul(spec.samples) <= MOST_BYTES {
        let every = match spec.run.build()?.stepping {
            Stepping::Grid(grid) => grid.len().div_ceil(STATES).max(1),
            // How many steps there will be is not known.
            Stepping::Adaptive(_) => 4,
        };
        spec.run.save = Save::Every(every);
    }
    Ok(spec)
}

/// Points of a data set in the shape of the samples.
pub(crate) fn in_shape(points: &Batch, shape: &Shape, data: &DataSet) -> Result<Batch, Error> {
    points.clone().reshaped(shape.clone()).map_err(|_| {
        let problem = format!("holds points of shape {}, the samples are {shape}", points.shape());
        Error::usage(&data.name, problem, "name data that the samples could be of")
    })
}

/// Mean with a jackknife interval; one value has none.
pub(crate) fn mean(values: &[f64]) -> Option<Estimate> {
    let of = |rows: &[usize]| {
        (!rows.is_empty()).then(|| rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64)
    };
    let alone = || values.first().map(|&value| Estimate { value, low: f64::NAN, high: f64::NAN });
    rank_relation::estimated(values.len(), of).or_else(alone)
}

/// Lengths and energies from saved states, `1/2 sum |dx|^2 / dt`.
pub(crate) fn from_states(
    recording: &Recording,
    each: &mut std::collections::BTreeMap<String, Vec<f64>>,
) {
    let n = recording.samples.len();
    let (mut length, mut energy) = (vec![0.0; n], vec![0.0; n]);
    for (states, times) in recording.states.windows(2).zip(recording.times.windows(2)) {
        for i in 0..n {
            let squared = squared_distance(states[0].row(i), states[1].row(i));
            length[i] += squared.sqrt();
            energy[i] += 0.5 * squared / (times[1] - times[0]).abs();
        }
    }
    let (Some(first), Some(last)) = (recording.states.first(), recording.states.last()) else {
        return;
    };
    let span: f64 = recording.times.windows(2).map(|t| (t[1] - t[0]).abs()).sum();
    let chord: Vec<f64> = (0..n).map(|i| squared_distance(first.row(i), last.row(i))).collect();
    each.insert("length.chord".to_owned(), chord.iter().map(|c| c.sqrt()).collect());
    let chord: Vec<f64> = chord.iter().map(|c| 0.5 * c / span).collect();
    let bending = energy.iter().zip(&chord).map(|(e, c)| e - c).collect();
    each.insert("energy.bending".to_owned(), bending);
    each.insert("energy.chord".to_owned(), chord);
    each.insert("energy.left".to_owned(), energy.clone());
    each.insert("energy.quadrature".to_owned(), energy);
    each.insert("length.path".to_owned(), length);
}
