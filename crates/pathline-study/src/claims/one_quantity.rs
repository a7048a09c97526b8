//! Claim 9: energy and deficit are one quantity: mean energy is half the mean squared displacement of the
//! pairs less half the integral of the conditional variance.

use std::sync::Arc;

use pathline::field::{EmpiricalField, Gaussian, GaussianField, GaussianMixture};
use pathline::kernels::{squared_distance, squared_norm};
use pathline::path::path_states;
use pathline::schedule::CondOt;
use pathline::solver::HEUN;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Source, Times, VelocityField};

use super::Claim;
use super::evidence::{Columns, Evidence};
use super::features::{Way, block_means, follow};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::trained::TRAINED;
use crate::error::Error;

/// How far the ratio of both sides may be from 1.
const WITHIN: f64 = 0.01;

/// Midpoints of equal parts of time at which the integral is taken.
const PARTS: usize = 50;

/// Means that are kept of each column.
const BLOCKS: usize = 100;

pub(super) static CLAIM: Claim = Claim {
    number: 9,
    slug: "one-quantity",
    title: "Energy and velocity deficit are one quantity",
    source: "Both papers' definitions (arXiv:2602.07928, arXiv:2605.14819) and the orthogonality of a mean and \
             its residual: E KPE = 1/2 E|u|^2 - 1/2 int V(t) dt, V(t) = E|u|^2 - E|v(t, x_t)|^2 the conditional \
             variance. Neither paper says so",
    endpoint: "Mean energy of trajectories (Heun) over the right side measured on pairs that no trajectory has \
               seen. 1 ± .01 on exact fields",
    controls: &[
        "the two sides come from different samples: trajectories from noise, and pairs of noise and data",
        "three exact fields and a network, for which the identity holds only as far as it transports its marginal \
         exactly",
    ],
    remark: "Both papers look at one number from two sides: what the energy lacks of half the mean squared \
             displacement is half the integral of the conditional variance, which is the deficit. So `close the \
             deficit` and `extreme energy means memorisation` are in conflict: with independent pairs the deficit \
             closes by fitting the single images, and the exact field, which copies all of them, has the highest \
             energy and the least variance. Networks, told no class, lie below it by what they do not know.",
    settings: 5,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let (seed, samples) = (lab.seed(), lab.choose(2000, 100_000));
    lab.setting(
        "Gaussian, sd 2",
        format!("N(0, 4 I) in 16 dimensions, {samples} samples and pairs"),
        |_| {
            let shape = Shape::vector(16);
            let data = Gaussian::isotropic(vec![0.0; 16], 2.0)?;
            let field = GaussianField::new(shape.clone(), data, Arc::new(CondOt))?;
            let mut target = Source { first: 1 << 42, ..Source::new(seed, samples) }.noise(&shape);
            target.as_mut_slice().iter_mut().for_each(|x| *x *= 2.0);
            both_sides(&field, &target, seed, 100)
        },
    )?;
    let about = format!("8 Gaussians of sd .2 on a circle of 4, {samples} samples and pairs");
    lab.setting("ring of 8 Gaussians", about, |_| {
        let field = GaussianMixture::ring(8, 4.0, 0.2)?.along(Arc::new(CondOt));
        both_sides(&field, &super::falsifier::ring(samples, seed)?, seed, 100)
    })?;
    let samples = lab.choose(200, 4000);
    let about = format!(
        "the exact field over 2000 training images, {samples} samples (Heun 50 steps up to t = .98) and as \
         many pairs with those images"
    );
    lab.setting("Fashion-MNIST, exact field", about, |_| {
        let data = pathline_data::fashion_mnist::train()?.batch;
        let field = EmpiricalField::new(&data, Arc::new(CondOt))?;
        // In a random order and all equally often: less noise than drawing them.
        let order = seed.stream(Purpose::Resample, 0, 5).permutation(data.len());
        let target = data.select(&order.into_iter().cycle().take(samples).collect::<Vec<_>>())?;
        both_sides(&field, &target, seed, 50)
    })?;
    let images = lab.test_images()?;
    let samples = lab.choose(100, 1000);
    for network in TRAINED {
        let how =
            format!(" told no class, {samples} samples (Heun 50 steps) and pairs with test images");
        network.measured(lab, &network.setting(), &how, |_| {
            let order = seed.stream(Purpose::Resample, 0, 6).permutation(images.batch.len());
            let target = images.batch.select(&order[..samples.min(order.len())])?;
            both_sides(&network.untold()?, &target, seed, 50)
        })?;
    }
    Ok(())
}

