//! TensorBoard's event files, as far as curves of numbers need them.
//!
//! A file is a row of records: length (8 bytes), its checksum, the bytes, their checksum; all
//! little-endian. A checksum is CRC-32C, turned right by 15 bits, plus `0xa282ead8`. The bytes are a
//! protocol-buffer `Event`: wall time (field 1), step (2), and either the file's version (3) or a
//! summary (5) of values with a tag (1) and a number (2). The first record holds the version.
//!
//! The same numbers give the same bytes: what is called wall time is the step, in seconds, since no
//! run has the same clock twice.
//!
//! # References
//! TensorFlow, `tensorflow/core/util/event.proto`, `framework/summary.proto` and `lib/io/record_writer`;
//! RFC 3720, appendix B.4, for CRC-32C.

/// The first record of a file.
#[must_use]
pub fn version() -> Vec<u8> {
    let mut event = wall_time(0);
    bytes_field(&mut event, 3, b"brain.Event:2");
    framed(&event)
}

/// The record of some numbers at one step, each with its tag.
///
/// # Examples
/// ```
/// use pathline_data::tfevents;
/// let file = [tfevents::version(), tfevents::scalars(100, &[("loss", 0.5)])].concat();
/// assert_eq!(file.len(), 40 + 42);
/// ```
#[must_use]
pub fn scalars(step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut event = wall_time(step);
    event.push(2 << 3);
    varint(&mut event, step);
    let mut summary = Vec::new();
    for (tag, number) in values {
        let mut value = Vec::new();
        bytes_field(&mut value, 1, tag.as_bytes());
        value.push(2 << 3 | 5);
        value.extend_from_slice(&(*number as f32).to_le_bytes());
        bytes_field(&mut summary, 1, &value);
    }
    bytes_field(&mut event, 5, &summary);
    framed(&event)
}

fn wall_time(step: u64) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend_from_slice(&(step as f64).to_le_bytes());
    event
}

/// A number, seven bits a byte, lowest first.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Field `number` (below 16) of text, bytes or an inner message.
fn bytes_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn framed(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(event.len() + 16);
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(&length).to_le_bytes());
    out.extend_from_slice(event);
    out.extend_from_slice(&checksum(event).to_le_bytes());
    out
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The cyclic redundancy check of Castagnoli, bit by bit: records are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_that_of_the_standard() {
        // RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and 0 to 31; and the usual check value.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn long_numbers_take_several_bytes() {
        let mut out = Vec::new();
        varint(&mut out, 300);
        varint(&mut out, 127);
        varint(&mut out, u64::MAX);
        assert_eq!(out[..3], [0xac, 0x02, 0x7f]);
        assert_eq!((out.len(), out[12]), (13, 1));
    }
}
