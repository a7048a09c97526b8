//! Part d: kinetic trajectory shaping and the scale schedule corrector on the exact field, each beside
//! the controls that would give the same effect without them.

use pathline::diagnostics::KineticEnergy;
use pathline::gain::{Constant, Gain, Kts, Ssc, SscShape, realised_mean};
use pathline::kernels::squared_distance;
use pathline::neighbours::{MEMORISED_RATIO, memorisation};
use pathline::solver::EULER;
use pathline::statistics::Estimate;
use pathline::{Batch, Purpose, Run, Seed, Source, TimeGrid, VelocityField, sample};
use pathline_view::{Axis, Cell, Column, Content, Figure, Lines, Mark, Section, Series, Table};

use super::images::Images;
use super::memoriser::{fraction, residual};
use crate::error::Error;
use crate::progress::Progress;

/// One way of sampling the exact field.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Correction {
    /// What was done.
    pub name: String,
    /// Whether it is a control: something that is no correction.
    pub control: bool,
    /// The mean factor on the velocity, realised on the grid.
    pub mean_gain: f64,
    /// Mean distance left to the nearest training image, over the distance from the noise to it.
    pub residual: f64,
    /// Share of samples with `d1/d2 < 1/3`.
    pub memorised: Estimate,
    /// Median of `d1/d2`.
    pub median_ratio: f64,
    /// Mean kinetic path energy (left Riemann, effective velocity); `None` where nothing was followed.
    pub energy: Option<f64>,
    /// The factor over time.
    pub gain: Vec<[f64; 2]>,
}

/// The corrections and their controls, at equal steps and from equal noise.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Corrections {
    /// Number of samples.
    pub samples: usize,
    /// Euler steps.
    pub steps: usize,
    /// One row a method.
    pub rows: Vec<Correction>,
}

struct Bench<'a> {
    field: &'a dyn VelocityField,
    images: &'a Images,
    source: Source,
    noise: Batch,
}

impl Bench<'_> {
    fn follow(
        &self,
        name: &str,
        gain: Option<&dyn Gain>,
        grid: &TimeGrid,
    ) -> Result<(Correction, Batch), Error> {
        let mut energy = KineticEnergy::new();
        let run = Run { gain, ..Run::on(grid.clone(), &EULER) };
        let ends = sample(self.field, &self.source, &run, &mut energy)?.end;
        let total: f64 = energy.samples().iter().map(|e| e.left).sum();
        let mut row = self.judge(name, &ends)?;
        row.energy = Some(total / ends.len() as f64);
        if let Some(gain) = gain {
            row.mean_gain = realised_mean(gain, grid);
            row.gain = (0..=200).map(|i| f64::from(i) / 200.0).map(|t| [t, gain.at(t)]).collect();
        }
        Ok((row, ends))
    }

    fn judge(&self, name: &str, ends: &Batch) -> Result<Correction, Error> {
        let known = &self.images.train.batch;
        let found = memorisation(ends, known, MEMORISED_RATIO)?;
        let mut ratios = found.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        Ok(Correction {
            name: name.to_owned(),
            control: false,
            mean_gain: 1.0,
            residual: residual(ends, &self.noise, known, &found.nearest),
            memorised: fraction(&found.ratios)?,
            median_ratio: ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN),
            energy: None,
            gain: Vec::new(),
        })
    }

    /// The uncorrected ends, moved by Gaussian noise of the length by which `corrected` misses its
    /// nearest training images: what a correction must beat to have done more than blur.
    fn noise_matched(
        &self,
        name: &str,
        plain: &Batch,
        corrected: &Batch,
        seed: Seed,
    ) -> Result<Correction, Error> {
        let known = &self.images.train.batch;
        let nearest = memorisation(corrected, known, MEMORISED_RATIO)?.nearest;
        let mut moved = plain.clone();
        let width = moved.width();
        for (i, row) in moved.as_mut_slice().chunks_exact_mut(width).enumerate() {
            let length = squared_distance(corrected.row(i), known.row(nearest[i])).sqrt();
            let mut noise = vec![0.0; width];
            seed.normal(Purpose::Noise, i as u64, 0, &mut noise);
            let scale = (length / pathline::kernels::squared_norm(&noise).sqrt()) as f32;
            row.iter_mut().zip(&noise).for_each(|(x, e)| *x += scale * e);
        }
        Ok(Correction { control: true, ..self.judge(name, &moved)? })
    }
}

