//! What one operation of a graph is: a function of blocks of samples, and how gradients go back.

use std::fmt::Debug;
use std::ops::Range;

use pathline::At;
use pathline::field::Conditions;
use pathline::kernels::bf16::Halves;

use crate::scratch::warm;
use pathline::kernels::ProductPrecision;

/// Most inputs that an operation may have.
pub(crate) const MOST_INPUTS: usize = 3;

/// Rows that a product sees at least in inference, and always a multiple of it: see [`Call::rows`].
pub(crate) const ROW_MULTIPLE: usize = 64;
/// The same for values with one row a sample, of which a block has few.
pub(crate) const FEW_ROWS: usize = 16;

/// How much of a value belongs to one sample: `rows` rows (tokens, pixels; channels last) of `width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) rows: usize,
    pub(crate) width: usize,
}

impl Extent {
    /// Values of one sample.
    pub(crate) fn elements(self) -> usize {
        self.rows * self.width
    }

    /// Length of a buffer for a block of `samples`, with room for padded rows.
    pub(crate) fn buffer(self, samples: usize) -> usize {
        (samples * self.rows).next_multiple_of(ROW_MULTIPLE) * self.width
    }
}

/// One pass over one block of samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) at: &'a At<'a>,
    pub(crate) conditions: &'a Conditions,
    /// The block's first row in `at`.
    pub(crate) from: usize,
    /// Samples of the block.
    pub(crate) samples: usize,
    /// The network's arena.
    pub(crate) parameters: &'a [f32],
    /// Whether backward will follow.
    pub(crate) training: bool,
    /// In which numbers products multiply.
    pub(crate) precision: ProductPrecision,
    /// What each operation of the graph [packed](Operation::pack); none where they pack within each block.
    pub(crate) packed: &'a [Packed],
    /// Which of them it is.
    pub(crate) node: usize,
}

impl<'a> Call<'a> {
    /// A pass over these rows, of which no block is named yet.
    pub(crate) fn new(
        (at, conditions): (&'a At<'a>, &'a Conditions),
        parameters: &'a [f32],
        (precision, training): (ProductPrecision, bool),
        packed: &'a [Packed],
    ) -> Self {
        Self {
            at,
            conditions,
            from: 0,
            samples: 0,
            parameters,
            training,
            precision,
            packed,
            node: 0,
        }
    }

    /// The pass over `samples` rows from row `from` on.
    pub(crate) fn block(&self, from: usize, samples: usize) -> Self {
        Self { from, samples, ..*self }
    }

    /// What the operation packed.
    pub(crate) fn packed(&self) -> &'a Packed {
        &self.packed[self.node]
    }

    /// The time of the block's sample `i`.
    pub(crate) fn time(&self, i: usize) -> f64 {
        self.at.t.at(self.from + i)
    }

    /// The class of the block's sample `i`.
    pub(crate) fn class(&self, i: usize) -> Option<u32> {
        self.conditions.of(self.at.samples.at(self.from + i))
    }

    /// Rows of a value that a matrix product should be given.
    ///
    /// In training just those there are. In inference padded ones (whose values are finite and ignored),
    /// because the product library takes other kernels for small and odd row counts, and then a sample's
    /// bytes would depend on how many others are in its batch.
    pub(crate) fn rows(&self, extent_rows: usize) -> usize {
        let rows = self.samples * extent_rows;
        match (self.training, extent_rows) {
            (true, _) => rows,
            (false, 1) => rows.next_multiple_of(FEW_ROWS),
            (false, _) => rows.next_multiple_of(ROW_MULTIPLE),
        }
    }
}

/// The place of an input's gradient: written if it is the first to arrive there, else added to.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) add: bool,
}

impl Place<'_> {
    /// `keep` of a matrix product that lands here.
    pub(crate) fn keep(&self) -> f32 {
        f32::from(u8::from(self.add))
    }

    /// The values of a range, ready to be added to: zeros if nothing arrived yet, since a buffer may hold
    /// anything, NaN too, of another use.
    #[inline(always)]
    pub(crate) fn open(&mut self, range: Range<usize>) -> &mut [f32] {
        let values = &mut self.values[range];
        if !self.add {
            values.fill(0.0);
        }
        values
    }

    /// Writes or adds a gradient into the values from `at` on.
    #[inline(always)]
    pub(crate) fn receive(&mut self, at: usize, gradient: &[f32]) {
        let values = &mut self.values[at..at + gradient.len()];
        if !self.add {
            return values.copy_from_slice(gradient);
        }
        for (sum, d) in values.iter_mut().zip(gradient) {
            *sum += d;
        }
    }
}

