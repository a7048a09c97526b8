//! Claim 2: samples of higher energy are semantically stronger.

use super::Claim;
use super::evidence::{Columns, Evidence};
use super::features::{Way, correlation, follow};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::trained::{TRAINED, Trained};
use crate::embedded::embedded_judge;
use crate::error::Error;
use crate::in_turn::classes_in_turn;
use crate::ranks_within::ranks_within;

/// A rank correlation below this is of no interest.
const SMALLEST: f64 = 0.1;

/// Guidance scales.
const SCALES: [f64; 3] = [1.0, 1.5, 3.0];

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
        "the margin of logits instead of a confidence, which saturates",
        "the null energy 1/2 |x1 - x0'|^2 with unrelated noise: what the end point alone says",
        "partial correlation given |x1|^2",
    ],
    remark: "Across classes the correlation is there at every scale of guidance, and it is one between classes: \
             large, bright garments have more energy, and the judge is surer of them. Within a class a little is left \
             without guidance, on both networks and beyond the null: about as much as is of interest, which is what \
             stays open. Guidance of 1.5 leaves nothing, and under strong guidance the sign is the opposite, as it \
             is for the null. What the judge does see is bending: samples whose ways bend more are recognised less \
             surely.",
    settings: 6,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    for network in TRAINED {
        for scale in SCALES {
            let name = format!("{}, guidance {scale}", network.name);
            if network.full_only && lab.leaves_out(&name) {
                continue;
            }
            measure_one(lab, &name, network, scale)?;
        }
    }
    Ok(())
}

fn measure_one(lab: &mut Lab<'_>, name: &str, network: &Trained, scale: f64) -> Result<(), Error> {
    let (seed, samples) = (lab.seed(), lab.choose(100, 1000));
    let about = format!(
        "{}, classes in turn, Euler 20 steps, {samples} samples; margin: the judge's logit of the class asked \
             for less the largest other",
        network.about()?
    );
    lab.setting(name, about, |_| {
        let followed = follow(&*network.field(scale)?, seed, samples, &Way::euler(20)?)?;
        let judged = embedded_judge()?.classify(&followed.ends)?;
        let classes = classes_in_turn(network.network()?.classes(), 0, samples);
        let margin = |(row, &class): (&[f32], &u32)| {
            let rivals = row.iter().enumerate().filter(|(i, _)| *i != class as usize);
            let rival = rivals.map(|(_, &v)| v).fold(f32::NEG_INFINITY, f32::max);
            f64::from(row[class as usize] - rival)
        };
        let margins: Vec<f64> = judged.logits.rows().iter().zip(&classes).map(margin).collect();
        let class: Vec<f64> = classes.iter().copied().map(f64::from).collect();
        let mut columns = Columns::new();
        for (name, values) in followed.columns(seed) {
            columns.insert(format!("{name} in class"), ranks_within(&values, &class)?);
            columns.insert(name, values);
        }
        columns.insert("margin in class".to_owned(), ranks_within(&margins, &class)?);
        columns.insert("margin".to_owned(), margins);
        columns.insert("class".to_owned(), class);
        Ok(columns)
    })
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        for (what, role, x, given) in ASKED {
            let found = setting
                .jackknife(|rows| correlation(setting, (x, "margin in class"), given, rows))?;
            let finding = Finding::new(name, what, role, found);
            findings.push(match role {
                Role::Secondary => finding,
                _ => finding.saying(Says::AtLeast(SMALLEST)),
            });
        }
        let raw =
            setting.jackknife(|rows| correlation(setting, ("energy", "margin"), &[], rows))?;
        findings.push(Finding::new(name, "across classes, raw", Role::Secondary, raw));
    }
    Ok(findings)
}

const ASKED: [(&str, Role, &str, &[&str]); 4] = [
    ("energy with margin, within class", Role::Primary, "energy in class", &[]),
    ("null energy with margin, within class", Role::Control, "null in class", &[]),
    ("energy given |x1|²", Role::Secondary, "energy in class", &["length in class"]),
    ("bending with margin", Role::Secondary, "bending in class", &[]),
];
