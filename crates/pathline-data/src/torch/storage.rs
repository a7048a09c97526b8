//! The raw values of a PyTorch file, and tensors cut out of them.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::node::View;
use crate::array::Tensor;
use crate::bytes::byte_count;

/// Where the bytes of each storage lie in the file.
#[derive(Debug)]
pub(super) struct Storages<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) places: HashMap<Rc<str>, Range<usize>>,
    pub(super) big_endian: bool,
}

impl Storages<'_> {
    /// The tensor of a view, or what is wrong with it.
    pub(super) fn tensor(&self, view: &View) -> Result<Tensor, String> {
        let storage = &view.storage;
        let place = self.places.get(&storage.key);
        let bytes = place.and_then(|range| self.bytes.get(range.clone()));
        let bytes = bytes.ok_or_else(|| format!("its storage {} is missing", storage.key))?;
        let size = storage.element.size();
        if byte_count(&[storage.length], size) != Some(bytes.len()) {
            return Err(format!(
                "its storage has {} bytes for {} elements",
                bytes.len(),
                storage.length
            ));
        }
        let count = byte_count(&view.shape, 1).ok_or("its shape overflows")?;
        if count == 0 {
            return Tensor::new(view.shape.clone(), Vec::new()).ok_or("its shape overflows".into());
        }
        // A view that repeats elements could be of any size on a few bytes.
        if count > storage.length {
            let length = storage.length;
            return Err(format!("it has {count} elements on a storage of {length} (save a copy)"));
        }
        let last = view
            .shape
            .iter()
            .zip(&view.strides)
            .try_fold(view.offset, |at, (&n, &s)| at.checked_add((n - 1).checked_mul(s)?));
        if last.is_none_or(|last| last >= storage.length) {
            return Err("it reaches past the end of its storage".into());
        }
        let data = self.gather(view, bytes, count);
        Tensor::new(view.shape.clone(), data).ok_or("its shape overflows".into())
    }

    /// The values in row-major order; every element is known to lie inside `bytes`.
    fn gather(&self, view: &View, bytes: &[u8], count: usize) -> Vec<f32> {
        let size = view.storage.element.size();
        if is_row_major(view) && !self.big_endian {
            let from = view.offset * size;
            return view.storage.element.values(&bytes[from..from + count * size]);
        }
        let mut index = vec![0_usize; view.shape.len()];
        let mut gathered = Vec::with_capacity(count * size);
        for _ in 0..count {
            let at: usize = index.iter().zip(&view.strides).map(|(i, s)| i * s).sum();
            let from = (view.offset + at) * size;
            gathered.extend_from_slice(&bytes[from..from + size]);
            for axis in (0..view.shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < view.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        if self.big_endian {
            gathered.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        view.storage.element.values(&gathered)
    }
}

fn is_row_major(view: &View) -> bool {
    let mut expected = 1;
    view.shape.iter().zip(&view.strides).rev().all(|(&extent, &stride)| {
        let fits = extent == 1 || stride == expected;
        expected *= extent;
        fits
    })
}
