//! Texts of others in messages: bounded, and safe to print.

/// The most characters of a user's text that a message repeats.
const EXCERPT_CHARACTERS: usize = 60;

/// A user's text as a message may repeat it: bounded, and without characters that drive a terminal.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut shown: String =
        text.chars().take(EXCERPT_CHARACTERS).map(|c| if drives_terminal(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(EXCERPT_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a character controls a terminal, ends a line, turns the reading direction, or cannot be seen.
#[must_use]
pub fn drives_terminal(c: char) -> bool {
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || unseen
}

/// The candidate nearest to what was written, when it is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = |text: &str| text.chars().take(EXCERPT_CHARACTERS).count();
    let written_length = length(written);
    if written_length == EXCERPT_CHARACTERS {
        // The comparison's cost is the product of the lengths.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_bounded_and_printable() {
        assert_eq!(excerpt("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(excerpt("5\u{202e}1\u{2028}"), "5\u{fffd}1\u{fffd}");
        assert_eq!(excerpt(&"x".repeat(100)).chars().count(), 61);
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
