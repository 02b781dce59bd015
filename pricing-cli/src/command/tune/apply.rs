//! `--apply`: writes the rate card with the proposal.

use std::path::Path;

use pricing_core::input::InputError;
use pricing_core::rates;
use pricing_tune::decision::Decision;
use pricing_tune::key::Keys;
use pricing_tune::tune::Tuned;

use super::{create, write};
use crate::command::simulate::scene::Scene;
use crate::error::CliError;
use crate::output::complain;

/// Writes the rate card with the proposal if the decision is to change. Says on stderr what it did.
pub(super) fn apply(path: &Path, scene: &Scene, keys: &Keys, tuned: &Tuned) -> Result<(), CliError> {
    if tuned.decided.decision != Decision::Change {
        complain(&format!("{}: not written, because the decision is not to change", path.display()));
        return Ok(());
    }
    let nowhere =
        || CliError::Usage("`--apply` changes the rate card's file, and the first strategy names none".to_owned());
    let name = keys.file().ok_or_else(nowhere)?;
    let text = scene.files.text(name).map_err(|error| CliError::unreadable(&scene.source, error))?;
    let malformed = |problem: String| CliError::malformed(name, InputError::new(problem));
    let changed = pricing_tune::apply::apply(&text, keys.paths(), &tuned.proposal).map_err(malformed)?;
    // What is written can be read again.
    rates::toml::read(&changed).map_err(|error| CliError::malformed(name, error))?;
    write(create(path)?, path, &changed)?;
    complain(&format!("{}: written", path.display()));
    Ok(())
}
