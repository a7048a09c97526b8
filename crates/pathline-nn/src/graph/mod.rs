//! A network as a fixed sequence of fused operations, and its run forward and back.
//!
//! A [`Graph`] is built once: values with known extents, operations in the order they run. Nothing is
//! recorded while it runs, so the tape of the usual sort is a table made beforehand: which buffer each
//! value takes (in inference they are used again as soon as nobody reads them), which gradient is the
//! first to arrive at a value and is written or moved there, and which later ones are added. After the
//! first call the buffers are warm and nothing is allocated.
//!
//! A batch is cut into blocks of samples, each taken through all operations by one thread while its
//! values are in cache; see [`run`].
//!
//! # References
//! Griewank and Walther (2008), "Evaluating Derivatives", chapter 3 (reverse mode by a list of
//! elementary operations); chapter 4 (its memory).

pub(crate) mod operation;
mod plan;
pub(crate) mod run;

use operation::{Extent, MOST_INPUTS, Operation};
use plan::Plan;

/// A value of a graph under construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    index: usize,
    /// Its extent.
    pub(crate) extent: Extent,
}

/// One operation with the values it reads and the one it makes.
#[derive(Debug)]
struct Node {
    operation: Box<dyn Operation>,
    inputs: [usize; MOST_INPUTS],
    count: usize,
    output: usize,
}

impl Node {
    fn inputs(&self) -> &[usize] {
        &self.inputs[..self.count]
    }
}

/// A finished graph: value 0 is the states, the last node's output is the network's.
#[derive(Debug)]
pub(crate) struct Graph {
    extents: Vec<Extent>,
    nodes: Vec<Node>,
    plan: Plan,
    cut: Cut,
}

/// How a batch is cut into blocks and parts.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Rows of tokens or pixels that a block should have about.
    rows: usize,
    /// Fewest samples of a part in training.
    fewest: usize,
}

/// Enough rows for the matrix product to run at its best, few enough that a layer's values stay in the
/// second cache.
const USUAL_CUT: Cut = Cut { rows: 512, fewest: 1 };

/// A graph under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    extents: Vec<Extent>,
    nodes: Vec<Node>,
}

impl Builder {
    /// A graph whose states have `elements` values, and the states.
    pub(crate) fn new(elements: usize) -> (Self, Value) {
        let extent = Extent { rows: 1, width: elements };
        (Self { extents: vec![extent], nodes: Vec::new() }, Value { index: 0, extent })
    }

    /// Appends an operation; its inputs must be different values.
    pub(crate) fn add<const N: usize>(
        &mut self,
        operation: impl Operation + 'static,
        inputs: [Value; N],
        [rows, width]: [usize; 2],
    ) -> Value {
        const { assert!(N <= MOST_INPUTS) };
        let mut indices = [0; MOST_INPUTS];
        for (index, input) in indices.iter_mut().zip(inputs) {
            *index = input.index;
        }
        let (index, extent) = (self.extents.len(), Extent { rows, width });
        self.extents.push(extent);
        let operation = Box::new(operation);
        self.nodes.push(Node { operation, inputs: indices, count: N, output: index });
        Value { index, extent }
    }

    /// The graph whose output is what the last operation makes.
    pub(crate) fn finish(self) -> Graph {
        let plan = Plan::new(&self.extents, &self.nodes);
        Graph { extents: self.extents, nodes: self.nodes, plan, cut: USUAL_CUT }
    }
}

impl Graph {
    /// The same graph, run on blocks of about `samples` samples, in training in parts of at least `fewest`.
    pub(crate) fn in_blocks_of(self, samples: usize, fewest: usize) -> Self {
        let rows = samples * self.most_rows();
        Self { cut: Cut { rows, fewest }, ..self }
    }

    /// Most rows that one sample takes in a value: tokens, or pixels.
    pub(crate) fn most_rows(&self) -> usize {
        self.extents.iter().map(|e| e.rows).max().unwrap_or(1)
    }
}
