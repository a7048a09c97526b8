//! The element types of NPY files: names, widths, byte orders.

use half::f16;

use crate::array::Values;
use crate::bytes::Cursor;
use crate::error::Error;

/// One element type in one byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    kind: Kind,
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

impl Element {
    /// The type that NumPy's description names (`<f4`), if it is one that is read.
    pub(super) fn named(descr: &str) -> Option<Self> {
        let (big_endian, code) = match descr.as_bytes().first()? {
            b'<' | b'|' | b'=' => (false, &descr[1..]),
            b'>' => (true, &descr[1..]),
            _ => (false, descr),
        };
        let kind = match code {
            "b1" | "?" => Kind::Bool,
            "i1" => Kind::I8,
            "i2" => Kind::I16,
            "i4" => Kind::I32,
            "i8" => Kind::I64,
            "u1" => Kind::U8,
            "u2" => Kind::U16,
            "u4" => Kind::U32,
            "u8" => Kind::U64,
            "f2" => Kind::F16,
            "f4" => Kind::F32,
            "f8" => Kind::F64,
            _ => return None,
        };
        Some(Self { kind, big_endian })
    }

    /// Bytes of one element.
    pub(super) fn size(self) -> usize {
        match self.kind {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 | Kind::F16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    /// The next `length` bytes as values.
    pub(super) fn values(self, cursor: &mut Cursor<'_>, length: usize) -> Result<Values, Error> {
        let start = cursor.clone();
        let bytes = cursor.take(length)?;
        let big = self.big_endian;
        Ok(match self.kind {
            Kind::U8 => Values::U8(bytes.to_vec()),
            Kind::Bool => Values::I64(bytes.iter().map(|&b| i64::from(b != 0)).collect()),
            Kind::I8 => Values::I64(all(bytes, big, |b| i64::from(i8::from_le_bytes(b)))),
            Kind::I16 => Values::I64(all(bytes, big, |b| i64::from(i16::from_le_bytes(b)))),
            Kind::I32 => Values::I64(all(bytes, big, |b| i64::from(i32::from_le_bytes(b)))),
            Kind::I64 => Values::I64(all(bytes, big, i64::from_le_bytes)),
            Kind::U16 => Values::I64(all(bytes, big, |b| i64::from(u16::from_le_bytes(b)))),
            Kind::U32 => Values::I64(all(bytes, big, |b| i64::from(u32::from_le_bytes(b)))),
            Kind::U64 => {
                let wide = all(bytes, big, u64::from_le_bytes);
                let narrow: Result<Vec<_>, _> = wide.into_iter().map(i64::try_from).collect();
                let fault = "an unsigned number of 2^63 or more";
                Values::I64(
                    narrow.map_err(|_| start.unsupported(fault, "save as int64 or float64"))?,
                )
            }
            Kind::F16 => Values::F32(all(bytes, big, |b| f16::from_le_bytes(b).to_f32())),
            Kind::F32 => Values::F32(all(bytes, big, f32::from_le_bytes)),
            Kind::F64 => Values::F64(all(bytes, big, f64::from_le_bytes)),
        })
    }
}

fn all<const N: usize, T>(bytes: &[u8], big: bool, one: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    let in_order = elements.iter().map(|&element| {
        let mut element = element;
        if big {
            element.reverse();
        }
        one(element)
    });
    in_order.collect()
}

/// The description NumPy gives these values, as they are written.
pub(super) fn name(values: &Values) -> &'static str {
    match values {
        Values::U8(_) => "|u1",
        Values::I64(_) => "<i8",
        Values::F32(_) => "<f4",
        Values::F64(_) => "<f8",
    }
}

/// Adds the values, little-endian.
pub(super) fn append(values: &Values, out: &mut Vec<u8>) {
    match values {
        Values::U8(v) => out.extend_from_slice(v),
        Values::I64(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Values::F32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Values::F64(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
    }
}
