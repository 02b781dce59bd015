//! Static checks: what a file is, what it asks for, and why it cannot be a plugin. Nothing is run or compiled.
//!
//! No allocation is sized by a number that the file declares, and constructs that make a parser or validator take more
//! than linear time are bounded by limits of their own ([`LoadLimits`](crate::LoadLimits)). Libraries do most of the
//! work, so the host does not rely on this: [`Compiler::Child`](crate::compile::Compiler::Child) inspects in a process
//! with time and memory limits.

mod command;
mod component;
mod explain;
mod footprint;
mod nested_types;
mod scan;
mod source;
mod text;
mod value_budget;
mod wasi;
mod words;

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Fault, SizeClass};

pub use footprint::{MemorySize, TableSize};
pub use wasi::{WASI_FUNCTIONS, WASI_MODULE, WasiFunction, wasi_function};
pub(crate) use words::passed_on;
pub use words::size;

/// The version of the WIT package that this host supports, as far as types depend on it: major and minor.
pub const WIT_VERSION: (u64, u64) = (0, 1);
/// The most imports, exports and custom sections that an [`Inspection`] lists.
const LISTED: usize = 64;
/// The version of the inspection rules: verdicts by other rules are ignored. To be incremented with every change of
/// what is rejected, or of what is reported about a file.
pub(crate) const RULES: u32 = 1;

/// How a plugin talks to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A component of the project's WIT package.
    Component,
    /// A WASI preview 1 command that follows the bid price script contract.
    Command,
}

impl Kind {
    /// The kind as reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Command => "command",
        }
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Computes the digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Wraps a digest that was computed elsewhere.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    /// Writes `sha256:` and the digest in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A function of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its index in its module.
    pub index: u32,
    /// Its name, if the file has names; safe to print.
    pub name: Option<String>,
    /// Bytes of its code.
    pub bytes: u64,
}

/// What is known about a file that may be a plugin, without running it. Names in it are safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// How it talks to the host.
    pub kind: Kind,
    /// The size of the binary in bytes: the file itself, unless that was text.
    pub wasm_bytes: u64,
    /// Whether the file was text.
    pub text: bool,
    /// The size of the file in bytes.
    pub file_bytes: u64,
    /// The digest of the file.
    pub digest: Digest,
    /// The digest of the binary: the file itself, unless that was text.
    pub wasm_digest: Digest,
    /// The version of the WIT package that a component was built for.
    pub wit_version: Option<String>,
    /// Its imports, at most 64 of them.
    pub imports: Vec<String>,
    /// Its exports, at most 64 of them.
    pub exports: Vec<String>,
    /// Its custom sections, at most 64 of them.
    pub custom_sections: Vec<String>,
    /// Whether it has function names, for backtraces.
    pub has_names: bool,
    /// The number of core modules.
    pub modules: u32,
    /// The number of functions, including imported ones, over all modules.
    pub functions: u32,
    /// The largest function.
    pub largest_function: Option<Function>,
    /// The maximum nesting depth of blocks.
    pub nesting: u32,
    /// The number of core instances.
    pub instances: u32,
    /// The memories of all instances.
    pub memories: Vec<MemorySize>,
    /// The tables of all instances.
    pub tables: Vec<TableSize>,
}

impl Inspection {
    /// The memory in bytes with which every call starts.
    #[must_use]
    pub fn minimum_memory_bytes(&self) -> u64 {
        self.memories.iter().fold(0, |sum, memory| sum.saturating_add(memory.minimum_bytes))
    }
}

/// Inspects a file.
///
/// # Errors
/// [`ReasonCode::LoadRejected`](pricing_core::quote::ReasonCode::LoadRejected), with what is wrong in the author's
/// terms and what to do about it.
pub fn inspect(file: &[u8], class: SizeClass) -> Result<Inspection, Fault> {
    inspect_binary(file, class).map(|(inspection, _)| inspection)
}

/// Inspects a file like [`inspect`], and also returns its binary.
///
/// # Errors
/// The same as [`inspect`].
pub fn inspect_binary(file: &[u8], class: SizeClass) -> Result<(Inspection, Cow<'_, [u8]>), Fault> {
    let limits = class.load_limits();
    let (wasm, text) = source::binary(file, &limits)?;
    let scan = scan::scan(&wasm, limits)?;
    let (kind, wit_version) = if scan.is_component {
        (Kind::Component, Some(component::check(&scan)?))
    } else {
        command::check(&scan)?;
        (Kind::Command, None)
    };
    let listed = |names: &[scan::Named<'_>]| names.iter().take(LISTED).map(scan::Named::shown).collect();
    let (imports, exports) = (listed(&scan.imports), listed(&scan.exports));
    let (largest_function, footprint) = (scan.largest, scan.footprint);
    let digest = Digest::of(file);
    let wasm_digest = if text { Digest::of(&wasm) } else { digest };
    let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let inspection = Inspection {
        kind,
        wasm_bytes: length(&wasm),
        text,
        file_bytes: length(file),
        digest,
        wasm_digest,
        wit_version,
        imports,
        exports,
        custom_sections: scan.custom_sections,
        has_names: scan.has_names,
        modules: scan.modules,
        functions: scan.functions,
        largest_function,
        nesting: scan.nesting,
        instances: footprint.instances,
        memories: footprint.memories,
        tables: footprint.tables,
    };
    Ok((inspection, wasm))
}
