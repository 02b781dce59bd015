//! WASI preview 1 commands that do harm.
