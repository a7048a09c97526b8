//! Part i: ways of sampling the trained model at equal evaluations: a few samples measured on the spot,
//! beside the committed table of many.

use std::time::Instant;

use pathline::statistics::Estimate;
use pathline::{At, Batch, Samples, Seed, Times, VelocityField};
use pathline_view::{Cell, Column, Content, Figure, Section, Table};

use super::images::Images;
use super::trained::Model;
use crate::error::Error;
use crate::progress::Progress;
use crate::quality::{Bench, Judged, Real};
use crate::table::QualityTable;

/// Evaluations at which ways are compared on the spot.
const EVALUATIONS: [usize; 2] = [10, 20];
/// Ways that are compared.
const WAYS: usize = 5;
/// Seconds that the comparison may take, of the minute that the whole demo has.
const BUDGET: f64 = 16.0;
/// Numbers of samples to choose from.
const COUNTS: [usize; 6] = [40, 80, 120, 200, 300, 400];
/// Most seconds of the speed probe.
const PROBE: f64 = 1.0;

/// What was measured on the spot.
#[derive(serde::Serialize)]
pub struct Live {
    /// Samples a row.
    pub samples: usize,
    /// Real images that they are compared with.
    pub real_images: usize,
    /// One row a way.
    pub rows: Vec<Judged>,
    /// The table of many samples.
    pub full: QualityTable,
}

pub(super) fn live(
    model: &Model,
    images: &Images,
    seed: Seed,
    (samples, full): (Option<usize>, QualityTable),
    progress: &mut dyn Progress,
) -> Result<Live, Error> {
    progress.at(0.0, "measuring this machine's speed");
    let field = model.by_class(0)?;
    let samples = match samples {
        Some(samples) => samples,
        None => affordable(&*field)?,
    };
    let labels = images.held_out.labels.clone().unwrap_or_default();
    let real = Real::new(&images.held_out.batch, &labels, &model.judge)?;
    let bench =
        Bench { field: &*field, guidance: 1.0, judge: &model.judge, real: &real, seed, samples };
    let calls = (WAYS * EVALUATIONS.iter().sum::<usize>()) as f64;
    let (mut rows, mut done) = (Vec::new(), 0);
    for evaluations in EVALUATIONS {
        rows.extend(bench.compare(evaluations, &mut |way| bench.draw(way), &mut |row| {
            done += evaluations;
            progress
                .at(done as f64 / calls, &format!("{} at {evaluations} evaluations", row.method));
            Ok(())
        })?);
    }
    Ok(Live { samples, real_images: real.len(), rows, full })
}

/// The number of samples whose comparison fits the budget on this machine at this moment.
fn affordable(field: &dyn VelocityField) -> Result<usize, Error> {
    let x = Batch::zeros(COUNTS[0], field.shape().clone());
    let mut v = x.clone();
    let at = At::new(Samples::first(x.len()), Times::Shared(0.5), x.rows())?;
    // Once to warm up.
    field.velocity(&at, v.rows_mut())?;
    let (start, mut calls) = (Instant::now(), 0);
    while calls == 0 || (calls < 20 && start.elapsed().as_secs_f64() < PROBE) {
        field.velocity(&at, v.rows_mut())?;
        calls += 1;
    }
    let each = start.elapsed().as_secs_f64() / (calls * x.len()) as f64;
    let evaluations = (WAYS * EVALUATIONS.iter().sum::<usize>()) as f64;
    let most = BUDGET / (each * evaluations);
    Ok(COUNTS.into_iter().rev().find(|&n| n as f64 <= most).unwrap_or(COUNTS[0]))
}

fn share(e: &Estimate) -> String {
    format!("{:.0} [{:.0}, {:.0}]", 100.0 * e.value, 100.0 * e.low, 100.0 * e.high)
}

/// A value with its interval.
fn interval(e: &Estimate) -> String {
    format!("{:.1} [{:.1}, {:.1}]", e.value, e.low, e.high)
}

fn cells(row: &Judged) -> Vec<Cell> {
    let less = match &row.kid_less_euler {
        None => Cell::text("\u{2013}"),
        // What the interval decides stands out.
        Some(e) if e.contains(0.0) => Cell::text(interval(e)),
        Some(e) => Cell::text(interval(e)).strong(),
    };
    vec![
        Cell::text(&row.method),
        Cell::number(row.evaluations as f64),
        Cell::text(share(&row.agreement)),
        Cell::text(interval(&row.kid)),
        less,
        Cell::text(format!("{:.1}", row.frechet)),
        // One column: a table of eight would be wider than the page.
        Cell::text(format!("{:.0} / {:.0}", 100.0 * row.precision, 100.0 * row.recall)),
    ]
}

