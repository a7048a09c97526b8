//! `train`: fit a velocity network to data, in a folder in which an interrupted run goes on.
//!
//! The folder holds `config.json` (the spec), `log.jsonl` (a line that says what the data are, then one
//! every hundred steps), `state.safetensors` (all that training needs to go on), and at the end
//! `model.safetensors` and `report.json`. Lines of the log reach the disk before the state that counts
//! them, and states replace each other whole; so a run that was killed at any moment goes on from its
//! last state and leaves the same bytes as one that was not.

mod folder;
mod log;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pathline::coupling::CouplingSpec;
use pathline::field::fingerprint;
use pathline::spec::SourceSpec;
use pathline::{Batch, Purpose, Seed, Shape};
use pathline_data::{PointSet, atomic};
use pathline_nn::{
    Activation, BinLoss, FlowData, FlowTraining, HeldOut, Mlp, MlpConfig, NetworkField, Source,
    TrainingState, held_out_loss, network_to_bytes,
};

use crate::error::Error;
use crate::files::Files;
use crate::progress::Progress;
use folder::{Folder, MODEL, REPORT, STATE, json};
use log::Log;

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 100;

/// A training run as data: a perceptron from a source to a data set along the straight path.
///
/// # Examples
/// ```
/// use pathline::spec::from_json;
/// use pathline_study::TrainSpec;
/// let spec: TrainSpec = from_json("spec", r#"{"data": "moons", "training": {"steps": 10}}"#)?;
/// assert_eq!((spec.hidden.len(), spec.training.batch), (3, 256));
/// assert!(from_json::<TrainSpec>("spec", r#"{"data": "moons", "step": 10}"#).is_err());
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// The target: a built-in set or a file, as [`Files::data_set`] finds it. Labels are not used.
    pub data: String,
    /// Where samples start; normal.
    #[serde(default)]
    pub source: SourceSpec,
    /// Widths of the hidden layers; three of 128.
    #[serde(default = "hidden")]
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer; SiLU.
    #[serde(default = "activation")]
    pub activation: Activation,
    /// Which source goes with which target within a batch; independent.
    #[serde(default = "coupling")]
    pub coupling: CouplingSpec,
    /// Steps, batch, seed, clock and optimiser.
    #[serde(default)]
    pub training: FlowTraining,
    /// Share of the rows, chosen by the seed, that training never sees, in `[0, 1)`; 0.1. At 0 there is
    /// no held-out loss.
    #[serde(default = "held_out")]
    pub held_out: f64,
    /// Steps between two states on disk, at least 1; 500.
    #[serde(default = "checkpoint_every")]
    pub checkpoint_every: u64,
}

fn hidden() -> Vec<usize> {
    vec![128; 3]
}

fn activation() -> Activation {
    Activation::Silu
}

fn coupling() -> CouplingSpec {
    CouplingSpec::Independent {}
}

fn held_out() -> f64 {
    0.1
}

fn checkpoint_every() -> u64 {
    500
}

impl TrainSpec {
    /// The spec with its defaults for this data set.
    pub fn new(data: impl Into<String>) -> Self {
        Self {
            data: data.into(),
            source: SourceSpec::default(),
            hidden: hidden(),
            activation: activation(),
            coupling: coupling(),
            training: FlowTraining::default(),
            held_out: held_out(),
            checkpoint_every: checkpoint_every(),
        }
    }

    /// Fails unless every number is in its range.
    ///
    /// # Errors
    /// [`Error::Usage`] or [`Error::Library`] naming the number.
    pub fn check(&self) -> Result<(), Error> {
        if self.training.steps == 0 {
            return Err(Error::usage("training steps", "there are none", "use at least 1"));
        }
        if self.checkpoint_every == 0 {
            let problem = "0 steps between two states";
            return Err(Error::usage("checkpoint_every", problem, "use at least 1"));
        }
        if !(0.0..1.0).contains(&self.held_out) {
            let problem = format!("{} is no share of the rows", self.held_out);
            return Err(Error::usage("held_out", problem, "use at least 0 and below 1"));
        }
        Ok(self.training.check()?)
    }
}

