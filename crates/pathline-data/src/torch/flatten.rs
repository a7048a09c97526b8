//! From the graph of a pickle to tensors, plain values and classes under dotted names.

use std::collections::BTreeMap;
use std::path::Path;

use super::node::{Graph, Id, Node};
use super::storage::Storages;
use super::{Checkpoint, Scalar};
use crate::error::{Error, Fault, Place};

/// Deeper nesting than any network has; cycles end here too.
const DEEPEST: usize = 64;
/// What comes out may take this many times the file's bytes (tied weights, bytes widened to
/// floats), and so much more. Shared parts count each time they are met, so that a small pickle
/// that nests one list twice in the next, again and again, comes to an end.
const MOST_GROWTH: usize = 16;
const ALLOWANCE: usize = 16 << 20;
/// About what one value costs beside its text.
const OVERHEAD: usize = 64;
const DAMAGED: &str = "the file is damaged: fetch or save it again";

pub(super) fn flatten(
    graph: &Graph,
    storages: &Storages<'_>,
    path: &Path,
) -> Result<Checkpoint, Error> {
    let budget = storages.bytes.len().saturating_mul(MOST_GROWTH).saturating_add(ALLOWANCE);
    let out = Checkpoint::default();
    let mut walk = Walk { graph, storages, path, budget, out };
    walk.node(graph.root, &mut Vec::new())?;
    Ok(walk.out)
}

struct Walk<'a> {
    graph: &'a Graph,
    storages: &'a Storages<'a>,
    path: &'a Path,
    /// Bytes that may still be taken.
    budget: usize,
    out: Checkpoint,
}

impl<'a> Walk<'a> {
    fn node(&mut self, id: Id, name: &mut Vec<String>) -> Result<(), Error> {
        if name.len() > DEEPEST {
            return Err(self.too_large(name, "nested too deeply, or in itself"));
        }
        self.charge(OVERHEAD + name.iter().map(String::len).sum::<usize>(), name)?;
        match self.graph.get(id) {
            Node::Tensor(view) => {
                let bytes = view.shape.iter().fold(4_usize, |n, &e| n.saturating_mul(e));
                self.charge(bytes, name)?;
                let tensor = self.storages.tensor(view).map_err(|problem| {
                    Error::Malformed(Fault::new(self.path, place(name), problem, DAMAGED))
                })?;
                insert(&mut self.out.tensors, name, tensor, self.path)
            }
            Node::Dict(entries) => self.entries(entries, name),
            Node::List(members) | Node::Tuple(members) => {
                for (i, &member) in members.iter().enumerate() {
                    self.child(i.to_string(), member, name)?;
                }
                Ok(())
            }
            Node::Object { class, state, .. } => {
                self.out.classes.insert(name.join("."), class.to_string());
                state.map_or(Ok(()), |state| self.object(state, name))
            }
            Node::Bool(b) => self.scalar(name, Scalar::Bool(*b)),
            Node::Int(i) => self.scalar(name, Scalar::Int(*i)),
            Node::Float(x) => self.scalar(name, Scalar::Float(*x)),
            Node::Text(text) => {
                self.charge(text.len(), name)?;
                self.scalar(name, Scalar::Text(text.to_string()))
            }
            Node::None | Node::Long(_) | Node::Bytes | Node::Global(_) | Node::Storage(_) => Ok(()),
        }
    }

    fn charge(&mut self, bytes: usize, name: &[String]) -> Result<(), Error> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(self.too_large(name, "its content takes far more memory than the file")),
        }
    }

    fn too_large(&self, name: &[String], problem: &str) -> Error {
        let remedy = "save the tensors alone, each once";
        Error::TooLarge(Fault::new(self.path, place(name), problem, remedy))
    }

    fn child(&mut self, part: String, id: Id, name: &mut Vec<String>) -> Result<(), Error> {
        name.push(part);
        let done = self.node(id, name);
        name.pop();
        done
    }

    fn scalar(&mut self, name: &[String], value: Scalar) -> Result<(), Error> {
        insert(&mut self.out.scalars, name, value, self.path)
    }

    /// The entries of a dictionary; the last of equal keys counts, keys that are no names are left
    /// out.
    fn entries(&mut self, entries: &[(Id, Id)], name: &mut Vec<String>) -> Result<(), Error> {
        let mut named = BTreeMap::new();
        for &(key, value) in entries {
            let part = match self.graph.get(key) {
                Node::Text(text) => {
                    self.charge(OVERHEAD + text.len(), name)?;
                    text.to_string()
                }
                Node::Int(i) => i.to_string(),
                _ => continue,
            };
            named.insert(part, value);
        }
        for (part, value) in named {
            self.child(part, value, name)?;
        }
        Ok(())
    }

    /// The state of an object: of a module its parameters, lasting buffers and submodules (what its
    /// `state_dict()` names); of anything else nothing.
    fn object(&mut self, state: Id, name: &mut Vec<String>) -> Result<(), Error> {
        let graph = self.graph;
        // Classes with slots pickle their state as a pair.
        let state = match graph.get(state) {
            Node::Tuple(pair) => pair.first().copied().unwrap_or(state),
            _ => state,
        };
        if let Node::Dict(entries) = graph.get(state) {
            self.charge(OVERHEAD * entries.len(), name)?;
        }
        let part = |key: &str| match graph.entry(state, key).map(|id| graph.get(id)) {
            Some(Node::Dict(entries)) => entries.as_slice(),
            _ => &[],
        };
        self.entries(part("_parameters"), name)?;
        let passing = self.passing_buffers(state);
        let (buffers, modules) = (part("_buffers"), part("_modules"));
        self.charge(passing.len().saturating_mul(OVERHEAD * (1 + buffers.len())), name)?;
        let lasts =
            |(key, _): &(Id, Id)| !graph.text(*key).is_some_and(|k| passing.contains(&&**k));
        let lasting: Vec<_> = buffers.iter().copied().filter(lasts).collect();
        self.entries(&lasting, name)?;
        self.entries(modules, name)
    }

    /// Names of buffers that the module does not save: `set([...])`, an inert object here.
    fn passing_buffers(&self, state: Id) -> Vec<&'a str> {
        let graph = self.graph;
        let set = graph.entry(state, "_non_persistent_buffers_set");
        let members = match set.map(|id| graph.get(id)) {
            Some(Node::List(members)) => Some(members.as_slice()),
            Some(Node::Object { arguments, .. }) => graph
                .members(*arguments)
                .and_then(|a| a.first())
                .and_then(|&list| graph.members(list)),
            _ => None,
        };
        members.unwrap_or_default().iter().filter_map(|&id| graph.text(id).map(|t| &**t)).collect()
    }
}

fn place(name: &[String]) -> Place {
    if name.is_empty() { Place::File } else { Place::Tensor(name.join(".")) }
}

fn insert<T>(
    into: &mut BTreeMap<String, T>,
    name: &[String],
    value: T,
    path: &Path,
) -> Result<(), Error> {
    if into.insert(name.join("."), value).is_none() {
        return Ok(());
    }
    let remedy = "save the parts in files of their own";
    Err(Error::Invalid(Fault::new(path, place(name), "two values have this name", remedy)))
}
