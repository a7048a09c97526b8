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

    /// What a reader of the format finds in one event.
    #[derive(Debug, Default, PartialEq)]
    struct Event {
        wall_time: f64,
        step: u64,
        version: Option<String>,
        scalars: Vec<(String, f32)>,
    }

    /// The remainder of the polynomial division itself: bits in wire order, lowest of a byte first, the
    /// first 32 inverted, over Castagnoli's polynomial. Shares nothing with the writer's.
    fn divided(bytes: &[u8]) -> u32 {
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> i & 1 == 1));
        let mut bits: Vec<bool> = bits.chain([false; 32]).collect();
        bits[..32].iter_mut().for_each(|bit| *bit = !*bit);
        for i in 0..8 * bytes.len() {
            if bits[i] {
                for power in 0..=32 {
                    bits[i + power] ^= 0x1_1edc_6f41_u64 >> (32 - power) & 1 == 1;
                }
            }
        }
        let rest = &bits[8 * bytes.len()..];
        !rest.iter().enumerate().map(|(i, bit)| u32::from(*bit) << i).sum::<u32>()
    }

    /// TensorFlow's `masked_crc32c`.
    fn masked(bytes: &[u8]) -> u32 {
        let crc = u64::from(divided(bytes));
        ((crc >> 15 | crc << 17) + 0xa282_ead8) as u32
    }

    fn take<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
        let (head, tail) = bytes.split_at(n);
        *bytes = tail;
        head
    }

    /// The payloads of a file's records, whose lengths and checksums must be right.
    fn records(mut file: &[u8]) -> Vec<&[u8]> {
        let mut payloads = Vec::new();
        while !file.is_empty() {
            let length = take(&mut file, 8);
            let check = take(&mut file, 4);
            assert_eq!(check, masked(length).to_le_bytes(), "checksum of a length");
            let length = u64::from_le_bytes(length.try_into().unwrap());
            let payload = take(&mut file, length as usize);
            let check = take(&mut file, 4);
            assert_eq!(check, masked(payload).to_le_bytes(), "checksum of a payload");
            payloads.push(payload);
        }
        payloads
    }

    fn number(bytes: &mut &[u8]) -> u64 {
        let last = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
        let seven_each = take(bytes, last + 1).iter().rev();
        seven_each.fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))
    }

    /// The fields of a message as (number, wire type, bytes); of a plain number its eight bytes.
    fn fields(mut message: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
        let mut found = Vec::new();
        while !message.is_empty() {
            let key = number(&mut message);
            let bytes = match key & 7 {
                0 => number(&mut message).to_le_bytes().to_vec(),
                1 => take(&mut message, 8).to_vec(),
                2 => {
                    let n = number(&mut message);
                    take(&mut message, n as usize).to_vec()
                }
                5 => take(&mut message, 4).to_vec(),
                other => panic!("wire type {other}"),
            };
            found.push((key >> 3, key & 7, bytes));
        }
        found
    }

    fn event(payload: &[u8]) -> Event {
        let mut event = Event::default();
        for (field, wire, bytes) in fields(payload) {
            match (field, wire) {
                (1, 1) => event.wall_time = f64::from_le_bytes(bytes.try_into().unwrap()),
                (2, 0) => event.step = u64::from_le_bytes(bytes.try_into().unwrap()),
                (3, 2) => event.version = Some(String::from_utf8(bytes).unwrap()),
                (5, 2) => event.scalars.extend(fields(&bytes).into_iter().map(scalar)),
                other => panic!("field and wire type {other:?} of an event"),
            }
        }
        event
    }

    fn scalar((field, wire, value): (u64, u64, Vec<u8>)) -> (String, f32) {
        assert_eq!((field, wire), (1, 2), "a value of a summary");
        let mut found = (None, None);
        for (field, wire, bytes) in fields(&value) {
            match (field, wire) {
                (1, 2) => found.0 = Some(String::from_utf8(bytes).unwrap()),
                (2, 5) => found.1 = Some(f32::from_le_bytes(bytes.try_into().unwrap())),
                other => panic!("field and wire type {other:?} of a value"),
            }
        }
        (found.0.unwrap(), found.1.unwrap())
    }

    #[test]
    fn a_reader_of_the_format_finds_what_was_written() {
        // A step and a tag whose numbers take more than one byte, and values at the ends of `f32`.
        let long = "loss/".repeat(60);
        let written: [(u64, &[(&str, f64)]); 5] = [
            (0, &[("loss", 0.1)]),
            (127, &[("loss", -2.5), ("gradient norm", 1e-40), ("rate", 0.0)]),
            (128, &[(&long, 1.0), ("µ", f64::from(f32::MAX))]),
            (u64::from(u32::MAX) + 7, &[("loss", f64::INFINITY), ("loss", f64::NAN)]),
            (300, &[]),
        ];
        let mut file = version();
        for (step, values) in written {
            file.extend(scalars(step, values));
        }
        let events: Vec<Event> = records(&file).into_iter().map(event).collect();
        let first = Event { version: Some("brain.Event:2".to_owned()), ..Event::default() };
        assert_eq!(events[0], first);
        assert_eq!(events.len(), 1 + written.len());
        for (found, (step, values)) in events[1..].iter().zip(written) {
            assert_eq!((found.step, found.wall_time, &found.version), (step, step as f64, &None));
            assert_eq!(found.scalars.len(), values.len());
            for ((tag, value), (wanted_tag, wanted)) in found.scalars.iter().zip(values) {
                assert_eq!(tag, wanted_tag);
                assert_eq!(value.to_bits(), (*wanted as f32).to_bits(), "{tag} at {step}");
            }
        }
    }
}
