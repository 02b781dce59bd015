//! A bump allocator for programs that live for one call. It hands out memory from front to back, and can only reuse the
//! block that it handed out last. It is small, and several times faster than an allocator with free lists.

#![expect(unsafe_code, reason = "an allocator deals in addresses")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;
use core::ptr;

const PAGE: usize = 1 << 16;

#[global_allocator]
static ARENA: Arena = Arena { next: Cell::new(0), end: Cell::new(0) };

unsafe extern "C" {
    /// The end of the linker's static data.
    static __heap_base: u8;
}

struct Arena {
    /// The first free address; 0 before the first allocation.
    next: Cell<usize>,
    /// The end of the memory that exists.
    end: Cell<usize>,
}

// SAFETY: plugins have a single thread, because the host refuses shared memory.
unsafe impl Sync for Arena {}

impl Arena {
    /// Moves the end of the used memory to `next`, and grows the memory if needed. Returns whether that worked.
    fn reach(&self, next: usize) -> bool {
        if next > self.end.get() {
            let pages = next.wrapping_sub(self.end.get()).div_ceil(PAGE);
            if wasm32::memory_grow::<0>(pages) == usize::MAX {
                return false;
            }
            self.end.set(wasm32::memory_size::<0>().wrapping_mul(PAGE));
        }
        self.next.set(next);
        true
    }
}

// SAFETY: blocks do not overlap, because `next` only ever moves back to the start of the last block.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.next.get() == 0 {
            self.next.set((&raw const __heap_base).addr());
            self.end.set(wasm32::memory_size::<0>().wrapping_mul(PAGE));
        }
        let Some(start) = self.next.get().checked_next_multiple_of(layout.align()) else { return ptr::null_mut() };
        match start.checked_add(layout.size()) {
            Some(next) if self.reach(next) => ptr::with_exposed_provenance_mut(start),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr().wrapping_add(layout.size()) == self.next.get() {
            self.next.set(block.addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if block.addr().wrapping_add(layout.size()) == self.next.get() {
            return match block.addr().checked_add(new_size) {
                Some(next) if self.reach(next) => block,
                _ => ptr::null_mut(),
            };
        }
        if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the caller upholds the contract of `realloc`, so the alignment is valid and the size in range. The
        // new block is at least as large as the old one and does not overlap it.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size());
            }
            moved
        }
    }
}
