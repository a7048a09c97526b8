//! A checked walk through the bytes of one file, and inflating with a limit.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Fault, Place};

/// The most that compressed bytes may unpack to: 2 GiB.
pub(crate) const MAX_UNPACKED: u64 = 2 << 30;

/// A cursor over bytes that never reads past their end.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8], at: usize) -> Self {
        Self { path, bytes, at: at.min(bytes.len()) }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let Some(taken) = self.rest().get(..n) else {
            let problem = format!("the file ends {} bytes on, {n} are needed", self.rest().len());
            return Err(self.malformed(problem, "the file is cut short: fetch or write it again"));
        };
        self.at += n;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[b]| b)
    }

    /// Bytes up to the next newline, which is taken and left out.
    pub(crate) fn line(&mut self) -> Result<&'a [u8], Error> {
        let Some(end) = self.rest().iter().position(|&b| b == b'\n') else {
            return Err(self.malformed("a line without an end", "fetch or write the file again"));
        };
        let line = self.take(end)?;
        self.at += 1;
        Ok(line)
    }

    /// An [`Error::Malformed`] at the byte reached.
    pub(crate) fn malformed(&self, problem: impl Into<String>, remedy: &str) -> Error {
        Error::Malformed(Fault::new(self.path, Place::Byte(self.at as u64), problem, remedy))
    }

    /// An [`Error::Unsupported`] at the byte reached.
    pub(crate) fn unsupported(&self, problem: impl Into<String>, remedy: &str) -> Error {
        Error::Unsupported(Fault::new(self.path, Place::Byte(self.at as u64), problem, remedy))
    }
}

/// Gzip bytes unpacked, at most `limit` of them; other bytes as they are.
pub(crate) fn gunzip(path: &Path, bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, Error> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    read_limited(path, &Place::File, flate2::read::MultiGzDecoder::new(&bytes[..]), limit)
}

/// All that a decompressor gives, at most `limit` bytes.
pub(crate) fn read_limited(
    path: &Path,
    place: &Place,
    reader: impl Read,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut out).map_err(|e| {
        let problem = format!("cannot be unpacked ({e})");
        let remedy = "the file is damaged: fetch or write it again";
        Error::Malformed(Fault::new(path, place.clone(), problem, remedy))
    })?;
    if out.len() as u64 > limit {
        let problem = format!("unpacks to more than {limit} bytes");
        let remedy = "unpack the file first, if you trust it";
        return Err(Error::TooLarge(Fault::new(path, place.clone(), problem, remedy)));
    }
    Ok(out)
}

/// The product of extents times the size of an element, or `None` when it overflows.
pub(crate) fn byte_count(shape: &[usize], element: usize) -> Option<usize> {
    shape.iter().try_fold(element, |n, &e| n.checked_mul(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            gz.write_all(&[0; 1 << 16]).unwrap();
        }
        let bytes = gz.finish().unwrap();
        assert!(bytes.len() < 1 << 13);
        let path = Path::new("bomb.gz");
        let error = gunzip(path, bytes.clone(), (64 << 16) - 1).unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)), "{error}");
        assert_eq!(gunzip(path, bytes, 64 << 16).unwrap().len(), 64 << 16);
    }

    #[test]
    fn a_cursor_stops_at_the_end() {
        let mut cursor = Cursor::new(Path::new("x"), &[1, 2, 3], 0);
        assert_eq!(cursor.array::<2>().unwrap(), [1, 2]);
        assert!(cursor.take(2).is_err());
        assert!(cursor.take(usize::MAX).is_err());
        assert_eq!(cursor.u8().unwrap(), 3);
        assert!(cursor.u8().is_err());
    }
}
