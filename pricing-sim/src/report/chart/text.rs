//! Estimates the width of text without the reader's fonts, rather too wide than too narrow.

use pricing_core::text::printable_lines;

/// The size of all text in charts.
pub(crate) const FONT_SIZE: f64 = 12.0;

/// The maximum width of a text in a usual sans-serif font.
pub(crate) fn width(text: &str) -> f64 {
    text.chars().map(char_width).fold(0.0, |sum, width| sum + width) * FONT_SIZE
}

fn char_width(char: char) -> f64 {
    match char {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.34,
        'f' | 't' | 'r' | 'I' | '(' | ')' | '[' | ']' | '/' | '-' | ' ' | '`' => 0.42,
        'm' | 'w' | '%' => 0.92,
        'M' | 'W' | '@' | '—' | '…' | '→' => 1.05,
        'A'..='Z' => 0.76,
        char if char.is_ascii() => 0.62,
        '\u{80}'..='\u{24f}' | '–' | '−' => 0.72,
        _ => 1.1,
    }
}

/// A text of at most a given width, shortened with an ellipsis if needed.
pub(crate) fn fit(text: &str, room: f64) -> String {
    let visible = printable_lines(text);
    if width(&visible) <= room {
        return visible;
    }
    let mut kept = String::new();
    let mut used = width("…");
    for char in visible.chars() {
        used += char_width(char) * FONT_SIZE;
        if used > room {
            break;
        }
        kept.push(char);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_the_room_that_there_is() {
        assert_eq!(fit("short", 100.0), "short");
        let long = fit(&"a long name of a strategy ".repeat(8), 120.0);
        assert!(long.ends_with('…') && width(&long) <= 120.0, "{long}");
        assert_eq!(fit("abc", 0.0), "…");
        assert_eq!(fit("", 50.0), "");
    }

    #[test]
    fn characters_that_turn_text_around_are_shown_as_what_they_are() {
        assert_eq!(fit("a\u{202e}b\u{0}c", 200.0), "a\u{fffd}b\u{fffd}c");
    }
}