fn columns() -> Vec<Column> {
    let numeric =
        ["calls", "agreement, %", "KID", "less Euler's", "Frechet", "precision / recall, %"];
    let mut columns = vec![Column::text("way")];
    columns.extend(numeric.map(Column::numeric));
    columns
}

impl Live {
    pub(super) fn section(&self) -> Section {
        Section {
            id: "ways".to_owned(),
            title: "Corrections, solvers and grids at equal evaluations".to_owned(),
            text: "What does a correction win on a trained network? Every way below starts from the same \
                   noise and may evaluate the network equally often. KID and Frechet distance are taken \
                   between the classifier's features of samples and of real images; the difference from \
                   plain Euler is paired sample by sample, and is set bold where its 95 % interval leaves \
                   0 out. Distances in this classifier's features compare with each other only."
                .to_owned(),
            figures: vec![self.now(), self.many(), self.guidance()],
        }
    }

    fn now(&self) -> Figure {
        let decided = |row: &&Judged| row.kid_less_euler.is_some_and(|e| !e.contains(0.0));
        let compared = self.rows.iter().filter(|row| row.kid_less_euler.is_some()).count();
        Figure {
            id: "ways-now".to_owned(),
            title: "Measured just now".to_owned(),
            caption: format!(
                "{} samples a row against {} real images that no training has seen. The interval of the \
                 difference leaves 0 out in {} of {compared} rows.",
                self.samples,
                self.real_images,
                self.rows.iter().filter(decided).count()
            ),
            look_for: "Which differences are larger than their intervals. Eight intervals are shown: by chance \
                       alone one of them leaves 0 out in a third of all demos."
                .to_owned(),
            command: format!("pathline demo --samples {}", self.samples),
            alt: "Table of agreement, KID, Frechet distance, precision and recall by way of sampling."
                .to_owned(),
            content: Content::Table(Table {
                columns: columns(),
                rows: self.rows.iter().map(cells).collect(),
                note: "The Frechet distance grows as samples become few: compare it within this table only."
                    .to_owned(),
            }),
        }
    }

    fn many(&self) -> Figure {
        let full = &self.full;
        Figure {
            id: "ways-full".to_owned(),
            title: "Measured before, against all images of the test set".to_owned(),
            caption: format!(
                "{} samples a row against the {} real images of the test set. Real images: {} % in their own \
                 class. Two sets of {} real images each are {:.3} apart in Frechet distance.",
                full.samples,
                full.real_images,
                share(&full.real_agreement),
                full.floor.images,
                full.floor.frechet
            ),
            look_for: "Whether a correction wins more than another solver or another grid does for the same \
                       evaluations."
                .to_owned(),
            command: full.command.clone(),
            alt: "The same table from many samples.".to_owned(),
            content: Content::Table(Table {
                columns: columns(),
                rows: full.ways.iter().map(cells).collect(),
                note: format!("Measured on the model with fingerprint {}.", full.model),
            }),
        }
    }

    fn guidance(&self) -> Figure {
        let with_scale = |row: &Judged| {
            let mut cells = cells(row);
            cells.remove(4);
            cells[0] = Cell::number(row.guidance);
            cells
        };
        let mut columns = columns();
        columns.remove(4);
        columns[0] = Column::numeric("guidance");
        Figure {
            id: "guidance".to_owned(),
            title: "Guidance".to_owned(),
            caption: format!(
                "Plain Euler, {} samples a row (two sets of {} real images each are {:.3} apart in Frechet \
                 distance). Under guidance each evaluation calls the network twice.",
                self.full.guidance.first().map_or(0, |row| row.samples),
                self.full.guidance_floor.images,
                self.full.guidance_floor.frechet
            ),
            look_for: "What agreement costs: look at recall and the distances as guidance grows, and compare \
                       agreement with that of real images above. Beyond it, more agreement is not better."
                .to_owned(),
            command: self.full.command.clone(),
            alt: "Table of agreement, KID, Frechet distance, precision and recall by guidance scale."
                .to_owned(),
            content: Content::Table(Table {
                columns,
                rows: self.full.guidance.iter().map(with_scale).collect(),
                note: String::new(),
            }),
        }
    }
}
