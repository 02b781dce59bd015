//! Recordings: one file with everything that a price depends on except the plugin.

use std::path::Path;

use pricing_core::input::InputError;
use serde::{Deserialize, Serialize};

use super::files;
use crate::error::CliError;
use crate::load::Document;
use crate::scene::Inputs;

/// The version of the format.
const RECORDING: u32 = 1;
/// The most bytes of a recording: an order, an inventory and a rate card, escaped.
const MAX_BYTES: usize = 256 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording<T> {
    schema: u32,
    request: T,
}

/// Writes a recording.
pub(crate) fn write(path: &Path, inputs: &Inputs) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(&Recording { schema: RECORDING, request: inputs })
        .map_err(|error| CliError::internal(format!("the request could not be recorded: {error}")))?;
    text.push('\n');
    files::write_whole(path, text.as_bytes()).map_err(|error| files::unwritable(path, &error))
}

/// Reads a recording.
pub(crate) fn read(path: &Path) -> Result<Inputs, CliError> {
    let document = Document::read(path, MAX_BYTES)?;
    let recording: Recording<Inputs> = serde_json::from_str(&document.text).map_err(|error| {
        let full = error.to_string();
        let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
        let error_at = InputError::new(format!("not a recording of `bidprice plugin run --record`: {message}"));
        document.malformed(error_at.position(error.line().max(1), error.column().max(1)))
    })?;
    if recording.schema != RECORDING {
        let message = format!("a recording of version {}; this program reads version {RECORDING}", recording.schema);
        return Err(document.malformed(InputError::new(message).at("schema")));
    }
    Ok(recording.request)
}
