//! What becomes of a perceptron on few images while it is trained for long: its losses on the images it knows and on
//! others, how many of its samples are copies, and what their ways cost.

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::field::EmpiricalField;
use pathline::schedule::CondOt;
use pathline::statistics::wilson;
use pathline::{Batch, Seed, VelocityField};
use pathline_nn::{FlowData, HeldOut, NetworkField, held_out_loss, train};
use pathline_view::{Axis, Content, Figure, Lines, Series};

use super::evidence::{Columns, Setting};
use super::features::{Way, follow, fresh_perceptron, point_training};
use super::finding::Finding;
use super::memorising::{memorised, ratios, small_images};
use crate::error::Error;

/// When it is looked at, in sixteenths of the training.
const MARKS: [u64; 6] = [1, 2, 4, 8, 12, 16];

/// Draws of a loss.
const DRAWS: usize = 4096;

/// A perceptron, the images it learns, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) images: usize,
    pub(super) hidden: [usize; 3],
    pub(super) updates: u64,
    /// The highest learning rate.
    pub(super) rate: f64,
}

impl Course {
    pub(super) fn about(&self, samples: usize) -> String {
        let Self { images, hidden, updates, rate } = self;
        format!(
            "perceptron {hidden:?}, {updates} updates of 256 at rates up to {rate} on {images} training images of \
             Fashion-MNIST, every 4 x 4 pixels averaged; Euler 100 steps, {samples} samples at each mark"
        )
    }

    /// Trains it; one row a mark.
    pub(super) fn followed(
        &self,
        seed: Seed,
        samples: usize,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Columns, Error> {
        let [known, others] = small_images(self.images)?;
        let mut training = point_training(self.updates, seed);
        training.optimiser.learning_rate.peak = self.rate;
        let mut state = fresh_perceptron(&known, &self.hidden, training)?;
        let mut columns = Columns::new();
        let exact = loss(&EmpiricalField::new(&known, Arc::new(CondOt))?, &known)?;
        for mark in MARKS.map(|sixteenths| (self.updates * sixteenths / 16).max(1)) {
            train(&mut state, &FlowData::from_noise(&known), &mut |now| {
                progress(now.step as f64 / now.steps as f64);
                if now.step < mark { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            let field = NetworkField::new(Arc::from(state.averaged(0)?));
            let made = follow(&field, seed, samples, &Way::euler(100)?)?;
            let ratios = ratios(&made.ends, &known)?;
            let mean = |of: &dyn Fn(usize) -> f64| {
                (0..samples).map(of).sum::<f64>() / samples.max(1) as f64
            };
            let width = known.width() as f64;
            for (name, value) in [
                ("updates", mark as f64),
                ("samples", samples as f64),
                ("loss on known images", loss(&field, &known)?),
                ("loss on other images", loss(&field, &others)?),
                ("loss of the exact field", exact),
                ("memorised", mean(&|i| memorised(ratios[i]))),
                ("energy", mean(&|i| made.energy[i].left / width)),
                ("bending", mean(&|i| made.energy[i].bending / width)),
            ] {
                columns.entry(name.to_owned()).or_default().push(value);
            }
        }
        Ok(columns)
    }
}

/// The training loss between noise and these images, on draws that training never sees.
fn loss(field: &dyn VelocityField, images: &Batch) -> Result<f64, Error> {
    let how = HeldOut { bins: 1, draws: DRAWS, ..HeldOut::default() };
    let bins = held_out_loss(field, &FlowData::from_noise(images), &how)?;
    // One bin, of all times.
    Ok(bins.iter().map(|bin| bin.loss).sum())
}

/// Whether a setting is such a course.
pub(super) fn is_course(setting: &Setting) -> bool {
    setting.columns.contains_key("updates")
}

/// What every column was at every mark.
pub(super) fn findings(setting: &Setting) -> Result<Vec<Finding>, Error> {
    let column = |name: &str| setting.column(name);
    let (updates, samples, share) = (column("updates")?, column("samples")?, column("memorised")?);
    let (known, others) = (column("loss on known images")?, column("loss on other images")?);
    let (energy, bending) = (column("energy")?, column("bending")?);
    let name = &setting.name;
    let mut findings = Vec::new();
    for (i, now) in updates.iter().enumerate() {
        let share = wilson((share[i] * samples[i]).round() as usize, samples[i] as usize, 0.95)?;
        findings.push(Finding::with_interval(name, format!("memorised after {now}"), share));
        for (what, value) in [
            ("loss on known images", known[i]),
            ("loss on other images", others[i]),
            ("energy a number", energy[i]),
            ("bending a number", bending[i]),
        ] {
            findings.push(Finding::plain(name, format!("{what} after {now}"), value));
        }
    }
    let last = "loss of the exact field of the known images, on these";
    let exact = column("loss of the exact field")?;
    findings.extend(exact.first().map(|&exact| Finding::plain(name, last, exact)));
    Ok(findings)
}

/// All of it in one picture.
pub(super) fn figure(setting: &Setting, id: &str, command: &str) -> Option<Figure> {
    let column = |name: &str| setting.column(name).ok();
    let updates = column("updates")?;
    let curve = |name: &str, of: &str| {
        let points = updates.iter().zip(column(of)?).map(|(&x, &y)| [x, y]).collect();
        Some(Series::new(name, points))
    };
    let series = [
        ("share of samples that are copies", "memorised"),
        ("loss on known images", "loss on known images"),
        ("loss on other images", "loss on other images"),
        ("loss of the exact field", "loss of the exact field"),
        ("energy a number", "energy"),
    ];
    Some(Figure {
        id: format!("{id}-along-training"),
        title: setting.name.clone(),
        caption: format!("{}.", setting.about),
        look_for: "Copies appear while the loss on known images falls towards that of the exact field and the loss on \
                   others rises."
            .to_owned(),
        command: command.to_owned(),
        alt: "Curves of memorised share, losses and energy over updates.".to_owned(),
        content: Content::Lines(Lines {
            x: Axis::new("updates"),
            y: Axis::new("share, loss, energy"),
            series: series.into_iter().filter_map(|(name, of)| curve(name, of)).collect(),
            marks: Vec::new(),
        }),
    })
}
