//! Files that are made to overload whatever inspects a plugin before it runs: parsers, validators, compilers.
//!
//! Each has at most the 4 MiB of a plugin of the standard class.

mod binary;
mod encode;
mod text;

/// A file that is slow to inspect, or takes much memory.
#[derive(Clone, Debug)]
pub struct Bomb {
    /// A description.
    pub name: &'static str,
    /// The file.
    pub file: Vec<u8>,
    /// A part of the message if it is rejected by the static checks. None if the time and memory limits decide, or it
    /// is harmless.
    pub refused: Option<&'static str>,
}

impl Bomb {
    fn refused(name: &'static str, file: impl Into<Vec<u8>>, words: &'static str) -> Self {
        Self { name, file: file.into(), refused: Some(words) }
    }

    fn limited(name: &'static str, file: impl Into<Vec<u8>>) -> Self {
        Self { name, file: file.into(), refused: None }
    }
}

/// All such files. Generating them takes a moment.
#[must_use]
pub fn all() -> Vec<Bomb> {
    [binary::modules(), binary::components(), text::texts()].concat()
}
