//! Claim 3: extreme energy means memorisation.

use std::sync::Arc;

use pathline::field::EmpiricalField;
use pathline::schedule::CondOt;

use super::Claim;
use super::along_training::{self, Course, is_course};
use super::evidence::{Columns, Evidence, Setting};
use super::features::{Way, correlation, follow};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::memorising::{
    BLURRED, KNOWN, about, blurred, memorised, memorises, memorising, ratios, small_images,
};
use crate::error::Error;
use crate::measure::share;

/// By how much more of the samples of extreme energy must be memorised.
const SMALLEST: f64 = 0.05;

const NETWORK: &str = "network that memorises in part";
const EXACT: &str = "exact field of images with noise";
const PLAIN: &str = "exact field of images without noise";
const REAL: &str = "held-out images";
const REAL_WHOLE: &str = "held-out images beside those of the exact field";
const REAL_MORE: &str = "held-out images beside 1024 small ones";

/// Networks that are looked at while they are trained: the one that memorises in part, and one on eight times as many
/// images.
const COURSES: [(&str, Course); 2] = [
    (
        "128 images, along training",
        Course { images: 128, hidden: [512; 3], updates: 20_000, rate: 3e-3 },
    ),
    (
        "1024 images, along training",
        Course { images: 1024, hidden: [1024; 3], updates: 100_000, rate: 2e-3 },
    ),
];

pub(super) static CLAIM: Claim = Claim {
    number: 3,
    slug: "extreme-energy",
    title: "Samples of extreme energy are copies of training images",
    source: "\"A kinetic energy perspective of flow matching\" (arXiv:2602.07928), section 5: energy blows up \
             towards training points; the highest energies are near-copies",
    endpoint: "Share of memorised samples (d1/d2 < 1/3 over all training images) among the tenth of highest \
               energy, less the share among all others. At least .05",
    controls: &[
        "the null energy 1/2 |x1 - x0'|^2 with unrelated noise, cut at its highest tenth in the same way: what \
         the end point alone says",
        "the share of real held-out images that the criterion calls memorised (its floor), for each set of known images",
        "the share in every tenth of energy, and in the lowest: the source's curve is not monotonic",
        "losses, copies, energy and bending of the same network, and of one on 1 024 images, at six points of one training \
         at a falling rate (their moving averages)",
        "on the exact field every sample is memorised whatever its energy, and the power on its trajectories \
         stays bounded (claim 23)",
    ],
    remark: "Of the samples of a network that copies a third of the time, the tenth of highest energy is copied \
             no more often than the others; of an exact field over images with noise, which copies as many, it is \
             copied less often, and the null there, which knows no trajectory, says the same. Over tenths of energy the share \
             is .36 and .37 in the lowest, at most .38 and .42 in the third and the fourth, and .29 and .28 in the highest: it \
             rises at no end. What does go with copying, \
             in both, is bending: ways that bend more end nearer to a training image. Energy is nearly all chord, \
             and the chord hides it. While the network on 128 images is trained, its copies grow from less than one to \
             thirty-two in a hundred and its loss on other images more than doubles; energy grows by an eighth, and bending by a \
             third. A larger one on 1 024 images, given a hundred thousand updates (an hour of two cores), copies six \
             in a hundred at their end, too few to test the claim on it: the exact field with noise stands for such a model.",
    settings: 8,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    let (seed, samples) = (lab.seed(), lab.choose(300, 4000));
    let updates = lab.choose(300, 20_000);
    lab.setting(NETWORK, format!("{}; Euler 100 steps, {samples} samples", about(updates)), |p| {
        let made = memorising(updates, seed, p)?;
        let followed = follow(&*made.field, seed, samples, &Way::euler(100)?)?;
        let mut columns = followed.columns(seed);
        columns.insert("ratio".to_owned(), ratios(&followed.ends, &made.known)?);
        Ok(columns)
    })?;
    let (made, about) = blurred(lab.choose(128, usize::MAX))?;
    lab.setting(EXACT, format!("{about}; Euler 100 steps, {samples} samples"), |_| {
        let followed = follow(&*made.field, seed, samples, &Way::euler(100)?)?;
        let mut columns = followed.columns(seed);
        columns.insert("ratio".to_owned(), ratios(&followed.ends, &made.known)?);
        Ok(columns)
    })?;
    let how = "the exact field of the same images without noise";
    lab.setting(PLAIN, format!("{how}; Euler 100 steps, {samples} samples"), |_| {
        let field = EmpiricalField::new(&made.known, Arc::new(CondOt))?;
        let ends = follow(&field, seed, samples, &Way::euler(100)?)?.ends;
        Ok(Columns::from([("ratio".to_owned(), ratios(&ends, &made.known)?)]))
    })?;
    lab.setting(
        REAL,
        "real images that the network has not seen, in the same training images",
        |_| {
            let [known, held_out] = small_images(KNOWN)?;
            let real = ratios(&held_out, &known)?;
            Ok(Columns::from([("ratio".to_owned(), real)]))
        },
    )?;
    let known = lab.choose(128, BLURRED);
    lab.setting(
        REAL_WHOLE,
        format!("the same at full size, in the {known} of the exact field"),
        |_| {
            let made = blurred(known)?.0;
            Ok(Columns::from([("ratio".to_owned(), ratios(&made.held_out, &made.known)?)]))
        },
    )?;
    lab.setting(REAL_MORE, format!("the same, 49 numbers an image, in {BLURRED}"), |_| {
        let [known, held_out] = small_images(BLURRED)?;
        Ok(Columns::from([("ratio".to_owned(), ratios(&held_out, &known)?)]))
    })?;
    for (name, course) in COURSES {
        let samples = lab.choose(100, 1000);
        let course = Course { updates: lab.choose(32, course.updates), ..course };
        lab.setting(name, course.about(samples), |p| course.followed(seed, samples, p))?;
    }
    Ok(())
}

