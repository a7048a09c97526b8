//! What a pickle builds, as a graph of nodes that name each other by number.
//!
//! A graph and not a tree: pickles share parts, fill containers after they are named, and may hold
//! cycles. Numbers keep all of that, and make dropping it plain. Texts are counted references,
//! since one text may be named a million times.

use std::rc::Rc;

use crate::safetensors::Element;

/// A node's number.
pub(super) type Id = usize;

/// One value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, little-endian.
    Long(Vec<u8>),
    Float(f64),
    Text(Rc<str>),
    Bytes,
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function that is named and nothing more.
    Global(Rc<str>),
    /// Something built from a class that is not known: inert.
    Object {
        class: Rc<str>,
        arguments: Id,
        state: Option<Id>,
    },
    Storage(StorageRef),
    Tensor(View),
}

/// Storage that a pickle refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StorageRef {
    pub(super) key: Rc<str>,
    pub(super) element: Element,
    /// Elements of the whole storage.
    pub(super) length: usize,
    /// Where this view of it begins (older files only).
    pub(super) offset: usize,
}

/// A strided view of a storage, in elements.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) storage: StorageRef,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// All nodes, and the one that the pickle ended with.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
}

impl Graph {
    pub(super) fn get(&self, id: Id) -> &Node {
        self.nodes.get(id).unwrap_or(&Node::None)
    }

    pub(super) fn text(&self, id: Id) -> Option<&Rc<str>> {
        match self.get(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A count or an offset; nothing negative is one.
    pub(super) fn count(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Node::Int(i) => usize::try_from(*i).ok(),
            _ => None,
        }
    }

    /// The members of a tuple or list.
    pub(super) fn members(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Node::Tuple(members) | Node::List(members) => Some(members),
            _ => None,
        }
    }

    /// The value under a text key of a dictionary.
    pub(super) fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        match self.get(dict) {
            Node::Dict(entries) => {
                // The last one counts, as in Python.
                entries
                    .iter()
                    .rev()
                    .find(|(k, _)| self.text(*k).is_some_and(|k| **k == *key))
                    .map(|(_, v)| *v)
            }
            _ => None,
        }
    }
}
