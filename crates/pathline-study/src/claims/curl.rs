//! Claim 25: the velocity is a gradient field.

use std::sync::Arc;

use pathline::diagnostics::Probing;
use pathline::field::{EmpiricalField, GaussianMixture, LowRankMixture};
use pathline::path::path_states;
use pathline::schedule::CondOt;
use pathline::{At, Batch, Purpose, Samples, Seed, Shape, Source, Times, VelocityField};
use pathline_nn::{Activation, Mlp, MlpConfig, NetworkField, Tensors};

use super::Claim;
use super::evidence::{Columns, Evidence, Setting};
use super::finding::{Finding, Role, Says};
use super::lab::Lab;
use super::trained::{TRAINED, Trained};
use crate::error::Error;

/// An antisymmetric part below 2 % of the symmetric one is of no interest.
const SMALLEST: f64 = 0.02;

/// Batches of states, each probed by itself: the rows of the jackknife.
const BATCHES: usize = 20;

const TIMES: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// Exact fields.
const FIELDS: [&str; 3] = [
    "ring of 8 Gaussians, exact",
    "Gaussians fitted to the classes of Fashion-MNIST, exact",
    "Fashion-MNIST, exact field",
];

/// What is one by construction, and a network like the others.
const CONSTRUCTED: &str = "perceptron that is a gradient by construction";

/// How columns found by differences are called.
const DIFFERENCES: &str = " by differences";

pub(super) static CLAIM: Claim = Claim {
    number: 25,
    slug: "gradient-field",
    title: "The velocity is a gradient field",
    source: "Lemma 4.1 of arXiv:2602.07928 (for a Gaussian source and independent coupling the velocity is a \
             multiple of the score plus a multiple of x); arXiv:2512.16768 is read as saying the opposite of \
             empirical minimisers",
    endpoint: "Antisymmetric over symmetric part of the Jacobian (Frobenius norms, by random probes), pooled over \
               five times. At most .02: for a field that must be a gradient, what is above the numerical floor is \
               model error, found without any data",
    controls: &[
        "a perceptron that is a gradient by construction, and networks, go the same way back through their layers: what \
         is measured on it is that way's floor",
        "exact fields, where the part is zero, by their formula",
        "the same by differences of velocities, which share nothing with either; between images that lie apart the \
         rounding of states limits them",
        "what rounding leaves of the products, reported beside each number",
        "guidance of constant scale, which keeps a gradient a gradient",
    ],
    remark: "For a Gaussian source and independent pairs the velocity is a gradient, and the exact fields are, to \
             the numerical floor. Neither network is one: their Jacobians have an antisymmetric part of several per \
             cent of the symmetric one at every time, more under guidance. It is the part of a network's error \
             that can be seen without any data.",
    settings: 8,
    measure,
    find,
};

fn measure(lab: &mut Lab<'_>) -> Result<(), Error> {
    // In the plane two vectors of signs are at right angles half of the time, and tell nothing: not too few of them.
    let (seed, each, pairs) = (lab.seed(), lab.choose(8, 10), 2);
    let batches = |each: usize, pairs: usize| {
        format!(
            "{BATCHES} batches of {each} path states at each of five times, {} of probes a state",
            if pairs == 1 { "one pair" } else { "two pairs" }
        )
    };
    let how = batches(each, pairs);
    lab.setting(FIELDS[0], how.clone(), |_| {
        let target = super::falsifier::ring(BATCHES * each, seed)?;
        let field = GaussianMixture::ring(8, 4.0, 0.2)?.along(Arc::new(CondOt));
        probed(&field, &target, (each, pairs), seed)
    })?;
    let images = pathline_data::fashion_mnist::train()?;
    let labels = images.labels.clone().unwrap_or_default();
    let some = |count: usize| images.batch.select(&(0..count).collect::<Vec<_>>());
    lab.setting(FIELDS[1], format!("20 directions a class; {how}"), |_| {
        let mixture = LowRankMixture::fit_classes(&images.batch, &labels, 20, 0.05)?;
        probed(&mixture.along(Arc::new(CondOt)), &some(BATCHES * each)?, (each, pairs), seed)
    })?;
    lab.setting(FIELDS[2], format!("over 2000 images; {how}"), |_| {
        let field = EmpiricalField::new(&images.batch, Arc::new(CondOt))?;
        probed(&field, &some(BATCHES * each)?, (each, pairs), seed)
    })?;
    let (each, pairs) = lab.choose((2, 1), (10, 2));
    let how = batches(each, pairs);
    lab.setting(CONSTRUCTED, format!("512 hidden units, random weights; {how}"), |_| {
        probed(
            &gradient_network(images.shape(), seed)?,
            &some(BATCHES * each)?,
            (each, pairs),
            seed,
        )
    })?;
    // The embedded test images have their classes in turn, as the network is told them.
    let unseen = pathline_data::fashion_mnist::held_out()?.batch;
    let how = format!(", told the images' classes; {how}");
    for network in TRAINED.map(Trained::in_f32) {
        for (scale, under) in [(1.0, ""), (2.0, " under guidance 2")] {
            let name = format!("{}{under}", network.setting());
            network.measured(lab, &name, &how, |_| {
                let field = network.field(scale)?;
                let rows: Vec<usize> = (0..BATCHES * each).collect();
                probed(&*field, &unseen.select(&rows)?, (each, pairs), seed)
            })?;
        }
    }
    Ok(())
}

