//! Parts b and c: what a perfect memoriser draws, and what each of its trajectories costs.

use pathline::diagnostics::{Energy, KineticEnergy, PowerCurve, PowerPoint};
use pathline::neighbours::{MEMORISED_RATIO, memorisation};
use pathline::solver::EULER;
use pathline::statistics::{Estimate, wilson};
use pathline::{Batch, Observer, Run, Seed, Source, TimeGrid, sample};
use pathline_view::{
    Axis, BarSeries, Bars, Content, Figure, Group, Images as Pictures, Lines, Scatter, Section,
    Series,
};

use super::images::{Images, class_name, picture};
use crate::error::Error;

/// Samples of the exact field, and what was measured on them.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Memoriser {
    /// Number of samples, class by class in turn.
    pub samples: usize,
    /// Euler steps.
    pub steps: usize,
    /// Training images that the field knows.
    pub training_images: usize,
    /// Share of samples with `d1/d2 < 1/3`, with its 95 % interval.
    pub memorised: Estimate,
    /// The same share for real held-out images: what the criterion says when nothing is memorised.
    pub memorised_floor: Estimate,
    /// Number of held-out images.
    pub held_out_images: usize,
    /// Mean distance of a sample to its nearest training image, over the distance it travelled.
    pub residual: f64,
    /// Energies, one a sample.
    pub energy: Vec<Energy>,
    /// Power over time.
    pub power: Vec<PowerPoint>,
    /// Expectation of `1/2 |x_1 - x_0|^2` over unpaired noise and images, `1/2 (E |x_1|^2 + d)`: the
    /// expected power of the exact field never exceeds it.
    pub power_bound: f64,
    /// Standard error of the mean power at the last step.
    pub power_error: f64,
    #[serde(skip)]
    ends: Batch,
    #[serde(skip)]
    nearest: Vec<usize>,
}

pub(super) fn memoriser(images: &Images, seed: Seed) -> Result<Memoriser, Error> {
    let (samples, steps) = (200, 50);
    let field = images.by_class(0)?;
    let (mut energy, mut power) = (KineticEnergy::new(), PowerCurve::default());
    let run = Run::on(TimeGrid::uniform(steps)?, &EULER);
    let source = Source::new(seed, samples);
    let mut observers: [&mut dyn Observer; 2] = [&mut energy, &mut power];
    let ends = sample(&*field, &source, &run, &mut observers)?.end;
    let known = &images.train.batch;
    let found = memorisation(&ends, known, MEMORISED_RATIO)?;
    let floor = memorisation(&images.held_out.batch, known, MEMORISED_RATIO)?;
    let noise = source.noise(field.shape());
    let power = power.points();
    let last = power.last();
    Ok(Memoriser {
        samples,
        steps,
        training_images: known.len(),
        memorised: fraction(&found.ratios)?,
        memorised_floor: fraction(&floor.ratios)?,
        held_out_images: images.held_out.batch.len(),
        residual: residual(&ends, &noise, known, &found.nearest),
        energy: energy.samples().to_vec(),
        power_bound: pair_energy(known),
        power_error: last.map_or(f64::NAN, |p| p.deviation / (samples as f64).sqrt()),
        power,
        ends,
        nearest: found.nearest,
    })
}

/// Share of ratios below a third, with Wilson's interval.
pub(super) fn fraction(ratios: &[f64]) -> Result<Estimate, Error> {
    let memorised = ratios.iter().filter(|&&r| r < MEMORISED_RATIO).count();
    Ok(wilson(memorised, ratios.len(), 0.95)?)
}

/// Mean over samples of `|x - a| / |x_0 - a|`, with `a` the nearest training image.
pub(super) fn residual(ends: &Batch, noise: &Batch, known: &Batch, nearest: &[usize]) -> f64 {
    let share = |i: usize| {
        let atom = known.row(nearest[i]);
        let left = pathline::kernels::squared_distance(ends.row(i), atom);
        (left / pathline::kernels::squared_distance(noise.row(i), atom)).sqrt()
    };
    (0..ends.len()).map(share).sum::<f64>() / ends.len().max(1) as f64
}

/// `1/2 (mean |x_1|^2 + d)` over the training images.
fn pair_energy(known: &Batch) -> f64 {
    let total: f64 = known.rows().iter().map(pathline::kernels::squared_norm).sum();
    0.5 * (total / known.len() as f64 + known.width() as f64)
}

