//! Component types within one another, which are read recursively.

use wasmparser::Payload;

/// The most component and instance types that may be declared within others, in one section.
const NESTED_TYPES: usize = 100;

/// Whether a section may nest types too deeply for recursive readers, among them the validator.
///
/// A type that is declared within another one starts with one of two pairs of bytes, so the number of such pairs is an
/// upper bound of their number. It is too high if names contain these bytes, but far from the limit unless somebody
/// aims for it.
pub(super) fn nests_types(wasm: &[u8], payload: &Payload<'_>) -> bool {
    let Payload::ComponentTypeSection(section) = payload else { return false };
    let bytes = wasm.get(section.range()).unwrap_or_default();
    let pairs = bytes.windows(2).filter(|pair| matches!(pair, [0x01, 0x41 | 0x42]));
    pairs.take(NESTED_TYPES.saturating_add(1)).count() > NESTED_TYPES
}
