//! Recordings: round trips, and what becomes of damaged ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use pathline::field::{FieldRecord, FunctionField};
use pathline::recording::Recording;
use pathline::solver::HEUN;
use pathline::{Run, Save, Seed, Shape, Source, TimeGrid, sample};
use proptest::prelude::*;

fn recording(save: Save, samples: usize) -> Recording {
    let shape = Shape::new([1, 2, 2]).unwrap();
    let field = FunctionField::new(shape, "wind", |t, x, out| {
        out.iter_mut().zip(x).for_each(|(o, x)| *o = x + t as f32);
    });
    let run = Run { save, ..Run::on(TimeGrid::uniform(4).unwrap(), &HEUN) };
    let done = sample(&field, &Source::new(Seed(2), samples), &run, &mut ()).unwrap();
    let record = FieldRecord::new("wind").with("speed", 1.5);
    let mut recording = Recording::new(&done, record, serde_json::json!({"seed": 2}));
    recording.labels = Some((0..samples as u32).collect());
    let values = (0..samples).map(|i| i as f64 * 0.1).collect();
    recording.diagnostics.insert("energy".to_owned(), values);
    recording
}

#[test]
fn bytes_and_back_are_the_same_recording() {
    for save in [Save::End, Save::Every(1), Save::Every(3)] {
        for samples in [0, 1, 5] {
            let original = recording(save, samples);
            let bytes = original.to_bytes().unwrap();
            assert_eq!(Recording::from_bytes(&bytes).unwrap(), original);
            assert_eq!(recording(save, samples).to_bytes().unwrap(), bytes, "same run, same bytes");
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = recording(Save::Every(2), 3).to_bytes().unwrap();
    for end in 0..bytes.len() {
        assert!(Recording::from_bytes(&bytes[..end]).is_err(), "{end} of {}", bytes.len());
    }
}

#[test]
fn parts_that_do_not_fit_are_not_written() {
    let mut bad = recording(Save::End, 3);
    bad.labels = Some(vec![1]);
    let message = bad.to_bytes().unwrap_err().to_string();
    assert!(message.contains("labels"), "{message}");
}

#[test]
fn a_state_that_is_not_finite_is_refused_by_name() {
    let mut bad = recording(Save::Every(2), 3);
    bad.states[1].as_mut_slice()[5] = f32::NAN;
    let message = bad.to_bytes().unwrap_err().to_string();
    assert!(message.contains("sample 1") && message.contains("0.5"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn damage_never_panics(at in 0_usize..3000, byte: u8) {
        let mut bytes = recording(Save::Every(2), 3).to_bytes().unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Recording::from_bytes(&bytes);
    }
}
