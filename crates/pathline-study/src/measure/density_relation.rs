//! How the cost of a sample goes with the density of data where it ended, beside what would be found without any
//! model.
//!
//! An image far from the origin costs energy from any noise, and lies where data are rare or where they are common
//! as the data set has it: so energy is correlated with density before a model has done anything. The *null
//! energy* `1/2 |x1 - x0'|^2` pairs each end with noise that has nothing to do with it; what the energy has
//! beyond it is the trajectory's.

use pathline::kernels::{squared_distance, squared_norm};
use pathline::neighbours::{Exclude, knn_log_density};
use pathline::statistics::{Estimate, Jackknife, partial_spearman};
use pathline::{Batch, Seed, Source};

use crate::error::Error;
use crate::ranks_within::ranks_within;

/// Neighbours whose distance gives the density.
const NEIGHBOURS: usize = 10;
/// Blocks of the jackknife: a prime, so that no block is of one class where classes come in turn.
const BLOCKS: usize = 19;
/// Fewest samples, two a block.
const FEWEST: usize = 40;

/// Spearman correlations with log density.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DensityRelation {
    /// The data set.
    pub data: String,
    /// Its points.
    pub points: usize,
    /// What distances are between: the states, or features of them.
    pub on: String,
    /// The neighbour whose distance gives the density.
    pub neighbours: usize,
    /// What is correlated with log density, and the correlation.
    pub correlations: Vec<(String, Estimate)>,
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
    pub(super) labels: Option<&'a [u32]>,
    /// Whether samples came from normal noise, so that the null energy means something.
    pub(super) from_noise: bool,
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
    if n < FEWEST || costs.energy.len() != n || points.len() <= NEIGHBOURS {
        return Ok(None);
    }
    let density = knn_log_density(found, points, NEIGHBOURS, Exclude::Nothing)?;
    let length: Vec<f64> = end.rows().iter().map(squared_norm).collect();
    let null = if costs.from_noise { null_energy(end, Seed(0)) } else { Vec::new() };
    let correlation = |x: &[f64], y: &[f64], given: &[&[f64]], rows: &[usize]| {
        let take = |values: &[f64]| rows.iter().map(|&i| values[i]).collect::<Vec<_>>();
        let given: Vec<Vec<f64>> = given.iter().map(|values| take(values)).collect();
        let given: Vec<&[f64]> = given.iter().map(Vec::as_slice).collect();
        partial_spearman(&take(x), &take(y), &given).ok().flatten()
    };
    let mut correlations = Vec::new();
    let mut add = |what: &str, of: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| {
        // A constant column has no correlation, and no row.
        let jackknife = Jackknife { blocks: BLOCKS, level: 0.95 };
        if let Ok(found) = jackknife.interval(n, of) {
            correlations.push((what.to_owned(), found.estimate));
        }
    };
    add("energy", &|rows| correlation(costs.energy, &density, &[], rows));
    if !null.is_empty() {
        add("null energy (same ends, unrelated noise)", &|rows| {
            correlation(&null, &density, &[], rows)
        });
        add("energy less null energy (difference of the two)", &|rows| {
            let own = correlation(costs.energy, &density, &[], rows)?;
            Some(own - correlation(&null, &density, &[], rows)?)
        });
    }
    add("energy, given |x1|\u{b2}", &|rows| correlation(costs.energy, &density, &[&length], rows));
    if costs.bending.len() == n {
        add("bending", &|rows| correlation(costs.bending, &density, &[], rows));
    }
    if let Some(labels) = costs.labels {
        let classes: Vec<f64> = labels.iter().map(|&class| f64::from(class)).collect();
        let within = |values: &[f64]| ranks_within(values, &classes);
        let (energy, density) = (within(costs.energy)?, within(&density)?);
        add("energy, ranked within each class", &|rows| correlation(&energy, &density, &[], rows));
    }
    let points_of =
        |values: &[f64]| density.iter().zip(values).map(|(&d, &v)| [d, v]).collect::<Vec<_>>();
    Ok(Some(DensityRelation {
        data: name.to_owned(),
        points: points.len(),
        on: on.to_owned(),
        neighbours: NEIGHBOURS,
        energy: points_of(costs.energy),
        null: points_of(&null),
        correlations,
    }))
}

/// `1/2 |x1 - x0'|^2` of every end, with noise of this seed that no sample starts from.
pub(crate) fn null_energy(end: &Batch, seed: Seed) -> Vec<f64> {
    let noise = Source { first: 1 << 41, ..Source::new(seed, end.len()) }.noise(end.shape());
    let pairs = end.rows().iter().zip(noise.rows().iter());
    pairs.map(|(a, b)| 0.5 * squared_distance(a, b)).collect()
}
