//! toml.
