//! `--apply`: writes the rate card with the proposal.

use std::path::Path;

use pricing_core::input::InputError;
use pricing_core::rates;
use pricing_tune::Candidate;
use pricing_tune::decision::Decision;
use pricing_tune::key::Keys;
use pricing_tune::tune::Tuned;

use super::{create, write};
use crate::command::simulate::scene::Scene;
use crate::error::CliError;
use crate::load::Document;
use crate::output::complain;

/// The rate card that will be written.
pub(super) struct Card<'a> {
    path: &'a Path,
    /// The name of the scenario's rate card.
    name: String,
    /// Its text.
    text: String,
}

impl<'a> Card<'a> {
    /// Finds before the replays what would keep the card from being written.
    pub(super) fn prepare(path: &'a Path, scene: &Scene, keys: &Keys) -> Result<Self, CliError> {
        let nowhere =
            || CliError::Usage("`--apply` changes the rate card's file, and the first strategy names none".to_owned());
        let name = keys.file().ok_or_else(nowhere)?.to_owned();
        is_free(path)?;
        let text = scene.files.text(&name).map_err(|error| CliError::unreadable(&scene.source, error))?;
        let card = Self { path, name, text };
        card.with(keys, keys.current())?;
        Ok(card)
    }

    /// The text of the card with a candidate's values, and with what the scenario sets.
    fn with(&self, keys: &Keys, candidate: &Candidate) -> Result<String, CliError> {
        let malformed = |problem: String| CliError::malformed(&self.name, InputError::new(problem));
        let changed = pricing_tune::apply::apply_with(&self.text, keys.set(), keys.paths(), candidate);
        let changed = changed.map_err(malformed)?;
        // What is written can be read again.
        rates::toml::read(&changed).map_err(|error| CliError::malformed(&self.name, error))?;
        Ok(changed)
    }

    /// Writes the rate card with the proposal if the decision is to change. Says on stderr what it did.
    pub(super) fn write(&self, keys: &Keys, tuned: &Tuned) -> Result<(), CliError> {
        let path = self.path;
        if tuned.decided.decision != Decision::Change {
            complain(&format!("{}: not written, because the decision is not to change", path.display()));
            return Ok(());
        }
        let changed = self.with(keys, &tuned.proposal)?;
        write(create(path)?, path, &changed)?;
        complain(&format!("{}: written", path.display()));
        Ok(())
    }
}

/// Refuses to overwrite a file that is not a rate card, such as the scenario or the service's configuration.
fn is_free(path: &Path) -> Result<(), CliError> {
    // A dangling link is there, too, and is replaced like any other name.
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let is_card = Document::rates(path).is_ok_and(|document| rates::toml::read(&document.text).is_ok());
    if is_card {
        return Ok(());
    }
    let message = "it exists and is not a rate card; `--apply` overwrites only rate cards, so name another file";
    Err(CliError::unwritable(path.display(), message))
}
