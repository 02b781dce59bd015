//! group_spec.
