//! Running a graph over a batch: inference, and the gradient of the training loss.
//!
//! **Inference** cuts the batch into blocks of samples whose values fit in cache. Products see padded row
//! counts there ([`Call::rows`]), so a sample's bytes do not depend on the cut, which is therefore free
//! to follow the number of threads.
//!
//! **Training** cuts the batch into parts by its size alone; each part sums its own gradient over its
//! blocks, and the parts are added in order.

use std::ops::Range;

use pathline::field::Conditions;
use pathline::{At, Rows, RowsMut};
use rayon::prelude::*;

use super::operation::{Back, Call, MOST_INPUTS, Packed, Packing, Place, ROW_MULTIPLE};
use super::plan::{self, Arrival};
use super::{Graph, Node};
use crate::scratch::{Part, Scratch, Workspace, fewest_a_thread, sum_gradients, warm};
use pathline::kernels::ProductPrecision;

/// Most values of all parts' gradients together, while there are more parts than [`FEWEST_PARTS`].
const MOST_GRADIENTS: usize = 1 << 26;
const FEWEST_PARTS: usize = 4;
const MOST_PARTS: usize = 16;

/// Most parameters that are packed once for all blocks of a call. Of more, what one operation packs leaves the
/// caches before it is read: then each packs in every block, right before it multiplies, and gradients that are
/// summed in another order are put back right behind.
pub(crate) const MOST_AHEAD: usize = 1 << 21;

/// Writes the gradient at the outputs of some rows, given the rows' numbers and their outputs; gives
/// their share of the loss.
pub(crate) type Residual<'a> = dyn Fn(Range<usize>, &[f32], &mut [f32]) -> f64 + Sync + 'a;

