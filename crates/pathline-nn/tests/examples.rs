//! What a network is given to learn from: labels, mirrored images, parts of a batch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;

use common::{Formula, Row};
use pathline::seed::Stream;
use pathline::{Batch, Seed, Shape};
use pathline_nn::{
    Activation, FlowData, FlowTraining, HeldOut, Mlp, MlpConfig, NetworkField, Source,
    TrainingState, held_out_loss, held_out_loss_given_labels, train,
};

/// All rows of a run of `steps` batches of 100.
fn rows(network: Formula, data: &FlowData<'_>, training: FlowTraining) -> Vec<Row> {
    let seen = Arc::clone(&network.seen);
    let training = FlowTraining { batch: 100, ..training };
    let mut state = TrainingState::new(Box::new(network), training).unwrap();
    train(&mut state, data, &mut |_| ControlFlow::Continue(())).unwrap();
    let rows = seen.lock().unwrap();
    rows.clone()
}

/// Target `i` is the number `i`, and so is its class; the source is zero.
fn numbered(n: usize) -> (Batch, Vec<u32>) {
    let values = (0..n).map(|i| i as f32).collect();
    (Batch::from_vec(values, Shape::vector(1)).unwrap(), (0..n as u32).collect())
}

fn zero(_: &mut Stream, row: &mut [f32]) {
    row.fill(0.0);
}

#[test]
fn labels_follow_their_targets_through_rows_and_pairings_and_are_dropped_at_their_rate() {
    let (target, labels) = numbered(10);
    let turn = |_: &Batch, target: &Batch, labels: Option<&[u32]>, _: u64| {
        // A pairing sees the labels of the very targets that it is given.
        if let Some(labels) = labels {
            let numbers = target.as_slice().iter().map(|&number| number as u32);
            assert!(labels.iter().copied().eq(numbers));
        }
        Ok((0..target.len()).rev().collect())
    };
    let odd = [1, 3, 5, 7, 9];
    let data = FlowData {
        source: Source::Drawn(&zero),
        labels: Some(&labels),
        rows: Some(&odd),
        pairing: Some(&turn),
        ..FlowData::from_noise(&target)
    };
    let training = |label_dropout, accumulate| FlowTraining {
        steps: 40,
        label_dropout,
        accumulate,
        ..FlowTraining::default()
    };
    let network = || Formula::new(Shape::vector(1), 10, |_, _, _| 0.0);
    let whole = rows(network(), &data, training(0.25, 1));
    let mut dropped = 0;
    for row in &whole {
        let number = row.wanted[0] as u32;
        assert!(number % 2 == 1);
        match row.class {
            Some(10) => dropped += 1,
            class => assert_eq!(class, Some(number)),
        }
    }
    // 4000 rows at 1/4: four standard deviations are 110.
    assert!((890..1110).contains(&dropped), "{dropped}");
    // Parts of a batch carry the same rows with the same labels, in order.
    assert!(rows(network(), &data, training(0.25, 7)) == whole);
    assert!(rows(network(), &data, training(0.0, 1)).iter().all(|row| row.class != Some(10)));
    assert!(rows(network(), &data, training(1.0, 1)).iter().all(|row| row.class == Some(10)));
    // Without labels, or without a network that takes them, there is no condition.
    let bare = FlowData { labels: None, ..data };
    assert!(rows(network(), &bare, training(0.5, 1)).iter().all(|row| row.class.is_none()));
    let deaf = Formula::new(Shape::vector(1), 0, |_, _, _| 0.0);
    assert!(rows(deaf, &data, training(0.5, 1)).iter().all(|row| row.class.is_none()));
}

#[test]
fn the_held_out_loss_tells_the_network_every_label() {
    let (target, labels) = numbered(10);
    let data = FlowData {
        source: Source::Drawn(&zero),
        labels: Some(&labels),
        ..FlowData::from_noise(&target)
    };
    // The class is the answer.
    let told = Formula::new(Shape::vector(1), 10, |_, _, class| class.map_or(0.0, f64::from));
    let field = NetworkField::new(Arc::new(told));
    let how = HeldOut { bins: 4, draws: 200, seed: Seed(3) };
    for bin in held_out_loss_given_labels(&field, &data, &how).unwrap() {
        assert_eq!((bin.loss, bin.gain), (0.0, Some(1.0)));
    }
    assert!(held_out_loss(&field, &data, &how).unwrap()[0].loss > 1.0);
    // No velocity at all has no gain.
    assert_eq!(held_out_loss(&field, &data, &how).unwrap()[0].gain, None);
}

