//! Buffers that stay warm between calls, and the fixed cut of a batch into parts.

use rayon::prelude::*;

use crate::graph::operation::{Packed, Work};
use pathline::kernels::{Idle, ProductPrecision};

/// Most parts that one batch is cut into: enough for many cores, few enough that their gradients
/// are summed in little time.
const MOST_PARTS: usize = 16;

/// A product of rows and parameters below this runs on the calling thread: handing it to others
/// costs about as much as doing it.
const WORTH_SHARING: usize = 400_000;

/// Working memory of a network, kept from call to call so that a step allocates nothing once warm.
///
/// It also says in which numbers products multiply ([`Scratch::in_precision`]; `f32`).
///
/// A scratch may be used with any network and any batch; it grows to the largest and never shrinks.
#[derive(Debug, Default)]
pub struct Scratch {
    precision: ProductPrecision,
    /// Groups that the parts of a batch are taken in, less one.
    more_groups: usize,
    parts: Vec<Part>,
    packed: Vec<Packed>,
    idle: Idle<Workspace>,
}

/// The buffers in which one thread takes a block of samples through a graph.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) values: Vec<Vec<f32>>,
    pub(crate) kept: Vec<Vec<f32>>,
    pub(crate) deltas: Vec<Vec<f32>>,
    /// What one operation packs, where none did before.
    pub(crate) packed: Packed,
    /// Of each operation, its gradient in the order of its own.
    pub(crate) sums: Vec<Vec<f32>>,
    /// As long as the arena, for a gradient that nobody asks for.
    pub(crate) unused: Vec<f32>,
    pub(crate) work: Work,
}

/// The buffers of one part of a batch.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// One a layer: its input, and the slope of the activation that made that input.
    pub(crate) saved: Vec<Saved>,
    /// The gradient at a layer's output, and at its input.
    pub(crate) delta: [Vec<f32>; 2],
    /// This part's share of the parameter gradient.
    pub(crate) gradient: Vec<f32>,
    /// This part's sum of squared errors.
    pub(crate) loss: f64,
}

/// What forward keeps of one layer.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) value: Vec<f32>,
    pub(crate) slope: Vec<f32>,
}

/// Values of the arena that are summed over the parts as one piece of work.
const SUM_PIECE: usize = 1 << 16;

/// Adds the gradients of parts, in their order, into `into`: over it for the first parts of a batch, to it for others.
pub(crate) fn sum_gradients(parts: &[Part], first: bool, into: &mut [f32]) {
    let values = into.len();
    into.par_chunks_mut(SUM_PIECE)
        .with_min_len(fewest_a_thread(values, values.div_ceil(SUM_PIECE)))
        .enumerate()
        .for_each(|(piece, into)| {
            let start = piece * SUM_PIECE;
            if first {
                into.copy_from_slice(&parts[0].gradient[start..start + into.len()]);
            }
            for part in &parts[usize::from(first)..] {
                for (sum, g) in into.iter_mut().zip(&part.gradient[start..]) {
                    *sum += g;
                }
            }
        });
}

/// The first `len` values of a warm buffer, grown when needed.
pub(crate) fn warm(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// A batch cut into parts of whole blocks. Depends on the row count alone, never on threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Number of parts; none is empty.
    pub(crate) parts: usize,
    /// Rows in every part but the last.
    pub(crate) rows: usize,
}

/// Fewest pieces that one thread should take, for `with_min_len`: all of them when `cost` (rows
/// times parameters) is too little to share. What is computed is the same either way.
pub(crate) fn fewest_a_thread(cost: usize, pieces: usize) -> usize {
    if cost < WORTH_SHARING { pieces.max(1) } else { 1 }
}

impl Cut {
    pub(crate) fn new(rows: usize, block: usize) -> Self {
        let blocks = rows.div_ceil(block);
        let each = blocks.div_ceil(MOST_PARTS).max(1);
        Self { parts: blocks.div_ceil(each), rows: each * block }
    }
}

impl Scratch {
    /// No buffer yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No buffer yet, for products in these numbers.
    #[must_use]
    pub fn in_precision(precision: ProductPrecision) -> Self {
        Self { precision, ..Self::default() }
    }

    /// The same, for gradients of which the parts of a batch are found in this many groups, one after another (1 where
    /// nothing is said): more groups take less memory. A batch has up to 16 parts, by its size, and changes no byte
    /// with their groups.
    #[must_use]
    pub fn in_groups(self, groups: usize) -> Self {
        Self { more_groups: groups.saturating_sub(1), ..self }
    }

    /// Parts of a batch's `count` whose gradients are held at a time.
    pub(crate) fn parts_at_once(&self, count: usize) -> usize {
        count.div_ceil(self.more_groups.saturating_add(1)).max(1)
    }

    pub(crate) fn precision(&self) -> ProductPrecision {
        self.precision
    }

    /// The first `count` parts.
    pub(crate) fn parts(&mut self, count: usize) -> &mut [Part] {
        if self.parts.len() < count {
            self.parts.resize_with(count, Part::default);
        }
        &mut self.parts[..count]
    }

    /// The first `parts` parts, room for what `nodes` operations pack, and the workspaces.
    pub(crate) fn for_graph(
        &mut self,
        parts: usize,
        nodes: usize,
    ) -> (&mut [Part], &mut [Packed], &Idle<Workspace>) {
        if self.packed.len() < nodes {
            self.packed.resize_with(nodes, Packed::default);
        }
        self.parts(parts);
        (&mut self.parts[..parts], &mut self.packed[..nodes], &self.idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_covers_every_row_once_and_leaves_no_part_empty() {
        for rows in 1..5000 {
            let cut = Cut::new(rows, 64);
            assert!(cut.parts <= MOST_PARTS && cut.rows.is_multiple_of(64));
            assert!(cut.parts * cut.rows >= rows && (cut.parts - 1) * cut.rows < rows, "{rows}");
        }
        assert_eq!(Cut::new(0, 64).parts, 0);
    }
}
