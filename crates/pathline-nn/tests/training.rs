//! Training: it learns, it resumes to the same bytes, and it refuses what cannot be learnt from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::ops::ControlFlow;
use std::sync::Arc;

use pathline::field::FieldRecord;
use pathline::{At, Batch, Error, Purpose, RowsMut, Seed, Shape, VelocityField};
use pathline_nn::{
    Activation, AdamW, Decay, FlowData, FlowTraining, HeldOut, LearningRate, Mlp, MlpConfig,
    NetworkField, Source, TrainingState, held_out_loss, train,
};

fn mlp(hidden: &[usize]) -> Box<Mlp> {
    let hidden = hidden.to_vec();
    let config = MlpConfig { shape: Shape::vector(2), hidden, activation: Activation::Selu };
    Box::new(Mlp::new(&config, Seed(4)).unwrap())
}

/// Two interleaved half circles.
fn moons(n: usize) -> Batch {
    let mut points = Vec::new();
    for i in 0..n {
        let angle = std::f64::consts::PI * i as f64 / n as f64;
        let (sin, cos) = angle.sin_cos();
        let (x, y) = if i % 2 == 0 { (cos, sin) } else { (1.0 - cos, 0.5 - sin) };
        points.extend([(2.0 * x - 1.0) as f32, (2.0 * y - 0.5) as f32]);
    }
    Batch::from_vec(points, Shape::vector(2)).unwrap()
}

/// Settings that use everything a resumed run must bring back to the last bit.
fn training(steps: u64) -> FlowTraining {
    let decay = Decay::Cosine { floor: 1.0 / 30_000.0 };
    let optimiser = AdamW {
        learning_rate: LearningRate { peak: 0.1 / 30.0, warm_up: 7, decay },
        weight_decay: 1e-3 / 3.0,
        clip: Some(1.0),
        ema: vec![0.9, 0.999],
        ..AdamW::default()
    };
    FlowTraining {
        steps,
        batch: 100,
        seed: Seed(u64::MAX - 6),
        optimiser,
        ..FlowTraining::default()
    }
}

