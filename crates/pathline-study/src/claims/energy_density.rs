//! Claim 1: kinetic path energy is negatively rank-correlated with data density.

use std::sync::Arc;

use pathline::field::EmpiricalField;
use pathline::schedule::CondOt;
use pathline::solver::HEUN;
use pathline::{Batch, Purpose, Source, TimeGrid};
use pathline_data::PointSet;

use super::Claim;
use super::between_thirds::between_thirds;
use super::evidence::{CLASS, Evidence, Setting};
use super::features::{
    Way, beyond_null, correlation, densities, follow, point_training, trained_perceptron,
};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::trained::TRAINED;
use crate::error::Error;

/// A correlation nearer to zero than this is of no interest.
const SMALLEST: f64 = 0.1;

/// The sets in the plane that the study names; their generators are our own.
const PLANE: [PointSet; 3] =
    [PointSet::DenseSparse, PointSet::MultiscaleClusters, PointSet::Sandwich];

pub(super) static CLAIM: Claim = Claim {
    number: 1,
    slug: "energy-density",
    title: "Kinetic path energy is negatively rank-correlated with data density",
    source: "\"A kinetic energy perspective of flow matching\" (arXiv:2602.07928): Spearman -.65 (nearest \
             neighbours) and -.64 (kernel) on CIFAR-10, 2000 samples",
    endpoint: "Spearman correlation of energy with log density (10th neighbour in the training data), less \
               that of the *null energy* 1/2 |x1 - x0'|^2, which pairs the same end with noise that has \
               nothing to do with it. At most -.1: the trajectory says more of density than the end point \
               does without any model",
    controls: &[
        "the no-model null, on the same ends, with the same density estimate",
        "partial correlation given |x1|^2, |x0|^2 and both; |x1 - mean|^2 beside them",
        "chord and bending apart: they add up to the energy exactly",
        "in the plane one training of each set stands for itself: intervals are over its samples, not over trainings",
        "other numbers of neighbours, and a kernel density in 50 principal components",
        "thirds of density by rank tests; for networks within class, so that no class makes it",
    ],
    remark: "On CIFAR-10 the published number is there, and it is there without a model: the same end points \
             paired with noise that has nothing to do with them give it as well, and given |x1|^2 nothing is \
             left. An image far from the origin has a long way from any noise, and in CIFAR-10 such images are \
             rare. In Fashion-MNIST they are common, and the sign turns: the energy of two networks as unlike as a \
             transformer and a U-Net rises with density, beyond the null and by the same amount. It is no effect of \
             classes: of two samples of a class, one of its densest third and one of its thinnest, the first has more \
             energy in 70 to 72 of a hundred pairs (null energy: 56 to 57). In the plane two of three sets show the \
             claim and one its opposite. What goes with density nearly everywhere is the bending, the part of the \
             energy that is not the chord: by it the networks' samples are almost ordered (2 to 4 of a hundred such \
             pairs).",
    settings: 8,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let seed = lab.seed();
    let (points, updates) = lab.choose((400, 500), (2000, 5000));
    for set in PLANE {
        let about = format!(
            "perceptron 3 x 64, {updates} updates on 10 000 points, Heun 50 steps, {points} samples; density \
             in the training points"
        );
        lab.setting(&format!("{}, network", set.name()), about, |progress| {
            let data = set.data_set(10_000, seed).batch;
            let training = point_training(updates, seed);
            let field = trained_perceptron(&data, &[64; 3], training, progress)?;
            let way = Way { solver: &HEUN, grid: TimeGrid::uniform(50)?, gain: None };
            follow(&field, seed, points, &way)?.with_density(seed, &data)
        })?;
    }
    let (images, training) = (lab.choose(100, 2000), lab.training_images()?.batch);
    let known = training.len();
    for network in TRAINED {
        let how = format!(
            ", classes in turn, Euler 50 steps, {images} samples; density in {known} training images (pixels)"
        );
        network.measured(lab, &network.setting(), &how, |_| {
            let field = network.field(1.0)?;
            let followed = follow(&*field, seed, images, &Way::euler(50)?)?;
            let mut columns = followed.with_density(seed, &training)?;
            columns.insert(CLASS.to_owned(), network.class_column(images)?);
            Ok(columns)
        })?;
    }
    let about = format!(
        "the exact field over 2000 training images, Euler 50 steps, {images} samples; density in {known} \
         training images (pixels)"
    );
    lab.setting("Fashion-MNIST, exact field", about, |_| {
        let atoms = pathline_data::fashion_mnist::train()?.batch;
        let field = EmpiricalField::new(&atoms, Arc::new(CondOt))?;
        follow(&field, seed, images, &Way::euler(50)?)?.with_density(seed, &training)
    })?;
    cifar(lab)
}

