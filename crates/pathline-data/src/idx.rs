//! IDX, the format of MNIST and its relatives, plain or gzipped.
//!
//! Two zero bytes, a type byte (8 for unsigned bytes), the number of extents, the extents as
//! big-endian 32-bit numbers, then the values in row-major order.
//!
//! # References
//! LeCun, Cortes and Burges, "The MNIST database", section on the IDX file format.

use std::path::Path;

use crate::array::{Array, Values};
use crate::bytes::{Cursor, MAX_UNPACKED, byte_count, gunzip};
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};

const UNSIGNED_BYTE: u8 = 8;

/// Whether bytes begin as an (unpacked) IDX file of unsigned bytes does.
pub(crate) fn is_idx(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, UNSIGNED_BYTE, 1..=8, ..])
}

/// Reads an IDX file of unsigned bytes: `[n]` labels or `[n, height, width]` images.
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<Array, Error> {
    decode(read_capped(path, MAX_FILE)?, path)
}

/// The array in the bytes of an IDX file, plain or gzipped; `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the bytes are no IDX file or not as long as its header says,
/// [`Error::Unsupported`] for values other than unsigned bytes, [`Error::TooLarge`] when the file
/// unpacks to more than 2 GiB.
///
/// # Examples
/// ```
/// let bytes = vec![0, 0, 8, 1, 0, 0, 0, 2, 5, 7];
/// let labels = pathline_data::idx::decode(bytes, std::path::Path::new("labels.idx"))?;
/// assert_eq!(labels.labels(), Ok(vec![5, 7]));
/// # Ok::<(), pathline_data::Error>(())
/// ```
pub fn decode(bytes: Vec<u8>, path: &Path) -> Result<Array, Error> {
    let bytes = gunzip(path, bytes, MAX_UNPACKED)?;
    let mut cursor = Cursor::new(path, &bytes, 0);
    let [zero, also_zero, element, extents] = cursor.array()?;
    if zero != 0 || also_zero != 0 || extents == 0 || extents > 8 {
        let fault = "not an IDX file (it begins otherwise)";
        return Err(Cursor::new(path, &bytes, 0).malformed(fault, "give an IDX file"));
    }
    if element != UNSIGNED_BYTE {
        let problem = format!("values of type 0x{element:02x}, only unsigned bytes (8) are read");
        return Err(cursor.unsupported(problem, "save them as .npy"));
    }
    let mut shape = Vec::with_capacity(usize::from(extents));
    for _ in 0..extents {
        shape.push(u32::from_be_bytes(cursor.array()?) as usize);
    }
    let data = cursor.rest();
    if byte_count(&shape, 1) != Some(data.len()) {
        let problem = format!("{} values follow a header that says {shape:?}", data.len());
        return Err(cursor.malformed(problem, "the file is damaged: fetch it again"));
    }
    Array::new(shape, Values::U8(data.to_vec()))
        .ok_or_else(|| cursor.malformed("shape and values differ", "fetch the file again"))
}

/// The bytes of an IDX file of unsigned bytes.
///
/// # Errors
/// [`Error::Invalid`] when the array is not of unsigned bytes, has no or more than 8 extents, or
/// one of 2^32 or more; `path` is for messages only.
pub fn encode(array: &Array, path: &Path) -> Result<Vec<u8>, Error> {
    let invalid = |problem: String| {
        let remedy = "save it as .npy";
        Error::Invalid(Fault::new(path, Place::File, problem, remedy))
    };
    let Values::U8(values) = array.values() else {
        return Err(invalid("IDX files are written with unsigned bytes only".into()));
    };
    let shape = array.shape();
    if shape.is_empty() || shape.len() > 8 {
        return Err(invalid(format!("an array of {} extents", shape.len())));
    }
    let mut out = vec![0, 0, UNSIGNED_BYTE, shape.len() as u8];
    for &extent in shape {
        let extent = u32::try_from(extent).map_err(|_| invalid(format!("extent {extent}")))?;
        out.extend_from_slice(&extent.to_be_bytes());
    }
    out.extend_from_slice(values);
    Ok(out)
}
