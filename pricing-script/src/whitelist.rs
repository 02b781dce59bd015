//! The owners that a provider bids to.

use pricing_core::address::{Address, AddressPrefix};
use pricing_core::input::InputError;
use pricing_core::text::Untrusted;

use crate::settings::{environment, path, setting, shown};
use crate::{NoBid, files};

/// The most bytes that a list may have.
const MAX_BYTES: usize = 16 << 20;
/// The character that some editors write at the start of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// The character that starts a comment.
const NOTE: char = '#';

/// Accepts an owner who is on the list, or every owner if no list is set.
///
/// A list that cannot be read completely accepts nobody: the faulty line may have been meant to admit or to exclude
/// someone.
pub(crate) fn check(owner: Untrusted<&str>) -> Result<(), NoBid> {
    let prefix = prefix()?;
    let Some(path) = path("BIDPRICE_WHITELIST") else {
        // The bash script treats an empty value as unset, and the provider's chart sets it so.
        return match environment("WHITELIST_URL").filter(|url| !url.is_empty()) {
            None => Ok(()),
            Some(_) => Err(NoBid::new(
                "WHITELIST_URL is set, but lists are not fetched here; put the list into a file and name it in BIDPRICE_WHITELIST",
            )),
        };
    };
    let text = files::read_text(&path, MAX_BYTES).map_err(|error| NoBid(format!("BIDPRICE_WHITELIST: {error}")))?;
    let list =
        read(&text, &prefix).map_err(|error| NoBid(format!("BIDPRICE_WHITELIST: `{}`: {error}", shown(&path))))?;
    match list.iter().any(|listed| owner == *listed.as_str()) {
        true => Ok(()),
        false => Err(NoBid(format!("{owner} is not whitelisted"))),
    }
}

/// Returns the prefix of the list's addresses.
fn prefix() -> Result<AddressPrefix, NoBid> {
    let named = setting("BIDPRICE_ADDRESS_PREFIX").map(|text| AddressPrefix::new(text.exact())).transpose();
    named.map(Option::unwrap_or_default).map_err(|error| NoBid(format!("BIDPRICE_ADDRESS_PREFIX: {error}")))
}

/// Reads a list with one address per line. Blank lines and text after a `#` are ignored. Repeated addresses are
/// allowed.
fn read(text: &str, prefix: &AddressPrefix) -> Result<Vec<Address>, InputError> {
    let mut list = Vec::new();
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    for (number, line) in (1_usize..).zip(text.lines()) {
        let entry = line.split(NOTE).next().unwrap_or_default();
        let indent = entry.chars().take_while(|c| c.is_whitespace()).count();
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let wrong = |error| InputError::new(error).position(number, indent.saturating_add(1));
        list.push(Address::parse(entry, prefix).map_err(|error| match entry.contains(char::is_whitespace) {
            true => wrong(error).hint("one address on each line; `#` begins a comment"),
            false => wrong(error),
        })?);
    }
    if list.is_empty() {
        return Err(InputError::new("the list has no addresses").hint("unset BIDPRICE_WHITELIST to bid to everyone"));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALYCE: &str = "akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45q";
    const DAVE: &str = "akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws";

    fn names(text: &str) -> Vec<String> {
        read(text, &AddressPrefix::default()).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn notes_blank_lines_and_other_systems_line_ends_are_for_people() {
        let text = format!("\u{feff}# whom we serve\r\n\r\n{ALYCE}\r\n  {DAVE} # Dave's\r\n\t#{ALYCE}\r\n{ALYCE}");
        assert_eq!(names(&text), [ALYCE, DAVE, ALYCE]);
        assert_eq!(names(&format!("{DAVE}#\n")), [DAVE]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_no_part_of_the_list_counts() {
        for (line, problem) in [
            ("akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45p".to_owned(), "column 1: `akash1alyce"),
            (format!("   {}", ALYCE.to_uppercase()), "column 4: "),
            (format!("{ALYCE} Alyce's"), "column 1: "),
            (format!("{ALYCE} {DAVE}"), "one address on each line; `#` begins a comment"),
            (format!("{ALYCE},{DAVE}"), "is not an address"),
            (format!("\u{feff}{ALYCE}"), "is not an address"),
            ("*".to_owned(), "is not an address"),
        ] {
            let error = read(&format!("{DAVE}\n{line}\n"), &AddressPrefix::default()).unwrap_err().to_string();
            assert!(error.starts_with("line 2, ") && error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_list_of_nobody_is_an_error() {
        for text in ["", "\n", "\u{feff}", "# akash1\n  # nobody\n", " \t\r\n"] {
            let error = read(text, &AddressPrefix::default()).unwrap_err().to_string();
            assert!(error.starts_with("the list has no addresses"), "{error}");
        }
    }
}