/// What a finished run amounts to. It depends on the spec and the data alone.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainReport {
    /// Steps done.
    pub steps: u64,
    /// Parameters of the network.
    pub parameters: usize,
    /// Rows that were trained on.
    pub training_rows: usize,
    /// Rows that were held out.
    pub held_out_rows: usize,
    /// Loss on held-out rows by time. Draws pick rows with replacement, so the standard error is that
    /// of the draws, not of having held out these rows. Empty if none were.
    pub held_out: Vec<BinLoss>,
    /// Loss by time on rows that were trained on, with other noise: where it is clearly below the
    /// held-out loss, the network remembers them.
    pub training: Vec<BinLoss>,
}

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
/// same bytes as a run that was never stopped; one with a finished run is left alone.
///
/// # Errors
/// [`Error::Usage`] if the folder holds a run of another spec or foreign files, or another process
/// trains there; [`Error::Data`] if data or files cannot be read or written; [`Error::Library`] for
/// settings out of range, and when the loss stops being finite.
pub fn train(spec: &TrainSpec, dir: &Path, progress: &mut dyn Progress) -> Result<Trained, Error> {
    spec.check()?;
    let all = Files.data_set(&spec.data)?.batch;
    let (kept, held) = split(&all, spec)?;
    let set = point_set(&spec.source, all.shape())?;
    let drawn = |stream: &mut pathline::seed::Stream, row: &mut [f32]| {
        // The source is another draw of the set than the target's, even where both are one set.
        if let Some(set) = set {
            let seed = Seed(stream.below(usize::MAX) as u64);
            row.copy_from_slice(set.share(0, 1, seed).row(0));
        }
    };
    let coupling = spec.coupling.build();
    let seed = spec.training.seed;
    // In blocks of a training batch: measuring draws more rows at once, and a coupling of more rows is
    // another coupling (and exact minibatch OT of them takes long).
    let pair = |source: &Batch, target: &Batch, step: u64| {
        let mut order = Vec::with_capacity(source.len());
        let rows: Vec<usize> = (0..source.len()).collect();
        for (i, block) in rows.chunks(spec.training.batch.max(1)).enumerate() {
            let (first, source) = (order.len(), source.select(block)?);
            // A coupling that draws must draw anew in each block; training has one block a step.
            let draw = step ^ ((i as u64) << 40);
            let pairs = coupling.pair(&source, &target.select(block)?, seed, draw)?;
            order.extend(pairs.into_iter().map(|j| first + j));
        }
        Ok(order)
    };
    let between = |target| FlowData {
        source: if set.is_some() { Source::Drawn(&drawn) } else { Source::Normal },
        target,
        pairing: match spec.coupling {
            CouplingSpec::Independent {} => None,
            _ => Some(&pair),
        },
    };
    let data = between(&kept);
    data.check(all.shape())?;
    let config = MlpConfig {
        shape: all.shape().clone(),
        hidden: spec.hidden.clone(),
        activation: spec.activation,
    };
    let fresh = TrainingState::new(Box::new(Mlp::new(&config, seed)?), spec.training.clone())?;
    let folder = Folder::claim(dir, spec)?;
    let mut log = folder.log()?;
    let steps = spec.training.steps;
    if let Some(report) = folder.report()? {
        return Ok(Trained { report, model: folder.at(MODEL), from: steps });
    }
    let mut state = folder.state(spec)?.unwrap_or(fresh);
    let from = state.step();
    log.rewind(&first_line(&all, &kept, state.network().parameters().len()), from, steps)?;
    while state.step() < steps {
        advance(&mut state, &data, spec, &mut log, progress)?;
        log.sync()?;
        atomic::replace(&folder.at(STATE), &state.to_bytes()?)?;
    }
    let network = if spec.training.optimiser.ema.is_empty() {
        state.network().duplicate()
    } else {
        state.averaged(0)?
    };
    atomic::replace(&folder.at(MODEL), &network_to_bytes(&*network)?)?;
    let parameters = network.parameters().len();
    let field = NetworkField::new(Arc::from(network));
    progress.at(1.0, "measuring the held-out loss");
    // Another seed than the training's, whatever that is.
    let how = HeldOut { seed: Seed(!seed.0), ..HeldOut::default() };
    let held_out = match &held {
        Some(held) => held_out_loss(&field, &between(held), &how)?,
        None => Vec::new(),
    };
    let report = TrainReport {
        steps,
        parameters,
        training_rows: kept.len(),
        held_out_rows: held.as_ref().map_or(0, Batch::len),
        held_out,
        training: held_out_loss(&field, &data, &how)?,
    };
    atomic::replace(&folder.at(REPORT), &json(&report)?)?;
    Ok(Trained { report, model: folder.at(MODEL), from })
}

/// Trains up to the next state that is kept.
fn advance(
    state: &mut TrainingState,
    data: &FlowData<'_>,
    spec: &TrainSpec,
    log: &mut Log,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let (mut failed, mut doing) = (None, "training".to_owned());
    pathline_nn::train(state, data, &mut |now| {
        if now.step % LOG_EVERY == 0 || now.step == now.steps {
            doing = format!("training, loss {:.4}", now.loss);
            failed = log.add(now).err();
        }
        progress.at(now.step as f64 / now.steps as f64, &doing);
        let pause = now.step % spec.checkpoint_every == 0 || failed.is_some();
        if pause { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Rows to train on and rows held out, in an order given by the seed.
fn split(all: &Batch, spec: &TrainSpec) -> Result<(Batch, Option<Batch>), Error> {
    if spec.held_out == 0.0 {
        return Ok((all.clone(), None));
    }
    let held = ((all.len() as f64 * spec.held_out).round() as usize).max(1);
    if held >= all.len() {
        let problem = format!("{held} of {} rows would be held out and none left", all.len());
        return Err(Error::usage(
            &spec.data,
            problem,
            "give more rows, or hold out a smaller share",
        ));
    }
    let order = spec.training.seed.stream(Purpose::Resample, 0, 0).permutation(all.len());
    let (held, kept) = order.split_at(held);
    Ok((all.select(kept)?, Some(all.select(held)?)))
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

/// The first line of a log: by it a resumed run knows that the data are still the same.
fn first_line(all: &Batch, kept: &Batch, parameters: usize) -> String {
    let print = fingerprint(all.as_slice().iter().flat_map(|v| v.to_le_bytes()));
    let line = serde_json::json!({
        "data": format!("{print:016x}"),
        "held_out_rows": all.len() - kept.len(),
        "parameters": parameters,
        "training_rows": kept.len(),
    });
    format!("{line}\n")
}
