//! Account addresses: those of owners, and those in a provider's lists.
//!
//! An address is bech32 text (BIP 173): a prefix that identifies the network, the separator `1`, 32 or 52 characters
//! for the account's 20 or 32 bytes, and a checksum of 6 characters. The checksum detects every error of one to four
//! characters. The entries of a list are checked by it, because an entry that nobody owns would let nobody in and keep
//! nobody out.
//!
//! The daemon and the chain write addresses in lower case, and the lists are compared letter by letter.

use core::fmt;
use std::borrow::Borrow;

use bech32::Bech32;
use bech32::primitives::decode::UncheckedHrpstring;

use crate::text::Untrusted;

/// The characters that an address consists of after its separator.
const CHARACTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// The separator between the prefix and the rest.
const SEPARATOR: char = '1';
/// The number of characters after the separator, including the checksum: for the 20 bytes of an account with a key, and
/// for the 32 bytes of a module's or a contract's account.
const LENGTHS: [usize; 2] = [38, 58];
/// The maximum length of a prefix, in characters.
const MAX_PREFIX: usize = 30;

/// The prefix of a network's addresses, such as `akash`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPrefix(String);

impl Default for AddressPrefix {
    fn default() -> Self {
        Self("akash".to_owned())
    }
}

impl AddressPrefix {
    /// Checks a prefix: lower-case letters and digits, starting with a letter.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn new(text: &str) -> Result<Self, PrefixError> {
        let is_word = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if text.starts_with(|c: char| c.is_ascii_lowercase()) && is_word && text.len() <= MAX_PREFIX {
            return Ok(Self(text.to_owned()));
        }
        Err(PrefixError(text.into()))
    }

    /// The prefix as it is written, without the separator.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not the prefix of a network's addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the prefix of a network's addresses; expected small letters and digits, such as `akash`")]
pub struct PrefixError(Untrusted);

/// An account's address with a valid checksum.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text:.80}` is not an address: {problem}")]
pub struct AddressError {
    text: Untrusted,
    problem: Problem,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("it is empty")]
    Empty,
    #[error("character {0} is a blank")]
    Blank(usize),
    #[error("character {0} is a capital letter, and addresses are written in small letters")]
    Capital(usize),
    #[error("it does not begin with `{0}1`, as the addresses of this network do")]
    Prefix(AddressPrefix),
    #[error("character {place}, `{found}`, is not one that addresses have (no `b`, `i`, `o` and `1`)")]
    Character { place: usize, found: Untrusted },
    #[error("it has {found} characters, and addresses have {} or {}", expected[0], expected[1])]
    Length { found: usize, expected: [usize; 2] },
    #[error("its checksum is wrong, so at least one character is")]
    Checksum,
}

impl Address {
    /// Parses an address of the network with this prefix.
    ///
    /// # Errors
    /// When the text is not exactly an address. The error says what is wrong and where.
    pub fn parse(text: &str, prefix: &AddressPrefix) -> Result<Self, AddressError> {
        match problem(text, prefix) {
            None => Ok(Self(text.to_owned())),
            Some(problem) => Err(AddressError { text: text.into(), problem }),
        }
    }