fn cifar(lab: &mut Lab<'_>) -> Result<(), Error> {
    let names = ["CIFAR-10, exact field", "CIFAR-10, no model"];
    let Some([training, test]) = lab.cifar10()? else {
        for name in names {
            lab.missing(name, "needs CIFAR-10: give its folder with --cifar10");
        }
        return Ok(());
    };
    let seed = lab.seed();
    let (samples, known) = lab.choose((50, 1000), (1000, 12_000));
    let training = drawn(&training.batch, known, seed)?;
    let about = format!(
        "the exact field over {known} training images, Euler 50 steps, {samples} samples; density in the same \
         images (pixels)"
    );
    lab.setting(names[0], about, |_| {
        let field = EmpiricalField::new(&training, Arc::new(CondOt))?;
        follow(&field, seed, samples, &Way::euler(50)?)?.with_density(seed, &training)
    })?;
    let samples = lab.choose(200, 2000);
    let about = format!(
        "{samples} real test images, each with unrelated noise: nothing was learnt and nothing sampled; \
         density in {known} training images (pixels)"
    );
    lab.setting(names[1], about, |_| {
        let images = drawn(&test.batch, samples, seed)?;
        let noise = Source::new(seed, samples).noise(images.shape());
        let pairs = || images.rows().iter().zip(noise.rows().iter());
        let square = |batch: &Batch| {
            batch.rows().iter().map(pathline::kernels::squared_norm).collect::<Vec<_>>()
        };
        let half = |(a, b): (&[f32], &[f32])| 0.5 * pathline::kernels::squared_distance(a, b);
        let mut columns = densities(&images, &training)?;
        columns.insert("null".to_owned(), pairs().map(half).collect());
        columns.insert("length".to_owned(), square(&images));
        columns.insert("noise".to_owned(), square(&noise));
        Ok(columns)
    })
}

/// Some rows, drawn without return.
fn drawn(data: &Batch, count: usize, seed: pathline::Seed) -> Result<Batch, Error> {
    let order = seed.stream(Purpose::Resample, 0, 1).permutation(data.len());
    Ok(data.select(&order[..count.min(data.len())])?)
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let of = |x: &'static str, given: &'static [&'static str]| {
            setting.jackknife(move |rows| correlation(setting, (x, "density"), given, rows))
        };
        let null =
            Finding::new(name, "no-model null with density", Role::Control, of("null", &[])?);
        if !setting.columns.contains_key("energy") {
            findings.push(null.saying(Says::AtMost(-SMALLEST)));
            for other in OTHER_DENSITIES {
                let found =
                    setting.jackknife(|rows| correlation(setting, ("null", other), &[], rows))?;
                findings.push(Finding::new(
                    name,
                    format!("the same, {other}"),
                    Role::Secondary,
                    found,
                ));
            }
            for (what, given) in NULL_GIVEN {
                let found = setting
                    .jackknife(|rows| correlation(setting, ("null", "density"), given, rows))?;
                findings.push(Finding::new(name, what, Role::Secondary, found));
            }
            continue;
        }
        let beyond = setting.jackknife(|rows| beyond_null(setting, "density", rows))?;
        let what = "energy with density, less the null's";
        findings
            .push(Finding::new(name, what, Role::Primary, beyond).saying(Says::AtMost(-SMALLEST)));
        findings.push(null.saying(Says::AtMost(-SMALLEST)));
        for other in OTHER_DENSITIES {
            let found = setting.jackknife(|rows| beyond_null(setting, other, rows))?;
            let what = format!("the same, {other}");
            findings.push(Finding::new(name, what, Role::Secondary, found));
        }
        for (what, x, given) in BESIDE {
            let found =
                setting.jackknife(|rows| correlation(setting, (x, "density"), given, rows))?;
            findings.push(Finding::new(name, what, Role::Secondary, found));
        }
        let (bending, energy) = (setting.column("bending")?, setting.column("energy")?);
        let share = setting.jackknife(|rows| {
            let sum = |of: &[f64]| rows.iter().map(|&i| of[i]).sum::<f64>();
            Some(sum(bending) / sum(energy))
        })?;
        findings.push(Finding::new(
            name,
            "share of the energy that is bending",
            Role::Secondary,
            share,
        ));
        findings.extend(within_class(setting)?);
        for (what, x) in THIRDS {
            findings.extend(between_thirds(setting, what, (x, "density"))?);
        }
    }
    Ok(findings)
}

/// Energy and null energy with density, all ranked within class, where samples have classes.
fn within_class(setting: &Setting) -> Result<Vec<Finding>, Error> {
    if !setting.columns.contains_key(CLASS) {
        return Ok(Vec::new());
    }
    let ranked = setting.ranked(&["energy", "null", "density"])?;
    let of =
        |x: &'static str| ranked.jackknife(|rows| correlation(&ranked, (x, "density"), &[], rows));
    let finding = |what: &str, found| Finding::new(&setting.name, what, Role::Secondary, found);
    Ok(vec![
        finding("energy with density, within class", of("energy")?),
        finding("null with density, within class", of("null")?),
        finding(
            "energy with density less the null's, within class",
            ranked.jackknife(|rows| beyond_null(&ranked, "density", rows))?,
        ),
    ])
}

/// Densities beside the one that decides, as the columns are called.
const OTHER_DENSITIES: [&str; 4] =
    ["density, k = 5", "density, k = 20", "density, k = 50", "density, kernel"];

/// What is compared between thirds of density.
const THIRDS: [(&str, &str); 3] = [
    ("energy by density", "energy"),
    ("null energy by density", "null"),
    ("bending by density", "bending"),
];

const NULL_GIVEN: [(&str, &[&str]); 3] = [
    ("null given |x0|²", &["noise"]),
    ("null given |x1 − mean|²", &["from-mean"]),
    ("null given |x1|²", &["length"]),
];

const BESIDE: [(&str, &str, &[&str]); 9] = [
    ("energy with density, raw", "energy", &[]),
    ("energy given |x0|²", "energy", &["noise"]),
    ("energy given |x1|²", "energy", &["length"]),
    ("energy given |x1|² and |x0|²", "energy", &["length", "noise"]),
    ("energy given |x1 − mean|²", "energy", &["from-mean"]),
    ("energy given chord", "energy", &["chord"]),
    ("chord with density", "chord", &[]),
    ("bending with density", "bending", &[]),
    ("|x1|² with density", "length", &[]),
];
