//! Claim 24: under posterior dominance squared speed follows minus log density with slope 2.

use std::ops::Range;
use std::sync::Arc;

use pathline::diagnostics::{EnergyDensity, energy_density};
use pathline::field::EmpiricalField;
use pathline::kernels::squared_norm;
use pathline::path::path_states;
use pathline::schedule::CondOt;
use pathline::statistics::spearman;
use pathline::{Batch, Purpose, Seed, Source, Times};

use super::Claim;
use super::evidence::{Columns, Evidence};
use super::features::slope;
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use crate::error::Error;

/// How far the slope may be from 2.
const WITHIN: f64 = 0.1;

/// From this mean largest weight on, one training point dominates.
const DOMINANT: f64 = 0.99;

/// Share of the bounds that is given to the cross term.
const EPSILON: f64 = 0.5;

/// Blocks of states, each with a slope of its own.
const BLOCKS: usize = 40;

const TIMES: [(&str, f64); 5] =
    [("t = .1", 0.1), ("t = .3", 0.3), ("t = .5", 0.5), ("t = .7", 0.7), ("t = .9", 0.9)];

pub(super) static CLAIM: Claim = Claim {
    number: 24,
    slug: "energy-density-slope",
    title: "Under posterior dominance squared speed is affine in minus log density, with slope 2",
    source: "\"A kinetic energy perspective of flow matching\" (arXiv:2602.07928), theorem 4.2; the constants are \
             worked out here",
    endpoint: "Least-squares slope of |v|^2 - |x_i|^2 (x_i: the dominant training point) on -log p_t(x) over path states of the exact field, at times where the \
               mean largest posterior weight is at least .99. 2 ± .1",
    controls: &[
        "times before dominance, where the theorem says nothing",
        "the two-sided bound, state by state",
        "what -log p_t is there: under dominance it has the ranks of |x0|^2, the noise a state came from, and says \
         nothing of the data's density",
    ],
    remark: "The law holds as derived, and the two-sided bound holds for every state. But what the slope is on is \
             the density of the *noised* state; where one image dominates, that has the ranks of |x0|^2, the \
             noise that the state came from. It says that a state far from its image moves fast, and nothing of \
             how dense the data are there.",
    settings: 5,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let (seed, each) = (lab.seed(), lab.choose(50, 1000));
    for (name, t) in TIMES {
        let about = format!(
            "exact field over 2000 training images of Fashion-MNIST, {BLOCKS} blocks of {each} path states of those \
             images and noise; slopes and correlations within blocks"
        );
        lab.setting(name, about, |progress| {
            let data = pathline_data::fashion_mnist::train()?.batch;
            let field = EmpiricalField::new(&data, Arc::new(CondOt))?;
            let mut columns = Columns::new();
            for block in 0..BLOCKS {
                for (name, value) in law(&field, &data, t, block * each..(block + 1) * each, seed)?
                {
                    columns.entry(name.to_owned()).or_default().push(value);
                }
                progress((block + 1) as f64 / BLOCKS as f64);
            }
            Ok(columns)
        })?;
    }
    Ok(())
}

/// What the law says of some path states, by their numbers.
fn law(
    field: &EmpiricalField,
    data: &Batch,
    t: f64,
    states: Range<usize>,
    seed: Seed,
) -> Result<[(&'static str, f64); 4], Error> {
    let draw = |i: usize| seed.stream(Purpose::Resample, i as u64, 8).below(data.len());
    let target = data.select(&states.clone().map(draw).collect::<Vec<_>>())?;
    let first = (1 << 43) + states.start as u64;
    let source = Source { first, ..Source::new(seed, target.len()) }.noise(data.shape());
    let mut x = target.clone();
    path_states(&CondOt, Times::Shared(t), source.rows(), target.rows(), x.rows_mut())?;
    let law = energy_density(field, &x, t, EPSILON)?;
    // The law is affine for each training point, with its squared norm in the intercept.
    let point = |r: &EnergyDensity| {
        (-r.log_density, r.speed - field.point(r.point).map_or(0.0, squared_norm))
    };
    let points: Vec<(f64, f64)> = law.rows.iter().map(point).collect();
    let density: Vec<f64> = points.iter().map(|p| p.0).collect();
    let noise: Vec<f64> = source.rows().iter().map(squared_norm).collect();
    let undefined = || Error::usage("claim 24", "all states have one density", "report it");
    Ok([
        ("slope", slope(&points).ok_or_else(undefined)?),
        ("max weight", law.max_weight),
        ("within", law.within),
        ("noise", spearman(&density, &noise)?.ok_or_else(undefined)?),
    ])
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let weights = setting.column("max weight")?;
        let weight = weights.iter().sum::<f64>() / weights.len() as f64;
        let mean = |column: &str| {
            let values = setting.column(column)?;
            setting.jackknife(|rows| {
                Some(rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64)
            })
        };
        let found = mean("slope")?;
        findings.push(if weight >= DOMINANT {
            Finding::new(name, "slope", Role::Primary, found)
                .saying(Says::Near { value: 2.0, within: WITHIN })
        } else {
            Finding::new(name, "slope, before dominance", Role::Secondary, found)
        });
        findings.push(Finding::plain(name, "mean largest weight", weight));
        for (what, column) in
            [("share within the bounds", "within"), ("−log p with |x0|² (Spearman)", "noise")]
        {
            findings.push(Finding::new(name, what, Role::Secondary, mean(column)?));
        }
    }
    Ok(findings)
}
