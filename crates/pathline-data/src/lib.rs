//! Reading and writing for Pathline: point sets, images, arrays and checkpoints.
//!
//! One file format is one module, with a `read` from a path, a `decode` from bytes, and a writer
//! where Pathline writes that format. No input makes a reader panic, hang, run foreign code or
//! take memory that the bytes at hand do not account for; every failure is an [`Error`] that names
//! the file, the place and the remedy on one line. Writers go through [`atomic`], so a file is
//! there whole or not at all, and nothing is overwritten unless asked.

pub mod array;
pub mod atomic;
mod bytes;
pub mod csv;
pub mod dataset;
pub mod error;
pub mod fashion_mnist;
pub mod file;
pub mod generators;
pub mod idx;
pub mod jpeg;
pub mod load;
pub mod npy;
pub mod npz;
pub mod png;
pub mod safetensors;
pub mod sha256;
pub mod tfevents;
pub mod torch;

pub use array::{Array, Tensor, Values};
pub use dataset::DataSet;
pub use error::{Error, Fault, Place};
pub use generators::PointSet;
pub use load::{load, load_images, load_points};
