//! Parts a and f: two 2-D flows trained on the spot, and where the first one's velocity falls short.

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::coupling::{Coupling, MinibatchOt};
use pathline::diagnostics::{DeficitPoint, KineticEnergy, Pairs, deficit};
use pathline::field::GaussianMixture;
use pathline::kernels::squared_distance;
use pathline::recording::Recording;
use pathline::schedule::CondOt;
use pathline::solver::{EULER, HEUN};
use pathline::statistics::{Estimate, paired_difference};
use pathline::{
    Batch, Purpose, Run, Save, Seed, Shape, Source, TimeGrid, Trajectory, VelocityField, sample,
};
use pathline_nn::{
    Activation, AdamW, Decay, FlowData, FlowTraining, LearningRate, Mlp, MlpConfig, NetworkField,
    TrainingState, train,
};
use pathline_view::{
    Axis, Cell, Column, Content, Figure, LineStyle, Lines, Panel, Particles, Section, Series, Table,
};

use crate::error::Error;
use crate::progress::Progress;

/// The target: eight Gaussians on a circle, whose exact field is known.
const MODES: u32 = 8;
const RADIUS: f64 = 4.0;
const STD: f64 = 0.3;

/// Updates of each training.
const STEPS: u64 = 3000;

/// Samples on which a flow is judged.
const JUDGED: usize = 2000;

/// Held-out pairs on which the deficit is measured: where the ring's velocities nearly cancel, around
/// t = 0.1, fewer leave the radial gain unknown.
const HELD_OUT: usize = 40_000;

/// One trained flow, judged.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Flow {
    /// How source and target were paired in training.
    pub coupling: String,
    /// Training loss, mean of the last tenth of the updates.
    pub loss: f64,
    /// Mean of path length over chord length, of 100 Heun steps.
    pub straightness: Estimate,
    /// Mean kinetic path energy (quadrature).
    pub energy: Estimate,
    /// Mean bending energy.
    pub bending: Estimate,
    /// Mean distance between the end of one Euler step and of 100 Heun steps from the same noise.
    pub one_step_error: Estimate,
    /// The same for four Euler steps.
    pub four_step_error: Estimate,
    #[serde(skip)]
    shown: Option<Trajectory>,
}

/// Both flows, and the deficit of the first beside the exact field's.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Flows {
    /// Updates of each training.
    pub training_steps: u64,
    /// The flows: independent coupling first.
    pub flows: Vec<Flow>,
    /// Deficit of the network trained with independent coupling, on held-out pairs.
    pub network_deficit: Vec<DeficitPoint>,
    /// Deficit of the exact field on the same pairs.
    pub exact_deficit: Vec<DeficitPoint>,
    #[serde(skip)]
    target: Vec<[f32; 2]>,
    #[serde(skip)]
    recording: Option<Recording>,
}

/// Points of the ring: point `i` depends on the seed and `i` alone.
fn ring(n: usize, seed: Seed, first: u64) -> Result<Batch, Error> {
    let mut data = Vec::with_capacity(2 * n);
    for i in 0..n as u64 {
        let mut stream = seed.stream(Purpose::Data, first + i, 0);
        let angle = std::f64::consts::TAU * stream.below(MODES as usize) as f64 / f64::from(MODES);
        let (a, b) = stream.normal_pair();
        data.push((RADIUS * angle.cos() + STD * a) as f32);
        data.push((RADIUS * angle.sin() + STD * b) as f32);
    }
    Ok(Batch::from_vec(data, Shape::vector(2))?)
}

