//! Explains a validator's error to the plugin's author.

use wasmparser::{FuncValidatorAllocations, Parser, ValidPayload, Validator, WasmFeatures};

use crate::{Fault, LoadLimits, engine};

use super::nested_types::nests_types;
use super::value_budget::ValueBudget;
use super::words::{UNFINISHED, passed_on, proposals};

/// The largest binary that is validated again to find the proposal that it needs, in bytes.
const RETRIED_BYTES: usize = 8 << 20;
/// The message if no single proposal is enough.
const SEVERAL: &str = "several proposals that are not in WebAssembly 2.0: build for plain wasm32";

/// Converts an error of the validator to a fault that says what to do.
pub(super) fn invalid(wasm: &[u8], error: &wasmparser::Error, limits: &LoadLimits) -> Fault {
    if let Some(words) = proposal(wasm, error, limits) {
        return Fault::rejected(format!("the plugin uses {words}"));
    }
    let (message, offset) = (passed_on(error.message().lines().last().unwrap_or_default()), error.offset());
    if error.message() == "unexpected end-of-file" && offset.saturating_add(1) >= wasm.len() {
        return Fault::rejected(format!("the file is cut off: it ends at byte {offset}, within a section"));
    }
    if offset <= 8 {
        return Fault::rejected(format!("the file has a WebAssembly header that is unknown here: {message}"));
    }
    Fault::rejected(format!("the file is not valid WebAssembly, or is damaged: byte {offset}: {message}"))
}

/// The missing proposal that caused the error, in words.
fn proposal(wasm: &[u8], error: &wasmparser::Error, limits: &LoadLimits) -> Option<&'static str> {
    let known = proposals();
    let all = known.iter().fold(WasmFeatures::empty(), |all, (features, _)| all | *features);
    if wasm.len() <= RETRIED_BYTES && valid_with(wasm, all, limits) {
        let enough = known.iter().find(|(features, _)| valid_with(wasm, *features, limits));
        return Some(enough.map_or(SEVERAL, |(_, words)| words));
    }
    let missing = error.missing_wasm_feature()?;
    Some(known.iter().find(|(features, _)| features.intersects(missing)).map_or(UNFINISHED, |(_, words)| words))
}

/// Whether a binary is valid with more proposals. A check that takes too long counts as failed.
///
/// The validator itself bounds neither the nesting of types nor the values on its stack, so this has the
/// same bounds as the first validation.
fn valid_with(wasm: &[u8], more: WasmFeatures, limits: &LoadLimits) -> bool {
    let features = engine::wasm_features() | more;
    let mut validator = Validator::new_with_features(features);
    let mut allocations = FuncValidatorAllocations::default();
    let mut values = ValueBudget::new(limits.stack_values);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    parser.parse_all(wasm).all(|payload| {
        let Ok(payload) = payload else { return false };
        if nests_types(wasm, &payload) {
            return false;
        }
        match validator.payload(&payload) {
            Err(_) => false,
            Ok(ValidPayload::Func(function, body)) => {
                if values.count(&function.resources, function.ty, &body).is_err() {
                    return false;
                }
                let mut function = function.into_validator(std::mem::take(&mut allocations));
                let valid = function.validate(&body).is_ok();
                allocations = function.into_allocations();
                valid
            }
            Ok(_) => true,
        }
    })
}
