//! What was read, as text: pairs of lines, one with what the pull knows of it, and one with a node's answer.

use pricing_core::input::InputError;
use serde::{Deserialize, Serialize};

use crate::chain::answer;
use crate::chain::id::OrderId;
use crate::chain::records::Records;

/// What a pull knows of the facts in the next line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The height of the chain when they were read.
    pub(super) seen_at: u64,
    /// Heights and times of blocks, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) blocks: Vec<(u64, u64)>,
    /// The orders of which everything was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<String>,
    /// The orders that the chain does not have any more. What was known of them before does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) gone: Vec<String>,
}

/// Writes the facts of one height.
pub(super) fn print(head: &Head, records: &Records) -> serde_json::Result<String> {
    Ok(format!("{}\n{}\n", serde_json::to_string(head)?, records.answer(head.seen_at)?))
}

/// Reads pairs of lines, and calls `each` with the orders that were asked for and those that are gone.
pub(super) fn read(
    text: &str,
    records: &mut Records,
    each: &mut dyn FnMut(u64, Vec<OrderId>, Vec<OrderId>),
) -> Result<(), InputError> {
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let wrong = |error: &dyn std::fmt::Display| InputError::new(error).position(number.saturating_add(1), 1);
        let head: Head = serde_json::from_str(line).map_err(|error| wrong(&error))?;
        let ids = |ids: &[String]| -> Result<Vec<OrderId>, InputError> {
            ids.iter().map(|id| id.parse::<OrderId>()).collect::<Result<_, _>>().map_err(|error| wrong(&error))
        };
        let (asked, gone) = (ids(&head.asked)?, ids(&head.gone)?);
        gone.iter().for_each(|id| records.remove(id));
        for (height, millis) in &head.blocks {
            records.add_block(*height, *millis).map_err(|error| wrong(&error))?;
        }
        let (_, line) = lines.next().ok_or_else(|| wrong(&"the line after it is missing"))?;
        for answer in answer::read(line).map_err(|error| wrong(&error))? {
            records.add(answer, head.seen_at).map_err(|error| wrong(&error))?;
        }
        each(head.seen_at, asked, gone);
    }
    Ok(())
}