/// A network `W^T silu(W x + w t)`, whose Jacobian `W^T D W` is symmetric, for states of this shape.
fn gradient_network(shape: &Shape, seed: Seed) -> Result<NetworkField, Error> {
    let (width, hidden) = (shape.elements(), 512);
    let mut first = vec![0.0; hidden * (width + 1)];
    seed.normal(Purpose::Parameters, 25, 0, &mut first);
    let scale = 1.0 / (width as f32).sqrt();
    first.iter_mut().for_each(|w| *w *= scale);
    let last = (0..width * hidden).map(|e| first[e % hidden * (width + 1) + e / hidden]).collect();
    let tensors = Tensors::from([
        ("net.0.weight".to_owned(), (vec![hidden, width + 1], first)),
        ("net.0.bias".to_owned(), (vec![hidden], vec![0.0; hidden])),
        ("net.2.weight".to_owned(), (vec![width, hidden], last)),
        ("net.2.bias".to_owned(), (vec![width], vec![0.0; width])),
    ]);
    let hidden = vec![hidden];
    let config = MlpConfig { shape: shape.clone(), hidden, activation: Activation::Silu };
    Ok(NetworkField::new(Arc::new(Mlp::from_config(&config, &tensors)?)))
}

/// One row a batch and time: root mean squares of both parts, by vector-Jacobian products and by differences, and the
/// share that rounding leaves of the former.
fn probed(
    field: &dyn VelocityField,
    target: &Batch,
    (each, pairs): (usize, usize),
    seed: Seed,
) -> Result<Columns, Error> {
    let source = Source { first: 1 << 43, ..Source::new(seed, target.len()) }.noise(target.shape());
    let mut x = target.clone();
    let mut columns = Columns::new();
    for t in TIMES {
        path_states(&CondOt, Times::Shared(t), source.rows(), target.rows(), x.rows_mut())?;
        for batch in 0..BATCHES {
            let rows: Vec<usize> = (batch * each..(batch + 1) * each).collect();
            let states = x.select(&rows)?;
            let samples = Samples::Range((batch * each) as u64..((batch + 1) * each) as u64);
            let at = At { samples, t: Times::Shared(t), x: states.rows() };
            // Where the posterior over images turns from one to the next, the field bends within sigma^2.
            let step = Probing::default().step.min((1.0 - t) * (1.0 - t) / 32.0);
            let by = |vjp: bool| {
                let probing = Probing { pairs, step, vjp, seed };
                pathline::diagnostics::curl(field, &at, &probing)
            };
            let (found, differences) = (by(true)?, by(false)?);
            for (name, value) in [
                ("t", t),
                ("batch", batch as f64),
                ("antisymmetric", found.antisymmetric),
                ("symmetric", found.symmetric),
                ("floor", found.floor),
                ("antisymmetric by differences", differences.antisymmetric),
                ("symmetric by differences", differences.symmetric),
            ] {
                columns.entry(name.to_owned()).or_default().push(value);
            }
        }
    }
    Ok(columns)
}

/// Root of the ratio of summed squares over the rows of some batches, at one time or at all.
fn ratio(setting: &Setting, how: &str, time: Option<f64>, left_out: Option<f64>) -> Option<f64> {
    let [part, symmetric] = ["antisymmetric", "symmetric"].map(|part| format!("{part}{how}"));
    let [t, batch, part, symmetric] =
        ["t", "batch", &part, &symmetric].map(|name| setting.column(name).ok());
    let (t, batch, part, symmetric) = (t?, batch?, part?, symmetric?);
    let rows =
        || (0..t.len()).filter(|&i| time.is_none_or(|at| t[i] == at) && Some(batch[i]) != left_out);
    let sum = |of: &[f64]| rows().map(|i| of[i] * of[i]).sum::<f64>();
    Some((sum(part) / sum(symmetric)).sqrt())
}

fn find(evidence: &Evidence) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for setting in &evidence.settings {
        let name = &setting.name;
        let estimate = |how: &str, time: Option<f64>| {
            let of = |left_out| {
                let part = ratio(setting, how, time, left_out);
                part.ok_or_else(|| Error::usage(name, "lacks columns", "measure the claim again"))
            };
            let parts = (0..BATCHES).map(|b| of(Some(b as f64))).collect::<Result<Vec<_>, _>>()?;
            let found =
                pathline::statistics::JackknifeEstimate::from_parts(of(None)?, &parts, 0.95)?;
            Ok::<_, Error>((found, BATCHES as f64 - 1.0))
        };
        let what = "antisymmetric over symmetric part";
        findings.push(match name == CONSTRUCTED {
            true => Finding::new(name, what, Role::Secondary, estimate("", None)?),
            false => Finding::new(name, what, Role::Primary, estimate("", None)?)
                .saying(Says::AtMost(SMALLEST)),
        });
        let what = "the same by differences";
        findings.push(Finding::new(name, what, Role::Secondary, estimate(DIFFERENCES, None)?));
        for t in TIMES {
            let what = format!("the same at t = {t}");
            findings.push(Finding::new(name, what, Role::Secondary, estimate("", Some(t))?));
        }
        let floors = setting.column("floor")?;
        let floor = floors.iter().map(|f| f * f).sum::<f64>() / floors.len() as f64;
        findings.push(Finding::plain(name, "numerical floor", floor.sqrt()));
    }
    Ok(findings)
}
