//! The cards in the inventory.

use std::path::Path;

use pricing_core::inventory;
use pricing_core::quote::Candidate;

use crate::settings::shown;
use crate::{NoBid, files};

/// Returns the kinds of all cards that the inventory describes, used or free, with their numbers.
pub(crate) fn cards(path: &Path) -> Result<Vec<Candidate>, NoBid> {
    let unusable = |error: String| NoBid(format!("inventory-unusable: BIDPRICE_INVENTORY: {error}"));
    let text = files::read_text(path, inventory::MAX_INPUT_BYTES).map_err(unusable)?;
    let snapshot = inventory::read::read(&text).map_err(|error| unusable(format!("`{}`: {error}", shown(path))))?;
    let cluster = inventory::validate::validate(snapshot).cluster;
    if !cluster.is_usable() {
        return Err(unusable(format!("`{}` has no usable node", shown(path))));
    }
    Ok(Candidate::of_cluster(&cluster))
}
