//! Runs pricing plugins in a sandbox with fixed deadlines.