impl Memoriser {
    pub(super) fn sections(&self, images: &Images) -> Vec<Section> {
        vec![
            Section {
                id: "memoriser".to_owned(),
                title: "A perfect memoriser, on real images".to_owned(),
                text: format!(
                    "The velocity field that flow matching would learn with unlimited capacity is known \
                     in closed form: a weighted mean over the training images. Here it is, exact, over \
                     {} Fashion-MNIST images, sampled class by class with {} Euler steps. Every sample \
                     is a training image: the exact minimiser of the training loss generates nothing \
                     new. Whatever a trained network creates, it creates by not reaching this field.",
                    self.training_images, self.steps
                ),
                figures: vec![self.gallery(images), self.memorised_bars()],
            },
            Section {
                id: "energy".to_owned(),
                title: "What each trajectory costs".to_owned(),
                text: "The kinetic path energy of a sample is half the integral of its squared speed. It \
                       splits exactly into the chord (the energy of going straight from noise to image at \
                       constant speed) and the bending (everything else). On these images the chord is nearly \
                       all of it, so any statement about energy is first of all a statement about how far \
                       an image lies from the noise: the split, and not the sum, tells how the field bends."
                    .to_owned(),
                figures: vec![
                    self.power_lines(),
                    self.split_points(),
                    self.split_bars(),
                    self.extremes(),
                ],
            },
        ]
    }

    fn gallery(&self, images: &Images) -> Figure {
        let shown = 20.min(self.ends.len());
        let sample = |i: usize| picture(&self.ends, i, class_name(i as u32 % 10));
        let neighbour = |i: usize| {
            let nearest = self.nearest[i];
            picture(&images.train.batch, nearest, format!("no. {nearest}"))
        };
        let rows = (0..shown).collect::<Vec<_>>();
        let mut items = Vec::new();
        for half in rows.chunks(10) {
            items.extend(half.iter().map(|&i| sample(i)));
            items.extend(half.iter().map(|&i| neighbour(i)));
        }
        let titles = ["sample", "nearest training image"].repeat(shown / 10);
        Figure {
            id: "gallery".to_owned(),
            title: "Samples, and the training image nearest to each".to_owned(),
            caption: format!(
                "Two samples a class, each above its nearest neighbour among the {} training images.",
                self.training_images
            ),
            look_for: "Each pair is the same picture. The distance that is left is \
                       rounding."
                .to_owned(),
            command:
                "pathline sample fashion-mnist --class each -n 200 --steps 50 --out samples.png"
                    .to_owned(),
            alt: "Rows of garments; every generated garment equals the training image below it."
                .to_owned(),
            content: Content::Images(Pictures {
                columns: 10,
                cell: 56,
                items,
                row_titles: titles.into_iter().map(str::to_owned).collect(),
            }),
        }
    }

    fn memorised_bars(&self) -> Figure {
        let (m, f) = (self.memorised, self.memorised_floor);
        let series = BarSeries::new("share with d1/d2 < 1/3", vec![m.value, f.value])
            .with_intervals(vec![[m.low, m.high], [f.low, f.high]]);
        Figure {
            id: "memorised".to_owned(),
            title: "Memorisation fraction".to_owned(),
            caption: format!(
                "Share of images whose nearest training image is more than three times as near as the \
                 second nearest: {} samples of the exact field, and {} real images that the field never \
                 saw. Lines are 95 % intervals.",
                self.samples, self.held_out_images
            ),
            look_for: "The lower bar is the floor: real, new images that the criterion would call \
                       memorised. No memorisation figure means anything without it."
                .to_owned(),
            command:
                "pathline measure fashion-mnist --class each -n 200 --steps 50 --data fashion-mnist"
                    .to_owned(),
            alt: format!(
                "Memorisation fraction {:.0} % for samples of the exact field, {:.1} % for held-out \
                 images.",
                100.0 * m.value,
                100.0 * f.value
            ),
            content: Content::Bars(Bars {
                value: Axis::new("memorisation fraction"),
                categories: vec!["exact field".to_owned(), "held-out real images".to_owned()],
                series: vec![series],
            }),
        }
    }

