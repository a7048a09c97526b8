//! Filling containers and objects that are already in the graph.

use super::node::{Graph, Id, Node};

/// Adds members to a list; an unknown object takes no notice.
pub(super) fn append(graph: &mut Graph, container: Id, members: Vec<Id>) {
    if let Some(Node::List(list)) = graph.nodes.get_mut(container) {
        list.extend(members);
    }
}

/// Adds keys and values, one after the other, to a dictionary.
pub(super) fn set_items(graph: &mut Graph, container: Id, flat: &[Id]) {
    if let Some(Node::Dict(entries)) = graph.nodes.get_mut(container) {
        entries.extend(flat.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value)));
    }
}

/// Gives an unknown object its state; what is known needs none (an `OrderedDict` of parameters
/// carries `_metadata` this way).
pub(super) fn set_state(graph: &mut Graph, object: Id, new: Id) {
    if let Some(Node::Object { state, .. }) = graph.nodes.get_mut(object) {
        *state = Some(new);
    }
}

/// The dictionary that `OrderedDict(pairs)` would make.
pub(super) fn dict_of_pairs(graph: &Graph, arguments: Id) -> Vec<(Id, Id)> {
    let pairs = graph.members(arguments).and_then(|a| a.first()).and_then(|&p| graph.members(p));
    let pair = |&id: &Id| match graph.members(id) {
        Some(&[key, value]) => Some((key, value)),
        _ => None,
    };
    pairs.unwrap_or_default().iter().filter_map(pair).collect()
}
