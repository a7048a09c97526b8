//! The folder of a training run: whose it is, and what it holds.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use pathline::spec::from_json;
use pathline_data::{atomic, file};
use pathline_nn::TrainingState;
use serde_json::Value;

use super::log::Log;
use super::{TrainReport, TrainSpec};
use crate::error::Error;
use crate::json::json;

/// Largest file of a run that is read, in bytes.
const LARGEST: u64 = 16 << 30;

const CONFIG: &str = "config.json";
pub(super) const STATE: &str = "state.safetensors";
const LOG: &str = "log.jsonl";
/// TensorBoard reads what has `tfevents` in its name.
const EVENTS: &str = "events.out.tfevents.pathline";
pub(super) const MODEL: &str = "model.safetensors";
pub(super) const REPORT: &str = "report.json";

/// The folder of a run.
pub(super) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder, if it is new or holds a run of this spec, or of one with another end.
    pub(super) fn claim(dir: &Path, spec: &TrainSpec) -> Result<Self, Error> {
        let folder = Self { dir: dir.to_owned() };
        let config = folder.at(CONFIG);
        let place = |path: &Path| path.display().to_string();
        let remedy = "choose another folder";
        if config.exists() {
            let text = file::read_capped(&config, LARGEST)?;
            let text = String::from_utf8_lossy(&text);
            let theirs: TrainSpec = from_json(&place(&config), &text).map_err(|e| {
                Error::usage(
                    place(&config),
                    format!("not the spec of a training run ({e})"),
                    remedy,
                )
            })?;
            if theirs != *spec && !spec.ends_otherwise(&theirs) {
                let problem =
                    format!("the folder holds a run of another spec{}", differ(&theirs, spec));
                let remedy = "choose another folder, or give the same settings to go on with it";
                return Err(Error::usage(place(&config), problem, remedy));
            }
            return Ok(folder);
        }
        if let Some(foreign) =
            [STATE, LOG, EVENTS, MODEL, REPORT].iter().find(|f| folder.at(f).exists())
        {
            let problem = "exists without the config.json of a training run";
            return Err(Error::usage(place(&folder.at(foreign)), problem, remedy));
        }
        std::fs::create_dir_all(dir)
            .map_err(|e| Error::usage(place(dir), format!("cannot be made ({e})"), remedy))?;
        atomic::write_new(&config, &json(spec)?)?;
        Ok(folder)
    }

    /// Writes the spec that is trained from now on, once the folder is held.
    pub(super) fn keep(&self, spec: &TrainSpec) -> Result<(), Error> {
        if self.holds(spec)? {
            return Ok(());
        }
        Ok(atomic::replace(&self.at(CONFIG), &json(spec)?)?)
    }

    /// Whether the spec in the folder is this one, to the letter.
    pub(super) fn holds(&self, spec: &TrainSpec) -> Result<bool, Error> {
        Ok(file::read_capped(&self.at(CONFIG), LARGEST)? == json(spec)?)
    }

    /// The log, held by this process alone.
    pub(super) fn log(&self) -> Result<Log, Error> {
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            let file = options.create(true).read(true).append(true).open(path);
            file.map_err(|e| unwritable(path, &e))
        };
        let (path, events_path) = (self.at(LOG), self.at(EVENTS));
        let file = open(&path)?;
        // Not every file system has locks.
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            let problem = "another process is training in this folder";
            let remedy = "wait for it, or choose another";
            return Err(Error::usage(path.display().to_string(), problem, remedy));
        }
        let events = open(&events_path)?;
        Ok(Log { file, path, events, events_path })
    }

    /// The report, if the run was finished at this step.
    pub(super) fn report(&self, steps: u64) -> Result<Option<TrainReport>, Error> {
        let path = self.at(REPORT);
        if !path.exists() || !self.at(MODEL).exists() {
            return Ok(None);
        }
        let text = file::read_capped(&path, LARGEST)?;
        let place = path.display().to_string();
        let report: TrainReport = from_json(&place, &String::from_utf8_lossy(&text))?;
        Ok(Some(report).filter(|report| report.steps == steps))
    }

    /// The last state, if there is one.
    pub(super) fn state(&self, spec: &TrainSpec) -> Result<Option<TrainingState>, Error> {
        let path = self.at(STATE);
        if !path.exists() {
            return Ok(None);
        }
        let remedy = "train in another folder";
        let wrong = |problem: String| Error::usage(path.display().to_string(), problem, remedy);
        let bytes = file::read_capped(&path, LARGEST)?;
        let state = TrainingState::from_bytes(&bytes)
            .and_then(|state| {
                state.with_end(spec.training.steps, spec.training.optimiser.learning_rate)
            })
            .map_err(|e| wrong(e.to_string()))?;
        if *state.training() != spec.training {
            return Err(wrong("the state is not of the run in config.json".to_owned()));
        }
        Ok(Some(state))
    }
}

/// Which setting differs first, and how.
fn differ(theirs: &TrainSpec, ours: &TrainSpec) -> String {
    let values = |spec| serde_json::to_value(spec).unwrap_or_default();
    let found = first_difference("", &values(theirs), &values(ours));
    found.map_or_else(String::new, |text| format!(": {text}"))
}

fn first_difference(at: &str, theirs: &Value, ours: &Value) -> Option<String> {
    if theirs == ours {
        return None;
    }
    let (Some(old), Some(new)) = (theirs.as_object(), ours.as_object()) else {
        return Some(format!("{at} is {theirs} there and {ours} here"));
    };
    let nothing = Value::Null;
    let mut keys: Vec<&String> = new.keys().chain(old.keys()).collect();
    keys.sort();
    keys.into_iter().find_map(|key| {
        let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        first_difference(&at, old.get(key).unwrap_or(&nothing), new.get(key).unwrap_or(&nothing))
    })
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let problem = format!("cannot be written ({error})");
    Error::usage(path.display().to_string(), problem, "check the folder and the disk; then go on")
}
