//! The buffers that were handed out and not freed yet, by address.
//!
//! The table owns them. So freeing one twice, or something that is not one, changes nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

static BUFFERS: Mutex<BTreeMap<usize, Box<[u8]>>> = Mutex::new(BTreeMap::new());

fn buffers() -> MutexGuard<'static, BTreeMap<usize, Box<[u8]>>> {
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps bytes until they are freed. Returns where they are, and how many. Nothing needs no memory, and has no address.
pub(crate) fn hand_out(bytes: Vec<u8>) -> (*const u8, usize) {
    if bytes.is_empty() {
        return (std::ptr::null(), 0);
    }
    let bytes = bytes.into_boxed_slice();
    let (address, length) = (bytes.as_ptr(), bytes.len());
    buffers().insert(address.addr(), bytes);
    (address, length)
}

/// Frees a buffer. Returns false if there is none at the address.
pub(crate) fn free(address: *const u8) -> bool {
    address.is_null() || buffers().remove(&address.addr()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_freed_once_and_nothing_else_is() {
        let (address, length) = hand_out(vec![1, 2, 3]);
        assert_eq!(length, 3);
        assert!(!free(address.wrapping_add(1)));
        assert!(free(address));
        assert!(!free(address));
        let (nothing, length) = hand_out(Vec::new());
        assert!(nothing.is_null() && length == 0 && free(nothing));
    }
}
