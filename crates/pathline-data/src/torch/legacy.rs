//! The form before PyTorch 1.6: five pickles one after another (a magic number, a version, facts
//! about the machine, the object, the keys of its storages), then each storage as a 64-bit count
//! and its values.

use std::collections::HashMap;
use std::path::Path;

use super::machine;
use super::node::{Graph, Node};
use super::storage::Storages;
use crate::bytes::{Cursor, byte_count};
use crate::error::Error;

/// `0x1950a86a20f9469cfc6c`, little-endian.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const DAMAGED: &str = "the file is damaged: fetch or save it again";

/// Whether bytes begin with the pickle of the magic number.
pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, _, 0x8a, 10, rest @ ..] if rest.starts_with(&MAGIC))
}

pub(super) fn open<'a>(bytes: &'a [u8], path: &Path) -> Result<(Graph, Storages<'a>), Error> {
    let mut cursor = Cursor::new(path, bytes, 0);
    let magic = machine::run(&mut cursor)?;
    if !matches!(magic.get(magic.root), Node::Long(m) if *m == MAGIC) {
        return Err(cursor.malformed("the magic number is another", DAMAGED));
    }
    machine::run(&mut cursor)?;
    let facts = machine::run(&mut cursor)?;
    let little = facts.entry(facts.root, "little_endian").map(|id| facts.get(id).clone());
    let big_endian = matches!(little, Some(Node::Bool(false)));
    let graph = machine::run(&mut cursor)?;
    let keys = machine::run(&mut cursor)?;

    let mut elements = HashMap::new();
    for node in &graph.nodes {
        if let Node::Storage(storage) = node {
            elements.insert(storage.key.clone(), storage.element);
        }
    }
    let mut places = HashMap::new();
    for &key in keys.members(keys.root).unwrap_or_default() {
        let at = cursor.clone();
        let key = keys.text(key);
        let Some((key, element)) = key.and_then(|k| Some((k, elements.get(k)?))) else {
            return Err(at.malformed("a storage that the object does not name", DAMAGED));
        };
        let count = cursor.array()?;
        let count = if big_endian { u64::from_be_bytes(count) } else { u64::from_le_bytes(count) };
        let length = usize::try_from(count).ok().and_then(|n| byte_count(&[n], element.size()));
        cursor.take(length.unwrap_or(usize::MAX))?;
        places.insert(key.clone(), at.at() + 8..cursor.at());
    }
    Ok((graph, Storages { bytes, places, big_endian }))
}
