//! Writes log lines to stderr on a separate thread, so that a reader of stderr that stalls or is gone never delays
//! pricing.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use pricing_core::text::{counted, plural, printable};

use crate::config::LogFormat;

/// The most lines in the queue. Further ones are dropped and counted.
const WAITING: usize = 4096;
/// The most bytes of a line.
const LINE_BYTES: usize = 16 << 10;
/// The timeout of the last lines at the end of the program.
const FLUSH: Duration = Duration::from_secs(1);

enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

/// The writing thread, which ends with the process. Dropping this writes the queue first.
#[derive(Debug)]
pub(super) struct Lines {
    writer: Writer,
}

/// Queues lines for the thread.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    pub(super) fn start(format: LogFormat) -> io::Result<Self> {
        Self::start_to(format, io::stderr())
    }

    fn start_to(format: LogFormat, to: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("stderr".to_owned())
            .spawn(move || write_all(&receiver, &counted, format, to))?;
        Ok(Self { writer: Writer { lines: sender, dropped } })
    }

    pub(super) fn writer(&self) -> Writer {
        self.writer.clone()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let (done, wait) = sync_channel(1);
        if self.writer.lines.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH);
        }
    }
}

impl Write for Writer {
    /// Queues one whole line. It never fails, since an error could not be logged.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Message::Line(clean(line))) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sanitises a line that may contain untrusted text: it has no control characters and stays a single line.
fn clean(line: &[u8]) -> String {
    let short = line.get(..LINE_BYTES);
    let text = String::from_utf8_lossy(short.unwrap_or(line));
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut clean = printable(text);
    if short.is_some_and(|short| short.len() < line.len()) {
        clean.push('…');
    }
    clean.push('\n');
    clean
}

/// Writes lines until all senders are dropped. Dropped lines are reported after the next line that is written.
fn write_all(lines: &Receiver<Message>, dropped: &AtomicU64, format: LogFormat, mut to: impl Write) {
    while let Ok(message) = lines.recv() {
        match message {
            // A failure to write does not end the thread: stderr may work again later.
            Message::Line(line) => {
                let _ = to.write_all(line.as_bytes());
            }
            Message::Flush(done) => {
                let _ = to.flush();
                let _ = done.send(());
            }
        }
        let missing = dropped.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let line = match format {
                LogFormat::Text => {
                    let (lines, were) = (counted(missing, "line"), plural(missing, "was", "were"));
                    format!("WARN {lines} {were} dropped: stderr did not take {}\n", plural(missing, "it", "them"))
                }
                LogFormat::Json => {
                    format!(
                        "{{\"level\":\"WARN\",\"message\":\"lines were dropped: stderr did not take them\",\"dropped\":{missing}}}\n"
                    )
                }
            };
            let _ = to.write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// Whether the door is shut, and what was written.
    type Inside = (bool, Vec<u8>);

    /// A writer that records what is written, and blocks while it is shut.
    #[derive(Clone, Default)]
    struct Door(Arc<(Mutex<Inside>, Condvar)>);

    impl Write for Door {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (inside, changed) = &*self.0;
            let mut inside = changed.wait_while(inside.lock().unwrap(), |(shut, _)| *shut).unwrap();
            inside.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Door {
        fn shut(&self, shut: bool) {
            self.0.0.lock().unwrap().0 = shut;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().1.clone()).unwrap()
        }
    }

    #[test]
    fn a_stderr_that_takes_nothing_holds_nobody_up_and_what_is_lost_is_told() {
        let door = Door::default();
        door.shut(true);
        let lines = Lines::start_to(LogFormat::Text, door.clone()).unwrap();
        for _ in 0..WAITING + 10 {
            lines.writer().write_all(b"a line\n").unwrap();
        }
        door.shut(false);
        while !door.text().contains("dropped") {
            std::thread::yield_now();
        }
        drop(lines);
        assert!(door.text().starts_with("a line\n"));
        assert!(door.text().contains("lines were dropped"));
    }

    #[test]
    fn a_closed_stderr_is_no_failure() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let lines = Lines::start_to(LogFormat::Text, writer).unwrap();
        lines.writer().write_all(b"a line\n").unwrap();
        drop(lines);
    }

    #[test]
    fn hostile_texts_stay_on_their_line() {
        assert_eq!(clean(b"x \x1b[2J\nINFO all is well\r\n"), "x \u{fffd}[2J INFO all is well \n");
        assert_eq!(clean(&[b'x'; LINE_BYTES + 5]).len(), LINE_BYTES + "…\n".len());
        assert_eq!(clean(&[0xff, b'a', b'\n']), "\u{fffd}a\n");
    }
}
