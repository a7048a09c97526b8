//! Claim 8: the velocity deficit makes samples fall short (the falsifying experiment: exact fields).

use std::sync::Arc;

use pathline::diagnostics::{Pairs, deficit};
use pathline::field::{
    Conditions, Gaussian, GaussianField, GaussianMixture, LowRankGaussian, LowRankMixture,
};
use pathline::gain::{Gain, Ssc, SscShape};
use pathline::kernels::squared_distance;
use pathline::schedule::CondOt;
use pathline::solver::HEUN;
use pathline::{Batch, Purpose, Seed, Shape, Source, TimeGrid, VelocityField};

use super::Claim;
use super::evidence::{Columns, Evidence};
use super::features::{Way, block_means, follow};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use crate::error::Error;

/// A shortfall of the spread below 2 % is of no interest.
const SMALLEST: f64 = 0.02;

/// Means that are kept of each column.
const BLOCKS: usize = 100;

/// Coordinates of the Gaussians.
const WIDTH: usize = 16;

/// Modes, radius and deviation of the ring.
const RING: (u32, f64, f64) = (8, 4.0, 0.2);

const SPREADS: [(&str, f64); 4] = [
    ("Gaussian, sd .25", 0.25),
    ("Gaussian, sd 1", 1.0),
    ("Gaussian, sd 2", 2.0),
    ("Gaussian, sd 4", 4.0),
];

const RING_NAME: &str = "ring of 8 Gaussians";
const IMAGES: &str = "Gaussians fitted to the classes of Fashion-MNIST";

pub(super) static CLAIM: Claim = Claim {
    number: 8,
    slug: "deficit-and-lag",
    title: "The velocity deficit makes samples fall short of the data (integration lag)",
    source: "\"Velocity Deficit in Flow Matching\" (arXiv:2605.14819): the learnt velocity is shorter than \
             x1 - x0, so samples arrive late",
    endpoint: "On exact fields, whose deficit is large by construction: shortfall of the spread of the samples, \
               1 - sqrt(E |x|^2 / E |x1|^2) about the data's mean, integrated finely (Heun, 500 steps; 100 for images). At least \
               .02 wherever the norm ratio at t = 0 is below .95",
    controls: &[
        "the same fields with 50 Euler steps, and with Heun at the same evaluations: a lag of the integrator's own",
        "the same with the corrector, which should repair the lag if the deficit were its cause",
        "g* of the field, which is 1 for an exact field whatever its deficit",
    ],
    remark: "Fields whose velocity is as short as a quarter of the displacement end with the spread that they \
             should have, once they are integrated finely: a deficit by itself makes nothing arrive late. What \
             falls short is 50 Euler steps, with the same fields; Heun with the same number of evaluations does \
             not. The corrector cannot tell the two apart: it repairs Euler where data are wider than the noise, \
             overshoots where they are much wider, and makes it worse where they are narrower.",
    settings: 6,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let (seed, samples) = (lab.seed(), lab.choose(2000, 20_000));
    for (name, sd) in SPREADS {
        let about =
            format!("exact field of N(0, {sd}^2 I) in {WIDTH} dimensions, {samples} samples");
        lab.setting(name, about, |_| {
            let (shape, mean) = (Shape::vector(WIDTH), vec![0.0; WIDTH]);
            let data = Gaussian::isotropic(mean, sd)?;
            let field = GaussianField::new(shape.clone(), data, Arc::new(CondOt))?;
            let mut target = Source { first: 1 << 42, ..Source::new(seed, samples) }.noise(&shape);
            target.as_mut_slice().iter_mut().for_each(|x| *x *= sd as f32);
            arrivals(&field, &target, (&[0.0; WIDTH], sd * sd * WIDTH as f64), 500, seed)
        })?;
    }
    let (modes, radius, sd) = RING;
    let about = format!(
        "exact field of {modes} Gaussians of sd {sd} on a circle of {radius}, {samples} samples"
    );
    lab.setting(RING_NAME, about, |_| {
        let field = GaussianMixture::ring(modes, radius, sd)?.along(Arc::new(CondOt));
        let spread = radius * radius + 2.0 * sd * sd;
        arrivals(&field, &ring(samples, seed)?, (&[0.0; 2], spread), 500, seed)
    })?;
    let samples = lab.choose(100, 2000);
    let about = format!(
        "exact field of a Gaussian for each class of Fashion-MNIST, fitted to 2000 images: 20 directions and an equal \
         rest; {samples} samples"
    );
    lab.setting(IMAGES, about, |_| {
        let images = pathline_data::fashion_mnist::train()?;
        let labels = images.labels.clone().unwrap_or_default();
        let mixture = LowRankMixture::fit_classes(&images.batch, &labels, 20, 0.05)?;
        let target = mixture.draw(seed, 0..samples as u64, &Conditions::None)?.points;
        // Classes are equal in number, so components have equal weights.
        let count = mixture.gaussians().count() as f64;
        let mut mean = vec![0.0; target.width()];
        for gaussian in mixture.gaussians() {
            mean.iter_mut().zip(gaussian.mean()).for_each(|(m, k)| *m += k / count);
        }
        let apart = |k: &LowRankGaussian| {
            k.mean().iter().zip(&mean).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
        };
        let spread =
            mixture.gaussians().map(|k| apart(k) + k.total_variance()).sum::<f64>() / count;
        let centre: Vec<f32> = mean.iter().map(|&m| m as f32).collect();
        arrivals(&mixture.along(Arc::new(CondOt)), &target, (&centre, spread), 100, seed)
    })
}

