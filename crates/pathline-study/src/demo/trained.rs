//! Part g: the embedded model, measured beside the exact field: what it draws, what its trajectories
//! cost, and what of its deficit is error.

use std::sync::Arc;

use pathline::diagnostics::{
    DeficitPoint, Energy, KineticEnergy, Pairs, PowerCurve, PowerPoint, deficit,
};
use pathline::kernels::ProductPrecision;
use pathline::quality::agreement;
use pathline::schedule::CondOt;
use pathline::solver::EULER;
use pathline::statistics::Estimate;
use pathline::{Batch, Observer, Run, Seed, Source, TimeGrid, VelocityField, sample};
use pathline_data::DataSet;
use pathline_nn::{Classifier, Network};
use pathline_view::{
    Axis, Content, Figure, Group, Images as Pictures, LineStyle, Lines, Scatter, Section, Series,
};

use super::images::{Images, class_name, picture};
use super::model_switching::ModelSwitching;
use crate::embedded::{embedded_judge, embedded_model};
use crate::error::Error;
use crate::in_turn::{classes_in_turn, told_in_turn};
use crate::progress::Progress;

/// Guidance scale of the gallery.
const GUIDANCE: f64 = 2.0;
/// Samples of the gallery and Euler steps to them.
const SHOWN: usize = 80;
const STEPS: usize = 20;
/// Samples whose trajectories are measured.
const MEASURED: usize = 100;
/// Pairs of noise and image on which the deficit is measured, and at how many times.
const PAIRS: usize = 150;
const TIMES: u32 = 10;

/// The embedded model and its judge.
pub(super) struct Model {
    pub(super) network: Arc<dyn Network>,
    pub(super) judge: Classifier,
}

impl Model {
    pub(super) fn load() -> Result<Self, Error> {
        Ok(Self { network: embedded_model()?, judge: embedded_judge()? })
    }

    /// The model under guidance, with products in the numbers that are fastest here.
    pub(super) fn told(&self, shift: u32, scale: f64) -> Result<Arc<dyn VelocityField>, Error> {
        told_in_turn(ProductPrecision::fastest(), &self.network, shift, scale)
    }

    /// The model as a field in which sample `i` has class `(i + shift) mod 10`.
    pub(super) fn by_class(&self, shift: u32) -> Result<Arc<dyn VelocityField>, Error> {
        self.told(shift, 1.0)
    }
}

/// What was measured on the embedded model.
#[derive(serde::Serialize)]
pub struct Trained {
    /// Parameters of the model.
    pub parameters: usize,
    /// Guidance scale of the gallery.
    pub guidance: f64,
    /// Share of the gallery that the judge puts into the class that was asked for.
    pub agreement: Estimate,
    /// The same share of real images that neither has seen.
    pub real_agreement: Estimate,
    /// Energies of samples without guidance, one each.
    pub energy: Vec<Energy>,
    /// Energies of the exact field's samples from the same noise, of the same classes.
    pub exact_energy: Vec<Energy>,
    /// Power over time of the model.
    pub power: Vec<PowerPoint>,
    /// Power over time of the exact field.
    pub exact_power: Vec<PowerPoint>,
    /// The model on real images that it has not seen.
    pub deficit: Vec<DeficitPoint>,
    /// The exact field on images that it is made of.
    pub exact_deficit: Vec<DeficitPoint>,
    /// The exact field on the images that it has not seen.
    pub memoriser_deficit: Vec<DeficitPoint>,
    /// The model's class, switched in mid-flight.
    pub switching: ModelSwitching,
    #[serde(skip)]
    gallery: Batch,
}