pub(super) fn flows(seed: Seed, progress: &mut dyn Progress) -> Result<Flows, Error> {
    let target = ring(20_000, seed, 0)?;
    let (independent, first_loss) = trained(&target, None, seed, &mut |share| {
        progress.at(0.45 * share, "training a 2-D flow, independent coupling");
    })?;
    let (paired, second_loss) = trained(&target, Some(&MinibatchOt), seed, &mut |share| {
        progress.at(0.45 + 0.45 * share, "training a 2-D flow, minibatch OT coupling");
    })?;
    progress.at(0.9, "judging both flows");
    let flows = vec![
        judged("independent", first_loss, &independent, seed)?,
        judged("minibatch OT", second_loss, &paired, seed)?,
    ];
    let exact = GaussianMixture::ring(MODES, RADIUS, STD)?.along(Arc::new(CondOt));
    // Held-out pairs: targets that come after all those of the training, and other noise.
    let held_out = ring(HELD_OUT, seed, 1 << 32)?;
    let noise = Source { first: 1 << 32, ..Source::new(seed, HELD_OUT) }.noise(exact.shape());
    let pairs = Pairs { source: &noise, target: &held_out, first: 0 };
    let times: Vec<f64> = (0..=20).map(|k| (f64::from(k) / 20.0).clamp(0.01, 0.99)).collect();
    let recording = flows[0].shown.as_ref().map(|run| {
        let spec = serde_json::json!({"seed": seed, "demo": "2-D flow, independent coupling"});
        Recording::new(run, independent.record(), spec)
    });
    Ok(Flows {
        training_steps: STEPS,
        flows,
        network_deficit: deficit(&independent, &CondOt, pairs, &times)?,
        exact_deficit: deficit(&exact, &CondOt, pairs, &times)?,
        target: held_out.rows().iter().take(600).map(|p| [p[0], p[1]]).collect(),
        recording,
    })
}

fn trained(
    target: &Batch,
    coupling: Option<&MinibatchOt>,
    seed: Seed,
    progress: &mut dyn FnMut(f64),
) -> Result<(NetworkField, f64), Error> {
    let config =
        MlpConfig { shape: Shape::vector(2), hidden: vec![64; 3], activation: Activation::Silu };
    let learning_rate =
        LearningRate { peak: 3e-3, warm_up: 100, decay: Decay::Cosine { floor: 1e-5 } };
    let optimiser = AdamW { learning_rate, ..AdamW::default() };
    let training = FlowTraining { steps: STEPS, seed, optimiser, ..FlowTraining::default() };
    let mut state = TrainingState::new(Box::new(Mlp::new(&config, seed)?), training)?;
    let pair = |source: &Batch, target: &Batch, _: Option<&[u32]>, step: u64| match coupling {
        Some(coupling) => coupling.pair(source, target, seed, step),
        None => Ok((0..source.len()).collect()),
    };
    let data = FlowData { pairing: Some(&pair), ..FlowData::from_noise(target) };
    let (mut late, mut count) = (0.0, 0_u32);
    train(&mut state, &data, &mut |now| {
        progress(now.step as f64 / now.steps as f64);
        if now.step * 10 > now.steps * 9 {
            late += now.loss;
            count += 1;
        }
        ControlFlow::Continue(())
    })?;
    let network = NetworkField::new(Arc::from(state.averaged(0)?));
    Ok((network, late / f64::from(count.max(1))))
}

fn judged(coupling: &str, loss: f64, field: &dyn VelocityField, seed: Seed) -> Result<Flow, Error> {
    let source = Source::new(seed, JUDGED);
    let mut energy = KineticEnergy::new();
    let fine = Run::on(TimeGrid::uniform(100)?, &HEUN);
    let reference = sample(field, &source, &fine, &mut energy)?.end;
    let zero = vec![0.0; JUDGED];
    let mean = |values: Vec<f64>| paired_difference(&values, &zero, 0.95);
    let error_of = |steps: usize| -> Result<Estimate, Error> {
        let run = Run::on(TimeGrid::uniform(steps)?, &EULER);
        let end = sample(field, &source, &run, &mut ())?.end;
        let apart = |i: usize| squared_distance(end.row(i), reference.row(i)).sqrt();
        Ok(mean((0..JUDGED).map(apart).collect())?)
    };
    let shown = Run { save: Save::Every(1), ..Run::on(TimeGrid::uniform(40)?, &HEUN) };
    let energies = energy.samples();
    Ok(Flow {
        coupling: coupling.to_owned(),
        loss,
        straightness: mean(energies.iter().map(|e| e.straightness().unwrap_or(1.0)).collect())?,
        energy: mean(energies.iter().map(|e| e.quadrature).collect())?,
        bending: mean(energies.iter().map(|e| e.bending).collect())?,
        one_step_error: error_of(1)?,
        four_step_error: error_of(4)?,
        shown: Some(sample(field, &Source::new(seed, 300), &shown, &mut ())?),
    })
}

