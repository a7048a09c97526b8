//! Predictions, weightings and the radial gain against closed forms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;

use common::Formula;
use pathline::field::{Conditions, Gaussian, GaussianField};
use pathline::path::Prediction;
use pathline::schedule::CondOt;
use pathline::{
    At, Batch, Purpose, Run, Samples, Seed, Shape, Source, TimeGrid, Times, VelocityField, sample,
};
use pathline_nn::{
    Activation, FlowData, FlowTraining, HeldOut, Magnitude, Mlp, MlpConfig, Network, NetworkField,
    Output, Scratch, TrainingBatch, TrainingState, Weighting, held_out_loss, model_from_bytes,
    model_to_bytes, network_from_bytes, train,
};

const ALL: [Prediction; 4] =
    [Prediction::Velocity, Prediction::Target, Prediction::Source, Prediction::Score];

/// Standard deviation of the data in these tests.
const STD: f64 = 0.7;

/// The variance of `x_t`.
fn variance(t: f64) -> f64 {
    (t * STD).powi(2) + (1.0 - t).powi(2)
}

/// What an ideal network says for data `N(0, STD^2)`.
fn ideal(prediction: Prediction) -> fn(f64, f64, Option<u32>) -> f64 {
    match prediction {
        Prediction::Velocity => |t, x, _| (t * STD * STD - (1.0 - t)) / variance(t) * x,
        Prediction::Target => |t, x, _| t * STD * STD / variance(t) * x,
        Prediction::Source => |t, x, _| (1.0 - t) / variance(t) * x,
        Prediction::Score => |t, x, _| -x / variance(t),
    }
}

fn exact() -> GaussianField {
    let data = Gaussian::isotropic(vec![0.0, 0.0], STD).unwrap();
    GaussianField::new(Shape::vector(2), data, Arc::new(CondOt)).unwrap()
}

fn velocity(field: &dyn VelocityField, t: Times<'_>, x: &Batch) -> Batch {
    let mut v = x.clone();
    let at = At::new(Samples::first(x.len()), t, x.rows()).unwrap();
    field.velocity(&at, v.rows_mut()).unwrap();
    v
}

#[test]
fn ideal_networks_of_every_prediction_are_the_exact_field() {
    let x = Source::new(Seed(1), 50).noise(&Shape::vector(2));
    for prediction in ALL {
        let output = Output { prediction, limit: 0.02 };
        let network = Formula::new(Shape::vector(2), 0, ideal(prediction));
        let field = NetworkField::new(Arc::new(network)).predicting(output);
        for i in 0..=50 {
            let t = f64::from(i) / 50.0;
            let found = velocity(&field, Times::Shared(t), &x);
            // At the ends, the field of the time that they are moved to.
            let wanted = velocity(&exact(), Times::Shared(output.moved(t)), &x);
            for (a, b) in found.as_slice().iter().zip(wanted.as_slice()) {
                // An output in single precision, divided by 0.02.
                assert!((a - b).abs() < 2e-5, "{prediction:?} at {t}: {a} {b}");
            }
            let each = vec![t; x.len()];
            assert_eq!(velocity(&field, Times::Each(&each), &x), found);
        }
    }
}

#[test]
fn runs_along_every_prediction_end_where_the_exact_flow_ends() {
    // Euler evaluates at t = 0, which a source prediction says nothing about: it is moved to 0.05.
    let shape = Shape::vector(2);
    let grid = TimeGrid::uniform(200).unwrap();
    for prediction in ALL {
        let network = Formula::new(shape.clone(), 0, ideal(prediction));
        let output = Output { prediction, ..Output::default() };
        let field = NetworkField::new(Arc::new(network)).predicting(output);
        let source = Source::new(Seed(5), 100);
        let run = Run::on(grid.clone(), &pathline::solver::EULER);
        let ends = sample(&field, &source, &run, &mut ()).unwrap();
        let start = source.noise(&shape);
        for (end, start) in ends.end.as_slice().iter().zip(start.as_slice()) {
            let wanted = STD * f64::from(*start);
            assert!((f64::from(*end) - wanted).abs() < 0.02, "{prediction:?}: {end} {wanted}");
        }
    }
}

