//! Colours for decisions, where stdout is a terminal.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::answered::Decided;

/// A text in the colour of a decision, which must be safe to print already.
///
/// It has a colour only on a terminal, and not where the environment asks for none, as with `NO_COLOR`.
pub(crate) fn paint(decided: Decided, text: &str) -> String {
    // `CLICOLOR_FORCE` would colour what another program reads.
    let wanted = io::stdout().is_terminal() && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    if wanted { coloured(decided, text) } else { text.to_owned() }
}

fn coloured(decided: Decided, text: &str) -> String {
    let colour = match decided {
        Decided::Bid => AnsiColor::Green,
        Decided::Decline => AnsiColor::Yellow,
        Decided::Fault => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_decision_has_its_colour() {
        assert_eq!(coloured(Decided::Bid, "bid"), "\u{1b}[32mbid\u{1b}[0m");
        assert_eq!(coloured(Decided::Decline, "no bid"), "\u{1b}[33mno bid\u{1b}[0m");
        assert_eq!(coloured(Decided::Fault, "fault"), "\u{1b}[31mfault\u{1b}[0m");
    }
}
