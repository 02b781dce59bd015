//! Untrusted text: bounded, and safe to print.
//!
//! An order, a peer's answer, a file and the environment can contain anything: a megabyte of text, terminal control
//! characters, characters that change the reading direction, a line that looks like one of this program's.
//! [`Untrusted`] is the type of such text. Formatting it always gives a safe excerpt. Code that needs the text itself,
//! to compare it, look it up or pass it on as data, calls [`Untrusted::exact`], which is easy to search for.

use core::fmt::{self, Write};
use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// How much of a text a message repeats, in characters, unless it names another limit.
const EXCERPT_CHARACTERS: usize = 60;

/// A text from an untrusted source.
///
/// It is displayed as an excerpt of 60 characters, or as many as the format's precision, without control characters. A
/// shorter ordinary text is displayed as it is. In JSON it is the exact text, escaped as usual.
///
/// ```
/// use pricing_core::text::Untrusted;
/// assert_eq!(Untrusted::new("beta3").to_string(), "beta3");
/// assert_eq!(Untrusted::new("\u{1b}[2Jbeta3").to_string(), "\u{fffd}[2Jbeta3");
/// assert_eq!(format!("{:.3}", Untrusted::new("beta3")), "bet…");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted<S = String>(S);

impl<S> Untrusted<S> {
    /// Wraps a text.
    pub const fn new(text: S) -> Self {
        Self(text)
    }

    /// Unwraps the exact text.
    pub fn into_exact(self) -> S {
        self.0
    }
}

impl<S: AsRef<str>> Untrusted<S> {
    /// The exact text, to compare, look up or pass on as data. Never put it into a message.
    pub fn exact(&self) -> &str {
        self.0.as_ref()
    }

    /// The same text, borrowed.
    pub fn by_ref(&self) -> Untrusted<&str> {
        Untrusted(self.exact())
    }

    /// The same text, owned.
    pub fn owned(&self) -> Untrusted<String> {
        Untrusted(self.exact().to_owned())
    }
}

impl<S> From<S> for Untrusted<S> {
    fn from(text: S) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<S: AsRef<str>> PartialEq<str> for Untrusted<S> {
    fn eq(&self, other: &str) -> bool {
        self.exact() == other
    }
}

impl<S: AsRef<str>> PartialEq<&str> for Untrusted<S> {
    fn eq(&self, other: &&str) -> bool {
        self.exact() == *other
    }
}

impl<S: AsRef<str>> fmt::Display for Untrusted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = f.precision().unwrap_or(EXCERPT_CHARACTERS);
        let mut characters = self.exact().chars();
        characters.by_ref().take(most).try_for_each(|c| f.write_char(harmless(c)))?;
        if characters.next().is_some() {
            f.write_char('…')?;
        }
        Ok(())
    }
}

impl<S: AsRef<str>> fmt::Debug for Untrusted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl<S: AsRef<str>> Serialize for Untrusted<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.serialize_str(self.exact())
    }
}

impl<'de> Deserialize<'de> for Untrusted<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Untrusted<Cow<'a, str>> {
    /// Borrows from the document if the text contains no escapes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Untrusted<Cow<'de, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Untrusted(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Untrusted(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A safe excerpt of an untrusted text, for where a `String` is needed.
#[must_use]
pub fn excerpt(text: &str) -> String {
    Untrusted(text).to_string()
}

/// Makes a text of bounded length safe to print, on one line.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// The same for a text of several lines, which are kept.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { harmless(c) }).collect()
}

/// The character to show in place of another: itself, unless it is not harmless.
fn harmless(c: char) -> char {
    match c {
        '\t' => c,
        '\n' | '\r' => ' ',
        c if drives_terminal(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Whether a character controls a terminal, ends a line, turns the reading direction, or cannot be seen.
fn drives_terminal(c: char) -> bool {
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || unseen
}

/// The candidate that is nearest to what was written by Damerau-Levenshtein distance, if it is near enough to be what
/// was meant.
#[must_use]
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = |text: &str| text.chars().take(EXCERPT_CHARACTERS).count();
    let written_length = length(written);
    if written_length == EXCERPT_CHARACTERS {
        // The cost of the comparison is the product of the lengths.
        return None;
    }
    let allowed = (written_length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| length(candidate).abs_diff(written_length) <= allowed)
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The form of a word that goes with a count.
#[must_use]
pub fn plural<'a, N: Copy + PartialEq + From<u8>>(count: N, one: &'a str, many: &'a str) -> &'a str {
    if count == N::from(1) { one } else { many }
}

/// A count with its noun, such as `1 order` and `2 orders`.
#[must_use]
pub fn counted<N: Copy + fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", plural(count, "", "s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_agrees_with_its_count() {
        assert_eq!([counted(0_u64, "order"), counted(1_u32, "order")], ["0 orders", "1 order"]);
        assert_eq!([plural(1_usize, "is", "are"), plural(2_u128, "is", "are")], ["is", "are"]);
    }

    #[test]
    fn excerpts_are_bounded_and_printable() {
        assert_eq!(excerpt("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(excerpt("5\u{202e}1\u{2028}"), "5\u{fffd}1\u{fffd}");
        assert_eq!(excerpt("one\ntwo\tthree"), "one two\tthree");
        assert_eq!(excerpt(&"x".repeat(60)), "x".repeat(60));
        assert_eq!(excerpt(&"x".repeat(100)), "x".repeat(60) + "…");
        assert_eq!(format!("{:.2}|{:.0}|{:.9}", Untrusted("abc"), Untrusted("abc"), Untrusted("abc")), "ab…|…|abc");
    }

    #[test]
    fn no_way_of_formatting_shows_the_text_itself() {
        let text = Untrusted(format!("\u{1b}]0;{}\u{202e}", "x".repeat(1 << 20)));
        for shown in [format!("{text}"), format!("{text:?}"), format!("{text:.200}"), format!("{:?}", Some(&text))] {
            assert!(shown.chars().count() < 230, "{} characters", shown.chars().count());
            assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
        }
        assert_eq!(text.exact().len(), (1 << 20) + 7);
    }

    #[test]
    fn json_has_the_text_itself() {
        let text = Untrusted("a\u{1b}\u{202e}\n".repeat(100));
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(serde_json::from_str::<Untrusted<String>>(&json).unwrap(), text);
        let borrowed: Untrusted<Cow<'_, str>> = serde_json::from_str("\"plain\"").unwrap();
        assert!(matches!(borrowed.into_exact(), Cow::Borrowed("plain")));
    }

    #[test]
    fn lines_stay_lines_only_where_they_are_meant() {
        assert_eq!(printable("a\u{1b}[2J\r\nb"), "a\u{fffd}[2J  b");
        assert_eq!(printable_lines("a\u{1b}[2J\r\nb"), "a\u{fffd}[2J \nb");
    }

    #[test]
    fn the_nearest_key_is_suggested() {
        assert_eq!(nearest("memroy", ["cpu", "memory", "ip"]), Some("memory"));
        assert_eq!(nearest("zzz", ["cpu", "memory", "ip"]), None);
        let long = "x".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("xx", [long.as_str(), "xy"]), Some("xy"));
    }
}
