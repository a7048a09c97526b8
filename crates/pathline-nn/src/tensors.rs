//! Tensors and a JSON config as the bytes of one safetensors file, and back.
//!
//! The metadata of the format is an unordered map; with a single key the same content always gives
//! the same bytes.

use std::collections::HashMap;

use half::f16;
use pathline::Error;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::parameters::Tensors;

/// The one metadata key.
const KEY: &str = "pathline";

/// An error at one tensor.
pub(crate) fn error(name: &str, problem: impl Into<String>) -> Error {
    Error::Spec { place: format!("tensor `{name}`"), problem: problem.into() }
}

/// An error in the file as a whole.
pub(crate) fn file_error(problem: impl std::fmt::Display) -> Error {
    Error::Spec { place: "safetensors checkpoint".to_owned(), problem: problem.to_string() }
}

/// Fails unless `tensors` has exactly the names and shapes of `known`.
pub(crate) fn check_all(known: &[(String, Vec<usize>)], tensors: &Tensors) -> Result<(), Error> {
    for (name, shape) in known {
        match tensors.get(name) {
            None => return Err(error(name, format!("missing, expected shape {shape:?}"))),
            Some((found, _)) if found != shape => {
                let problem = format!("expected shape {shape:?}, found {found:?}");
                return Err(error(name, problem));
            }
            Some(_) => {}
        }
    }
    match tensors.keys().find(|name| known.iter().all(|(k, _)| k != *name)) {
        Some(extra) => {
            let last = known.last().map_or("", |(name, _)| name);
            let problem = format!("not part of this network, whose last tensor is `{last}`");
            Err(error(extra, problem))
        }
        None => Ok(()),
    }
}

/// A safetensors file of `f32` tensors.
pub(crate) fn encode(tensors: &Tensors, config: &serde_json::Value) -> Result<Vec<u8>, Error> {
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    write(tensors, config, Dtype::F32, &bytes)
}

/// A safetensors file of the same tensors in half precision.
pub(crate) fn encode_half(tensors: &Tensors, config: &serde_json::Value) -> Result<Vec<u8>, Error> {
    for (name, (_, values)) in tensors {
        if let Some(v) = values.iter().find(|v| !f16::from_f32(**v).is_finite()) {
            return Err(error(name, format!("holds {v}, and half precision ends at 65504")));
        }
    }
    let bytes =
        |values: &[f32]| values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
    write(tensors, config, Dtype::F16, &bytes)
}

fn write(
    tensors: &Tensors,
    config: &serde_json::Value,
    kind: Dtype,
    encoded: &dyn Fn(&[f32]) -> Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let bytes: Vec<Vec<u8>> = tensors.values().map(|(_, values)| encoded(values)).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, (shape, _)), bytes) in tensors.iter().zip(&bytes) {
        let view =
            TensorView::new(kind, shape.clone(), bytes).map_err(|e| error(name, e.to_string()))?;
        views.push((name, view));
    }
    let metadata = HashMap::from([(KEY.to_owned(), config.to_string())]);
    safetensors::serialize(views, Some(metadata)).map_err(file_error)
}

/// The tensors and the config of a file that [`encode`] made.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Tensors, serde_json::Value), Error> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(file_error)?;
    let config = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(|| {
        file_error(format!(
            "no metadata key `{KEY}`: the file was not written by Pathline; load its tensors and \
             name the network instead"
        ))
    })?;
    let config = serde_json::from_str(config)
        .map_err(|e| file_error(format!("metadata key `{KEY}` is not JSON: {e}")))?;
    let file = SafeTensors::deserialize(bytes).map_err(file_error)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.iter() {
        let values = match view.dtype() {
            Dtype::F32 => {
                let (words, _) = view.data().as_chunks::<4>();
                words.iter().map(|word| f32::from_le_bytes(*word)).collect()
            }
            Dtype::F16 => {
                let (words, _) = view.data().as_chunks::<2>();
                words.iter().map(|word| f16::from_le_bytes(*word).to_f32()).collect()
            }
            other => return Err(error(name, format!("expected type F32 or F16, found {other:?}"))),
        };
        tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
    }
    Ok((tensors, config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_or_foreign_files_are_refused() {
        let mut tensors = Tensors::new();
        tensors.insert("w".into(), (vec![3], vec![1.0, 2.0, 3.0]));
        let bytes = encode(&tensors, &serde_json::json!({})).unwrap();
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        let view = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        let foreign = safetensors::serialize([("w", view)], None).unwrap();
        assert!(decode(&foreign).unwrap_err().to_string().contains("not written by Pathline"));
    }
}
