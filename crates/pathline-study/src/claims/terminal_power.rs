//! Claim 23: energy blows up towards the end of exact trajectories.

use std::sync::Arc;

use pathline::field::EmpiricalField;
use pathline::kernels::squared_norm;
use pathline::schedule::CondOt;
use pathline::{At, Batch, Purpose, Samples, Seed, Times, VelocityField};

use super::Claim;
use super::evidence::{Columns, Evidence, Setting};
use super::features::{Way, follow};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::trained::TRAINED;
use crate::error::Error;

/// A slope below this is no blow-up.
const SMALLEST: f64 = 0.1;

/// Times at which power is measured.
const TIMES: [f64; 6] = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99];

/// The column of what mean power never exceeds on exact trajectories.
const BOUND: &str = "bound";

/// Length of the displacement off a trajectory, per root dimension.
const AWAY: f64 = 0.05;

pub(super) static CLAIM: Claim = Claim {
    number: 23,
    slug: "terminal-blow-up",
    title: "Power blows up towards the end of exact trajectories",
    source: "\"A kinetic energy perspective of flow matching\" (arXiv:2602.07928), lemma 5.1: the exact field \
             carries 1/(1 - t)",
    endpoint: "Slope of log mean power against log 1/(1 - t) from t = .5 to .99, on the field's own trajectories. At \
               least .1 (a blow-up as 1/(1 - t)^2 has slope 2)",
    controls: &[
        "the same states moved off their trajectories by a small random step",
        "the bound: mean power never exceeds 1/2 E|x1 - x0|^2",
        "a trained network beside the exact field",
    ],
    remark: "On its own trajectories the exact field keeps its power up to the end, as it must: near a training \
             image the state approaches it at constant speed, and 1/(1 - t) is cancelled by the distance. The \
             blow-up is there for states that are moved off their trajectories by noise, which sampling with \
             exact steps never meets. Networks have \
             neither: their power falls towards the end.",
    settings: 3,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let (seed, samples) = (lab.seed(), lab.choose(60, 2000));
    let about = format!(
        "the exact field over 2000 training images, {samples} samples, Euler 100 steps up to each of six times; off: \
         moved by noise of {AWAY} per coordinate"
    );
    lab.setting("Fashion-MNIST, exact field", about, |_| {
        let data = pathline_data::fashion_mnist::train()?.batch;
        let mut columns =
            powers(&EmpiricalField::new(&data, Arc::new(CondOt))?, seed, samples, 100)?;
        // 1/2 E|x1 - x0|^2 of independent pairs of noise and data.
        let squares: f64 = data.rows().iter().map(squared_norm).sum();
        let bound = 0.5 * (squares / data.len() as f64 + data.width() as f64);
        columns.insert(BOUND.to_owned(), vec![bound; samples]);
        Ok(columns)
    })?;
    let (samples, steps) = (lab.choose(30, 300), lab.choose(20, 50));
    for network in TRAINED {
        let how = format!(
            ", classes in turn, {samples} samples, Euler {steps} steps up to each of six times"
        );
        network.measured(lab, &network.setting(), &how, |_| {
            powers(&*network.field(1.0)?, seed, samples, steps)
        })?;
    }
    Ok(())
}

/// `1/2 |v|^2` of each sample at each time, on its trajectory and beside it.
fn powers(
    field: &dyn VelocityField,
    seed: Seed,
    samples: usize,
    steps: usize,
) -> Result<Columns, Error> {
    let mut columns = Columns::new();
    for t in TIMES {
        let way = Way { grid: Way::euler(steps)?.grid.between(0.0, t)?, ..Way::euler(steps)? };
        let on = follow(field, seed, samples, &way)?.ends;
        let mut off = on.clone();
        let mut noise = vec![0.0; on.width()];
        for (i, row) in off.as_mut_slice().chunks_exact_mut(on.width()).enumerate() {
            seed.normal(Purpose::Resample, i as u64, 7, &mut noise);
            row.iter_mut().zip(&noise).for_each(|(x, e)| *x += AWAY as f32 * e);
        }
        for (name, states) in [("on", &on), ("off", &off)] {
            let mut v = Batch::zeros(samples, on.shape().clone());
            let rows = Samples::Range(0..samples as u64);
            field.velocity(
                &At { samples: rows, t: Times::Shared(t), x: states.rows() },
                v.rows_mut(),
            )?;
            let power = v.rows().iter().map(|v| 0.5 * squared_norm(v)).collect();
            columns.insert(format!("{name}, t = {t}"), power);
        }
    }
    Ok(columns)
}

/// The least-squares slope of log mean power against log 1/(1 - t).
fn slope(setting: &Setting, place: &str, rows: &[usize]) -> Option<f64> {
    let mut points = Vec::new();
    for t in TIMES {
        let column = setting.column(&format!("{place}, t = {t}")).ok()?;
        let mean = rows.iter().map(|&i| column[i]).sum::<f64>() / rows.len() as f64;
        points.push((-(1.0 - t).ln(), mean.ln()));
    }
    super::features::slope(&points)
}

/// The highest of the mean powers on the trajectories.
fn highest(setting: &Setting, rows: &[usize]) -> Option<f64> {
    let mean = |t: f64| -> Option<f64> {
        let column = setting.column(&format!("on, t = {t}")).ok()?;
        Some(rows.iter().map(|&i| column[i]).sum::<f64>() / rows.len() as f64)
    };
    TIMES.iter().map(|&t| mean(t)).try_fold(0.0, |highest, mean| Some(f64::max(highest, mean?)))
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        for (place, role) in [("on", Role::Primary), ("off", Role::Secondary)] {
            let found = setting.jackknife(|rows| slope(setting, place, rows))?;
            let what = format!("slope, {place} the trajectories");
            findings.push(Finding::new(name, what, role, found).saying(Says::AtLeast(SMALLEST)));
        }
        if let Some(bound) = setting.columns.get(BOUND).and_then(|bound| bound.first()) {
            let found = setting.jackknife(|rows| Some(highest(setting, rows)? / bound))?;
            let what = "highest mean power on the trajectories over 1/2 E|x1 − x0|²";
            findings.push(Finding::new(name, what, Role::Secondary, found));
        }
        for place in ["on", "off"] {
            for t in TIMES {
                let column = setting.column(&format!("{place}, t = {t}"))?;
                let mean = column.iter().sum::<f64>() / column.len() as f64;
                findings.push(Finding::plain(name, format!("mean power {place}, t = {t}"), mean));
            }
        }
    }
    Ok(findings)
}