#[test]
fn weights_turn_the_loss_of_one_prediction_into_that_of_another() {
    let mut stream = Seed(7).stream(Purpose::Probe, 0, 0);
    for from in ALL {
        let output = Output { prediction: from, limit: 0.02 };
        for to in ALL {
            let weighting = Weighting::Like { prediction: to };
            for _ in 0..100 {
                let t = 0.02 + 0.96 * stream.uniform();
                let [x0, x1, error] = [0, 1, 2].map(|_| stream.normal());
                let value = |p: Prediction| match p {
                    Prediction::Velocity => x1 - x0,
                    Prediction::Target => x1,
                    Prediction::Source => x0,
                    Prediction::Score => -x0 / (1.0 - t),
                };
                // What `to` would have been, had `from` been off by `error`: from the definitions.
                let x = (1.0 - t) * x0 + t * x1;
                let o = value(from) + error;
                let target = match from {
                    Prediction::Velocity => x + (1.0 - t) * o,
                    Prediction::Target => o,
                    Prediction::Source => (x - (1.0 - t) * o) / t,
                    Prediction::Score => (x + (1.0 - t) * (1.0 - t) * o) / t,
                };
                let source = (x - t * target) / (1.0 - t);
                let found = match to {
                    Prediction::Velocity => target - source,
                    Prediction::Target => target,
                    Prediction::Source => source,
                    Prediction::Score => -source / (1.0 - t),
                } - value(to);
                let weighted = weighting.at(t, output) * error * error;
                let wanted = found * found;
                assert!((weighted - wanted).abs() < 1e-9 * wanted, "{from:?} {to:?} {t}");
            }
        }
        // At the ends weights stay finite.
        for (t, to) in [0.0, 1.0].into_iter().flat_map(|t| ALL.map(|to| (t, to))) {
            assert!(Weighting::Like { prediction: to }.at(t, output).is_finite());
        }
    }
    // min(SNR, 5) on the target, stated for a network of the source: min(SNR, 5)/SNR.
    let source = Output { prediction: Prediction::Source, ..Output::default() };
    let min_snr = Weighting::MinSnr { most: 5.0 };
    assert!((min_snr.at(0.5, source) - 1.0).abs() < 1e-12);
    assert!((min_snr.at(0.75, source) - 5.0 / 9.0).abs() < 1e-12);
    let power = Weighting::Power { alpha: 1.0, sigma: 2.0 };
    assert!((power.at(0.25, source) - 0.25 * 0.5625).abs() < 1e-12);
}

#[test]
fn a_network_of_the_target_has_the_loss_of_the_velocity_it_stands_for() {
    let shape = Shape::vector(2);
    let target = Source::new(Seed(11), 40).noise(&shape);
    let output = Output { prediction: Prediction::Target, ..Output::default() };
    let weighting = Weighting::Like { prediction: Prediction::Velocity };
    // The rows of one step, seen by a network that learns nothing.
    let look = Formula::new(shape.clone(), 0, |_, _, _| 0.0);
    let seen = Arc::clone(&look.seen);
    let training =
        FlowTraining { steps: 1, batch: 300, output, weighting, ..FlowTraining::default() };
    let mut state = TrainingState::new(Box::new(look), training).unwrap();
    train(&mut state, &FlowData::from_noise(&target), &mut |_| ControlFlow::Continue(())).unwrap();
    let rows = seen.lock().unwrap();
    let gather = |of: &dyn Fn(&common::Row) -> Vec<f32>| {
        Batch::from_vec(rows.iter().flat_map(of).collect(), shape.clone()).unwrap()
    };
    let (x, wanted) = (gather(&|row| row.x.clone()), gather(&|row| row.wanted.clone()));
    let times: Vec<f64> = rows.iter().map(|row| row.t).collect();
    let weights: Vec<f64> = rows.iter().map(|row| row.weight.unwrap()).collect();
    assert!(times.iter().all(|&t| t <= 0.95));
    let config = MlpConfig { shape: shape.clone(), hidden: vec![16], activation: Activation::Silu };
    let mlp = Mlp::new(&config, Seed(3)).unwrap();
    let at = At::new(Samples::first(300), Times::Each(&times), x.rows()).unwrap();
    let batch = TrainingBatch {
        weights: Some(&weights),
        ..TrainingBatch::new(at, &Conditions::None, wanted.rows())
    };
    let mut gradient = vec![0.0; mlp.parameters().len()];
    let loss = mlp.gradient(&batch, &mut gradient, &mut Scratch::new()).unwrap();
    // The same network as a velocity field, against u = (x_1 - x_t) / (1 - t).
    let v = velocity(&NetworkField::new(Arc::new(mlp)).predicting(output), Times::Each(&times), &x);
    let mut sum = 0.0;
    for (i, &t) in times.iter().enumerate() {
        for j in 0..2 {
            let u = f64::from(wanted.row(i)[j] - x.row(i)[j]) / (1.0 - t);
            sum += (f64::from(v.row(i)[j]) - u).powi(2);
        }
    }
    let direct = sum / 600.0;
    assert!((loss - direct).abs() < 1e-5 * direct, "{loss} {direct}");
}

