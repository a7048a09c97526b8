//! Event files against one that TensorBoard's own writer made: `golden/events.py`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use common::golden;
use pathline_data::tfevents;

/// Length and its checksum before the bytes of an event, and the checksum behind them.
const FRAME: [usize; 2] = [12, 4];

#[test]
fn curves_have_the_bytes_that_tensorboard_writes() {
    let long = "loss/".repeat(60);
    let written: [(u64, &[(&str, f64)]); 4] = [
        (1, &[("loss", 0.1)]),
        (127, &[("loss", -2.5), ("gradient_norm", 1e-40), ("learning_rate", 0.0)]),
        (128, &[(&long, 1.0), ("µ", f64::from(f32::MAX))]),
        ((1 << 32) + 6, &[("loss", f64::INFINITY), ("norm", f64::NEG_INFINITY)]),
    ];
    let theirs = std::fs::read(golden("curves.tfevents")).unwrap();
    let ours: Vec<u8> =
        written.iter().flat_map(|(step, all)| tfevents::scalars(*step, all)).collect();
    let (version, curves) = theirs.split_at(theirs.len() - ours.len());
    assert!(curves == ours, "other records of numbers");
    // The first record, in which they leave out a wall time of 0: its key, and eight bytes.
    let [before, behind] = FRAME;
    let event = |record: &'_ [u8]| record[before..record.len() - behind].to_vec();
    let wall_time = [&[1 << 3 | 1][..], &0_f64.to_le_bytes()].concat();
    assert_eq!(event(&tfevents::version()), [wall_time, event(version)].concat());
}
