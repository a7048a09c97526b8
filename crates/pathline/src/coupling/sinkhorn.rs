//! The entropic coupling: targets drawn from the plan of least cost plus entropy (Sinkhorn).
//!
//! `P = argmin over P of sum_ij P_ij C_ij + e sum_ij P_ij log P_ij` for `C_ij = |x_0^i - x_1^j|^2`,
//! rows summing to `1/n` and columns to `1/m`. It has the form `P_ij = exp((f_i + g_j - C_ij) / e)`,
//! and Sinkhorn's iteration sets `f` and `g` in turn, here in the log domain, where nothing
//! underflows: `f_i = -e log n - e log sum_j exp((g_j - C_ij) / e)`, and likewise `g`.
//! `e -> 0` gives exact OT, `e -> infinity` the independent plan `1/(nm)`.
//!
//! # References
//! Cuturi (2013), "Sinkhorn distances", arXiv 1306.0895; Peyre and Cuturi (2019), "Computational
//! optimal transport", arXiv 1803.00567, section 4.2 (iteration) and 4.4 (log domain). As a coupling
//! of minibatches: Tong et al. (2023), arXiv 2302.00482.
//!
//! # Not to be confused with
//! [`MinibatchOt`](super::MinibatchOt), a permutation: pairs *drawn* from a plan repeat some targets
//! of a batch and drop others. The Sinkhorn *divergence*, which takes the bias of `e` away from the
//! cost. The *Schroedinger bridge path*, which has such a plan between its ends, but is a path.

mod log_sum_exp;

use rayon::prelude::*;

use super::{Coupling, squared_distances};
use crate::batch::Batch;
use crate::error::Error;
use crate::seed::{Purpose, Seed};
use log_sum_exp::{exp, log_sum_exp};

/// The largest cost in units of the regularisation: beyond it, `f64` cannot tell plans apart.
const STEEPEST: f64 = 1e12;

/// Entropic OT between two batches, and how hard to try.
///
/// # Examples
/// ```
/// use pathline::coupling::{Coupling, Sinkhorn};
/// use pathline::{Batch, Seed, Shape};
/// let source = Batch::from_vec(vec![0.0, 10.0], Shape::vector(1))?;
/// let target = Batch::from_vec(vec![11.0, 1.0], Shape::vector(1))?;
/// let coupling = Sinkhorn { reg: 0.02, ..Sinkhorn::default() };
/// let plan = coupling.plan(&source, &target)?;
/// assert!(plan.converged && plan.row(0)[1] > 0.499);
/// assert_eq!(coupling.pair(&source, &target, Seed(0), 0)?, [1, 0]);
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinkhorn {
    /// The regularisation, above 0: in units of the mean cost if `relative`, else of squared distance.
    pub reg: f64,
    /// Whether `reg` is in units of the mean cost, so that plans do not depend on the data's scale.
    /// torchcfm's `reg` is not relative.
    pub relative: bool,
    /// The most iterations, above 0; one sets both potentials.
    pub iterations: usize,
    /// Done when the row sums are together at most this far from `1/n` each (total mass is 1).
    pub tolerance: f64,
    /// Whether to go on with a plan that did not come within `tolerance`; its rows are off by
    /// [`Plan::marginal_error`].
    pub allow_unconverged: bool,
}

impl Default for Sinkhorn {
    /// `reg` 0.05 of the mean cost, 1000 iterations, tolerance `1e-6`.
    fn default() -> Self {
        Self {
            reg: 0.05,
            relative: true,
            iterations: 1000,
            tolerance: 1e-6,
            allow_unconverged: false,
        }
    }
}

/// An entropic plan: how much mass goes from each source to each target.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `f`, in units of cost, one a source.
    pub source_potentials: Vec<f64>,
    /// `g`, in units of cost, one a target.
    pub target_potentials: Vec<f64>,
    /// `e`, in units of cost.
    pub regularisation: f64,
    /// Iterations made.
    pub iterations: usize,
    /// `sum_i |sum_j P_ij - 1/n|`; column sums are exact, up to rounding.
    pub marginal_error: f64,
    /// Whether `marginal_error` came within the tolerance.
    pub converged: bool,
    cost: Vec<f32>,
}

