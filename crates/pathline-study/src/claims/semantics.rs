//! Claim 2: samples of higher energy are semantically stronger.

use std::collections::BTreeSet;

use pathline::Batch;
use pathline_data::DataSet;

use super::Claim;
use super::between_thirds::between_thirds;
use super::evidence::{CLASS, Evidence};
use super::features::{Way, beyond_null, correlation, follow};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::trained::{TRAINED, Trained};
use crate::embedded::embedded_judge;
use crate::error::Error;
use crate::in_turn::classes_in_turn;
use crate::measure::from_mean;

/// A rank correlation below this is of no interest.
const SMALLEST: f64 = 0.1;

/// Guidance scales: those of the study.
const SCALES: [f64; 3] = [1.0, 1.5, 4.0];

pub(super) static CLAIM: Claim = Claim {
    number: 2,
    slug: "energy-semantics",
    title: "Samples of higher energy show what they were asked for more strongly",
    source: "\"A kinetic energy perspective of flow matching\" (arXiv:2602.07928): CLIP score and margin of \
             ImageNet samples by thirds of energy, at guidance 1, 1.5 and 4",
    endpoint: "Spearman correlation of energy with the judge's logit margin of the class asked for, both ranked \
               within class, at each guidance scale. At least .1",
    controls: &[
        "ranks within (class, guidance): guidance and bright classes raise the energy of all their samples",
        "the margin of logits; the confidence, which saturates, beside it",
        "thirds of energy within class by rank tests, as the study shows thirds across classes",
        "the null energy 1/2 |x1 - x0'|^2 with unrelated noise: what the end point alone says",
        "partial correlation given |x1|^2, and given the squared distance of x1 from the mean of all training images \
         and from that of its class",
    ],
    remark: "Across classes the correlation is there at every scale of guidance, and it is one between classes: \
             large, bright garments have more energy, and the judge is surer of them. Within a class a little is left \
             without guidance, on both networks and beyond the null. Four thousand samples put it at about a tenth, \
             just where interest begins, so it stays open: of two samples of a class, one of its highest third of \
             energy and one of its lowest, the judge is surer of the first in 55 to 57 of a hundred pairs. Guidance \
             of 1.5 leaves hardly anything, and under guidance of 4 the sign is the opposite, as it is for the null. \
             How far a sample lies from the mean of its class hides some of it: such samples cost energy and are \
             recognised less surely, and among samples as far from it the correlation is .15 and .19 without guidance, \
             .07 and .12 at 1.5, and none or below zero at 4. Given the distance from the mean of all images it is \
             smaller than alone. The judge's confidence says what its margin says. What the judge does see is bending, \
             without strong guidance: samples whose ways bend more are recognised less surely.",
    settings: 6,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let training = lab.training_images()?;
    for network in TRAINED {
        for scale in SCALES {
            measure_one(lab, network, scale, &training)?;
        }
    }
    Ok(())
}

fn measure_one(
    lab: &mut Lab<'_>,
    network: &Trained,
    scale: f64,
    training: &DataSet,
) -> Result<(), Error> {
    let (seed, samples) = (lab.seed(), lab.choose(100, 4000));
    let how = format!(
        ", classes in turn, Euler 20 steps, {samples} samples; margin: the judge's logit of the class asked for less \
         the largest other; confidence: its probability of that class"
    );
    network.measured(lab, &format!("{}, guidance {scale}", network.name), &how, |_| {
        let followed = follow(&*network.field(scale)?, seed, samples, &Way::euler(20)?)?;
        let judged = embedded_judge()?.classify(&followed.ends)?;
        let classes = classes_in_turn(network.network()?.classes(), 0, samples);
        let mut columns = followed.columns(seed);
        columns.insert("from-mean".to_owned(), from_mean(&followed.ends, &training.batch));
        columns.insert(
            "from-class-mean".to_owned(),
            from_class_mean(&followed.ends, &classes, training)?,
        );
        columns.insert("margin".to_owned(), judged.margins(&classes)?);
        // As a logarithm, in which what is nearly sure stays apart when it is rounded for the file.
        let logs = judged.confidences(&classes)?.into_iter().map(f64::ln).collect();
        columns.insert("log confidence".to_owned(), logs);
        columns.insert(CLASS.to_owned(), classes.into_iter().map(f64::from).collect());
        Ok(columns)
    })
}

/// The squared distance of each end from the mean of the training images of its class.
fn from_class_mean(ends: &Batch, classes: &[u32], data: &DataSet) -> Result<Vec<f64>, Error> {
    let labels = data.labels.as_deref().unwrap_or_default();
    let mut distances = vec![0.0; ends.len()];
    for class in classes.iter().copied().collect::<BTreeSet<u32>>() {
        let of = |all: &[u32]| (0..all.len()).filter(|&i| all[i] == class).collect::<Vec<usize>>();
        let rows = of(classes);
        let found = from_mean(&ends.select(&rows)?, &data.batch.select(&of(labels))?);
        rows.into_iter().zip(found).for_each(|(i, distance)| distances[i] = distance);
    }
    Ok(distances)
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let ranked = setting.ranked(&RANKED)?;
        for (what, role, (x, y), given) in ASKED {
            let found = setting.jackknife(|rows| correlation(&ranked, (x, y), given, rows))?;
            let finding = Finding::new(name, what, role, found);
            findings.push(match role {
                Role::Secondary => finding,
                _ => finding.saying(Says::AtLeast(SMALLEST)),
            });
        }
        let beyond = setting.jackknife(|rows| beyond_null(&ranked, "margin", rows))?;
        findings.push(Finding::new(
            name,
            "energy with margin less the null's, within class",
            Role::Secondary,
            beyond,
        ));
        for (what, y, by) in THIRDS {
            findings.extend(between_thirds(setting, what, (y, by))?);
        }
        let raw =
            setting.jackknife(|rows| correlation(setting, ("energy", "margin"), &[], rows))?;
        findings.push(Finding::new(name, "across classes, raw", Role::Secondary, raw));
    }
    Ok(findings)
}

/// What is ranked within class.
const RANKED: [&str; 9] = [
    "energy",
    "null",
    "length",
    "from-mean",
    "from-class-mean",
    "bending",
    "chord",
    "margin",
    "log confidence",
];

/// What is compared between thirds of what.
const THIRDS: [(&str, &str, &str); 3] = [
    ("margin by energy", "margin", "energy"),
    ("margin by null energy", "margin", "null"),
    ("confidence by energy", "log confidence", "energy"),
];

/// What is asked, of which pair of columns ranked within class, given which others.
type Asked = (&'static str, Role, (&'static str, &'static str), &'static [&'static str]);

const ASKED: [Asked; 8] = [
    ("energy with margin, within class", Role::Primary, ("energy", "margin"), &[]),
    ("null energy with margin, within class", Role::Control, ("null", "margin"), &[]),
    ("energy given |x1|²", Role::Secondary, ("energy", "margin"), &["length"]),
    ("energy given |x1 − mean|²", Role::Secondary, ("energy", "margin"), &["from-mean"]),
    (
        "energy given |x1 − mean of the class|²",
        Role::Secondary,
        ("energy", "margin"),
        &["from-class-mean"],
    ),
    ("chord with margin", Role::Secondary, ("chord", "margin"), &[]),
    ("bending with margin", Role::Secondary, ("bending", "margin"), &[]),
    ("energy with confidence, within class", Role::Secondary, ("energy", "log confidence"), &[]),
];
