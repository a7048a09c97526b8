//! The zip form: `NAME/data.pkl` beside `NAME/data/KEY`, one member a storage.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use zip::CompressionMethod;

use super::machine;
use super::node::Graph;
use super::storage::Storages;
use crate::bytes::{Cursor, read_limited};
use crate::error::{Error, Fault, Place};
use crate::npz::{damaged, open as open_zip};

/// The longest pickle that is read: 64 MiB. Tensors are not in it.
const MAX_PICKLE: u64 = 64 << 20;
const DAMAGED: &str = "the file is damaged: fetch or save it again";

pub(super) fn open<'a>(bytes: &'a [u8], path: &Path) -> Result<(Graph, Storages<'a>), Error> {
    let mut archive = open_zip(bytes, path)?;
    let names: Vec<String> =
        archive.file_names().filter_map(|n| n.ok().map(std::borrow::Cow::into_owned)).collect();
    let pickle = names.iter().find(|n| n.as_str() == "data.pkl" || n.ends_with("/data.pkl"));
    let Some(pickle) = pickle else {
        let remedy = "give a file made by torch.save";
        return Err(Error::Malformed(Fault::new(path, Place::File, "no data.pkl inside", remedy)));
    };
    let prefix = pickle.strip_suffix("data.pkl").unwrap_or_default();
    let place = Place::Entry(pickle.clone());
    let member = archive.by_name(pickle).map_err(|e| damaged(path, place.clone(), &e))?;
    let program = read_limited(path, &place, member, MAX_PICKLE)?;
    let graph = machine::run(&mut Cursor::new(path, &program, 0))?;

    let mut places = HashMap::new();
    let mut left = bytes.len();
    let mut big_endian = false;
    for name in &names {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let place = || Place::Entry(name.clone());
        if rest == "byteorder" {
            let member = archive.by_name(name).map_err(|e| damaged(path, place(), &e))?;
            let mut order = Vec::new();
            // A failure to read it shows when the tensors are read.
            let _ = member.take(8).read_to_end(&mut order);
            big_endian = order.starts_with(b"big");
        }
        let Some(key) = rest.strip_prefix("data/") else { continue };
        let member = archive.by_name(name).map_err(|e| damaged(path, place(), &e))?;
        let malformed = |problem| Error::Malformed(Fault::new(path, place(), problem, DAMAGED));
        // PyTorch never compresses: the values are used where they lie.
        if member.compression() != CompressionMethod::Stored || member.encrypted() {
            let remedy = "pack the archive again without compression";
            let fault = Fault::new(path, place(), "a compressed or encrypted storage", remedy);
            return Err(Error::Unsupported(fault));
        }
        let start = member.data_start().and_then(|n| usize::try_from(n).ok());
        let length = usize::try_from(member.size()).ok();
        let range = start.zip(length).and_then(|(s, n)| Some(s..s.checked_add(n)?));
        let range = range.filter(|r| bytes.get(r.clone()).is_some());
        let range = range.ok_or_else(|| malformed("it reaches past the end of the file"))?;
        // Members that share bytes would be summed again and again.
        left = left
            .checked_sub(range.len())
            .ok_or_else(|| malformed("the storages hold more than the file"))?;
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[range.clone()]);
        if sum.sum() != member.crc32() {
            return Err(malformed("its checksum is wrong"));
        }
        places.insert(key.into(), range);
    }
    Ok((graph, Storages { bytes, places, big_endian }))
}
