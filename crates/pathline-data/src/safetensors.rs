//! Safetensors, the file of checkpoints and recordings: a JSON header, then the raw values.
//!
//! Eight bytes of header length (little-endian), the header (name to type, shape and byte range,
//! and `__metadata__`), then the values. Byte ranges must follow each other without gap or overlap
//! and fill the file. Written files are `F32`, sorted by name, with at most one metadata key, so
//! that equal content has equal bytes.
//!
//! # References
//! Hugging Face, "Safetensors", section Format.

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use serde::Deserialize;

use crate::array::Tensor;
use crate::atomic::{Existing, write_with};
use crate::bytes::{Cursor, byte_count};
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};

const METADATA: &str = "__metadata__";
const DAMAGED: &str = "the file is damaged: fetch or write it again";

/// What a safetensors file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Safetensors {
    /// The tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// The metadata texts by key.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// Reads all tensors as `f32`.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<Safetensors, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// The tensors in the bytes of a safetensors file (`F64`, `F32`, `F16`, `BF16` and integers, as
/// `f32`); `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the header is no header or does not describe the bytes that follow,
/// [`Error::Unsupported`] for other element types.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Safetensors, Error> {
    let mut cursor = Cursor::new(path, bytes, 0);
    let length = u64::from_le_bytes(cursor.array()?);
    let header = cursor.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    let bad_header = |e: serde_json::Error| {
        let problem = format!("the header is not the JSON of a safetensors file ({e})");
        Error::Malformed(Fault::new(path, Place::Byte(8), problem, DAMAGED))
    };
    let header: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(header).map_err(bad_header)?;
    let mut out = Safetensors::default();
    let mut infos = Vec::with_capacity(header.len());
    for (name, value) in header {
        if name == METADATA {
            out.metadata = serde_json::from_value(value).map_err(bad_header)?;
        } else {
            let info: Info = serde_json::from_value(value)
                .map_err(|e| malformed(path, &name, format!("its entry is not one ({e})")))?;
            infos.push((name, info));
        }
    }
    infos.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in infos {
        let [from, to] = info.data_offsets;
        if from != end || to < from {
            let problem = format!("bytes {from} to {to} where byte {end} comes next");
            return Err(malformed(path, &name, problem));
        }
        end = to;
        out.tensors.insert(name.clone(), tensor(cursor.take(to - from)?, info, &name, path)?);
    }
    if !cursor.rest().is_empty() {
        let problem = format!("{} bytes belong to no tensor", cursor.rest().len());
        return Err(cursor.malformed(problem, DAMAGED));
    }
    Ok(out)
}

fn malformed(path: &Path, name: &str, problem: String) -> Error {
    Error::Malformed(Fault::new(path, Place::Tensor(name.to_owned()), problem, DAMAGED))
}

fn tensor(bytes: &[u8], info: Info, name: &str, path: &Path) -> Result<Tensor, Error> {
    let Some(element) = Element::named(&info.dtype) else {
        let problem = format!("elements of type {} are not read", info.dtype);
        let place = Place::Tensor(name.to_owned());
        let fault = Fault::new(path, place, problem, "convert the file to F32, F16 or BF16");
        return Err(Error::Unsupported(fault));
    };
    if byte_count(&info.shape, element.size()) != Some(bytes.len()) {
        let problem = format!("shape {:?} in {} bytes", info.shape, bytes.len());
        return Err(malformed(path, name, problem));
    }
    let data = element.values(bytes);
    Tensor::new(info.shape, data)
        .ok_or_else(|| malformed(path, name, "shape and values differ".into()))
}

/// A little-endian element type of a tensor file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "F64" => Self::F64,
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::BF16,
            "I64" => Self::I64,
            "I32" => Self::I32,
            "I16" => Self::I16,
            "I8" => Self::I8,
            "U8" => Self::U8,
            "BOOL" => Self::Bool,
            _ => return None,
        })
    }

    /// Bytes of one element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// The elements in `bytes`, rounded to `f32`; a remainder is left out.
    pub(crate) fn values(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F64 => all(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => all(bytes, f32::from_le_bytes),
            Self::F16 => all(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => all(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::I64 => all(bytes, |b| i64::from_le_bytes(b) as f32),
            Self::I32 => all(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::I16 => all(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::I8 => all(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => all(bytes, |[b]: [u8; 1]| f32::from(b)),
            Self::Bool => all(bytes, |[b]: [u8; 1]| f32::from(u8::from(b != 0))),
        }
    }
}

fn all<const N: usize>(bytes: &[u8], one: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&element| one(element)).collect()
}

/// The bytes of a safetensors file of `F32` tensors with at most one metadata key.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use pathline_data::{Tensor, safetensors};
/// let w = Tensor::new(vec![2], vec![1.0, 2.0]).unwrap();
/// let bytes = safetensors::encode(&[("w".to_owned(), w)].into(), Some(("config", "{}")));
/// let back = safetensors::decode(&bytes, Path::new("model.safetensors"))?;
/// assert_eq!(back.tensors["w"].data(), [1.0, 2.0]);
/// assert_eq!(back.metadata["config"], "{}");
/// # Ok::<(), pathline_data::Error>(())
/// ```
#[must_use]
pub fn encode(tensors: &BTreeMap<String, Tensor>, metadata: Option<(&str, &str)>) -> Vec<u8> {
    // Put together by hand: the order of a JSON map depends on features that other crates set.
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if let Some((key, text)) = metadata {
        entries.push(format!("\"{METADATA}\":{{{}:{}}}", json(key), json(text)));
    }
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += 4 * tensor.data().len();
        entries.push(format!(
            "{}:{{\"dtype\":\"F32\",\"shape\":{:?},\"data_offsets\":[{start},{end}]}}",
            json(name),
            tensor.shape(),
        ));
    }
    let mut header = format!("{{{}}}", entries.join(","));
    // Values begin at a multiple of 8 bytes, as other readers want.
    let padding = header.len().next_multiple_of(8) - header.len();
    header.extend(std::iter::repeat_n(' ', padding));
    let mut out = Vec::with_capacity(8 + header.len() + end);
    out.extend_from_slice(&(header.len() as u64).to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    for value in tensors.values().flat_map(Tensor::data) {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out
}

/// Writes tensors as `F32` with at most one metadata key, whole or not at all.
///
/// # Errors
/// As [`write_with`].
pub fn write(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    metadata: Option<(&str, &str)>,
    existing: Existing,
) -> Result<(), Error> {
    write_with(path, existing, |out| out.write_all(&encode(tensors, metadata)))
}
