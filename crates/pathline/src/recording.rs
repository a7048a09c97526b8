//! Recordings: a run as bytes of one safetensors file.
//!
//! Tensors: `times` (`[T]`, f64), `states` (`[T, n, ...shape]`, f32), `samples` (`[n]`, u64),
//! `labels` (`[n]`, u32, where samples have one) and `diagnostics.<name>` (`[n]`, f64). One metadata
//! key, `pathline`, holds everything else as JSON: the format's version, the field's stack, the run's
//! spec, how it ended, what it cost, and the version of Pathline. One key only, so that the same run
//! always gives the same bytes. Any safetensors reader can open it.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::batch::{Batch, Shape};
use crate::error::Error;
use crate::field::FieldRecord;
use crate::trajectory::{Outcome, Trajectory};

/// Version of the format that this code writes.
pub const FORMAT: u32 = 1;

/// What a recording says about its run, besides numbers per sample.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RunRecord {
    /// Version of the format.
    pub format: u32,
    /// Version of Pathline that made it.
    pub version: String,
    /// The field, down through what it wraps.
    pub field: FieldRecord,
    /// The spec of the run, as it was asked for.
    pub spec: serde_json::Value,
    /// How the run ended.
    pub outcome: Outcome,
    /// Field evaluations.
    pub evaluations: u64,
    /// Accepted steps.
    pub steps: u64,
    /// Rejected steps.
    pub rejected: u64,
}

/// A run as data: what viewers read, and what `measure` and `compare` start from.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What the run was.
    pub run: RunRecord,
    /// Times of the saved states.
    pub times: Vec<f64>,
    /// The saved states, one batch a time.
    pub states: Vec<Batch>,
    /// Global index of each sample.
    pub samples: Vec<u64>,
    /// Class of each sample, where it has one.
    pub labels: Option<Vec<u32>>,
    /// Diagnostics by name, one value a sample.
    pub diagnostics: BTreeMap<String, Vec<f64>>,
}

impl Recording {
    /// A recording of a trajectory. A run that kept no states is recorded by its end alone.
    #[must_use]
    pub fn new(trajectory: &Trajectory, field: FieldRecord, spec: serde_json::Value) -> Self {
        let end_only = trajectory.states.is_empty();
        Self {
            run: RunRecord {
                format: FORMAT,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                field,
                spec,
                outcome: trajectory.outcome,
                evaluations: trajectory.evaluations,
                steps: trajectory.steps,
                rejected: trajectory.rejected,
            },
            times: if end_only { vec![trajectory.t] } else { trajectory.times.clone() },
            states: if end_only { vec![trajectory.end.clone()] } else { trajectory.states.clone() },
            samples: trajectory.samples.clone().collect(),
            labels: None,
            diagnostics: BTreeMap::new(),
        }
    }

    /// The last states.
    #[must_use]
    pub fn end(&self) -> Option<&Batch> {
        self.states.last()
    }

