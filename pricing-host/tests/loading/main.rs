//! From a file to a compiled plugin: what is refused and in which words, what the compiler may use, what the cache keeps.

mod bombs;
mod cached;
mod children;
mod damage;
mod guests;
mod refusals;
