//! What several claims measure: runs with their energies, networks trained on points, correlations of ranks.

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::diagnostics::{Energy, KineticEnergy};
use pathline::gain::Gain;
use pathline::kernels::squared_norm;
use pathline::neighbours::{Bandwidth, Exclude, kernel_log_density, knn_log_density};
use pathline::solver::{EULER, Solver};
use pathline::statistics::PrincipalComponents;
use pathline::{Batch, Run, Seed, Source, TimeGrid, VelocityField, sample};
use pathline_nn::{
    Activation, AdamW, Decay, FlowData, FlowTraining, LearningRate, Mlp, MlpConfig, NetworkField,
    TrainingState, train,
};

use super::evidence::{Columns, Setting};
use crate::error::Error;
use crate::measure::{from_mean, null_energy, spearman};

/// Samples followed at a time: bounds memory, changes no byte.
const CHUNK: usize = 500;

/// Neighbours of the density estimate. The study that claims 1 to 3 come from does not name its own.
const NEIGHBOURS: usize = 10;

/// Principal components in which the kernel density is taken.
const COMPONENTS: usize = 50;

/// One way of following a field.
pub(super) struct Way<'a> {
    pub(super) solver: &'static dyn Solver,
    pub(super) grid: TimeGrid,
    pub(super) gain: Option<&'a dyn Gain>,
}

impl Way<'_> {
    /// Euler on a uniform grid.
    pub(super) fn euler(steps: usize) -> Result<Self, Error> {
        Ok(Self { solver: &EULER, grid: TimeGrid::uniform(steps)?, gain: None })
    }
}

/// Which samples are drawn: the first of a seed.
#[derive(Clone, Copy)]
pub(super) struct Draw {
    pub(super) seed: Seed,
    pub(super) samples: usize,
}

/// Where samples began and ended, and what their way cost.
pub(super) struct Followed {
    pub(super) noise: Batch,
    pub(super) ends: Batch,
    pub(super) energy: Vec<Energy>,
}

/// Follows the first `samples` samples of a seed.
pub(super) fn follow(
    field: &dyn VelocityField,
    seed: Seed,
    samples: usize,
    way: &Way<'_>,
) -> Result<Followed, Error> {
    let source = Source { chunk: CHUNK, ..Source::new(seed, samples) };
    let run = Run { gain: way.gain, ..Run::on(way.grid.clone(), way.solver) };
    let mut energy = KineticEnergy::new();
    let ends = sample(field, &source, &run, &mut energy)?.end;
    Ok(Followed { noise: source.noise(field.shape()), ends, energy: energy.samples().to_vec() })
}

impl Followed {
    /// Energies and what they may be mistaken for: `energy` (left Riemann, effective), `chord`, `bending`,
    /// `noise` and `length` (squared norms of start and end), and `null`, the energy without a model:
    /// `1/2 |x_1 - x_0'|^2` of the same ends with noise that has nothing to do with them.
    pub(super) fn columns(&self, seed: Seed) -> Columns {
        let each = |of: &dyn Fn(&Energy) -> f64| self.energy.iter().map(of).collect::<Vec<_>>();
        let squares = |batch: &Batch| batch.rows().iter().map(squared_norm).collect::<Vec<_>>();
        Columns::from([
            ("energy".to_owned(), each(&|e| e.left)),
            ("chord".to_owned(), each(&|e| e.chord)),
            ("bending".to_owned(), each(&|e| e.bending)),
            ("noise".to_owned(), squares(&self.noise)),
            ("length".to_owned(), squares(&self.ends)),
            ("null".to_owned(), null_energy(&self.ends, seed)),
        ])
    }

    /// [`Followed::columns`] with the log [`densities`] of the ends in `data`.
    pub(super) fn with_density(&self, seed: Seed, data: &Batch) -> Result<Columns, Error> {
        let mut columns = self.columns(seed);
        columns.extend(densities(&self.ends, data)?);
        Ok(columns)
    }
}

