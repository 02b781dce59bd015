//! Saved answers.

use pricing_core::input::InputError;
use pricing_core::text::excerpt;
use pricing_market::chain::answer;
use pricing_market::chain::records::Records;
use pricing_market::history::{self, PULL_FILE};
use serde_json::Value;

use super::{Answer, Args, history_error, shown_path};
use crate::error::CliError;
use crate::load::Document;

/// The most bytes of a file: some 900,000 bids.
const MAX_BYTES: usize = 1 << 30;

pub(super) fn pull(args: &Args) -> Result<Answer, CliError> {
    if args.out.join(PULL_FILE).exists() {
        let message = "the folder has what was pulled from nodes; name another folder for what is in files";
        return Err(CliError::unwritable(shown_path(&args.out), message));
    }
    // An existing history is replaced, but not by that of somebody else.
    let there = history::provider_of(&args.out).map_err(history_error)?;
    if let Some(there) = there.filter(|there| there != args.provider.as_str()) {
        let message = format!("the folder has the market of {}; name another folder", excerpt(&there));
        return Err(CliError::unwritable(shown_path(&args.out), message));
    }
    let mut records = Records::default();
    for file in &args.files {
        let document = Document::read(file, MAX_BYTES)?;
        for answer in answer::read(&document.text).map_err(|error| document.malformed(error))? {
            records.add(answer, 0).map_err(|error| document.malformed(InputError::new(error)))?;
        }
    }
    let summary = history::write(&args.out, args.provider.as_str(), &records, args.usd_per_akt);
    Ok(Answer { summary: summary.map_err(history_error)?, pull: Value::Null, lines: Vec::new() })
}
