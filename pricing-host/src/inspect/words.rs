//! Helpers for error messages: names that the guest chose, sizes, and names of proposals.

use pricing_core::text::{Untrusted, counted};
use wasmparser::WasmFeatures;

/// How much of a guest's name a message repeats, in characters.
const NAME_CHARACTERS: usize = 80;
/// How much of another library's message is passed on, in characters.
const MESSAGE_CHARACTERS: usize = 400;

/// A name that the guest chose, made safe for a message.
pub(crate) fn excerpt(text: &str) -> String {
    format!("{:.NAME_CHARACTERS$}", Untrusted::new(text)).replace('`', "'")
}

/// Another library's message, which may repeat text of the guest, as one line that is safe to print.
pub(crate) fn passed_on(text: &str) -> String {
    format!("{:.MESSAGE_CHARACTERS$}", Untrusted::new(text.trim()))
}

/// Formats a number of bytes for people, rounded up.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
        if bytes >= unit.saturating_mul(10) || (bytes >= unit && unit >= 1 << 20) {
            let tenths = bytes.saturating_mul(10).div_ceil(unit);
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    counted(bytes, "byte")
}

/// A count and its noun, which forms its plural with an `s`.
pub(crate) fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    let ending = if number == 1 {
        ""
    } else if noun.ends_with('y') {
        return format!("{number} {}ies", noun.trim_end_matches('y'));
    } else {
        "s"
    };
    format!("{number} {noun}{ending}")
}

/// The message for a proposal without a description of its own.
pub(crate) const UNFINISHED: &str =
    "a proposal that is not finished: build for WebAssembly 2.0, and components as for WASI 0.2";

/// Finished proposals that plugins may not use, with a description and how to turn each off.
pub(crate) fn proposals() -> [(WasmFeatures, &'static str); 9] {
    [
        (WasmFeatures::THREADS, "threads and shared memory: build without `-pthread` or `atomics`"),
        (WasmFeatures::MEMORY64, "64-bit memory (the memory64 proposal): build for a wasm32 target"),
        (
            WasmFeatures::EXCEPTIONS | WasmFeatures::LEGACY_EXCEPTIONS,
            "exceptions: build with them off (`-fno-exceptions`, `panic = \"abort\"`)",
        ),
        (WasmFeatures::TAIL_CALL, "tail calls: build without `-mtail-call`"),
        (WasmFeatures::MULTI_MEMORY, "several memories in a module: build it with one"),
        (WasmFeatures::RELAXED_SIMD, "relaxed SIMD: build without `-mrelaxed-simd`, plain SIMD is fine"),
        (WasmFeatures::GC_TYPES, "host references (`externref`): plugins have no use for them"),
        (
            WasmFeatures::GC | WasmFeatures::GC_TYPES | WasmFeatures::FUNCTION_REFERENCES,
            "garbage-collected types (the GC proposal): use a language that compiles to linear memory",
        ),
        (WasmFeatures::CUSTOM_PAGE_SIZES, "memory pages of another size: build with the usual 64 KiB"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_names_are_bounded_and_printable() {
        assert_eq!(excerpt("a\u{1b}[2J`b\u{202e}c\n"), "a\u{fffd}[2J'b\u{fffd}c ");
        assert_eq!(excerpt(&"x".repeat(100_000)).chars().count(), NAME_CHARACTERS + 1);
        assert_eq!(excerpt("wasi:cli/run@0.2.0"), "wasi:cli/run@0.2.0");
    }

    #[test]
    fn sizes_are_never_understated() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1025, "1025 bytes"),
            (64 << 10, "64 KiB"),
            ((64 << 10) + 1, "64.1 KiB"),
            (4 << 20, "4 MiB"),
            ((4 << 20) + 1, "4.1 MiB"),
            (4 << 30, "4 GiB"),
        ] {
            assert_eq!(size(bytes), words);
        }
        assert!(!size(u64::MAX).is_empty());
    }

    #[test]
    fn counts_are_grammatical() {
        assert_eq!(count(1_u32, "memory"), "1 memory");
        assert_eq!(count(2_u32, "memory"), "2 memories");
        assert_eq!(count(3_u32, "table"), "3 tables");
    }
}
