//! The few callables that are understood: tensors, parameters, ordered dictionaries, storages.

use super::collections::dict_of_pairs;
use super::machine::Machine;
use super::node::{Graph, Id, Node, StorageRef, View};
use crate::error::Error;
use crate::safetensors::Element;

/// PyTorch itself stops at 64 extents.
const MOST_EXTENTS: usize = 64;

/// The node for `class(*arguments)`, by knowledge of the class and not by calling it.
pub(super) fn call(machine: &mut Machine<'_, '_>, class: Id, arguments: Id) -> Result<Id, Error> {
    let Node::Global(class) = machine.graph.get(class) else {
        return Err(machine.malformed("a call of what is no class"));
    };
    let class = class.clone();
    match &*class {
        "collections.OrderedDict" | "collections.defaultdict" | "builtins.dict" => {
            let entries = dict_of_pairs(&machine.graph, arguments);
            machine.copied(entries.len())?;
            machine.add(Node::Dict(entries))
        }
        "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor" => {
            match view(&machine.graph, arguments) {
                Some(view) => {
                    machine.copied(view.shape.len())?;
                    machine.add(Node::Tensor(view))
                }
                None => Err(machine.malformed("the arguments of a tensor are none")),
            }
        }
        "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
            let data = machine.graph.members(arguments).and_then(|a| a.first().copied());
            match data.filter(|&d| matches!(machine.graph.get(d), Node::Tensor(_))) {
                Some(tensor) => Ok(tensor),
                None => Err(machine.malformed("a parameter without a tensor")),
            }
        }
        // Left inert, these would be tensors that are silently missing.
        other if other.starts_with("torch.") && other.contains("._rebuild_") => {
            let problem = format!("tensors made by {other} are not read");
            let remedy = "convert them to plain dense tensors first";
            Err(machine.cursor.unsupported(problem, remedy))
        }
        _ => machine.add(Node::Object { class, arguments, state: None }),
    }
}

fn view(graph: &Graph, arguments: Id) -> Option<View> {
    let [storage, offset, shape, strides, ..] = *graph.members(arguments)? else { return None };
    let Node::Storage(storage) = graph.get(storage) else { return None };
    let counts = |id: Id| -> Option<Vec<usize>> {
        let members = graph.members(id).filter(|m| m.len() <= MOST_EXTENTS)?;
        members.iter().map(|&m| graph.count(m)).collect()
    };
    let (shape, strides) = (counts(shape)?, counts(strides)?);
    let offset = graph.count(offset)?.checked_add(storage.offset)?;
    let storage = storage.clone();
    (shape.len() == strides.len()).then_some(View { storage, offset, shape, strides })
}

/// The node for a persistent reference: `("storage", type, key, device, length[, view])`.
pub(super) fn storage(machine: &mut Machine<'_, '_>, reference: Id) -> Result<Id, Error> {
    let graph = &machine.graph;
    let parts = graph.members(reference).unwrap_or_default();
    let (Some(&kind), [tag, _, key, _, length, view @ ..]) = (parts.get(1), parts) else {
        return Err(machine.malformed("a reference to something other than a storage"));
    };
    if graph.text(*tag).is_none_or(|t| &**t != "storage") {
        return Err(machine.malformed("a reference to something other than a storage"));
    }
    let Node::Global(kind) = graph.get(kind) else {
        return Err(machine.malformed("a storage without a type"));
    };
    let Some(element) = element(kind) else {
        let problem = format!("storages of type {kind} are not read");
        return Err(machine.cursor.unsupported(problem, "convert the tensors to float32 first"));
    };
    // Older files: None, or (key of the view, first element, length).
    let offset = match view.first().and_then(|&v| graph.members(v)) {
        Some([_, first, ..]) => graph.count(*first),
        _ => Some(0),
    };
    let parts = (graph.text(*key).cloned(), graph.count(*length), offset);
    let (Some(key), Some(length), Some(offset)) = parts else {
        return Err(machine.malformed("a storage without key or length"));
    };
    let storage = StorageRef { key, element, length, offset };
    machine.add(Node::Storage(storage))
}

fn element(class: &str) -> Option<Element> {
    Some(match class.strip_prefix("torch.")? {
        "DoubleStorage" => Element::F64,
        "FloatStorage" => Element::F32,
        "HalfStorage" => Element::F16,
        "BFloat16Storage" => Element::BF16,
        "LongStorage" => Element::I64,
        "IntStorage" => Element::I32,
        "ShortStorage" => Element::I16,
        "CharStorage" => Element::I8,
        "ByteStorage" => Element::U8,
        "BoolStorage" => Element::Bool,
        _ => return None,
    })
}
