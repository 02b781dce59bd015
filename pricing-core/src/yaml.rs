//! Parses YAML into a tree in which every node has its line and column.
//!
//! The tree is built from the parser's events without recursion. Two bounds keep hostile input cheap: on the depth, and
//! on the number of nodes after alias expansion, which stops a "billion laughs" file.

mod place;
pub(crate) mod scalar;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::input::InputError;
use crate::text::excerpt;

pub(crate) use place::Place;
pub(crate) use scalar::{Kind, Scalar};

/// The deepest nesting. A real file has ten levels.
const MAX_DEPTH: usize = 64;
/// The most nodes after alias expansion. A real file has some hundreds.
const MAX_NODES: usize = 200_000;
/// The key that merges other mappings into the mapping that holds it.
const MERGE_KEY: &str = "<<";

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    fn error(self, message: impl core::fmt::Display) -> InputError {
        InputError::new(message).position(self.line, self.column)
    }
}

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col().saturating_add(1) }
    }
}

/// A value and its position. Aliases share the node that they name.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
    /// The number of nodes in this tree after alias expansion.
    nodes: usize,
    /// The number of levels of this tree, including this node.
    height: usize,
}

impl Node {
    /// Returns a node with the same position and another value.
    pub(crate) fn with_value(&self, value: Value) -> Self {
        Self { position: self.position, value, nodes: self.nodes, height: self.height }
    }
}

/// The content of a node.
#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_position: Position,
    pub(crate) value: Rc<Node>,
    /// Whether the key occurred earlier in the mapping.
    pub(crate) repeated: bool,
}

/// The first document of a text.
#[derive(Debug)]
pub(crate) struct FirstDocument {
    pub(crate) root: Rc<Node>,
    /// Where a second document begins.
    pub(crate) second: Option<Position>,
}

/// Parses the first document of a text. What follows it is not parsed.
pub(crate) fn parse(text: &str) -> Result<FirstDocument, InputError> {
    let mut loader = Loader::default();
    let mut second = None;
    let mut parser = Parser::new(StrInput::new(text.strip_prefix('\u{feff}').unwrap_or(text)));
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|error| Position::from(*error.marker()).error(format_args!("not YAML: {}", error.info())))?;
        if matches!(event, Event::DocumentStart(_)) && loader.root.is_some() {
            second = Some(Position::from(span.start));
            break;
        }
        loader.take(event, span)?;
    }
    let root = loader.root.ok_or_else(|| InputError::new("the file is empty"))?;
    Ok(FirstDocument { root, second })
}

/// A collection whose end has not been reached.
struct Open {
    position: Position,
    anchor: usize,
    nodes: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Entry>, keys: BTreeSet<String>, key: Option<Key>, merges: Vec<Rc<Node>> },
}

struct Key {
    text: String,
    position: Position,
    merge: bool,
    repeated: bool,
}

#[derive(Default)]
struct Loader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    nodes: usize,
    root: Option<Rc<Node>>,
}

