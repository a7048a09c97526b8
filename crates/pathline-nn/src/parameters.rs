//! Named parameters as views of one arena.

use std::collections::BTreeMap;
use std::ops::Range;

use pathline::Error;

use crate::tensors;

/// Tensors by name, each with its extents and its values row after row: what a checkpoint holds.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Every parameter of a network in one `f32` arena, sorted by name.
///
/// One arena, because optimisers, averages and gradients are loops over all of it; sorted, because
/// then the order of every sum, and so every byte of a run, is the same in every process.
///
/// # Examples
/// ```
/// use pathline_nn::{Parameters, Tensors};
/// let mut tensors = Tensors::new();
/// tensors.insert("w".into(), (vec![2, 1], vec![1.0, 2.0]));
/// tensors.insert("b".into(), (vec![2], vec![3.0, 4.0]));
/// let parameters = Parameters::from_tensors(&tensors)?;
/// assert_eq!(parameters.as_slice(), &[3.0, 4.0, 1.0, 2.0]);
/// assert_eq!(parameters.get("w").map(|w| w.shape), Some(&[2, 1][..]));
/// # Ok::<(), pathline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    entries: Vec<Entry>,
    values: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    range: Range<usize>,
}

/// One named parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter<'a> {
    /// Its name, as in checkpoints.
    pub name: &'a str,
    /// Its extents.
    pub shape: &'a [usize],
    /// Its values, row after row.
    pub values: &'a [f32],
}

impl Parameters {
    /// Parameters from tensors.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor whose values do not fill its extents or are not finite.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, Error> {
        let mut parameters = Self { entries: Vec::with_capacity(tensors.len()), values: vec![] };
        for (name, (shape, values)) in tensors {
            let elements = shape.iter().try_fold(1_usize, |n, &e| n.checked_mul(e));
            if elements != Some(values.len()) {
                let problem = format!("shape {shape:?} does not hold {} values", values.len());
                return Err(tensors::error(name, problem));
            }
            if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                let problem = format!(
                    "value {at} is {}: a checkpoint must be finite; take an earlier one",
                    values[at]
                );
                return Err(tensors::error(name, problem));
            }
            let start = parameters.values.len();
            parameters.values.extend_from_slice(values);
            let range = start..parameters.values.len();
            parameters.entries.push(Entry { name: name.clone(), shape: shape.clone(), range });
        }
        Ok(parameters)
    }

    /// The parameters as tensors.
    #[must_use]
    pub fn to_tensors(&self) -> Tensors {
        self.tensors_of(&self.values, "")
    }

    /// An arena of this layout (moments, an average) as tensors whose names begin with `prefix`.
    pub(crate) fn tensors_of(&self, arena: &[f32], prefix: &str) -> Tensors {
        let tensor = |e: &Entry| {
            (format!("{prefix}{}", e.name), (e.shape.clone(), arena[e.range.clone()].to_vec()))
        };
        self.entries.iter().map(tensor).collect()
    }

    /// The parameter of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Parameter<'_>> {
        self.entry(name).map(|e| self.view(e))
    }

    /// Where in the arena a name's values lie.
    #[must_use]
    pub fn range(&self, name: &str) -> Option<Range<usize>> {
        self.entry(name).map(|e| e.range.clone())
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.binary_search_by(|e| e.name.as_str().cmp(name)).ok().map(|i| &self.entries[i])
    }

    fn view<'a>(&'a self, entry: &'a Entry) -> Parameter<'a> {
        Parameter {
            name: &entry.name,
            shape: &entry.shape,
            values: &self.values[entry.range.clone()],
        }
    }

    /// Every parameter, by name.
    pub fn iter(&self) -> impl Iterator<Item = Parameter<'_>> {
        self.entries.iter().map(|e| self.view(e))
    }

    /// Number of values in all parameters together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Tells apart the parameters of different networks: a [fingerprint](pathline::field::fingerprint) of all
    /// values.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        pathline::field::fingerprint(self.values.iter().flat_map(|v| v.to_le_bytes()))
    }

    /// The arena.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The arena, writable.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The parameters as the bytes of a safetensors file whose one metadata key holds `config`.
    ///
    /// # Errors
    /// [`Error::Spec`] when the file cannot be built.
    pub fn to_safetensors(&self, config: &serde_json::Value) -> Result<Vec<u8>, Error> {
        tensors::encode(&self.to_tensors(), config)
    }

    /// Parameters and config from the bytes [`Parameters::to_safetensors`] made.
    ///
    /// # Errors
    /// [`Error::Spec`] naming the tensor or the part of the file that is wrong.
    pub fn from_safetensors(bytes: &[u8]) -> Result<(Self, serde_json::Value), Error> {
        let (tensors, config) = tensors::decode(bytes)?;
        Ok((Self::from_tensors(&tensors)?, config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert("b".into(), (vec![2], vec![1.0, -2.0]));
        tensors.insert("a.weight".into(), (vec![2, 2], vec![0.5, 1e-40, -0.0, 4.0]));
        tensors
    }

    #[test]
    fn views_lie_in_the_arena_by_name() {
        let parameters = Parameters::from_tensors(&sample()).unwrap();
        assert_eq!(parameters.range("b"), Some(4..6));
        assert_eq!(parameters.get("c"), None);
        assert_eq!(parameters.iter().map(|p| p.name).collect::<Vec<_>>(), ["a.weight", "b"]);
        assert_eq!(parameters.to_tensors(), sample());
    }

    #[test]
    fn files_bring_back_every_byte_and_the_config() {
        let parameters = Parameters::from_tensors(&sample()).unwrap();
        let config = serde_json::json!({"kind": "test", "n": 3});
        let bytes = parameters.to_safetensors(&config).unwrap();
        assert_eq!(bytes, parameters.to_safetensors(&config).unwrap());
        let (back, found) = Parameters::from_safetensors(&bytes).unwrap();
        assert_eq!(found, config);
        let bits = |p: &Parameters| p.as_slice().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&parameters));
    }

    #[test]
    fn bad_tensors_are_named() {
        for (shape, values) in
            [(vec![3], vec![1.0]), (vec![usize::MAX, 2], vec![]), (vec![2], vec![1.0, f32::NAN])]
        {
            let mut tensors = sample();
            tensors.insert("culprit".into(), (shape, values));
            let message = Parameters::from_tensors(&tensors).unwrap_err().to_string();
            assert!(message.contains("`culprit`"), "{message}");
        }
    }
}
