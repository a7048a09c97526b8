//! The log of a training run: lines of JSON that grow with the run and are cut back when it resumes.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use pathline_data::tfevents;
use serde_json::Value;

use super::LOG_EVERY;
use super::folder::unwritable;
use crate::error::Error;

/// The log of a run, and the same numbers as events for TensorBoard.
///
/// The events are written anew from the log whenever a run is gone on with, so that they can be lost and
/// still end up the same.
pub(super) struct Log {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) events: File,
    pub(super) events_path: PathBuf,
}

impl Log {
    /// Cuts off what came after `step`, so that the log goes on as if nothing had happened.
    pub(super) fn rewind(&mut self, first: &str, step: u64, steps: u64) -> Result<(), Error> {
        let mut text = Vec::new();
        self.file.read_to_end(&mut text).map_err(|e| unwritable(&self.path, &e))?;
        let end = self.kept(&text, first, step, steps)?;
        self.file.set_len(end as u64).map_err(|e| unwritable(&self.path, &e))?;
        if end == 0 {
            self.put(first.as_bytes())?;
        }
        let mut events = tfevents::version();
        let lines = text[..end].split(|byte| *byte == b'\n').skip(1);
        for line in lines.filter_map(|line| serde_json::from_slice(line).ok()) {
            events.extend(event(&line));
        }
        let whole = self.events.set_len(0).and_then(|()| self.events.write_all(&events));
        whole.map_err(|e| unwritable(&self.events_path, &e))
    }

    /// How much of the log belongs to a run that has come to `step`; nothing before the first.
    fn kept(&self, text: &[u8], first: &str, step: u64, steps: u64) -> Result<usize, Error> {
        let wrong = |problem: &str, remedy: &str| {
            Err(Error::usage(self.path.display().to_string(), problem, remedy))
        };
        let changed = "the data or the code have changed since this run began";
        if step == 0 {
            // A first line that was never finished says nothing.
            let whole = text.contains(&b'\n');
            if whole && !text.starts_with(first.as_bytes()) {
                return wrong(changed, "train in another folder");
            }
            return Ok(0);
        }
        if !text.starts_with(first.as_bytes()) {
            return wrong(changed, "bring the data back, or train in another folder");
        }
        let lines = step / LOG_EVERY + u64::from(step == steps && !step.is_multiple_of(LOG_EVERY));
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(i, _)| i + 1);
        match ends.take(lines as usize + 1).nth(lines as usize) {
            Some(end) => Ok(end),
            None => wrong("lines are missing before the last state", "train in another folder"),
        }
    }

    pub(super) fn add(&mut self, now: &pathline_nn::Progress) -> Result<(), Error> {
        let line = serde_json::json!({
            "step": now.step,
            "loss": now.loss,
            "gradient_norm": now.gradient_norm,
            "learning_rate": now.learning_rate,
        });
        self.put(format!("{line}\n").as_bytes())?;
        self.put_event(&event(&line))
    }

    /// A number that is known at the end only, for TensorBoard.
    pub(super) fn conclude(&mut self, step: u64, tag: &str, value: f64) -> Result<(), Error> {
        self.put_event(&tfevents::scalars(step, &[(tag, value)]))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|e| unwritable(&self.path, &e))
    }

    fn put_event(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.events.write_all(bytes).map_err(|e| unwritable(&self.events_path, &e))
    }

    /// What was written is on the disk: a state that counts these lines may follow.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|e| unwritable(&self.path, &e))
    }
}

/// A line of the log as a record of events.
fn event(line: &Value) -> Vec<u8> {
    let step = line["step"].as_u64().unwrap_or_default();
    let numbers = ["loss", "gradient_norm", "learning_rate"];
    let numbers = numbers.map(|name| (name, line[name].as_f64().unwrap_or_default()));
    tfevents::scalars(step, &numbers)
}