#[test]
fn labels_and_rows_that_do_not_fit_are_refused() {
    let (target, labels) = numbered(10);
    let data = FlowData { labels: Some(&labels), ..FlowData::from_noise(&target) };
    let refused = |classes, data: &FlowData<'_>, training: FlowTraining| {
        let network = Formula::new(Shape::vector(1), classes, |_, _, _| 0.0);
        let state = TrainingState::new(Box::new(network), training);
        let Ok(mut state) = state else { return true };
        train(&mut state, data, &mut |_| ControlFlow::Continue(())).is_err()
    };
    let short = FlowTraining { steps: 1, ..FlowTraining::default() };
    assert!(!refused(10, &data, short.clone()));
    assert!(refused(9, &data, short.clone()));
    assert!(refused(10, &FlowData { labels: Some(&labels[1..]), ..data }, short.clone()));
    assert!(refused(10, &FlowData { rows: Some(&[10]), ..data }, short.clone()));
    assert!(refused(10, &FlowData { rows: Some(&[]), ..data }, short.clone()));
    assert!(refused(10, &data, FlowTraining { mirror: true, ..short.clone() }));
    assert!(refused(10, &data, FlowTraining { accumulate: 0, ..short.clone() }));
    assert!(refused(10, &data, FlowTraining { accumulate: 257, ..short.clone() }));
    for label_dropout in [-0.1, 1.1, f64::NAN] {
        assert!(refused(10, &data, FlowTraining { label_dropout, ..short.clone() }));
    }
}

#[test]
fn half_of_the_images_are_mirrored_left_to_right() {
    let shape = Shape::new([2, 2, 3]).unwrap();
    let image: Vec<f32> = (0..12_u8).map(f32::from).collect();
    let turned: Vec<f32> = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9_u8].map(f32::from).to_vec();
    let target = Batch::from_vec(image.clone(), shape.clone()).unwrap();
    let data = FlowData { source: Source::Drawn(&zero), ..FlowData::from_noise(&target) };
    let seen = |mirror| {
        let training = FlowTraining { steps: 10, mirror, ..FlowTraining::default() };
        rows(Formula::new(shape.clone(), 0, |_, _, _| 0.0), &data, training)
    };
    assert!(seen(false).iter().all(|row| row.wanted == image));
    let rows = seen(true);
    let mirrored = rows.iter().filter(|row| row.wanted == turned).count();
    assert!(rows.iter().all(|row| row.wanted == turned || row.wanted == image));
    // 1000 rows at 1/2: four standard deviations are 63.
    assert!((437..563).contains(&mirrored), "{mirrored}");
}

#[test]
fn groups_of_a_batch_learn_what_the_batch_learns_to_the_byte() {
    let mut target = Batch::zeros(64, Shape::vector(2));
    Seed(2).normal(pathline::Purpose::Data, 0, 0, target.as_mut_slice());
    let run = |accumulate| {
        let hidden = vec![24, 24];
        let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Selu };
        // Sixteen parts of 128 rows and one of less.
        let training =
            FlowTraining { steps: 5, batch: 2000, accumulate, ..FlowTraining::default() };
        let network = Box::new(Mlp::new(&config, Seed(4)).unwrap());
        let mut state = TrainingState::new(network, training).unwrap();
        let mut losses = Vec::new();
        train(&mut state, &FlowData::from_noise(&target), &mut |now| {
            losses.extend([now.loss, now.gradient_norm]);
            ControlFlow::Continue(())
        })
        .unwrap();
        losses
    };
    let whole = run(1);
    for groups in [2, 3, 7, 2000] {
        assert_eq!(run(groups), whole, "{groups} groups");
    }
}

#[test]
fn a_run_may_be_made_longer_where_that_is_the_same_run() {
    let (target, _) = numbered(10);
    let data = FlowData::from_noise(&target);
    let begin = |steps, decay: &str| {
        let config =
            MlpConfig { shape: Shape::vector(1), hidden: vec![8], activation: Activation::Selu };
        let text = format!(
            r#"{{"steps": {steps}, "optimiser": {{"learning_rate": {{"warm_up": 9, "decay": {decay}}}}}}}"#
        );
        let training = serde_json::from_str(&text).unwrap();
        TrainingState::new(Box::new(Mlp::new(&config, Seed(4)).unwrap()), training).unwrap()
    };
    let run = |mut state| {
        train(&mut state, &data, &mut |_| ControlFlow::Continue(())).unwrap();
        state
    };
    let constant = r#"{"kind": "constant"}"#;
    let rate = |decay: &str| begin(1, decay).training().optimiser.learning_rate;
    let longer = run(run(begin(5, constant)).with_end(12, rate(constant)).unwrap());
    assert!(longer.to_bytes().unwrap() == run(begin(12, constant)).to_bytes().unwrap());
    // The fall may begin after what was done, and nowhere before.
    let cooldown = |updates: u64| format!(r#"{{"kind": "cooldown", "updates": {updates}}}"#);
    let cooled = run(run(begin(10, constant)).with_end(15, rate(&cooldown(5))).unwrap());
    assert!(cooled.to_bytes().unwrap() == run(begin(15, &cooldown(5))).to_bytes().unwrap());
    let error = longer.with_end(15, rate(&cooldown(6))).unwrap_err().to_string();
    assert!(error.contains("update 10 of the 12 done"), "{error}");
    assert!(run(begin(12, constant)).with_end(11, rate(constant)).is_err());
    let cosine = r#"{"kind": "cosine", "floor": 0}"#;
    assert!(run(begin(12, cosine)).with_end(20, rate(cosine)).is_err());
}
