//! The pickle machine: a stack, a memo, and the opcodes of protocols 2 to 5 that build values.
//!
//! Every opcode adds at most one node, and nodes, stack and memo are bounded by the bytes read and
//! by the limits below, so no pickle takes more memory than its length accounts for.

use std::collections::HashMap;
use std::rc::Rc;

use super::collections as fill;
use super::node::{Graph, Id, Node};
use super::rebuild;
use crate::bytes::Cursor;
use crate::error::Error;

/// The most nodes one pickle may build; a large language model's state dictionary needs 100 000.
const MOST_NODES: usize = 4_000_000;
/// The longest name of a class.
const LONGEST_NAME: usize = 1024;
const DAMAGED: &str = "the file is damaged: fetch or save it again";
const SAVE_AGAIN: &str = "save it again with torch.save and its default protocol";

/// A pickle in the course of being read.
pub(super) struct Machine<'c, 'a> {
    pub(super) cursor: &'c mut Cursor<'a>,
    pub(super) graph: Graph,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<usize, Id>,
    /// Values copied out of shared arguments.
    copies: usize,
}

/// Reads one pickle, up to and with its last opcode.
pub(super) fn run(cursor: &mut Cursor<'_>) -> Result<Graph, Error> {
    let (graph, stack, marks) = (Graph::default(), Vec::new(), Vec::new());
    let mut machine = Machine { cursor, graph, stack, marks, memo: HashMap::new(), copies: 0 };
    while machine.step()? {
        let size = machine.stack.len().max(machine.marks.len()).max(machine.memo.len());
        machine.limit(size)?;
    }
    machine.graph.root = machine.pop()?;
    Ok(machine.graph)
}

impl Machine<'_, '_> {
    /// Takes one opcode; false after the last.
    fn step(&mut self) -> Result<bool, Error> {
        let at = self.cursor.clone();
        let opcode = self.cursor.u8()?;
        match opcode {
            b'.' => return Ok(false),
            0x80 => {
                let protocol = self.cursor.u8()?;
                if !(2..=5).contains(&protocol) {
                    let problem = format!("pickle protocol {protocol}");
                    return Err(at.unsupported(problem, SAVE_AGAIN));
                }
            }
            0x95 => {
                self.cursor.take(8)?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                // Python pops the mark itself when nothing lies above it.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => {
                self.above_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.memory(opcode)?,
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8f | 0x91 => {
                self.container(opcode)?;
            }
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(opcode)?,
            b'c' | 0x93 | b'R' | 0x81 | 0x92 | b'b' | b'Q' => self.object(opcode)?,
            _ => match self.plain(opcode)? {
                Some(node) => self.push(node)?,
                None => {
                    let problem = format!("pickle opcode 0x{opcode:02x}");
                    return Err(at.unsupported(problem, SAVE_AGAIN));
                }
            },
        }
        Ok(true)
    }

    /// Numbers, texts and constants.
    fn plain(&mut self, opcode: u8) -> Result<Option<Node>, Error> {
        let cursor = &mut *self.cursor;
        let int = |value: i32| Node::Int(i64::from(value));
        Ok(Some(match opcode {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'J' => int(i32::from_le_bytes(cursor.array()?)),
            b'K' => int(i32::from(cursor.u8()?)),
            b'M' => int(i32::from(u16::from_le_bytes(cursor.array()?))),
            b'G' => Node::Float(f64::from_be_bytes(cursor.array()?)),
            0x8a | 0x8b => {
                let length = length(cursor, if opcode == 0x8a { 1 } else { 4 })?;
                long(cursor.take(length)?)
            }
            b'X' | 0x8c | 0x8d | b'T' | b'U' => {
                let width = match opcode {
                    0x8c | b'U' => 1,
                    0x8d => 8,
                    _ => 4,
                };
                let length = length(cursor, width)?;
                Node::Text(text(cursor.take(length)?))
            }
            b'C' | b'B' | 0x8e | 0x96 => {
                let width = match opcode {
                    b'C' => 1,
                    b'B' => 4,
                    _ => 8,
                };
                let length = length(cursor, width)?;
                cursor.take(length)?;
                Node::Bytes
            }
            _ => return Ok(None),
        }))
    }

    /// Storing in the memo and fetching from it.
    fn memory(&mut self, opcode: u8) -> Result<(), Error> {
        let number = match opcode {
            b'q' | b'h' => length(self.cursor, 1)?,
            b'r' | b'j' => length(self.cursor, 4)?,
            _ => self.memo.len(),
        };
        if matches!(opcode, b'h' | b'j') {
            let Some(&id) = self.memo.get(&number) else {
                return Err(self.malformed(&format!("memo {number} was never stored")));
            };
            self.stack.push(id);
        } else {
            let top = self.top()?;
            self.memo.insert(number, top);
        }
        Ok(())
    }

    /// New containers.
    fn container(&mut self, opcode: u8) -> Result<(), Error> {
        let node = match opcode {
            b')' => Node::Tuple(Vec::new()),
            b']' | 0x8f => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let from = from.filter(|&n| n >= self.marks.last().copied().unwrap_or(0));
                let Some(from) = from else { return Err(self.malformed("the stack is empty")) };
                Node::Tuple(self.stack.split_off(from))
            }
            b't' => Node::Tuple(self.above_mark()?),
            b'd' => {
                let flat = self.above_mark()?;
                Node::Dict(flat.as_chunks::<2>().0.iter().map(|&[k, v]| (k, v)).collect())
            }
            _ => Node::List(self.above_mark()?),
        };
        self.push(node)
    }