/// Draws of the ring.
pub(super) fn ring(samples: usize, seed: Seed) -> Result<Batch, Error> {
    let (modes, radius, sd) = RING;
    let mut data = Vec::with_capacity(2 * samples);
    for i in 0..samples as u64 {
        let mut stream = seed.stream(Purpose::Data, i, 0);
        let angle = std::f64::consts::TAU * stream.below(modes as usize) as f64 / f64::from(modes);
        let (a, b) = stream.normal_pair();
        data.push((radius * angle.cos() + sd * a) as f32);
        data.push((radius * angle.sin() + sd * b) as f32);
    }
    Ok(Batch::from_vec(data, Shape::vector(2))?)
}

/// Squared distances of the ends from the data's mean, over what they should be on average; and the velocities
/// of pairs at the start and a third on the way.
fn arrivals(
    field: &dyn VelocityField,
    target: &Batch,
    (centre, expected): (&[f32], f64),
    fine: usize,
    seed: Seed,
) -> Result<Columns, Error> {
    let grid = TimeGrid::uniform(50)?;
    let ssc = Ssc::on(&grid, SscShape::QuadIn, 0.05)?;
    let mut columns = Columns::new();
    for (name, way) in [
        ("fine", Way { solver: &HEUN, ..Way::euler(fine)? }),
        ("Heun 25", Way { solver: &HEUN, ..Way::euler(25)? }),
        ("Euler 50", Way::euler(50)?),
        ("Euler 50, corrected", Way { gain: Some(&ssc as &dyn Gain), ..Way::euler(50)? }),
    ] {
        let ends = follow(field, seed, target.len(), &way)?.ends;
        let share = |x: &[f32]| squared_distance(x, centre) / expected;
        let shares: Vec<f64> = ends.rows().iter().map(share).collect();
        columns.insert(name.to_owned(), block_means(&shares, BLOCKS));
    }
    let source = Source { first: 1 << 43, ..Source::new(seed, target.len()) }.noise(target.shape());
    let pairs = Pairs { source: &source, target, first: 0 };
    for (t, name) in [(0.0, "start"), (0.3, "t = .3")] {
        let point = deficit(field, &CondOt, pairs, &[t])?[0];
        for (what, value) in [
            ("ratio", point.ratio.value),
            ("gain", point.gain.value),
            ("gain low", point.gain.low),
            ("gain high", point.gain.high),
        ] {
            columns.insert(format!("{what}, {name}"), vec![value; BLOCKS]);
        }
    }
    Ok(columns)
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let first = |column: &str| {
            Ok::<_, Error>(setting.column(column)?.first().copied().unwrap_or(f64::NAN))
        };
        let deficient = first("ratio, start")? < 0.95;
        for (way, role) in [
            ("fine", Role::Primary),
            ("Euler 50", Role::Control),
            ("Heun 25", Role::Secondary),
            ("Euler 50, corrected", Role::Secondary),
        ] {
            let column = setting.column(way)?;
            let found = setting.jackknife(|rows| {
                let mean = rows.iter().map(|&i| column[i]).sum::<f64>() / rows.len() as f64;
                Some(1.0 - mean.sqrt())
            })?;
            let role = if deficient { role } else { Role::Secondary };
            let finding = Finding::new(name, format!("shortfall, {way}"), role, found);
            findings.push(match role {
                Role::Secondary => finding,
                _ => finding.saying(Says::AtLeast(SMALLEST)),
            });
        }
        for when in ["start", "t = .3"] {
            let ratio = first(&format!("ratio, {when}"))?;
            findings.push(Finding::plain(name, format!("norm ratio |v|/|u|, {when}"), ratio));
            let [value, low, high] = [
                first(&format!("gain, {when}"))?,
                first(&format!("gain low, {when}"))?,
                first(&format!("gain high, {when}"))?,
            ];
            let estimate = pathline::statistics::Estimate { value, low, high };
            findings.push(Finding::with_interval(
                name,
                format!("radial gain g*, {when}"),
                estimate,
            ));
        }
    }
    Ok(findings)
}
