//! NPZ, several named NumPy arrays in a zip archive, stored or deflated.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::array::Array;
use crate::atomic::{Existing, write_with};
use crate::bytes::{MAX_UNPACKED, read_limited};
use crate::error::{Error, Fault, Place};
use crate::file::{MAX_FILE, read_capped};
use crate::npy;

/// Reads all arrays of an archive, by name (without `.npy`).
///
/// # Errors
/// [`Error::Io`], or as [`decode`].
pub fn read(path: &Path) -> Result<BTreeMap<String, Array>, Error> {
    decode(&read_capped(path, MAX_FILE)?, path)
}

/// The arrays in the bytes of an `.npz` file; `path` is for messages only.
///
/// # Errors
/// [`Error::Malformed`] when the bytes are no zip archive or a member is damaged,
/// [`Error::TooLarge`] when the members unpack to more than 2 GiB and more than the file holds,
/// [`Error::Unsupported`] for elements that [`npy::decode`] does not read.
pub fn decode(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, Array>, Error> {
    decode_within(bytes, path, MAX_UNPACKED.max(bytes.len() as u64))
}

fn decode_within(bytes: &[u8], path: &Path, limit: u64) -> Result<BTreeMap<String, Array>, Error> {
    let mut archive = open(bytes, path)?;
    let mut left = limit;
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let place = Place::Entry(format!("number {index}"));
        let member = archive.by_index(index).map_err(|e| damaged(path, place.clone(), &e))?;
        let name = member.name().map_err(|e| damaged(path, place, &e))?.into_owned();
        let Some(key) = name.strip_suffix(".npy") else { continue };
        let place = Place::Entry(name.clone());
        let unpacked = read_limited(path, &place, member, left)?;
        left -= unpacked.len() as u64;
        let array = npy::decode(&unpacked, path).map_err(|e| in_entry(e, &name))?;
        arrays.insert(key.to_owned(), array);
    }
    Ok(arrays)
}

pub(crate) fn open<'a>(
    bytes: &'a [u8],
    path: &Path,
) -> Result<ZipArchive<Cursor<&'a [u8]>>, Error> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(path, Place::File, &e))
}

pub(crate) fn damaged(path: &Path, place: Place, error: &zip::result::ZipError) -> Error {
    let problem = format!("not a readable zip archive ({error})");
    Error::Malformed(Fault::new(path, place, problem, "fetch or write the file again"))
}

/// The same error, told of the member rather than of a byte inside it.
fn in_entry(mut error: Error, name: &str) -> Error {
    if let Error::Malformed(fault) | Error::Unsupported(fault) | Error::TooLarge(fault) = &mut error
    {
        fault.problem = format!("{} of the member: {}", fault.place, fault.problem);
        fault.place = Place::Entry(name.to_owned());
    }
    error
}

/// Writes named arrays, stored without compression (what `numpy.savez` does), whole or not at all.
///
/// The bytes depend on the arrays alone: names are sorted and no time is written.
///
/// # Errors
/// As [`write_with`].
///
/// # Examples
/// ```
/// use pathline_data::{Array, Values, atomic::Existing, npz};
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("points.npz");
/// let x = Array::new(vec![1, 2], Values::F32(vec![0.0, 1.0])).unwrap();
/// npz::write(&path, &[("x".to_owned(), x)].into(), Existing::Keep)?;
/// assert_eq!(npz::read(&path)?["x"].shape(), [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(
    path: &Path,
    arrays: &BTreeMap<String, Array>,
    existing: Existing,
) -> Result<(), Error> {
    write_with(path, existing, |out| {
        // The archive is built in memory: zip writers seek back to fill in lengths.
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, array) in arrays {
            let bytes = npy::encode(array);
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(zip::DateTime::default())
                .large_file(u32::try_from(bytes.len()).is_err());
            zip.start_file(format!("{name}.npy"), options).map_err(std::io::Error::other)?;
            zip.write_all(&bytes)?;
        }
        let archive = zip.finish().map_err(std::io::Error::other)?;
        out.write_all(archive.get_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let header = npy::encode(&Array::new(vec![0], crate::Values::U8(vec![])).unwrap());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for name in ["a.npy", "b.npy"] {
            zip.start_file(name, options).unwrap();
            zip.write_all(&header).unwrap();
            zip.write_all(&vec![0; 1 << 21]).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        assert!(bytes.len() < 1 << 14, "{}", bytes.len());
        let error = decode_within(&bytes, Path::new("bomb.npz"), 1 << 20).unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)), "{error}");
        assert!(error.to_string().contains("a.npy"), "{error}");
    }
}
