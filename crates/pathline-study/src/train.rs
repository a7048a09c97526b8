//! `train`: fit a velocity network to data, in a folder in which an interrupted run goes on.
//!
//! The folder holds `config.json` (the spec), `log.jsonl` (a line that says what the data are, then one
//! every hundred steps), the same numbers as an event file for TensorBoard, `state.safetensors` (all that
//! training needs to go on), and at the end `model.safetensors` and `report.json`. Where several moving
//! averages are kept, the model is the first, and each other is in a `model-ema-DECAY.safetensors`. Lines
//! of the log reach the disk before the state that counts
//! them, and states replace each other whole; so a run that was killed at any moment goes on from its
//! last state and leaves the same bytes as one that was not.

mod folder;
mod log;
mod network;
mod overrides;
mod pace;
mod report;
mod spec;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pathline::coupling::CouplingSpec;
use pathline::seed::Stream;
use pathline::spec::SourceSpec;
use pathline::{Batch, Purpose, Seed, Shape};
use pathline_data::{PointSet, atomic};
use pathline_nn::{
    FlowData, HeldOut, Network, NetworkField, Pairing, Source, TrainingState,
    held_out_loss_given_labels, model_to_bytes,
};

use crate::error::Error;
use crate::files::Files;
use crate::json::json;
use crate::progress::Progress;
use folder::{Folder, MODEL, REPORT, STATE};
use log::Log;
use pace::Pace;

pub use network::{DitSpec, MlpSpec, NetworkSpec, UnetSpec};
pub use report::{DataRecord, TrainReport};
pub use spec::TrainSpec;

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 100;
/// Fewest draws of the loss in each bin of time; short trainings measure with less than they trained with.
const FEWEST_DRAWS: usize = 64;

/// What a call to [`train()`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The report, as in `report.json`.
    pub report: TrainReport,
    /// The file of the network to sample from: the first moving average, or without any the last step.
    pub model: PathBuf,
    /// The step it went on from: 0 for a new run, the last for one that was finished before.
    pub from: u64,
}

/// Trains in the folder `dir`, which is made if need be, until the spec's last step.
///
/// A folder with an unfinished run of the same spec on the same data is gone on with, and ends with the
/// same bytes as a run that was never stopped; one with a finished run is left alone. A run may be
/// gone on with to another last step, and with a learning rate that falls elsewhere, as long as every update
/// so far had the rate that it would have had.
///
/// # Errors
/// [`Error::Usage`] if the folder holds a run of another spec or foreign files, or another process
/// trains there; [`Error::Data`] if data or files cannot be read or written; [`Error::Library`] for
/// settings out of range, and when the loss stops being finite.
pub fn train(spec: &TrainSpec, dir: &Path, progress: &mut dyn Progress) -> Result<Trained, Error> {
    spec.check()?;
    let set = Files.data_set(&spec.data)?;
    let (kept, held) = split(set.batch.len(), spec)?;
    let points = point_set(&spec.source, set.shape())?;
    let drawn = |stream: &mut Stream, row: &mut [f32]| draw_point(points, stream, row);
    let pair = pairing(spec);
    let between = |rows| FlowData {
        source: if points.is_some() { Source::Drawn(&drawn) } else { Source::Normal },
        target: &set.batch,
        labels: set.labels.as_deref(),
        rows: Some(rows),
        pairing: match spec.coupling {
            CouplingSpec::Independent {} => None,
            _ => Some(&*pair),
        },
    };
    let data = between(&kept);
    data.check(set.shape())?;
    if spec.training.mirror && set.shape().extents().len() != 3 {
        let problem = format!("samples of shape {} cannot be mirrored", set.shape());
        return Err(Error::usage(&spec.data, problem, "mirror images, of shape [c, h, w]"));
    }
    if spec.coupling.needs_labels() && set.labels.is_none() {
        let problem =
            "has no labels, and the condition-aware coupling pairs within each".to_owned();
        return Err(Error::usage(&spec.data, problem, "take minibatch-ot, or data with labels"));
    }
    let seed = spec.training.seed;
    let network = spec.network.build(set.shape(), set.classes(), seed)?;
    let fresh = TrainingState::new(network, spec.training.clone())?;
    let folder = Folder::claim(dir, spec)?;
    let mut log = folder.log()?;
    let steps = spec.training.steps;
    if folder.holds(spec)?
        && let Some(report) = folder.report(steps)?
    {
        return Ok(Trained { report, model: folder.at(MODEL), from: steps });
    }
    // Before the spec is kept: it may turn out to be of another run.
    let mut state = folder.state(spec)?.unwrap_or(fresh);
    folder.keep(spec)?;
    let (from, parameters) = (state.step(), state.network().parameters().len());
    let record = DataRecord::new(&set);
    log.rewind(&first_line(&record, kept.len(), parameters), from, steps)?;
    let mut pace = Pace::new();
    while state.step() < steps {
        advance(&mut state, &data, spec, &mut log, &mut |now| {
            progress.at(now.step as f64 / steps as f64, pace.step(now.loss, spec.training.batch));
        })?;
        log.sync()?;
        atomic::replace(&folder.at(STATE), &state.to_bytes()?)?;
    }
    let network = models(&state, spec, &folder)?;
    let field = NetworkField::new(Arc::from(network))
        .predicting(spec.training.output)
        .in_precision(spec.training.precision);
    progress.at(1.0, "measuring the held-out loss");
    // Another seed than the training's, whatever that is.
    let usual = HeldOut::default();
    let most = steps.saturating_mul(spec.training.batch as u64) / (4 * usual.bins as u64);
    let draws = usual.draws.min((most as usize).max(FEWEST_DRAWS));
    let how = HeldOut { seed: Seed(!seed.0), draws, ..usual };
    let measure = |rows| held_out_loss_given_labels(&field, &between(rows), &how);
    let report = TrainReport {
        steps,
        parameters,
        data: record,
        training_rows: kept.len(),
        held_out_rows: held.len(),
        held_out: if held.is_empty() { Vec::new() } else { measure(&held)? },
        training: measure(&kept)?,
    };
    if let Some(loss) = report.held_out_loss() {
        log.conclude(steps, "held_out_loss", loss)?;
    }
    atomic::replace(&folder.at(REPORT), &json(&report)?)?;
    Ok(Trained { report, model: folder.at(MODEL), from })
}

