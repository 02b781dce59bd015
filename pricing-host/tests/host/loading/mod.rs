//! From a file to a compiled plugin: what is refused and in which words, what the compiler may use, what the cache
//! keeps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod bombs;
mod cached;
mod children;
mod damage;
mod guests;
mod refusals;
