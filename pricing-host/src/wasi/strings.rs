//! Lists of strings, laid out as a guest copies them into its memory.

use super::errno::Errno;

/// Consecutive NUL-terminated strings.
#[derive(Debug, Default)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    /// The start of each.
    starts: Vec<u32>,
}

impl Strings {
    /// Lays out strings, each up to its first NUL, since C would not see any more of it.
    pub(super) fn new(strings: impl IntoIterator<Item = String>) -> Self {
        let mut list = Self::default();
        for string in strings {
            // The host never passes 4 GiB of strings.
            list.starts.push(u32::try_from(list.bytes.len()).unwrap_or(u32::MAX));
            list.bytes.extend(string.bytes().take_while(|byte| *byte != 0));
            list.bytes.push(0);
        }
        list
    }

    /// The number of strings, and of their bytes.
    pub(super) fn sizes(&self) -> Result<(u32, u32), Errno> {
        let number = |length: usize| u32::try_from(length).map_err(|_| Errno::INVAL);
        Ok((number(self.starts.len())?, number(self.bytes.len())?))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }
}
