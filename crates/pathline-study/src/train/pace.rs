//! What somebody who watches a run wants to know: how high the loss is, and how fast it goes.

use std::time::{Duration, Instant};

/// How often the text changes.
const EVERY: Duration = Duration::from_millis(400);

/// Share of the last loss in the loss that is shown: single batches jump about.
const NEW: f64 = 0.05;

/// The pace of a run since it was begun or gone on with.
pub(super) struct Pace {
    begun: Instant,
    said: Instant,
    steps: u64,
    loss: Option<f64>,
    text: String,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, said: now, steps: 0, loss: None, text: "training".to_owned() }
    }

    /// Counts a step of `rows` rows; gives the text to show.
    pub(super) fn step(&mut self, loss: f64, rows: usize) -> &str {
        self.steps += 1;
        let smooth = self.loss.map_or(loss, |before| before + NEW * (loss - before));
        self.loss = Some(smooth);
        if self.said.elapsed() >= EVERY {
            let seconds = self.begun.elapsed().as_secs_f64();
            let pace = (self.steps as f64 * rows as f64) / seconds;
            self.text = format!("training, loss {smooth:.4}, {pace:.0} samples/s");
            self.said = Instant::now();
        }
        &self.text
    }
}
