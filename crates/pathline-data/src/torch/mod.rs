//! PyTorch files (`.pt`, `.pth`, `.bin`): zip archives, and the older format that is no archive.
//!
//! Both are pickles, which are programs. They are read here by a machine of our own that builds
//! tensors and plain containers and **executes nothing**: a class or function it does not know
//! becomes an inert node that only remembers its name. State dictionaries and whole pickled
//! modules come out alike, as tensors under dotted names (`net.0.weight`).
//!
//! # References
//! Python documentation, `pickletools` (the opcodes); PyTorch documentation, "Serialization
//! semantics" (the archive).

use std::collections::BTreeMap;
use std::path::Path;

use crate::array::Tensor;
use crate::bytes::Cursor;
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};

mod archive;
mod collections;
mod flatten;
mod legacy;
mod machine;
mod node;
mod rebuild;
mod storage;

/// A plain value beside the tensors of a checkpoint (a step count, a hyper-parameter).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Scalar {
    /// Python's `bool`.
    Bool(bool),
    /// Python's `int`, if it fits.
    Int(i64),
    /// Python's `float`.
    Float(f64),
    /// Python's `str`.
    Text(String),
}

/// What a PyTorch file holds, under dotted names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// Parameters, buffers and free-standing tensors, as `f32`.
    pub tensors: BTreeMap<String, Tensor>,
    /// Plain values in dictionaries and lists.
    pub scalars: BTreeMap<String, Scalar>,
    /// The class of every pickled object (`torch.nn.modules.activation.SELU` at `net.1`); the
    /// empty name is the file's root. Their code was not run.
    pub classes: BTreeMap<String, String>,
}

/// The tensors of a PyTorch file by name, as `f32`.
///
/// A state dictionary gives its own names; nested dictionaries and lists add a part each; a whole
/// module gives the names its own `state_dict()` would.
///
/// # Errors
/// As [`read`], and [`Error::Invalid`] when the file holds no tensor.
pub fn state_dict(path: &Path) -> Result<BTreeMap<String, Tensor>, Error> {
    let checkpoint = read(path)?;
    if checkpoint.tensors.is_empty() {
        let remedy = "save it with torch.save(model.state_dict(), path)";
        return Err(Error::Invalid(Fault::new(path, Place::File, "no tensor found", remedy)));
    }
    Ok(checkpoint.tensors)
}

/// Everything that is understood of a PyTorch file.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<Checkpoint, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// What the bytes of a PyTorch file hold; `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the bytes are no PyTorch file or are damaged (checksums and tensor
/// bounds are checked), [`Error::Unsupported`] for opcodes and element types that are not read,
/// [`Error::TooLarge`] when the pickle asks for more than the file accounts for.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Checkpoint, Error> {
    let (graph, storages) = if bytes.starts_with(b"PK") {
        archive::open(bytes, path)?
    } else if legacy::is_legacy(bytes) {
        legacy::open(bytes, path)?
    } else {
        let problem = "neither a zip archive nor an older PyTorch file";
        let remedy = "give a file made by torch.save";
        return Err(Cursor::new(path, bytes, 0).malformed(problem, remedy));
    };
    flatten::flatten(&graph, &storages, path)
}