#[test]
fn every_prediction_can_be_learnt() {
    // Points on a circle, which every prediction then gives as a velocity of a similar loss.
    let angles = (0..200).map(|i| f64::from(i) * 0.031_415_926);
    let points = angles.flat_map(|a| [(2.0 * a.cos()) as f32, (2.0 * a.sin()) as f32]).collect();
    let target = Batch::from_vec(points, Shape::vector(2)).unwrap();
    let data = FlowData::from_noise(&target);
    let how = HeldOut { bins: 5, draws: 1000, seed: Seed(8) };
    let mut losses = Vec::new();
    for prediction in ALL {
        let output = Output { prediction, limit: 0.05 };
        let weighting = Weighting::Like { prediction: Prediction::Velocity };
        let hidden = vec![64, 64];
        let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Silu };
        let training = FlowTraining { steps: 600, output, weighting, ..FlowTraining::default() };
        let network = Box::new(Mlp::new(&config, Seed(3)).unwrap());
        let mut state = TrainingState::new(network, training).unwrap();
        train(&mut state, &data, &mut |_| ControlFlow::Continue(())).unwrap();
        let network = Arc::from(state.averaged(0).unwrap());
        let field = NetworkField::new(network).predicting(output);
        let bins = held_out_loss(&field, &data, &how).unwrap();
        // Away from the ends, where a prediction of its own kind says least.
        losses.push(bins[1..4].iter().map(|bin| bin.loss).sum::<f64>() / 3.0);
    }
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    // 600 steps are few: 2.29, 2.80, 2.78 and 2.75 when this was written; an untrained one loses more than 3.
    assert!(losses.iter().all(|&loss| loss < 1.3 * best), "{losses:?}");
}

#[test]
fn the_gain_is_one_for_an_exact_field_and_its_error_is_its_spread() {
    let mut target = Batch::zeros(4000, Shape::vector(2));
    Seed(2).normal(Purpose::Data, 0, 0, target.as_mut_slice());
    target.as_mut_slice().iter_mut().for_each(|v| *v *= STD as f32);
    let data = FlowData::from_noise(&target);
    let slow = NetworkField::new(Arc::new(Formula::new(Shape::vector(2), 0, |t, x, class| {
        0.8 * ideal(Prediction::Velocity)(t, x, class)
    })));
    let mut gains = Vec::new();
    let mut errors = Vec::new();
    for seed in 0..60 {
        let how = HeldOut { bins: 1, draws: 500, seed: Seed(seed) };
        let bin = held_out_loss(&exact(), &data, &how).unwrap()[0];
        gains.push(bin.gain.unwrap());
        errors.push(bin.gain_standard_error.unwrap());
        let scaled = held_out_loss(&slow, &data, &how).unwrap()[0].gain.unwrap();
        assert!((0.8 * scaled - bin.gain.unwrap()).abs() < 1e-5);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (gain, error) = (mean(&gains), mean(&errors));
    let spread = (gains.iter().map(|g| (g - gain).powi(2)).sum::<f64>() / 59.0).sqrt();
    assert!((gain - 1.0).abs() < 4.0 * spread / 60.0_f64.sqrt() + 0.01, "{gain}");
    // The spread of 60 draws is itself known to 9 %.
    assert!((error / spread - 1.0).abs() < 0.35, "{error} {spread}");
}

#[test]
fn a_model_says_what_it_predicts() {
    let config =
        MlpConfig { shape: Shape::vector(2), hidden: vec![4], activation: Activation::Selu };
    let mlp = Mlp::new(&config, Seed(3)).unwrap();
    let velocity = pathline_nn::network_to_bytes(&mlp).unwrap();
    assert!(model_to_bytes(&mlp, Output::default()).unwrap() == velocity);
    assert!(model_from_bytes(&velocity).unwrap().1.is_velocity());
    for prediction in [Prediction::Target, Prediction::Source, Prediction::Score] {
        let output = Output { prediction, limit: 0.03 };
        let bytes = model_to_bytes(&mlp, output).unwrap();
        assert_eq!(model_from_bytes(&bytes).unwrap().1, output);
        let error = network_from_bytes(&bytes).err().unwrap().to_string();
        assert!(error.contains("not the velocity"), "{error}");
    }
    let bad = Output { prediction: Prediction::Target, limit: 0.5 };
    assert!(model_from_bytes(&model_to_bytes(&mlp, bad).unwrap()).is_err());
}

#[test]
fn settings_out_of_their_range_are_refused() {
    let check = |text: &str| serde_json::from_str::<FlowTraining>(text).unwrap().check();
    assert!(check(r#"{"magnitude": {}, "weighting": {"kind": "min-snr"}}"#).is_ok());
    for text in [
        r#"{"output": {"prediction": "target", "limit": 0}}"#,
        r#"{"output": {"prediction": "target", "limit": 0.5}}"#,
        r#"{"output": {"prediction": "target"}, "magnitude": {}}"#,
        r#"{"magnitude": {"scale": -1}}"#,
        r#"{"weighting": {"kind": "min-snr", "most": 0}}"#,
        r#"{"weighting": {"kind": "power", "alpha": 5, "sigma": 0}}"#,
    ] {
        assert!(check(text).is_err(), "{text}");
    }
    assert!(Magnitude::default().check().is_ok());
}
