//! The log of a training run: lines of JSON that grow with the run and are cut back when it resumes.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use super::LOG_EVERY;
use super::folder::unwritable;
use crate::error::Error;

/// The log of a run.
pub(super) struct Log {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Log {
    /// Cuts off what came after `step`, so that the log goes on as if nothing had happened.
    pub(super) fn rewind(&mut self, first: &str, step: u64, steps: u64) -> Result<(), Error> {
        let mut text = Vec::new();
        self.file.read_to_end(&mut text).map_err(|e| unwritable(&self.path, &e))?;
        let wrong = |problem: &str, remedy: &str| {
            Err(Error::usage(self.path.display().to_string(), problem, remedy))
        };
        if step == 0 {
            // A first line that was never finished says nothing.
            let whole = text.contains(&b'\n');
            if whole && !text.starts_with(first.as_bytes()) {
                let problem = "the data or the code have changed since this run began";
                return wrong(problem, "train in another folder");
            }
            self.cut(0)?;
            return self.put(first.as_bytes());
        }
        if !text.starts_with(first.as_bytes()) {
            let problem = "the data or the code have changed since this run began";
            return wrong(problem, "bring the data back, or train in another folder");
        }
        let lines = step / LOG_EVERY + u64::from(step == steps && !step.is_multiple_of(LOG_EVERY));
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(i, _)| i + 1);
        let Some(end) = ends.take(lines as usize + 1).nth(lines as usize) else {
            return wrong("lines are missing before the last state", "train in another folder");
        };
        self.cut(end as u64)
    }

    pub(super) fn cut(&self, length: u64) -> Result<(), Error> {
        self.file.set_len(length).map_err(|e| unwritable(&self.path, &e))
    }

    pub(super) fn add(&mut self, now: &pathline_nn::Progress) -> Result<(), Error> {
        let line = serde_json::json!({
            "step": now.step,
            "loss": now.loss,
            "gradient_norm": now.gradient_norm,
            "learning_rate": now.learning_rate,
        });
        self.put(format!("{line}\n").as_bytes())
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|e| unwritable(&self.path, &e))
    }

    /// What was written is on the disk: a state that counts these lines may follow.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|e| unwritable(&self.path, &e))
    }
}
