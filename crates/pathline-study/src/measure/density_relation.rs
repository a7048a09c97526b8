//! How the cost of a sample goes with the density of data where it ended, beside what would be found without any
//! model.
//!
//! An image far from the origin costs energy from any noise, and lies where data are rare or where they are common
//! as the data set has it: so energy is correlated with density before a model has done anything. The *null
//! energy* `1/2 |x1 - x0'|^2` pairs each end with noise that has nothing to do with it; what the energy has
//! beyond it is the trajectory's.

use pathline::kernels::squared_distance;
use pathline::statistics::{Estimate, StrataComparison};
use pathline::{Batch, Seed, Source};

use super::rank_relation::{FEWEST, beyond, estimated, spearman};
use crate::density_estimate::DensityEstimate;
use crate::error::Error;
use crate::ranks_within::ranks_within;
use crate::thirds::thirds;

/// Spearman correlations with log density.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DensityRelation {
    /// The data set.
    pub data: String,
    /// Its points.
    pub points: usize,
    /// What distances are between: the states, or features of them.
    pub on: String,
    /// What the density is estimated by.
    pub by: String,
    /// What is correlated with log density, and the correlation.
    pub correlations: Vec<(String, Estimate)>,
    /// What is compared between thirds of density, and the rank tests.
    #[serde(default)]
    pub thirds: Vec<(String, StrataComparison)>,
    /// Log density and energy of each sample, for pictures.
    #[serde(skip)]
    pub(super) energy: Vec<[f64; 2]>,
    /// The same of the null energy.
    #[serde(skip)]
    pub(super) null: Vec<[f64; 2]>,
}

/// What each sample has.
pub(super) struct Costs<'a> {
    pub(super) energy: &'a [f64],
    pub(super) bending: &'a [f64],
    /// How density is estimated.
    pub(super) estimate: DensityEstimate,
    /// What the energy may be mistaken for, by name.
    pub(super) given: &'a [(&'static str, Vec<f64>)],
    pub(super) labels: Option<&'a [u32]>,
    /// The null energy; empty unless samples came from normal noise, where it means something.
    pub(super) null: &'a [f64],
}

/// The relation in the data set `name`, of which `found` and `points` are the samples and the points to search, on
/// what they are; `None` for too few samples or energies.
pub(super) fn density_relation(
    end: &Batch,
    costs: &Costs<'_>,
    (found, points): (&Batch, &Batch),
    [name, on]: [&str; 2],
) -> Result<Option<DensityRelation>, Error> {
    let n = end.len();
    if n < FEWEST || costs.energy.len() != n || points.len() < costs.estimate.fewest() {
        return Ok(None);
    }
    let density = costs.estimate.log_density(found, points)?;
    let mut correlations = Vec::new();
    let mut add = |what: &str, of: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| {
        correlations.extend(estimated(n, of).map(|found| (what.to_owned(), found)));
    };
    add("energy", &|rows| spearman(costs.energy, &density, &[], rows));
    if !costs.null.is_empty() {
        add("null energy (same ends, unrelated noise)", &|rows| {
            spearman(costs.null, &density, &[], rows)
        });
        add("energy less null energy (difference of the two)", &|rows| {
            beyond(costs.energy, costs.null, &density, rows)
        });
    }
    for (given, values) in costs.given.iter().filter(|(_, values)| values.len() == n) {
        let of = |rows: &[usize]| spearman(costs.energy, &density, &[values], rows);
        add(&format!("energy, given {given}"), &of);
    }
    if costs.bending.len() == n {
        add("bending", &|rows| spearman(costs.bending, &density, &[], rows));
    }
    if let Some(labels) = costs.labels {
        let within = |values: &[f64]| ranks_within(values, labels);
        let (energy, density) = (within(costs.energy)?, within(&density)?);
        add("energy, ranked within each class", &|rows| spearman(&energy, &density, &[], rows));
    }
    let mut between = Vec::new();
    let mut compare = |what: &str, values: &[f64], labels: Option<&[u32]>| -> Result<(), Error> {
        if values.len() == n {
            between.extend(thirds(values, &density, labels)?.map(|found| (what.to_owned(), found)));
        }
        Ok(())
    };
    compare("energy", costs.energy, None)?;
    compare("null energy", costs.null, None)?;
    compare("bending", costs.bending, None)?;
    if costs.labels.is_some() {
        compare("energy, ranked within each class", costs.energy, costs.labels)?;
        compare("null energy, ranked within each class", costs.null, costs.labels)?;
    }
    let points_of =
        |values: &[f64]| density.iter().zip(values).map(|(&d, &v)| [d, v]).collect::<Vec<_>>();
    Ok(Some(DensityRelation {
        data: name.to_owned(),
        points: points.len(),
        on: on.to_owned(),
        by: costs.estimate.to_string(),
        energy: points_of(costs.energy),
        null: points_of(costs.null),
        correlations,
        thirds: between,
    }))
}

/// `1/2 |x1 - x0'|^2` of every end, with noise of this seed that no sample starts from.
pub(crate) fn null_energy(end: &Batch, seed: Seed) -> Vec<f64> {
    let noise = Source { first: 1 << 41, ..Source::new(seed, end.len()) }.noise(end.shape());
    let pairs = end.rows().iter().zip(noise.rows().iter());
    pairs.map(|(a, b)| 0.5 * squared_distance(a, b)).collect()
}

/// `|x - mean|^2` with the mean of `data`.
pub(crate) fn from_mean(points: &Batch, data: &Batch) -> Vec<f64> {
    let mut mean = vec![0.0_f64; data.width()];
    for row in data.rows().iter() {
        mean.iter_mut().zip(row).for_each(|(m, &x)| *m += f64::from(x) / data.len() as f64);
    }
    let mean: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
    points.rows().iter().map(|x| squared_distance(x, &mean)).collect()
}
