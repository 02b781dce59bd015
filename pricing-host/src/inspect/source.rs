//! Turns a file into a WebAssembly binary: recognises what it is, and assembles text.

use std::borrow::Cow;

use crate::{Fault, LoadLimits};

use super::text;
use super::words::{passed_on, size};

/// The maximum size of text that is parsed, in bytes. Its syntax tree takes many times as much memory.
const TEXT_BYTES: u64 = 4 << 20;
/// The magic bytes of a module or component.
const MAGIC: &[u8] = b"\0asm";
/// The byte of an ELF header with the system, and the value that wasmtime uses.
const ELF_SYSTEM: (usize, u8) = (7, 200);

/// The magic bytes of other files, and what to say about them.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x7fELF", "a native program or library (ELF), not WebAssembly: compile it for a wasm32 target"),
    (b"MZ", "a Windows program, not WebAssembly: compile it for a wasm32 target"),
    (b"\xcf\xfa\xed\xfe", "a macOS program, not WebAssembly: compile it for a wasm32 target"),
    (b"!<arch>", "a static library, not WebAssembly: link it into a module"),
    (b"#!", "a script, not WebAssembly: scripts cannot be plugins"),
    (b"\x1f\x8b", "compressed (gzip): unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd): unpack it first"),
    (b"PK\x03\x04", "an archive (zip): unpack it first"),
];

/// Whether the file is text, and its binary form. The sizes of the text and of its binary are checked separately, because
/// a short text can stand for a large binary.
pub(super) fn binary<'a>(file: &'a [u8], limits: &LoadLimits) -> Result<(Cow<'a, [u8]>, bool), Fault> {
    fits(file, limits.module_bytes, "the file is")?;
    if file.starts_with(MAGIC) {
        return if file.len() < 8 {
            Err(Fault::rejected("the file is cut off after the first bytes of a WebAssembly binary: build it again"))
        } else {
            Ok((Cow::Borrowed(file), false))
        };
    }
    if file.is_empty() {
        return Err(Fault::rejected("the file is empty"));
    }
    if let Some(what) = other(file) {
        return Err(Fault::rejected(format!("the file is {what}")));
    }
    match std::str::from_utf8(file) {
        Ok(text) if !text.contains('\0') => {
            fits(file, TEXT_BYTES, "the text is")?;
            text::check(text)?;
            let binary = parse(text)?;
            fits(&binary, limits.module_bytes, "the text stands for a binary that is")?;
            Ok((Cow::Owned(binary), true))
        }
        _ => Err(Fault::rejected("the file is neither a WebAssembly binary nor text: build a `.wasm` file")),
    }
}

fn fits(bytes: &[u8], limit: u64, what: &str) -> Result<(), Fault> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(());
    }
    // The actual size is unknown: the caller may have stopped reading at the limit.
    Err(Fault::rejected(format!(
        "{what} larger than {}, which is the most for a plugin of this size class: build it for size and strip it, or \
         have the operator turn on the larger class",
        size(limit)
    )))
}

fn other(file: &[u8]) -> Option<&'static str> {
    let (index, system) = ELF_SYSTEM;
    if file.starts_with(b"\x7fELF") && file.get(index) == Some(&system) {
        return Some(
            "an artefact that wasmtime compiled before: only the `.wasm` file that it was made of can be loaded",
        );
    }
    OTHERS.iter().find(|(magic, _)| file.starts_with(magic)).map(|(_, what)| *what)
}

fn parse(text: &str) -> Result<Vec<u8>, Fault> {
    wat::parse_str(text).map_err(|error| {
        let shown = error.to_string();
        let mut lines = shown.lines();
        let message = passed_on(lines.next().unwrap_or("no WebAssembly text"));
        // The parser's second line is `     --> <anon>:1:7`.
        let place = lines.next().and_then(|line| line.split_once("<anon>:")).map(|(_, place)| place);
        match place.and_then(|place| place.trim().split_once(':')) {
            Some((line, column)) => Fault::rejected(format!(
                "the file is not a WebAssembly binary, and as text it has a mistake: line {line}, column {column}: {message}"
            )),
            None => {
                Fault::rejected(format!("the file is not a WebAssembly binary, and as text it has a mistake: {message}"))
            }
        }
    })
}
