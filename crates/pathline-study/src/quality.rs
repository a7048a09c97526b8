//! Ways of sampling one model, compared at equal evaluations: agreement with the class asked for, kernel
//! and Frechet distance in a classifier's features, precision and recall.
//!
//! All ways start from the same noise, sample by sample, so differences between them are paired: their
//! intervals are those of a delete-block jackknife of the difference, not of two runs apart.

use std::ops::Range;

use pathline::gain::{Gain, Kts, Ssc, SscShape};
use pathline::quality::{
    Moments, Replicates, agreement, frechet_distance, half_split_floor, kid_replicates,
    precision_recall,
};
use pathline::solver::{EULER, HEUN, Solver};
use pathline::statistics::Estimate;
use pathline::{Batch, Run, Seed, Source, TimeGrid, VelocityField, sample};
use pathline_nn::Classifier;

use crate::error::Error;
use crate::in_turn::classes_in_turn;
use crate::sets::BLOCKS;

/// Neighbours whose distance is a ball's radius, as published for precision and recall.
const NEIGHBOURS: usize = 3;
/// Random halvings of the real images.
const SPLITS: usize = 5;
/// Samples followed at a time: bounds memory, changes no byte.
const CHUNK: usize = 500;

/// One way of sampling.
pub struct Method {
    /// What it is called.
    pub name: &'static str,
    /// Network evaluations a sample.
    pub evaluations: usize,
    solver: &'static dyn Solver,
    grid: TimeGrid,
    gain: Option<Box<dyn Gain>>,
}

/// The ways that are compared, the plain one first, each at `evaluations` (an even number) a sample:
/// Euler; Euler with the scale schedule corrector (quad-in, area .05); Euler with kinetic trajectory
/// shaping (a0 = b0 = .01); Heun with half the steps; Euler on the grid shifted by 3, more of whose steps
/// are near the noise.
///
/// # Errors
/// [`Error::Library`] for no evaluation.
pub fn methods(evaluations: usize) -> Result<Vec<Method>, Error> {
    let uniform = TimeGrid::uniform(evaluations)?;
    let kts = Kts { launch_strength: 0.01, landing_strength: 0.01, ..Kts::published() };
    let ssc = Ssc::on(&uniform, SscShape::QuadIn, 0.05)?;
    let euler = |name, grid: &TimeGrid, gain| Method {
        name,
        evaluations,
        solver: &EULER,
        grid: grid.clone(),
        gain,
    };
    let halves = TimeGrid::uniform((evaluations / 2).max(1))?;
    Ok(vec![
        plain(evaluations)?,
        euler("SSC", &uniform, Some(Box::new(ssc))),
        euler("KTS", &uniform, Some(Box::new(kts.checked()?))),
        Method { name: "Heun", evaluations, solver: &HEUN, grid: halves, gain: None },
        euler("shifted grid", &TimeGrid::shifted(evaluations, 3.0)?, None),
    ])
}

/// Plain Euler steps.
///
/// # Errors
/// [`Error::Library`] for no evaluation.
pub fn plain(evaluations: usize) -> Result<Method, Error> {
    let grid = TimeGrid::uniform(evaluations)?;
    Ok(Method { name: "Euler", evaluations, solver: &EULER, grid, gain: None })
}

/// Real images as a judge sees them.
pub struct Real {
    features: Batch,
    moments: Moments,
    /// Share of them that the judge puts into their own class.
    pub agreement: Estimate,
}

impl Real {
    /// Real images and their classes.
    ///
    /// # Errors
    /// [`Error::Library`] for images of another shape than the judge's, or too few of them.
    pub fn new(images: &Batch, labels: &[u32], judge: &Classifier) -> Result<Self, Error> {
        let judged = judge.classify(images)?;
        let agreement = agreement(&judged.classes(), labels, 0.95)?;
        let moments = Moments::of(&judged.features)?;
        Ok(Self { features: judged.features, moments, agreement })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The mean Frechet distance between two disjoint random sets of them, of at most `n` images each. Rows
    /// compare `n` samples with *all* real images, whose own scatter is smaller, so a perfect model lies
    /// somewhat below it.
    ///
    /// # Errors
    /// [`Error::Library`] for too few images.
    pub fn floor(&self, n: usize, seed: Seed) -> Result<Floor, Error> {
        let n = n.min(self.features.len() / 2);
        let found = half_split_floor(&self.features, n, SPLITS, seed)?;
        Ok(Floor { images: n, frechet: found.mean })
    }
}

/// Frechet distance between two sets of real images.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// Images in each set.
    pub images: usize,
    /// The mean distance.
    pub frechet: f64,
}