impl Plan {
    /// Row `i` of `P`: the mass from source `i` to each target. Empty for a row that is not there.
    #[must_use]
    pub fn row(&self, i: usize) -> Vec<f64> {
        let m = self.target_potentials.len();
        let (Some(f), Some(costs)) =
            (self.source_potentials.get(i), self.cost.chunks(m.max(1)).nth(i))
        else {
            return Vec::new();
        };
        let mass = |(g, &c): (&f64, &f32)| {
            // Above 0 by rounding at most: no entry exceeds its column's 1/m.
            exp(((f + g - f64::from(c)) / self.regularisation).min(0.0))
        };
        self.target_potentials.iter().zip(costs).map(mass).collect()
    }

    /// `sum_ij P_ij C_ij`, the cost without the entropy.
    #[must_use]
    pub fn transport_cost(&self) -> f64 {
        let m = self.target_potentials.len().max(1);
        let of_row = |(i, costs): (usize, &[f32])| {
            self.row(i).iter().zip(costs).map(|(p, &c)| p * f64::from(c)).sum::<f64>()
        };
        let rows: Vec<f64> = self.cost.par_chunks(m).enumerate().map(of_row).collect();
        rows.iter().sum()
    }

    /// For each source, a target drawn from its row.
    ///
    /// Row `i` draws from the stream (`seed`, [`Purpose::Resample`], `i`, `step`). A target is drawn
    /// once a batch *on average*: some come up repeatedly and others not at all.
    #[must_use]
    pub fn draw(&self, seed: Seed, step: u64) -> Vec<usize> {
        let one = |i: usize| {
            let row = self.row(i);
            let level = seed.stream(Purpose::Resample, i as u64, step).uniform();
            let mut left = level * row.iter().sum::<f64>();
            let mut last = 0;
            for (j, &mass) in row.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
                last = j;
                left -= mass;
                if left < 0.0 {
                    break;
                }
            }
            last
        };
        (0..self.source_potentials.len()).into_par_iter().map(one).collect()
    }
}

impl Sinkhorn {
    /// The plan between two batches, which may differ in length.
    ///
    /// # Errors
    /// As [`squared_distances`] and [`plan_for_cost`](Self::plan_for_cost).
    pub fn plan(&self, source: &Batch, target: &Batch) -> Result<Plan, Error> {
        self.plan_for_cost(squared_distances(source, target)?, source.len(), target.len())
    }

    /// The plan for a row-major `rows x columns` matrix of costs.
    ///
    /// # Errors
    /// [`Error::Count`] when the matrix has another size or only one side is empty;
    /// [`Error::Invalid`] when a cost is negative or not finite, when a setting is out of range, and
    /// when the iteration does not converge, unless `allow_unconverged`.
    pub fn plan_for_cost(
        &self,
        cost: Vec<f32>,
        rows: usize,
        columns: usize,
    ) -> Result<Plan, Error> {
        Error::check_count("costs (rows x columns)", rows.saturating_mul(columns), cost.len())?;
        if cost.is_empty() {
            Error::check_count("targets of a plan without sources", rows, columns)?;
        }
        let e = self.regularisation(&cost, columns)?;
        let mut found = self.iterate(&cost, [rows, columns], e.recip());
        if !found.converged && !self.allow_unconverged {
            return Err(Error::invalid(
                "marginal error of the Sinkhorn plan",
                format!("{:.3e} after {} iterations", found.marginal_error, found.iterations),
                format!(
                    "above the tolerance {:e}; give a larger reg (it is {}, or {e:e} in units of \
                     cost), more iterations, a larger tolerance, or allow_unconverged",
                    self.tolerance, self.reg
                ),
            ));
        }
        let potentials = [&mut found.source_potentials, &mut found.target_potentials];
        potentials.into_iter().flatten().for_each(|p| *p *= e);
        Ok(Plan { regularisation: e, cost, ..found })
    }

