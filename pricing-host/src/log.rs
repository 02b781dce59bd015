//! A plugin's log: bounded, and safe to print on a terminal.

use core::fmt;

use pricing_core::text::printable;

/// How much of a plugin's own text the reason of a decline repeats, in bytes.
pub(crate) const REASON_BYTES: usize = 1_000;

/// The severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For the author.
    Debug,
    /// For the operator.
    Info,
    /// Something is unusual.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The level as logs name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The severity.
    pub level: Level,
    /// The text, safe to print.
    pub message: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.level.name(), self.message)
    }
}

/// What a plugin logged in one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The lines that were kept.
    pub lines: Vec<LogLine>,
    /// The minimum number of lines that were dropped or shortened, because there were too many or they were too long.
    pub dropped: u64,
}

impl Log {
    /// The last error, such as a panic's message.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.lines.iter().rfind(|line| line.level == Level::Error).map(|line| line.message.as_str())
    }
}

/// Collects a log within its limits.
#[derive(Debug)]
pub(crate) struct LogBuffer {
    log: Log,
    bytes_left: usize,
    lines_left: usize,
}

impl LogBuffer {
    pub(crate) fn new(bytes: usize, lines: usize) -> Self {
        Self { log: Log::default(), bytes_left: bytes, lines_left: lines }
    }

    /// Adds the lines of a message, as far as they fit.
    pub(crate) fn push(&mut self, level: Level, message: &str) {
        for line in message.trim_end_matches(['\r', '\n']).lines() {
            if self.lines_left == 0 || self.bytes_left == 0 {
                self.drop_line();
                return;
            }
            let kept = cut(line, self.bytes_left);
            if kept.len() < line.len() {
                self.drop_line();
            }
            self.bytes_left = self.bytes_left.saturating_sub(kept.len().max(1));
            self.lines_left = self.lines_left.saturating_sub(1);
            self.log.lines.push(LogLine { level, message: printable(kept) });
        }
    }

    /// Counts a line that was dropped earlier.
    pub(crate) fn drop_line(&mut self) {
        self.log.dropped = self.log.dropped.saturating_add(1);
    }

    pub(crate) fn finish(self) -> Log {
        self.log
    }
}

/// The longest prefix of a text that fits.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_harmless() {
        let mut buffer = LogBuffer::new(20, 3);
        buffer.push(Level::Info, "one\n\u{1b}[31mred");
        buffer.push(Level::Error, "far too long a line for this");
        buffer.push(Level::Error, "no room");
        let log = buffer.finish();
        let lines: Vec<String> = log.lines.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["info: one", "info: \u{fffd}[31mred", "error: far too l"]);
        assert_eq!(log.dropped, 2);
        assert_eq!(log.last_error(), Some("far too l"));
    }
}