/// Energies of trajectories; and of as many pairs the squared displacement and the mean squared velocity over time.
fn both_sides(
    field: &dyn VelocityField,
    target: &Batch,
    seed: Seed,
    steps: usize,
) -> Result<Columns, Error> {
    // A field that is singular at 1 is compared up to shortly before: both sides are integrals over time.
    let span = if field.singular_at_target() { 0.98 } else { 1.0 };
    let whole = Way::euler(steps)?;
    let way = Way { solver: &HEUN, grid: whole.grid.between(0.0, span)?, gain: None };
    let energy = follow(field, seed, target.len(), &way)?;
    let source = Source { first: 1 << 43, ..Source::new(seed, target.len()) }.noise(target.shape());
    let mut squares = vec![0.0; target.len()];
    let (mut x, mut v) = (target.clone(), target.clone());
    for part in 0..PARTS {
        let t = Times::Shared(span * (part as f64 + 0.5) / PARTS as f64);
        path_states(&CondOt, t, source.rows(), target.rows(), x.rows_mut())?;
        let samples = Samples::Range(0..target.len() as u64);
        field.velocity(&At { samples, t, x: x.rows() }, v.rows_mut())?;
        for (sum, v) in squares.iter_mut().zip(v.rows().iter()) {
            *sum += span * squared_norm(v) / PARTS as f64;
        }
    }
    let pairs = source.rows().iter().zip(target.rows().iter());
    let displacement: Vec<f64> = pairs.map(|(a, b)| span * squared_distance(a, b)).collect();
    let variance: Vec<f64> = displacement.iter().zip(&squares).map(|(u, v)| u - v).collect();
    let energies: Vec<f64> = energy.energy.iter().map(|e| e.quadrature).collect();
    Ok(Columns::from([
        ("energy".to_owned(), block_means(&energies, BLOCKS)),
        ("displacement".to_owned(), block_means(&displacement, BLOCKS)),
        ("variance".to_owned(), block_means(&variance, BLOCKS)),
    ]))
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let [energy, displacement, variance] = [
            setting.column("energy")?,
            setting.column("displacement")?,
            setting.column("variance")?,
        ];
        let mean = |of: &[f64], rows: &[usize]| {
            rows.iter().map(|&i| of[i]).sum::<f64>() / rows.len() as f64
        };
        let ratio = setting.jackknife(|rows| {
            let right = 0.5 * (mean(displacement, rows) - mean(variance, rows));
            Some(mean(energy, rows) / right)
        })?;
        let what = "mean energy over 1/2 E|u|² − 1/2 ∫V";
        let finding = Finding::new(name, what, Role::Primary, ratio);
        // A network is no exact field: what it shows decides nothing.
        findings.push(if TRAINED.iter().any(|network| *name == network.setting()) {
            Finding { role: Role::Secondary, ..finding }
        } else {
            finding.saying(Says::Near { value: 1.0, within: WITHIN })
        });
        let all: Vec<usize> = (0..setting.rows()).collect();
        for (what, value) in [
            ("mean energy", mean(energy, &all)),
            ("1/2 E|u|²", 0.5 * mean(displacement, &all)),
            ("1/2 ∫V dt", 0.5 * mean(variance, &all)),
        ] {
            findings.push(Finding::plain(name, what, value));
        }
    }
    Ok(findings)
}
