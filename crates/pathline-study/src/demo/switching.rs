//! Part e: the class is switched in mid-flight, on a field that has no memory.

use std::sync::Arc;

use pathline::field::{SwitchTimes, Switched};
use pathline::kernels::squared_distance;
use pathline::neighbours::{Exclude, nearest};
use pathline::solver::EULER;
use pathline::statistics::{Estimate, wilson};
use pathline::{Batch, Run, Seed, Source, TimeGrid, sample};
use pathline_view::{Axis, Content, Figure, Images as Pictures, LineStyle, Lines, Section, Series};

use super::images::{Images, class_name, picture};
use crate::error::Error;
use crate::progress::Progress;

/// How far the new class is from the old one, around the ten.
const SHIFT: u32 = 5;

/// What became of samples whose class was switched at one time.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SwitchPoint {
    /// Time of the switch.
    pub t: f64,
    /// Share of samples whose nearest training image has the new class.
    pub agreement: Estimate,
    /// `sum |x_switched - x_new| / sum |x_old - x_new|`: 0 where the switched sample is the one that
    /// the new class would have given from the same noise, 1 where it is as far as the old one.
    pub distance: f64,
    /// Mean distance to the nearest training image, over the mean distance between old and new.
    pub off_image: f64,
}

/// The sweep of switch times.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Switching {
    /// Number of samples.
    pub samples: usize,
    /// Euler steps.
    pub steps: usize,
    /// One point a switch time.
    pub points: Vec<SwitchPoint>,
    #[serde(skip)]
    strip: Vec<(f64, Batch)>,
}

pub(super) fn switching(
    images: &Images,
    seed: Seed,
    progress: &mut dyn Progress,
) -> Result<Switching, Error> {
    let (samples, steps) = (100, 50);
    let (before, after) = (images.by_class(0)?, images.by_class(SHIFT)?);
    let run = Run::on(TimeGrid::uniform(steps)?, &EULER);
    let source = Source::new(seed, samples);
    let end_of = |t: f64| -> Result<Batch, Error> {
        let times = SwitchTimes::Shared(t);
        let field = Switched::new(Arc::clone(&before), Arc::clone(&after), times)?;
        Ok(sample(&field, &source, &run, &mut ())?.end)
    };
    let (old, new) = (end_of(1.0)?, end_of(0.0)?);
    let apart = total_distance(&old, &new);
    let times: Vec<f64> = [1, 2, 5, 8, 10, 13, 15, 18, 20, 25, 30, 35, 40, 44, 47, 49]
        .map(|k| f64::from(k) / 50.0)
        .into();
    let (mut points, mut strip) = (Vec::new(), vec![(0.0, new.clone())]);
    for (i, &t) in times.iter().enumerate() {
        progress.at(i as f64 / times.len() as f64, "switching the class in mid-flight");
        let ends = end_of(t)?;
        let found = nearest(&ends, &images.train.batch, 1, Exclude::Nothing)?;
        let agrees = |(i, &n): (usize, &usize)| images.label(n) == (i as u32 + SHIFT) % 10;
        let agreeing = found.indices.iter().enumerate().filter(|&p| agrees(p)).count();
        points.push(SwitchPoint {
            t,
            agreement: wilson(agreeing, samples, 0.95)?,
            distance: total_distance(&ends, &new) / apart,
            off_image: found.distances.iter().sum::<f64>() / apart,
        });
        strip.push((t, ends));
    }
    strip.push((1.0, old));
    Ok(Switching { samples, steps, points, strip })
}

fn total_distance(a: &Batch, b: &Batch) -> f64 {
    (0..a.len()).map(|i| squared_distance(a.row(i), b.row(i)).sqrt()).sum()
}

impl Switching {
    pub(super) fn section(&self) -> Section {
        Section {
            id: "switching".to_owned(),
            title: "Switching the class in mid-flight".to_owned(),
            text: "Does a flow model have inertia: does it resist when its condition changes on the way? \
                   The exact field cannot, for its velocity depends on nothing but the time and the state. \
                   So whatever it shows when switched is what a model without any memory shows."
                .to_owned(),
            figures: vec![self.sweep(), self.pictures()],
        }
    }

    fn sweep(&self) -> Figure {
        let of = |f: fn(&SwitchPoint) -> f64| self.points.iter().map(|p| [p.t, f(p)]).collect();
        let band = self.points.iter().map(|p| [p.agreement.low, p.agreement.high]).collect();
        Figure {
            id: "switch-sweep".to_owned(),
            title: "Where switched samples end".to_owned(),
            caption: format!(
                "{} samples, each switched to another class at time t. Agreement: share whose nearest \
                 training image has the new class (band: 95 %). Distance: from the image that the new \
                 class would have given from the same noise, 1 being the distance between old and new.",
                self.samples
            ),
            look_for: "However late the switch, every sample ends on an image of the new class; yet the \
                       distance climbs and stays high. A distance plateau shows which image was reached, \
                       not that the model held on to the old class: it is no measure of inertia."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "Agreement with the new class stays at one for every switch time, while the distance to \
                  the reference climbs to a plateau."
                .to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time of the switch"),
                y: Axis::new("share, or distance in units of old to new"),
                series: vec![
                    Series::new("agreement with the new class", of(|p| p.agreement.value))
                        .with_band(band),
                    Series::new("distance to the all-new sample", of(|p| p.distance)),
                    Series::new("distance to the nearest training image", of(|p| p.off_image))
                        .styled(LineStyle::Dashed),
                ],
                marks: Vec::new(),
            }),
        }
    }

    fn pictures(&self) -> Figure {
        let shown = [0_usize, 1, 5, 7];
        let every = (self.strip.len() / 9).max(1);
        let columns: Vec<&(f64, Batch)> =
            self.strip.iter().step_by(every).chain(self.strip.last()).collect();
        let image = |&i: &usize| {
            columns.iter().map(move |(t, ends)| {
                let label = match *t {
                    t if t <= 0.0 => "all new".to_owned(),
                    t if t >= 1.0 => "all old".to_owned(),
                    t => format!("t = {t:.2}"),
                };
                picture(ends, i, label)
            })
        };
        let title = |&i: &usize| {
            let (old, new) = (class_name(i as u32 % 10), class_name((i as u32 + SHIFT) % 10));
            format!("{old} to {new}")
        };
        Figure {
            id: "switch-strip".to_owned(),
            title: "The same noise, switched at different times".to_owned(),
            caption:
                "Each row starts from one noise. The time below an image is when its class changed."
                    .to_owned(),
            look_for:
                "Only the last column shows the old class. In between, every image is a training \
                       image of the new class, but not always the same one."
                .to_owned(),
            command: "pathline sample fashion-mnist --class each --switch-to 5 --switch-at 0.4 --out s.png"
                .to_owned(),
            alt: "Four rows of garments. All but the last column show the new class.".to_owned(),
            content: Content::Images(Pictures {
                columns: columns.len(),
                cell: 56,
                items: shown.iter().flat_map(image).collect(),
                row_titles: shown.iter().map(title).collect(),
            }),
        }
    }
}
