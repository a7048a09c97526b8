//! Part h: the trained model's class, switched in mid-flight.

use pathline::kernels::squared_distance;
use pathline::quality::agreement;
use pathline::solver::EULER;
use pathline::statistics::Estimate;
use pathline::{Batch, Run, Save, Seed, Source, TimeGrid, integrate};
use pathline_view::{Axis, Content, Figure, LineStyle, Lines, Section, Series};

use super::trained::Model;
use crate::error::Error;
use crate::in_turn::classes_in_turn;
use crate::progress::Progress;

/// How far the new class is from the old one, around the ten.
const SHIFT: u32 = 5;
const SAMPLES: usize = 30;
const STEPS: usize = 20;
/// Steps before which the class is switched.
const AT: [usize; 5] = [2, 4, 7, 10, 14];

/// What became of the model's samples whose class was switched at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ModelSwitchPoint {
    /// Time of the switch.
    pub t: f64,
    /// Share of samples that the judge puts into the new class.
    pub new: Estimate,
    /// Share of samples that it puts into the old class.
    pub old: Estimate,
    /// `sum |x_switched - x_new| / sum |x_old - x_new|`.
    pub distance: f64,
}

/// The sweep of switch times on the model.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ModelSwitching {
    /// Number of samples.
    pub samples: usize,
    /// Euler steps.
    pub steps: usize,
    /// One point a switch time; 0 is all new, 1 all old.
    pub points: Vec<ModelSwitchPoint>,
}

pub(super) fn switching(
    model: &Model,
    seed: Seed,
    progress: &mut dyn Progress,
) -> Result<ModelSwitching, Error> {
    let (before, after) = (model.by_class(0)?, model.by_class(SHIFT)?);
    let grid = TimeGrid::uniform(STEPS)?;
    let start = Source::new(seed, SAMPLES).noise(before.shape());
    let samples = 0..SAMPLES as u64;
    let run = Run { save: Save::Every(1), ..Run::on(grid.clone(), &EULER) };
    let old = integrate(&*before, start.clone(), samples.clone(), &run, &mut ())?;
    let new = integrate(&*after, start, samples.clone(), &run, &mut ())?.end;
    let distance = |a: &Batch, b: &Batch| -> f64 {
        (0..SAMPLES).map(|i| squared_distance(a.row(i), b.row(i)).sqrt()).sum()
    };
    let apart = distance(&old.end, &new);
    let point = |t: f64, ends: &Batch| -> Result<ModelSwitchPoint, Error> {
        let found = model.judge.classify(ends)?.classes();
        let share = |shift| agreement(&found, &classes_in_turn(10, shift, SAMPLES), 0.95);
        let distance = distance(ends, &new) / apart;
        Ok(ModelSwitchPoint { t, new: share(SHIFT)?, old: share(0)?, distance })
    };
    let mut points = vec![point(0.0, &new)?];
    for (done, k) in AT.into_iter().enumerate() {
        progress.at(0.6 + 0.4 * done as f64 / AT.len() as f64, "switching the model's class");
        // A field has no memory: the run goes on from the saved state.
        let t = grid.times()[k];
        let rest = Run::on(TimeGrid::custom(grid.times()[k..].to_vec())?, &EULER);
        let ends = integrate(&*after, old.states[k].clone(), samples.clone(), &rest, &mut ())?.end;
        points.push(point(t, &ends)?);
    }
    points.push(point(1.0, &old.end)?);
    Ok(ModelSwitching { samples: SAMPLES, steps: STEPS, points })
}

impl ModelSwitching {
    pub(super) fn section(&self) -> Section {
        Section {
            id: "model-switching".to_owned(),
            title: "The trained model, switched".to_owned(),
            text: "The same experiment on the network. It has no memory either: a run that is stopped and \
                   gone on with from its saved state ends in the same bytes. But unlike the memoriser it \
                   must finish what it finds, and late there is little left that a class could decide."
                .to_owned(),
            figures: vec![self.sweep()],
        }
    }

    fn sweep(&self) -> Figure {
        let of =
            |f: fn(&ModelSwitchPoint) -> f64| self.points.iter().map(|p| [p.t, f(p)]).collect();
        let band = self.points.iter().map(|p| [p.new.low, p.new.high]).collect();
        Figure {
            id: "model-switch-sweep".to_owned(),
            title: "Which class the switched samples show".to_owned(),
            caption: format!(
                "{} samples, {} Euler steps, no guidance; each sample's class changed at time t, and a \
                 classifier says which of the two it shows (band: 95 %).",
                self.samples, self.steps
            ),
            look_for: "Where the curves cross, the image is decided. The exact field's curve stays at 1 to \
                       the end (above): there the switch always wins, since it only knows whole images."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "Agreement with the new class falls, and with the old class rises, as the switch comes \
                  later."
                .to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time of the switch"),
                y: Axis::new("share, or distance in units of old to new"),
                series: vec![
                    Series::new("new class", of(|p| p.new.value)).with_band(band),
                    Series::new("old class", of(|p| p.old.value)),
                    Series::new("distance to the all-new sample", of(|p| p.distance))
                        .styled(LineStyle::Dashed),
                ],
                marks: Vec::new(),
            }),
        }
    }
}