/// Writes the models of a finished run; gives the one to sample from.
fn models(
    state: &TrainingState,
    spec: &TrainSpec,
    folder: &Folder,
) -> Result<Box<dyn Network>, Error> {
    let bytes = |network: &dyn Network| model_to_bytes(network, spec.training.output);
    let averages = &spec.training.optimiser.ema;
    for (i, decay) in averages.iter().enumerate().skip(1) {
        let name = format!("model-ema-{decay}.safetensors");
        atomic::replace(&folder.at(&name), &bytes(&*state.averaged(i)?)?)?;
    }
    let last = averages.is_empty();
    let network = if last { state.network().duplicate() } else { state.averaged(0)? };
    atomic::replace(&folder.at(MODEL), &bytes(&*network)?)?;
    Ok(network)
}

/// Trains up to the next state that is kept.
fn advance(
    state: &mut TrainingState,
    data: &FlowData<'_>,
    spec: &TrainSpec,
    log: &mut Log,
    watch: &mut dyn FnMut(&pathline_nn::Progress),
) -> Result<(), Error> {
    let mut failed = None;
    pathline_nn::train(state, data, &mut |now| {
        if now.step % LOG_EVERY == 0 || now.step == now.steps {
            failed = log.add(now).err();
        }
        watch(now);
        let pause = now.step % spec.checkpoint_every == 0 || failed.is_some();
        if pause { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(()), Err)
}

/// The pairs of a coupling, in blocks of a training batch: measuring draws more rows at once, and a
/// coupling of more rows is another coupling (and exact minibatch OT of them takes long).
fn pairing(spec: &TrainSpec) -> Box<Pairing<'static>> {
    let coupling = spec.coupling.build();
    let (seed, block) = (spec.training.seed, spec.training.batch.max(1));
    Box::new(move |source: &Batch, target: &Batch, labels: Option<&[u32]>, step: u64| {
        let mut order = Vec::with_capacity(source.len());
        let rows: Vec<usize> = (0..source.len()).collect();
        for (i, block) in rows.chunks(block).enumerate() {
            let (first, source) = (order.len(), source.select(block)?);
            // A coupling that draws must draw anew in each block; training has one block a step.
            let draw = step ^ ((i as u64) << 40);
            let labels = labels.map(|labels| &labels[first..first + block.len()]);
            let target = target.select(block)?;
            let pairs = coupling.pair_labelled(&source, &target, labels, seed, draw)?;
            order.extend(pairs.into_iter().map(|j| first + j));
        }
        Ok(order)
    })
}

/// Rows to train on and rows held out, in an order given by the seed.
fn split(rows: usize, spec: &TrainSpec) -> Result<(Vec<usize>, Vec<usize>), Error> {
    if spec.held_out == 0.0 {
        return Ok(((0..rows).collect(), Vec::new()));
    }
    let held = ((rows as f64 * spec.held_out).round() as usize).max(1);
    if held >= rows {
        let problem = format!("{held} of {rows} rows would be held out and none left");
        return Err(Error::usage(
            &spec.data,
            problem,
            "give more rows, or hold out a smaller share",
        ));
    }
    let mut held_rows = spec.training.seed.stream(Purpose::Resample, 0, 0).permutation(rows);
    let kept = held_rows.split_off(held);
    Ok((kept, held_rows))
}

fn point_set(source: &SourceSpec, shape: &Shape) -> Result<Option<PointSet>, Error> {
    match source {
        SourceSpec::Normal {} => Ok(None),
        SourceSpec::Points { name } => {
            pathline::Error::check_shape("source points", shape, &Shape::vector(2))?;
            Ok(Some(name.parse()?))
        }
    }
}

/// A point of the source, which is another draw of the set than the target's, even where both are one.
fn draw_point(set: Option<PointSet>, stream: &mut Stream, row: &mut [f32]) {
    if let Some(set) = set {
        let seed = Seed(stream.below(usize::MAX) as u64);
        row.copy_from_slice(set.share(0, 1, seed).row(0));
    }
}

/// The first line of a log: by it a resumed run knows that the data are still the same.
fn first_line(data: &DataRecord, training_rows: usize, parameters: usize) -> String {
    let line = serde_json::json!({
        "data": data,
        "held_out_rows": data.rows - training_rows,
        "parameters": parameters,
        "training_rows": training_rows,
    });
    format!("{line}\n")
}
