//! Reads the orders of a history one after another, so that a large history need not be in memory.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::{HistoryError, HistoryOrder, ORDERS_FILE, json_problem, malformed, unreadable};

/// The most bytes of a line. An order of 16 MiB would be far above what the chain takes.
const MAX_LINE: u64 = 16 << 20;

/// The orders of a history, by height and then by order id.
#[derive(Debug)]
pub struct Orders {
    path: PathBuf,
    lines: BufReader<File>,
    line: usize,
}

impl Orders {
    /// Opens the orders of a history's folder.
    ///
    /// # Errors
    /// When there are none.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        let path = folder.join(ORDERS_FILE);
        let lines = BufReader::new(pricing_files::open(&path).map_err(|error| unreadable(&path, error))?);
        Ok(Self { path, lines, line: 0 })
    }

    /// Reads the next line that is not blank. None is the end.
    fn read(&mut self) -> Result<Option<HistoryOrder>, HistoryError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.line = self.line.saturating_add(1);
            let read = self.lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if read.map_err(|error| unreadable(&self.path, error.into()))? == 0 {
                return Ok(None);
            }
            if line.len() >= usize::try_from(MAX_LINE).unwrap_or(usize::MAX) {
                let problem = format_args!("the line has {MAX_LINE} bytes or more");
                return Err(malformed(&self.path, self.line, &problem));
            }
            if !line.trim_ascii().is_empty() {
                let order = serde_json::from_slice(&line);
                return order.map(Some).map_err(|error| malformed(&self.path, self.line, &json_problem(&error)));
            }
        }
    }
}

impl Iterator for Orders {
    type Item = Result<HistoryOrder, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
