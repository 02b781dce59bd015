//! Files that are made to keep those busy who look at a plugin before it runs: parsers, validators, compilers.
//!
//! Each has at most the 4 MiB of a plugin of the standard class.

mod binary;
mod encode;
mod text;

/// A file that is made to be slow or large to look at.
#[derive(Clone, Debug)]
pub struct Bomb {
    /// What it is made of.
    pub name: &'static str,
    /// The file.
    pub file: Vec<u8>,
    /// Words of the refusal by its looks; none where the limits of time and memory decide, or it does no harm.
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

/// All of them. Making them takes a moment.
#[must_use]
pub fn all() -> Vec<Bomb> {
    [binary::modules(), binary::components(), text::texts()].concat()
}
