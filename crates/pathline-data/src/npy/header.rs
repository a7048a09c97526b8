//! The header of an NPY file: a Python dictionary with exactly three entries.

use super::MAGIC;
use super::element::Element;
use crate::bytes::Cursor;
use crate::error::Error;

const REMEDY: &str = "write the file again with numpy.save";
/// NumPy itself refuses longer headers; 32 extents need far less.
const LONGEST: usize = 10_000;
const MOST_EXTENTS: usize = 64;

pub(super) struct Header {
    pub(super) element: Element,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Header, Error> {
    if !cursor.rest().starts_with(MAGIC) {
        return Err(cursor.malformed("not an NPY array (it begins otherwise)", REMEDY));
    }
    cursor.take(MAGIC.len())?;
    let [major, _minor] = cursor.array()?;
    let length = match major {
        1 => usize::from(u16::from_le_bytes(cursor.array()?)),
        2 | 3 => u32::from_le_bytes(cursor.array()?) as usize,
        _ => return Err(cursor.unsupported(format!("NPY version {major}"), REMEDY)),
    };
    if length > LONGEST {
        let problem = format!("a header of {length} bytes, at most {LONGEST} are read");
        return Err(cursor.malformed(problem, REMEDY));
    }
    let start = cursor.clone();
    let text = std::str::from_utf8(cursor.take(length)?)
        .map_err(|_| start.malformed("the header is not text", REMEDY))?;
    let entry = |key: &str| {
        value(text, key).ok_or_else(|| start.malformed(format!("no '{key}' in the header"), REMEDY))
    };
    let descr = entry("descr")?;
    let element = quoted(descr).and_then(Element::named).ok_or_else(|| {
        let descr: String = descr.chars().take(20).collect();
        let problem = format!("elements of type {descr} are not read");
        start.unsupported(problem, "convert with array.astype('float32') and save again")
    })?;
    let fortran = match entry("fortran_order")? {
        t if t.starts_with("True") => true,
        t if t.starts_with("False") => false,
        _ => return Err(start.malformed("fortran_order is neither True nor False", REMEDY)),
    };
    let shape = extents(entry("shape")?)
        .ok_or_else(|| start.malformed("the shape is not a tuple of counts", REMEDY))?;
    Ok(Header { element, fortran, shape })
}

/// What follows `'key':`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) =
        text.split_once(&format!("'{key}'")).or_else(|| text.split_once(&format!("\"{key}\"")))?;
    rest.trim_start().strip_prefix(':').map(str::trim_start)
}

fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote).map(|(inside, _)| inside)
}

fn extents(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    // A tuple of one ends in a comma; Python 2 marked long integers by an L.
    let parts = inside.split(',').map(|part| part.trim().trim_end_matches('L'));
    let filled = parts.filter(|part| !part.is_empty()).take(MOST_EXTENTS + 1);
    let shape: Option<Vec<usize>> = filled.map(|part| part.parse().ok()).collect();
    shape.filter(|s| s.len() <= MOST_EXTENTS)
}

/// Magic, version 1 and a header padded so that the values begin at a multiple of 64 bytes.
pub(super) fn render(descr: &str, shape: &[usize]) -> Vec<u8> {
    let mut tuple: String = shape.iter().map(|e| format!("{e}, ")).collect();
    if shape.len() > 1 {
        tuple.truncate(tuple.len() - 2);
    } else {
        tuple.truncate(tuple.trim_end().len());
    }
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({tuple}), }}");
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&[1, 0]);
    // A shape of 64 extents is the longest there is, far below the 65 535 bytes that fit.
    out.extend_from_slice(&u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    out
}
