//! The names of a guest's functions, in their source form.
//!
//! The guest chooses its names, and a mangled name can expand to an exponentially longer text. So both the input and
//! the output are bounded. Demangling happens after the call, not in the guest's time.

use core::fmt::{self, Write};

use pricing_core::text::printable;
use wasmtime::FrameInfo;

use crate::log::cut;

/// The longest name that is demangled, in bytes. Longer ones are shown as they are, truncated.
const MANGLED: usize = 4 << 10;
/// The longest name that is shown, in bytes.
const SHOWN: usize = 500;

/// A function's name, or its index if the file has no names.
pub(super) fn frame_name(frame: &FrameInfo) -> String {
    function_name(frame.func_index(), frame.func_name())
}

/// A function's name, made safe to print.
pub(super) fn function_name(index: u32, name: Option<&str>) -> String {
    match name {
        None => format!("function {index}"),
        Some(name) if name.len() > MANGLED => printable(cut(name, SHOWN)),
        Some(name) => printable(&demangled(name)),
    }
}

/// The prefix of a name that [`function_name`] needs.
pub(super) fn prefix(name: &str) -> &str {
    // One character more, so that it is still known to be too long.
    cut(name, MANGLED.saturating_add(4))
}

/// The start of a function's source name, if a Rust compiler mangled it.
fn demangled(name: &str) -> String {
    let mut start = Start(String::new());
    // An error means that there is enough text. The alternate form omits the hash.
    let _ = write!(start, "{:#}", rustc_demangle::demangle(name));
    start.0
}

/// A buffer that stops the writer once it holds as much as is shown.
struct Start(String);

impl Write for Start {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = cut(text, SHOWN.saturating_sub(self.0.len()));
        self.0.push_str(taken);
        if taken.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> String {
        function_name(7, Some(name))
    }

    #[test]
    fn names_are_those_of_the_author() {
        assert_eq!(function_name(7, None), "function 7");
        assert_eq!(name("_ZN5rates4find17h0123456789abcdefE"), "rates::find");
        assert_eq!(name("_RNvC5rates4find"), "rates::find");
        assert_eq!(name("price_order"), "price_order");
        assert_eq!(name("\u{1b}[31mred"), "\u{fffd}[31mred");
    }

    #[test]
    fn a_name_that_stands_for_a_longer_one_is_cut_while_it_is_written() {
        // A tuple of two of the one before, and so on: 2^40 words in 200 bytes.
        let mut bomb = "_RINvC1a1bTT".to_owned();
        bomb.push_str("aaE");
        let mut last = 9;
        for _ in 0..40 {
            let here = bomb.len() - 2;
            bomb.push_str(&format!("T{0}{0}E", backref(last)));
            last = here;
        }
        bomb.push_str("EE");
        let shown = name(&bomb);
        assert!(shown.starts_with("a::b::<((") && shown.len() <= SHOWN, "{shown}");
    }

    /// A reference to an earlier place of a mangled name: a number in base 62, less one.
    fn backref(place: usize) -> String {
        const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut digits = Vec::new();
        let mut rest = place - 1;
        loop {
            digits.push(char::from(DIGITS[rest % 62]));
            rest /= 62;
            if rest == 0 {
                break;
            }
        }
        format!("B{}_", digits.iter().rev().collect::<String>())
    }

    #[test]
    fn what_is_too_long_is_not_demangled() {
        let long = format!("_ZN{}E", "1a".repeat(MANGLED));
        assert_eq!(name(&long), &long[..SHOWN]);
        assert!(prefix(&long).len() > MANGLED && name(prefix(&long)) == name(&long));
        let wide = "\u{20ac}".repeat(MANGLED);
        assert!(name(&wide).len() <= SHOWN && name(prefix(&wide)) == name(&wide));
    }
}
