//! Claim 24: under posterior dominance squared speed follows minus log density with slope 2.

use std::sync::Arc;

use pathline::diagnostics::energy_density;
use pathline::field::EmpiricalField;
use pathline::kernels::squared_norm;
use pathline::path::path_states;
use pathline::schedule::CondOt;
use pathline::{Purpose, Source, Times};

use super::Claim;
use super::evidence::{Columns, Evidence, Setting};
use super::features::correlation;
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use crate::error::Error;

/// How far the slope may be from 2.
const WITHIN: f64 = 0.1;

/// From this mean largest weight on, one training point dominates.
const DOMINANT: f64 = 0.99;

/// Share of the bounds that is given to the cross term.
const EPSILON: f64 = 0.5;

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
    remark: "",
    settings: &["t = .1", "t = .3", "t = .5", "t = .7", "t = .9"],
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let (seed, states) = (lab.seed(), lab.choose(300, 10_000));
    for (name, t) in TIMES {
        let about = format!(
            "exact field over 2000 training images of Fashion-MNIST, {states} path states of those images and noise"
        );
        lab.setting(name, about, |_| {
            let data = pathline_data::fashion_mnist::train()?.batch;
            let field = EmpiricalField::new(&data, Arc::new(CondOt))?;
            let draw = |i: usize| seed.stream(Purpose::Resample, i as u64, 8).below(data.len());
            let target = data.select(&(0..states).map(draw).collect::<Vec<_>>())?;
            let source = Source { first: 1 << 43, ..Source::new(seed, states) }.noise(data.shape());
            let mut x = target.clone();
            path_states(&CondOt, Times::Shared(t), source.rows(), target.rows(), x.rows_mut())?;
            let law = energy_density(&field, &x, t, EPSILON)?;
            let each = |of: &dyn Fn(&pathline::diagnostics::EnergyDensity) -> f64| {
                law.rows.iter().map(of).collect::<Vec<_>>()
            };
            Ok(Columns::from([
                ("speed".to_owned(), each(&|r| r.speed)),
                ("minus log density".to_owned(), each(&|r| -r.log_density)),
                ("lower".to_owned(), each(&|r| r.lower)),
                ("upper".to_owned(), each(&|r| r.upper)),
                ("max weight".to_owned(), each(&|r| r.max_weight)),
                ("point".to_owned(), each(&|r| field.point(r.point).map_or(0.0, squared_norm))),
                ("noise".to_owned(), source.rows().iter().map(squared_norm).collect()),
            ]))
        })?;
    }
    Ok(())
}

fn slope(setting: &Setting, rows: &[usize]) -> Option<f64> {
    let x = setting.column("minus log density").ok()?;
    // The law is affine for each training point, with its squared norm in the intercept.
    let (speed, point) = (setting.column("speed").ok()?, setting.column("point").ok()?);
    super::features::slope(&rows.iter().map(|&i| (x[i], speed[i] - point[i])).collect::<Vec<_>>())
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let weights = setting.column("max weight")?;
        let weight = weights.iter().sum::<f64>() / weights.len() as f64;
        let found = setting.jackknife(|rows| slope(setting, rows))?;
        findings.push(if weight >= DOMINANT {
            Finding::new(name, "slope", Role::Primary, found)
                .saying(Says::Near { value: 2.0, within: WITHIN })
        } else {
            Finding::new(name, "slope, before dominance", Role::Secondary, found)
        });
        findings.push(Finding::plain(name, "mean largest weight", weight));
        let rows = setting.rows();
        let (speed, lower, upper) =
            (setting.column("speed")?, setting.column("lower")?, setting.column("upper")?);
        let inside = (0..rows).filter(|&i| lower[i] <= speed[i] && speed[i] <= upper[i]).count();
        let share = pathline::statistics::wilson(inside, rows, 0.95)?;
        findings.push(Finding::with_interval(name, "share within the bounds", share));
        let noise = setting
            .jackknife(|rows| correlation(setting, ("minus log density", "noise"), &[], rows))?;
        let what = "−log p with |x0|² (Spearman)";
        findings.push(Finding::new(name, what, Role::Secondary, noise));
    }
    Ok(findings)
}
