//! Which buffer each value and each gradient of a graph takes.

use super::Node;
use super::operation::{Extent, MOST_INPUTS};

/// Where the gradient at one input goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nobody asks for it.
    Nowhere,
    /// Into this buffer, written or added.
    At { slot: usize, add: bool },
    /// The buffer of the output's gradient becomes the input's.
    Moved,
    /// The output's gradient is added to this buffer.
    AddedTo { slot: usize },
}

/// How one node goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Return {
    /// The buffer of the gradient at its output.
    pub(super) delta: usize,
    pub(super) inputs: [Arrival; MOST_INPUTS],
}

/// The buffers of a graph; see the module.
#[derive(Debug)]
pub(super) struct Plan {
    /// In inference, the buffer of each value.
    pub(super) slots: Vec<usize>,
    /// How many buffers inference needs.
    pub(super) slot_count: usize,
    /// The way back to the parameters.
    pub(super) to_parameters: Back,
    /// The way back to the states as well.
    pub(super) to_states: Back,
}

/// How gradients go back through a graph.
#[derive(Debug)]
pub(super) struct Back {
    /// How each node goes back; `None` for those behind which nothing is wanted.
    pub(super) nodes: Vec<Option<Return>>,
    /// How many buffers the gradients need.
    pub(super) buffers: usize,
    /// The buffer of the gradient at the states, where that is wanted.
    pub(super) states: Option<usize>,
}

/// Numbered buffers, of which some are free.
#[derive(Default)]
struct Pool {
    free: Vec<usize>,
    count: usize,
}

impl Pool {
    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}

impl Plan {
    pub(super) fn new(extents: &[Extent], nodes: &[Node]) -> Self {
        let (slots, slot_count) = values(extents.len(), nodes);
        let [to_parameters, to_states] =
            [false, true].map(|states| gradients(extents.len(), nodes, states));
        Self { slots, slot_count, to_parameters, to_states }
    }
}

/// Value 0 is the caller's own slice and takes no buffer.
fn values(count: usize, nodes: &[Node]) -> (Vec<usize>, usize) {
    let mut last_use = vec![usize::MAX; count];
    for (i, node) in nodes.iter().enumerate() {
        for &input in node.inputs() {
            last_use[input] = i;
        }
    }
    let (mut slots, mut pool) = (vec![0; count], Pool::default());
    for (i, node) in nodes.iter().enumerate() {
        slots[node.output] = pool.take();
        for &input in node.inputs() {
            if last_use[input] == i && input != 0 {
                pool.free.push(slots[input]);
            }
        }
    }
    (slots, pool.count)
}

fn gradients(count: usize, nodes: &[Node], states: bool) -> Back {
    // A gradient is wanted where parameters lie behind the value, or the states if theirs is.
    let mut wanted = vec![false; count];
    wanted[0] = states;
    for node in nodes {
        wanted[node.output] =
            node.operation.learns() || node.inputs().iter().any(|&input| wanted[input]);
    }
    let (mut slot_of, mut pool) = (vec![None; count], Pool::default());
    let mut back = vec![None; nodes.len()];
    if let Some(last) = nodes.last() {
        slot_of[last.output] = Some(pool.take());
    }
    for (node, back) in nodes.iter().zip(&mut back).rev() {
        let (Some(delta), true) = (slot_of[node.output], wanted[node.output]) else { continue };
        let (mut inputs, mut moved) = ([Arrival::Nowhere; MOST_INPUTS], false);
        for (i, &input) in node.inputs().iter().enumerate() {
            if !wanted[input] {
                continue;
            }
            let passed = i == 0 && node.operation.passes();
            inputs[i] = match (slot_of[input], passed) {
                (Some(slot), false) => Arrival::At { slot, add: true },
                (Some(slot), true) => Arrival::AddedTo { slot },
                (None, false) => {
                    let slot = pool.take();
                    slot_of[input] = Some(slot);
                    Arrival::At { slot, add: false }
                }
                (None, true) => {
                    slot_of[input] = Some(delta);
                    moved = true;
                    Arrival::Moved
                }
            };
        }
        if !moved {
            pool.free.push(delta);
        }
        *back = Some(Return { delta, inputs });
    }
    Back { nodes: back, buffers: pool.count, states: slot_of[0] }
}
