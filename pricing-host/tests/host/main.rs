//! Plugins, good and hostile, run by the host.

mod alternatives;
mod arena;
mod attacks;
mod command;
mod common;
mod component;
mod determinism;
mod fuzz_corpus;
mod loading;
mod soak;
mod swap;
mod tasks;
