//! The owners that a provider bids to.

use pricing_core::text::Untrusted;

use crate::settings::setting;
use crate::{NoBid, files};

/// The most bytes that a list may have.
const MAX_BYTES: usize = 16 << 20;

/// Lets an owner pass who is in the list, or everyone where no list is set.
pub(crate) fn check(owner: &str) -> Result<(), NoBid> {
    let Some(path) = setting("BIDPRICE_WHITELIST") else {
        return match setting("WHITELIST_URL") {
            None => Ok(()),
            Some(_) => Err(NoBid::new(
                "WHITELIST_URL is set, but lists are not fetched here; put the list into a file and name it in BIDPRICE_WHITELIST",
            )),
        };
    };
    let list = files::read_text(&path, MAX_BYTES).map_err(|error| NoBid(format!("BIDPRICE_WHITELIST: {error}")))?;
    match lists(&list, owner) {
        true => Ok(()),
        false => Err(NoBid(format!("{} is not whitelisted", Untrusted::new(owner)))),
    }
}

/// Whether a line has the owner as a whole word. Lines that start with `#` are comments.
fn lists(list: &str, owner: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut lines = list.lines().filter(|line| !line.trim_start().starts_with('#'));
    !owner.is_empty() && lines.any(|line| line.split(|c| !in_word(c)).any(|word| word == owner))
}