fn run(state: &mut TrainingState, data: &FlowData<'_>, until: u64) -> Result<f64, Error> {
    let mut last = f64::NAN;
    train(state, data, &mut |progress| {
        last = progress.loss;
        if progress.step == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(last)
}

/// The held-out loss in five bins of time, on the same draws for every field.
fn by_time(field: &dyn VelocityField, data: &FlowData<'_>) -> Vec<f64> {
    let how = HeldOut { bins: 5, draws: 1000, ..HeldOut::default() };
    held_out_loss(field, data, &how).unwrap().iter().map(|bin| bin.loss).collect()
}

/// The field that minimises the loss from noise to a finite set: `(E[x_1 | x_t] - x_t) / (1 - t)`,
/// with weights `exp(-|x_t - t x_1|^2 / (2 (1 - t)^2))`.
struct Best(Batch);

impl VelocityField for Best {
    fn shape(&self) -> &Shape {
        self.0.shape()
    }

    fn velocity(&self, at: &At<'_>, mut out: RowsMut<'_>) -> Result<(), Error> {
        for (i, x) in at.x.iter().enumerate() {
            let (t, x) = (at.t.at(i), [f64::from(x[0]), f64::from(x[1])]);
            let point = |y: &[f32]| [f64::from(y[0]), f64::from(y[1])];
            let energy = |y: &[f32]| {
                let y = point(y);
                ((x[0] - t * y[0]).powi(2) + (x[1] - t * y[1]).powi(2)) / (2.0 * (1.0 - t).powi(2))
            };
            let least = self.0.rows().iter().map(energy).fold(f64::INFINITY, f64::min);
            let (mut sum, mut mean) = (0.0, [0.0; 2]);
            for y in self.0.rows().iter() {
                let weight = (least - energy(y)).exp();
                sum += weight;
                (0..2).for_each(|c| mean[c] += weight * point(y)[c]);
            }
            for c in 0..2 {
                out.row(i)[c] = ((mean[c] / sum - x[c]) / (1.0 - t)) as f32;
            }
        }
        Ok(())
    }

    fn record(&self) -> FieldRecord {
        FieldRecord::new("best")
    }
}

#[test]
fn the_loss_on_moons_falls_to_nearly_the_least_there_is() {
    let target = moons(1000);
    let data = FlowData::from_noise(&target);
    let rate = LearningRate { peak: 3e-3, warm_up: 50, decay: Decay::Cosine { floor: 0.0 } };
    let optimiser = AdamW { learning_rate: rate, ema: vec![0.99], ..AdamW::default() };
    let training = FlowTraining { steps: 800, optimiser, ..FlowTraining::default() };
    let mut state = TrainingState::new(mlp(&[64, 64, 64]), training).unwrap();
    let loss = |state: &TrainingState| {
        by_time(&NetworkField::new(Arc::from(state.averaged(0).unwrap())), &data)
    };
    let (before, least) = (loss(&state), by_time(&Best(target.clone()), &data));
    run(&mut state, &data, u64::MAX).unwrap();
    let after = loss(&state);
    // Up to t = 0.6, within 3 % of the minimum (0.2, 0.6 and 1.9 % when this was written). Later the
    // target, a curve without width, makes the best field ever steeper, and 800 steps are too few:
    // there it is only asked that the mean over all times has gone 85 % of its way (87.6 %).
    for bin in 0..3 {
        assert!(after[bin] < 1.03 * least[bin], "{after:?} {least:?}");
    }
    let mean = |bins: &[f64]| bins.iter().sum::<f64>() / 5.0;
    let left = (mean(&after) - mean(&least)) / (mean(&before) - mean(&least));
    assert!(left < 0.15, "{left} of the way is left");
}

#[test]
fn an_absurd_measurement_is_refused() {
    let target = Batch::from_vec(vec![2.0, -1.0], Shape::vector(2)).unwrap();
    let field = NetworkField::new(Arc::new(*mlp(&[4])));
    for (bins, draws) in [(0, 9), (1, 1), (usize::MAX, 9), (1, usize::MAX)] {
        let how = HeldOut { bins, draws, ..HeldOut::default() };
        assert!(held_out_loss(&field, &FlowData::from_noise(&target), &how).is_err());
    }
}

#[test]
fn one_target_point_is_learnt_in_closed_form() {
    // With a single target x_1 the field is (x_1 - x) / (1 - t), and so is its loss: zero.
    let target = Batch::from_vec(vec![2.0, -1.0], Shape::vector(2)).unwrap();
    let data = FlowData::from_noise(&target);
    let mut state = TrainingState::new(mlp(&[64, 64]), training(600)).unwrap();
    run(&mut state, &data, u64::MAX).unwrap();
    let how = HeldOut { bins: 10, draws: 500, ..HeldOut::default() };
    let field = NetworkField::new(Arc::from(state.averaged(0).unwrap()));
    let bins = held_out_loss(&field, &data, &how).unwrap();
    // A field of zero loses 1 + |x_1|^2 / 2 = 3.5; at most a fiftieth of it is left, away from t = 1,
    // where the field is infinitely steep.
    assert!(bins[..8].iter().all(|bin| bin.loss < 0.07));
}

#[test]
fn a_run_that_was_stopped_and_loaded_ends_with_the_same_bytes() {
    let target = moons(200);
    let data = FlowData::from_noise(&target);
    let mut whole = TrainingState::new(mlp(&[33, 17]), training(50)).unwrap();
    run(&mut whole, &data, u64::MAX).unwrap();
    assert_eq!(whole.step(), 50);
    for stop in [1, 25, 49] {
        let mut first = TrainingState::new(mlp(&[33, 17]), training(50)).unwrap();
        run(&mut first, &data, stop).unwrap();
        assert_eq!(first.step(), stop);
        let mut second = TrainingState::from_bytes(&first.to_bytes().unwrap()).unwrap();
        assert_eq!(second.training(), first.training());
        run(&mut second, &data, u64::MAX).unwrap();
        assert!(second.to_bytes().unwrap() == whole.to_bytes().unwrap(), "stopped at {stop}");
    }
}

#[test]
fn threads_change_no_byte_of_a_run() {
    let target = moons(200);
    let end = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut training = training(5);
        training.batch = 900;
        let mut state = TrainingState::new(mlp(&[64, 64]), training).unwrap();
        pool.install(|| run(&mut state, &FlowData::from_noise(&target), u64::MAX)).unwrap();
        state.to_bytes().unwrap()
    };
    assert!(end(1) == end(2) && end(1) == end(3));
}

#[test]
fn pairings_and_sources_reach_the_batch() {
    // Every source is the point that its target is, once sorted: the velocity is then zero.
    let points = Batch::from_vec(vec![1.0, 1.0], Shape::vector(2)).unwrap();
    let shared = FlowData { source: Source::Rows(&points), ..FlowData::from_noise(&points) };
    let still = NetworkField::new(Arc::new(*mlp(&[4])));
    let how = HeldOut { bins: 1, draws: 10, seed: Seed(1) };
    let size = held_out_loss(&still, &shared, &how).unwrap()[0].loss;
    assert!(size < 2.0);

    let target = moons(50);
    let by_x = |a: &Batch, b: &Batch, _: Option<&[u32]>, _: u64| {
        let order = |batch: &Batch| {
            let mut order: Vec<usize> = (0..batch.len()).collect();
            order.sort_by(|&i, &j| batch.row(i)[0].total_cmp(&batch.row(j)[0]));
            order
        };
        let mut pairs = vec![0; a.len()];
        order(a).into_iter().zip(order(b)).for_each(|(i, j)| pairs[i] = j);
        Ok(pairs)
    };
    let how = HeldOut { bins: 4, draws: 500, seed: Seed(1) };
    let loss = |pairing| {
        let data = FlowData { pairing, ..FlowData::from_noise(&target) };
        held_out_loss(&still, &data, &how).unwrap().iter().map(|b| b.loss).sum::<f64>()
    };
    // Sorting by one coordinate shortens the way, and so the loss of a network that knows nothing.
    assert!(loss(Some(&by_x)) < 0.8 * loss(None));

    let drawn = |stream: &mut pathline::seed::Stream, row: &mut [f32]| {
        row.fill(stream.uniform() as f32);
    };
    let data = FlowData { source: Source::Drawn(&drawn), ..FlowData::from_noise(&target) };
    let mut state = TrainingState::new(mlp(&[4]), training(2)).unwrap();
    assert!(run(&mut state, &data, u64::MAX).unwrap().is_finite());
}

#[test]
fn bad_pairings_stop_the_run_with_an_error() {
    let target = moons(50);
    let short = |_: &Batch, _: &Batch, _: Option<&[u32]>, _: u64| Ok(vec![0; 3]);
    let beyond = |a: &Batch, _: &Batch, _: Option<&[u32]>, _: u64| Ok(vec![a.len(); a.len()]);
    let failing = |_: &Batch, _: &Batch, _: Option<&[u32]>, _: u64| {
        Err(Error::invalid("pairing", 1, "for the test"))
    };
    let pairings: [&pathline_nn::Pairing<'_>; 3] = [&short, &beyond, &failing];
    for pairing in pairings {
        let data = FlowData { pairing: Some(pairing), ..FlowData::from_noise(&target) };
        let mut state = TrainingState::new(mlp(&[4]), training(5)).unwrap();
        assert!(run(&mut state, &data, u64::MAX).is_err());
        assert_eq!(state.step(), 0);
    }
}

#[test]
fn data_that_are_not_finite_or_of_another_shape_are_refused() {
    let mut bad = moons(50);
    bad.as_mut_slice()[75] = f32::NAN;
    let good = moons(50);
    let empty = Batch::zeros(0, Shape::vector(2));
    let wide = Batch::zeros(5, Shape::vector(3));
    let mut state = TrainingState::new(mlp(&[4]), training(5)).unwrap();
    let message = run(&mut state, &FlowData::from_noise(&bad), 9).unwrap_err().to_string();
    assert!(message.contains("sample 37"), "{message}");
    for (source, target) in
        [(&bad, &good), (&empty, &good), (&wide, &good), (&good, &empty), (&good, &wide)]
    {
        let data = FlowData { source: Source::Rows(source), ..FlowData::from_noise(target) };
        assert!(run(&mut state, &data, 9).is_err());
    }
    assert_eq!(state.step(), 0);
}

#[test]
fn a_run_that_diverges_stops_before_the_bad_update() {
    let target = Batch::from_vec(vec![3e38, -3e38], Shape::vector(2)).unwrap();
    let mut state = TrainingState::new(mlp(&[8]), training(50)).unwrap();
    let before = state.to_bytes().unwrap();
    let message = run(&mut state, &FlowData::from_noise(&target), 50).unwrap_err().to_string();
    assert!(message.contains("update 1"), "{message}");
    assert!(state.to_bytes().unwrap() == before);
}

#[test]
fn draws_of_a_row_do_not_depend_on_the_batch() {
    // The same first rows: a source from its own stream, target and time by place in theirs.
    let seed = Seed(8);
    let mut alone = [0.0; 2];
    seed.normal(Purpose::Source, 3, 17, &mut alone);
    let seen = std::cell::RefCell::new(Vec::new());
    let look = |a: &Batch, _: &Batch, _: Option<&[u32]>, _: u64| {
        seen.borrow_mut().push(a.row(3).to_vec());
        Ok((0..a.len()).collect())
    };
    let target = moons(10);
    let data = FlowData { pairing: Some(&look), ..FlowData::from_noise(&target) };
    for batch in [4, 9] {
        let training = FlowTraining { steps: 18, batch, seed, ..FlowTraining::default() };
        let mut state = TrainingState::new(mlp(&[4]), training).unwrap();
        run(&mut state, &data, u64::MAX).unwrap();
    }
    assert_eq!(seen.borrow()[17], alone);
    assert_eq!(seen.borrow()[17 + 18], alone);
}
