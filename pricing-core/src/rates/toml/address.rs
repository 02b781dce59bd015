//! Addresses in a rate card.

use super::Problems;
use super::document::Entry;
use crate::address::{Address, AddressError, AddressPrefix};
use crate::input::InputError;

/// The addresses of a list. An address that is in it twice, or also on the other list, is an error: one of the two is a
/// mistake.
pub(super) fn addresses(
    entry: &Entry<'_>,
    prefix: &AddressPrefix,
    other: &[Address],
    problems: &mut Problems,
) -> Result<Vec<Address>, InputError> {
    let mut list: Vec<Address> = Vec::new();
    for item in entry.texts()? {
        match address(item.value(), prefix, |error| item.error(error)) {
            Err(problem) => problems.push(problem),
            Ok(address) if list.contains(&address) => {
                problems.push(item.error(format_args!("`{address}` is in this list twice")));
            }
            Ok(address) if other.contains(&address) => {
                problems.push(item.error(format_args!("`{address}` is on the allow list and on the deny list")));
            }
            Ok(address) => list.push(address),
        }
    }
    Ok(list)
}

pub(super) fn address(
    text: &str,
    prefix: &AddressPrefix,
    wrong: impl Fn(AddressError) -> InputError,
) -> Result<Address, InputError> {
    let start = text.trim().get(..prefix.as_str().len());
    let is_of_network = text.is_empty() || start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_str()));
    Address::parse(text, prefix).map_err(|error| match is_of_network {
        true => wrong(error),
        false => wrong(error).hint("another network's prefix is set by `address_prefix` of [chain], in this file"),
    })
}