    fn power_lines(&self) -> Figure {
        let mean = self.power.iter().map(|p| [p.t, p.mean]).collect();
        let band =
            self.power.iter().map(|p| [p.mean - p.deviation, p.mean + p.deviation]).collect();
        let bound = vec![[0.0, self.power_bound], [1.0, self.power_bound]];
        Figure {
            id: "power".to_owned(),
            title: "Power over time".to_owned(),
            caption: format!(
                "Half the squared speed at the start of each step: mean over {} samples, and one standard \
                 deviation around it. The dashed line is its expectation over unpaired noise and images, \
                 which the expected power of the exact field cannot exceed; the mean shown here is known to \
                 \u{b1} {:.0}.",
                self.samples,
                1.96 * self.power_error
            ),
            look_for: "The power rises while the field decides for an image, then stays flat. There is \
                       no terminal blow-up on the field's own trajectories; nothing is said here of \
                       states off them."
                .to_owned(),
            command: "pathline measure fashion-mnist --class each -n 200 --steps 50 --page power.html"
                .to_owned(),
            alt: "Power rises over the first half of the run and is flat afterwards, within its error of the bound."
                .to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time t"),
                y: Axis::new("power, 1/2 |v|\u{b2}"),
                series: vec![
                    Series::new("exact field", mean).with_band(band),
                    Series::new("bound", bound).styled(pathline_view::LineStyle::Dashed),
                ],
                marks: Vec::new(),
            }),
        }
    }

    fn split_points(&self) -> Figure {
        let points = self.energy.iter().map(|e| [e.chord, e.bending]).collect();
        Figure {
            id: "chord-bending".to_owned(),
            title: "Chord and bending of every trajectory".to_owned(),
            caption: "One point a sample. The kinetic energy is the sum of the two axes."
                .to_owned(),
            look_for:
                "Mind the scales: the chord is some fifty times the bending, and the two are \
                       different properties. What is said of the energy alone is said of the chord."
                    .to_owned(),
            command:
                "pathline measure fashion-mnist --class each -n 200 --steps 50 --page split.html"
                    .to_owned(),
            alt: "Scatter of bending energy against chord energy, without a clear trend."
                .to_owned(),
            content: Content::Scatter(Scatter {
                x: Axis::new("chord energy"),
                y: Axis::new("bending energy"),
                groups: vec![Group::new("samples", points)],
                ..Scatter::default()
            }),
        }
    }

    fn split_bars(&self) -> Figure {
        let of = |class: usize, part: fn(&Energy) -> f64| {
            let these: Vec<f64> = self.energy.iter().skip(class).step_by(10).map(part).collect();
            these.iter().sum::<f64>() / these.len().max(1) as f64
        };
        let classes = 0..10_usize;
        let share = |e: &Energy| 100.0 * e.bending / e.quadrature;
        Figure {
            id: "bending".to_owned(),
            title: "Bending, by class".to_owned(),
            caption:
                "The part of the kinetic energy that is not the straight chord, in per cent of the \
                      whole."
                    .to_owned(),
            look_for:
                "A few per cent everywhere: the exact field's trajectories are nearly straight."
                    .to_owned(),
            command: "pathline measure fashion-mnist --class each -n 200 --steps 50 --json"
                .to_owned(),
            alt: "Bars of a few per cent for each of the ten classes.".to_owned(),
            content: Content::Bars(Bars {
                value: Axis::new("bending, % of energy"),
                categories: classes.clone().map(|c| class_name(c as u32).to_owned()).collect(),
                series: vec![BarSeries::new("bending", classes.map(|c| of(c, share)).collect())],
            }),
        }
    }

    fn extremes(&self) -> Figure {
        let mut order: Vec<usize> = (0..self.energy.len()).collect();
        order.sort_by(|&a, &b| self.energy[a].left.total_cmp(&self.energy[b].left));
        let shown = 10.min(order.len());
        let item = |&i: &usize| {
            let energy = format!("E {:.0}", self.energy[i].left);
            picture(&self.ends, i, class_name(i as u32 % 10)).noted(energy)
        };
        let mut items: Vec<_> = order[..shown].iter().map(item).collect();
        items.extend(order[order.len() - shown..].iter().rev().map(item));
        Figure {
            id: "extremes".to_owned(),
            title: "Lowest and highest energy".to_owned(),
            caption: "The ten samples with the least kinetic path energy, and the ten with the most."
                .to_owned(),
            look_for: "Pictures that are mostly empty background cost most, mid-gray garments that fill \
                       the frame cost least: pixels run from -1 to 1, so an empty picture lies farthest \
                       from the noise around 0. All are training images: what sets them apart is no \
                       difference in quality."
                .to_owned(),
            command: "pathline sample fashion-mnist --class each -n 200 --steps 50 --out energies.npz"
                .to_owned(),
            alt: "Two rows of garments: gray ones that fill the frame with low energy, shoes on empty \
                  background with high energy."
                .to_owned(),
            content: Content::Images(Pictures {
                columns: 10,
                cell: 56,
                items,
                row_titles: vec!["lowest".to_owned(), "highest".to_owned()],
            }),
        }
    }
}
