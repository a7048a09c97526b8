//! NPY, one array of NumPy: versions 1 to 3, both byte orders, C and Fortran order.
//!
//! Read: booleans, all integers, `float16`, `float32`, `float64`. Written: version 1, little-endian,
//! C order, in the width the values have.
//!
//! # References
//! NumPy documentation, `numpy.lib.format`.

use std::path::Path;

use crate::array::{Array, Values};
use crate::atomic::{Existing, write_with};
use crate::bytes::{Cursor, byte_count};
use crate::error::Error;
use crate::file::{MAX_FILE, read_capped};

mod element;
mod header;

pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads one array.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<Array, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// Reads the arrays of a file that holds several, one after another (what `numpy.save` gives when
/// called repeatedly on one open file, and what equinox leaves are stored as).
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read_all(path: &Path) -> Result<Vec<Array>, Error> {
    let bytes = read_capped(path, MAX_FILE)?;
    let mut cursor = Cursor::new(path, &bytes, 0);
    let mut arrays = Vec::new();
    while !cursor.rest().is_empty() {
        arrays.push(next(&mut cursor)?);
    }
    Ok(arrays)
}

/// The array in the bytes of an `.npy` file; `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the bytes are no NPY file or not as long as its header says,
/// [`Error::Unsupported`] for complex numbers, text, objects (which are pickles, and would run code)
/// and structured arrays.
///
/// # Examples
/// ```
/// use std::path::Path;
/// use pathline_data::{Array, Values, npy};
/// let array = Array::new(vec![2], Values::F32(vec![0.5, -1.0])).unwrap();
/// assert_eq!(npy::decode(&npy::encode(&array), Path::new("a.npy"))?, array);
/// # Ok::<(), pathline_data::Error>(())
/// ```
pub fn decode(bytes: &[u8], path: &Path) -> Result<Array, Error> {
    let mut cursor = Cursor::new(path, bytes, 0);
    let array = next(&mut cursor)?;
    if cursor.rest().is_empty() {
        return Ok(array);
    }
    let problem = format!("{} bytes follow the array", cursor.rest().len());
    Err(cursor.malformed(problem, "save one array a file, or read them with npy::read_all"))
}

fn next(cursor: &mut Cursor<'_>) -> Result<Array, Error> {
    let header = header::parse(cursor)?;
    let Some(length) = byte_count(&header.shape, header.element.size()) else {
        let problem = format!("shape {:?} is too large", header.shape);
        return Err(cursor.malformed(problem, "the file is damaged: write it again"));
    };
    let values = header.element.values(cursor, length)?;
    let values = if header.fortran { from_fortran(&values, &header.shape) } else { values };
    Array::new(header.shape, values)
        .ok_or_else(|| cursor.malformed("shape and values differ", "write the file again"))
}

/// Values stored with the first extent running fastest, put in row-major order.
fn from_fortran(values: &Values, shape: &[usize]) -> Values {
    if values.is_empty() || shape.len() < 2 {
        return values.reordered(&(0..values.len()).collect::<Vec<_>>());
    }
    let mut strides = vec![1_usize; shape.len()];
    for i in 1..shape.len() {
        strides[i] = strides[i - 1] * shape[i - 1];
    }
    let mut index = vec![0_usize; shape.len()];
    let mut order = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        order.push(index.iter().zip(&strides).map(|(i, s)| i * s).sum());
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    values.reordered(&order)
}

/// The bytes of an `.npy` file.
#[must_use]
pub fn encode(array: &Array) -> Vec<u8> {
    let mut out = header::render(element::name(array.values()), array.shape());
    element::append(array.values(), &mut out);
    out
}

/// Writes one array, whole or not at all.
///
/// # Errors
/// As [`write_with`].
pub fn write(path: &Path, array: &Array, existing: Existing) -> Result<(), Error> {
    write_with(path, existing, |out| out.write_all(&encode(array)))
}
