//! What a validator's refusal means for the author.

use wasmparser::{Validator, WasmFeatures};

use crate::{Fault, engine};

use super::words::{UNFINISHED, passed_on, proposals};

/// The largest binary that is validated again to find the proposal that it needs.
const RETRIED_BYTES: usize = 8 << 20;
/// What is said when no proposal alone is enough.
const SEVERAL: &str = "several proposals that are not in WebAssembly 2.0: build for plain wasm32";

/// Turns a refusal of the validator into a fault that says what to do.
pub(super) fn invalid(wasm: &[u8], error: &wasmparser::Error) -> Fault {
    if let Some(words) = proposal(wasm, error) {
        return Fault::rejected(format!("the plugin uses {words}"));
    }
    let (message, offset) = (passed_on(error.message().lines().last().unwrap_or_default()), error.offset());
    if error.message() == "unexpected end-of-file" && offset.saturating_add(1) >= wasm.len() {
        return Fault::rejected(format!("the file is cut off: it ends at byte {offset}, within a section"));
    }
    if offset <= 8 {
        return Fault::rejected(format!("the file has a WebAssembly header that is unknown here: {message}"));
    }
    Fault::rejected(format!("the file is no valid WebAssembly, or damaged: byte {offset}: {message}"))
}

/// The proposal whose lack is the reason, in words.
fn proposal(wasm: &[u8], error: &wasmparser::Error) -> Option<&'static str> {
    let known = proposals();
    let all = known.iter().fold(WasmFeatures::empty(), |all, (features, _)| all | *features);
    if wasm.len() <= RETRIED_BYTES && valid_with(wasm, all) {
        let enough = known.iter().find(|(features, _)| valid_with(wasm, *features));
        return Some(enough.map_or(SEVERAL, |(_, words)| words));
    }
    let missing = error.missing_wasm_feature()?;
    Some(known.iter().find(|(features, _)| features.intersects(missing)).map_or(UNFINISHED, |(_, words)| words))
}

fn valid_with(wasm: &[u8], more: WasmFeatures) -> bool {
    Validator::new_with_features(engine::wasm_features() | more).validate_all(wasm).is_ok()
}