pub(super) fn corrections(
    images: &Images,
    seed: Seed,
    progress: &mut dyn Progress,
) -> Result<Corrections, Error> {
    let (samples, steps) = (100, 50);
    let grid = TimeGrid::uniform(steps)?;
    let field = images.by_class(0)?;
    let source = Source::new(seed, samples);
    let noise = source.noise(field.shape());
    let bench = Bench { field: &*field, images, source, noise };
    let mild =
        Kts { launch_strength: 0.01, landing_strength: 0.01, ..Kts::published() }.checked()?;
    let strong = Kts { landing_strength: 0.05, ..Kts::published() }.checked()?;
    let ssc = Ssc::on(&grid, SscShape::QuadIn, 0.05)?;
    let flat = Constant::matching(&strong, &grid)?;
    let doing = "correcting the exact field";
    progress.at(0.0, doing);
    let (plain, plain_ends) = bench.follow("no correction", None, &grid)?;
    progress.at(0.15, doing);
    let (mild, mild_ends) = bench.follow("KTS, a0 = b0 = .01", Some(&mild), &grid)?;
    progress.at(0.3, doing);
    let (strong, strong_ends) = bench.follow("KTS, b0 = .05", Some(&strong), &grid)?;
    progress.at(0.45, doing);
    let (ssc, ssc_ends) = bench.follow("SSC, quad-in, area .05", Some(&ssc), &grid)?;
    progress.at(0.6, doing);
    let (flat, _) = bench.follow("constant gain, mean of KTS b0 = .05", Some(&flat), &grid)?;
    progress.at(0.75, doing);
    let early = grid.between(0.0, 1.0 - strong.residual)?;
    let (early, _) = bench.follow("stop early, residual of KTS b0 = .05", None, &early)?;
    progress.at(0.9, doing);
    let control = |row: Correction| Correction { control: true, ..row };
    let matched = |name: &str, ends: &Batch| bench.noise_matched(name, &plain_ends, ends, seed);
    let rows = vec![
        matched("noise of KTS .01's residual", &mild_ends)?,
        matched("noise of KTS b0 = .05's residual", &strong_ends)?,
        matched("noise of SSC's residual", &ssc_ends)?,
    ];
    let mut all = vec![plain, mild, strong, ssc, control(flat), control(early)];
    all.extend(rows);
    Ok(Corrections { samples, steps, rows: all })
}

impl Corrections {
    pub(super) fn section(&self) -> Section {
        Section {
            id: "corrections".to_owned(),
            title: "Two corrections, and the controls they must beat".to_owned(),
            text: "Kinetic trajectory shaping (KTS) speeds a trajectory up early and slows it down late; \
                   the scale schedule corrector (SSC) speeds it up early. Both were proposed for trained \
                   networks. On the exact field there is no network error to repair, so what they do here \
                   is what they do by construction: KTS stops each sample short of its training image, by \
                   the residual in the table. A residual can be had more cheaply: by adding noise, by \
                   stopping early, or by a constant factor. A correction has shown something only where \
                   it beats the control with the same residual."
                .to_owned(),
            figures: vec![self.gains(), self.table()],
        }
    }

    fn gains(&self) -> Figure {
        let curves = self.rows.iter().filter(|r| !r.gain.is_empty());
        Figure {
            id: "gains".to_owned(),
            title: "The factor on the velocity".to_owned(),
            caption: "Each gain over time. KTS turns from launch to landing at t = .6.".to_owned(),
            look_for: "KTS with b0 = .05 ends close to zero; beyond .0524 it would run samples backwards, \
                       and Pathline refuses it unless asked."
                .to_owned(),
            command: "pathline sample fashion-mnist --class each --kts 0,0.05 --out kts.png".to_owned(),
            alt: "Gain curves: SSC starts near 1.07 and decays to 1; KTS falls towards zero at the end."
                .to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time t"),
                y: Axis::new("gain"),
                series: curves.map(|r| Series::new(&r.name, r.gain.clone())).collect(),
                marks: vec![Mark { at: 0.6, label: "\u{3c4}".to_owned() }],
            }),
        }
    }

    fn table(&self) -> Figure {
        let cells = |r: &Correction| {
            let quiet = |cell: Cell| if r.control { cell.quiet() } else { cell };
            let memorised = format!(
                "{:.0} % [{:.0}, {:.0}]",
                100.0 * r.memorised.value,
                100.0 * r.memorised.low,
                100.0 * r.memorised.high
            );
            let energy = r.energy.map_or(Cell::text("\u{2013}"), Cell::number);
            vec![
                quiet(Cell::text(&r.name)),
                quiet(Cell::number(r.mean_gain)),
                quiet(Cell::number(100.0 * r.residual)),
                quiet(Cell::text(memorised)),
                quiet(Cell::number(r.median_ratio)),
                quiet(energy),
            ]
        };
        Figure {
            id: "controls".to_owned(),
            title: "Corrections and controls on the exact field".to_owned(),
            caption: format!(
                "{} samples a row, the same noise in every row, {} Euler steps. Residual: distance left to \
                 the nearest training image, in per cent of the distance from the noise to it. Gray rows \
                 are controls.",
                self.samples, self.steps
            ),
            look_for: "The memorised share does not move at published strengths: the residual is far from \
                       the tenth of the way that would change d1/d2. And each control with the same \
                       residual has about the same d1/d2 as the correction it is matched to."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "Table of mean gain, residual, memorised share, median distance ratio and energy for each \
                  correction and control."
                .to_owned(),
            content: Content::Table(Table {
                columns: vec![
                    Column::text("method"),
                    Column::numeric("mean gain"),
                    Column::numeric("residual, %"),
                    Column::numeric("memorised [95 %]"),
                    Column::numeric("median d1/d2"),
                    Column::numeric("energy"),
                ],
                rows: self.rows.iter().map(cells).collect(),
                note: "Memorised: d1/d2 < 1/3 over all training images.".to_owned(),
            }),
        }
    }
}