/// The share of memorised samples in the highest tenth (or the lowest) by a column, less that among the others.
fn extreme(setting: &Setting, by: &str, rows: &[usize], lowest: bool) -> Option<f64> {
    let (by, ratio) = (setting.column(by).ok()?, setting.column("ratio").ok()?);
    let mut order = rows.to_vec();
    order.sort_by(|&a, &b| if lowest { by[b].total_cmp(&by[a]) } else { by[a].total_cmp(&by[b]) });
    let cut = order.len() - order.len() / 10;
    let share = |rows: &[usize]| {
        let count: f64 = rows.iter().map(|&i| memorised(ratio[i])).sum();
        (!rows.is_empty()).then(|| count / rows.len() as f64)
    };
    Some(share(&order[cut..])? - share(&order[..cut])?)
}

/// The share of memorised samples in each tenth by energy, the lowest first.
fn by_tenths(setting: &Setting) -> Result<Vec<Finding>, Error> {
    let (energy, ratio) = (setting.column("energy")?, setting.column("ratio")?);
    let mut order: Vec<usize> = (0..energy.len()).collect();
    order.sort_by(|&a, &b| energy[a].total_cmp(&energy[b]));
    let tenth = |k: usize| {
        let rows = &order[k * order.len() / 10..(k + 1) * order.len() / 10];
        let ratios: Vec<f64> = rows.iter().map(|&i| ratio[i]).collect();
        let what = format!("share memorised, tenth {} of energy", k + 1);
        Ok(Finding::with_interval(&setting.name, what, share(&ratios)?))
    };
    (0..10).map(tenth).collect()
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        if is_course(setting) {
            findings.extend(along_training::findings(setting)?);
            continue;
        }
        let (name, ratio) = (&setting.name, setting.column("ratio")?);
        findings.push(Finding::with_interval(name, "share memorised", share(ratio)?));
        if !setting.columns.contains_key("energy") {
            continue;
        }
        let (tested, says) = (memorises(setting, "ratio")?, Says::AtLeast(SMALLEST));
        for (what, role, by) in [
            ("memorised more, highest tenth of energy", Role::Primary, "energy"),
            ("memorised more, highest tenth of null energy", Role::Control, "null"),
        ] {
            let found = setting.jackknife(|rows| extreme(setting, by, rows, false))?;
            let finding = Finding::new(name, what, role, found);
            findings.push(if tested {
                finding.saying(says)
            } else {
                Finding { role: Role::Secondary, ..finding }
            });
        }
        let lowest = setting.jackknife(|rows| extreme(setting, "energy", rows, true))?;
        let what = "memorised more, lowest tenth of energy";
        findings.push(Finding::new(name, what, Role::Secondary, lowest));
        findings.extend(by_tenths(setting)?);
        for (what, x, given) in [
            ("energy with d1/d2", "energy", &[][..]),
            ("energy with d1/d2 given |x1|²", "energy", &["length"]),
            ("chord with d1/d2", "chord", &[]),
            ("bending with d1/d2", "bending", &[]),
        ] {
            let found =
                setting.jackknife(|rows| correlation(setting, (x, "ratio"), given, rows))?;
            findings.push(Finding::new(name, what, Role::Secondary, found));
        }
    }
    Ok(findings)
}