impl Graph {
    /// Writes the output of every sample of `at` into the same row of `out`.
    pub(crate) fn forward(
        &self,
        parameters: &[f32],
        (at, conditions): (&At<'_>, &Conditions),
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) {
        let (samples, width) = (at.x.len(), out.width());
        let block = self.inference_block(samples);
        let precision = scratch.precision();
        let (_, packed, pool) = scratch.for_graph(0, self.nodes.len());
        let packed = self.packed(parameters, (precision, false), packed);
        let whole = Call::new((at, conditions), parameters, (precision, false), packed);
        let fewest = fewest_a_thread(samples * parameters.len(), samples.div_ceil(block));
        out.into_slice().par_chunks_mut(block * width).with_min_len(fewest).enumerate().for_each(
            |(b, out)| {
                let (from, samples) = (b * block, out.len() / width);
                let call = whole.block(from, samples);
                pool.with(Workspace::default, |workspace| {
                    let slot = self.forward_block(&call, workspace);
                    out.copy_from_slice(&workspace.values[slot][..out.len()]);
                });
            },
        );
    }

    /// What every operation packed of its parameters, for all blocks of a call; nothing where they are too many.
    fn packed<'a>(
        &self,
        parameters: &[f32],
        (precision, training): (ProductPrecision, bool),
        packed: &'a mut [Packed],
    ) -> &'a [Packed] {
        if parameters.len() > MOST_AHEAD {
            return &[];
        }
        let how = Packing { precision, forward: true, backward: training };
        let fewest = fewest_a_thread(parameters.len(), self.nodes.len());
        let both = self.nodes.par_iter().zip(&mut *packed).with_min_len(fewest);
        both.for_each(|(node, packed)| node.operation.pack(parameters, how, packed));
        packed
    }

    /// The pass for operation `i`, which packs into `room` what it did not before.
    fn pass<'a>(&self, call: &Call<'a>, i: usize, back: bool, room: &'a mut Packed) -> Call<'a> {
        if !call.packed.is_empty() {
            return Call { node: i, ..*call };
        }
        let how = Packing { precision: call.precision, forward: !back, backward: back };
        self.nodes[i].operation.pack(call.parameters, how, room);
        Call { packed: std::slice::from_ref(room), node: 0, ..*call }
    }

    /// Samples of an inference block: as many as the cache likes, fewer when threads would stand idle.
    fn inference_block(&self, samples: usize) -> usize {
        let rows = self.most_rows();
        let most = (self.cut.rows / rows).max(1);
        // Among the block sizes that fit, the one that pads least, larger ones first.
        let padding = |block: usize| {
            let padded = (block * rows).next_multiple_of(ROW_MULTIPLE);
            (padded - block * rows) * 1000 / padded
        };
        let best = (1..=most).rev().min_by_key(|&block| padding(block)).unwrap_or(1);
        best.min(samples.div_ceil(rayon::current_num_threads())).max(1)
    }

    /// The gradient, by every parameter, of the sum that `residual` gives over all rows of `at`, written
    /// over `into`; gives that sum.
    pub(crate) fn gradient(
        &self,
        parameters: &[f32],
        rows: (&At<'_>, &Conditions),
        residual: &Residual<'_>,
        into: &mut [f32],
        scratch: &mut Scratch,
    ) -> f64 {
        let (samples, values) = (rows.0.x.len(), parameters.len());
        let most_parts = (MOST_GRADIENTS / values.max(1)).clamp(FEWEST_PARTS, MOST_PARTS);
        // Two parts at least, for two threads.
        let fewest = self.cut.fewest.min(samples.div_ceil(2));
        let each = samples.div_ceil(most_parts).max(fewest);
        let blocks = (each * self.most_rows()).div_ceil(self.cut.rows).min(each);
        let block = each.div_ceil(blocks.max(1));
        let count = samples.div_ceil(each);
        let (precision, at_once) = (scratch.precision(), scratch.parts_at_once(count));
        let (parts, packed, pool) = scratch.for_graph(at_once.min(count), self.nodes.len());
        let packed = self.packed(parameters, (precision, true), packed);
        let whole = Call::new(rows, parameters, (precision, true), packed);
        let mut loss = 0.0;
        for first in (0..count).step_by(at_once) {
            let parts = &mut parts[..at_once.min(count - first)];
            parts.par_iter_mut().with_max_len(1).enumerate().for_each(|(p, part)| {
                let from = (first + p) * each;
                let rows = from..(from + each).min(samples);
                pool.with(Workspace::default, |workspace| {
                    self.part(&whole, (rows, block), residual, workspace, part);
                });
            });
            sum_gradients(parts, first == 0, into);
            parts.iter().for_each(|part| loss += part.loss);
        }
        loss
    }

    /// The gradient of one part of a batch: of these rows, in blocks of so many.
    fn part(
        &self,
        whole: &Call<'_>,
        (rows, block): (Range<usize>, usize),
        residual: &Residual<'_>,
        workspace: &mut Workspace,
        part: &mut Part,
    ) {
        part.loss = 0.0;
        let gradient = warm(&mut part.gradient, whole.parameters.len());
        gradient.fill(0.0);
        let nodes = if whole.packed.is_empty() { &[] } else { &self.nodes[..] };
        open_sums(nodes, whole.precision, &mut workspace.sums);
        for from in rows.clone().step_by(block) {
            let call = whole.block(from, block.min(rows.end - from));
            part.loss += self.block(&call, residual, workspace, gradient);
        }
        for (node, sums) in nodes.iter().zip(&mut workspace.sums) {
            let length = node.operation.sums(whole.precision);
            node.operation.finish(whole.precision, &mut sums[..length], gradient);
        }
    }

    /// Adds one block's gradient; gives its share of the loss.
    fn block(
        &self,
        call: &Call<'_>,
        residual: &Residual<'_>,
        workspace: &mut Workspace,
        gradient: &mut [f32],
    ) -> f64 {
        let slot = self.forward_block(call, workspace);
        let Some((delta, elements)) = self.open(&self.plan.to_parameters, call, workspace) else {
            return 0.0;
        };
        let loss = residual(
            call.from..call.from + call.samples,
            &workspace.values[slot][..elements],
            &mut workspace.deltas[delta][..elements],
        );
        self.backward_block(&self.plan.to_parameters, call, workspace, gradient);
        loss
    }

    /// Makes room for the gradient at the output of a block; gives its buffer and how many values it has.
    fn open(
        &self,
        back: &plan::Back,
        call: &Call<'_>,
        workspace: &mut Workspace,
    ) -> Option<(usize, usize)> {
        let delta = back.nodes.last().copied().flatten()?.delta;
        let output = self.extents[self.nodes.last()?.output];
        workspace.deltas.resize_with(back.buffers.max(workspace.deltas.len()), Vec::new);
        warm(&mut workspace.deltas[delta], output.buffer(call.samples));
        Some((delta, call.samples * output.elements()))
    }

    /// Writes `J^T w` for the row `w` of `along` of every sample of `at` into the same row of `out`, with the Jacobian
    /// of the output by the states. Sample by sample, so that neither threads nor other samples change a byte.
    pub(crate) fn pullback(
        &self,
        parameters: &[f32],
        (at, conditions): (&At<'_>, &Conditions),
        along: Rows<'_>,
        out: RowsMut<'_>,
        scratch: &mut Scratch,
    ) {
        let width = out.width();
        let precision = scratch.precision();
        let (_, packed, pool) = scratch.for_graph(0, self.nodes.len());
        let packed = self.packed(parameters, (precision, true), packed);
        let whole = Call::new((at, conditions), parameters, (precision, true), packed);
        out.into_slice().par_chunks_mut(width).enumerate().for_each(|(i, out)| {
            let call = whole.block(i, 1);
            pool.with(Workspace::default, |workspace| {
                self.forward_block(&call, workspace);
                let back = &self.plan.to_states;
                if let Some((delta, elements)) = self.open(back, &call, workspace) {
                    workspace.deltas[delta][..elements].copy_from_slice(along.row(i));
                    let nodes = if packed.is_empty() { &[] } else { &self.nodes[..] };
                    open_sums(nodes, precision, &mut workspace.sums);
                    // What the parameters get is nobody's.
                    let mut unused = std::mem::take(&mut workspace.unused);
                    let into = warm(&mut unused, parameters.len());
                    self.backward_block(back, &call, workspace, into);
                    workspace.unused = unused;
                }
                match back.states {
                    Some(states) => out.copy_from_slice(&workspace.deltas[states][..out.len()]),
                    None => out.fill(0.0),
                }
            });
        });
    }

    /// The states of a block.
    fn states<'a>(&self, call: &Call<'a>) -> &'a [f32] {
        let width = call.at.x.width();
        &call.at.x.as_slice()[call.from * width..(call.from + call.samples) * width]
    }

    /// The buffer of a value: in training each has its own.
    fn slot(&self, call: &Call<'_>, value: usize) -> usize {
        if call.training { value } else { self.plan.slots[value] }
    }

    /// Takes a block through all operations; gives the buffer of the output.
    fn forward_block(&self, call: &Call<'_>, workspace: &mut Workspace) -> usize {
        let Workspace { values, kept, packed, work, .. } = workspace;
        let slots = if call.training { self.extents.len() } else { self.plan.slot_count };
        values.resize_with(slots.max(values.len()), Vec::new);
        kept.resize_with(self.nodes.len().max(kept.len()), Vec::new);
        let mut last = 0;
        for (i, (node, kept)) in self.nodes.iter().zip(kept).enumerate() {
            last = self.slot(call, node.output);
            let mut output = std::mem::take(&mut values[last]);
            let room = self.extents[node.output].buffer(call.samples);
            let keep = if call.training { node.operation.kept() * call.samples } else { 0 };
            let inputs = self.inputs(node, call, values);
            node.operation.forward(
                &self.pass(call, i, false, packed),
                &inputs[..node.count],
                warm(&mut output, room),
                warm(kept, keep),
                work,
            );
            values[last] = output;
        }
        last
    }

    fn inputs<'a>(
        &self,
        node: &Node,
        call: &Call<'a>,
        values: &'a [Vec<f32>],
    ) -> [&'a [f32]; MOST_INPUTS] {
        let mut inputs = [&[][..]; MOST_INPUTS];
        for (slice, &input) in inputs.iter_mut().zip(node.inputs()) {
            *slice = if input == 0 {
                self.states(call)
            } else {
                let room = self.extents[input].buffer(call.samples);
                &values[self.slot(call, input)][..room]
            };
        }
        inputs
    }

    /// Takes the gradient at the output back through all operations.
    fn backward_block(
        &self,
        back: &plan::Back,
        call: &Call<'_>,
        workspace: &mut Workspace,
        gradient: &mut [f32],
    ) {
        let Workspace { values, kept, deltas, packed, sums, work, .. } = workspace;
        let ahead = !call.packed.is_empty();
        for (i, node) in self.nodes.iter().enumerate().rev() {
            let Some(back) = back.nodes[i] else { continue };
            let mut delta = std::mem::take(&mut deltas[back.delta]);
            let mut taken: [Vec<f32>; MOST_INPUTS] = Default::default();
            let mut into: [Option<Place<'_>>; MOST_INPUTS] = Default::default();
            for ((taken, into), (arrival, &input)) in
                taken.iter_mut().zip(&mut into).zip(back.inputs.iter().zip(node.inputs()))
            {
                if let &Arrival::At { slot, add } = arrival {
                    *taken = std::mem::take(&mut deltas[slot]);
                    let room = self.extents[input].buffer(call.samples);
                    *into = Some(Place { values: warm(taken, room), add });
                }
            }
            let keep = node.operation.kept() * call.samples;
            let room = self.extents[node.output].buffer(call.samples);
            let length = node.operation.sums(call.precision);
            // Those of a part, or of this block alone.
            let sums = warm(&mut sums[if ahead { i } else { 0 }], length);
            if !ahead {
                sums.fill(0.0);
            }
            let back_through = Back {
                inputs: &self.inputs(node, call, values)[..node.count],
                kept: &kept[i][..keep],
                delta: warm(&mut delta, room),
                into: &mut into[..node.count],
                gradient,
                sums,
            };
            node.operation.backward(&self.pass(call, i, true, packed), back_through, work);
            if !ahead {
                node.operation.finish(call.precision, sums, gradient);
            }
            if let Arrival::AddedTo { slot } = back.inputs[0] {
                let elements = call.samples * self.extents[node.output].elements();
                add(&mut deltas[slot][..elements], &delta[..elements]);
            }
            for (taken, arrival) in taken.into_iter().zip(back.inputs) {
                if let Arrival::At { slot, .. } = arrival {
                    deltas[slot] = taken;
                }
            }
            deltas[back.delta] = delta;
        }
    }
}

/// Makes room for the operations' own sums of a part, zeros.
fn open_sums(nodes: &[Node], precision: ProductPrecision, sums: &mut Vec<Vec<f32>>) {
    sums.resize_with(nodes.len().max(sums.len()).max(1), Vec::new);
    for (node, sums) in nodes.iter().zip(sums) {
        warm(sums, node.operation.sums(precision)).fill(0.0);
    }
}

fn add(sum: &mut [f32], terms: &[f32]) {
    for (sum, term) in sum.iter_mut().zip(terms) {
        *sum += term;
    }
}