pub(super) fn trained(
    model: &Model,
    images: &Images,
    seed: Seed,
    progress: &mut dyn Progress,
) -> Result<Trained, Error> {
    progress.at(0.0, "drawing with the trained model");
    let run = Run::on(TimeGrid::uniform(STEPS)?, &EULER);
    let guided = model.told(0, GUIDANCE)?;
    let gallery = sample(&*guided, &Source::new(seed, SHOWN), &run, &mut ())?.end;
    progress.at(0.3, "measuring the trained model");
    let (energy, power) = followed(&*model.by_class(0)?, seed)?;
    let (exact_energy, exact_power) = followed(&*images.by_class(0)?, seed)?;
    progress.at(0.5, "its deficit on real images");
    let times: Vec<f64> =
        (0..=TIMES).map(|k| (f64::from(k) / f64::from(TIMES)).clamp(0.02, 0.98)).collect();
    let points = |field: &dyn VelocityField, set: &DataSet| -> Result<_, Error> {
        let target = set.batch.select(&(0..PAIRS).collect::<Vec<_>>())?;
        let noise = Source { first: 1 << 32, ..Source::new(seed, PAIRS) }.noise(field.shape());
        // Image i of a set has label i mod 10, as sample i has class i mod 10.
        let pairs = Pairs { source: &noise, target: &target, first: 0 };
        Ok(deficit(field, &CondOt, pairs, &times)?)
    };
    let exact = images.by_class(0)?;
    let judged = |batch: &Batch| -> Result<Estimate, Error> {
        let wanted = classes_in_turn(10, 0, batch.len());
        Ok(agreement(&model.judge.classify(batch)?.classes(), &wanted, 0.95)?)
    };
    Ok(Trained {
        parameters: model.network.parameters().len(),
        guidance: GUIDANCE,
        agreement: judged(&gallery)?,
        real_agreement: judged(&images.held_out.batch)?,
        energy,
        exact_energy,
        power,
        exact_power,
        deficit: points(&*model.by_class(0)?, &images.held_out)?,
        exact_deficit: points(&*exact, &images.train)?,
        memoriser_deficit: points(&*exact, &images.held_out)?,
        switching: super::model_switching::switching(model, seed, progress)?,
        gallery,
    })
}

/// Energies and power of a field's trajectories.
fn followed(
    field: &dyn VelocityField,
    seed: Seed,
) -> Result<(Vec<Energy>, Vec<PowerPoint>), Error> {
    let (mut energy, mut power) = (KineticEnergy::new(), PowerCurve::default());
    let mut observers: [&mut dyn Observer; 2] = [&mut energy, &mut power];
    let run = Run::on(TimeGrid::uniform(STEPS)?, &EULER);
    sample(field, &Source::new(seed, MEASURED), &run, &mut observers)?;
    Ok((energy.samples().to_vec(), power.points()))
}

fn mean(energies: &[Energy], part: fn(&Energy) -> f64) -> f64 {
    energies.iter().map(part).sum::<f64>() / energies.len().max(1) as f64
}

fn percent(share: &Estimate) -> String {
    format!("{:.0} % [{:.0}, {:.0}]", 100.0 * share.value, 100.0 * share.low, 100.0 * share.high)
}