impl Loader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), InputError> {
        let position = Position::from(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), position),
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", position)?;
                self.start(Content::List(Vec::new()), anchor, position)
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "map", position)?;
                let (entries, merges) = (Vec::new(), Vec::new());
                self.start(Content::Map { entries, keys: BTreeSet::new(), key: None, merges }, anchor, position)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, position),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        position: Position,
    ) -> Result<(), InputError> {
        let plain = style == ScalarStyle::Plain;
        if self.wants_key() {
            let merge = plain && tag.is_none() && text == MERGE_KEY;
            if anchor != 0 {
                let value = Value::Scalar(Scalar::of_text(text));
                self.anchors.insert(anchor, Rc::new(Node { position, value, nodes: 1, height: 1 }));
            }
            self.key(Key { text: text.to_owned(), position, merge, repeated: false });
            return Ok(());
        }
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
        let scalar = Scalar::resolve(text, plain, tag.as_deref()).map_err(|message| position.error(message))?;
        self.count(1, position)?;
        let node = Rc::new(Node { position, value: Value::Scalar(scalar), nodes: 1, height: 1 });
        self.finish(node, anchor)
    }

    /// Returns whether the innermost collection is a mapping that expects a key.
    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, key: Key) {
        if let Some(Open { content: Content::Map { key: slot, keys, .. }, .. }) = self.open.last_mut() {
            let repeated = !key.merge && !keys.insert(key.text.clone());
            *slot = Some(Key { repeated, ..key });
        }
    }

    fn start(&mut self, content: Content, anchor: usize, position: Position) -> Result<(), InputError> {
        if self.wants_key() {
            return Err(position.error("a list or mapping as a key; expected text"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(position.error(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, position)?;
        self.open.push(Open { position, anchor, nodes: 1, height: 1, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), InputError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let Open { position, anchor, nodes, height, content } = open;
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, merges, .. } => Value::Map(merge(entries, &merges)?),
        };
        self.finish(Rc::new(Node { position, value, nodes, height }), anchor)
    }

    fn alias(&mut self, anchor: usize, position: Position) -> Result<(), InputError> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(position.error("the alias refers to a value that contains it"));
        };
        if self.wants_key() {
            let text = match &node.value {
                Value::Scalar(scalar) if scalar.kind() == Kind::Text => scalar.text().to_owned(),
                _ => return Err(position.error("an alias as a key; expected one that names text")),
            };
            self.key(Key { text, position, merge: false, repeated: false });
            return Ok(());
        }
        if self.open.len().saturating_add(node.height) > MAX_DEPTH {
            return Err(position.error(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(node.nodes, position)?;
        self.add(node)
    }

    fn count(&mut self, nodes: usize, position: Position) -> Result<(), InputError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(position.error(format_args!("more than {MAX_NODES} values, aliases expanded")));
        }
        Ok(())
    }

    /// Stores a complete node under its anchor, and adds it to its parent.
    fn finish(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), InputError> {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.add(node)
    }

    fn add(&mut self, node: Rc<Node>) -> Result<(), InputError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.nodes = open.nodes.saturating_add(node.nodes);
        open.height = open.height.max(node.height.saturating_add(1));
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key, merges, .. } => match key.take() {
                Some(Key { merge: true, .. }) => merges.push(node),
                Some(Key { text, position, repeated, .. }) => {
                    entries.push(Entry { key: text, key_position: position, value: node, repeated });
                }
                None => return Err(node.position.error("a value without a key")),
            },
        }
        Ok(())
    }
}

/// Adds the entries of merged mappings. The mapping's own keys win over merged ones, and earlier mappings over later
/// ones.
fn merge(mut entries: Vec<Entry>, merges: &[Rc<Node>]) -> Result<Vec<Entry>, InputError> {
    if merges.is_empty() {
        return Ok(entries);
    }
    let mut keys: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut sources = Vec::new();
    for node in merges {
        match &node.value {
            Value::List(items) => sources.extend(items.iter()),
            Value::Map(_) | Value::Scalar(_) => sources.push(node),
        }
    }
    for source in sources {
        let Value::Map(merged) = &source.value else {
            return Err(source.position.error(format_args!("`{MERGE_KEY}` merges mappings; this is not a mapping")));
        };
        for entry in merged {
            if keys.insert(entry.key.clone()) {
                entries.push(entry.clone());
            }
        }
    }
    Ok(entries)
}

/// Refuses tags on collections, except those that only repeat the collection's own type.
fn collection_tag(tag: Option<&Tag>, kind: &str, position: Position) -> Result<(), InputError> {
    let Some(tag) = tag else { return Ok(()) };
    let name = format!("{}{}", tag.handle, tag.suffix);
    if name == "!" || name.strip_prefix(scalar::CORE_TAG) == Some(kind) {
        return Ok(());
    }
    Err(position.error(format_args!("the tag `{}` is not supported here", excerpt(&name))))
}