    /// Members added to the container below them.
    fn fill(&mut self, opcode: u8) -> Result<(), Error> {
        let members = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.above_mark()?,
        };
        let container = self.top()?;
        if matches!(opcode, b's' | b'u') {
            fill::set_items(&mut self.graph, container, &members);
        } else {
            fill::append(&mut self.graph, container, members);
        }
        Ok(())
    }

    /// Names of classes and what would be made by calling them; nothing is called.
    fn object(&mut self, opcode: u8) -> Result<(), Error> {
        let id = match opcode {
            b'c' => {
                let (module, name) = (text(self.cursor.line()?), text(self.cursor.line()?));
                self.class(&module, &name)?
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.graph.text(module), self.graph.text(name))
                else {
                    return Err(self.malformed("a class whose name is not text"));
                };
                let (module, name) = (module.clone(), name.clone());
                self.class(&module, &name)?
            }
            b'Q' => {
                let reference = self.pop()?;
                rebuild::storage(self, reference)?
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                fill::set_state(&mut self.graph, object, state);
                return Ok(());
            }
            _ => {
                if opcode == 0x92 {
                    self.pop()?;
                }
                let arguments = self.pop()?;
                let class = self.pop()?;
                rebuild::call(self, class, arguments)?
            }
        };
        self.stack.push(id);
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<(), Error> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    /// A new node that is not on the stack yet.
    pub(super) fn add(&mut self, node: Node) -> Result<Id, Error> {
        self.graph.nodes.push(node);
        self.limit(self.graph.nodes.len())?;
        Ok(self.graph.nodes.len() - 1)
    }

    /// A class by its name.
    fn class(&mut self, module: &str, name: &str) -> Result<Id, Error> {
        if module.len() + name.len() > LONGEST_NAME {
            return Err(self.malformed("the name of a class is too long"));
        }
        self.add(Node::Global(format!("{module}.{name}").into()))
    }

    /// Accounts for values copied out of arguments, which a pickle may name again and again.
    pub(super) fn copied(&mut self, values: usize) -> Result<(), Error> {
        self.copies = self.copies.saturating_add(values);
        self.limit(self.copies)
    }

    fn limit(&self, size: usize) -> Result<(), Error> {
        if size <= MOST_NODES {
            return Ok(());
        }
        let problem = format!("the pickle builds more than {MOST_NODES} values");
        Err(self.cursor.unsupported(problem, "save the tensors alone"))
    }

    fn top(&self) -> Result<Id, Error> {
        // What lies below a mark belongs to another opcode.
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(id),
            _ => Err(self.malformed("the stack is empty")),
        }
    }

    fn pop(&mut self) -> Result<Id, Error> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn above_mark(&mut self) -> Result<Vec<Id>, Error> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.malformed("a mark is missing")),
        }
    }

    pub(super) fn malformed(&self, problem: &str) -> Error {
        self.cursor.malformed(format!("the pickle is wrong: {problem}"), DAMAGED)
    }
}

/// An unsigned little-endian count of `width` bytes.
fn length(cursor: &mut Cursor<'_>, width: usize) -> Result<usize, Error> {
    let bytes = cursor.take(width)?;
    let value = bytes.iter().rev().fold(0_u64, |n, &b| (n << 8) | u64::from(b));
    // More than fits is also more than there is, and is refused when it is taken.
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

fn text(bytes: &[u8]) -> Rc<str> {
    String::from_utf8_lossy(bytes).into()
}

/// A little-endian integer in two's complement.
fn long(bytes: &[u8]) -> Node {
    if bytes.len() > 8 {
        return Node::Long(bytes.to_vec());
    }
    let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Node::Int(i64::from_le_bytes(wide))
}
