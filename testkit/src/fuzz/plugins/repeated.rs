//! Texts with repeated lines, with which a fuzzer can find quadratic time in an input of a few bytes.

/// The maximum size of a text, in bytes.
const MOST: usize = 256 << 10;

/// Expands a text. Each line is a number, a `*` and something that is repeated that often, or stands for itself. `%` is
/// the number of the repetition.
pub(super) fn text(lines: &str) -> String {
    let mut text = String::new();
    for line in lines.lines() {
        let (times, part) = repeated(line).unwrap_or((1, line));
        for number in 0..times {
            let room = MOST.saturating_sub(text.len());
            if part.len() >= room {
                return text;
            }
            if part.contains('%') {
                text.push_str(&part.replace('%', &number.to_string()));
            } else {
                text.push_str(part);
            }
            text.push('\n');
        }
    }
    text
}

fn repeated(line: &str) -> Option<(usize, &str)> {
    let (times, part) = line.split_once('*')?;
    Some((times.parse().ok()?, part))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn lines_are_repeated() {
        assert_eq!(text("(module\n3*(func $f%)\n)"), "(module\n(func $f0)\n(func $f1)\n(func $f2)\n)\n");
        assert_eq!(text("x*y\n2*a*b"), "x*y\na*b\na*b\n");
        assert!(text("99999999999*abcdefgh").len() <= super::MOST);
        assert!(text("99999999999*").len() <= super::MOST);
    }
}