impl Trained {
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut sections = vec![
            Section {
                id: "model".to_owned(),
                title: "A trained model of the same images".to_owned(),
                text: format!(
                    "Now a network: a U-Net of {:.1} million parameters, trained by \
                     `pathline train` on 59 400 images of Fashion-MNIST and told the class of each sample. A classifier trained on the same images judges what it draws.",
                    self.parameters as f64 / 1e6
                ),
                figures: vec![self.pictures()],
            },
            Section {
                id: "model-paths".to_owned(),
                title: "Its trajectories, beside the exact field's".to_owned(),
                text: "From the same noise, for the same classes: the network, which was trained on 59 400 \
                       images, and the exact field over 2 000 of them, which memorises."
                    .to_owned(),
                figures: vec![self.power_lines(), self.split_points(), self.deficit_figure()],
            },
        ];
        sections.push(self.switching.section());
        sections
    }

    fn pictures(&self) -> Figure {
        let order = (0..10).flat_map(|class| (0..SHOWN / 10).map(move |i| 10 * i + class));
        Figure {
            id: "model-gallery".to_owned(),
            title: "What the model draws, class by class".to_owned(),
            caption: format!(
                "{SHOWN} samples, {STEPS} Euler steps, guidance {}. The judge puts {} of them into the \
                 class that was asked for, and {} of real images that it has not seen.",
                self.guidance,
                percent(&self.agreement),
                percent(&self.real_agreement)
            ),
            look_for: "Whether each row could be named without being told, and whether its eight garments \
                       differ."
                .to_owned(),
            command: "pathline demo".to_owned(),
            alt: "Ten rows of eight generated garments, one class a row.".to_owned(),
            content: Content::Images(Pictures {
                columns: SHOWN / 10,
                cell: 56,
                items: order.map(|i| picture(&self.gallery, i, "")).collect(),
                row_titles: (0..10).map(|class| class_name(class).to_owned()).collect(),
            }),
        }
    }

    fn power_lines(&self) -> Figure {
        let line = |points: &[PowerPoint]| points.iter().map(|p| [p.t, p.mean]).collect();
        let band = |points: &[PowerPoint]| {
            points.iter().map(|p| [p.mean - p.deviation, p.mean + p.deviation]).collect()
        };
        Figure {
            id: "model-power".to_owned(),
            title: "Power over time, of the model and of the exact field".to_owned(),
            caption: format!(
                "Half the squared speed at the start of each of {STEPS} Euler steps, mean over {MEASURED} samples (band: one \
                 standard deviation of the model's). Kinetic energy: model {:.0}, exact field {:.0}.",
                mean(&self.energy, |e| e.left),
                mean(&self.exact_energy, |e| e.left)
            ),
            look_for: "How far the curves part. Where the exact field has decided for an image it keeps its \
                       speed; a model that still averages over what might come moves more slowly."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "Power over time for the model, with a band, and for the exact field.".to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time t"),
                y: Axis::new("power, 1/2 |v|\u{b2}"),
                series: vec![
                    Series::new("trained model", line(&self.power)).with_band(band(&self.power)),
                    Series::new("exact field", line(&self.exact_power)).styled(LineStyle::Dashed),
                ],
                marks: Vec::new(),
            }),
        }
    }

    fn split_points(&self) -> Figure {
        let points = |all: &[Energy]| all.iter().map(|e| [e.chord, e.bending]).collect();
        Figure {
            id: "model-split".to_owned(),
            title: "Chord and bending, of the model and of the exact field".to_owned(),
            caption: format!(
                "One point a sample. Bending is {:.1} % of the energy for the model and {:.1} % for the \
                 exact field.",
                100.0 * mean(&self.energy, |e| e.bending) / mean(&self.energy, |e| e.left),
                100.0 * mean(&self.exact_energy, |e| e.bending)
                    / mean(&self.exact_energy, |e| e.left)
            ),
            look_for: "Which of the two axes tells the two fields apart. Both energies are mostly chord, and \
                       the chord is mostly the distance of an image from the noise."
                    .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "Two clouds of points: bending against chord energy for model and exact field."
                .to_owned(),
            content: Content::Scatter(Scatter {
                x: Axis::new("chord energy"),
                y: Axis::new("bending energy"),
                groups: vec![
                    Group::new("trained model", points(&self.energy)),
                    Group::new("exact field", points(&self.exact_energy)),
                ],
                ..Scatter::default()
            }),
        }
    }

    fn deficit_figure(&self) -> Figure {
        let gains = |points: &[DeficitPoint]| points.iter().map(|p| [p.t, p.gain.value]).collect();
        let band = |points: &[DeficitPoint]| {
            points.iter().map(|p| [p.gain.low, p.gain.high]).collect::<Vec<_>>()
        };
        let ratio = self.deficit.iter().map(|p| [p.t, p.ratio.value]).collect();
        // What is nearer to 1 than single precision can tell is no error.
        let apart = |points: &[DeficitPoint]| {
            let off =
                |p: &&DeficitPoint| !p.gain.contains(1.0) && (p.gain.value - 1.0).abs() > 1e-5;
            points.iter().filter(off).count()
        };
        let ratios = self.deficit.iter().map(|p| p.ratio.value);
        let (least, most) = ratios.fold((f64::MAX, 0.0_f64), |(a, b), r| (a.min(r), b.max(r)));
        let radial = self.deficit.iter().map(|p| (1.0 - p.gain.value).abs()).fold(0.0, f64::max);
        Figure {
            id: "model-deficit".to_owned(),
            title: "The radial gain g* of the model".to_owned(),
            caption: format!(
                "{PAIRS} pairs of noise and real image; bands are 95 %. The model's g* on images it has not \
                 seen leaves 1 out at {} of {} times and differs from 1 by at most about {radial:.3}; the \
                 exact field's, on images it is made of, at {}. (Of {} such intervals one in twenty misses \
                 by chance.) The model's norm ratio lies between {least:.2} and {most:.2}.",
                apart(&self.deficit),
                self.deficit.len(),
                apart(&self.exact_deficit),
                self.deficit.len()
            ),
            look_for: "How much of the norm ratio's distance from 1 is left in g*: the rest is no error, for \
                       a velocity that is a mean must be short. On images it has not seen, the exact \
                       field is wrong: memorising is not a velocity that one could take for the truth."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "The model's radial gain stays near one; the memoriser's falls on new images.".to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time t"),
                y: Axis::new("ratio").within(0.0, 1.5),
                series: vec![
                    Series::new("model g*, new images", gains(&self.deficit))
                        .with_band(band(&self.deficit)),
                    Series::new("model |v|/|u|, new images", ratio),
                    Series::new("exact field g*, its own images", gains(&self.exact_deficit))
                        .styled(LineStyle::Dashed),
                    Series::new("exact field g*, new images", gains(&self.memoriser_deficit))
                        .styled(LineStyle::Dashed),
                ],
                marks: Vec::new(),
            }),
        }
    }
}