    /// The address as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What is wrong with a text. The most likely mistakes are checked first, because a blank or a capital letter also
/// breaks the checks that follow.
fn problem(text: &str, prefix: &AddressPrefix) -> Option<Problem> {
    let place = |wrong: fn(char) -> bool| text.chars().position(wrong).map(|before| before.saturating_add(1));
    if text.is_empty() {
        return Some(Problem::Empty);
    }
    if let Some(place) = place(char::is_whitespace) {
        return Some(Problem::Blank(place));
    }
    if let Some(place) = place(|c| c.is_ascii_uppercase()) {
        return Some(Problem::Capital(place));
    }
    let Some(rest) = text.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix(SEPARATOR)) else {
        return Some(Problem::Prefix(prefix.clone()));
    };
    let before = prefix.as_str().len().saturating_add(SEPARATOR.len_utf8());
    if let Some((place, found)) = (before.saturating_add(1)..).zip(rest.chars()).find(|(_, c)| !CHARACTERS.contains(*c))
    {
        return Some(Problem::Character { place, found: found.to_string().into() });
    }
    if !LENGTHS.contains(&rest.len()) {
        let expected = LENGTHS.map(|length| before.saturating_add(length));
        return Some(Problem::Length { found: text.len(), expected });
    }
    let is_sound = UncheckedHrpstring::new(text).is_ok_and(|parts| parts.has_valid_checksum::<Bech32>());
    (!is_sound).then_some(Problem::Checksum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An account of the chain.
    const ACCOUNT: &str = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63";

    fn said(text: &str) -> String {
        Address::parse(text, &AddressPrefix::default()).unwrap_err().to_string()
    }

    #[test]
    fn accounts_of_both_lengths_are_addresses() {
        assert_eq!(Address::parse(ACCOUNT, &AddressPrefix::default()).unwrap().as_str(), ACCOUNT);
        let module = "akash1gys8lu7cdxlpcmqu3wx5pppqcdmpwulwkwwajp6xtj84mvnjlezsuud89d";
        assert_eq!(Address::parse(module, &AddressPrefix::default()).unwrap().to_string(), module);
    }

    #[test]
    fn slips_are_named_with_their_place() {
        for (text, problem) in [
            (String::new(), "`` is not an address: it is empty"),
            (format!(" {ACCOUNT}"), "character 1 is a blank"),
            (format!("{ACCOUNT}\t"), "character 45 is a blank"),
            (ACCOUNT.replacen('k', "K", 1), "character 2 is a capital letter"),
            (ACCOUNT.to_uppercase(), "character 1 is a capital letter"),
            (ACCOUNT.replacen("akash", "cosmos", 1), "it does not begin with `akash1`"),
            ("akash".to_owned(), "it does not begin with `akash1`"),
            (ACCOUNT.replacen("365", "3o5", 1), "character 8, `o`, is not one that addresses have"),
            (ACCOUNT.replacen("365", "3\u{202e}5", 1), "character 8, `\u{fffd}`, is not one"),
            (ACCOUNT.replacen("365", "35", 1), "it has 43 characters, and addresses have 44 or 64"),
            (ACCOUNT.repeat(2), "character 50, `1`, is not one"),
            (ACCOUNT.replacen("365", "356", 1), "its checksum is wrong"),
        ] {
            let said = said(&text);
            assert!(said.contains(problem), "{text}: {said}");
        }
        assert!(said(&"akash1\u{1b}".repeat(1 << 16)).chars().count() < 200);
    }

    #[test]
    fn another_network_s_prefix_can_be_named() {
        let prefix = AddressPrefix::new("cosmos").unwrap();
        assert!(Address::parse("cosmos1tenantqqqqqqqqqqqqqqqqqqqqqqqqqqn4vc7x", &prefix).is_ok());
        assert!(Address::parse(ACCOUNT, &prefix).is_err());
        for text in ["", "Akash", "akash1 ", "1akash", "ak-ash", &"a".repeat(31), "ak\u{e4}sh"] {
            assert!(AddressPrefix::new(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_slip_of_up_to_four_characters_is_an_address(
            slips in proptest::collection::btree_map(6_usize..44, 1_usize..32, 1..=4)
        ) {
            let mut text: Vec<char> = ACCOUNT.chars().collect();
            for (place, shift) in slips {
                let written = text[place];
                let mut others = CHARACTERS.chars().cycle().skip_while(|c| *c != written);
                text[place] = others.nth(shift).unwrap();
            }
            let text: String = text.into_iter().collect();
            prop_assert!(Address::parse(&text, &AddressPrefix::default()).is_err());
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "\\PC{0,80}") {
            let _ = Address::parse(&text, &AddressPrefix::default());
        }
    }
}
