//! `quote --socket` in a build without the service.

use std::path::Path;

use super::Args;
use crate::error::{CliError, Exit};
use crate::left_out;

/// Refuses the option.
pub(super) fn run(_socket: &Path, args: &Args) -> Result<Exit, CliError> {
    let _ = args.timeout;
    Err(CliError::Usage(left_out::QUOTE_SOCKET.refusal()))
}