/// Log densities of points in `data`: `density` by the tenth neighbour; the same by the 5th, 20th and 50th, and
/// by Gaussian bumps of Scott's width, in at most [`COMPONENTS`] principal components; and `from-mean`.
pub(super) fn densities(points: &Batch, data: &Batch) -> Result<Columns, Error> {
    let mut columns = Columns::new();
    for (name, k) in [
        ("density", NEIGHBOURS),
        ("density, k = 5", 5),
        ("density, k = 20", 20),
        ("density, k = 50", 50),
    ] {
        columns.insert(name.to_owned(), knn_log_density(points, data, k, Exclude::Nothing)?);
    }
    let components = PrincipalComponents::of(data, COMPONENTS.min(data.width()))?;
    let (points_in, data_in) = (components.project(points)?, components.project(data)?);
    let kernel = kernel_log_density(&points_in, &data_in, Bandwidth::Scott, Exclude::Nothing)?;
    columns.insert("density, kernel".to_owned(), kernel);
    columns.insert("from-mean".to_owned(), from_mean(points, data));
    Ok(columns)
}

/// A perceptron trained to carry noise to `data`, independent coupling, uniform times: the moving average.
pub(super) fn trained_perceptron(
    data: &Batch,
    hidden: &[usize],
    training: FlowTraining,
    progress: &mut dyn FnMut(f64),
) -> Result<NetworkField, Error> {
    let mut state = fresh_perceptron(data, hidden, training)?;
    train(&mut state, &FlowData::from_noise(data), &mut |now| {
        progress(now.step as f64 / now.steps as f64);
        ControlFlow::Continue(())
    })?;
    Ok(NetworkField::new(Arc::from(state.averaged(0)?)))
}

/// A perceptron for points of this shape, before its first update.
pub(super) fn fresh_perceptron(
    data: &Batch,
    hidden: &[usize],
    training: FlowTraining,
) -> Result<TrainingState, Error> {
    let config = MlpConfig {
        shape: data.shape().clone(),
        hidden: hidden.to_vec(),
        activation: Activation::Silu,
    };
    let seed = training.seed;
    Ok(TrainingState::new(Box::new(Mlp::new(&config, seed)?), training)?)
}

/// The training of perceptrons on points: `steps` updates of 256, rate falling from 3e-3.
pub(super) fn point_training(steps: u64, seed: Seed) -> FlowTraining {
    let learning_rate =
        LearningRate { peak: 3e-3, warm_up: 100, decay: Decay::Cosine { floor: 1e-5 } };
    let optimiser = AdamW { learning_rate, ..AdamW::default() };
    FlowTraining { steps, seed, optimiser, ..FlowTraining::default() }
}

/// The Spearman correlation of two columns over some rows, given others.
pub(super) fn correlation(
    setting: &Setting,
    (x, y): (&str, &str),
    given: &[&str],
    rows: &[usize],
) -> Option<f64> {
    let column = |name: &str| setting.column(name).ok();
    let given = given.iter().map(|name| column(name)).collect::<Option<Vec<_>>>()?;
    spearman(column(x)?, column(y)?, &given, rows)
}

/// By how much energy is more correlated with a column than the null energy is, over some rows.
pub(super) fn beyond_null(setting: &Setting, y: &str, rows: &[usize]) -> Option<f64> {
    let own = correlation(setting, ("energy", y), &[], rows)?;
    Some(own - correlation(setting, ("null", y), &[], rows)?)
}

/// The least-squares slope of points `(x, y)`; `None` when all `x` are equal.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
    let joint: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    (spread > 0.0).then(|| joint / spread)
}

/// Means over `blocks` runs of neighbouring values, as many each: what statistics of means need, in few numbers.
pub(super) fn block_means(values: &[f64], blocks: usize) -> Vec<f64> {
    let size = values.len().div_ceil(blocks.max(1)).max(1);
    let mean = |block: &[f64]| block.iter().sum::<f64>() / block.len() as f64;
    values.chunks_exact(size).map(mean).collect()
}