    /// `e` in units of cost, once all is found to be in range.
    fn regularisation(&self, cost: &[f32], columns: usize) -> Result<f64, Error> {
        if !(self.reg > 0.0 && self.reg.is_finite()) {
            return Err(Error::invalid("Sinkhorn reg", self.reg, "give a number above 0"));
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            let remedy = "give a number from 0 up, such as 1e-6";
            return Err(Error::invalid("Sinkhorn tolerance", self.tolerance, remedy));
        }
        if self.iterations == 0 {
            return Err(Error::invalid("Sinkhorn iterations", 0, "give 1 or more"));
        }
        if let Some(at) = cost.iter().position(|c| !(*c >= 0.0 && c.is_finite())) {
            let place = format!("{} at row {}, column {}", cost[at], at / columns, at % columns);
            return Err(Error::invalid("cost", place, "give finite costs from 0 up"));
        }
        let total: f64 = cost.iter().map(|&c| f64::from(c)).sum();
        // Where all costs are 0, every regularisation gives the same plan.
        let unit = if self.relative && total > 0.0 { total / cost.len() as f64 } else { 1.0 };
        let e = self.reg * unit;
        let largest = cost.iter().fold(0.0, |a: f64, &c| a.max(f64::from(c)));
        if largest / e < STEEPEST && e.recip() > 0.0 && e.recip().is_finite() {
            return Ok(e);
        }
        let remedy = format!("the largest cost, {largest:e}, must be below {STEEPEST:e} of it");
        Err(Error::invalid("Sinkhorn reg in units of cost", format!("{e:e}"), remedy))
    }

    /// Sinkhorn's iteration on potentials in units of `e`, from `g = 0`.
    fn iterate(&self, cost: &[f32], [n, m]: [usize; 2], scale: f64) -> Plan {
        let transposed = transpose(cost, [n, m]);
        let (log_n, log_m) = (libm::log(n as f64), libm::log(m as f64));
        let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
        let mut sums = vec![0.0; n];
        log_sum_exp(cost, &g, scale, &mut sums);
        let (mut iterations, mut error) = (0, if n == 0 { 0.0 } else { f64::INFINITY });
        while error > self.tolerance && iterations < self.iterations {
            f.iter_mut().zip(&sums).for_each(|(f, s)| *f = -log_n - s);
            log_sum_exp(&transposed, &f, scale, &mut g);
            g.iter_mut().for_each(|g| *g = -log_m - *g);
            // The sums that the next `f` would be made from tell the rows of this plan.
            log_sum_exp(cost, &g, scale, &mut sums);
            let off = f.iter().zip(&sums).map(|(f, s)| (libm::exp(f + s) - 1.0 / n as f64).abs());
            error = off.sum();
            iterations += 1;
        }
        Plan {
            source_potentials: f,
            target_potentials: g,
            regularisation: 1.0,
            iterations,
            marginal_error: error,
            converged: error <= self.tolerance,
            cost: Vec::new(),
        }
    }
}

/// The transpose of an `n x m` matrix, so that columns too are read in order.
fn transpose(cost: &[f32], [n, m]: [usize; 2]) -> Vec<f32> {
    let mut out = vec![0.0; cost.len()];
    out.par_chunks_mut(n.max(1)).enumerate().for_each(|(j, column)| {
        column.iter_mut().zip(cost.iter().skip(j).step_by(m)).for_each(|(o, &c)| *o = c);
    });
    out
}

impl Coupling for Sinkhorn {
    /// Draws from the plan: see [`Plan::draw`] for what repeats.
    fn pair(
        &self,
        source: &Batch,
        target: &Batch,
        seed: Seed,
        step: u64,
    ) -> Result<Vec<usize>, Error> {
        Error::check_count("targets to pair (one a source)", source.len(), target.len())?;
        Ok(self.plan(source, target)?.draw(seed, step))
    }

    fn name(&self) -> &'static str {
        "sinkhorn"
    }
}
