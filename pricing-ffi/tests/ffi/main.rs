//! The C library, called as C calls it.

#![expect(clippy::unwrap_used, reason = "a test")]
#![allow(unsafe_code, reason = "the calls are those of C")]

mod calls;
mod fuzz_corpus;
mod header;
mod lifetime;
mod misuse;
mod opened;
mod sequence;
