//! Buffers that stay warm between calls, and the fixed cut of a batch into parts.

/// Most parts that one batch is cut into: enough for many cores, few enough that their gradients
/// are summed in little time.
const MOST_PARTS: usize = 16;

/// A product of rows and parameters below this runs on the calling thread: handing it to others
/// costs about as much as doing it.
const WORTH_SHARING: usize = 400_000;

/// Working memory of a network, kept from call to call so that a step allocates nothing once warm.
///
/// A scratch may be used with any network and any batch; it grows to the largest and never shrinks.
#[derive(Debug, Default)]
pub struct Scratch {
    parts: Vec<Part>,
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

    /// The first `count` parts.
    pub(crate) fn parts(&mut self, count: usize) -> &mut [Part] {
        if self.parts.len() < count {
            self.parts.resize_with(count, Part::default);
        }
        &mut self.parts[..count]
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