/// What the judge says of one way of sampling.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The way.
    pub method: String,
    /// Network evaluations a sample; guidance takes two calls for each.
    pub evaluations: usize,
    /// Guidance scale; 1 for none.
    pub guidance: f64,
    /// Number of samples.
    pub samples: usize,
    /// Share of samples that the judge puts into the class that was asked for.
    pub agreement: Estimate,
    /// Kernel inception distance in the judge's features, unbiased, with its jackknife interval.
    pub kid: Estimate,
    /// That of plain Euler at equal evaluations subtracted, paired; below 0 is better than Euler.
    pub kid_less_euler: Option<Estimate>,
    /// Frechet distance to all real images in the judge's features. Depends on the number of samples.
    pub frechet: f64,
    /// Share of samples within reach of a real image.
    pub precision: f64,
    /// Share of real images within reach of a sample.
    pub recall: f64,
}

/// Samples drawn and judged one way after the other, from equal noise.
pub struct Bench<'a> {
    /// What is sampled; sample `i` has class `i mod classes`.
    pub field: &'a dyn VelocityField,
    /// Guidance scale within `field`, for the record.
    pub guidance: f64,
    /// Who judges.
    pub judge: &'a Classifier,
    /// What samples are compared with.
    pub real: &'a Real,
    /// Root of the noise.
    pub seed: Seed,
    /// Number of samples, at least 40.
    pub samples: usize,
}

impl Bench<'_> {
    /// The samples of one way.
    ///
    /// # Errors
    /// [`Error::Library`], whatever the field raises.
    pub fn draw(&self, method: &Method) -> Result<Batch, Error> {
        self.draw_some(method, 0..self.samples)
    }

    /// Those of the samples of one way that have these indices.
    ///
    /// # Errors
    /// As [`Bench::draw`].
    pub fn draw_some(&self, method: &Method, which: Range<usize>) -> Result<Batch, Error> {
        let run =
            Run { gain: method.gain.as_deref(), ..Run::on(method.grid.clone(), method.solver) };
        let source = Source::new(self.seed, which.len());
        let source = Source { chunk: CHUNK, first: which.start as u64, ..source };
        Ok(sample(self.field, &source, &run, &mut ())?.end)
    }

    /// What the judge says of samples of one way; `euler` is what [`Bench::judge`] gave beside plain
    /// Euler's.
    ///
    /// # Errors
    /// [`Error::Library`] for too few samples.
    pub fn judge(
        &self,
        method: &Method,
        samples: &Batch,
        euler: Option<&Replicates>,
    ) -> Result<(Judged, Replicates), Error> {
        let judged = self.judge.classify(samples)?;
        let wanted = classes_in_turn(self.judge.config().classes, 0, samples.len());
        let kid = kid_replicates(&judged.features, &self.real.features, BLOCKS)?;
        let less = euler.map(|euler| kid.difference(euler, 0.95)).transpose()?;
        let near = precision_recall(&judged.features, &self.real.features, NEIGHBOURS)?;
        let row = Judged {
            method: method.name.to_owned(),
            evaluations: method.evaluations,
            guidance: self.guidance,
            samples: samples.len(),
            agreement: agreement(&judged.classes(), &wanted, 0.95)?,
            kid: kid.interval(0.95)?.estimate,
            kid_less_euler: less.map(|less| less.estimate),
            frechet: frechet_distance(&Moments::of(&judged.features)?, &self.real.moments)?,
            precision: near.precision,
            recall: near.recall,
        };
        Ok((row, kid))
    }

    /// Every way at one number of evaluations, its samples from `draw`; `done` hears of each row.
    ///
    /// # Errors
    /// As [`Bench::judge`], and whatever `draw` and `done` raise.
    pub fn compare(
        &self,
        evaluations: usize,
        draw: &mut dyn FnMut(&Method) -> Result<Batch, Error>,
        done: &mut dyn FnMut(&Judged) -> Result<(), Error>,
    ) -> Result<Vec<Judged>, Error> {
        let (mut rows, mut euler) = (Vec::new(), None);
        for method in methods(evaluations)? {
            let (row, kid) = self.judge(&method, &draw(&method)?, euler.as_ref())?;
            euler.get_or_insert(kid);
            done(&row)?;
            rows.push(row);
        }
        Ok(rows)
    }
}