/// A value and half its interval, to the figures that the interval leaves it.
fn plus_minus(e: &Estimate) -> String {
    let half = (e.high - e.low) / 2.0;
    if !(half.is_finite() && half > 0.0) {
        return pathline_view::number(e.value);
    }
    let decimals = (-half.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{:.decimals$} \u{b1} {:.decimals$}", e.value, half)
}

impl Flows {
    /// The largest share of the needed speed that scaling the network's velocity could win, over time:
    /// `max |g* - 1| |v| / |u|`.
    #[must_use]
    pub fn radial_error(&self) -> f64 {
        let of = |p: &DeficitPoint| (p.gain.value - 1.0).abs() * p.ratio.value;
        self.network_deficit.iter().map(of).fold(0.0, f64::max)
    }

    /// The run of the first flow that is shown on the page.
    pub(super) fn recording(&self) -> Option<&Recording> {
        self.recording.as_ref()
    }

    pub(super) fn section(&self) -> Section {
        Section {
            id: "flows".to_owned(),
            title: "Two flows, trained just now".to_owned(),
            text: format!(
                "Two small networks learned to carry noise to eight Gaussians, in {} updates each. They \
                 differ in one thing: which noise was paired with which target during training. Paired at \
                 random, trajectories must bend, for many straight lines cross and the network can only \
                 learn their mean. Paired by optimal transport within each batch, the lines hardly cross.",
                self.training_steps
            ),
            figures: vec![self.particles(), self.table()],
        }
    }

    fn particles(&self) -> Figure {
        let panel = |flow: &Flow| {
            let shown = flow.shown.as_ref();
            let place = |row: &[f32]| [row[0], row[1]];
            let frame = |states: &Batch| states.rows().iter().map(place).collect();
            Panel {
                title: format!("{} coupling", flow.coupling),
                times: shown.map(|t| t.times.clone()).unwrap_or_default(),
                frames: shown.map(|t| t.states.iter().map(frame).collect()).unwrap_or_default(),
                target: self.target.clone(),
                labels: None,
            }
        };
        Figure {
            id: "particles".to_owned(),
            title: "From noise to eight Gaussians".to_owned(),
            caption: "300 samples of each flow from the same noise, 40 Heun steps. Move the slider, or \
                      press play."
                .to_owned(),
            look_for: "On the left the cloud first gathers towards the middle and then parts; on the right \
                       each point heads for its end from the start."
                .to_owned(),
            command: "pathline view pathline-demo/run.safetensors".to_owned(),
            alt: "Two clouds of points that move from a Gaussian to a ring of eight clusters.".to_owned(),
            content: Content::Particles(Particles {
                panels: self.flows.iter().map(panel).collect(),
            }),
        }
    }

    fn table(&self) -> Figure {
        let with_interval = |e: &Estimate| Cell::text(plus_minus(e));
        let row = |f: &Flow| {
            vec![
                Cell::text(&f.coupling),
                with_interval(&f.straightness),
                with_interval(&f.energy),
                with_interval(&f.bending),
                with_interval(&f.one_step_error),
                with_interval(&f.four_step_error),
            ]
        };
        Figure {
            id: "straightness".to_owned(),
            title: "Straightness and energy, side by side".to_owned(),
            caption: format!(
                "Means over {JUDGED} samples with 95 % intervals. Straightness: path length over chord \
                 length, 1 for a straight line. Errors: mean distance from where 100 Heun steps end."
            ),
            look_for: "The straighter flow costs less energy, and a single Euler step misses its end by a \
                       fraction of what it misses for the other."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "Table of straightness, energy, bending and few-step error for the two flows.".to_owned(),
            content: Content::Table(Table {
                columns: ["coupling", "straightness", "energy", "bending", "1-step error", "4-step error"]
                    .into_iter()
                    .enumerate()
                    .map(|(i, t)| if i == 0 { Column::text(t) } else { Column::numeric(t) })
                    .collect(),
                rows: self.flows.iter().map(row).collect(),
                note: "One training seed a row: the intervals are over samples, not over trainings."
                    .to_owned(),
            }),
        }
    }

    pub(super) fn deficit_section(&self) -> Section {
        Section {
            id: "deficit".to_owned(),
            title: "What is variance, and what is error".to_owned(),
            text: "A learned velocity is shorter than the velocities it was trained on. That deficit is \
                   often called an error and corrected by scaling. But a network that predicts a mean must \
                   fall short: the exact field does too. What tells error from variance is the radial gain \
                   g*, the factor on the velocity that fits held-out pairs best. It is 1 for an exact field, \
                   whatever the deficit."
                .to_owned(),
            figures: vec![self.deficit_figure()],
        }
    }

    fn deficit_figure(&self) -> Figure {
        let curve = |points: &[DeficitPoint], f: fn(&DeficitPoint) -> f64| {
            points.iter().map(|p| [p.t, f(p)]).collect::<Vec<_>>()
        };
        let band = |points: &[DeficitPoint]| -> Vec<[f64; 2]> {
            points.iter().map(|p| [p.gain.low, p.gain.high]).collect()
        };
        let (network, exact) = (&self.network_deficit, &self.exact_deficit);
        let apart =
            |points: &[DeficitPoint]| points.iter().filter(|p| !p.gain.contains(1.0)).count();
        Figure {
            id: "deficit-curve".to_owned(),
            title: "Deficit and radial gain of the network and of the exact field".to_owned(),
            caption: format!(
                "{HELD_OUT} held-out pairs of noise and target. Norm ratio: root mean square of |v| over |u|. \
                 Radial gain g*: bands are 95 %. The band leaves 1 out at {} of {} times for the network, at \
                 {} for the exact field.",
                apart(network),
                network.len(),
                apart(exact)
            ),
            look_for: "After the first tenth the two norm ratios nearly lie on each other: almost all of the \
                       network's deficit is the exact field's, which is conditional variance. Where the \
                       network's g* band leaves 1 there is a radial error, and only that much could be won \
                       by scaling. Around t = .1 the exact velocity is nearly zero, so that g* is a ratio \
                       of small numbers there."
                .to_owned(),
            command: "pathline demo --json".to_owned(),
            alt: "The norm ratios of network and exact field coincide below one; both radial gains stay \
                  near one, except at small times."
                .to_owned(),
            content: Content::Lines(Lines {
                x: Axis::new("time t"),
                y: Axis::new("ratio").within(0.0, 2.0),
                series: vec![
                    Series::new("network |v|/|u|", curve(network, |p| p.ratio.value)),
                    Series::new("exact |v|/|u|", curve(exact, |p| p.ratio.value))
                        .styled(LineStyle::Dashed),
                    Series::new("network g*", curve(network, |p| p.gain.value))
                        .with_band(band(network)),
                    Series::new("exact g*", curve(exact, |p| p.gain.value))
                        .with_band(band(exact))
                        .styled(LineStyle::Dashed),
                ],
                marks: Vec::new(),
            }),
        }
    }
}