/// One operation's parameters in the order in which its products want them; kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    pub(crate) plain: Vec<f32>,
    /// In `bf16`, as they are rounded, and as forward and backward want them.
    pub(crate) rounded: Halves,
    pub(crate) forward: Halves,
    pub(crate) backward: Halves,
}

/// What an operation packs its parameters for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    pub(crate) precision: ProductPrecision,
    /// Whether forward will read it.
    pub(crate) forward: bool,
    /// Whether backward will read it.
    pub(crate) backward: bool,
}

/// Working memory that operations share; its contents mean nothing between calls.
#[derive(Debug, Default)]
pub(crate) struct Work {
    buffers: [Vec<f32>; 2],
    rounded: Rounded,
}

/// Working memory of products in `bf16`.
#[derive(Debug, Default)]
pub(crate) struct Rounded {
    pub(crate) image: Halves,
    pub(crate) turned: Halves,
    pub(crate) plain: Halves,
    pub(crate) pieces: Halves,
    pub(crate) steps: Vec<usize>,
}

impl Work {
    /// Two buffers of at least these lengths, with whatever they held.
    pub(crate) fn take(&mut self, first: usize, second: usize) -> [&mut [f32]; 2] {
        let [a, b] = &mut self.buffers;
        [warm(a, first), warm(b, second)]
    }

    /// [`Work::take`], and memory for numbers in `bf16`.
    pub(crate) fn take_rounded(
        &mut self,
        first: usize,
        second: usize,
    ) -> ([&mut [f32]; 2], &mut Rounded) {
        let [a, b] = &mut self.buffers;
        ([warm(a, first), warm(b, second)], &mut self.rounded)
    }
}

/// A fused operation of the graph: some input values and parameters to one output value.
///
/// All slices are blocks: sample after sample, row after row, and at least as long as
/// [`Extent::buffer`] says; rows beyond the block's samples are padding, finite and without meaning.
/// Everything runs on the calling thread.
pub(crate) trait Operation: Send + Sync + Debug {
    /// Values a sample that forward keeps for backward, besides inputs and output.
    fn kept(&self) -> usize {
        0
    }

    /// Whether it has parameters.
    fn learns(&self) -> bool {
        false
    }

    /// Puts parameters in the order in which products want them: once for all blocks of a call, or before each
    /// use.
    fn pack(&self, _parameters: &[f32], _for: Packing, _packed: &mut Packed) {}

    /// Values of a gradient that backward sums in another order than its parameters': see
    /// [`Operation::finish`].
    fn sums(&self, _precision: ProductPrecision) -> usize {
        0
    }

    /// Adds to `gradient` (as long as the arena) what backward left in its sums over some blocks.
    fn finish(&self, _precision: ProductPrecision, _sums: &mut [f32], _gradient: &mut [f32]) {}

    /// Whether `delta`, left as it is by backward, is itself the gradient at the first input (as in
    /// `x + f(y)`): then its buffer is moved there rather than copied.
    fn passes(&self) -> bool {
        false
    }

    /// Writes the output, and into `kept` (empty in inference) what backward needs.
    fn forward(
        &self,
        call: &Call<'_>,
        inputs: &[&[f32]],
        output: &mut [f32],
        kept: &mut [f32],
        work: &mut Work,
    );

    /// From `delta`, the gradient at the output, the gradients at the inputs (`None` where nobody asks
    /// for one) and, added to `gradient` (as long as the arena) or to `sums`, at the parameters. May
    /// destroy `delta`, unless the operation [passes](Operation::passes) it on to its first input.
    fn backward(&self, call: &Call<'_>, back: Back<'_, '_>, work: &mut Work);
}

/// What backward is given.
#[derive(Debug)]
pub(crate) struct Back<'a, 'b> {
    pub(crate) inputs: &'a [&'a [f32]],
    pub(crate) kept: &'a [f32],
    pub(crate) delta: &'a mut [f32],
    pub(crate) into: &'a mut [Option<Place<'b>>],
    pub(crate) gradient: &'a mut [f32],
    /// As many as [`Operation::sums`] says.
    pub(crate) sums: &'a mut [f32],
}
