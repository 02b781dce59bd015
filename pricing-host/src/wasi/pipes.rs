//! The two ends of pipes that a command has: the host's input to read, and a bounded place to write to.

use std::sync::Arc;

/// A readable stream.
#[derive(Debug)]
pub(super) struct Source {
    bytes: Arc<[u8]>,
    read: usize,
    open: bool,
}

/// A writable stream. By default it has no room.
#[derive(Debug)]
pub(super) struct Sink {
    bytes: Vec<u8>,
    limit: usize,
    cut: bool,
    open: bool,
}

impl Default for Source {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Default for Sink {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Source {
    pub(super) fn new(bytes: Arc<[u8]>) -> Self {
        Self { bytes, read: 0, open: true }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn close(&mut self) {
        self.open = false;
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.read..).unwrap_or_default()
    }

    /// Moves as many bytes into a buffer as it takes.
    pub(super) fn read(&mut self, buffer: &mut [u8]) {
        let length = self.rest().len().min(buffer.len());
        buffer.split_at_mut(length).0.copy_from_slice(self.rest().split_at(length).0);
        self.read = self.read.saturating_add(length);
    }
}

impl Sink {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, cut: false, open: true }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Closes the stream. What was written stays.
    pub(super) fn close(&mut self) {
        self.open = false;
    }

    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    /// Keeps as many bytes as there is room for.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let kept = bytes.get(..self.room()).unwrap_or(bytes);
        self.bytes.extend_from_slice(kept);
        self.cut |= kept.len() < bytes.len();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