    /// The recording as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Recording`] when its parts do not fit together.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let n = self.samples.len();
        let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut add = |name: &str, dtype, shape, bytes| {
            tensors.push((name.to_owned(), dtype, shape, bytes));
        };
        let wide = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
        add("times", Dtype::F64, vec![self.times.len()], wide(&self.times));
        let states = self.states.iter().flat_map(Batch::as_slice);
        let mut extents = vec![self.states.len(), n];
        extents.extend(self.states.iter().take(1).flat_map(|b| b.shape().extents()));
        add("states", Dtype::F32, extents, states.flat_map(|v| v.to_le_bytes()).collect());
        let samples = self.samples.iter().flat_map(|v| v.to_le_bytes()).collect();
        add("samples", Dtype::U64, vec![n], samples);
        if let Some(labels) = &self.labels {
            let labels = labels.iter().flat_map(|v| v.to_le_bytes()).collect();
            add("labels", Dtype::U32, vec![n], labels);
        }
        for (name, values) in &self.diagnostics {
            add(&format!("diagnostics.{name}"), Dtype::F64, vec![n], wide(values));
        }
        let mut views = Vec::with_capacity(tensors.len());
        for (name, dtype, shape, bytes) in &tensors {
            let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(bad)?;
            views.push((name.as_str(), view));
        }
        let run = serde_json::to_string(&self.run).map_err(bad)?;
        serialize(views, Some(HashMap::from([("pathline".to_owned(), run)]))).map_err(bad)
    }

    /// A recording from the bytes of a file.
    ///
    /// # Errors
    /// [`Error::Recording`] saying what is missing, truncated or does not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let json = header.metadata().as_ref().and_then(|m| m.get("pathline"));
        let json =
            json.ok_or_else(|| bad("a safetensors file without the metadata key `pathline`"))?;
        let run: RunRecord = serde_json::from_str(json).map_err(bad)?;
        if run.format != FORMAT {
            let found = run.format;
            return Err(bad(format!("format {found}; this version of Pathline reads {FORMAT}")));
        }
        let file = SafeTensors::deserialize(bytes).map_err(bad)?;
        let states = file.tensor("states").map_err(bad)?;
        let &[saved, n, ref extents @ ..] = states.shape() else {
            return Err(bad("tensor `states` has fewer than two extents"));
        };
        let shape = Shape::new(extents)?;
        let times = numbers(&file.tensor("times").map_err(bad)?, Dtype::F64, f64::from_le_bytes)?;
        let samples =
            numbers(&file.tensor("samples").map_err(bad)?, Dtype::U64, u64::from_le_bytes)?;
        // An extent of zero lets the others claim anything: nothing is made before they agree.
        if (saved, n) != (times.len(), samples.len()) {
            let wanted = [times.len(), samples.len()];
            return Err(bad(format!("states of extents {:?} for {wanted:?}", [saved, n])));
        }
        let values = numbers(&states, Dtype::F32, f32::from_le_bytes)?;
        let size = n.saturating_mul(shape.elements()).max(1);
        let mut batches = values.chunks(size).map(|v| Batch::from_vec(v.to_vec(), shape.clone()));
        let mut kept = batches.by_ref().collect::<Result<Vec<_>, _>>()?;
        if n == 0 {
            kept = vec![Batch::zeros(0, shape); saved];
        }
        let mut diagnostics = BTreeMap::new();
        for (name, view) in file.tensors() {
            if let Some(name) = name.strip_prefix("diagnostics.") {
                let values = numbers(&view, Dtype::F64, f64::from_le_bytes)?;
                diagnostics.insert(name.to_owned(), values);
            }
        }
        let labels = match file.tensor("labels") {
            Ok(view) => Some(numbers(&view, Dtype::U32, u32::from_le_bytes)?),
            Err(_) => None,
        };
        let recording = Self { run, times, states: kept, samples, labels, diagnostics };
        recording.check()?;
        Ok(recording)
    }

    fn check(&self) -> Result<(), Error> {
        let n = self.samples.len();
        let count = |what: &str, expected: usize, found: usize| {
            if expected == found {
                Ok(())
            } else {
                Err(bad(format!("{what}: expected {expected}, found {found}")))
            }
        };
        count("saved states", self.times.len(), self.states.len())?;
        for states in &self.states {
            count("samples of a saved state", n, states.len())?;
        }
        if self.states.windows(2).any(|p| p[0].shape() != p[1].shape()) {
            return Err(bad("saved states of different shapes"));
        }
        for (t, states) in self.times.iter().zip(&self.states) {
            if let Some(i) = states.rows().iter().position(|row| row.iter().any(|v| !v.is_finite()))
            {
                let sample = self.samples[i];
                return Err(bad(format!("sample {sample} is not finite at t = {t}")));
            }
        }
        if let Some(labels) = &self.labels {
            count("labels", n, labels.len())?;
        }
        for (name, values) in &self.diagnostics {
            count(&format!("values of diagnostic `{name}`"), n, values.len())?;
        }
        Ok(())
    }
}

fn bad(problem: impl std::fmt::Display) -> Error {
    Error::Recording(problem.to_string())
}

/// The numbers of a one-type tensor.
fn numbers<T, const N: usize>(
    view: &TensorView<'_>,
    dtype: Dtype,
    read: fn([u8; N]) -> T,
) -> Result<Vec<T>, Error> {
    if view.dtype() != dtype {
        return Err(bad(format!("a tensor of type {:?} where {dtype:?} belongs", view.dtype())));
    }
    let (whole, _) = view.data().as_chunks::<N>();
    Ok(whole.iter().map(|bytes| read(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_without_values_claim_no_memory() {
        let run = RunRecord {
            format: FORMAT,
            version: String::new(),
            field: FieldRecord::new("none"),
            spec: serde_json::Value::Null,
            outcome: Outcome::Completed {},
            evaluations: 0,
            steps: 0,
            rejected: 0,
        };
        let run = serde_json::to_string(&run).unwrap();
        for extents in [[usize::MAX / 2, 0, 1], [0, usize::MAX / 2, 1]] {
            let empty =
                |dtype, shape: &[usize]| TensorView::new(dtype, shape.to_vec(), &[]).unwrap();
            let tensors = [
                ("times", empty(Dtype::F64, &[0])),
                ("samples", empty(Dtype::U64, &[0])),
                ("states", empty(Dtype::F32, &extents)),
            ];
            let metadata = HashMap::from([("pathline".to_owned(), run.clone())]);
            let bytes = serialize(tensors, Some(metadata)).unwrap();
            assert!(matches!(Recording::from_bytes(&bytes), Err(Error::Recording(_))));
        }
    }
}
