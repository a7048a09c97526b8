//! AdamW against the textbook in double precision, and its independence of threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use pathline::{Purpose, Seed};
use pathline_nn::{AdamW, Decay, LearningRate, Memory, Slot};

fn noise(n: usize, tag: u64) -> Vec<f32> {
    let mut out = vec![0.0; n];
    Seed(tag).normal(Purpose::Data, 0, 0, &mut out);
    out
}

fn optimiser() -> AdamW {
    let decay = Decay::Cosine { floor: 1e-4 };
    AdamW {
        learning_rate: LearningRate { peak: 1e-2, warm_up: 3, decay },
        weight_decay: 0.1,
        clip: Some(5.0),
        ema: vec![0.9, 0.999],
        ..AdamW::default()
    }
}

#[test]
fn twenty_updates_follow_the_textbook() {
    // More than one piece of the arena, and a remainder.
    let n = 70_001;
    let optimiser = optimiser();
    let mut parameters = noise(n, 1);
    let mut memory = Memory::new(&parameters, 2);
    let mut p: Vec<f64> = parameters.iter().map(|&v| v.into()).collect();
    let (mut m, mut v, mut averages) = (vec![0.0; n], vec![0.0; n], [p.clone(), p.clone()]);
    for k in 1..=20_u64 {
        let gradient = noise(n, 100 + k);
        let applied = optimiser.update((k, 20), &gradient, &mut parameters, &mut memory).unwrap();
        let g: Vec<f64> = gradient.iter().map(|&g| g.into()).collect();
        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!((applied.gradient_norm - norm).abs() < 1e-9 * norm);
        let rate = optimiser.learning_rate.at(k, 20);
        let power = i32::try_from(k).unwrap();
        for i in 0..n {
            let g = g[i] * (5.0 / norm).min(1.0);
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            let (mean, square) =
                (m[i] / (1.0 - 0.9_f64.powi(power)), v[i] / (1.0 - 0.999_f64.powi(power)));
            p[i] = p[i] * (1.0 - rate * 0.1) - rate * mean / (square.sqrt() + 1e-8);
            for (average, decay) in averages.iter_mut().zip([0.9, 0.999_f64]) {
                let decay = decay.min(k as f64 / (k as f64 + 9.0));
                average[i] = decay * average[i] + (1.0 - decay) * p[i];
            }
        }
    }
    let close = |found: &[f32], wanted: &[f64], near: f64| {
        for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
            assert!((f64::from(*a) - b).abs() < near * (1.0 + b.abs()), "{i}: {a} {b}");
        }
    };
    // Twenty single-precision roundings of numbers of order one.
    close(&parameters, &p, 3e-6);
    close(&memory.get(Slot::First).unwrap(), &m, 3e-6);
    close(&memory.get(Slot::Second).unwrap(), &v, 3e-6);
    close(&memory.get(Slot::Average(0)).unwrap(), &averages[0], 3e-6);
    close(&memory.get(Slot::Average(1)).unwrap(), &averages[1], 3e-6);
    assert_eq!(memory.get(Slot::Average(2)), None);
}

#[test]
fn threads_change_no_byte() {
    let run = |threads: usize| {
        let mut parameters = noise(300_000, 1);
        let mut memory = Memory::new(&parameters, 2);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for k in 1..=3 {
            let gradient = noise(300_000, k);
            pool.install(|| {
                optimiser().update((k, 3), &gradient, &mut parameters, &mut memory).unwrap()
            });
        }
        (parameters, memory)
    };
    assert!(run(1) == run(2) && run(1) == run(5));
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    let mut parameters = noise(10, 1);
    let mut memory = Memory::new(&parameters, 2);
    let before = (parameters.clone(), memory.clone());
    for bad in [f32::NAN, f32::INFINITY] {
        let mut gradient = noise(10, 2);
        gradient[7] = bad;
        assert!(optimiser().update((1, 9), &gradient, &mut parameters, &mut memory).is_err());
    }
    assert!(optimiser().update((1, 9), &[0.0; 9], &mut parameters, &mut memory).is_err());
    assert!(AdamW::default().update((1, 9), &[0.0; 10], &mut parameters, &mut memory).is_err());
    assert!((parameters, memory) == before);
}

#[test]
fn settings_out_of_range_are_named() {
    let base = AdamW::default;
    let bad = [
        (AdamW { beta1: 1.0, ..base() }, "beta1"),
        (AdamW { beta2: f64::NAN, ..base() }, "beta2"),
        (AdamW { epsilon: 0.0, ..base() }, "epsilon"),
        (AdamW { epsilon: 1e-60, ..base() }, "epsilon"),
        (AdamW { weight_decay: -1.0, ..base() }, "weight decay"),
        (AdamW { clip: Some(0.0), ..base() }, "gradient norm"),
        (AdamW { ema: vec![0.9, 1.5], ..base() }, "moving average"),
    ];
    for (settings, word) in bad {
        let message = settings.check().unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}
